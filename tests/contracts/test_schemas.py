"""A change to a contract that somebody would no longer understand fails the build."""

from __future__ import annotations

import copy
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

import contracts
from contracts.schemas import Schema, breaking_changes, differences, generated, grown, published, refusals, render

SOURCE = Path(contracts.__file__).parent


@pytest.fixture(scope="module")
def opened() -> Schema:
    return generated()["vacancy.opened"]


@pytest.fixture
def checkout(tmp_path: Path) -> Path:
    """A copy of the contracts in which a change may be tried."""
    shutil.copytree(SOURCE, tmp_path / "contracts", ignore=shutil.ignore_patterns("__pycache__"))
    return tmp_path


def build(checkout: Path, *arguments: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "contracts.schemas", *arguments]
    return subprocess.run(command, cwd=checkout, capture_output=True, text=True, timeout=60)


def edit(checkout: Path, file: str, before: str, after: str) -> None:
    path = checkout / "contracts" / file
    text = path.read_text(encoding="utf-8")
    assert text.count(before) == 1, f"{before!r} should stand once in {file}"
    path.write_text(text.replace(before, after), encoding="utf-8")


def test_the_published_schemas_are_what_the_code_says() -> None:
    assert differences(published(), generated()) == [], "run: python -m contracts.schemas"
    assert refusals(published(), generated()) == []


def test_a_schema_file_has_sorted_keys_and_ends_with_a_newline() -> None:
    for name, schema in generated().items():
        assert (SOURCE / "schemas" / f"{name}.json").read_text(encoding="utf-8") == render(schema)
        assert render(schema).endswith("}\n")


def test_an_unchanged_checkout_passes_the_check(checkout: Path) -> None:
    done = build(checkout, "--check")
    assert (done.returncode, done.stderr) == (0, "")


@pytest.mark.parametrize("arguments", [(), ("--check",)], ids=["write", "check"])
def test_a_breaking_change_fails_the_build_and_writes_nothing(checkout: Path, arguments: tuple[str, ...]) -> None:
    edit(checkout, "placements.py", "    adaptation_start: date | None = None\n", "")
    file = checkout / "contracts" / "schemas" / "placement.confirmed.json"
    before = file.read_text(encoding="utf-8")
    done = build(checkout, *arguments)
    assert done.returncode == 1
    assert "placement.confirmed: adaptation_start: field removed" in done.stderr
    assert file.read_text(encoding="utf-8") == before


def test_a_breaking_change_is_published_once_the_version_rose(checkout: Path) -> None:
    rising = '    type: Literal["placement.confirmed"]\n'
    edit(checkout, "placements.py", "    adaptation_start: date | None = None\n", "")
    edit(checkout, "placements.py", rising, f"    VERSION: ClassVar[int] = 2\n{rising}")
    edit(checkout, "placements.py", "from typing import Literal", "from typing import ClassVar, Literal")
    assert build(checkout).returncode == 0
    assert build(checkout, "--check").returncode == 0
    assert published(checkout / "contracts" / "schemas")["placement.confirmed"]["x-version"] == 2


def test_a_compatible_change_is_only_stale_until_it_is_written(checkout: Path) -> None:
    line = '    type: Literal["vacancy.withdrawn"]\n'
    edit(checkout, "vacancies.py", line, f"{line}    note: str = ''\n")
    done = build(checkout, "--check")
    assert done.returncode == 1
    assert "vacancy.withdrawn" in done.stderr
    assert build(checkout).returncode == 0
    assert build(checkout, "--check").returncode == 0


def test_a_value_more_is_told_with_who_is_to_be_updated_first_when_it_is_published(checkout: Path) -> None:
    """A reader of before would park each such event; the operator's page says how to update."""
    line = '    STOPPED = "stopped", "Plus de SMS à ce numéro"\n'
    edit(checkout, "proposals.py", line, f'{line}    DOUBTED = "doubted", "Douteuse"\n')
    done = build(checkout)
    told = "reply.judged: Verdict has the new value 'doubted': update ingest and notifier before matcher\n"
    assert (done.returncode, done.stdout) == (0, told)


def test_nothing_is_told_of_what_readers_leave_alone(opened: Schema) -> None:
    """A new field, a new type, a value less (which is refused), and a list where there was none."""
    wider, bare = copy.deepcopy(opened), copy.deepcopy(opened)
    wider["properties"]["note"] = {"type": "string", "default": ""}
    bare["$defs"]["VacancyKind"]["enum"].pop()
    for old, new in (
        ({"vacancy.opened": opened}, {"vacancy.opened": wider}),
        ({"vacancy.opened": opened}, {"vacancy.opened": bare}),
        ({}, {"vacancy.opened": opened}),
    ):
        assert grown(old, new) == []


def test_a_renamed_type_fails_the_build(checkout: Path) -> None:
    edit(checkout, "vacancies.py", '"vacancy.reconfirmed"', '"vacancy.confirmed"')
    done = build(checkout, "--check")
    assert done.returncode == 1
    assert "vacancy.reconfirmed: the type was removed or renamed" in done.stderr


def test_an_event_moved_to_another_stream_is_a_breaking_change(opened: Schema) -> None:
    assert breaking_changes(opened, {**opened, "x-topic": "decisions"}) == ["topic changed"]


def test_a_version_never_goes_down(opened: Schema) -> None:
    assert breaking_changes({**opened, "x-version": 2}, opened) == ["version went down"]


def test_a_schema_has_no_breaking_change_with_itself() -> None:
    assert [change for schema in generated().values() for change in breaking_changes(schema, schema)] == []


Change = Callable[[dict[str, Any]], Any]


def field(schema: Schema, name: str) -> dict[str, Any]:
    found: dict[str, Any] = schema["properties"][name]
    return found


BREAKING: dict[str, tuple[Change, str]] = {
    "field removed": (lambda s: s["properties"].pop("agreement"), "agreement: field removed"),
    "nested field removed": (lambda s: s["$defs"]["Slot"]["properties"].pop("end"), "slots[].end: field removed"),
    "field now required": (lambda s: s["required"].append("audience"), "audience: now required"),
    "new required field": (
        lambda s: (s["properties"].update(note={"type": "string"}), s["required"].append("note")),
        "note: now required",
    ),
    "type changed": (lambda s: field(s, "places").update(type="string"), "places: type changed from integer to string"),
    "enum value removed": (lambda s: s["$defs"]["VacancyKind"]["enum"].remove("on_call"), "kind: value 'on_call'"),
    "text became a closed list": (lambda s: field(s, "subject").update(enum=["a"]), "subject: any value became"),
    "minimum raised": (lambda s: field(s, "places").update(minimum=2), "places: minimum raised"),
    "minimum excluded": (lambda s: field(s, "places").update(exclusiveMinimum=1), "places: minimum raised"),
    "maximum added": (lambda s: field(s, "places").update(maximum=9), "places: maximum lowered"),
    "more items": (lambda s: field(s, "slots").update(minItems=2), "slots: minItems raised"),
    "shorter text": (lambda s: field(s, "subject").update(maxLength=8), "subject: maxLength lowered"),
    "pattern changed": (lambda s: field(s, "subject").update(pattern="^V"), "subject: pattern changed"),
    "format changed": (lambda s: field(s, "time").update(format="date"), "time: format changed"),
    "format dropped": (lambda s: field(s, "time").pop("format"), "time: format changed"),
    "no longer nullable": (lambda s: field(s, "agreement")["anyOf"].pop(), "agreement: no longer accepts null"),
    "default changed": (lambda s: field(s, "audience").update(default="insertion"), "audience: default changed"),
    "default dropped": (lambda s: field(s, "audience").pop("default"), "audience: default changed"),
    "unknown fields refused": (lambda s: s.update(additionalProperties=False), "event: additionalProperties"),
    "any date is no weekday": (lambda s: field(s["$defs"]["Slot"], "day")["anyOf"].pop(0), "slots[].day: no longer"),
}

COMPATIBLE: dict[str, Change] = {
    "new field with a default": lambda s: s["properties"].update(note={"type": "string", "default": ""}),
    "new enum value": lambda s: s["$defs"]["VacancyKind"]["enum"].append("night"),
    "no longer required": lambda s: s["required"].remove("said_by"),
    "minimum lowered": lambda s: field(s, "places").update(minimum=0),
    "bound dropped": lambda s: field(s, "places").pop("minimum"),
    "longer text": lambda s: field(s, "subject").update(maxLength=128),
    "pattern dropped": lambda s: field(s, "subject").pop("pattern"),
    "integer became number": lambda s: field(s, "places").update(type="number"),
    "now nullable": lambda s: s["properties"].update(
        places={"anyOf": [field(s, "places"), {"type": "null"}]},
    ),
    "description": lambda s: s.update(description="Autre chose."),
    "definition renamed": lambda s: (
        s["$defs"].update(Days=s["$defs"].pop("Period")),
        field(s, "period").update({"$ref": "#/$defs/Days"}),
    ),
}


@pytest.mark.parametrize("name", BREAKING)
def test_a_breaking_change_is_told_by_its_field(name: str, opened: Schema) -> None:
    change, sentence = BREAKING[name]
    new = copy.deepcopy(opened)
    change(new)
    found = breaking_changes(opened, new)
    assert any(line.startswith(sentence) for line in found), found


@pytest.mark.parametrize("name", COMPATIBLE)
def test_a_compatible_change_passes(name: str, opened: Schema) -> None:
    new = copy.deepcopy(opened)
    COMPATIBLE[name](new)
    assert new != opened
    assert breaking_changes(opened, new) == []

"""Every contract has a golden example that parses, comes back the same, and tells nothing about a real person."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from pydantic import ValidationError

import contracts
from contracts.base import Event
from contracts.schemas import Schema, alternatives, published
from contracts.topics import _TYPE_FIRST, DECISIONS, EVENTS, TOPIC_OF, TOPICS, WRITERS, parse, read_by

FOLDER = Path(contracts.__file__).parent / "examples"
FILES = sorted(FOLDER.glob("*/*.json"))
PUBLIC_NUMBERS = {"guichet_phone", "phone"}  # of the guichet and of a structure, never of a person
FICTION = re.compile(r"^04 65 71 \d\d \d\d$")  # a range that the numbering plan keeps for fiction
PHONE = re.compile(r"(?:\+33|0033|\b0)[ .-]?[1-9](?:[ .-]?\d\d){4}\b")
E_MAIL = re.compile(r"[^@\s]+@[^@\s]+\.[a-z]{2,}")
IRREGULAR = {"made", "held", "set", "undone", "given", "sent", "frozen", "withdrawn"}
ON_THEIR_WAY = {"proposal.declining", "placement.ending", "message.unknown"}  # facts that last, named by the design


def named(path: Path) -> str:
    return f"{path.parent.name}/{path.stem}"


def example(name: str) -> dict[str, Any]:
    data: dict[str, Any] = json.loads((FOLDER / f"{name}.json").read_text(encoding="utf-8"))
    return data


def walk(data: Any, key: str = "") -> Iterator[tuple[str, str]]:
    """Each text of the data, with the field it stands in."""
    if isinstance(data, dict):
        for name, value in data.items():
            yield from walk(value, name)
    elif isinstance(data, list):
        for value in data:
            yield from walk(value, key)
    elif isinstance(data, str):
        yield key, data


def contact_details(data: Any) -> list[str]:
    """What looks like a phone number or an address of a person."""
    found = [f"{key}: {text}" for key, text in walk(data) if PHONE.search(text) or E_MAIL.search(text)]
    return [line for line in found if not is_public(line)]


def is_public(line: str) -> bool:
    key, text = line.split(": ", 1)
    return key in PUBLIC_NUMBERS and FICTION.match(text) is not None


@pytest.mark.parametrize("path", FILES, ids=named)
def test_an_example_parses_as_its_type_and_comes_back_the_same_to_the_byte(path: Path) -> None:
    event = parse(path.read_bytes())
    assert event is not None
    again = json.loads(event.model_dump_json(exclude_unset=True))
    assert json.dumps(again, indent=2, ensure_ascii=False) + "\n" == path.read_text(encoding="utf-8")


@pytest.mark.parametrize("path", FILES, ids=named)
def test_an_example_written_in_full_is_read_as_the_same_event(path: Path) -> None:
    event = parse(path.read_bytes())
    assert event is not None
    assert parse(event.model_dump_json().encode()) == event


@pytest.mark.parametrize("path", FILES, ids=named)
def test_an_example_lies_in_the_folder_of_its_stream_and_says_its_writer(path: Path) -> None:
    event = parse(path.read_bytes())
    assert event is not None
    topic = TOPIC_OF[type(event)]
    assert path.name.startswith(event.type)
    assert (path.parent.name, event.source, event.version) == (topic.name, topic.writer, type(event).VERSION)


@pytest.mark.parametrize("path", FILES, ids=named)
def test_an_example_has_only_fields_of_its_schema_and_all_that_it_requires(path: Path) -> None:
    data = json.loads(path.read_text(encoding="utf-8"))
    schema = published()[data["type"]]
    assert list(strangers(data, [schema], schema)) == []
    assert set(schema["required"]) <= set(data)


def strangers(data: Any, choices: list[Schema], document: Schema) -> Iterator[str]:
    """Fields that no alternative of the schema knows."""
    if isinstance(data, list):
        inner = [one for choice in choices for one in alternatives(choice.get("items", {}), document)]
        for value in data:
            yield from strangers(value, inner, document)
    elif isinstance(data, dict) and not any(choice.get("additionalProperties") for choice in choices):
        known = {name: field for choice in choices for name, field in choice.get("properties", {}).items()}
        for name, value in data.items():
            if name not in known:
                yield name
            else:
                yield from strangers(value, alternatives(known[name], document), document)


def test_a_field_unknown_to_the_schema_is_found() -> None:
    data = example("declarations/vacancy.opened")
    data["slots"][0]["colour"] = "blue"
    schema = published()["vacancy.opened"]
    assert list(strangers(data, [schema], schema)) == ["colour"]


def test_every_event_of_the_table_has_an_example_and_a_schema() -> None:
    exemplified = {json.loads(path.read_text(encoding="utf-8"))["type"] for path in FILES}
    assert exemplified == set(EVENTS)
    assert set(published()) == set(EVENTS)


def test_every_event_class_is_in_the_table() -> None:
    assert {kind for kind in subclasses(Event) if "type" in kind.__annotations__} == set(TOPIC_OF)


def subclasses(kind: type[Event]) -> Iterator[type[Event]]:
    for child in kind.__subclasses__():
        if child.__module__.startswith("contracts."):
            yield child
            yield from subclasses(child)


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_a_wire_type_is_the_class_name_as_noun_and_participle(name: str) -> None:
    words = re.findall(r"[A-Z][a-z]*", EVENTS[name].__name__)
    assert "_".join(words).lower() == name.replace(".", "_")
    assert name.count(".") == 1
    last = words[-1].lower()
    assert last.endswith("ed") or last in IRREGULAR or name in ON_THEIR_WAY


def test_each_topic_has_one_writer_and_nobody_reads_what_it_writes() -> None:
    assert len(WRITERS) == len(TOPICS) == len({topic.name for topic in TOPICS})
    assert sum(len(topic.events) for topic in TOPICS) == len(EVENTS) == len(TOPIC_OF)
    assert all(topic.writer not in topic.readers and topic.readers for topic in TOPICS)
    assert all(topic in read_by(reader) for topic in TOPICS for reader in topic.readers)
    assert DECISIONS not in read_by("matcher")


@pytest.mark.parametrize("separators", [(",", ":"), (", ", ": ")], ids=["as we write", "as others may"])
def test_an_event_of_an_unknown_type_is_skipped(separators: tuple[str, str]) -> None:
    unknown = {"type": "vacancy.photographed"}
    newer = unknown | example("declarations/vacancy.opened") | unknown  # first, as in what we write
    assert parse(json.dumps(newer, separators=separators).encode()) is None


def test_an_event_whose_type_is_said_twice_is_one_or_refused_and_never_another() -> None:
    opened = json.dumps(example("declarations/vacancy.opened"), separators=(",", ":"))
    with pytest.raises(ValidationError):
        parse(('{"type":"vacancy.withdrawn",' + opened[1:]).encode())
    assert parse(('{"type":"vacancy.opened",' + opened[1:]).encode()) == parse(opened.encode())


def test_every_event_begins_as_the_reader_looks_for_it_first() -> None:
    assert [name for name in EVENTS if not _TYPE_FIRST.fullmatch(f'{{"type":"{name}"'.encode())] == []
    assert all(next(iter(event.model_fields)) == "type" for event in EVENTS.values())


def test_unknown_fields_are_ignored_at_every_depth() -> None:
    known = example("declarations/vacancy.opened")
    newer = {**known, "colour": "blue", "period": {**known["period"], "colour": "blue"}}
    assert parse(json.dumps(newer).encode()) == parse(json.dumps(known).encode())


def test_bytes_that_are_no_event_are_refused() -> None:
    broken = {**example("declarations/vacancy.opened"), "places": 0}
    for body in (b"{}", b"not json", json.dumps(broken).encode()):
        with pytest.raises(ValidationError):
            parse(body)


def test_a_naive_time_is_refused() -> None:
    with pytest.raises(ValidationError):
        parse(json.dumps({**example("declarations/vacancy.opened"), "time": "2026-11-02T08:15:00"}).encode())


@pytest.mark.parametrize("path", FILES, ids=named)
def test_an_example_holds_no_contact_detail_of_a_person(path: Path) -> None:
    assert contact_details(json.loads(path.read_text(encoding="utf-8"))) == []


@pytest.mark.parametrize("text", ["06 39 98 00 01", "+33639980001", "0639980001", "a@b.fr", "01 99 00 00 00"])
def test_a_contact_detail_slipped_into_an_example_is_found(text: str) -> None:
    data = example("declarations/task.handled")
    assert contact_details({**data, "note": f"Rappeler {text}"}) != []
    assert contact_details({**data, "phone": text}) != []


def test_a_repeated_cause_repeats_the_id_of_the_event() -> None:
    data = {key: value for key, value in example("declarations/task.handled").items() if key not in ("type", "id")}
    handled = EVENTS["task.handled"]
    subject = data.pop("subject")
    del data["version"]
    once, again = (handled.say(subject, cause="gesture-1", **data) for _ in range(2))
    assert once == again
    assert handled.say(subject, cause="gesture-2", **data).id != once.id
    assert handled.say(subject, **data).id != handled.say(subject, **data).id

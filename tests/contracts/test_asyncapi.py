"""The AsyncAPI document is valid, says what the topic table says, and is the one in the checkout."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import jsonschema_rs
import pytest

from contracts.asyncapi import FILE, document, main
from contracts.topics import EVENTS, TOPICS

OFFICIAL = Path(__file__).parent / "vendor" / "asyncapi-3.0.0.json"
DOCUMENT: dict[str, Any] = json.loads(json.dumps(document()))


@pytest.fixture(scope="module")
def official() -> Any:
    schema = json.loads(OFFICIAL.read_text(encoding="utf-8"))
    return jsonschema_rs.validator_for({**schema, "$schema": "http://json-schema.org/draft-07/schema#"})


def test_the_file_in_the_checkout_is_what_the_code_says() -> None:
    assert main(["--check"]) == 0


def test_a_file_that_is_not_what_the_code_says_fails_the_check_until_it_is_written(tmp_path: Path) -> None:
    file = tmp_path / "asyncapi.json"
    file.write_text(FILE.read_text(encoding="utf-8").replace('"declarations"', '"declaration"'), encoding="utf-8")
    assert main(["--check"], file) == 1
    assert main([], file) == 0
    assert main(["--check"], file) == 0


def test_the_document_is_asyncapi_by_its_official_schema(official: Any) -> None:
    assert [error.message for error in official.iter_errors(DOCUMENT)] == []


@pytest.mark.parametrize(
    ("part", "value"),
    [("asyncapi", "2.6.0"), ("channels", {"a": {"adress": "x"}}), ("operations", {"a": {"action": "shout"}})],
)
def test_the_official_schema_finds_what_is_wrong(official: Any, part: str, value: Any) -> None:
    assert not official.is_valid({**DOCUMENT, part: value})


def test_the_document_says_what_the_table_says() -> None:
    assert {name: set(channel["messages"]) for name, channel in DOCUMENT["channels"].items()} == {
        topic.name: {event.wire_type() for event in topic.events} for topic in TOPICS
    }
    acts = {(act["action"], name.split(".")[0], act["channel"]["$ref"].rpartition("/")[2])
            for name, act in DOCUMENT["operations"].items()}  # fmt: skip
    sent = {("send", topic.writer, topic.name) for topic in TOPICS}
    assert acts == sent | {("receive", reader, topic.name) for topic in TOPICS for reader in topic.readers}
    assert set(DOCUMENT["components"]["messages"]) == set(EVENTS)


def refs(thing: Any) -> Iterator[str]:
    if isinstance(thing, dict):
        if isinstance(thing.get("$ref"), str):
            yield thing["$ref"]
        for inner in thing.values():
            yield from refs(inner)
    elif isinstance(thing, list):
        for inner in thing:
            yield from refs(inner)


def test_every_reference_leads_somewhere() -> None:
    found = set(refs(DOCUMENT))
    assert len(found) > 50
    for ref in found:
        here: Any = DOCUMENT
        for part in ref.removeprefix("#/").split("/"):
            here = here[part]


@pytest.mark.parametrize("name", sorted(EVENTS))
def test_each_example_is_valid_by_the_schema_beside_it(name: str) -> None:
    message = DOCUMENT["components"]["messages"][name]
    valid = jsonschema_rs.validator_for({**message["payload"], "components": DOCUMENT["components"]})
    (example,) = message["examples"]
    assert [error.message for error in valid.iter_errors(example["payload"])] == []
    assert not valid.is_valid({**example["payload"], "type": "something.else"})

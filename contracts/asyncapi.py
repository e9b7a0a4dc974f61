"""The streams as AsyncAPI 3.0 describes them, made from the topic table, the events and their golden examples.

`python -m contracts.asyncapi` writes `contracts/asyncapi.json` and `--check` fails where the file is not what the code
says: its diff is part of a contract's review. What breaks a reader is refused by `contracts.schemas`.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from pydantic.json_schema import models_json_schema

from contracts.base import Event
from contracts.topics import TOPICS, Topic

VERSION = "3.0.0"
FILE = Path(__file__).parent / "asyncapi.json"
EXAMPLES = Path(__file__).parent / "examples"
MS_A_DAY = 86_400_000
KAFKA_BINDING = "0.5.0"

ATTRIBUTES = ("ce_specversion", "ce_id", "ce_type", "ce_source", "ce_subject", "ce_time")
"""CloudEvents in binary mode, as the relay writes them (Kafka protocol binding, 3.2)."""


@lru_cache
def document() -> dict[str, Any]:
    """The whole description, ready for JSON."""
    return {
        "asyncapi": VERSION,
        "info": {
            "title": "Berceau",
            "version": "1",
            "description": "The events of a Berceau: what people declared, what was decided, what was sent. "
            "Delivered at least once, in order for each territory; an id that was seen takes no second effect.",
        },
        "defaultContentType": "application/json",
        "channels": {topic.name: _channel(topic) for topic in TOPICS},
        "operations": {name: operation for topic in TOPICS for name, operation in _operations(topic).items()},
        "components": {
            "messages": {event.wire_type(): _message(event, topic) for topic in TOPICS for event in topic.events},
            "schemas": _schemas(),
        },
    }


def _channel(topic: Topic) -> dict[str, Any]:
    kept = {"retention.ms": topic.retention_days * MS_A_DAY, "cleanup.policy": ["delete"]}
    return {
        "address": topic.name,
        "description": f"Written by {topic.writer} alone; the key is the territory.",
        "messages": {event.wire_type(): _ref("messages", event.wire_type()) for event in topic.events},
        "bindings": {"kafka": {"topicConfiguration": kept, "bindingVersion": KAFKA_BINDING}},
    }


def _operations(topic: Topic) -> dict[str, dict[str, Any]]:
    channel = {"$ref": f"#/channels/{topic.name}"}
    says = {f"{topic.writer}.says.{topic.name}": {"action": "send", "channel": channel}}
    return says | {f"{name}.hears.{topic.name}": {"action": "receive", "channel": channel} for name in topic.readers}


def _message(event: type[Event], topic: Topic) -> dict[str, Any]:
    name = event.wire_type()
    example = json.loads((EXAMPLES / topic.name / f"{name}.json").read_text(encoding="utf-8"))
    return {
        "name": name,
        "title": event.__name__,
        "description": event.__doc__ or "",
        "headers": _headers(),
        "payload": {"$ref": f"#/components/schemas/{event.__name__}"},
        "bindings": {"kafka": {"key": {"type": "string"}, "bindingVersion": KAFKA_BINDING}},
        "examples": [{"name": name, "payload": example}],
    }


def _headers() -> dict[str, Any]:
    text = {"type": "string"}
    return {
        "type": "object",
        "properties": dict.fromkeys((*ATTRIBUTES, "traceparent"), text),
        "required": [*ATTRIBUTES],
    }


def _schemas() -> dict[str, Any]:
    """Every event and what it is made of, once, under its own name."""
    models = [(event, "validation") for topic in TOPICS for event in topic.events]
    _, found = models_json_schema(models, ref_template="#/components/schemas/{model}")  # type: ignore[arg-type]
    schemas: dict[str, Any] = found["$defs"]
    return schemas


def _ref(kind: str, name: str) -> dict[str, str]:
    return {"$ref": f"#/components/{kind}/{name}"}


def render() -> str:
    """The text of the file."""
    return json.dumps(document(), indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def main(arguments: Sequence[str], file: Path = FILE) -> int:
    """Write, or with `--check` compare."""
    if "--check" not in arguments:
        file.write_text(render(), encoding="utf-8")
        return 0
    if file.exists() and file.read_text(encoding="utf-8") == render():
        return 0
    sys.stderr.write(f"{file.name} is not what the code says: run python -m contracts.asyncapi\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

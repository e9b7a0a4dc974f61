"""The published JSON Schemas: one file per event type, whose diff is the review of a change to a contract.

`python -m contracts.schemas` writes them and `python -m contracts.schemas --check` fails where a file is not what the
code says. Both refuse a breaking change to a published file unless the event's VERSION rose: old events stay in the
log and are read again, and other people's software reads the same files. A type is retired by deleting its file by
hand, once no log holds it any more.
"""

from __future__ import annotations

import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from contracts.base import Event
from contracts.topics import EVENTS, TOPIC_OF

Schema = dict[str, Any]

FOLDER = Path(__file__).parent / "schemas"
DIALECT = "https://json-schema.org/draft/2020-12/schema"
WIDER_TYPES = {"integer": "number"}  # every integer is a number

LOWER_BOUNDS = ("minLength", "minItems", "minProperties")
UPPER_BOUNDS = ("maxLength", "maxItems", "maxProperties")
EXACT = ("pattern", "format", "multipleOf", "uniqueItems")


def schema_of(event: type[Event]) -> Schema:
    """What a reader accepts as this event, with its version, stream and writer."""
    topic = TOPIC_OF.get(event)
    about = {"$schema": DIALECT, "$id": f"urn:berceau:{event.wire_type()}:{event.VERSION}", "x-version": event.VERSION}
    stream = {"x-topic": topic.name, "x-writer": topic.writer} if topic else {}
    return {**event.model_json_schema(mode="validation"), **about, **stream}


def render(schema: Schema) -> str:
    """The text of a schema file: keys sorted, so that a diff shows changes only."""
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def generated(events: Mapping[str, type[Event]] = EVENTS) -> dict[str, Schema]:
    """The schema of each wire type as the code says it now."""
    return {name: schema_of(event) for name, event in sorted(events.items())}


def published(folder: Path = FOLDER) -> dict[str, Schema]:
    """The schema of each wire type as its file says it."""
    return {path.stem: json.loads(path.read_text(encoding="utf-8")) for path in sorted(folder.glob("*.json"))}


def refusals(old: Mapping[str, Schema], new: Mapping[str, Schema]) -> list[str]:
    """The breaking changes from published to generated schemas that no rise of VERSION announces."""
    found: list[str] = []
    for name, before in old.items():
        if name not in new:
            found.append(f"{name}: the type was removed or renamed")
        elif new[name]["x-version"] <= before["x-version"]:
            found += [f"{name}: {change}" for change in breaking_changes(before, new[name])]
    return found


def differences(old: Mapping[str, Schema], new: Mapping[str, Schema]) -> list[str]:
    """The wire types whose file is missing, left over, or not what the code says."""
    return [name for name in sorted({*old, *new}) if old.get(name) != new.get(name)]


def grown(old: Mapping[str, Schema], new: Mapping[str, Schema]) -> list[str]:
    """Each value that a closed list has gained, with who is to be updated first: an older reader parks such an event.

    A new field or type is no matter: readers leave alone what they do not know.
    """
    return [
        f"{name}: {place[-1]} has the new value {value!r}: update {_readers_first(name)}"
        for name in sorted(old.keys() & new.keys())
        for place, values in _closed_lists(new[name])
        for value in values
        if value not in dict(_closed_lists(old[name])).get(place, values)
    ]


def _readers_first(name: str) -> str:
    topic = TOPIC_OF[EVENTS[name]]
    return f"{' and '.join(topic.readers)} before {topic.writer}"


def _closed_lists(schema: Any, place: tuple[str, ...] = ()) -> Iterator[tuple[tuple[str, ...], list[Any]]]:
    """Every closed list of a document, by where it stands there."""
    parts = schema.items() if isinstance(schema, dict) else enumerate(schema) if isinstance(schema, list) else ()
    for key, part in parts:
        if key == "enum" and isinstance(part, list):
            yield place, part
        else:
            yield from _closed_lists(part, (*place, str(key)))


def breaking_changes(old: Schema, new: Schema) -> list[str]:
    """What readers or the log would no longer understand, one sentence each; empty if the change is compatible.

    Compatible: a new field with a default, a new enum value, a wider bound, a field that becomes optional (readers are
    deployed before writers). Breaking: everything else, a changed default included, since a replay would differ.
    """
    moved = [f"{key[2:]} changed" for key in ("x-topic", "x-writer") if key in old and old[key] != new.get(key)]
    lowered = ["version went down"] if new.get("x-version", 1) < old.get("x-version", 1) else []
    return [*lowered, *moved, *Comparison(old, new).changes(old, new, "")]


class Comparison:
    """Two schema documents and their definitions, so that `$ref`s can be followed on both sides."""

    def __init__(self, old: Schema, new: Schema) -> None:
        self.old, self.new = old, new

    def changes(self, old: Schema, new: Schema, where: str) -> Iterator[str]:
        """The breaking changes between two subschemas found at the same place `where`."""
        olds, news = alternatives(old, self.old), alternatives(new, self.new)
        if len(olds) == len(news) == 1:
            yield from self._of_one(olds[0], news[0], where)
            return
        for before in olds:
            if not any(self._fits(before, after, where) for after in news):
                yield f"{where or 'event'}: no longer accepts {name_of(before)}"

    def _fits(self, old: Schema, new: Schema, where: str) -> bool:
        return next(self._of_one(old, new, where), None) is None

    def _of_one(self, old: Schema, new: Schema, where: str) -> Iterator[str]:
        yield from (f"{where or 'event'}: {sentence}" for sentence in type_changes(old, new))
        yield from (f"{where or 'event'}: {sentence}" for sentence in constraint_changes(old, new))
        yield from self._of_fields(old, new, where)
        for key in ("items", "additionalProperties"):
            before, after = old.get(key, True), new.get(key, True)
            if isinstance(after, dict):
                yield from self.changes(before if isinstance(before, dict) else {}, after, f"{where}[]")
            elif after is False and before is not False:
                yield f"{where or 'event'}: {key} are no longer accepted"

    def _of_fields(self, old: Schema, new: Schema, where: str) -> Iterator[str]:
        before, after = old.get("properties", {}), new.get("properties", {})
        for name in before:
            path = f"{where}.{name}" if where else name
            if name not in after:
                yield f"{path}: field removed"
                continue
            if "default" in before[name] and before[name]["default"] != after[name].get("default"):
                yield f"{path}: default changed"
            yield from self.changes(before[name], after[name], path)
        for name in sorted(set(new.get("required", ())) - set(old.get("required", ()))):
            yield f"{where}.{name}: now required" if where else f"{name}: now required"


def alternatives(schema: Schema, document: Schema) -> list[Schema]:
    """The subschemas any of which is enough, `$ref`s followed within the document. No contract is recursive."""
    if "$ref" in schema:
        return alternatives(document["$defs"][schema["$ref"].rsplit("/", 1)[1]], document)
    if "anyOf" in schema:
        return [one for choice in schema["anyOf"] for one in alternatives(choice, document)]
    return [schema]


def name_of(schema: Schema) -> str:
    """A word for a subschema in a message."""
    return str(schema.get("format") or schema.get("title") or schema.get("type") or "any value")


def type_changes(old: Schema, new: Schema) -> Iterator[str]:
    """A narrower type, or values that are no longer allowed."""
    before, after = old.get("type"), new.get("type")
    if after is not None and after not in (before, WIDER_TYPES.get(str(before))):
        yield f"type changed from {before or 'any'} to {after}"
    allowed = values_of(new)
    if allowed is None:
        return
    known = values_of(old)
    if known is None:
        yield "any value became a closed list"
        return
    yield from (f"value {value!r} removed" for value in known if value not in allowed)


def values_of(schema: Schema) -> list[Any] | None:
    """The closed list of a subschema's values, or None where it has none."""
    values: list[Any] | None = [schema["const"]] if "const" in schema else schema.get("enum")
    return values


def constraint_changes(old: Schema, new: Schema) -> Iterator[str]:
    """Bounds that became narrower, and formats or patterns that are not the same."""
    yield from (f"{key} changed or added" for key in EXACT if new.get(key) != old.get(key) and loses(key, new))
    if lowest(new) > lowest(old):
        yield "minimum raised"
    if highest(new) < highest(old):
        yield "maximum lowered"
    yield from (f"{key} raised" for key in LOWER_BOUNDS if new.get(key, 0) > old.get(key, 0))
    infinite = float("inf")
    yield from (f"{key} lowered" for key in UPPER_BOUNDS if new.get(key, infinite) < old.get(key, infinite))


def loses(key: str, new: Schema) -> bool:
    """A format that goes away changes what a value means; a pattern that goes away only accepts more."""
    return key == "format" or key in new


def lowest(schema: Schema) -> tuple[float, bool]:
    """The lower bound as something to compare: at the same number, an excluded bound is the narrower one."""
    closed, opened = schema.get("minimum", float("-inf")), schema.get("exclusiveMinimum", float("-inf"))
    return max((closed, False), (opened, True))


def highest(schema: Schema) -> tuple[float, bool]:
    """The upper bound as something to compare: at the same number, an excluded bound is the narrower one."""
    closed, opened = schema.get("maximum", float("inf")), schema.get("exclusiveMaximum", float("inf"))
    return min((closed, True), (opened, False))


def write(new: Mapping[str, Schema], folder: Path = FOLDER) -> None:
    """Publish: one file for each type."""
    folder.mkdir(parents=True, exist_ok=True)
    for name, schema in new.items():
        (folder / f"{name}.json").write_text(render(schema), encoding="utf-8")


def main(arguments: Sequence[str], folder: Path = FOLDER) -> int:
    """Write, or with `--check` compare. Returns 0, or 1 after a readable list of what is refused."""
    old, new = published(folder), generated()
    refused = refusals(old, new)
    if refused:
        return _fail("breaking changes: keep the field, or raise the event's VERSION", refused)
    if "--check" not in arguments:
        sys.stdout.writelines(f"{line}\n" for line in grown(old, new))
        write(new, folder)
        return 0
    stale = differences(old, new)
    return _fail("schemas that are not what the code says: run python -m contracts.schemas", stale) if stale else 0


def _fail(title: str, lines: Sequence[str]) -> int:
    sys.stderr.write("\n".join([title, *(f"  {line}" for line in lines)]) + "\n")
    return 1


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

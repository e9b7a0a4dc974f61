"""The texts that hashes are made of: JSON with sorted keys, each row spelled once, however many outcomes hold it.

When to modify: never without another `ENGINE`; anybody recomputes these hashes from a file.
"""

from __future__ import annotations

import hashlib
import json
import operator
from collections.abc import Collection, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from contracts.vocabulary import Frozen
from services.matcher.solver.living import Living
from services.matcher.solver.schema import Outcome, Round

spelled = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode
"""Anything as it stands in these texts."""

APART = {"certificate"}
"""What stands beside a decision and changes nothing in it."""


class Spelling:
    """Texts by row, each for as long as somebody keeps the row."""

    def __init__(self) -> None:
        self._texts = Living[str]()
        self._last: tuple[Round | None, str] = None, ""
        self._last_said: tuple[Outcome | None, str] = None, ""

    @property
    def rows(self) -> int:
        """Of how many rows the text is kept."""
        self._texts.let_go()
        return len(self._texts)

    def round_hash(self, facts: Round) -> str:
        """SHA-256 of a canonical round, in hexadecimal: the `input_hash` of its outcome. It is asked for the part, for
        its check and for the whole: the same rows one after the other are hashed once."""
        before, _ = self._last
        if before is None or not _is_same(before, facts):
            self._last = facts, _sha256(self.text(facts))
        return self._last[1]

    def outcome_hash(self, outcome: Outcome) -> str:
        """SHA-256 of the outcome without its own hash and without its proofs, in hexadecimal."""
        bare = outcome.model_copy(update={"outcome_hash": ""})
        if self._last_said[0] != bare:
            self._last_said = bare, _sha256(self._text(bare, {}))
        return self._last_said[1]

    def row(self, row: Frozen) -> str:
        """One row as it stands in the text of all."""
        return self._texts.of(row, self._spelled)

    def _spelled(self, row: Frozen) -> str:
        self._texts.let_go()
        return spelled(row.model_dump(mode="json"))

    def text(self, facts: Round) -> bytes:
        """A canonical round as its hash is made of it: JSON that reads as the round."""
        return self._text(facts, {"instant": spelled_instant(facts.instant)})

    def fields(self, facts: Round) -> Iterator[tuple[bytes, tuple[Frozen, ...], bytes]]:
        """The same text field by field: what comes before its rows, the rows, what comes behind."""
        start = "{"
        for name, value in self._fields(facts, {"instant": spelled_instant(facts.instant)}).items():
            if isinstance(value, tuple):
                yield f'{start}"{name}":['.encode(), value, b"]"
            else:
                yield f'{start}"{name}":{self._value(value)}'.encode(), (), b""
            start = ","
        yield b"}", (), b""

    def print_of(self, data: Round | Outcome, changing: Collection[str]) -> Print:
        """What the hash of a round, or of an outcome, is made of, but for some of its fields."""
        fields = self._fields(data, {"outcome_hash": ""} if isinstance(data, Outcome) else {})
        names = [name for name in fields if name in changing]
        pieces, text = [], "{"
        for name, value in fields.items():
            text += f'"{name}":'
            if name in changing:
                pieces.append(text)
                text = ","
            else:
                text += f"{self._value(value)},"
        return Print(tuple(names), tuple(piece.encode() for piece in pieces), (text[:-1] + "}").encode())

    def _text(self, data: Frozen, instead: dict[str, Any]) -> bytes:
        fields = self._fields(data, instead)
        text = ",".join(f'"{name}":{self._value(value)}' for name, value in fields.items())
        return f"{{{text}}}".encode()

    def _fields(self, data: Frozen, instead: dict[str, Any]) -> dict[str, Any]:
        """By name, in the order of the names."""
        fields = {name: getattr(data, name) for name in type(data).model_fields if name not in APART} | instead
        return {name: fields[name] for name in sorted(fields)}

    def _value(self, value: Any) -> str:
        if isinstance(value, tuple):
            return f"[{','.join(self._values(value))}]"
        return self.row(value) if isinstance(value, Frozen) else spelled(value)

    def _values(self, rows: tuple[Any, ...]) -> list[str]:
        """Where all rows are known, thousands of them in a moment."""
        if not rows or not isinstance(rows[0], Frozen):
            return [self._value(row) for row in rows]
        known, spell = self._texts.of, self._spelled
        return [known(row, spell) for row in rows]


def _is_same(before: Round, now: Round) -> bool:
    """True if the rows are the very same ones. Equal ones may be spelled otherwise: an hour said in another zone."""
    pairs = ((getattr(before, name), getattr(now, name)) for name in Round.model_fields)
    return all(
        len(one) == len(other) and all(map(operator.is_, one, other)) if isinstance(one, tuple) else one == other
        for one, other in pairs
    )


@dataclass(frozen=True)
class Print:
    """The text of something before each of its `changing` fields, and behind the last one."""

    changing: tuple[str, ...]
    pieces: tuple[bytes, ...]
    end: bytes

    def sha256(self, values: dict[str, str]) -> str:
        """The hash with these values of the changing fields, in hexadecimal."""
        found = hashlib.sha256()
        for name, piece in zip(self.changing, self.pieces, strict=True):
            found.update(piece)
            found.update(spelled(values[name]).encode())
        found.update(self.end)
        return found.hexdigest()


def spelled_instant(at: datetime) -> str:
    """An instant as it stands in the text of a round."""
    return at.astimezone(UTC).isoformat()


def _sha256(text: bytes) -> str:
    return hashlib.sha256(text).hexdigest()

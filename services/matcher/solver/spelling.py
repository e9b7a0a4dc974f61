"""The texts that hashes are made of: JSON with sorted keys, each row spelled once, however many outcomes hold it.

When to modify: never without another `ENGINE`; anybody recomputes these hashes from a file.
"""

from __future__ import annotations

import hashlib
import json
from datetime import UTC
from typing import Any

from contracts.vocabulary import Frozen
from services.matcher.solver.schema import Outcome, Round

_encode = json.JSONEncoder(sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode

APART = {"certificate"}
"""What stands beside a decision and changes nothing in it."""


class Spelling:
    """Texts by row. Rows are slow to hash: known by their ids, which stay theirs while kept here."""

    def __init__(self) -> None:
        self._known: dict[int, tuple[Frozen, str]] = {}
        self._before: dict[int, tuple[Frozen, str]] = {}

    def turn(self) -> None:
        """Another round begins: the rows of the last one stay known."""
        self._known, self._before = {}, self._known

    def round_hash(self, facts: Round) -> str:
        """SHA-256 of a canonical round, in hexadecimal: the `input_hash` of its outcome."""
        return self._sha256(facts, {"instant": facts.instant.astimezone(UTC).isoformat()})

    def outcome_hash(self, outcome: Outcome) -> str:
        """SHA-256 of the outcome without its own hash and without its proofs, in hexadecimal."""
        return self._sha256(outcome, {"outcome_hash": ""})

    def row(self, row: Frozen) -> str:
        """One row as it stands in the text of all."""
        known = self._known.get(id(row))
        if known is None:
            known = self._before.get(id(row)) or (row, _encode(row.model_dump(mode="json")))
            self._known[id(row)] = known
        return known[1]

    def text(self, facts: Round) -> bytes:
        """A canonical round as its hash is made of it: JSON that reads as the round."""
        return self._text(facts, {"instant": facts.instant.astimezone(UTC).isoformat()})

    def _sha256(self, data: Frozen, instead: dict[str, Any]) -> str:
        return hashlib.sha256(self._text(data, instead)).hexdigest()

    def _text(self, data: Frozen, instead: dict[str, Any]) -> bytes:
        fields = {name: getattr(data, name) for name in type(data).model_fields if name not in APART} | instead
        text = ",".join(f'"{name}":{self._value(fields[name])}' for name in sorted(fields))
        return f"{{{text}}}".encode()

    def _value(self, value: Any) -> str:
        if isinstance(value, tuple):
            return f"[{','.join(map(self._value, value))}]"
        return self.row(value) if isinstance(value, Frozen) else _encode(value)

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
            known = self._known[id(row)] = (row, _encode(row.model_dump(mode="json")))
        return known[1]

    def _sha256(self, data: Frozen, instead: dict[str, Any]) -> str:
        fields = {name: getattr(data, name) for name in type(data).model_fields if name not in APART} | instead
        text = ",".join(f'"{name}":{self._value(fields[name])}' for name in sorted(fields))
        return hashlib.sha256(f"{{{text}}}".encode()).hexdigest()

    def _value(self, value: Any) -> str:
        if isinstance(value, tuple):
            return f"[{','.join(map(self._value, value))}]"
        return self.row(value) if isinstance(value, Frozen) else _encode(value)

"""The digits that a family repeats in its SMS, so that an answer names its proposal."""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Sequence

import sqlalchemy as sa

from services.matcher import tables as t

CODE_DIGITS = 4
"""Short enough to type on any phone; four digits make ten thousand live proposals in a territory."""


AT_ONCE = 16
"""How many digits are asked about in one question: even among five thousand live proposals one of them is free."""


def free_code(tx: sa.Connection, territory: str, proposal: str) -> str:
    """The digits that the family repeats: derived from the proposal, unlike those of every other live one."""
    return free_codes(tx, territory, [proposal])[proposal]


def free_codes(tx: sa.Connection, territory: str, proposals: Sequence[str]) -> dict[str, str]:
    """The same for several: what each would have if they were made one after the other, in this order."""
    given, live = dict[str, str](), dict[str, bool]()
    _ask(tx, territory, live, {code for name in proposals for code in _tried(name, 0)})
    for name in proposals:
        given[name] = _first_free(tx, territory, live, name)
        live[given[name]] = True
    return given


def _first_free(tx: sa.Connection, territory: str, live: dict[str, bool], proposal: str) -> str:
    for before in range(0, 10**CODE_DIGITS, AT_ONCE):
        asked = _tried(proposal, before)
        _ask(tx, territory, live, asked)
        if free := next((code for code in asked if not live[code]), None):
            return free
    raise RuntimeError("every reply code is in use: more live proposals than codes")


def _tried(proposal: str, before: int) -> list[str]:
    """The codes that a proposal tries next, after so many."""
    first, codes = int.from_bytes(hashlib.sha256(proposal.encode()).digest()[:8], "big"), 10**CODE_DIGITS
    return [f"{(first + before + n) % codes:0{CODE_DIGITS}}" for n in range(AT_ONCE)]


def _ask(tx: sa.Connection, territory: str, live: dict[str, bool], codes: Collection[str]) -> None:
    """Learn which of these codes live proposals have, where it is not known."""
    if unknown := sorted(set(codes) - live.keys()):
        taken = set(tx.scalars(_TAKEN, {"_territory": territory, "_asked": unknown}))
        live.update((code, code in taken) for code in unknown)


_TAKEN = sa.select(t.proposals.c.code).where(
    t.proposals.c.territory == sa.bindparam("_territory"),
    t.proposals.c.code.in_(sa.bindparam("_asked", expanding=True)),
    t.IS_LIVE,
)
"""Built once. The index that keeps live codes apart answers it, without a look at all the others."""

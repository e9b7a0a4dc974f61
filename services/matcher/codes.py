"""The digits that a family repeats in its SMS, so that an answer names its proposal."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa

from services.matcher import tables as t

CODE_DIGITS = 4
"""Short enough to type on any phone; four digits make ten thousand live proposals in a territory."""


AT_ONCE = 16
"""How many digits are asked about in one question: even among five thousand live proposals one of them is free."""


def free_code(tx: sa.Connection, territory: str, proposal: str) -> str:
    """The digits that the family repeats: derived from the proposal, unlike those of every other live one."""
    first = int.from_bytes(hashlib.sha256(proposal.encode()).digest()[:8], "big")
    codes = 10**CODE_DIGITS
    for tried in range(0, codes, AT_ONCE):
        asked = [f"{(first + tried + n) % codes:0{CODE_DIGITS}}" for n in range(AT_ONCE)]
        taken = set(tx.scalars(_TAKEN, {"_territory": territory, "_asked": asked}))
        if free := next((code for code in asked if code not in taken), None):
            return free
    raise RuntimeError("every reply code is in use: more live proposals than codes")


_TAKEN = sa.select(t.proposals.c.code).where(
    t.proposals.c.territory == sa.bindparam("_territory"),
    t.proposals.c.code.in_(sa.bindparam("_asked", expanding=True)),
    t.IS_LIVE,
)
"""Built once. The index that keeps live codes apart answers it, without a look at all the others."""

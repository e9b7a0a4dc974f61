"""The digits that a family repeats in its SMS, so that an answer names its proposal."""

from __future__ import annotations

import hashlib

import sqlalchemy as sa

from contracts.vocabulary import LIVE
from services.matcher import tables as t

CODE_DIGITS = 4
"""Short enough to type on any phone; four digits make ten thousand live proposals in a territory."""


def free_code(tx: sa.Connection, territory: str, proposal: str) -> str:
    """The digits that the family repeats: derived from the proposal, unlike those of every other live one."""
    live = sa.select(t.proposals.c.code).where(t.proposals.c.territory == territory, t.proposals.c.state.in_(LIVE))
    taken = set(tx.scalars(live))
    first = int.from_bytes(hashlib.sha256(proposal.encode()).digest()[:8], "big")
    codes = 10**CODE_DIGITS
    for n in range(codes):
        code = f"{(first + n) % codes:0{CODE_DIGITS}}"
        if code not in taken:
            return code
    raise RuntimeError("every reply code is in use: more live proposals than codes")

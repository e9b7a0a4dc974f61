"""Short proofs that an outcome carries: prices of places, by which anybody sees with an addition that a choice is
impossible.

`schema.py` hands all of it on. When to modify: when proofs need a price on something else than a place.
"""

from __future__ import annotations

from datetime import date, time
from typing import Annotated

from pydantic import Field

from contracts.vocabulary import Audience, Frozen, Id


class Price(Frozen):
    """What a place costs in one section at one moment of one day, in local time.

    Only children of at most this audience pay, and only the places that are open to them are counted.
    """

    section: Id
    day: date
    hour: time
    audience: Audience = Audience.EVERYBODY
    price: int = Field(default=1, ge=1)


class Proof(Frozen):
    """Prices such that those who go before, each at the cheapest of its equally good places, leave too little for one
    more child: the places at these moments, at these prices, would not suffice."""

    prices: tuple[Price, ...]


class Refusal(Frozen):
    """The proofs, by their position from 0, that refuse a family all that it prefers at a structure.

    `unit` is a request, or siblings asked together. No structure is named where more than one place is refused as a
    whole: to siblings, or to a child whose week two structures would share.
    """

    unit: Id
    structure: Id | None = None
    proofs: tuple[Annotated[int, Field(ge=0)], ...]


class Certificate(Frozen):
    """The proofs of an outcome, each written once, and who is refused by which.

    It is no part of the outcome's hash: whether a proof holds is seen from the proof.
    """

    proofs: tuple[Proof, ...] = ()
    refusals: tuple[Refusal, ...] = ()

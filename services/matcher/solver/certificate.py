"""Short proofs that an outcome carries: prices of places, by which anybody sees with an addition that a choice is
impossible; and levels, which say how far each goal was reached.

`schema.py` hands all of it on. When to modify: when proofs need a price on something that has none yet.
"""

from __future__ import annotations

from datetime import date, time
from typing import Annotated

from pydantic import Field

from contracts.vocabulary import Audience, Frozen, Id
from services.matcher.solver.reason import is_unsaid
from services.matcher.solver.vote import Goal


class Price(Frozen):
    """What a place costs in one section at one moment of one day, in local time.

    Only children of at most this audience pay, and only the places that are open to them are counted.
    """

    section: Id
    day: date
    hour: time
    audience: Audience = Audience.EVERYBODY
    price: int = Field(default=1, ge=1)


class LimitPrice(Frozen):
    """What it costs to be counted in a limit beside the places.

    Of a `quota`, at one moment: one of the places that guaranteed ones leave to the others. Of a `section`, in the
    week of `day`: one of the children who may begin there.
    """

    quota: Id | None = None
    section: Id | None = None
    day: date
    hour: time | None = None
    price: int = Field(default=1, ge=1)


class GoalPrice(Frozen):
    """What is paid back for what counts in a goal that is decided for several at once.

    `tier` and `points` name the band, none for all. `among` is the first, by name, of the families that compete.
    """

    goal: Goal
    tier: int | None = None
    points: int | None = None
    among: Id
    price: int = Field(default=1, ge=1)


class Proof(Frozen):
    """Prices such that those who go before, each at the cheapest of its equally good places, leave too little for one
    more child: the places at these moments, at these prices, would not suffice.

    With `goals`, each family of a band may take what costs it least, what it is paid back counted, and all together
    must keep what the band has reached.
    """

    prices: tuple[Price, ...] = ()
    limits: tuple[LimitPrice, ...] = Field(default=(), exclude_if=is_unsaid)
    goals: tuple[GoalPrice, ...] = Field(default=(), exclude_if=is_unsaid)


class Refusal(Frozen):
    """The proofs, by their position from 0, that refuse a family all that it prefers at a structure.

    `unit` is a request, or siblings asked together. No structure is named where more than one place is refused as a
    whole: to siblings, or to a child whose week two structures would share.
    """

    unit: Id
    structure: Id | None = None
    proofs: tuple[Annotated[int, Field(ge=0)], ...]


class Bound(Frozen):
    """The proof, by its position from 0, that no arrangement reaches more of a goal, the goals before it kept."""

    goal: Goal
    tier: int | None = None
    points: int | None = None
    among: Id
    proof: Annotated[int, Field(ge=0)]


class Level(Frozen):
    """How far one goal of the mode was reached, of one band, or of all requests where no tier is named.

    `bound` is what nobody could exceed (for `wishes`: go below) while the goals before keep what they reached: where
    it equals `value`, the level is proven. `open` are requests that a limit of the search left without a proof.
    """

    goal: Goal
    tier: int | None = None
    points: int | None = None
    value: int
    bound: int
    open: tuple[Id, ...] = ()


class Certificate(Frozen):
    """The proofs of an outcome, each written once, who is refused by which, and which goals they close.

    `levels`: those of the parts where the lists of the structures contradict each other in `stable` (`own_lists.py`).

    It is no part of the outcome's hash: whether a proof holds is seen from the proof, and levels are counted again.
    """

    proofs: tuple[Proof, ...] = ()
    refusals: tuple[Refusal, ...] = ()
    bounds: tuple[Bound, ...] = Field(default=(), exclude_if=is_unsaid)
    levels: tuple[Level, ...] = Field(default=(), exclude_if=is_unsaid)

"""Children who have a place and ask for another, as `verify` and `explain` read them.

Written without the solver. When to modify: when a child keeps, or gives up, another part of its place.
"""

from __future__ import annotations

from datetime import date

from contracts.vocabulary import Id, Period
from services.matcher.solver.schema import Hold, Placed, Round


class Movers:
    """What each of these children has had from before, and what of it is still held beside the places given."""

    def __init__(self, round: Round, placed: dict[Id, Placed]) -> None:
        holds = {hold.id: hold for hold in round.holds}
        self.had = {row.id: holds[row.current] for row in round.requests if row.current is not None}
        self.now = {name: _held_still(hold, placed.get(name)) for name, hold in self.had.items()}
        own = {hold.id for hold in self.had.values()}
        kept = (hold for hold in self.now.values() if hold is not None)
        self.holds = [*(hold for hold in round.holds if hold.id not in own), *kept]


def _held_still(hold: Hold, row: Placed | None) -> Hold | None:
    return hold if row is None else before(hold, row.period.start)


def before(hold: Hold, day: date) -> Hold | None:
    """What is held until the day before `day`; None if nothing."""
    end = min(hold.period.end or date.max, day)
    if end <= hold.period.start:
        return None
    return hold.model_copy(update={"period": Period(start=hold.period.start, end=None if end == date.max else end)})

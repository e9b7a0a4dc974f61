"""Which structures would do for a family that goes anywhere within some minutes of its commune, behind its wishes.

The minutes are those that the territory publishes, with their source: nothing is measured or guessed here.
When to modify: when being near is told otherwise than from commune to commune.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

import sqlalchemy as sa

from contracts.requests import NeedFacts
from contracts.territories import TravelTime
from contracts.vocabulary import AwardMode, Id
from services.matcher import tables as t
from services.matcher.solver.schema import Wish

Minutes = Mapping[tuple[str, str], int]
"""By two communes, in either order."""


@dataclass(frozen=True)
class Near:
    """The communes of the structures whose places are awarded, in the order of their ids, and what lies between."""

    communes: Mapping[Id, str] = field(default_factory=dict)
    minutes: Minutes = field(default_factory=dict)

    def wishes(self, need: NeedFacts) -> tuple[Wish, ...]:
        """The wishes that were named, then, all equal behind them, whatever else is near enough."""
        named = tuple(Wish(structure=wish.structure, rank=wish.rank) for wish in need.wishes)
        if need.within_minutes is None:
            return named
        known, last = {wish.structure for wish in named}, max(wish.rank for wish in named)
        reached = (name for name in self._reached(need.commune, need.within_minutes) if name not in known)
        return (*named, *(Wish(structure=name, rank=last + 1) for name in reached))

    def _reached(self, home: str, within: int) -> list[Id]:
        of_home = {there: self._between(home, there) for there in set(self.communes.values())}
        enough = {there for there, minutes in of_home.items() if minutes is not None and minutes <= within}
        return [name for name, commune in self.communes.items() if commune in enough]

    def _between(self, home: str, there: str) -> int | None:
        return self.minutes.get((home, there), 0 if home == there else None)


NOTHING_NEAR = Near()


def near_of(tx: sa.Connection, territory: str, structures: Sequence[sa.RowMapping]) -> Near:
    """What its last publication says is near."""
    awarded = {row["structure"]: row["commune"] for row in structures if row["award_mode"] == AwardMode.AWARDED.value}
    return Near(awarded, _minutes(tx.scalar(_TIMES, {"_territory": territory}) or ()))


_TIMES = sa.select(t.travel.c.times).where(t.travel.c.territory == sa.bindparam("_territory"))


def _minutes(rows: Sequence[tuple[str, str, int]]) -> Minutes:
    return {pair: minutes for one, other, minutes in rows for pair in ((one, other), (other, one))}


def keep_travel(tx: sa.Connection, territory: str, rows: Sequence[TravelTime]) -> bool:
    """Keep the minutes of a publication instead of those of the one before. True if they are others."""
    times = [[row.one, row.other, row.minutes] for row in rows]
    if times == (tx.scalar(_TIMES, {"_territory": territory}) or []):
        return False
    tx.execute(t.travel.delete().where(t.travel.c.territory == territory))
    if rows:
        tx.execute(t.travel.insert().values(territory=territory, times=times))
    return True

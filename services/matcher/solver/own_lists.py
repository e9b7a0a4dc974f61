"""What `stable` reached where structures rank families in orders that contradict each other, counted from the outcome.

There a fixed computation decides: families ask in the order of their wishes, and each section keeps the highest claims.
First comes that nobody could take a preferred place back from lower claims (`Goal.ENVIES`); then the claims met of each
band, a claim being met there or at what is as good; then the steps down from first wishes, and the hours.

Where every choice is one place of one kind and no claim is equal to another, the asking is done again here. Its outcome
is the best for every family at once among those in which nobody envies (Gale and Shapley, 1962), and the same families
are served in all of these (Roth, 1986): so it proves each level. Elsewhere, no such case at all is the only level that
proves itself; the bound of the others is what each family could have were it alone.

Written without the solver. When to modify: when `stable` promises something else there.
"""

from __future__ import annotations

from bisect import insort
from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Sequence
from functools import cached_property
from typing import NamedTuple

from contracts.vocabulary import Id
from services.matcher.solver.books import LEVELS, numbers
from services.matcher.solver.counts import GOALS, minutes
from services.matcher.solver.facts import Facts, Standing
from services.matcher.solver.families import Worth
from services.matcher.solver.schema import Goal, Level, Mode, Ties
from services.matcher.solver.turns import Turns
from services.matcher.solver.ways import Way, Ways


class Room(NamedTuple):
    """Cells of one section that are full at once: their places, and who asks for them by which choice."""

    places: int
    asking: Sequence[tuple[Id, Way]]


class OwnLists:
    """The parts of an outcome in which no single list orders the claims of all structures."""

    def __init__(self, turns: Turns) -> None:
        self.turns, self.ways, self.facts = turns, turns.ways, turns.facts
        self.parts = turns.parts_that_contradict()

    @cached_property
    def levels(self) -> tuple[Level, ...]:
        """Every level of these parts together, each with its bound; none where all lists agree."""
        found: dict[tuple[int, int, int], Level] = {}
        for level in (level for part in self.parts for level in self._levels(part)):
            key = (GOALS.index(level.goal), level.tier or 0, -(level.points or 0))
            before = found.get(key, level.model_copy(update={"value": 0, "bound": 0}))
            both = {"value": before.value + level.value, "bound": before.bound + level.bound}
            found[key] = level.model_copy(update=both)
        return tuple(found[key] for key in sorted(found))

    @property
    def served_otherwise(self) -> Iterator[Id]:
        """The requests, each asked alone, that asking once more serves better or worse than the outcome does."""
        for part in self.parts:
            yield from self._differ(part, self._asked_again(part) or {})

    def _differ(self, part: Iterable[Id], found: dict[Id, Worth | None]) -> list[Id]:
        return [unit for unit in part if unit in found and found[unit] != self.facts.worths.get(unit)]

    def _levels(self, part: Sequence[Id]) -> Iterator[Level]:
        again = self._asked_again(part)
        proven = again is not None and not self._differ(part, again)
        names = {name for unit in part for name in self.facts.families.members[unit]}
        yield Level(goal=Goal.ENVIES, value=sum(row.request in names for row in self.facts.outcome.envies), bound=0)
        met, at_most = self._claims(part)
        for tier, points in at_most:
            value = met[tier, points]
            yield Level(
                goal=Goal.CHILDREN, tier=tier, points=-points, value=value,
                bound=value if proven else at_most[tier, points],
            )  # fmt: skip
        steps = sum(row.level - 1 for name, row in self.facts.placed.items() if name in names)
        yield Level(goal=Goal.WISHES, value=steps, bound=steps if proven else 0)
        hours = sum(minutes(row) for row in self.facts.outcome.placed if row.request in names)
        yield Level(goal=Goal.HOURS, value=hours, bound=hours if proven else sum(map(self._most_minutes, part)))

    def _claims(self, part: Iterable[Id]) -> tuple[Counter[tuple[int, int]], Counter[tuple[int, int]]]:
        """By tier and points below 0: the children by whom a claim is met, and how many could be, each family alone."""
        met, at_most = Counter[tuple[int, int]](), Counter[tuple[int, int]]()
        for unit in part:
            reachable, held = self.ways.reachable(unit), self.ways.held(unit)
            for claim in self.turns.claims_of(unit) if reachable and not self.ways.is_mover(unit) else ():
                band = claim.standing[:2]
                met[band] += held.children if held is not None and held in claim.meets else 0
                at_most[band] += max((way.children for way in reachable if way in claim.meets), default=0)
        return met, at_most

    def _most_minutes(self, unit: Id) -> int:
        ways = self.ways.reachable(unit)
        return max((sum(map(minutes, way.wanted.choices)) for way in ways if way.wanted), default=0)

    def _asked_again(self, part: Sequence[Id]) -> dict[Id, Worth | None] | None:
        """What each family has once nobody is refused any more; None where asking alone does not settle it."""
        wishes = {unit: self.ways.reachable(unit) for unit in part}
        if not all(self._is_one_place(unit, ways) for unit, ways in wishes.items()):
            return None
        there: dict[Id, list[tuple[Id, Way]]] = defaultdict(list)
        for unit, ways in wishes.items():
            for way in ways:
                there[way.parts[0].section].append((unit, way))
        rooms = [room for section, asking in there.items() for room in self._rooms(section, asking)]
        once = len({way for room in rooms for _, way in room.asking}) == sum(len(room.asking) for room in rooms)
        levels = {len(self.facts.books[section].binding_levels) for section in there}
        return self._asked(wishes, rooms) if once and levels <= {1} and all(map(self._is_strict, rooms)) else None

    def _is_one_place(self, unit: Id, ways: Sequence[Way]) -> bool:
        """True for a child without a place, asked alone, of whose choices none is as good as another."""
        alone = self.facts.families.together(unit) is None and not self.ways.is_mover(unit)
        distinct = len({_worth(way) for way in ways}) == len(ways)
        return alone and distinct and all(len(way.parts) == 1 and not way.spots for way in ways)

    def _rooms(self, section: Id, asking: Sequence[tuple[Id, Way]]) -> Iterator[Room]:
        """The cells of a section that may refuse somebody, but for those that never do before another one does."""
        left, users = self.facts.books[section].free[LEVELS[-1]], defaultdict[int, int](int)
        for number, (_, way) in enumerate(asking):
            for cell in numbers(way.parts[0].mask):
                users[cell] |= 1 << number
        places: dict[int, int] = {}
        for cell, who in users.items():
            places[who] = min(left.at(cell), places.get(who, len(asking)))
        for who, most in places.items():
            here = [asking[number] for number in numbers(who)]
            sooner = any(who != other and not who & ~other and least <= most for other, least in places.items())
            if not sooner and most < len({unit for unit, _ in here}):
                yield Room(most, here)

    def _is_strict(self, room: Room) -> bool:
        """False where equals are served together and some of them ask for the same places."""
        bands = {unit: self.facts.standing_at(unit, _structure(way))[:2] for unit, way in room.asking}
        return self.facts.round.policy.ties is Ties.DRAW or len(set(bands.values())) == len(bands)

    def _asked(self, wishes: dict[Id, tuple[Way, ...]], rooms: Sequence[Room]) -> dict[Id, Worth | None]:
        found: dict[Id, Worth | None] = dict.fromkeys(wishes)
        left = {unit: sorted(ways, key=_worth, reverse=True) for unit, ways in wishes.items()}
        where = {way: number for number, room in enumerate(rooms) for _, way in room.asking}
        kept: dict[int, list[tuple[Standing, Id]]] = defaultdict(list)
        waiting = [unit for unit, ways in left.items() if ways]
        while waiting:
            unit = waiting.pop()
            way = left[unit].pop()
            found[unit] = _worth(way)
            if way not in where:
                continue
            here = kept[where[way]]
            insort(here, (self.facts.standing_at(unit, _structure(way)), unit))
            if len(here) > rooms[where[way]].places:
                _, refused = here.pop()
                found[refused] = None
                waiting += [refused] if left[refused] else []
        return found


def own_lists(facts: Facts) -> OwnLists | None:
    """What there is to say of an outcome where lists may contradict each other; None where they cannot."""
    may = facts.claims_differ and facts.round.policy.mode is Mode.STABLE
    return OwnLists(Turns(Ways(facts))) if may else None


def _structure(way: Way) -> Id:
    return way.wanted.choices[0].structure if way.wanted else ""


def _worth(way: Way) -> Worth:
    return way.wanted.worth if way.wanted else (0, 0)

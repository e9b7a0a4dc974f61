"""Whose turn it is when: the one list of `stable`, the claims of the freer modes, and the goals decided for several.

Written without the solver, from the words of the specification. When to modify: when a mode has another order of goals.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from graphlib import CycleError, TopologicalSorter
from heapq import heapify, heappop, heappush
from itertools import groupby, pairwise

from contracts.vocabulary import Id
from services.matcher.solver.aims import Aims, Counted
from services.matcher.solver.decided_with import decided_with
from services.matcher.solver.facts import Standing
from services.matcher.solver.families import Wanted, is_shared
from services.matcher.solver.schema import Mode, Ties
from services.matcher.solver.ways import Aim, Way, Ways


@dataclass(frozen=True)
class Step:
    """A family whose turn it is: what it would rather have, and what is left to it once it had its turn."""

    unit: Id
    preferred: tuple[Way, ...]
    kept: tuple[Way, ...]


@dataclass(frozen=True)
class Reach:
    """A goal whose turn it is: no arrangement reaches more of it, the goals before it kept."""

    aim: Aim


@dataclass(frozen=True)
class Claim:
    """What a family asks by one of its claims: it is met by these ways."""

    standing: Standing
    unit: Id
    meets: tuple[Way, ...]


class Turns:
    """The order in which the families of an outcome, and their goals, are looked at. Who is withheld takes no part."""

    def __init__(self, ways: Ways) -> None:
        self.ways, self.facts = ways, ways.facts
        policy, withheld = self.facts.round.policy, set(self.facts.outcome.withheld)
        self.mode, self.together = policy.mode, policy.ties is Ties.TOGETHER
        members = self.facts.families.members
        units = [unit for unit, names in members.items() if withheld.isdisjoint(names)]
        self.ordinary = {unit: self.facts.standing_at(members[unit][0], "") for unit in units}
        self.by_structure = {
            unit for unit in units if any(self.facts.requests[name].points_at for name in members[unit])
        }
        self.aims = Aims(ways, units)
        self._state_goals()

    @property
    def contradict(self) -> bool:
        """True if no list agrees with every section's own: then only who goes before whom there can be shown."""
        return self.mode is Mode.STABLE and self._one_list is None

    @property
    def _is_apart(self) -> bool:
        """True where bands are served together and some of their members stand apart: nothing of it is shown."""
        return self.mode is Mode.STABLE and self.together and bool(self.by_structure)

    def entering(self) -> Iterator[tuple[Id, tuple[Way, ...]]]:
        """Who takes part before anybody's turn: children who have a place, and all who compete for a goal."""
        for unit in self.ordinary if not self.contradict else ():
            if self.ways.is_mover(unit):
                yield unit, (*self.ways.of(unit), self.ways.without(unit))
            elif unit in self.aims.competing:
                yield unit, (self.ways.without(unit), *self.ways.possible(unit))

    def __iter__(self) -> Iterator[Step | Reach]:
        if self.contradict:
            yield from (self._step(unit) for unit in self.ordinary)
            return
        if self._is_apart:
            return
        yield from map(Reach, self.aims.reached)
        if self.mode is Mode.STABLE:
            yield from map(self._step, self._one_list or ())
            return
        if not self.together:
            yield from (self._claimed(claim) for claim in self._claims if not self.ways.is_mover(claim.unit))
        yield from (self._step(unit) for unit in self._by_highest)

    def _state_goals(self) -> None:
        """The goals of the mode, in their order. Where some stand alone in the one list of equals, none is stated."""
        if self.mode is Mode.MOST_CHILDREN:
            self.aims.count_all()
        if self.together and self.mode is not Mode.STABLE:
            for (tier, points), held in groupby(self._claims, key=lambda claim: claim.standing[:2]):
                self.aims.count(tier, -points, [Counted(claim.unit, claim.meets, True) for claim in held])
            for (tier, points), units in groupby(self._highest, key=lambda unit: self._highest[unit][:2]):
                self.aims.grant(tier, -points, list(units))
        elif self.together and not self.by_structure:
            for (tier, points), found in groupby(self._one_list or (), key=lambda unit: self.ordinary[unit][:2]):
                band = list(found)
                self.aims.count(tier, -points, [Counted(unit, self.ways.possible(unit), False) for unit in band])
                self.aims.grant(tier, -points, band)

    def _step(self, unit: Id) -> Step:
        worth, ways, nothing = self.facts.worths.get(unit), self.ways.of(unit), self.ways.without(unit)
        if worth is None:
            stays = self.ways.is_mover(unit) or unit in self.aims.competing
            return Step(unit, ways, (nothing,) if stays else ())
        better = tuple(way for way in ways if way.wanted and way.wanted.worth < worth)
        return Step(unit, better, tuple(way for way in ways if way.wanted and way.wanted.worth == worth))

    def _claimed(self, claim: Claim) -> Step:
        """A family looked at for the number of its children alone, by one of its claims."""
        held = self.ways.held(claim.unit)
        seats = held.children if held in claim.meets and held is not None else 0
        more = tuple(way for way in claim.meets if way.children > seats)
        return Step(claim.unit, more, tuple(way for way in claim.meets if seats and way.children >= seats))

    @cached_property
    def _claims(self) -> list[Claim]:
        """Every claim of every family, the highest first."""
        found = [claim for unit in self.ordinary for claim in self.claims_of(unit)]
        return sorted(found, key=lambda claim: claim.standing)

    def claims_of(self, unit: Id) -> Iterator[Claim]:
        """One claim where points are the same everywhere; else one for each, met there or at what is as good."""
        if unit not in self.by_structure:
            yield Claim(self.ordinary[unit], unit, self.ways.of(unit))
            return
        worst: dict[Standing, tuple[int, int]] = {}
        for way in self.ways.possible(unit):
            for here in self._standings_of(way.wanted) if way.wanted else ():
                worst[here] = max(way.wanted.worth, worst.get(here, (0, 0))) if way.wanted else (0, 0)
        for standing, least in worst.items():
            meets = (way for way in self.ways.of(unit) if way.wanted and way.wanted.worth <= least)
            yield Claim(standing, unit, tuple(meets))

    def _standings_of(self, wanted: Wanted) -> set[Standing]:
        """By which claims a family asks for this: for a week that two structures share, by the lower."""
        found = {self.facts.standing_at(choice.request, choice.structure) for choice in wanted.choices}
        return {max(found)} if is_shared(wanted) else found

    @cached_property
    def _highest(self) -> dict[Id, Standing]:
        """The highest claim of each family, the highest first."""
        found: dict[Id, Standing] = {}
        for claim in self._claims:
            found.setdefault(claim.unit, claim.standing)
        return found

    @property
    def _by_highest(self) -> list[Id]:
        """The families by their highest claim, then those that could be served nowhere."""
        nowhere = (unit for unit in self.ordinary if unit not in self._highest)
        return [*self._highest, *sorted(nowhere, key=self.ordinary.__getitem__)]

    @cached_property
    def _one_list(self) -> list[Id] | None:
        if not self.by_structure:
            return sorted(self.ordinary, key=self.ordinary.__getitem__)
        return one_list(self.ordinary, self._lists())

    def parts_that_contradict(self) -> list[list[Id]]:
        """The families of each part of the round, decided apart, in which the lists contradict each other."""
        if not self.contradict:
            return []
        near = decided_with(self.facts.round)
        part = {unit: near[self.facts.families.members[unit][0]] for unit in self.ordinary}
        units: dict[frozenset[Id], dict[Id, Standing]] = {}
        lists: dict[frozenset[Id], list[list[Id]]] = {}
        for unit, standing in self.ordinary.items():
            units.setdefault(part[unit], {})[unit] = standing
        for own in filter(None, self._lists()):
            lists.setdefault(part[own[0]], []).append(own)
        return [list(own) for name, own in units.items() if one_list(own, lists.get(name, ())) is None]

    def _lists(self) -> Iterator[list[Id]]:
        """For each section, and each limit of several, those who may use it, the highest claim there first."""
        there: dict[object, dict[Id, Standing]] = {}
        for unit in self.ordinary:
            for way in self.ways.reachable(unit):
                for choice in way.wanted.choices if way.wanted else ():
                    here = self.facts.standing_at(choice.request, choice.structure)
                    there.setdefault(choice.section, {}).setdefault(unit, here)
                for spot in filter(self.facts.limits.is_of_several, way.spots):
                    there.setdefault((spot.limit,), {})[unit] = self.ordinary[unit]
        yield from (sorted(found, key=found.__getitem__) for found in there.values())


def one_list(ordinary: dict[Id, Standing], lists: Iterable[list[Id]]) -> list[Id] | None:
    """The list in which each of these lists finds its own order, ordinary claims where they leave it open; None where
    they contradict each other."""
    order: TopologicalSorter[Id] = TopologicalSorter(dict.fromkeys(ordinary, ()))
    for own in lists:
        for first, second in pairwise(own):
            order.add(second, first)
    try:
        order.prepare()
    except CycleError:
        return None
    ready, found = [(ordinary[unit], unit) for unit in order.get_ready()], []
    heapify(ready)
    while ready:
        _, unit = heappop(ready)
        found.append(unit)
        order.done(unit)
        for other in order.get_ready():
            heappush(ready, (ordinary[other], other))
    return found

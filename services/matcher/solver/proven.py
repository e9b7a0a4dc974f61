"""Which requests of an outcome are proven to have the best that the rules allow, and which written proofs are false.

Written without the solver. When to modify: with `certificate.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from contracts.vocabulary import Id
from services.matcher.solver.descent import Descent
from services.matcher.solver.facts import Facts
from services.matcher.solver.schema import Certificate, Proof
from services.matcher.solver.turns import Reach, Step
from services.matcher.solver.ways import Aim, Way

Refused = tuple[Id, Id | None]
"""A family and a structure; siblings, and weeks that two structures share, are refused as a whole."""


@dataclass(frozen=True)
class Proven:
    """`best`: requests that would prefer nothing else, or nothing that a true proof does not refuse.

    `open`: the others. `false`: refusals that the certificate names and that no sum shows.
    """

    best: tuple[Id, ...]
    open: tuple[Id, ...]
    false: tuple[Refused, ...]


def proven(facts: Facts) -> Proven:
    """What the certificate of an outcome proves; without one, only who has its first choice."""
    certificate = facts.outcome.certificate or Certificate()
    named = {(row.unit, row.structure): row.proofs for row in certificate.refusals}
    closed = {Aim(row.goal, row.tier, row.points, row.among): row.proof for row in certificate.bounds}
    try:
        descent = Descent(facts, certificate.proofs)
    except (KeyError, ValueError):  # it prices what is not there: nothing of it can be read
        return Proven((), _names(facts, facts.families.members), (*named, *((aim.among, None) for aim in closed)))
    there = len(descent.priced)
    known = {refused: numbers for refused, numbers in named.items() if max(numbers, default=-1) < there}
    found = _Shown(descent, known, {aim: number for aim, number in closed.items() if number < there})
    false = [refused for refused in named if refused not in found.refusals]
    false += [(aim.among, None) for aim in closed if aim not in found.closed]
    return Proven(_names(facts, facts.families.members.keys() - found.missing), _names(facts, found.missing), (*false,))


class _Shown:
    """The `refusals` that hold, the goals that are `closed`, and the families that are `missing` a proof: of something
    that they would prefer, or of a goal that they compete for."""

    def __init__(self, descent: Descent, named: dict[Refused, tuple[int, ...]], bounds: dict[Aim, int]) -> None:
        self.descent, self._named, self._bounds = descent, named, bounds
        self.closed: set[Aim] = set()
        self._held: dict[Refused, bool] = {}
        self._open: set[Aim] = set()
        for step in descent.steps():
            if isinstance(step, Reach):
                self._close(step.aim)
            else:
                self._serve(step)
        self.refusals = {refused for refused, holds in self._held.items() if holds}
        self.missing = self._missing()

    def _close(self, aim: Aim) -> None:
        number = self._bounds.get(aim)
        if number is not None and self.descent.closes(number, aim):
            self.closed.add(aim)
        elif not self.descent.is_closed(aim):
            self._open.add(aim)
        self.descent.decide(aim)

    def _serve(self, step: Step) -> None:
        for way in step.preferred:
            refused = refused_by(self.descent.facts, step.unit, way)
            holds = self.descent.rules_out(step.unit, way, self._named.get(refused, ()))
            self._held[refused] = self._held.get(refused, True) and holds
        if step.kept and not self.descent.turns.contradict:
            self.descent.settle(step.unit, step.kept)

    def _missing(self) -> set[Id]:
        facts, competing = self.descent.facts, self.descent.turns.aims.competing
        waiting = {unit for unit in facts.families.members if _prefers_something(facts, unit)}
        looked_at = {unit for unit, _ in self._held}
        unshown = {unit for (unit, _), holds in self._held.items() if not holds}
        relying = {unit for unit in competing if self._relies_on_open(unit)} if self._open else set()
        return unshown | (waiting - looked_at) | relying

    def _relies_on_open(self, unit: Id) -> bool:
        """True if a goal was left open of those with whom a family competes."""
        part_of = self.descent.turns.aims.part_of
        return any(part_of[aim.among] == part_of[unit] for aim in self._open)


@dataclass(frozen=True)
class Sum:
    """One proof as it stands when a family has its turn: the priced places, what those before take of them at the
    least, and what the family would take of them at a structure."""

    structure: Id | None
    proof: Proof
    places: int
    before: int
    more: int


def sums(facts: Facts, requests: Iterable[Id]) -> dict[Id, list[Sum]]:
    """By family of these requests, the sums that refuse what it would prefer, in the order of its wishes; each proof
    once for a wish."""
    certificate = facts.outcome.certificate or Certificate()
    named = {(row.unit, row.structure): row.proofs for row in certificate.refusals}
    descent = Descent(facts, certificate.proofs)
    found: dict[Id, dict[tuple[Id | None, int], Sum]] = {facts.families.unit[name]: {} for name in requests}
    for step in descent.steps():
        if isinstance(step, Reach):
            descent.decide(step.aim)
            continue
        for way in step.preferred if step.unit in found else ():
            refused = refused_by(facts, step.unit, way)
            number = next((one for one in named.get(refused, ()) if descent.refuses(one, step.unit, way)), None)
            if number is not None:
                own = Sum(
                    refused[1],
                    certificate.proofs[number],
                    *descent.balance(number, step.unit),
                    descent.price(way, number),
                )
                found[step.unit].setdefault((refused[1], number), own)
        if step.kept and not descent.turns.contradict:
            descent.settle(step.unit, step.kept)
    return {unit: list(rows.values()) for unit, rows in found.items()}


def _prefers_something(facts: Facts, unit: Id) -> bool:
    """True if a family would rather have something at hours that exist, or is not told yet what it has."""
    withheld = not set(facts.outcome.withheld).isdisjoint(facts.families.members[unit])
    wishes = (wanted.choices for wanted in facts.preferred(unit))
    return withheld or any(all(facts.books[one.section].mask(*one.span) for one in choices) for choices in wishes)


def refused_by(facts: Facts, unit: Id, way: Way) -> Refused:
    """Under which name a way is refused: where it is for a child in one place, as a whole for siblings and shares."""
    alone = facts.families.together(unit) is None and way.wanted is not None and len(way.wanted.choices) == 1
    return (unit, way.wanted.choices[0].structure if alone and way.wanted else None)


def _names(facts: Facts, units: Iterable[Id]) -> tuple[Id, ...]:
    return tuple(sorted(name for unit in units for name in facts.families.members[unit]))

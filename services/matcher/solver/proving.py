"""Finds the short proofs of an outcome: a full hour where one says it, else the prices of a linear relaxation.

Nothing found here is believed: a proof is written once its sum shows what it is for, and `verify` adds up again.
When to modify: to prove more of what is open, or sooner.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from contracts.vocabulary import Id
from services.matcher.solver.canonical import canonical
from services.matcher.solver.descent import Descent
from services.matcher.solver.facts import Facts
from services.matcher.solver.full_hours import FullHours
from services.matcher.solver.own_lists import OwnLists
from services.matcher.solver.priced import Cost, proof_of
from services.matcher.solver.proven import Refused, refused_by
from services.matcher.solver.regions import holds, prices_against, prices_closing
from services.matcher.solver.schema import Bound, Certificate, Outcome, Proof, Refusal, Round
from services.matcher.solver.turns import Reach, Step
from services.matcher.solver.voted import as_ranked
from services.matcher.solver.ways import Aim, Place, Way


@dataclass(frozen=True)
class Effort:
    """How far to look for proofs: how many relaxations, and how many ways one of them may hold."""

    relaxations: int = 500
    ways: int = 2_000


DEFAULT = Effort()


def with_proofs(round: Round, outcome: Outcome, effort: Effort = DEFAULT) -> Outcome:
    """The same outcome of a round, with its certificate. Raises `RoundRefused`."""
    facts = Facts(as_ranked(canonical(round), outcome), outcome)
    return outcome.model_copy(update={"certificate": _Proving(facts, effort).certificate()})


class _Proving:
    """One descent, in which each refusal gets its proof as it comes."""

    def __init__(self, facts: Facts, effort: Effort) -> None:
        self.facts, self.effort = facts, effort
        self.descent = Descent(facts)
        self.full = FullHours(self.descent)
        self.proofs: list[Proof] = []
        self.named: dict[Refused, dict[int, None]] = {}
        self.bounds: list[Bound] = []
        self.open: set[Refused] = set()
        self.relaxed = 0

    def certificate(self) -> Certificate:
        for step in self.descent.steps():
            if isinstance(step, Reach):
                self._close(step.aim)
            else:
                self._serve(step)
        refusals = (
            Refusal(unit=unit, structure=structure, proofs=tuple(sorted(numbers)))
            for (unit, structure), numbers in self.named.items()
            if (unit, structure) not in self.open
        )
        ordered = sorted(refusals, key=lambda row: (row.unit, row.structure or ""))
        return Certificate(
            proofs=tuple(self.proofs),
            refusals=tuple(ordered),
            bounds=tuple(self.bounds),
            levels=OwnLists(self.descent.turns).levels,
        )

    def _serve(self, step: Step) -> None:
        for way in step.preferred:
            self._refuse(step.unit, way)
        if step.kept and not self.descent.turns.contradict:
            self._note(self.descent.settle(step.unit, step.kept))

    def _close(self, aim: Aim) -> None:
        """Names a proof that no more of a goal is reached; one that all who compete have the best of needs none."""
        if not self.descent.is_closed(aim) and self._may_relax():
            for cost in prices_closing(self.descent, aim, self.effort.ways):
                self.bounds.append(Bound(**aim._asdict(), proof=self._add(cost)))
                break
        self._note(self.descent.decide(aim))

    def _refuse(self, unit: Id, way: Way) -> None:
        """Names a proof that refuses the way, found before or made now; else it stays open."""
        refused = refused_by(self.facts, unit, way)
        numbers = self.named.setdefault(refused, {})
        known = self.descent.refusing(unit, way)
        if known is None:
            known = self._proof(unit, way)
        if known is not None:
            numbers[known] = None
        elif not self.descent.rules_out(unit, way, ()):
            self.open.add(refused)

    def _proof(self, unit: Id, way: Way) -> int | None:
        if self.descent.turns.contradict:
            cost = self._hour_of_others(way)
            return self._add(cost) if cost is not None else None
        cost = self.full.hour_in_the_way(unit, way)
        if cost is not None and holds(self.descent, cost, unit, way):
            return self._add(cost)
        for spot in way.spots:
            if holds(self.descent, {spot: 1}, unit, way):
                return self._add({spot: 1})
        gone = unit in self.descent.live and way not in self.descent.live[unit]
        if gone or not self._may_relax():
            return None
        return next((self._add(cost) for cost in prices_against(self.descent, unit, way, self.effort.ways)), None)

    def _hour_of_others(self, way: Way) -> Cost | None:
        """A price on one hour that is full of children who stand before the family there."""
        for choice in way.wanted.choices if way.wanted else ():
            full = self.facts.full_cells(choice, self.facts.standing_at(choice.request, choice.structure))
            if full:
                level = self.facts.books[choice.section].binding_levels[-1]
                return {Place(choice.section, level, (full & -full).bit_length() - 1): 1}
        return None

    def _may_relax(self) -> bool:
        self.relaxed += 1
        return self.relaxed <= self.effort.relaxations

    def _add(self, cost: Cost) -> int:
        number = self.descent.add(cost)
        self.proofs.append(proof_of(cost, self.facts))
        if not self.descent.turns.contradict:
            self._note(self.descent.propagate([number]))
        return number

    def _note(self, changed: Iterable[Id]) -> None:
        """Draws from the hours that are full now what they rule out for those who have a choice."""
        waiting = list(changed)
        while waiting:
            unit = waiting.pop()
            waiting += self._narrow(unit)
            for section in self.full.note(unit, self.descent.live[unit]):
                for other in self.descent.there([section]):
                    waiting += self._narrow(other)

    def _narrow(self, unit: Id) -> list[Id]:
        ways = self.descent.live[unit]
        for way in ways if len(ways) > 1 else ():
            cost = self.full.hour_in_the_way(unit, way)
            if cost is not None and holds(self.descent, cost, unit, way):
                number = self.descent.add(cost)
                self.proofs.append(proof_of(cost, self.facts))
                return self.descent.propagate([number])
        return []

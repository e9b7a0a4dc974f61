"""Finds the short proofs of an outcome: a full hour where one says it, else the prices of a linear relaxation.

Nothing found here is believed: a proof is written once its sum shows what it is for, and `verify` adds up again.
When to modify: to prove more of what is open, or sooner.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from contracts.vocabulary import Id
from services.matcher.solver.books import AUDIENCES
from services.matcher.solver.canonical import canonical
from services.matcher.solver.descent import Descent, Way
from services.matcher.solver.facts import Facts
from services.matcher.solver.full_hours import FullHours
from services.matcher.solver.proven import Refused, refused_by
from services.matcher.solver.regions import Cost, holds, prices_against
from services.matcher.solver.schema import Certificate, Outcome, Price, Proof, Refusal, Round
from services.matcher.solver.voted import as_ranked


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
        self.named: dict[Refused, dict[int, None]] = {}
        self.open: set[Refused] = set()
        self.relaxed = 0

    def certificate(self) -> Certificate:
        for step in self.descent.steps():
            for way in step.preferred:
                self._refuse(step.unit, way)
            if step.kept:
                self._note(self.descent.settle(step.unit, step.kept))
        refusals = (
            Refusal(unit=unit, structure=structure, proofs=tuple(sorted(numbers)))
            for (unit, structure), numbers in self.named.items()
            if (unit, structure) not in self.open
        )
        ordered = sorted(refusals, key=lambda row: (row.unit, row.structure or ""))
        return Certificate(proofs=tuple(self.descent.proofs), refusals=tuple(ordered))

    def _refuse(self, unit: Id, way: Way) -> None:
        """Names a proof that refuses the way, found before or made now; else it stays open."""
        refused = refused_by(self.facts, unit, way)
        numbers = self.named.setdefault(refused, {})
        known = next((number for number in way.prices if self.descent.refuses(number, unit, way)), None)
        if known is None and not self.descent.rules_out(unit, way, ()):
            known = self._proof(unit, way)
            if known is None:
                self.open.add(refused)
        if known is not None:
            numbers[known] = None

    def _proof(self, unit: Id, way: Way) -> int | None:
        cost = self.full.hour_in_the_way(unit, way)
        if cost is not None and holds(self.descent, cost, unit, way):
            return self._add(cost)
        if self.relaxed >= self.effort.relaxations:
            return None
        self.relaxed += 1
        return next((self._add(cost) for cost in prices_against(self.descent, unit, way, self.effort.ways)), None)

    def _add(self, cost: Cost) -> int:
        number = self.descent.add(proof_of(self.facts, cost))
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
                number = self.descent.add(proof_of(self.facts, cost))
                return self.descent.propagate([number])
        return []


def proof_of(facts: Facts, cost: Cost) -> Proof:
    """Prices by section, audience and cell, written as prices of moments."""
    rows = []
    for (section, level, cell), price in sorted(cost.items()):
        day, hour = facts.books[section].moment(cell)
        rows.append(Price(section=section, day=day, hour=hour, audience=AUDIENCES[level], price=price))
    return Proof(prices=tuple(rows))

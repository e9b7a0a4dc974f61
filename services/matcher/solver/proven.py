"""Which requests of an outcome are proven to have the best that the rules allow, and which written proofs are false.

Written without the solver. When to modify: with `certificate.py`.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

from contracts.vocabulary import Id
from services.matcher.solver.descent import Descent, Way
from services.matcher.solver.facts import Facts
from services.matcher.solver.schema import Certificate, Proof

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
    try:
        descent = Descent(facts, certificate.proofs)
    except (KeyError, ValueError):  # it prices what is not there: nothing of it can be read
        return Proven((), _names(facts, facts.families.members), tuple(named))
    known = {refused: numbers for refused, numbers in named.items() if max(numbers, default=-1) < len(descent.proofs)}
    shown, missing = _shown(descent, known)
    false = [refused for refused in named if refused not in shown]
    return Proven(_names(facts, facts.families.members.keys() - missing), _names(facts, missing), tuple(false))


def _shown(descent: Descent, named: dict[Refused, tuple[int, ...]]) -> tuple[set[Refused], set[Id]]:
    """The refusals that hold, and the families that would prefer something of which no refusal is shown."""
    held: dict[Refused, bool] = {}
    facts = descent.facts
    waiting = {unit for unit in facts.families.members if _prefers_something(facts, unit)}
    for step in descent.steps():
        for way in step.preferred:
            refused = refused_by(facts, step.unit, way)
            holds = descent.rules_out(step.unit, way, named.get(refused, ()))
            held[refused] = held.get(refused, True) and holds
        if step.kept:
            descent.settle(step.unit, step.kept)
    unshown = {unit for (unit, _), holds in held.items() if not holds}
    looked_at = {unit for unit, _ in held}
    return {refused for refused, holds in held.items() if holds}, unshown | (waiting - looked_at)


@dataclass(frozen=True)
class Sum:
    """One proof as it stands when a family has its turn: the priced places, what those before take of them at the
    least, and what the family would take of them at a structure."""

    structure: Id | None
    proof: Proof
    places: int
    before: int
    more: int


def sums(facts: Facts, request: Id) -> list[Sum]:
    """The sums that refuse a request what it would prefer, in the order of its wishes; each proof once for a wish."""
    certificate, unit = facts.outcome.certificate or Certificate(), facts.families.unit[request]
    named = {row.structure: row.proofs for row in certificate.refusals if row.unit == unit}
    descent = Descent(facts, certificate.proofs)
    found: dict[tuple[Id | None, int], Sum] = {}
    for step in descent.steps():
        for way in step.preferred if step.unit == unit else ():
            _, structure = refused_by(facts, unit, way)
            number = next((one for one in named.get(structure, ()) if descent.refuses(one, unit, way)), None)
            if number is not None:
                places, before = descent.balance(number, unit)
                proof = certificate.proofs[number]
                found.setdefault((structure, number), Sum(structure, proof, places, before, way.prices[number]))
        if step.kept:
            descent.settle(step.unit, step.kept)
    return list(found.values())


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

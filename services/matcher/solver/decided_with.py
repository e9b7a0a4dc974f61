"""Who is decided together with whom, and whose answers were held back, as `verify` reads it.

Written without the solver. When to modify: when a new rule makes two requests depend on each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Iterator
from datetime import date, timedelta

from contracts.vocabulary import Id
from services.matcher.solver.choices import months
from services.matcher.solver.facts import Facts
from services.matcher.solver.limited import quotas_that_bind
from services.matcher.solver.schema import Reason, Request, Round, Section, Vacancy, Why, WishReason

Name = tuple[str, Id]
"""A kind of row and its id."""


def decided_with(round: Round) -> dict[Id, frozenset[Id]]:
    """By request, all that are decided with it, itself among them."""
    group: dict[Name, set[Name]] = {}
    for tie in _ties(round):
        near = {id(group[name]): group[name] for name in tie if name in group}
        whole = max(near.values(), key=len, default=set[Name]())
        for name in [*tie, *(name for other in near.values() if other is not whole for name in other)]:
            whole.add(name)
            group[name] = whole
    found = {id(names): frozenset(name for kind, name in names if kind == "request") for names in group.values()}
    return {row.id: found[id(group["request", row.id])] for row in round.requests}


def _ties(round: Round) -> Iterator[list[Name]]:
    """What belongs together: a request and the sections that it may come to, siblings, and what sections share."""
    held = {hold.id: hold.section for hold in round.holds}
    reached = _Reached(round)
    for row in round.requests:
        home = [held[row.current]] if row.current is not None else []
        yield [("request", row.id), *(("section", name) for name in (*reached.by(row), *home))]
    for siblings in round.siblings:
        yield [("request", name) for name in siblings.requests]
    for support in round.support:
        yield [("section", row.id) for row in round.sections if row.structure == support.structure]
    for quota in quotas_that_bind(round):
        yield [("section", row.id) for row in round.sections if row.structure in quota.structures]


class _Reached:
    """The sections that a request may come to: wished, of its age on a day when it may begin, and open in its time."""

    def __init__(self, round: Round) -> None:
        self._sections: dict[Id, list[Section]] = defaultdict(list)
        self._vacancies: dict[Id, list[Vacancy]] = defaultdict(list)
        for section in round.sections:
            self._sections[section.structure].append(section)
        for vacancy in round.vacancies:
            if vacancy.places > 0:
                self._vacancies[vacancy.section].append(vacancy)

    def by(self, request: Request) -> Iterable[Id]:
        first = months(request.born, request.period.start)
        last = months(request.born, request.period.start + timedelta(days=request.tolerance_days))
        wished = (section for wish in request.wishes for section in self._sections[wish.structure] if last >= 0)
        of_age = (row for row in wished if row.age_from_months <= last and max(first, 0) <= row.age_to_months)
        end = request.period.end or date.max
        for section in of_age:
            offered = (row.period for row in self._vacancies[section.id])
            if any(period.start < end and request.period.start < (period.end or date.max) for period in offered):
                yield section.id


def wrongly_held_back(facts: Facts) -> set[Id]:
    """Requests held back though no violation touches their part, those left out of a part that one touches, and those
    of which more is said than that they are held back."""
    outcome = facts.outcome
    if not (outcome.withheld or outcome.violations):
        return set()
    near, withheld = decided_with(facts.round), set(outcome.withheld)
    touched = {other for row in outcome.violations for name in row.requests for other in near.get(name, ())}
    told = {row.request: row for row in outcome.reasons}
    spoken = {name for name in withheld & near.keys() if told.get(name) != _silence(facts.requests[name])}
    return (withheld ^ touched) | spoken | (withheld & facts.placed.keys())


def _silence(request: Request) -> Reason:
    wishes = tuple(WishReason(structure=wish.structure, why=Why.WITHHELD) for wish in request.wishes)
    return Reason(request=request.id, placed=False, wishes=wishes, sent_behind=request.sent_behind)

"""One spelling for one round: sorted rows, and the hashes that anybody can recompute.

When to modify: with `schema.py`, when a new field holds rows whose order means nothing.
"""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Iterable
from datetime import date, time
from typing import Any, TypeVar

from contracts.vocabulary import Period, Slot
from services.matcher.solver.living import Living
from services.matcher.solver.schema import (
    Hold,
    NotAgain,
    Outcome,
    Pattern,
    Policy,
    Quota,
    Request,
    Round,
    Siblings,
    Travel,
    Vacancy,
)
from services.matcher.solver.spelling import Spelling

Dated = TypeVar("Dated", Vacancy, Hold)
_id = operator.attrgetter("id")
MOST_HOURS = 20_000
"""Of different weeks and periods that are kept from round to round, about 1 KB each."""


class RoundRefused(ValueError):
    """The round cannot be decided as it is: the message says why, in French."""


def canonical(round: Round, once: Once | None = None) -> Round:
    """The same round with its rows in the one order that counts. Raises `RoundRefused` if it contradicts itself.

    `once` knows the rows of the round before, where that is the same territory's: what has not changed is the same row.
    """
    _refuse_another_seed(round.policy)
    refuse_contradictions(round)
    once = once or Once()
    return round.model_copy(
        update={
            "sections": tuple(sorted(round.sections, key=_id)),
            "vacancies": tuple(sorted(map(once.dated, round.vacancies), key=_id)),
            "requests": tuple(sorted(map(once.request, round.requests), key=_id)),
            "holds": tuple(sorted(map(once.dated, round.holds), key=_id)),
            "support": tuple(sorted(round.support, key=lambda row: row.structure)),
            "siblings": tuple(sorted(map(_canonical_siblings, round.siblings), key=_id)),
            "quotas": tuple(sorted(map(_canonical_quota, round.quotas), key=_id)),
            "travel": tuple(sorted(map(_one_way, round.travel), key=lambda row: (row.one, row.other))),
        }
    )


def round_hash(round: Round) -> str:
    """SHA-256 of the canonical round, in hexadecimal: the `input_hash` of its outcome."""
    return Spelling().round_hash(canonical(round))


def outcome_hash(outcome: Outcome) -> str:
    """SHA-256 of the outcome without its own hash, in hexadecimal."""
    return Spelling().outcome_hash(outcome)


class Once:
    """Rows with their slots in order. Equal hours, equal patterns and equal periods become one object each.

    Most families ask for the same few weeks: whoever reads the round works each of them out once, known by its id.
    """

    def __init__(self) -> None:
        self._slots: dict[tuple[tuple[object, time, time], ...], tuple[Slot, ...]] = {}
        self._patterns: dict[tuple[int, int], Pattern] = {}
        self._periods: dict[tuple[date, date | None], Period] = {}
        self._rows = Living[Any]()

    def let_go(self) -> list[object]:
        """The rows in order of those that nobody keeps any more: neither is known from here on."""
        if len(self._slots) + len(self._periods) > MOST_HOURS:
            self._slots, self._patterns, self._periods = {}, {}, {}
        return [row for row in self._rows.let_go() if row is not None]

    def dated(self, row: Dated) -> Dated:
        """A vacancy or a hold."""
        return self._rows.of(row, self._dated) or row

    def request(self, request: Request) -> Request:
        """Patterns keep their order: a placement names them by position."""
        found: Request = self._rows.of(request, self._request)
        return found

    def _dated(self, row: Dated) -> Dated | None:
        """None for a row that is in order: what is known of it must not keep it."""
        slots, period = self.slots(row.slots), self.period(row.period)
        same = slots is row.slots and period is row.period
        return None if same else row.model_copy(update={"slots": slots, "period": period})

    def _request(self, request: Request) -> Request:
        """Rows whose order means nothing are sorted; patterns keep theirs: a placement names them by position."""
        changed: dict[str, object] = {
            "patterns": tuple(map(self._pattern, request.patterns)),
            "period": self.period(request.period),
        }
        if len(request.wishes) > 1:
            changed["wishes"] = tuple(sorted(request.wishes, key=lambda wish: (wish.rank, wish.structure)))
        if request.points_at:
            changed["points_at"] = tuple(sorted(request.points_at, key=lambda row: row.structure))
        if request.on_call_sections:
            changed["on_call_sections"] = tuple(sorted(request.on_call_sections))
        if request.not_again:
            changed["not_again"] = tuple(sorted(map(self._not_again, request.not_again), key=_not_again_key))
        return request.model_copy(update=changed)

    def _pattern(self, row: Pattern) -> Pattern:
        slots = self.slots(row.slots)
        known = self._patterns.get((id(slots), row.rank))
        if known is None:
            same = slots is row.slots
            known = self._patterns[id(slots), row.rank] = row if same else row.model_copy(update={"slots": slots})
        return known

    def _not_again(self, row: NotAgain) -> NotAgain:
        return row.model_copy(update={"slots": self.slots(row.slots)})

    def slots(self, slots: tuple[Slot, ...]) -> tuple[Slot, ...]:
        said = tuple([(slot.day, slot.start, slot.end) for slot in slots])
        found = self._slots.get(said)
        if found is None:
            ordered = tuple(sorted(slots, key=_slot_key)) if len(slots) > 1 else slots
            ordered = slots if all(map(operator.is_, ordered, slots)) else ordered
            in_order = tuple([(slot.day, slot.start, slot.end) for slot in ordered])
            found = self._slots[said] = self._slots.setdefault(in_order, ordered)
        return found

    def period(self, period: Period) -> Period:
        return self._periods.setdefault((period.start, period.end), period)


def _canonical_siblings(row: Siblings) -> Siblings:
    combinations = (
        combination.model_copy(update={"seats": tuple(sorted(combination.seats, key=lambda seat: seat.request))})
        for combination in row.combinations
    )
    return row.model_copy(
        update={
            "requests": tuple(sorted(row.requests)),
            "together": tuple(sorted(set(row.together))),
            "combinations": tuple(sorted(combinations, key=lambda row: (row.rank, row.model_dump_json()))),
        }
    )


def _canonical_quota(row: Quota) -> Quota:
    return row.model_copy(update={"structures": tuple(sorted(set(row.structures)))})


def _one_way(row: Travel) -> Travel:
    one, other = sorted((row.one, row.other))
    return row.model_copy(update={"one": one, "other": other})


def _not_again_key(row: NotAgain) -> tuple[str, str]:
    return (row.section, row.model_dump_json())


def _slot_key(slot: Slot) -> tuple[int, str, time, time]:
    return (slot.weekday.number, str(slot.day), slot.start, slot.end)


def _refuse_another_seed(policy: Policy) -> None:
    if policy.seed_commitment and hashlib.sha256(policy.seed.encode()).hexdigest() != policy.seed_commitment:
        raise RoundRefused("La graine du tirage ne correspond pas à l'empreinte publiée avant l'attribution.")


def refuse_contradictions(round: Round) -> None:
    """Raises `RoundRefused` where rows name what is not there, or one name stands for two."""
    if round.instant.tzinfo is None:
        raise RoundRefused("L'instant de l'attribution doit porter son fuseau horaire.")
    for name in ("sections", "vacancies", "requests", "holds", "quotas"):
        _refuse_twice(map(_id, getattr(round, name)), name)
    _refuse_twice((row.structure for row in round.support), "support")
    for hold in round.holds:
        if hold.by_person and not hold.reason.strip():
            raise RoundRefused(f"« {hold.id} » : une place tenue par une personne dit pourquoi.")
    _refuse_twice((" - ".join(sorted((row.one, row.other))) for row in round.travel), "travel")
    _refuse_unknown_siblings(round)
    _refuse_unknown_places(round)
    known = {section.id for section in round.sections}
    places: tuple[Vacancy | Hold, ...] = (*round.vacancies, *round.holds)
    for row in places:
        if row.section not in known:
            raise RoundRefused(f"« {row.id} » nomme la section inconnue « {row.section} ».")


def _refuse_unknown_siblings(round: Round) -> None:
    known = {request.id for request in round.requests}
    _refuse_twice([*known, *(row.id for row in round.siblings)], "siblings")
    _refuse_twice((request for row in round.siblings for request in row.requests), "siblings")
    for row in round.siblings:
        named = {seat.request for combination in row.combinations for seat in combination.seats}
        if unknown := sorted({*row.requests} - known | named - {*row.requests}):
            raise RoundRefused(f"La fratrie « {row.id} » nomme la demande inconnue « {unknown[0]} ».")


def _refuse_unknown_places(round: Round) -> None:
    holds = {hold.id for hold in round.holds if hold.units == 1}
    together = {request for row in round.siblings for request in row.requests}
    _refuse_twice((request.current for request in round.requests if request.current is not None), "current")
    for request in round.requests:
        if request.current is not None and request.current not in holds:
            raise RoundRefused(f"La demande « {request.id} » nomme la place inconnue « {request.current} ».")
        if request.current is not None and request.id in together:
            raise RoundRefused(f"La demande « {request.id} » a une place : elle ne peut pas être d'une fratrie.")


def _refuse_twice(ids: Iterable[str], name: str) -> None:
    ids = list(ids)
    if len(set(ids)) == len(ids):
        return
    seen: set[str] = set()
    for row in ids:
        if row in seen:
            raise RoundRefused(f"« {row} » figure deux fois dans « {name} ».")
        seen.add(row)

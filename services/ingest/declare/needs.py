"""The need of one child, as it is declared, and what is checked of it."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date, timedelta
from typing import Annotated, Any

import sqlalchemy as sa
from pydantic import Field

from contracts.requests import AcceptedPattern, DeclaredCriterion, WishedStructure
from contracts.vocabulary import Criterion, Id, Period, RequestKind, VacancyKind
from services.ingest import store
from services.ingest.access import Doing, Thing, may
from services.ingest.actors import Act, Role
from services.ingest.declare.bodies import (
    MOST_SLOTS,
    Body,
    check_dates,
    check_not_too_far,
    check_period,
    check_slots,
    is_dated,
)
from services.ingest.declare.current_places import check_current
from services.ingest.problems import Problem

OLDEST = timedelta(days=6 * 366)
"""Berceau looks for places from birth to six (convention territoriale globale: l'offre des 0-6 ans)."""

LONGEST_WAIT_FOR_BIRTH = timedelta(days=300)
"""A due date lies within a pregnancy."""

LATEST_BIRTH_NEWS = timedelta(days=60)
"""An expected child whose due date is this long past has been born: say so."""

MOST_WISHES = 20

MOST_DAYS = 7

MOST_MINUTES = 120
"""As far as a family may say that it would go."""


class NeedBody(Body):
    """The whole need, as it is from now on; the fields are those of `contracts.requests.NeedFacts`.

    An urgent need without wishes takes any structure of the territory that has an on-call place.
    """

    kind: RequestKind
    born: date
    is_born: bool = True
    commune: Annotated[str, Field(pattern=r"^[0-9AB]{5}$")]
    wishes: Annotated[tuple[WishedStructure, ...], Field(max_length=MOST_WISHES)] = ()
    patterns: Annotated[tuple[AcceptedPattern, ...], Field(min_length=1, max_length=20)]
    period: Period
    tolerance_days: Annotated[int, Field(ge=0, le=180)] = 0
    travel_minutes: Annotated[int, Field(ge=0, le=120)] = 0
    criteria: Annotated[tuple[DeclaredCriterion, ...], Field(max_length=60)] = ()
    needs_support: bool = False
    since: date | None = None
    prescriber: Id | None = None
    urgent_sms_agreed: bool = False
    file_complete: bool = False
    accepts_partial: bool = False
    min_days: Annotated[int, Field(ge=1, le=MOST_DAYS)] = 1
    current: Id | None = None
    accepts_split: bool = False
    within_minutes: Annotated[int | None, Field(ge=1, le=MOST_MINUTES)] = None


def facts_of(tx: sa.Connection, act: Act, need: NeedBody) -> dict[str, Any]:
    """The need as the event says it: what was left out is filled in by rule."""
    wishes = need.wishes or _any_on_call(tx, act)
    prescriber = act.actor.id if act.actor.role is Role.COUNSELLOR else need.prescriber
    filled = {"wishes": wishes, "since": need.since or need.period.start, "prescriber": prescriber}
    return need.model_copy(update=filled).model_dump(mode="json")


def check_need(
    tx: sa.Connection, act: Act, need: NeedBody, *, before: Mapping[str, Any] | None = None
) -> Iterator[Problem]:
    """Everything that is wrong with a need. One that amends `before` may have begun, and keeps what was verified."""
    yield from _check_child(need, act.today)
    yield from check_period(need.period, act.today, "period", may_have_begun=before is not None)
    yield from _check_since(need, act.today)
    yield from _check_patterns(need)
    yield from _check_part(need)
    yield from _check_split(need)
    yield from check_current(tx, act, need.kind, need.current)
    yield from _check_wishes(tx, act, need)
    yield from _check_within(tx, act, need)
    yield from _check_criteria(act, need, _verified(before))


def _verified(before: Mapping[str, Any] | None) -> set[DeclaredCriterion]:
    lines = [DeclaredCriterion.model_validate(line) for line in before["criteria"]] if before else []
    return {line for line in lines if line.validated}


def _check_child(need: NeedBody, today: date) -> Iterator[Problem]:
    if need.is_born and need.born > today:
        rule = "Un enfant né a une date de naissance passée."
        yield Problem("born", "born_in_future", rule, "Corrigez la date, ou indiquez que l'enfant est à naître.")
    if need.is_born and today - need.born > OLDEST:
        yield Problem("born", "too_old", "L'enfant a moins de six ans.", "Vérifiez l'année de naissance.")
    if not need.is_born and need.born - today > LONGEST_WAIT_FOR_BIRTH:
        yield Problem("born", "due_too_late", "La naissance est prévue d'ici dix mois.", "Vérifiez la date prévue.")
    if not need.is_born and today - need.born > LATEST_BIRTH_NEWS:
        rule = "La date prévue est passée depuis plus de deux mois."
        yield Problem("born", "birth_not_said", rule, "Indiquez la date de naissance.")


def _check_since(need: NeedBody, today: date) -> Iterator[Problem]:
    if need.since is not None:
        yield from check_not_too_far(need.since, today, "since")
        if today - need.since > OLDEST:
            yield Problem("since", "too_old", "La date a moins de six ans.", "Vérifiez l'année.")


def _check_patterns(need: NeedBody) -> Iterator[Problem]:
    if sum(len(pattern.slots) for pattern in need.patterns) > MOST_SLOTS * 2:
        rule = f"Les semaines acceptées ont {MOST_SLOTS * 2} créneaux au plus."
        yield Problem("patterns", "too_many_slots", rule, "Gardez les semaines qui vous conviennent le mieux.")
        return
    for n, pattern in enumerate(need.patterns):
        field = f"patterns.{n}.slots"
        yield from check_slots(pattern.slots, field)
        yield from check_dates(pattern.slots, need.period, field)
        if need.kind.is_weekly and is_dated(pattern.slots):
            rule = "Une demande régulière, ou de changement, donne des jours de semaine."
            yield Problem(field, "weekdays_wanted", rule, "Donnez des jours, ou choisissez «\u00a0ponctuelle\u00a0».")


def _check_part(need: NeedBody) -> Iterator[Problem]:
    """The least number of days that would help is one of those of a week that is asked for."""
    most = max((len({slot.day for slot in pattern.slots}) for pattern in need.patterns), default=0)
    if need.accepts_partial and need.kind is not RequestKind.URGENT and need.min_days > most:
        rule = f"La demande porte sur {most} jour{'s' if most > 1 else ''}."
        yield Problem("min_days", "more_than_asked", rule, "Demandez moins de jours au minimum.")


def _check_split(need: NeedBody) -> Iterator[Problem]:
    """Two structures share a week, never single days. A child who has a place keeps it, whatever is said here."""
    if not need.accepts_split:
        return
    if any(is_dated(pattern.slots) for pattern in need.patterns):
        rule = "Seule une place de semaine se partage entre deux structures."
        yield Problem("accepts_split", "week_wanted", rule, "Décochez «\u00a0deux structures\u00a0».")
    elif len(need.wishes) == 1 and need.within_minutes is None:
        rule = "Il faut deux structures pour partager une semaine."
        yield Problem("accepts_split", "two_wishes_wanted", rule, "Citez-en une autre, ou décochez.")


def _check_wishes(tx: sa.Connection, act: Act, need: NeedBody) -> Iterator[Problem]:
    wished = [wish.structure for wish in need.wishes]
    if len(set(wished)) < len(wished):
        yield Problem("wishes", "wish_twice", "Chaque structure est citée une fois.", "Retirez le doublon.")
    known = _structures(tx, act, wished)
    for n, structure in enumerate(wished):
        if structure not in known:
            rule = "La structure est dans l'annuaire du territoire."
            yield Problem(f"wishes.{n}.structure", "unknown_structure", rule, "Choisissez-la dans l'annuaire.")
    if not wished and need.kind is not RequestKind.URGENT:
        rule = "Une demande cite au moins une structure."
        yield Problem("wishes", "wish_wanted", rule, "Ajoutez une structure.")
    if not wished and need.kind is RequestKind.URGENT and not _any_on_call(tx, act):
        rule = "Aucune structure n'a de place d'astreinte en ce moment."
        yield Problem("wishes", "no_on_call_place", rule, "Citez les structures souhaitées.")


def _check_within(tx: sa.Connection, act: Act, need: NeedBody) -> Iterator[Problem]:
    """Being near is told by the travel times of the territory, and by nothing else."""
    if need.within_minutes is None:
        return
    territory = store.find(tx, store.territories, act.territory)
    if territory is None or not territory["facts"].get("travel"):
        rule = "Le territoire n'a pas publié de temps de trajet entre ses communes."
        yield Problem("within_minutes", "no_travel_times", rule, "Citez les structures, ou publiez ces temps.")


def _check_criteria(act: Act, need: NeedBody, verified: Collection[DeclaredCriterion]) -> Iterator[Problem]:
    said = [(row.criterion, row.structure) for row in need.criteria]
    if len(set(said)) < len(said):
        yield Problem("criteria", "criterion_twice", "Chaque critère est cité une fois.", "Retirez le doublon.")
    for n, row in enumerate(need.criteria):
        if row.validated and row not in verified and not _may_validate(act, row.criterion):
            rule = f"Le guichet valide le critère «\u00a0{row.criterion.label}\u00a0»."
            yield Problem(f"criteria.{n}.validated", "not_yours_to_validate", rule, "Déclarez-le sans le valider.")
    if need.kind is RequestKind.URGENT and Criterion.INSERTION not in {criterion for criterion, _ in said}:
        rule = "Une demande urgente suit un parcours d'insertion."
        yield Problem("criteria", "insertion_wanted", rule, "Ajoutez le critère «\u00a0insertion\u00a0».")


def _may_validate(act: Act, criterion: Criterion) -> bool:
    """A counsellor's prescription validates insertion; the guichet validates the rest."""
    prescribed = act.actor.role is Role.COUNSELLOR and criterion is Criterion.INSERTION
    return prescribed or may(act.actor, Doing.VALIDATE_CRITERIA, Thing(act.territory))


def _structures(tx: sa.Connection, act: Act, ids: list[str]) -> set[str]:
    return set(tx.scalars(_OF_THEM, {"territory": act.territory, "ids": ids}))


_OF_THEM = sa.select(store.structures.c.id).where(
    store.structures.c.territory == sa.bindparam("territory"),
    store.structures.c.id.in_(sa.bindparam("ids", expanding=True)),
)
"""Built once: an import asks this twice a row."""


def _any_on_call(tx: sa.Connection, act: Act) -> tuple[WishedStructure, ...]:
    """Structures with an on-call place, all at the same rank; by id, so that the same request says the same."""
    vacancies = store.vacancies
    on_call = (
        vacancies.c.territory == act.territory,
        vacancies.c.kind == VacancyKind.ON_CALL.value,
        vacancies.c.withdrawn_at.is_(None),
    )
    found = tx.scalars(sa.select(vacancies.c.structure).where(*on_call).distinct().order_by(vacancies.c.structure))
    return tuple(WishedStructure(structure=id_, rank=1) for id_ in list(found)[:MOST_WISHES])

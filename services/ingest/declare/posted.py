"""What is checked of the places that a structure posts. Each rule is a sentence that it can read."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from contracts.vocabulary import Audience, Slot, VacancyKind
from services.calendar import date_in_full
from services.ingest import store
from services.ingest.actors import Act
from services.ingest.declare.bodies import check_dates, check_not_too_far, check_period, check_slots, is_dated
from services.ingest.problems import Problem

if TYPE_CHECKING:
    from services.ingest.declare.vacancies import SnapshotBody, VacancyBody

SNAPSHOT_AGE = timedelta(hours=24)
"""Older than a day, a picture of what is free is history."""


def sections_with_opening(tx: sa.Connection, names: Collection[str]) -> dict[str, dict[str, Any]]:
    """The sections of these names, each with the hours at which its structure is open: none where it said none."""
    rows = tx.execute(_WITH_FACTS, {"names": sorted(names)}).mappings()
    return {row["id"]: {**row, "opening": _opening(row["facts"])} for row in rows}


_WITH_FACTS = (
    sa.select(store.sections, store.structures.c.facts)
    .outerjoin(store.structures, store.structures.c.id == store.sections.c.structure)
    .where(store.sections.c.id.in_(sa.bindparam("names", expanding=True)))
)


def _opening(facts: Mapping[str, Any] | None) -> tuple[Slot, ...]:
    return tuple(Slot.model_validate(row) for row in facts["opening"]) if facts else ()


def check_vacancy(tx: sa.Connection, act: Act, body: VacancyBody, section: Mapping[str, Any]) -> Iterator[Problem]:
    """`section` as `sections_with_opening` gives it."""
    yield from check_slots(body.slots, "slots")
    yield from check_period(body.period, act.today, "period")
    yield from check_dates(body.slots, body.period, "slots")
    yield from _check_kind(body)
    yield from _check_places(body.places, section, "places")
    yield from _check_opening(body.slots, section["opening"], "slots")
    yield from _check_release(act, body)
    yield from _check_agreement(tx, act, body)


def check_snapshot(tx: sa.Connection, act: Act, body: SnapshotBody, section: Mapping[str, Any]) -> Iterator[Problem]:
    yield from _check_as_of(tx, act, body)
    for n, free in enumerate(body.free):
        yield from check_slots(free.slots, f"free.{n}.slots")
        yield from check_period(free.period, act.today, f"free.{n}.period", may_have_begun=True)
        yield from _check_places(free.places, section, f"free.{n}.places")
        yield from _check_opening(free.slots, section["opening"], f"free.{n}.slots")
        if is_dated(free.slots):
            rule = "Un état complet dit les places de chaque semaine."
            yield Problem(f"free.{n}.slots", "weekdays_wanted", rule, "Publiez les places d'un jour une à une.")


def _check_kind(body: VacancyBody) -> Iterator[Problem]:
    if body.kind is VacancyKind.REGULAR and is_dated(body.slots):
        rule = "Une place régulière revient chaque semaine."
        yield Problem(
            "slots", "weekdays_wanted", rule, "Donnez des jours de semaine, ou choisissez «\u00a0ponctuelle\u00a0»."
        )
    if body.kind is VacancyKind.OCCASIONAL and not is_dated(body.slots):
        rule = "Une place ponctuelle a une date."
        yield Problem("slots", "dates_wanted", rule, "Donnez des dates, ou choisissez «\u00a0régulière\u00a0».")


def _check_places(places: int, section: Mapping[str, Any], field: str) -> Iterator[Problem]:
    most = section["places"]
    if most and places > most:
        rule = f"La section «\u00a0{section['name']}\u00a0» a {most} places en tout."
        yield Problem(field, "more_than_section", rule, "Corrigez le nombre, ou publiez la structure de nouveau.")


def _check_opening(slots: tuple[Slot, ...], opening: tuple[Slot, ...], field: str) -> Iterator[Problem]:
    for n, slot in enumerate(slots):
        if opening and not any(_within(slot, hours) for hours in opening):
            rule = f"La structure n'est pas ouverte à ces heures le {slot.weekday.label}."
            yield Problem(
                f"{field}.{n}", "outside_opening", rule, "Corrigez les heures, ou les horaires de la structure."
            )


def _within(slot: Slot, hours: Slot) -> bool:
    """Hours of a date hold on that date only, hours of a weekday on each of them."""
    same_day = hours.day in (slot.day, slot.weekday)
    return same_day and hours.start <= slot.start and slot.end <= hours.end


def _check_release(act: Act, body: VacancyBody) -> Iterator[Problem]:
    if body.release_at is None:
        return
    if body.audience is Audience.EVERYBODY:
        rule = "Une place ouverte à tous n'a pas d'heure d'ouverture à tous."
        yield Problem("release_at", "release_without_audience", rule, "Retirez l'heure, ou choisissez un public.")
    if body.release_at <= act.now:
        rule = "L'heure d'ouverture à tous est à venir."
        yield Problem("release_at", "in_the_past", rule, "Indiquez une heure à venir.")
    yield from check_not_too_far(body.release_at.date(), act.today, "release_at")


def _check_agreement(tx: sa.Connection, act: Act, body: VacancyBody) -> Iterator[Problem]:
    if body.kind is not VacancyKind.ON_CALL:
        if body.agreement is not None:
            rule = "Seule une place d'astreinte repose sur un accord."
            yield Problem("agreement", "agreement_not_wanted", rule, "Retirez l'accord, ou choisissez l'astreinte.")
        return
    row = store.find(tx, store.agreements, body.agreement) if body.agreement else None
    if row is None or row["section"] != body.section or row["territory"] != act.territory or row["ended_at"]:
        rule = "Une place d'astreinte repose sur un accord en cours pour cette section."
        yield Problem("agreement", "agreement_wanted", rule, "Enregistrez d'abord l'accord.")
        return
    yield from _check_validity(body, row["valid_until"])


def _check_validity(body: VacancyBody, valid_until: date) -> Iterator[Problem]:
    if body.period.end is None or body.period.end > valid_until + timedelta(days=1):
        rule = f"L'accord vaut jusqu'au {date_in_full(valid_until, with_year=True)}."
        yield Problem("period.end", "beyond_agreement", rule, "Finissez avant cette date, ou prolongez l'accord.")


def _check_as_of(tx: sa.Connection, act: Act, body: SnapshotBody) -> Iterator[Problem]:
    if body.as_of > act.now:
        rule = "L'état complet n'est pas dans le futur."
        yield Problem("as_of", "in_the_future", rule, "Vérifiez l'horloge du logiciel.")
    elif body.as_of < act.now - SNAPSHOT_AGE:
        yield Problem("as_of", "too_old", "L'état complet a moins d'un jour.", "Envoyez l'état d'aujourd'hui.")
    snapshots = store.snapshots
    newest = tx.scalar(sa.select(sa.func.max(snapshots.c.as_of)).where(snapshots.c.section == body.section))
    if newest is not None and newest >= body.as_of:
        rule = "Un état plus récent est déjà enregistré."
        yield Problem("as_of", "not_newest", rule, "Envoyez l'état du moment.")

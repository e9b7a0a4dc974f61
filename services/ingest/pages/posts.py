"""Posting a place from a form: once, however often the form is sent."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import date, time
from typing import Any

import sqlalchemy as sa

from contracts.vocabulary import Audience, Period, Slot, VacancyKind, Weekday
from services.ingest import store
from services.ingest.actors import Act
from services.ingest.declare.vacancies import VacancyBody
from services.ingest.pages.forms import body

FIELDS = {
    "section": "section",
    "slots": "de",
    "places": "places",
    "period": "debut",
    "period.start": "debut",
    "period.end": "fin",
    "agreement": "accord",
    "": "de",
}
"""Where a form shows what `open_vacancy` refuses."""


def post_once(tx: sa.Connection, act: Act, do: Callable[[sa.Connection, Act, VacancyBody], str], what: Any) -> str:
    """Do it unless this very act was done: a form sent twice posts one place. Returns the vacancy's id."""
    id_ = act.new_id("V")
    store.one_at_a_time(tx, id_)
    return id_ if store.find(tx, store.vacancies, id_) is not None else do(tx, act, what)


def vacancy_body(
    section: str, kind: VacancyKind, slots: tuple[Slot, ...], places: int, period: Period, agreement: str | None = None
) -> VacancyBody:
    """The body of a post. An on-call place is kept for urgent needs of insertion. Raises Refused."""
    audience = Audience.URGENT_INSERTION if kind is VacancyKind.ON_CALL else Audience.EVERYBODY
    facts = {"section": section, "kind": kind, "slots": slots, "places": places, "period": period}
    return body(VacancyBody, **facts, agreement=agreement, audience=audience)


def slots(days: Iterable[Weekday | date], of_day: tuple[time, time]) -> tuple[Slot, ...]:
    return tuple(Slot(day=day, start=of_day[0], end=of_day[1]) for day in days)

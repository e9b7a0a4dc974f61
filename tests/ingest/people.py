"""An invented territory: its people, a crèche, a need. Nothing here exists."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from typing import Any

import sqlalchemy as sa

from contracts.base import Event
from contracts.requests import AcceptedPattern, DeclaredCriterion, WishedStructure
from contracts.structures import SectionFacts
from contracts.territories import Commune, Ring
from contracts.topics import parse
from contracts.vocabulary import (
    Audience,
    Channel,
    Criterion,
    Period,
    RequestKind,
    Slot,
    StructureKind,
    VacancyKind,
    Weekday,
)
from services.bus import outbox
from services.ingest.actors import Act, Actor, Role
from services.ingest.declare.agreements import AgreementBody, sign_agreement
from services.ingest.declare.needs import NeedBody
from services.ingest.declare.requests import register_request
from services.ingest.declare.structures import StructureBody, publish_structure
from services.ingest.declare.territories import TerritoryBody, publish_territory
from services.ingest.declare.vacancies import VacancyBody, open_vacancy

NOW = datetime(2026, 11, 2, 8, 0, tzinfo=UTC)
TODAY = date(2026, 11, 2)
TERRITORY = "montlucon"
CRECHE, OTHER = "S-cailloux", "S-tilleuls"
GRANDS, BEBES, ELSEWHERE = "S-cailloux-grands", "S-cailloux-bebes", "S-tilleuls-tous"

DIRECTOR = Actor("P-directrice", Role.STRUCTURE, TERRITORY, structure=CRECHE)
OTHER_DIRECTOR = Actor("P-directeur", Role.STRUCTURE, TERRITORY, structure=OTHER)
COUNSELLOR = Actor("P-conseillere", Role.COUNSELLOR, TERRITORY)
OTHER_COUNSELLOR = Actor("P-conseiller", Role.COUNSELLOR, TERRITORY)
COORDINATOR = Actor("P-coordinatrice", Role.COORDINATOR, TERRITORY)
COMMITTEE = Actor("P-commission", Role.COMMITTEE, TERRITORY)
ADMINISTRATOR = Actor("P-admin", Role.ADMINISTRATOR, TERRITORY)
ANYBODY = Actor("public", Role.PUBLIC, TERRITORY)
STRANGER = Actor("P-ailleurs", Role.COORDINATOR, "vichy")

OPENING = tuple(
    Slot(day=day, start=time(7, 30), end=time(18, 30))
    for day in (Weekday.MON, Weekday.TUE, Weekday.WED, Weekday.THU, Weekday.FRI)
)
TUESDAY = Slot(day=Weekday.TUE, start=time(8), end=time(17))
TERM = Period(start=date(2026, 11, 10), end=date(2027, 8, 1))


def act(actor: Actor, now: datetime = NOW, channel: Channel = Channel.API, cause: str | None = None) -> Act:
    return Act(actor, now, channel, cause)


def later(**delta: int) -> datetime:
    return NOW + timedelta(**delta)


def square(west: float, south: float, side: float = 0.04) -> Ring:
    """An invented border: two squares of one side beside each other share theirs."""
    east, north = round(west + side, 4), round(south + side, 4)
    return ((west, south), (east, south), (east, north), (west, north), (west, south))


def territory_body(**changes: Any) -> TerritoryBody:
    facts: dict[str, Any] = {
        "name": "Montluçon Communauté (synthétique)",
        "guichet_name": "Guichet enfance",
        "guichet_phone": "04 65 71 00 10",
        "communes": (
            Commune(code="03185", name="Montluçon", population=33317, outline=(square(2.58, 46.32),)),
            Commune(code="03098", name="Désertines", population=4323, outline=(square(2.62, 46.32),)),
        ),
        "outlines_source": "essai, 2026",
        "policy": "montlucon-modele-2026",
    }
    return TerritoryBody(**{**facts, **changes})


def structure_body(**changes: Any) -> StructureBody:
    facts: dict[str, Any] = {
        "name": "Les Petits Cailloux (synthétique)",
        "kind": StructureKind.CRECHE,
        "commune": "03098",
        "capacity": 24,
        "phone": "04 65 71 00 21",
        "sections": (
            SectionFacts(section=BEBES, name="Bébés", age_from_months=2, age_to_months=17, places=10),
            SectionFacts(section=GRANDS, name="Grands", age_from_months=18, age_to_months=42, places=14),
        ),
        "opening": OPENING,
    }
    return StructureBody(**{**facts, **changes})


def other_structure() -> StructureBody:
    section = SectionFacts(section=ELSEWHERE, name="Tous", age_from_months=2, age_to_months=47, places=12)
    return structure_body(name="Les Tilleuls (synthétique)", commune="03185", sections=(section,))


def vacancy_body(**changes: Any) -> VacancyBody:
    facts: dict[str, Any] = {"section": GRANDS, "kind": VacancyKind.REGULAR, "slots": (TUESDAY,), "places": 2}
    return VacancyBody(**{**facts, "period": TERM, **changes})


def need_body(**changes: Any) -> NeedBody:
    facts: dict[str, Any] = {
        "kind": RequestKind.REGULAR,
        "born": date(2025, 1, 14),
        "commune": "03098",
        "wishes": (WishedStructure(structure=CRECHE, rank=1),),
        "patterns": (AcceptedPattern(slots=(TUESDAY,), rank=1),),
        "period": Period(start=date(2026, 11, 10)),
        "criteria": (DeclaredCriterion(criterion=Criterion.SINGLE_PARENT),),
    }
    return NeedBody(**{**facts, **changes})


def urgent_need(**changes: Any) -> NeedBody:
    tomorrow = TODAY + timedelta(days=1)
    slot = Slot(day=tomorrow, start=time(8, 30), end=time(16, 30))
    facts: dict[str, Any] = {
        "kind": RequestKind.URGENT,
        "patterns": (AcceptedPattern(slots=(slot,), rank=1),),
        "period": Period(start=tomorrow, end=tomorrow + timedelta(days=1)),
        "criteria": (DeclaredCriterion(criterion=Criterion.INSERTION, validated=True),),
    }
    return need_body(**{**facts, **changes})


def publish_all(tx: sa.Connection) -> None:
    """The territory with its two structures."""
    publish_territory(tx, act(COORDINATOR), territory_body())
    publish_structure(tx, act(COORDINATOR), CRECHE, structure_body())
    publish_structure(tx, act(COORDINATOR), OTHER, other_structure())


def open_on_call(tx: sa.Connection) -> str:
    agreement = sign_agreement(
        tx,
        act(DIRECTOR),
        AgreementBody(
            section=GRANDS,
            notice_hours=12,
            age_from_months=18,
            age_to_months=42,
            days_per_child=5,
            valid_until=date(2027, 8, 31),
        ),
    )
    on_call = {"kind": VacancyKind.ON_CALL, "agreement": agreement, "audience": Audience.URGENT_INSERTION}
    period = Period(start=TODAY, end=date(2027, 8, 1))
    return open_vacancy(tx, act(DIRECTOR), vacancy_body(**on_call, places=1, period=period))


def register(tx: sa.Connection, request: str = "R-1", actor: Actor = COORDINATOR, need: NeedBody | None = None) -> str:
    ids = {"request": request, "family": f"F-{request}", "child": f"E-{request}"}
    return register_request(tx, act(actor), need or need_body(), **ids)


def said(tx: sa.Connection, kind: type[Event] = Event) -> list[Event]:
    """The events of the outbox, oldest first."""
    events = [parse(row.body) for row in outbox.after(tx, 0, 100_000)]
    return [event for event in events if isinstance(event, kind)]

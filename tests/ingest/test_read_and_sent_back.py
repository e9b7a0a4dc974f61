"""What a program reads of a request, a structure or a place and sends back as it is changes nothing."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any

import pytest
from pydantic import BaseModel

from contracts.requests import AcceptedPattern, DeclaredCriterion, WishedStructure
from contracts.structures import OnDuty, SectionFacts, Staffing
from contracts.territories import TravelTime
from contracts.vocabulary import AwardMode, Criterion, Id, LimitReason, Period, RequestKind, Slot, Tariff, Weekday
from services.ingest import credentials, store
from services.ingest.declare.needs import NeedBody
from services.ingest.declare.structures import StructureBody
from services.ingest.declare.territories import publish_territory
from tests.ingest.doors import FAMILY, Doors
from tests.ingest.people import (
    BEBES,
    COORDINATOR,
    COUNSELLOR,
    CRECHE,
    GRANDS,
    NOW,
    OPENING,
    OTHER,
    TODAY,
    act,
    later,
    need_body,
    register,
    structure_body,
    territory_body,
    vacancy_body,
)
from tests.ingest.proposals import made, placed

WEEK = (Slot(day=Weekday.MON, start=time(8), end=time(12)), Slot(day=Weekday.TUE, start=time(8), end=time(17)))
NEED: dict[str, Any] = {
    "kind": RequestKind.TRANSFER,
    "born": date(2027, 3, 1),
    "is_born": False,
    "wishes": (WishedStructure(structure=OTHER, rank=2), WishedStructure(structure=CRECHE, rank=1)),
    "patterns": (AcceptedPattern(slots=WEEK, rank=2), AcceptedPattern(slots=WEEK[1:], rank=1)),
    "period": Period(start=date(2027, 9, 1), end=date(2028, 8, 1)),
    "tolerance_days": 14,
    "travel_minutes": 20,
    "criteria": (
        DeclaredCriterion(criterion=Criterion.SIBLING_PRESENT, validated=True, structure=CRECHE),
        DeclaredCriterion(criterion=Criterion.DISABILITY, validated=True),
        DeclaredCriterion(criterion=Criterion.SINGLE_PARENT),
    ),
    "needs_support": True,
    "since": date(2027, 8, 25),
    "prescriber": COUNSELLOR.id,
    "urgent_sms_agreed": True,
    "file_complete": True,
    "accepts_partial": True,
    "min_days": 2,
    "current": "L-1",
    "accepts_split": True,
    "within_minutes": 20,
}
"""Every field otherwise than by default."""

STRUCTURE: dict[str, Any] = {
    "address": "1 rue de l'Essai",
    "award_mode": AwardMode.EMPLOYER_RESERVED,
    "tariff": Tariff.PAJE,
    "avip": True,
    "closures": (Period(start=date(2026, 12, 24), end=date(2027, 1, 2)),),
    "prepared_support": 2,
    "support_until": TODAY + timedelta(days=90),
    "support_reason": LimitReason.TRAINING,
    "manager": "M-1",
    "insertion_children": 3,
    "staffing": Staffing(on_duty=(OnDuty(slots=OPENING, adults=3),)),
    "sections": (
        SectionFacts(section=BEBES, name="Bébés", age_from_months=2, age_to_months=17, places=10, starts_per_week=2),
        SectionFacts(section=GRANDS, name="Grands", age_from_months=18, age_to_months=42, places=14),
    ),
}


def at_default(body: BaseModel) -> set[str]:
    """The fields that a body leaves as they are when nobody says them: nothing is shown of these."""
    fields = type(body).model_fields.items()
    return {name for name, field in fields if not field.is_required() and getattr(body, name) == field.default}


async def kept(doors: Doors, table: Any, id_: Id) -> dict[str, Any]:
    row = await doors.guichet.database.read(store.find, table, id_)
    assert row is not None
    return {name: value for name, value in row.items() if name not in ("amended_at", "published_at", "counted_at")}


async def registered(doors: Doors) -> str:
    """The request with everything in it, of a child that has a place already."""
    need = need_body(born=NEED["born"], is_born=False, prescriber=COUNSELLOR.id)
    person = {"id": COUNSELLOR.id, "territory": COUNSELLOR.territory, "role": "counsellor", "registered_at": NOW}
    await doors.write(store.put, credentials.persons, person)
    around = {"travel": (TravelTime(one="03185", other="03098", minutes=8),), "travel_source": "essai, 2026"}
    await doors.write(publish_territory, act(COORDINATOR), territory_body(**around))
    await doors.write(register, "R-1", COORDINATOR, need)
    await doors.hear(made(), placed())
    row = await kept(doors, store.requests, "R-1")
    family = {**FAMILY, "family": row["family"], "child": row["child"]}
    body = need_body(**NEED)
    answer = await doors.post("/requests", "coordinator", {**body.model_dump(mode="json"), **family})
    assert answer.status_code == 202, answer.text
    return str(answer.json()["id"])


@pytest.mark.parametrize("who", ["coordinator", "counsellor"])
async def test_a_request_sent_back_as_it_was_read_is_the_same_request(doors: Doors, who: str) -> None:
    """The counsellor reads no health and sends none back; what the guichet verified of it stays."""
    request = await registered(doors)
    assert at_default(need_body(**NEED)) == set()
    before = await kept(doors, store.requests, request)
    read = (await doors.get(f"/requests/{request}", who)).json()
    assert read["urgent_sms_agreed"] is True
    assert set(read["need"]) == set(NeedBody.model_fields)
    assert any(line["criterion"] == "disability" for line in read["need"]["criteria"]) == (who == "coordinator")
    answer = await doors.call("PUT", f"/requests/{request}", who, read["need"])
    assert answer.status_code == 202, answer.text
    after = await kept(doors, store.requests, request)
    assert {**after, "need": sorted_criteria(after)} == {**before, "need": sorted_criteria(before)}
    assert (await doors.get(f"/requests/{request}", who)).json()["need"] == read["need"]


def sorted_criteria(row: dict[str, Any]) -> dict[str, Any]:
    """The order of criteria says nothing."""
    return {**row["need"], "criteria": sorted(row["need"]["criteria"], key=lambda line: line["criterion"])}


@pytest.mark.parametrize("who", ["director", "coordinator"])
async def test_a_structure_sent_back_as_it_was_read_is_the_same_structure(doors: Doors, who: str) -> None:
    body = structure_body(**STRUCTURE)
    assert at_default(body) == set()
    await doors.call("PUT", f"/structures/{CRECHE}", "coordinator", body.model_dump(mode="json"))
    before = await kept(doors, store.structures, CRECHE)
    read = (await doors.get(f"/structures/{CRECHE}", who)).json()["publication"]
    assert set(read) == set(StructureBody.model_fields)
    assert (await doors.call("PUT", f"/structures/{CRECHE}", who, read)).status_code == 202
    assert await kept(doors, store.structures, CRECHE) == before


@pytest.mark.parametrize("who", ["public", "other_director", "counsellor", "committee"])
async def test_nobody_else_reads_how_a_structure_is_staffed(doors: Doors, who: str) -> None:
    answer = await doors.get(f"/structures/{CRECHE}", None if who == "public" else who)
    assert "publication" not in answer.json() and "staffing" not in answer.text


async def test_the_committee_reads_no_whole_need(doors: Doors) -> None:
    request = await registered(doors)
    view = (await doors.get(f"/requests/{request}", "committee")).json()
    assert not {"need", "urgent_sms_agreed"} & set(view)


async def test_a_places_own_count_sent_back_changes_nothing(doors: Doors) -> None:
    """What was given since is off the count: sending back what was posted would open a place that is taken."""
    posted = await doors.post("/vacancies", "director", vacancy_body(places=2).model_dump(mode="json"))
    place = f"/vacancies/{posted.json()['id']}"
    await doors.hear(made(), made("O-2", "R-2", code="4822"), placed(now=later(minutes=1)))
    before = (await doors.get(place, "director")).json()
    assert (before["posted"], before["left"], before["free"], before["proposed"]) == (2, 1, 0, 1)
    doors.clock.set(later(minutes=2))
    change = {"places": before["left"], "period": before["period"]}
    assert (await doors.post(f"{place}/changes", "director", change)).status_code == 202
    after = (await doors.get(place, "director")).json()
    assert [after[name] for name in ("left", "free", "proposed", "period")] == [
        before[name] for name in ("left", "free", "proposed", "period")
    ]

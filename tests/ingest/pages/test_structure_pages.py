"""What a structure says of itself on its page: manager, capacity, starts, team; by whom it may be said."""

from __future__ import annotations

from datetime import date, time
from typing import Any

import pytest

from contracts.structures import OnDuty, Present, Staffing, StructurePublished
from contracts.vocabulary import Slot, StaffMethod, Weekday
from services.ingest.declare.structures import publish_structure
from tests.ingest.pages.reading import faults, read, words
from tests.ingest.pages.town import Town
from tests.ingest.people import COORDINATOR, CRECHE, act, structure_body

PAGE = f"/structure/{CRECHE}"
TEAM = {"de": "08:00", "a": "18:00", "methode": "one_in_six", "adultes-mon": "3", "petits-mon": "4", "grands-mon": "8"}


async def sent_as_shown(town: Town, who: str, **changes: str) -> Any:
    """The form as it opens, with these changes."""
    client = await town.signed_in(who)
    shown = read((await client.get(PAGE)).text)
    values = {row["name"]: row.get("value") or "" for row in shown.inputs if row.get("name")}
    return await client.post(PAGE, data={**values, "methode": "by_walking", **changes})


@pytest.mark.parametrize("who", ["director", "coordinator", "administrator"])
async def test_who_publishes_a_structure_says_its_manager_its_capacity_and_its_team(town: Town, who: str) -> None:
    answer = await sent_as_shown(
        town, who, capacite="30", gestionnaire="commune", insertion="2", **{"debuts-0": "2", "places-1": "15"}, **TEAM
    )
    assert answer.headers["location"] == f"{PAGE}?fait=structure"
    (said,) = await town.said(StructurePublished)
    assert (said.capacity, said.manager, said.insertion_children) == (30, "commune", 2)
    assert [(row.places, row.starts_per_week) for row in said.sections] == [(10, 2), (15, None)]
    monday = (Slot(day=Weekday.MON, start=time(8), end=time(18)),)
    team = Staffing(
        method=StaffMethod.ONE_IN_SIX,
        on_duty=(OnDuty(slots=monday, adults=3),),
        present=(Present(slots=monday, younger=4, older=8),),
    )
    assert said.staffing == team
    assert said.opening == structure_body().opening, "what the form does not show stays"


async def test_sent_as_it_opens_the_form_changes_nothing(town: Town) -> None:
    await sent_as_shown(town, "director", **TEAM)
    await sent_as_shown(town, "director", methode="one_in_six")
    first, again = await town.said(StructurePublished)
    assert first.model_dump(exclude={"id"}) == again.model_dump(exclude={"id"})


async def test_wrong_numbers_stand_beside_their_fields(town: Town) -> None:
    answer = await sent_as_shown(town, "director", capacite="beaucoup", gestionnaire="deux mots", **{"debuts-0": "0"})
    assert (answer.status_code, set(faults(answer.text))) == (422, {"capacite", "debuts-0"})
    wrong = await sent_as_shown(town, "director", gestionnaire="deux mots")
    assert (wrong.status_code, faults(wrong.text)) == (422, ["gestionnaire"])
    assert await town.said(StructurePublished) == []


async def test_another_direction_neither_reads_nor_changes_it(town: Town) -> None:
    other = await town.signed_in("other_director")
    assert (await other.get(PAGE)).status_code == (await other.post(PAGE, data={})).status_code == 403


async def test_what_somebody_has_published_meanwhile_is_not_written_over(town: Town) -> None:
    answer = await sent_as_shown(town, "director", version="2026-01-01T00:00:00+00:00")
    assert answer.status_code == 422 and "publiée entre-temps" in words(answer.text)
    assert await town.said(StructurePublished) == []


async def test_a_team_that_changes_from_hour_to_hour_is_left_to_the_software_that_says_it(town: Town) -> None:
    slots = [
        (Slot(day=Weekday.MON, start=time(8), end=time(12)),),
        (Slot(day=Weekday.MON, start=time(9), end=time(18)),),
    ]
    staffing = Staffing(on_duty=tuple(OnDuty(slots=own, adults=2) for own in slots))
    await town.write(publish_structure, act(COORDINATOR), CRECHE, structure_body(staffing=staffing))
    town.begun += 1
    page = words((await (await town.signed_in("director")).get(PAGE)).text)
    assert "Cette équipe change d'heure en heure." in page
    await sent_as_shown(town, "director", capacite="25")
    (said,) = await town.said(StructurePublished)
    assert (said.capacity, said.staffing) == (25, staffing)


async def test_the_guichet_finds_the_structure_and_the_places_that_it_may_hold(town: Town) -> None:
    coordinator = await town.signed_in("coordinator")
    assert PAGE in read((await coordinator.get("/guichet/territoire")).text).targets
    targets = read((await coordinator.get(PAGE)).text).targets
    assert any(target.startswith("/campagne/place/") for target in targets)


async def test_the_guichet_writes_a_limit_of_adapted_care_and_the_direction_reads_it(town: Town) -> None:
    limit = {"adaptes": "2", "adaptes_motif": "training", "adaptes_fin": "30/04/2027"}
    wrong = await sent_as_shown(town, "coordinator", **{**limit, "adaptes_motif": "", "adaptes_fin": ""})
    assert (wrong.status_code, set(faults(wrong.text))) == (422, {"adaptes_motif", "adaptes_fin"})
    await sent_as_shown(town, "coordinator", **limit)
    (said,) = await town.said(StructurePublished)
    assert (said.prepared_support, said.support_until, said.support_reason) == (2, date(2027, 4, 30), "training")
    shown = (await (await town.signed_in("director")).get(PAGE)).text
    assert "2\u00a0enfants à la fois" in words(shown)
    assert "adaptes" not in [row.get("name") for row in read(shown).inputs]
    await sent_as_shown(town, "director")
    assert (await town.said(StructurePublished))[-1].support_until == date(2027, 4, 30), "what it does not show stays"

"""Changing a request in a form: what is shown, what is kept, what is refused, and that it is said once."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any

import httpx2
import pytest

from contracts.requests import AcceptedPattern, DeclaredCriterion, RequestAmended, WishedStructure
from contracts.vocabulary import Criterion, Period, RequestKind, Slot, Weekday
from services.ingest.actors import Role
from services.ingest.declare.needs import NeedBody
from services.ingest.declare.requests import need_of, open_request, version_of
from services.ingest.families import AmendmentBody, contacts_for, prepare_amendment
from services.ingest.pages import amended_needs
from services.ingest.pages.forms import Form
from services.ingest.problems import Refused
from tests.ingest.pages.reading import faults, read, words
from tests.ingest.pages.town import TOMORROW, Town
from tests.ingest.people import COORDINATOR, CRECHE, OTHER, act, need_body, urgent_need

GUICHET, CONSEIL = "/guichet/dossier/R-3/modifier", "/conseil/dossier/R-urgent/modifier"


def fields(html: str) -> dict[str, list[str]]:
    """What a browser would send of a form that nobody touched."""
    values: dict[str, list[str]] = {}
    main = html.partition("<main")[2]
    for field in read(main).inputs:
        of_box = field.get("type") in ("checkbox", "radio")
        if "name" in field and "value" in field and not (of_box and "checked" not in field):
            values.setdefault(field["name"], []).append(field["value"])
    return values | chosen(main)


def chosen(html: str) -> dict[str, list[str]]:
    lists = [part.partition("</select>")[0] for part in html.split("<select")[1:]]
    names = [text.partition('name="')[2].partition('"')[0] for text in lists]
    picked = [[option.partition('"')[0] for option in text.split('value="')[1:] if " selected" in option[:60]]
              for text in lists]  # fmt: skip
    return {name: values for name, values in zip(names, picked, strict=True) if values}


async def opened(client: httpx2.AsyncClient, path: str, **changes: str | list[str]) -> dict[str, list[str]]:
    page = await client.get(path)
    assert page.status_code == 200
    return {
        **fields(page.text),
        **{name: [value] if isinstance(value, str) else value for name, value in changes.items()},
    }


async def changed(town: Town, who: str, path: str, **changes: Any) -> RequestAmended:
    """Send the form twice, as the two steps do. Returns what was said."""
    client = await town.signed_in(who)
    form = await opened(client, path, **changes)
    look = await client.post(path, data={**form, "etape": "verifier"})
    assert look.status_code == 200, words(look.text)
    assert await town.said(RequestAmended) == []
    for _ in range(2):
        done = await client.post(path, data={**fields(look.text), "etape": "enregistrer"})
        assert done.status_code == 303, words(done.text)
    (said,) = await town.said(RequestAmended)
    return said


async def test_the_guichet_changes_the_week_the_dates_the_wishes_and_the_travel(town: Town) -> None:
    said = await changed(
        town, "coordinator", GUICHET, de_mon="08:00", a_mon="12:15", de_tue="", a_tue="", fin="2027-07-31",
        voeu2=OTHER, trajet="20", souplesse="14",
    )  # fmt: skip
    assert said.patterns[0].slots == (Slot(day=Weekday.MON, start=time(8), end=time(12, 15)),)
    assert said.period == Period(start=date(2026, 11, 10), end=date(2027, 8, 1))
    assert said.wishes == (WishedStructure(structure=CRECHE, rank=1), WishedStructure(structure=OTHER, rank=2))
    assert (said.travel_minutes, said.tolerance_days) == (20, 14)
    assert (said.family, said.subject) == ("F-R-3", "R-3")


async def test_the_last_look_shows_what_changes_and_what_it_was(town: Town) -> None:
    client = await town.signed_in("coordinator")
    look = words((await client.post(GUICHET, data=await opened(client, GUICHET, trajet="20", etape="verifier"))).text)
    assert "Trajet 20\u00a0minutes Avant\u00a0: 0\u00a0minute" in look
    assert "Jours voulus" not in look
    assert "Une proposition est en cours." in look


async def test_a_verified_criterion_counts_and_one_for_a_structure_keeps_it(town: Town) -> None:
    sibling = DeclaredCriterion(criterion=Criterion.SIBLING_PRESENT, validated=True, structure=CRECHE)
    form = amended_needs.shown(need_body(criteria=(sibling,)), Role.COORDINATOR)
    assert amended_needs.read(form, need_body(criteria=(sibling,)), Role.COORDINATOR)["criteria"] == (sibling,)
    said = await changed(town, "coordinator", GUICHET, criteres=["single_parent"])
    assert said.criteria == (DeclaredCriterion(criterion=Criterion.SINGLE_PARENT, validated=True),)


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"de_mon": "08:00"}, "a_mon"),
        ({"de_mon": "12:00", "a_mon": "08:00"}, "a_mon"),
        ({"de_tue": "", "a_tue": ""}, "de_mon"),
        ({"de_tue": "08:07"}, "de_mon"),
        ({"debut": "demain"}, "debut"),
        ({"fin": "2026-11-01"}, "fin"),
        ({"trajet": "beaucoup"}, "trajet"),
        ({"voeu1": ""}, "voeu1"),
        ({"voeu2": CRECHE}, "voeu1"),
        ({"naissance": "2030-01-01"}, "naissance"),
        ({}, "version"),
        ({"trajet": "5", "version": "2026-01-01"}, "version"),
    ],
)
async def test_a_fault_stands_beside_its_field_and_nothing_is_said(
    town: Town, changes: dict[str, str], field: str
) -> None:
    client = await town.signed_in("coordinator")
    form = await opened(client, GUICHET, etape="enregistrer" if changes else "verifier", **changes)
    answer = await client.post(GUICHET, data=form)
    assert (answer.status_code, faults(answer.text)) == (422, [field])
    assert field in read(answer.text).ids
    assert await town.said(RequestAmended) == []


async def test_a_counsellor_changes_its_own_request_and_not_what_the_guichet_verified(town: Town) -> None:
    said = await changed(town, "counsellor", CONSEIL, trajet="45", declares=["single_parent"])
    assert said.travel_minutes == 45
    assert {(line.criterion.value, line.validated) for line in said.criteria} == {
        ("insertion", True), ("single_parent", False),
    }  # fmt: skip
    assert [slot.day for slot in said.patterns[0].slots] == [TOMORROW + timedelta(days=n) for n in range(3)]
    assert said.prescriber == "P-conseillere"


def test_what_a_counsellor_may_not_see_or_change_survives_its_form() -> None:
    lines = tuple(
        DeclaredCriterion(criterion=criterion, validated=True)
        for criterion in (Criterion.INSERTION, Criterion.DISABLED_RELATIVE, Criterion.DISABILITY, Criterion.TWINS)
    )
    need = urgent_need(criteria=lines, needs_support=True)
    form = amended_needs.shown(need, Role.COUNSELLOR)
    assert form.all("criteres") == form.all("declares") == []
    form.values["criteres"] = ["single_parent"]  # a box that this role was not shown
    assert set(amended_needs.read(form, need, Role.COUNSELLOR)["criteria"]) == set(lines)


async def test_a_counsellor_may_keep_a_line_that_the_guichet_verified_and_add_none(town: Town) -> None:
    await changed(town, "coordinator", "/guichet/dossier/R-urgent/modifier", criteres=["insertion", "twins"])
    client = await town.signed_in("counsellor")
    form = await opened(client, CONSEIL, trajet="10", etape="enregistrer")
    assert "Naissance multiple" in words((await client.get(CONSEIL)).text)
    assert (await client.post(CONSEIL, data=form)).status_code == 303
    _, said = await town.said(RequestAmended)
    assert DeclaredCriterion(criterion=Criterion.TWINS, validated=True) in said.criteria


SPLIT = (Slot(day=Weekday.MON, start=time(8), end=time(11)), Slot(day=Weekday.MON, start=time(14), end=time(17)))
AWKWARD = [
    need_body(patterns=(AcceptedPattern(slots=SPLIT, rank=1), AcceptedPattern(slots=SPLIT[:1], rank=2))),
    need_body(
        kind=RequestKind.OCCASIONAL,
        period=Period(start=date(2026, 11, 10), end=date(2026, 11, 14)),
        patterns=(AcceptedPattern(slots=(
            Slot(day=date(2026, 11, 10), start=time(8), end=time(11)),
            Slot(day=date(2026, 11, 12), start=time(9), end=time(17)),
        ), rank=1),),
    ),
    urgent_need(wishes=(WishedStructure(structure=CRECHE, rank=1), WishedStructure(structure=OTHER, rank=1))),
    need_body(wishes=tuple(WishedStructure(structure=f"S-{n}", rank=n) for n in range(1, 8))),
    need_body(is_born=False, born=date(2027, 1, 1), since=date(2026, 9, 1), urgent_sms_agreed=True, file_complete=True),
]  # fmt: skip


@pytest.mark.parametrize("role", [Role.COORDINATOR, Role.COUNSELLOR])
@pytest.mark.parametrize("need", AWKWARD, ids=range(len(AWKWARD)))
def test_a_form_that_nobody_touched_changes_nothing_whatever_it_can_show(need: NeedBody, role: Role) -> None:
    form = Form(amended_needs.shown(need, role).values)
    assert NeedBody(**amended_needs.read(form, need, role)) == need
    assert form.problems == []


def test_the_entry_that_was_wanted_follows_the_first_day_unless_another_was_agreed() -> None:
    need = need_body(since=date(2026, 11, 10))
    form = amended_needs.shown(need, Role.COORDINATOR)
    form.values["debut"] = ["2027-01-04"]
    assert amended_needs.read(form, need, Role.COORDINATOR)["since"] == date(2027, 1, 4)
    agreed = need_body(since=date(2026, 9, 1))
    assert amended_needs.read(form, agreed, Role.COORDINATOR)["since"] == date(2026, 9, 1)


def test_other_weeks_that_would_do_are_taken_out_only_when_somebody_says_so() -> None:
    need = AWKWARD[0]
    form = amended_needs.shown(need, Role.COORDINATOR)
    form.values["a_mon"] = ["16:00"]
    assert len(amended_needs.read(form, need, Role.COORDINATOR)["patterns"]) == 2
    form.values["autres"] = ["retirer"]
    assert len(amended_needs.read(form, need, Role.COORDINATOR)["patterns"]) == 1


async def test_a_closed_request_is_not_changed(town: Town) -> None:
    client = await town.signed_in("coordinator")
    await client.post("/guichet/dossier/R-3/clore", data={"motif": "moved_away"})
    assert (await client.get(GUICHET)).status_code == 409


async def test_a_part_of_the_days_is_asked_for_and_shown_before_it_is_kept(town: Town) -> None:
    said = await changed(town, "coordinator", GUICHET, partie="oui", minimum="1")
    assert (said.accepts_partial, said.min_days) == (True, 1)
    client = await town.signed_in("coordinator")
    assert "Aiderait déjà, 1\u00a0jour au moins" in words((await client.get(GUICHET.removesuffix("/modifier"))).text)


async def test_more_days_at_the_least_than_are_asked_for_is_said_beside_the_field(town: Town) -> None:
    client = await town.signed_in("coordinator")
    form = await opened(client, GUICHET, partie="oui", minimum="7")
    answer = await client.post(GUICHET, data={**form, "etape": "verifier"})
    assert answer.status_code == 422
    assert "minimum" in faults(answer.text)


async def test_contacts_are_not_written_where_the_request_has_changed_meanwhile(town: Town) -> None:
    row = await town.guichet.database.read(open_request, act(COORDINATOR), "R-3")
    before = await contacts_for(town.guichet, row["family"])
    number = {"contacts": [{"phone": "06 39 98 00 99"}]}
    wanted = AmendmentBody.model_validate(need_of(row) | number)
    with pytest.raises(Refused):
        await prepare_amendment(town.guichet, act(COORDINATOR), "R-3", wanted, "another state")
    assert await contacts_for(town.guichet, row["family"]) == before
    await prepare_amendment(town.guichet, act(COORDINATOR), "R-3", wanted, version_of(row))
    assert await contacts_for(town.guichet, row["family"]) != before

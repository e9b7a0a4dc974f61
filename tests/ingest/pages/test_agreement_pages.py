"""On-call agreements on a screen: signed once, ended after a second look, each fault beside its field."""

from __future__ import annotations

import re
from datetime import date, timedelta

import httpx2
import pytest

from contracts.structures import AgreementEnded, AgreementSigned
from services.ingest.queries.agreements import agreements_in_force
from tests.ingest.pages.reading import faults, once, read, words
from tests.ingest.pages.town import STAFF, Town
from tests.ingest.people import BEBES, CRECHE, ELSEWHERE, GRANDS, NOW, OTHER, TODAY

FORM = {"section": BEBES, "age_de": "3", "age_a": "17", "preavis": "4", "jours": "10", "fin": "2027-06-30"}
SIGN = "/astreinte/signer"


def endings(page: httpx2.Response) -> list[str]:
    return [target for target in read(page.text).targets if target.endswith("/terminer")]


async def test_the_list_says_what_was_agreed_by_whom_and_how_many_places_rest_on_it(town: Town) -> None:
    for who in ("director", "coordinator"):
        shown = words((await (await town.signed_in(who)).get("/astreinte")).text)
        assert "1\u00a0accord en vigueur." in shown
        assert "De 18\u00a0mois à 3\u00a0ans et 6\u00a0mois" in shown
        assert "12\u00a0heures" in shown
        assert "5\u00a0jours au plus" in shown
        assert "mardi 31\u00a0août 2027 inclus" in shown
        assert "Par la structure" in shown
        assert "1\u00a0place d'astreinte" in shown


async def test_a_structure_neither_sees_nor_ends_anothers_agreement_nor_signs_for_it(town: Town) -> None:
    (ending,) = endings(await (await town.signed_in("director")).get("/astreinte"))
    other = await town.signed_in("other_director")
    assert "Aucun accord en vigueur." in words((await other.get("/astreinte")).text)
    assert (await other.get(ending)).status_code == 404
    assert (await other.post(ending)).status_code == 404
    refused = await other.post(SIGN, data=FORM)
    assert (refused.status_code, faults(refused.text)) == (422, ["section"])
    assert await town.said() == []


@pytest.mark.parametrize("who", ["counsellor", "committee", "administrator", "stranger"])
async def test_nobody_else_is_shown_what_was_agreed(town: Town, who: str) -> None:
    found = await town.guichet.database.read(agreements_in_force, STAFF[who][0], NOW)
    assert found == []


@pytest.mark.parametrize("who", ["director", "coordinator"])
async def test_an_agreement_is_signed_once_however_often_the_form_is_sent(town: Town, who: str) -> None:
    client = await town.signed_in(who)
    form = {**FORM, "une_fois": once((await client.get(SIGN)).text)}
    for _ in range(2):
        assert (await client.post(SIGN, data=form)).headers["location"] == "/astreinte?fait=accord"
    (said,) = await town.said(AgreementSigned)
    assert (said.structure, said.section, said.agreed_by) == (CRECHE, BEBES, STAFF[who][0].id)
    assert (said.age_from_months, said.age_to_months, said.notice_hours, said.days_per_child) == (3, 17, 4, 10)
    assert said.valid_until == date(2027, 6, 30)
    listed = words((await client.get("/astreinte?fait=accord")).text)
    assert "Accord signé." in listed
    assert "2\u00a0accords en vigueur." in listed


async def test_without_ages_the_agreement_takes_those_of_its_section(town: Town) -> None:
    director = await town.signed_in("director")
    await director.post(SIGN, data={**FORM, "section": GRANDS, "age_de": "", "age_a": ""})
    (said,) = await town.said(AgreementSigned)
    assert (said.age_from_months, said.age_to_months) == (18, 42)


async def test_the_coordinator_chooses_among_the_structures_that_award_and_a_director_among_her_sections(
    town: Town,
) -> None:
    everywhere = (await (await town.signed_in("coordinator")).get(SIGN)).text
    own = (await (await town.signed_in("director")).get(SIGN)).text
    assert f'value="{ELSEWHERE}"' in everywhere
    assert "MAM des Lutins" not in everywhere, "it awards nothing"
    assert f'value="{ELSEWHERE}"' not in own
    assert f'value="{GRANDS}"' in own
    assert OTHER not in own


@pytest.mark.parametrize(
    ("changes", "fields"),
    [
        (dict.fromkeys(FORM, ""), ["section", "preavis", "jours", "fin"]),
        ({"section": ELSEWHERE}, ["section"]),
        ({"fin": (TODAY - timedelta(days=1)).isoformat()}, ["fin"]),
        ({"fin": "2050-01-01"}, ["fin"]),
        ({"age_de": "20", "age_a": "10"}, ["age_a"]),
        ({"age_de": "deux"}, ["age_de"]),
        ({"preavis": "-1", "jours": "0"}, ["preavis", "jours"]),
    ],
)
async def test_every_fault_stands_beside_its_field_and_nothing_typed_is_lost(
    town: Town, changes: dict[str, str], fields: list[str]
) -> None:
    director = await town.signed_in("director")
    page = await director.post(SIGN, data={**FORM, **changes})
    assert (page.status_code, faults(page.text)) == (422, fields)
    assert all(f'id="{field}-faute"' in page.text for field in fields)
    typed = {**FORM, **changes}["jours"]
    assert re.search(rf'name="jours" type="text" value="{typed}"', page.text)
    assert await town.said() == []


async def test_an_agreement_ends_after_a_second_look_and_leaves_the_list(town: Town) -> None:
    director = await town.signed_in("director")
    (ending,) = endings(await director.get("/astreinte"))
    asked = words((await director.get(ending)).text)
    assert "Terminer cet accord\u00a0?" in asked
    assert "Les propositions déjà faites restent." in asked
    assert await town.said() == [], "looking ends nothing"
    assert (await director.post(ending)).headers["location"] == "/astreinte?fait=accord_fini"
    assert len(await town.said(AgreementEnded)) == 1
    listed = words((await director.get("/astreinte")).text)
    assert "Aucun accord en vigueur." in listed
    assert (await director.post(ending)).status_code == 404, "a second click finds nothing to end"
    assert "Signez le vôtre" in words((await director.get("/creche/publier")).text)


async def test_an_agreement_that_ends_within_a_month_says_so(town: Town) -> None:
    director = await town.signed_in("director")
    await director.post(SIGN, data={**FORM, "fin": (TODAY + timedelta(days=30)).isoformat()})
    shown = words((await director.get("/astreinte")).text)
    assert shown.count("Finit bientôt") == 1


async def test_an_empty_territory_says_what_an_agreement_is_for(quiet_town: Town) -> None:
    shown = words((await (await quiet_town.signed_in("coordinator")).get("/astreinte")).text)
    assert "Sans accord, aucune place d'astreinte ne se publie." in shown

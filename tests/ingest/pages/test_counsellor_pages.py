"""A counsellor's screens: an urgent place asked for, held for two hours, answered for with consent."""

from __future__ import annotations

import re
from datetime import date, time
from typing import Any

import httpx2
import pytest

from contracts.proposals import HoldDenied, ProposalDeadlineSet, ProposalDeclining
from contracts.replies import HoldRequested, ReplyReceived, ReplyUndone
from contracts.requests import RequestRegistered
from contracts.vocabulary import Answer, Channel, Criterion, RequestKind, VacancyKind
from services.ingest.people import with_people
from services.ingest.queries.requests import request as read_request
from tests.ingest.pages.reading import faults, once, read, words
from tests.ingest.pages.town import Town
from tests.ingest.people import COUNSELLOR, CRECHE, GRANDS, later
from tests.ingest.proposals import accepted, event, made, placed, released

NEED = {
    "debut": "2026-12-01",
    "fin": "2026-12-19",
    "jours": ["mon", "tue", "wed", "thu", "fri"],
    "de": "8 h 30",
    "a": "16:30",
    "trajet": "45",
    "prenom": "Nour",
    "naissance": "2025-01-14",
    "commune": "03185",
    "nom": "Ada Exemple",
    "tel": "06 39 98 44 44",
}


@pytest.fixture
async def counsellor(town: Town) -> httpx2.AsyncClient:
    return await town.signed_in("counsellor")


async def test_three_weeks_of_training_are_asked_for_checked_and_registered_once(
    town: Town, counsellor: httpx2.AsyncClient
) -> None:
    page = await counsellor.get("/conseil/demande")
    form = {**NEED, "une_fois": once(page.text), "etape": "verifier"}
    check = await counsellor.post("/conseil/demande", data=form)
    assert check.status_code == 200, faults(check.text)
    assert "Du mardi 1er\u00a0décembre au vendredi 18\u00a0décembre (14\u00a0jours)" in words(check.text)
    assert "45\u00a0minutes avant et après" in words(check.text)
    assert await town.said(RequestRegistered) == []
    for _ in range(2):
        done = await counsellor.post("/conseil/demande", data={**form, "etape": "enregistrer"})
        assert done.status_code == 303
    (registered,) = await town.said(RequestRegistered)
    assert (registered.kind, registered.travel_minutes) == (RequestKind.URGENT, 45)
    assert registered.prescriber == COUNSELLOR.id
    (pattern,) = registered.patterns
    assert (len(pattern.slots), pattern.slots[0].day) == (14, date(2026, 12, 1))
    assert (pattern.slots[0].start, pattern.slots[0].end) == (time(8, 30), time(16, 30))
    assert [(row.criterion, row.validated) for row in registered.criteria] == [(Criterion.INSERTION, True)]
    assert "Nour" not in registered.model_dump_json()
    assert "Dossier de Nour" in words((await counsellor.get(done.headers["location"])).text)


async def test_a_need_for_one_day_is_asked_for_with_one_date(town: Town, counsellor: httpx2.AsyncClient) -> None:
    check = await counsellor.post("/conseil/demande", data={**NEED, "fin": "", "etape": "verifier"})
    assert check.status_code == 200, faults(check.text)
    assert "Période Mardi 1er\u00a0décembre Trajet" in words(check.text)


async def test_changing_ones_mind_at_the_check_brings_the_form_back_filled(
    town: Town, counsellor: httpx2.AsyncClient
) -> None:
    back = await counsellor.post("/conseil/demande", data={**NEED, "etape": "modifier"})
    assert 'value="Nour"' in back.text
    assert await town.said(RequestRegistered) == []


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"jours": []}, "jours"),
        ({"tel": ""}, "tel"),
        ({"tel": "12"}, "tel"),
        ({"prenom": ""}, "prenom"),
        ({"naissance": "2015-01-14"}, "naissance"),
        ({"naissance": ""}, "naissance"),
        ({"commune": ""}, "commune"),
        ({"trajet": "500"}, "trajet"),
        ({"debut": "2026-12-05", "fin": "2026-12-06"}, "jours"),
        ({"debut": "2026-10-01", "fin": "2026-10-02"}, "debut"),
        ({"voeu1": "S-cailloux", "voeu2": "S-cailloux"}, "voeu1"),
    ],
)
async def test_what_is_wrong_is_said_before_the_check(
    town: Town, counsellor: httpx2.AsyncClient, changes: dict[str, Any], field: str
) -> None:
    page = await counsellor.post("/conseil/demande", data={**NEED, **changes, "etape": "enregistrer"})
    assert page.status_code == 422
    assert faults(page.text)[0] == field
    assert field in read(page.text).ids
    assert await town.said(RequestRegistered) == []


@pytest.mark.parametrize(
    ("changes", "told"),
    [
        ({"commune": ""}, "Il manque la commune. Choisissez-la dans la liste."),
        ({"nom2": "Lou Exemple"}, "Il manque le numéro du second contact."),
        ({"naissance": ""}, "Il manque la date de naissance. Écrivez la date ainsi"),
    ],
)
async def test_a_fault_names_what_is_missing_and_what_to_do(
    counsellor: httpx2.AsyncClient, changes: dict[str, Any], told: str
) -> None:
    page = await counsellor.post("/conseil/demande", data={**NEED, **changes, "etape": "verifier"})
    assert page.status_code == 422
    assert told in words(page.text)


async def test_faults_are_listed_in_the_order_of_the_page(counsellor: httpx2.AsyncClient) -> None:
    page = await counsellor.post("/conseil/demande", data={"de": "08:30", "a": "16:30", "etape": "verifier"})
    asked = ["debut", "trajet", "prenom", "naissance", "commune", "tel"]
    assert [name for name in faults(page.text) if name in asked] == asked


async def test_an_on_call_place_that_fits_is_held_and_the_outcome_is_told(
    town: Town, counsellor: httpx2.AsyncClient
) -> None:
    page = await counsellor.get("/conseil/dossier/R-urgent")
    assert "Places d'astreinte possibles" in words(page.text)
    assert "Tarif selon les revenus (PSU)" in words(page.text)
    section = re.findall(r'name="section" value="([^"]+)"', page.text)
    assert section == [GRANDS]
    held = await counsellor.post("/conseil/dossier/R-urgent/reserver", data={"section": GRANDS, "semaine": "0"})
    assert held.status_code == 303
    (asked,) = await town.said(HoldRequested)
    assert (asked.request, asked.section, asked.hours) == ("R-urgent", GRANDS, 2)
    assert "Réservation demandée." in words((await counsellor.get(held.headers["location"])).text)
    await town.hear(event(HoldDenied, asked.subject, request="R-urgent", reason="La place vient d'être prise."))
    assert "La place vient d'être prise." in words((await counsellor.get(held.headers["location"])).text)


async def given(town: Town) -> None:
    """The matcher gave the hold: a proposal that its counsellor may answer."""
    facts = {"kind": VacancyKind.ON_CALL, "held_by": COUNSELLOR.id, "structure": CRECHE}
    deadline = event(ProposalDeadlineSet, "O-held", counted_from=later(), deadline=later(hours=2))
    await town.hear(made("O-held", "R-urgent", **facts), released("O-held"), deadline)


async def test_the_counsellor_answers_for_its_client_with_consent_only(
    town: Town, counsellor: httpx2.AsyncClient
) -> None:
    await given(town)
    page = await counsellor.get("/conseil/dossier/R-urgent")
    assert "Réservée jusqu'au lundi 2\u00a0novembre à 11\u00a0h." in words(page.text)
    assert "Places d'astreinte possibles" not in words(page.text), "one place at a time"
    assert "Réservée par un conseiller" in words(page.text)
    assert "Reçue par la famille" not in page.text, "nobody has told the family"
    assert "attend la prochaine attribution" not in words(page.text)
    form = {"reponse": "oui", "proposition": "O-held"}
    refused = await counsellor.post("/conseil/dossier/R-urgent/repondre", data=form)
    assert faults(refused.text) == ["accord"]
    assert await town.said(ReplyReceived) == []
    done = await counsellor.post("/conseil/dossier/R-urgent/repondre", data={**form, "accord": "oui"})
    assert done.status_code == 303
    (reply,) = await town.said(ReplyReceived)
    assert (reply.answer, reply.consent, reply.channel) == (Answer.OUI, True, Channel.COUNSELLOR)


async def test_a_client_with_its_place_is_offered_no_other(town: Town, counsellor: httpx2.AsyncClient) -> None:
    """ "Aucune place ne convient, la demande reste active" stood under a confirmed place."""
    await given(town)
    await town.hear(accepted("O-held"), placed("O-held", "L-held").model_copy(update={"request": "R-urgent"}))
    shown = words((await counsellor.get("/conseil/dossier/R-urgent")).text)
    assert "Place confirmée" in shown
    assert "Places d'astreinte possibles" not in shown
    assert "La demande reste active" not in shown


async def test_another_counsellor_sees_no_file_of_somebody_else(town: Town) -> None:
    other = await town.signed_in("other_counsellor")
    assert "Aucun dossier pour l'instant." in words((await other.get("/conseil")).text)
    assert (await other.get("/conseil/dossier/R-urgent")).status_code == 404
    form = {"section": GRANDS, "semaine": "0"}
    assert (await other.post("/conseil/dossier/R-urgent/reserver", data=form)).status_code == 403
    assert await town.said(HoldRequested) == []


async def test_the_list_of_files_says_where_each_stands(town: Town, counsellor: httpx2.AsyncClient) -> None:
    shown = words((await counsellor.get("/conseil")).text)
    assert "Lina, 21\u00a0mois" in shown
    assert "Demande urgente (insertion) En cours" in shown
    view = await town.guichet.database.read(read_request, COUNSELLOR, "R-urgent", later())
    (named,) = await with_people(town.guichet, COUNSELLOR, later(), [view])
    assert named["first_name"] == "Lina"


async def test_a_counsellor_takes_its_clients_no_back_while_it_may(town: Town) -> None:
    undoable = {"undo_until": later(minutes=15), "answered_by": "P", "channel": Channel.COUNSELLOR}
    await town.hear(made("O-undo", "R-urgent", code="4791"), released("O-undo"))
    await town.hear(event(ProposalDeclining, "O-undo", **undoable))
    counsellor = await town.signed_in("counsellor")
    assert "Annuler le NON" in words((await counsellor.get("/conseil/dossier/R-urgent")).text)
    undone = await counsellor.post("/conseil/dossier/R-urgent/annuler", data={"proposition": "O-undo"})
    assert undone.headers["location"] == "/conseil/dossier/R-urgent?fait=annulation"
    (said,) = await town.said(ReplyUndone)
    assert (said.proposal, said.channel) == ("O-undo", Channel.COUNSELLOR)

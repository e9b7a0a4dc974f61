""" "À traiter": every task has its gesture, and the mobile guichet does everything for a family."""

from __future__ import annotations

import re
from datetime import date, timedelta
from typing import Any

import httpx2
import pytest

from contracts.confirmations import AdmissionConfirmed
from contracts.proposals import ReplyJudged, Verdict
from contracts.releases import ReleaseGiven, ReleaseSuspended, WithdrawalGiven
from contracts.replies import CallRecorded, ReplyReceived, ReplyUndone
from contracts.requests import RequestAmended, RequestClosed, RequestRegistered
from contracts.siblings import SiblingsAsked, SiblingsParted
from contracts.tasks import TaskHandled, TaskOpened
from contracts.vocabulary import (
    Answer,
    Channel,
    Criterion,
    MessageTemplate,
    RefusalReason,
    TaskKind,
    WithdrawalReason,
)
from services.ingest import store
from services.ingest.declare.requests import amend_request, register_request
from services.ingest.pages.coordinator import OF_STRUCTURES, ORDER, TITLES
from services.matcher.handlers.answers import READ_LATE
from services.vault import (
    Contact,
    ContactChannel,
    ContactRole,
    contacts_of,
    erase_family,
    put_contacts,
    suspend_contact,
)
from tests.ingest.pages.reading import faults, once, read, words
from tests.ingest.pages.town import Town, proposal_in
from tests.ingest.people import COORDINATOR, CRECHE, NOW, OTHER, TODAY, act, later, need_body, register, said
from tests.ingest.proposals import accepted, event, made, placed, released

NEED = {
    "type": "regular",
    "jours": ["tue", "thu"],
    "de": "08:00",
    "a": "17:00",
    "debut": "2026-12-01",
    "fin": "",
    "trajet": "0",
    "souplesse": "30",
    "prenom": "Émile",
    "naissance": "14/01/2025",
    "commune": "03185",
    "nom": "Ada Exemple",
    "tel": "06 39 98 44 44",
    "nom2": "Lou Exemple",
    "tel2": "01 99 00 12 34",
    "voeu1": OTHER,
    "voeu2": CRECHE,
    "criteres": ["single_parent", "no_solution"],
    "adapte": "oui",
    "complet": "oui",
}


@pytest.fixture
async def guichet(town: Town) -> httpx2.AsyncClient:
    return await town.signed_in("coordinator")


def test_every_kind_of_task_has_its_heading_and_its_place() -> None:
    assert set(ORDER) | {TaskKind.RELEASE} == set(TaskKind)
    assert set(TITLES) == set(ORDER)


async def test_every_task_is_there_with_a_gesture(town: Town, guichet: httpx2.AsyncClient) -> None:
    page = await guichet.get("/guichet")
    shown = words(page.text)
    for kind in ORDER:
        assert TITLES[kind][0] in shown
        section = page.text.partition(f'<section id="{kind.value}"')[2].partition("</section>")[0]
        assert re.search(r"<button|class=\"button\"", section), f"{kind.label} has no gesture"
    assert "kes c ca ?" in shown, "the words of an unclear reply"
    assert "avez-vous une place pour mon fils" in shown
    assert "06 39 98 77 77" in shown
    assert all(target[1:] in read(page.text).ids for target in read(page.text).targets if target.startswith("#"))


@pytest.mark.parametrize("kind", sorted(OF_STRUCTURES))
async def test_a_task_that_a_call_to_the_structure_settles_has_its_number(
    guichet: httpx2.AsyncClient, kind: TaskKind
) -> None:
    page = (await guichet.get("/guichet")).text
    section = page.partition(f'<section id="{kind.value}"')[2].partition("</section>")[0]
    assert 'href="tel:0465710021"' in section


async def test_one_gesture_releases_all_that_nobody_holds_back(town: Town, guichet: httpx2.AsyncClient) -> None:
    page = await guichet.get("/guichet")
    forms = re.findall(r'<form method="post" action="/guichet/liberer">(.*?)</form>', page.text, re.DOTALL)
    ids = re.findall(r'name="proposition" value="([^"]+)"', forms[0])
    assert ids == [proposal_in("prepared")]
    done = await guichet.post("/guichet/liberer", data={"proposition": ids})
    assert done.headers["location"] == "/guichet?fait=libere"
    (given,) = await town.said(ReleaseGiven)
    assert list(given.proposals) == ids
    late = await guichet.post("/guichet/liberer", data={"proposition": [proposal_in("delivered")]})
    assert late.status_code == 409
    assert "Seule une proposition préparée attend d'être libérée." in words(late.text)


async def test_a_sibling_whose_brothers_place_waits_says_why_it_is_not_released(
    town: Town, guichet: httpx2.AsyncClient
) -> None:
    """The matcher lets siblings leave together or not at all: a button for one of them would do nothing."""
    family = {"siblings": "B-1", "round": "T-siblings"}
    waits = made("O-91", "R-3", code="9001", after=("O-90",), **family)
    await town.hear(made("O-90", "R-5", code="9000"), waits, made("O-92", "R-4", code="9002", **family))
    page = await guichet.get("/guichet")
    assert "Les propositions de la fratrie partent ensemble. Elles attendent 1\u00a0départ confirmé." in words(
        page.text
    )
    assert "Elle attend 1\u00a0départ confirmé. Vous la libérez ensuite ici." in words(page.text)
    assert not {"O-91", "O-92"} & {row["value"] for row in read(page.text).inputs if row["name"] == "proposition"}
    refused = await guichet.post("/guichet/liberer", data={"proposition": ["O-92"]})
    assert (refused.status_code, await town.said(ReleaseGiven)) == (409, [])
    assert "Cette place, ou celle d'un frère ou d'une sœur, attend un départ." in words(refused.text)
    await town.hear(placed("O-90", "L-90"))
    after = read((await guichet.get("/guichet")).text).inputs
    assert {"O-91", "O-92"} <= {row["value"] for row in after if row["name"] == "proposition"}


@pytest.mark.parametrize("kind", [TaskKind.NO_MOBILE, TaskKind.UNDELIVERED])
async def test_once_its_answer_is_known_a_family_without_a_mobile_is_told_and_not_asked(
    quiet_town: Town, kind: TaskKind
) -> None:
    await quiet_town.write(register)
    task = event(TaskOpened, "K-1", kind=kind, proposal="O-1", request="R-1", structure=CRECHE)
    await quiet_town.hear(made(), released(), accepted(), task)
    guichet = await quiet_town.signed_in("coordinator")
    page = (await guichet.get("/guichet")).text
    section = page.partition(f'<section id="{kind.value}"')[2].partition("</section>")[0]
    assert "Son OUI est noté. La structure l'appelle ensuite." in words(page)
    assert re.findall(r"<button[^>]*>([^<]+)", section) == ["Famille prévenue"]
    assert "Enregistrer sa réponse" not in section and "le délai" not in section
    assert (await guichet.post("/guichet/tache/K-1")).headers["location"] == "/guichet?fait=tache"


async def test_one_is_held_back_with_a_reason_and_a_date(town: Town, guichet: httpx2.AsyncClient) -> None:
    path = f"/guichet/proposition/{proposal_in('prepared')}/retenir"
    assert faults((await guichet.post(path, data={})).text) == ["jusqu_au", "motif"]
    far = {"motif": "Fratrie à vérifier", "jusqu_au": "2028-01-01"}
    assert faults((await guichet.post(path, data=far)).text) == ["jusqu_au"]
    done = await guichet.post(path, data={**far, "jusqu_au": "2026-11-09"})
    assert done.status_code == 303
    (held,) = await town.said(ReleaseSuspended)
    assert (held.until, held.reason) == (date(2026, 11, 9), ""), "why is not said to the other services"


async def test_a_contradiction_says_who_of_the_family_said_what_and_how(
    town: Town, guichet: httpx2.AsyncClient
) -> None:
    family, frozen = f"F-{proposal_in('frozen').replace('O', 'R')}", proposal_in("frozen")
    first, second = f"{family}-c1", f"{family}-c2"
    known = [
        Contact(id=first, phone="06 39 98 20 10", name="Ada Exemple"),
        Contact(id=second, phone="06 39 98 20 11", role=ContactRole.TRUSTED),
    ]
    await town.guichet.vault.write(put_contacts, town.guichet.keyring, family, known, TODAY)
    facts = {"proposal": frozen, "verdict": Verdict.TAKEN}
    no = event(ReplyJudged, "Y-2", answer=Answer.NON, answered_by=second, channel=Channel.LINK, **facts)
    yes = event(ReplyJudged, "Y-1", answer=Answer.OUI, answered_by=first, channel=Channel.SMS, **facts)
    await town.hear(no.model_copy(update={"time": later(minutes=5)}), yes)
    shown = words((await guichet.get("/guichet")).text)
    ada, trusted = "Ada Exemple (parent)\u00a0: OUI, par SMS", "Second contact (personne de confiance)\u00a0: NON"
    assert ada in shown
    assert f"{trusted}, par le lien" in shown
    assert shown.index(ada) < shown.index(trusted), "in the order of receipt"


async def test_whoever_calls_reads_which_language_is_spoken_and_how_late_a_oui_came(
    town: Town, guichet: httpx2.AsyncClient
) -> None:
    family = f"F-{proposal_in('expired').replace('O', 'R')}"
    known = [
        Contact(id=f"{family}-c1", phone="06 39 98 20 10", name="Rui Exemple", language="pt"),
        Contact(id=f"{family}-c2", phone="06 39 98 20 11", name="Lea Exemple"),
    ]
    await town.guichet.vault.write(put_contacts, town.guichet.keyring, family, known, TODAY)
    shown = words((await guichet.get("/guichet")).text)
    late = shown[shown.rindex("OUI arrivés trop tard") :][:600]
    assert "Rui Exemple, 06 39 98 20 10 Parle portugais Lea Exemple, 06 39 98 20 11 " in late
    assert "Parle" not in late[late.index("Lea Exemple") :][:60]
    assert "Réponse attendue avant le lundi 2\u00a0novembre" in late


async def test_the_guichet_answers_for_a_family_on_the_phone(town: Town, guichet: httpx2.AsyncClient) -> None:
    path = f"/guichet/proposition/{proposal_in('frozen')}/repondre"
    assert faults((await guichet.post(path, data={"canal": "phone"})).text) == ["reponse"]
    assert faults((await guichet.post(path, data={"reponse": "oui", "canal": "sms"})).text) == ["canal"]
    done = await guichet.post(path, data={"reponse": "oui", "canal": "counter"})
    assert done.headers["location"] == "/guichet?fait=reponse"
    (reply,) = await town.said(ReplyReceived)
    assert (reply.answer, reply.channel, reply.answered_by) == (Answer.OUI, Channel.COUNTER, "P-coordinatrice")


@pytest.mark.parametrize(("reached", "counts"), [("oui", True), ("non", False)])
async def test_a_call_is_noted_whether_it_reached_the_family_or_not(
    town: Town, guichet: httpx2.AsyncClient, reached: str, counts: bool
) -> None:
    path = f"/guichet/proposition/{proposal_in('undelivered')}/appel"
    assert (await guichet.post(path, data={"jointe": reached})).status_code == 303
    assert [event.reached for event in await town.said(CallRecorded)] == [counts]


async def test_a_task_is_done_once_and_a_second_click_is_no_fault(town: Town, guichet: httpx2.AsyncClient) -> None:
    for _ in range(2):
        done = await guichet.post("/guichet/tache/A-to_prepare", data={})
        assert done.headers["location"] == "/guichet?fait=tache"
    assert [event.subject for event in await town.said(TaskHandled)] == ["A-to_prepare"]
    assert "Accueils à préparer" not in words((await guichet.get("/guichet")).text)
    assert (await guichet.post("/guichet/tache/A-nulle", data={})).status_code == 404


async def test_a_task_that_holds_a_place_is_settled_by_a_gesture_and_never_by_a_tick(
    town: Town, guichet: httpx2.AsyncClient
) -> None:
    page = (await guichet.get("/guichet")).text
    proposal = proposal_in("undelivered")
    for gesture in ("repondre", "appel", "reprendre"):
        assert f"/guichet/proposition/{proposal}/{gesture}" in page
    ticked = await guichet.post("/guichet/tache/A-undelivered", data={})
    assert ticked.status_code == 409 and "tient une place" in words(ticked.text)
    assert await town.said(TaskHandled) == []
    later = await guichet.post("/guichet/tache/A-undelivered", data={"plus_tard": "oui"})
    assert later.headers["location"] == "/guichet?fait=reportee"
    (event,) = await town.said(TaskHandled)
    assert event.again_at - event.time == timedelta(hours=4)
    back = await guichet.post(
        f"/guichet/proposition/{proposal}/reprendre",
        data={"motif": "family_unreachable", "demande": f"R-{proposal[2:]}"},
    )
    assert back.status_code == 303
    assert [given.proposal for given in await town.said(WithdrawalGiven)] == [proposal]


def _one(page: str, kind: TaskKind, child: str) -> str:
    """The part of the list that is about one child."""
    section = page.partition(f'<section id="{kind.value}"')[2].partition("</section>")[0]
    return next(part for part in section.split("<li>") if f"/guichet/dossier/{child}" in part)


async def test_a_family_that_lost_its_place_is_called_and_no_answer_is_asked_of_it(
    town: Town, guichet: httpx2.AsyncClient
) -> None:
    """Another structure has the place by then: a OUI written down here would be answered "délai passé"."""
    lost = f"R-{proposal_in('withdrawn')[2:]}"
    facts = {"proposal": proposal_in("withdrawn"), "request": lost, "structure": CRECHE}
    detail = WithdrawalReason.STAFF_SHORTAGE.label
    await town.hear(event(TaskOpened, "A-lost", kind=TaskKind.CALL_BACK, detail=detail, **facts))
    page = (await guichet.get("/guichet")).text
    shown = _one(page, TaskKind.CALL_BACK, lost)
    assert "Motif\u00a0: Manque de personnel." in shown
    assert "Famille rappelée" in shown and "/guichet/tache/A-lost" in shown
    assert "/repondre" not in shown and "Jointe" not in shown
    waits = _one(page, TaskKind.CALL_BACK, f"R-{proposal_in('delivered')[2:]}")
    assert "/repondre" in waits and "Jointe" in waits, "the family that asked for a call still answers"


@pytest.mark.parametrize(
    ("kind", "detail", "told"),
    [
        (TaskKind.STRUCTURE_REFUSED, RefusalReason.FILE_INCOMPLETE.label, "Motif\u00a0: Dossier incomplet"),
        (TaskKind.UNDELIVERED, MessageTemplate.WITHDRAWN.value, "SMS\u00a0: Place retirée."),
        (TaskKind.LATE_YES, READ_LATE, "la famille n'est pas en retard."),
    ],
)
async def test_what_the_matcher_says_of_a_task_is_shown(
    town: Town, guichet: httpx2.AsyncClient, kind: TaskKind, detail: str, told: str
) -> None:
    facts = {"proposal": proposal_in("expired"), "request": f"R-{proposal_in('expired')[2:]}", "structure": CRECHE}
    await town.hear(event(TaskOpened, "A-told", kind=kind, detail=detail, **facts))
    assert told in words((await guichet.get("/guichet")).text)


async def test_a_text_of_a_stranger_leaves_the_list_when_it_was_dealt_with(
    town: Town, guichet: httpx2.AsyncClient
) -> None:
    assert (await guichet.post("/guichet/sms", data={"sms": "m2"})).status_code == 303
    assert "avez-vous une place" not in words((await guichet.get("/guichet")).text)
    assert (await guichet.post("/guichet/sms", data={"sms": "m0"})).status_code == 404


async def test_the_guichet_confirms_for_a_structure_that_is_late(town: Town, guichet: httpx2.AsyncClient) -> None:
    path = f"/creche/a-confirmer/{proposal_in('accepted')}"
    assert "Structure Les Petits Cailloux (synthétique)" in words((await guichet.get(path)).text)
    form = {"adaptation": "2026-11-10", "premier_jour": "2026-11-16"}
    done = await guichet.post(f"/creche/a-confirmer/{proposal_in('accepted')}", data=form)
    assert done.headers["location"] == "/guichet?fait=admission"
    assert len(await town.said(AdmissionConfirmed)) == 1


async def test_a_request_is_registered_at_the_counter_after_a_last_look(
    town: Town, guichet: httpx2.AsyncClient
) -> None:
    page = await guichet.get("/guichet/demande")
    form = {**NEED, "une_fois": once(page.text), "etape": "verifier"}
    check = await guichet.post("/guichet/demande", data=form)
    assert check.status_code == 200, faults(check.text)
    for shown in ("Émile", "01 99 00 12 34 (Appel, parent)", "1. Les Tilleuls", "Parent isolé", "Le mardi et le jeudi"):
        assert shown in words(check.text)
    assert await town.said(RequestRegistered) == []
    for _ in range(2):
        done = await guichet.post("/guichet/demande", data={**form, "etape": "enregistrer"})
        assert done.status_code == 303
    (registered,) = await town.said(RequestRegistered)
    assert [wish.structure for wish in registered.wishes] == [OTHER, CRECHE]
    criteria = {row.criterion for row in registered.criteria if row.validated}
    assert criteria == {Criterion.SINGLE_PARENT, Criterion.NO_SOLUTION, Criterion.DISABILITY}
    assert (registered.needs_support, registered.file_complete, registered.tolerance_days) == (True, True, 30)
    file = words((await guichet.get(done.headers["location"])).text)
    assert "Demande enregistrée." in file
    assert "Ada Exemple, 06 39 98 44 44" in file


async def test_who_a_contact_is_is_asked_when_the_request_is_registered(
    town: Town, guichet: httpx2.AsyncClient
) -> None:
    page = await guichet.get("/guichet/demande")
    manner = {"langue": "pt", "role": "guardian", "role2": "trusted", "langue2": "ar", "repond2": "non"}
    form = {**NEED, **manner, "une_fois": once(page.text), "etape": "verifier"}
    shown = words((await guichet.post("/guichet/demande", data=form)).text)
    assert "(SMS, représentant légal, portugais)" in shown
    assert "(Appel, personne de confiance, arabe, ne répond pas pour la famille)" in shown
    await guichet.post("/guichet/demande", data={**form, "etape": "enregistrer"})
    (registered,) = await town.said(RequestRegistered)
    kept = await town.guichet.vault.read(contacts_of, town.guichet.keyring, registered.family)
    assert [(one.role.value, one.language, one.may_answer) for one in kept] == [
        ("guardian", "pt", True),
        ("trusted", "ar", False),
    ]
    silent = await guichet.post("/guichet/demande", data={**form, "repond": "non", "etape": "verifier"})
    assert (silent.status_code, faults(silent.text)) == (422, ["repond"])


async def test_who_adds_nothing_about_travel_or_delay_is_asked_nothing_more(guichet: httpx2.AsyncClient) -> None:
    page = (await guichet.get("/guichet/demande")).text
    for name in ("trajet", "souplesse"):
        assert re.search(rf'name="{name}" type="text" value="0"', page), name


async def test_a_child_who_seems_registered_already_is_said_before_a_second_request(
    town: Town, guichet: httpx2.AsyncClient
) -> None:
    said, path = "Une demande existe déjà pour ce numéro et cette date de naissance.", "/guichet/demande"
    form = {**NEED, "etape": "verifier"}
    assert said not in words((await guichet.post(path, data=form)).text)
    first = await guichet.post(path, data={**form, "etape": "enregistrer"})
    file = first.headers["location"].partition("?")[0]
    again = await guichet.post(path, data={**form, "tel": "06 39 98 99 99", "tel2": "0639984444"})
    assert said in words(again.text), "the number counts, whoever of the family it is written beside"
    assert file in read(again.text).targets
    assert "Enregistrer quand même" in words(again.text)
    other_birth = await guichet.post(path, data={**form, "naissance": "15/01/2025"})
    assert said not in words(other_birth.text)
    twin = await guichet.post(path, data={**form, "prenom": "Lou", "etape": "enregistrer"})
    assert twin.status_code == 303, "nothing is refused: twins exist"
    counsellor = await town.signed_in("counsellor")
    urgent = {**form, "fin": "2026-12-03", "voeu1": "", "voeu2": ""}
    unseen = await counsellor.post("/conseil/demande", data=urgent)
    assert unseen.status_code == 200, faults(unseen.text)
    assert said not in words(unseen.text), "not its own file"


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"voeu1": "", "voeu2": ""}, "voeu1"),
        ({"tel": "0639"}, "tel"),
        ({"tel2": "abc"}, "tel2"),
        ({"type": "rare"}, "type"),
        ({"naissance": "2030-01-01"}, "naissance"),
        ({"souplesse": "-1"}, "souplesse"),
        ({"commune": "75056x"}, "commune"),
        ({"de": "08:10"}, "jours"),
    ],
)
async def test_a_wrong_request_is_corrected_beside_its_field(
    town: Town, guichet: httpx2.AsyncClient, changes: dict[str, Any], field: str
) -> None:
    page = await guichet.post("/guichet/demande", data={**NEED, **changes, "etape": "verifier"})
    assert page.status_code == 422
    assert faults(page.text)[0] == field
    assert field in read(page.text).ids
    assert 'value="Émile"' in page.text


async def test_a_familys_file_keeps_what_was_written_beside_an_act(town: Town, guichet: httpx2.AsyncClient) -> None:
    delivered = proposal_in("delivered")
    for about, text in (("R-3", "Rappeler après 18 h"), (delivered, "Le père a le dossier")):
        written = {"what": "task.handled", "by": "coordinator", "text": text, "at": NOW}
        await town.write(
            lambda tx, row: store.put(tx, store.notes, row), {"id": f"N-{about}", "about": about, **written}
        )
    file = words((await guichet.get("/guichet/dossier/R-3")).text)
    assert "«\u00a0Rappeler après 18 h\u00a0»" in file and "«\u00a0Le père a le dossier\u00a0»" in file


async def test_a_familys_file_tells_everything_that_happened(town: Town, guichet: httpx2.AsyncClient) -> None:
    file = words((await guichet.get("/guichet/dossier/R-3")).text)
    for shown in (
        "Inès, 21\u00a0mois",
        "06 39 98 20 03",
        "Parent isolé À vérifier",
        "Deux demandes passaient avant.",
        "rang 3, 60\u00a0points",
        "Proposition préparée",
        "SMS «\u00a0Proposition\u00a0» reçu",
        "La famille est jointe, le délai court",
    ):
        assert shown in file


async def test_a_birth_is_recorded_and_the_rest_of_the_need_stays(town: Town, guichet: httpx2.AsyncClient) -> None:
    path = "/guichet/dossier/R-5/naissance"
    assert faults((await guichet.post(path, data={})).text) == ["naissance"]
    assert faults((await guichet.post(path, data={"naissance": "2027-01-01"})).text) == ["naissance"]
    assert (await guichet.post(path, data={"naissance": "2026-10-30"})).status_code == 303
    (amended,) = await town.said(RequestAmended)
    (registered,) = await town.guichet.database.read(_registered, "R-5")
    assert (amended.born, amended.is_born) == (date(2026, 10, 30), True)
    changed = {"type", "id", "time", "born", "is_born"}
    assert amended.model_dump(exclude=changed) == registered.model_dump(exclude=changed)


async def test_a_birth_to_confirm_says_when_it_was_due_and_takes_the_first_name(
    town: Town, guichet: httpx2.AsyncClient
) -> None:
    asked = (
        (await guichet.get("/guichet")).text.partition('<section id="birth_to_confirm"')[2].partition("</section>")[0]
    )
    assert "Naissance prévue le" in asked
    await town.guichet.vault.write(erase_family, "F-R-5")
    assert "prenom" in read((await guichet.get("/guichet/dossier/R-5")).text).ids
    said_so = {"naissance": "2026-10-30", "prenom": "Céleste"}
    assert (await guichet.post("/guichet/dossier/R-5/naissance", data=said_so)).status_code == 303
    assert "Céleste" in words((await guichet.get("/guichet/dossier/R-5")).text)


def _child_of(tx: Any, request: str) -> str:
    row = store.find(tx, store.requests, request)
    assert row is not None
    return str(row["child"])


async def test_another_place_for_a_child_makes_it_no_brother_of_itself(town: Town, guichet: httpx2.AsyncClient) -> None:
    family = "F-R-10"
    need = need_body()
    file = "/guichet/dossier/R-10"
    child = await town.guichet.database.read(_child_of, "R-10")
    await town.write(register_request, act(COORDINATOR), need, request="R-encore", family=family, child=child)
    assert "Demander des enfants ensemble" not in words((await guichet.get(file)).text)
    await town.write(register_request, act(COORDINATOR), need, request="R-frere", family=family, child="E-frere")
    assert "Demander des enfants ensemble" in words((await guichet.get(file)).text)


def _registered(tx: Any, request: str) -> list[RequestRegistered]:
    return [e for e in said(tx, RequestRegistered) if isinstance(e, RequestRegistered) and e.subject == request]


async def test_a_wrong_number_is_replaced_in_the_vault_alone(town: Town, guichet: httpx2.AsyncClient) -> None:
    path = "/guichet/dossier/R-10/contacts"
    assert faults((await guichet.post(path, data={"nom": "Ada Exemple", "tel": ""})).text) == ["tel"]
    assert faults((await guichet.post(path, data={"tel": "06 39 98 55 55", "tel2": "x"})).text) == ["tel2"]
    assert (await guichet.post(path, data={"nom": "Ada Exemple", "tel": "06 39 98 55 55"})).status_code == 303
    (amended,) = await town.said(RequestAmended)
    assert "55 55" not in amended.model_dump_json()
    file = words((await guichet.get("/guichet/dossier/R-10")).text)
    assert "Ada Exemple, 06 39 98 55 55" in file
    assert "06 39 98 20 10" not in file


async def test_a_family_keeps_its_language_when_its_number_changes(town: Town, guichet: httpx2.AsyncClient) -> None:
    family, keyring = "F-R-10", town.guichet.keyring
    spoken = Contact(id=f"{family}-c1", phone="06 39 98 20 10", language="pt")
    await town.guichet.vault.write(put_contacts, keyring, family, [spoken], TODAY)
    numbers = {"tel": "06 39 98 55 55", "tel2": "06 39 98 66 66"}
    assert (await guichet.post("/guichet/dossier/R-10/contacts", data=numbers)).status_code == 303
    kept = await town.guichet.vault.read(contacts_of, keyring, family)
    assert [(contact.phone, contact.language) for contact in kept] == [("+33639985555", "pt"), ("+33639986666", "pt")]


async def test_correcting_a_number_lets_nobody_answer_who_may_not(town: Town, guichet: httpx2.AsyncClient) -> None:
    family, keyring, path = "F-R-10", town.guichet.keyring, "/guichet/dossier/R-10"
    known = [
        Contact(id=f"{family}-c1", phone="06 39 98 20 10", name="Ada Exemple", role=ContactRole.GUARDIAN),
        Contact(
            id=f"{family}-c2", phone="06 39 98 20 11", name="Lou Exemple", role=ContactRole.TRUSTED,
            may_answer=False, language="pt", channel=ContactChannel.VOICE,
        ),
    ]  # fmt: skip
    await town.guichet.vault.write(put_contacts, keyring, family, known, TODAY)
    page = (await guichet.get(path)).text
    for field in ("role2", "langue2", "repond2", "tel3"):
        assert field in read(page).ids, field
    assert '<option value="trusted" selected>' in page
    numbers = {"nom": "Ada Exemple", "tel": "06 39 98 20 10", "nom2": "Lou Exemple", "tel2": "06 39 98 66 66"}
    assert (await guichet.post(f"{path}/contacts", data=numbers)).status_code == 303
    _, second = await town.guichet.vault.read(contacts_of, keyring, family)
    assert (second.phone, second.may_answer, second.role) == ("+33639986666", False, ContactRole.TRUSTED)
    assert (second.language, second.channel) == ("pt", ContactChannel.VOICE)


def seen_on(html: str) -> str:
    """What the form says of the contacts that it was filled from."""
    (found,) = [field["value"] for field in read(html).inputs if field.get("name") == "vus"]
    return found


async def test_contacts_that_another_window_has_changed_are_not_put_back(
    town: Town, guichet: httpx2.AsyncClient
) -> None:
    path = "/guichet/dossier/R-10"
    opened = seen_on((await guichet.get(path)).text)
    new = {"nom": "Ada Exemple", "tel": "06 39 98 55 55", "vus": opened}
    assert (await guichet.post(f"{path}/contacts", data=new)).status_code == 303
    old = {"nom": "Ada Exemple", "tel": "06 39 98 20 10", "vus": opened}
    refused = await guichet.post(f"{path}/contacts", data=old)
    assert refused.status_code == 422 and "ont changé depuis" in words(refused.text)
    (kept,) = await town.guichet.vault.read(contacts_of, town.guichet.keyring, "F-R-10")
    assert kept.phone == "+33639985555"
    again = {**old, "vus": seen_on(refused.text)}
    assert (await guichet.post(f"{path}/contacts", data=again)).status_code == 303, "once they were read again"


async def test_removing_the_contact_in_the_middle_moves_no_suspension(town: Town, guichet: httpx2.AsyncClient) -> None:
    family, keyring, path = "F-R-10", town.guichet.keyring, "/guichet/dossier/R-10/contacts"
    numbers = [f"06 39 98 20 1{n}" for n in range(3)]
    known = [Contact(id=f"{family}-c{n}", phone=number) for n, number in enumerate(numbers, 1)]
    await town.guichet.vault.write(put_contacts, keyring, family, known, TODAY)
    await town.guichet.vault.write(suspend_contact, f"{family}-c3", stranger=True)
    done = await guichet.post(path, data={"tel": numbers[0], "tel2": "", "nom2": "", "tel3": numbers[2]})
    assert done.status_code == 303
    left = await town.guichet.vault.read(contacts_of, keyring, family)
    assert [(one.id, one.suspended) for one in left] == [(f"{family}-c1", False), (f"{family}-c3", True)]


async def test_who_may_answer_in_which_language_is_changed_in_the_form(town: Town, guichet: httpx2.AsyncClient) -> None:
    path = "/guichet/dossier/R-10/contacts"
    said = {"tel": "06 39 98 55 55", "role": "guardian", "langue": "en", "repond": "oui", "tel2": "06 39 98 66 66"}
    assert (await guichet.post(path, data={**said, "repond2": "non"})).status_code == 303
    first, second = await town.guichet.vault.read(contacts_of, town.guichet.keyring, "F-R-10")
    assert (first.role, first.language, first.may_answer) == (ContactRole.GUARDIAN, "en", True)
    assert second.may_answer is False


@pytest.mark.parametrize(
    ("changes", "field"),
    [
        ({"role": "boss"}, "role"),
        ({"role": "staff"}, "role"),
        ({"langue": "xx"}, "langue"),
        ({"repond": "non"}, "repond"),
        ({"nom2": "Lou Exemple"}, "tel2"),
        ({"tel3": "123"}, "tel3"),
    ],
)
async def test_a_wrong_contact_is_corrected_beside_its_field(
    guichet: httpx2.AsyncClient, changes: dict[str, str], field: str
) -> None:
    page = await guichet.post("/guichet/dossier/R-10/contacts", data={"tel": "06 39 98 55 55", **changes})
    assert page.status_code == 422
    assert faults(page.text) == [field]
    assert field in read(page.text).ids
    assert '<details id="contacts" open>' in page.text
    assert 'value="06 39 98 55 55"' in page.text


@pytest.mark.parametrize(
    ("gesture", "form"),
    [("contacts", {"nom": "Ada Exemple", "tel": "06 39 98 55 55"}), ("naissance", {"naissance": "2025-02-03"})],
)
async def test_a_gesture_of_the_guichet_leaves_alone_what_the_family_agreed_to(
    town: Town, guichet: httpx2.AsyncClient, gesture: str, form: dict[str, str]
) -> None:
    await town.write(amend_request, act(COORDINATOR), "R-10", need_body(urgent_sms_agreed=True))
    assert (await guichet.post(f"/guichet/dossier/R-10/{gesture}", data=form)).status_code == 303
    assert [said.urgent_sms_agreed for said in await town.said(RequestAmended)] == [True, True]


async def test_a_request_is_closed_for_a_reason(town: Town, guichet: httpx2.AsyncClient) -> None:
    path = "/guichet/dossier/R-3/clore"
    assert faults((await guichet.post(path, data={})).text) == ["motif"]
    assert (await guichet.post(path, data={"motif": "moved_away"})).status_code == 303
    assert [event.reason.value for event in await town.said(RequestClosed)] == ["moved_away"]
    assert "Demande close" in words((await guichet.get("/guichet/dossier/R-3")).text)


async def test_a_family_is_erased_once_somebody_says_that_it_asked(town: Town, guichet: httpx2.AsyncClient) -> None:
    await guichet.post("/guichet/dossier/R-3/clore", data={"motif": "moved_away"})
    path = "/guichet/dossier/R-3/effacer"
    assert faults((await guichet.post(path, data={})).text) == ["effacer"]
    assert "Inès" in words((await guichet.get("/guichet/dossier/R-3")).text)
    done = await guichet.post(path, data={"effacer": "oui"})
    assert done.headers["location"] == "/guichet/demandes?fait=effacee"
    assert [said.reason.value for said in await town.said(RequestClosed)] == ["moved_away", "erased"]
    page = (await guichet.get("/guichet/dossier/R-3")).text
    assert ("Inès" in words(page), path in page) == (False, False)
    found = await guichet.post("/guichet/demandes", data={"tel": "06.39.98.20.03"})
    assert "Inès" not in words(found.text)


async def test_a_live_proposal_is_taken_back(town: Town, guichet: httpx2.AsyncClient) -> None:
    path = f"/guichet/proposition/{proposal_in('delivered')}/reprendre"
    done = await guichet.post(path, data={"motif": "by_guichet", "demande": "R-3"})
    assert done.headers["location"] == "/guichet/dossier/R-3?fait=proposition_retiree"
    assert len(await town.said(WithdrawalGiven)) == 1


async def test_a_family_is_found_by_its_number_which_no_address_keeps(town: Town, guichet: httpx2.AsyncClient) -> None:
    found = await guichet.post("/guichet/demandes", data={"tel": "06.39.98.20.03"})
    assert (found.status_code, str(found.url)) == (200, "http://guichet.test/guichet/demandes")
    assert "Inès" in words(found.text)
    assert "Sacha" not in words(found.text)
    assert faults((await guichet.post("/guichet/demandes", data={"tel": "bonjour"})).text) == ["tel"]
    nobody = await guichet.post("/guichet/demandes", data={"tel": "06 39 98 00 00"})
    assert "Aucune demande pour ce numéro." in words(nobody.text)


async def test_the_territory_is_told_in_figures(town: Town, guichet: httpx2.AsyncClient) -> None:
    shown = words((await guichet.get("/guichet/territoire")).text)
    assert "13 demandes en cours" in shown
    assert "41\u00a0demandes lues, 12\u00a0places proposées" in shown
    assert "Reçue par la famille 2" in shown
    assert "n'est pas encore publié" not in (await guichet.get("/guichet/territoire")).text
    admin = words((await (await town.signed_in("administrator")).get("/guichet/territoire")).text)
    assert "Reçue par la famille" not in admin, "an administrator sees places, not proposals"


async def test_a_quiet_day_says_that_nothing_waits(quiet_town: Town) -> None:
    guichet = await quiet_town.signed_in("coordinator")
    assert (await guichet.get("/guichet")).text.count("Rien n'attend.") == 1
    assert "Aucune demande en cours." in words((await guichet.get("/guichet/demandes")).text)
    assert "Aucune attribution n'a encore eu lieu." in words((await guichet.get("/guichet/territoire")).text)


async def test_the_coordinator_of_another_territory_sees_nothing_of_this_one(town: Town) -> None:
    stranger = await town.signed_in("stranger")
    assert (await stranger.get("/guichet/dossier/R-3")).status_code == 404
    assert (await stranger.get("/guichet/proposition/O-3/repondre")).status_code == 404
    assert "Rien n'attend." in words((await stranger.get("/guichet")).text)
    path = f"/guichet/proposition/{proposal_in('delivered')}/repondre"
    assert (await stranger.post(path, data={"reponse": "oui", "canal": "phone"})).status_code == 404
    assert await town.said(ReplyReceived) == []


async def test_a_list_goes_on_where_it_ended(town: Town, guichet: httpx2.AsyncClient) -> None:
    first = await guichet.get("/guichet/demandes")
    rest = await guichet.get("/guichet/demandes?apres=R-9")
    assert "Louis" in words(first.text)
    assert "Lina" in words(rest.text)


async def test_a_call_that_finds_the_wrong_number_suspends_it(town: Town) -> None:
    coordinator = await town.signed_in("coordinator")
    path = f"/guichet/proposition/{proposal_in('delivered')}/repondre"
    answer = await coordinator.post(path, data={"reponse": "erreur", "canal": "phone"})
    assert answer.status_code == 303
    contacts = await town.guichet.vault.read(contacts_of, town.guichet.keyring, "F-R-3")
    assert [contact.suspended for contact in contacts] == [True]
    assert [reply.answer.value for reply in await town.said(ReplyReceived)] == ["erreur"]


async def test_the_guichet_takes_a_no_back_while_it_may(town: Town) -> None:
    coordinator = await town.signed_in("coordinator")
    request = f"R-{proposal_in('declining')[2:]}"
    assert "Annuler le NON" in words((await coordinator.get(f"/guichet/dossier/{request}")).text)
    path = f"/guichet/proposition/{proposal_in('declining')}/annuler"
    undone = await coordinator.post(path, data={"demande": request})
    assert undone.headers["location"] == f"/guichet/dossier/{request}?fait=annulation"
    assert [said.proposal for said in await town.said(ReplyUndone)] == [proposal_in("declining")]
    town.clock.set(later(minutes=16))
    assert "Annuler le NON" not in words((await coordinator.get(f"/guichet/dossier/{request}")).text)


async def test_a_sibling_is_registered_in_its_family_and_both_are_asked_for_together(
    town: Town, guichet: httpx2.AsyncClient
) -> None:
    page = await guichet.get("/guichet/demande?avec=R-3")
    assert "Ses contacts restent les mêmes" in words(page.text) and 'name="tel"' not in page.text
    new = {name: value for name, value in NEED.items() if name not in ("tel", "nom", "tel2", "nom2")}
    form = {**new, "type": "regular", "avec": "R-3", "une_fois": once(page.text)}
    check = await guichet.post("/guichet/demande", data={**form, "etape": "verifier"})
    assert check.status_code == 200, faults(check.text)
    assert "Contacts déjà connus" in words(check.text)
    done = await guichet.post("/guichet/demande", data={**form, "etape": "enregistrer"})
    (registered,) = await town.said(RequestRegistered)
    assert registered.family == "F-R-3"
    choice = await guichet.get("/guichet/dossier/R-3/fratrie")
    assert "Émile" in words(choice.text)
    empty = await guichet.post("/guichet/dossier/R-3/fratrie", data={})
    assert (empty.status_code, faults(empty.text)) == (422, ["fratrie", "ensemble"])
    asked = {"fratrie": registered.subject, "ensemble": "same_days"}
    assert (await guichet.post("/guichet/dossier/R-3/fratrie", data=asked)).status_code == 303
    (said,) = await town.said(SiblingsAsked)
    assert set(said.requests) == {"R-3", registered.subject}
    file = words((await guichet.get(done.headers["location"])).text)
    assert "les mêmes jours" in file and "Demandé avec Inès" in file
    assert (await guichet.post("/guichet/dossier/R-3/a-part")).status_code == 303
    assert len(await town.said(SiblingsParted)) == 1

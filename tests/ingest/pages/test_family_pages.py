"""A family's page: what it says in each state, what it records, and what a GET never does."""

from __future__ import annotations

import re
from datetime import timedelta

import pytest

from contracts.placements import PlacementEnding
from contracts.proposals import ProposalWithdrawn, ReplyJudged, Verdict
from contracts.replies import ReplyReceived, ReplyUndone
from contracts.requests import RequestClosed
from contracts.tasks import TaskOpened, TaskSettled
from contracts.vocabulary import Answer, Channel, DepartureReason, TaskKind, VacancyKind, WithdrawalReason
from services.bus.links import contact_token, proposal_token
from services.ingest import store
from services.ingest.projection.tables import proposals
from services.vault import Contact, contacts_of, put_contacts
from tests.ingest.pages.reading import faults, once, read, words
from tests.ingest.pages.town import FIRST_NAMES, STATES, Town, link, proposal_in
from tests.ingest.people import CRECHE, GRANDS, TODAY, later
from tests.ingest.proposals import LINK_KEY, delivered, event, made, released, sent

ALGORITHM = "Un algorithme a préparé cette proposition"
SHOWN = {
    "delivered": "Une place est proposée à votre enfant",
    "undelivered": "Une place est proposée à votre enfant",
    "frozen": "Le guichet vous appelle",
    "declining": "Votre NON est noté",
    "accepted": "Votre OUI est noté",
    "confirmed": "La place est à vous",
    "declined": "Votre NON est noté",
    "expired": "Le délai est passé",
    "withdrawn": "Cette place n'est plus disponible",
}


async def test_no_structure_is_blamed_for_what_the_family_itself_changed(town: Town) -> None:
    name = proposal_in("delivered")
    ended = {"reason": WithdrawalReason.REQUEST_CHANGED, "after_yes": False, "family_knew": True}
    await town.hear(event(ProposalWithdrawn, name, **ended))
    shown = words((await town.client.get(link("delivered"))).text)
    assert "Cette place ne vous est plus proposée" in shown and "Votre demande a changé." in shown
    assert "ne peut plus vous accueillir" not in shown


async def test_a_call_that_did_not_come_in_time_is_not_promised_again(town: Town) -> None:
    before = words((await town.client.get(link("accepted"))).text)
    assert "vous appelle avant le" in before and "devait vous appeler" not in before
    town.clock.advance(timedelta(days=7))
    after = words((await town.client.get(link("accepted"))).text)
    assert "devait vous appeler avant le" in after and "Le guichet s'en occupe." in after
    assert "vous appelle avant le" not in after


async def test_no_first_day_is_to_be_agreed_where_the_days_are_said(town: Town) -> None:
    weekly = words((await town.client.get(link("accepted"))).text)
    assert "Vous fixerez ensemble le premier jour." in weekly
    day = ({"day": "2026-11-10", "start": "08:00", "end": "12:00"},)
    await town.write(store.update, proposals, proposal_in("accepted"), slots=day)
    shown = words((await town.client.get(link("accepted"))).text)
    assert "La place est à vous après cet appel." in shown and "premier jour" not in shown


@pytest.mark.parametrize("state", ["declined", "expired", "withdrawn"])
async def test_no_closed_request_is_called_active(town: Town, state: str) -> None:
    assert "Votre demande reste active." in words((await town.client.get(link(state))).text)
    request = proposal_in(state).replace("O-", "R-")
    await town.write(store.update, store.requests, request, state=store.CLOSED)
    shown = words((await town.client.get(link(state))).text)
    assert "Votre demande est close" in shown and "reste active" not in shown
    assert "ne peut plus vous accueillir" not in shown


@pytest.mark.parametrize("state", SHOWN)
async def test_each_state_has_its_page_with_the_guichet_and_the_rules(town: Town, state: str) -> None:
    page = await town.client.get(link(state))
    shown = words(page.text)
    assert page.status_code == 200
    assert SHOWN[state] in shown
    assert ALGORITHM in shown
    assert "/regles" in read(page.text).targets
    assert "tel:0465710010" in read(page.text).targets


async def test_the_proposal_says_what_where_when_until_when_and_what_silence_means(town: Town) -> None:
    shown = words((await town.client.get(link("delivered"))).text)
    for said_so in (
        "Répondez avant le mardi 3\u00a0novembre à 19\u00a0h.",
        "Sans réponse, la place va à une autre famille. Votre demande reste active.",
        "Les Petits Cailloux (synthétique)",
        "Le mardi, de\u00a08\u00a0h\u00a0à\u00a017\u00a0h",
        "Du mardi 10\u00a0novembre 2026 au samedi 31\u00a0juillet 2027",
        "Vous obtenez la place demandée en premier.",
        "Deux demandes passaient avant la vôtre.",
        "Parent isolé +30",
        "était au rang 3",
    ):
        assert said_so in shown


async def test_no_family_is_asked_to_answer_before_an_hour_that_has_passed(town: Town) -> None:
    """In the minutes of grace, and where nobody was reached: there no time runs."""
    town.clock.advance(timedelta(days=7))
    late = words((await town.client.get(link("delivered"))).text)
    assert (
        "Le délai est passé depuis le mardi 3\u00a0novembre à 19\u00a0h. Votre réponse peut arriver trop tard." in late
    )
    unreached = words((await town.client.get(link("undelivered"))).text)
    assert "Répondez dès que possible." in unreached
    assert "Répondez avant" not in late + unreached


@pytest.mark.parametrize("state", SHOWN)
async def test_a_family_of_several_children_reads_which_one_it_is_about(town: Town, state: str) -> None:
    """Brothers and sisters are offered places by an SMS each, which says nothing of a child."""
    assert re.search(
        r"Pour votre enfant (de \d+.(mois|ans)|à naître)\.", words((await town.client.get(link(state))).text)
    )


@pytest.mark.parametrize("path", ["/p/inconnu", link("prepared"), link("held")])
async def test_links_that_open_nothing_look_alike(town: Town, path: str) -> None:
    page, other = await town.client.get(path), await town.client.get("/p/autre")
    assert page.status_code == 404
    assert words(page.text) == words(other.text)
    posted = await town.client.post(path, data={"reponse": "oui"})
    assert posted.status_code == 404
    assert await town.said(ReplyReceived) == []


async def test_a_link_to_what_is_long_over_opens_nothing(town: Town) -> None:
    town.clock.advance(timedelta(days=31))
    assert (await town.client.get(link("expired"))).status_code == 404
    assert (await town.client.get(link("confirmed"))).status_code == 200


async def test_the_page_names_no_child_and_keeps_its_address_to_itself(town: Town) -> None:
    page = await town.client.get(link("delivered"))
    assert page.headers["cache-control"] == "no-store"
    assert page.headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in page.headers
    assert "script" not in read(page.text).tags
    assert not any(name in page.text for name in FIRST_NAMES)


async def test_a_hundred_previews_change_nothing(town: Town) -> None:
    before = await town.said()
    for _ in range(100):
        await town.client.get(link("delivered"))
    await town.client.get(f"{link('delivered')}/confirmer?reponse=fin")
    assert await town.said() == before


@pytest.mark.parametrize("answer", ["oui", "non", "rappel"])
async def test_an_answer_is_recorded_once_and_shown_as_recorded_until_it_is_judged(town: Town, answer: str) -> None:
    page = await town.client.get(link("delivered"))
    form = {"reponse": answer, "une_fois": once(page.text)}
    first = await town.client.post(link("delivered"), data=form)
    again = await town.client.post(link("delivered"), data=form)
    assert (first.status_code, first.headers["location"]) == (303, link("delivered"))
    assert again.status_code == 303
    (reply,) = await town.said(ReplyReceived)
    assert (reply.answer.value, reply.channel, reply.answered_by) == (answer, Channel.LINK, "F-R-3-c1")
    shown = words((await town.client.get(link("delivered"))).text)
    assert "Réponse enregistrée" in shown
    assert "Votre réponse" not in shown
    facts = {"proposal": "O-3", "answer": reply.answer, "verdict": Verdict.TAKEN}
    await town.hear(event(ReplyJudged, reply.id, **facts, answered_by="F-R-3-c1", channel=Channel.LINK))
    assert "Réponse enregistrée" not in words((await town.client.get(link("delivered"))).text)


async def test_no_answer_is_a_fault_that_leads_to_the_choices(town: Town) -> None:
    page = await town.client.post(link("delivered"), data={})
    assert page.status_code == 422
    assert faults(page.text) == ["reponse"]
    assert "reponse" in read(page.text).ids
    assert "<title>Erreur&nbsp;:" in page.text
    assert await town.said(ReplyReceived) == []


async def test_fin_asks_once_more_and_then_closes_the_request(town: Town) -> None:
    asked = await town.client.post(link("delivered"), data={"reponse": "fin"})
    assert asked.headers["location"] == f"{link('delivered')}/confirmer?reponse=fin"
    assert await town.said(RequestClosed) == []
    sure = await town.client.get(asked.headers["location"])
    assert "Clore votre demande\u00a0?" in words(sure.text)
    form = {"reponse": "fin", "sur": "oui", "une_fois": once(sure.text)}
    assert (await town.client.post(link("delivered"), data=form)).status_code == 303
    (closed,) = await town.said(RequestClosed)
    assert closed.subject == "R-3"


async def test_a_stranger_says_so_once_more_and_the_number_is_left_alone(town: Town) -> None:
    assert (
        f"{link('delivered')}/confirmer?reponse=erreur" in read((await town.client.get(link("delivered"))).text).targets
    )
    asked = await town.client.post(link("delivered"), data={"reponse": "erreur"})
    assert asked.headers["location"] == f"{link('delivered')}/confirmer?reponse=erreur"
    sure = await town.client.get(asked.headers["location"])
    assert "Nous n'écrirons plus à ce numéro." in words(sure.text)
    assert (await town.said(ReplyReceived), await suspended(town, "F-R-3")) == ([], [False])
    form = {"reponse": "erreur", "sur": "oui", "une_fois": once(sure.text)}
    for _ in range(2):
        thanks = await town.client.post(link("delivered"), data=form)
    (reply,) = await town.said(ReplyReceived)
    assert (reply.answer, reply.channel) == (Answer.ERREUR, Channel.LINK)
    assert await suspended(town, "F-R-3") == [True]
    shown = words((await town.client.get(thanks.headers["location"])).text)
    assert "Merci" in shown
    assert "Cailloux" not in shown


async def test_erreur_by_link_after_an_answer_asks_for_a_call_and_suspends_nobody(town: Town) -> None:
    """As by SMS: whoever has answered from there is no stranger, and means something else."""
    await town.client.post(link("delivered"), data={"reponse": "oui", "une_fois": "a"})
    sure = await town.client.get(f"{link('delivered')}/confirmer?reponse=erreur")
    assert "le guichet appelle pour vérifier" in words(sure.text)
    assert "Nous n'écrirons plus" not in words(sure.text)
    form = {"reponse": "erreur", "sur": "oui", "une_fois": once(sure.text)}
    for _ in range(2):
        thanks = await town.client.post(link("delivered"), data=form)
    assert "La réponse donnée reste notée." in words((await town.client.get(thanks.headers["location"])).text)
    said = [(reply.answer, reply.understood) for reply in await town.said(ReplyReceived)]
    assert (said, await suspended(town, "F-R-3")) == ([(Answer.OUI, True), (Answer.RAPPEL, False)], [False])
    assert "Cailloux" in words((await town.client.get(link("delivered"))).text), "the page stays the family's"
    task = event(TaskOpened, "A-doubt", kind=TaskKind.UNCLEAR_REPLY, proposal="O-3", request="R-3")
    await town.hear(task)
    shown = words((await (await town.signed_in("coordinator")).get("/guichet")).text)
    assert "quelqu'un dit que le message n'est pas pour lui" in shown


async def test_of_two_contacts_the_one_whose_link_said_erreur_is_written_to_no_more(town: Town) -> None:
    second = sent("O-3", contact="F-R-3-c2")
    await town.hear(second.model_copy(update={"about": second.about.model_copy(update={"message": "M-second"})}))
    path = f"/p/{contact_token(LINK_KEY, 'O-3', 'F-R-3-c1')}"
    form = {"reponse": "erreur", "sur": "oui", "une_fois": "z"}
    assert (await town.client.post(path, data=form)).status_code == 303
    assert await suspended(town, "F-R-3") == [True]


async def test_a_family_reads_the_number_by_which_it_can_check_the_draw(town: Town) -> None:
    page = words((await town.client.get(link("delivered"))).text)
    assert "Votre numéro de demande, pour vérifier un tirage" in page and "R-3" in page


async def test_a_stranger_who_said_so_sees_no_more_of_the_family_and_answers_nothing(town: Town) -> None:
    """Neither with the link cut short, nor once the guichet has put the right number, which gets a link of its own."""
    path = f"/p/{contact_token(LINK_KEY, 'O-3', 'F-R-3-c1')}"
    assert "Cailloux" in words((await town.client.get(path)).text)
    await town.client.post(path, data={"reponse": "erreur", "sur": "oui", "une_fois": "z"})
    assert "Cailloux" not in words((await town.client.get(path)).text)
    assert "Cailloux" not in words((await town.client.get(f"{path}/confirmer?reponse=non")).text)
    await town.client.post(path, data={"reponse": "oui", "une_fois": "y"})
    assert (await town.client.get(f"/p/{proposal_token(LINK_KEY, 'O-3')}")).status_code == 404
    guichet = await town.signed_in("coordinator")
    right = {"tel": "06 39 98 00 01"}
    assert (await guichet.post("/guichet/dossier/R-3/contacts", data=right)).status_code == 303
    assert "Cailloux" not in words((await town.client.get(path)).text)
    await town.client.post(path, data={"reponse": "oui", "une_fois": "x"})
    assert [reply.answer for reply in await town.said(ReplyReceived)] == [Answer.ERREUR]
    (own,) = await town.guichet.vault.read(contacts_of, town.guichet.keyring, "F-R-3")
    assert "Cailloux" in words((await town.client.get(f"/p/{contact_token(LINK_KEY, 'O-3', own.id)}")).text)


async def suspended(town: Town, family: str) -> list[bool]:
    contacts = await town.guichet.vault.read(contacts_of, town.guichet.keyring, family)
    return [contact.suspended for contact in contacts]


async def test_a_family_that_nobody_reached_is_promised_no_call(town: Town) -> None:
    reason = {"reason": WithdrawalReason.FAMILY_UNREACHABLE, "after_yes": False, "family_knew": True}
    await town.hear(event(ProposalWithdrawn, proposal_in("undelivered"), **reason))
    page = words((await town.client.get(link("undelivered"))).text)
    assert "Cela vous intéresse encore" in page and "vous appelle" not in page
    assert "vous appelle" in words((await town.client.get(link("withdrawn"))).text)


async def test_a_family_of_a_wave_reads_that_others_are_asked_and_that_it_loses_nothing(town: Town) -> None:
    wave = {"wave": "w-1", "asked_at_once": 3, "asked_as": 2, "kind": VacancyKind.OCCASIONAL, "code": "4911"}
    proposal = "O-wave"
    await town.hear(made(proposal, "R-3", **wave), released(proposal), sent(proposal, contact="F-R-3-c1"))
    path = f"/p/{contact_token(LINK_KEY, proposal, 'F-R-3-c1')}"
    page = words((await town.client.get(path)).text)
    assert "Cette place est proposée à 3 familles en même temps. La première qui répond OUI l'obtient." in page
    assert "la place va à une autre famille" not in page
    taken = {"reason": WithdrawalReason.TAKEN, "after_yes": False, "family_knew": True}
    await town.hear(event(ProposalWithdrawn, proposal, **taken))
    page = words((await town.client.get(path)).text)
    assert "Cette place est prise" in page and "garde son rang" in page
    assert "vous appelle" not in page


async def test_a_family_whose_child_has_a_place_reads_what_becomes_of_it_without_a_oui(town: Town) -> None:
    """Its own place goes on, or ends before the new one whatever is answered: both are said as they are."""
    await town.hear(made("O-move", "R-3", replaces=proposal_in("confirmed"), code="4912"), released("O-move"))
    await town.hear(sent("O-move", contact="F-R-3-c1"))
    path = f"/p/{contact_token(LINK_KEY, 'O-move', 'F-R-3-c1')}"
    assert "Sans OUI, vous la gardez." in words((await town.client.get(path)).text)
    ends = {"structure": CRECHE, "section": GRANDS, "last_day": TODAY, "reason": DepartureReason.MOVED}
    await town.hear(event(PlacementEnding, proposal_in("confirmed"), **ends))
    page = words((await town.client.get(path)).text)
    assert "quelle que soit votre réponse" in page and "vous la gardez" not in page


async def two_contacts(town: Town) -> None:
    """Beside the first one of the family of R-3, another."""
    both = [Contact(id=f"F-R-3-c{n}", phone=f"06 39 98 20 0{n + 2}") for n in (1, 2)]
    await town.guichet.vault.write(put_contacts, town.guichet.keyring, "F-R-3", both, town.guichet.clock().date())


async def test_the_link_of_a_contact_that_the_guichet_has_taken_off_opens_nothing(town: Town) -> None:
    """A former partner, say, who keeps the message."""
    await two_contacts(town)
    first, second = (f"/p/{contact_token(LINK_KEY, 'O-3', f'F-R-3-c{n}')}" for n in (1, 2))
    assert "Cailloux" in words((await town.client.get(second)).text)
    guichet = await town.signed_in("coordinator")
    left = {"tel": "06 39 98 20 03", "nom2": "", "tel2": ""}
    assert (await guichet.post("/guichet/dossier/R-3/contacts", data=left)).status_code == 303
    assert (await town.client.get(second)).status_code == 404
    assert (await town.client.post(second, data={"reponse": "non", "une_fois": "z"})).status_code == 404
    assert await town.said(ReplyReceived) == []
    assert "Cailloux" in words((await town.client.get(first)).text)


async def test_each_contact_answers_by_its_own_link(town: Town) -> None:
    """Forwarded or not, an answer is that of the contact the link was sent to, whoever was reached last."""
    proposal, family = proposal_in("delivered"), "F-R-3"
    await two_contacts(town)
    await town.hear(sent(proposal, contact=f"{family}-c2"))
    for n, answer in ((1, "oui"), (2, "non")):
        path = f"/p/{contact_token(LINK_KEY, proposal, f'{family}-c{n}')}"
        assert (await town.client.post(path, data={"reponse": answer, "une_fois": str(n)})).status_code == 303
    assert [(said.answered_by, said.answer) for said in await town.said(ReplyReceived)] == [
        (f"{family}-c1", Answer.OUI),
        (f"{family}-c2", Answer.NON),
    ]
    forged = f"/p/{proposal_token(LINK_KEY, proposal)}{'A' * 8}"
    assert (await town.client.get(forged)).status_code == 404
    other = contact_token(LINK_KEY, proposal_in("frozen"), f"{family}-c1")[22:]
    assert (await town.client.get(f"/p/{proposal_token(LINK_KEY, proposal)}{other}")).status_code == 404


async def test_a_no_to_an_on_call_place_is_final_so_it_is_asked_twice(town: Town) -> None:
    on_call = made("O-urgent", "R-urgent", kind=VacancyKind.ON_CALL)
    await town.hear(on_call, released("O-urgent"), sent("O-urgent", contact="F-R-urgent-c1"), delivered("O-urgent"))
    path = f"/p/{contact_token(LINK_KEY, 'O-urgent', 'F-R-urgent-c1')}"
    shown = words((await town.client.get(path)).text)
    assert "Votre OUI confirme la place tout de suite." in shown
    asked = await town.client.post(path, data={"reponse": "non"})
    assert asked.headers["location"] == f"{path}/confirmer?reponse=non"
    assert "Ce refus ne s'annule pas." in words((await town.client.get(asked.headers["location"])).text)
    assert await town.said(ReplyReceived) == []


async def test_a_no_is_taken_back_for_a_quarter_of_an_hour(town: Town) -> None:
    page = await town.client.get(link("declining"))
    form = {"une_fois": once(page.text)}
    for _ in range(2):
        undone = await town.client.post(f"{link('declining')}/annuler", data=form)
        assert undone.status_code == 303
    assert len(await town.said(ReplyUndone)) == 1
    assert "Annulation enregistrée." in words((await town.client.get(undone.headers["location"])).text)
    town.clock.set(later(minutes=16))
    assert "Annuler mon NON" not in words((await town.client.get(link("declining"))).text)


async def test_a_confirmed_place_shows_its_appointment_and_first_days(town: Town) -> None:
    shown = words((await town.client.get(link("confirmed"))).text)
    assert "Rendez-vous Jeudi 5\u00a0novembre à 9\u00a0h" in shown
    assert "Début de l'adaptation Jeudi 12\u00a0novembre" in shown
    assert "Premier jour complet Mardi 17\u00a0novembre" in shown
    assert "04 65 71 00 21" in shown


@pytest.mark.parametrize("state", ["delivered", "expired", "withdrawn"])
async def test_a_family_that_is_to_be_called_reads_so_until_it_is_and_is_not_asked_again(
    town: Town, state: str
) -> None:
    tasks = {"delivered": "A-call_back", "expired": "A-late_yes", "withdrawn": "A-structure_refused"}
    page = await town.client.get(link(state))
    assert "Le guichet vous appelle." in words(page.text)
    assert "Demander un appel" not in words(page.text)
    await town.hear(event(TaskSettled, tasks[state], by="P-lea"))
    after = words((await town.client.get(link(state))).text)
    assert ("Le guichet vous appelle." in after) is (state == "withdrawn")
    assert ("Demander un appel" in after) is (state != "delivered")


@pytest.mark.parametrize("state", ["accepted", "expired", "withdrawn"])
async def test_a_call_can_be_asked_for_after_the_end(town: Town, state: str) -> None:
    for task in ("A-late_yes", "A-structure_refused"):
        await town.hear(event(TaskSettled, task, by="P-lea"))
    page = await town.client.get(link(state))
    form = {"reponse": "rappel", "une_fois": once(page.text)}
    assert (await town.client.post(link(state), data=form)).status_code == 303
    (reply,) = await town.said(ReplyReceived)
    assert (reply.proposal, reply.answer) == (proposal_in(state), Answer.RAPPEL)


async def test_a_family_page_weighs_less_than_thirty_kilobytes_in_all(town: Town) -> None:
    sheet, icon = [await town.client.get(f"/static/berceau.{kind}") for kind in ("css", "svg")]
    files = len(sheet.content) + len(icon.content)
    heaviest = max([len((await town.client.get(link(state))).content) for state in STATES])
    assert files + heaviest <= 30_000
    assert len(sheet.content) <= 14_000

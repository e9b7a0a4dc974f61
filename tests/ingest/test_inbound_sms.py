"""A family's text at the operator's door: for the right proposal or for none, once, and never lost."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.proposals import ProposalDeclined
from contracts.replies import ReplyReceived
from contracts.requests import RequestClosed
from contracts.vocabulary import Answer, Channel
from services import vault
from services.ingest import inbound
from services.ingest.queries.tasks import unclear_texts
from tests.ingest.doors import Doors
from tests.ingest.people import COMMITTEE, COORDINATOR, NOW, TODAY, later
from tests.ingest.proposals import event, made, released

PHONE, SECOND = "+33639980011", "+33639980012"
PATH = "/sms/inbound/operator-secret"


async def family(doors: Doors, name: str = "F-R-1", phone: str = PHONE, may_answer: bool = True) -> None:
    """Its one contact, kept as a form or a file has it kept."""
    contact, keyring = vault.Contact(id=f"{name}-c1", phone=phone, may_answer=may_answer), doors.guichet.keyring
    kept = await doors.guichet.vault.read(vault.named_by_number, keyring, {name: [contact]})
    await doors.guichet.vault.write(vault.put_contacts, keyring, name, kept[name], TODAY)


async def text(doors: Doors, words: str, sender: str = PHONE, id_: str = "m-1", **more: Any) -> int:
    body = {"message_id": id_, "from": sender, "to": "36180", "operator": "x", "text": words, **more}
    return (await doors.post(PATH, body=body)).status_code


async def replies(doors: Doors) -> list[ReplyReceived]:
    return [event for event in await doors.said(ReplyReceived) if isinstance(event, ReplyReceived)]


async def outcomes(doors: Doors) -> list[tuple[str, str | None]]:
    table = inbound.inbound
    query = sa.select(table.c.outcome, table.c.words).order_by(table.c.id)
    return await doors.guichet.database.read(lambda tx: [tuple(row) for row in tx.execute(query)])


async def test_oui_is_an_answer_to_the_familys_only_live_proposal(doors: Doors) -> None:
    await family(doors)
    await doors.hear(made(), released())
    assert await text(doors, "oui merci", received_at=later(minutes=-5).isoformat()) == 200
    (reply,) = await replies(doors)
    assert (reply.proposal, reply.answer, reply.channel) == ("O-1", Answer.OUI, Channel.SMS)
    assert (reply.answered_by, reply.understood, reply.received_at) == ("F-R-1-c1", True, later(minutes=-5))
    assert await outcomes(doors) == [("recorded", None)]


async def test_the_same_text_delivered_a_hundred_times_is_one_answer(doors: Doors) -> None:
    await family(doors)
    await doors.hear(made(), released())
    statuses = await asyncio.gather(*[text(doors, "OUI 4821") for _ in range(100)])
    assert set(statuses) == {200}
    assert len(await replies(doors)) == 1


async def test_two_texts_with_the_same_words_are_two_answers(doors: Doors) -> None:
    """The twin: it is the provider's message id that counts once, not the words."""
    await family(doors)
    await doors.hear(made(), released())
    for n in range(2):
        await text(doors, "OUI 4821", id_=f"m-{n}")
    assert len(await replies(doors)) == 2


async def test_a_text_from_the_future_counts_from_now(doors: Doors) -> None:
    await family(doors)
    await doors.hear(made(), released())
    await text(doors, "OUI", received_at=later(hours=3).isoformat())
    assert (await replies(doors))[0].received_at == NOW


@pytest.mark.parametrize("words", ["oui mais pas le mardi", "c'est où ?", "demain"])
async def test_unclear_words_ask_for_a_call_and_are_kept_for_it(doors: Doors, words: str) -> None:
    await family(doors)
    await doors.hear(made(), released())
    await text(doors, words)
    (reply,) = await replies(doors)
    assert (reply.answer, reply.understood) == (Answer.RAPPEL, False)
    assert await outcomes(doors) == [("unclear", words)]


async def two_live(doors: Doors) -> None:
    await family(doors)
    second = made("O-2", "R-2", later(minutes=1), family="F-R-1", code="7305")
    await doors.hear(made(), released(), second, released("O-2"))


async def test_with_two_live_proposals_a_bare_oui_is_asked_again_and_never_guessed(doors: Doors) -> None:
    await two_live(doors)
    await text(doors, "OUI")
    (reply,) = await replies(doors)
    assert (reply.proposal, reply.answer, reply.understood) == ("O-2", Answer.RAPPEL, False)


@pytest.mark.parametrize(("code", "proposal"), [("4821", "O-1"), ("7305", "O-2")])
async def test_a_code_says_which_of_two_proposals_is_meant(doors: Doors, code: str, proposal: str) -> None:
    await two_live(doors)
    await text(doors, f"OUI {code}")
    (reply,) = await replies(doors)
    assert (reply.proposal, reply.answer, reply.understood) == (proposal, Answer.OUI, True)


async def test_a_wrong_code_is_never_an_answer(doors: Doors) -> None:
    await family(doors)
    await doors.hear(made(), released())
    await text(doors, "OUI 9999")
    (reply,) = await replies(doors)
    assert (reply.answer, reply.understood) == (Answer.RAPPEL, False)


async def test_an_answer_to_a_proposal_that_ended_is_told_to_the_matcher(doors: Doors) -> None:
    await family(doors)
    await doors.hear(made(), released(), event(ProposalDeclined, "O-1", answer=Answer.NON, answered_by="F-R-1-c1"))
    await text(doors, "OUI 4821")
    (reply,) = await replies(doors)
    assert (reply.proposal, reply.answer, reply.understood) == ("O-1", Answer.OUI, True)


async def test_a_proposal_that_was_not_released_cannot_be_answered(doors: Doors) -> None:
    await family(doors)
    await doors.hear(made())
    await text(doors, "OUI 4821")
    assert await replies(doors) == []
    assert await outcomes(doors) == [("no_proposal", "OUI 4821")]


async def test_another_phone_cannot_answer_even_with_the_code(doors: Doors) -> None:
    await family(doors)
    await doors.hear(made(), released())
    await text(doors, "OUI 4821", sender=SECOND)
    assert await replies(doors) == []
    assert await outcomes(doors) == [("unknown_sender", "OUI 4821")]


async def test_a_contact_that_may_not_answer_asks_for_a_call(doors: Doors) -> None:
    await family(doors, may_answer=False)
    await doors.hear(made(), released())
    await text(doors, "OUI 4821")
    (reply,) = await replies(doors)
    assert (reply.answer, reply.understood) == (Answer.RAPPEL, False)


async def contact(doors: Doors) -> vault.Contact:
    found = await doors.guichet.vault.read(vault.contact_named, doors.guichet.keyring, "F-R-1-c1")
    assert found is not None
    return found


@pytest.mark.parametrize(
    ("words", "answer", "clear"), [("ERREUR", Answer.ERREUR, True), ("STOP", Answer.RAPPEL, False)]
)
async def test_a_wrong_number_and_stop_suspend_the_contact_and_are_no_refusal(
    doors: Doors, words: str, answer: Answer, clear: bool
) -> None:
    await family(doors)
    await doors.hear(made(), released())
    await text(doors, words)
    assert (await contact(doors)).suspended
    (reply,) = await replies(doors)
    assert (reply.answer, reply.understood, reply.stop) == (answer, clear, words == "STOP")


@pytest.mark.parametrize("first", ["OUI", "NON", "FIN"])
async def test_erreur_from_a_number_that_the_family_answered_from_asks_for_a_call(doors: Doors, first: str) -> None:
    """The SMS after a NON says "Une erreur ?": whoever writes the word back means its NON, and no wrong number."""
    await family(doors)
    await doors.hear(made(), released())
    await text(doors, first)
    await text(doors, "Erreur", id_="m-2")
    said = (await replies(doors))[-1]
    assert (said.answer, said.understood) == (Answer.RAPPEL, False), "a task to call, with the words beside it"
    assert not (await contact(doors)).suspended
    assert (await outcomes(doors))[-1] == ("unclear", "Erreur")


async def test_a_question_before_erreur_proves_nothing(doors: Doors) -> None:
    """The twin: a stranger asks who writes, then says that it is not the one."""
    await family(doors)
    await doors.hear(made(), released())
    await text(doors, "qui êtes-vous ?")
    await text(doors, "erreur de numéro", id_="m-2")
    assert [reply.answer for reply in await replies(doors)] == [Answer.RAPPEL, Answer.ERREUR]
    assert (await contact(doors)).stranger


async def test_what_a_family_answered_from_its_old_number_proves_nothing_of_a_new_one(doors: Doors) -> None:
    await family(doors)
    await doors.hear(made(), released())
    await text(doors, "OUI 4821")
    await family(doors, phone=SECOND)
    await text(doors, "erreur de numéro", sender=SECOND, id_="m-2")
    assert [reply.answer for reply in await replies(doors)] == [Answer.OUI, Answer.ERREUR]


async def test_a_stranger_who_said_erreur_answers_no_more_for_the_family(doors: Doors) -> None:
    await family(doors)
    await doors.hear(made(), released())
    await text(doors, "ERREUR")
    await text(doors, "OUI 4821", id_="m-2")
    assert [reply.answer for reply in await replies(doors)] == [Answer.ERREUR]
    assert (await outcomes(doors))[-1] == ("unknown_sender", "OUI 4821")
    (row,) = await doors.guichet.database.read(unclear_texts, COORDINATOR)
    (kept,) = await doors.guichet.vault.read(vault.contacts_of, doors.guichet.keyring, row["owner"])
    assert (row["words"], kept.phone) == ("OUI 4821", PHONE), "the guichet reads it, and can call"


@pytest.mark.parametrize("where", ["_take", "the stranger"])
async def test_erreur_given_again_after_a_crash_still_tells_that_the_family_was_not_reached(
    doors: Doors, monkeypatch: pytest.MonkeyPatch, where: str
) -> None:
    await family(doors)
    await doors.hear(made(), released())

    def crash(*_: Any, **how: Any) -> None:
        if where == "_take" or how:
            raise RuntimeError("the process ends here")

    with monkeypatch.context() as patch, pytest.raises(RuntimeError):
        patch.setattr(inbound, "_take" if where == "_take" else "_suspend", crash)
        await text(doors, "ERREUR")
    await text(doors, "ERREUR")
    assert [reply.answer for reply in await replies(doors)] == [Answer.ERREUR]
    assert (await contact(doors)).stranger
    assert await outcomes(doors) == [("recorded", None)]


async def test_after_stop_a_number_is_still_the_familys(doors: Doors) -> None:
    """The twin: STOP silences a number, and makes a stranger of nobody."""
    await family(doors)
    await doors.hear(made(), released())
    await text(doors, "STOP")
    await text(doors, "OUI 4821", id_="m-2")
    assert [reply.answer for reply in await replies(doors)] == [Answer.RAPPEL, Answer.OUI]


async def test_a_number_put_in_the_place_of_a_wrong_one_answers_again(doors: Doors) -> None:
    await family(doors)
    await doors.hear(made(), released())
    await text(doors, "ERREUR")
    await family(doors, phone=SECOND)
    await text(doors, "OUI 4821", sender=SECOND, id_="m-2")
    assert [reply.answer for reply in await replies(doors)] == [Answer.ERREUR, Answer.OUI]


async def test_fin_closes_the_request_too(doors: Doors) -> None:
    request = await doors.register("coordinator")
    (known,) = await doors.guichet.vault.read(vault.families_by_phone, doors.guichet.keyring, PHONE)
    await doors.hear(made(request=request, family=known[0]), released())
    await text(doors, "FIN 4821")
    assert len(await replies(doors)) == 1
    assert [event.subject for event in await doors.said(RequestClosed)] == [request]


async def test_the_coordinator_reads_texts_of_unknown_senders_and_can_call_them(doors: Doors) -> None:
    await text(doors, "Bonjour, c'est pour une place", sender=SECOND)
    (row,) = await doors.guichet.database.read(unclear_texts, COORDINATOR)
    assert row["words"] == "Bonjour, c'est pour une place"
    (kept,) = await doors.guichet.vault.read(vault.contacts_of, doors.guichet.keyring, row["owner"])
    assert kept.phone == SECOND
    assert await doors.guichet.database.read(unclear_texts, COMMITTEE) == []
    assert (await doors.post("/texts/m-1/handling", "coordinator")).status_code == 202
    assert await doors.guichet.database.read(unclear_texts, COORDINATOR) == []
    assert await outcomes(doors) == [("unknown_sender", None)]


async def test_words_are_kept_for_a_month_and_no_longer(doors: Doors) -> None:
    await text(doors, "Bonjour", sender=SECOND)
    assert await doors.write(inbound.forget_words, later(days=29)) == 0
    assert await doors.write(inbound.forget_words, later(days=31)) == 1
    assert await outcomes(doors) == [("unknown_sender", None)]


@pytest.mark.parametrize("sender", ["36180", "LaPoste", ""])
async def test_a_sender_without_a_number_stops_nothing(doors: Doors, sender: str) -> None:
    assert await text(doors, "Votre colis", sender=sender) == 200
    assert await outcomes(doors) == [("unknown_sender", "Votre colis")]


@pytest.mark.parametrize("secret", ["wrong", "operator-secre", "operator-secrets"])
async def test_without_the_secret_there_is_no_such_door(doors: Doors, secret: str) -> None:
    body = {"message_id": "m-1", "from": PHONE, "text": "OUI"}
    assert (await doors.post(f"/sms/inbound/{secret}", body=body)).status_code == 404
    assert await outcomes(doors) == []

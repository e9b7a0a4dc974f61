"""Sending: an intent first, one contact after the other, at suitable hours, and what the operator says of it."""

from __future__ import annotations

import asyncio
from datetime import time, timedelta

import pytest
import sqlalchemy as sa

from contracts.proposals import ProposalExpired, ProposalReleased
from contracts.vocabulary import MessageTemplate, VacancyKind
from services.notifier import tables as t
from services.notifier.gateways.gateway import SETTLING, Idempotency, Outcome, SendResult
from services.notifier.gsm7 import Encoding
from services.notifier.handlers import HANDLERS
from services.notifier.store import State, change, left_open, message_id, named
from services.vault import erase_family
from tests.matcher.world import MONDAY, now_at
from tests.notifier.desk import FAMILY, FIRST, SECOND, Desk, one_day, parents

FAILED = SendResult(outcome=Outcome.FAILED, reason="refusé")
LATER = SendResult(outcome=Outcome.LATER, reason="occupé")
UNKNOWN = SendResult(outcome=Outcome.UNKNOWN, reason="perdu")


async def only(desk: Desk) -> str:
    (row,) = await desk.rows()
    return str(row["message"])


async def test_a_text_that_left_is_said_once_with_what_it_cost(desk: Desk) -> None:
    await desk.offer()
    await desk.send()
    (event,) = await desk.said("message.sent")
    assert (event.about.contact, event.about.proposal, event.encoding) == ("c-first", "p-1", "gsm7")
    assert await desk.send() == 0


async def test_the_second_contact_is_tried_when_the_first_can_not_be_reached(desk: Desk) -> None:
    await desk.offer()
    desk.gateway.next_results.append(FAILED)
    await desk.send()
    await desk.send()
    assert [sms.to for sms in desk.gateway.sent] == [SECOND]
    (failed,) = await desk.said("message.failed")
    assert (failed.last, failed.about.contact) == (False, "c-first")


async def test_with_no_contact_left_it_is_said_that_nobody_has_it(desk: Desk) -> None:
    await desk.offer()
    desk.gateway.next_results.extend([FAILED, FAILED])
    for _ in range(3):
        await desk.send()
    assert [(event.reason, event.last) for event in await desk.said("message.failed")] == [
        ("refusé", False), ("refusé", False), ("undelivered", True),
    ]  # fmt: skip


@pytest.mark.parametrize("changes", [{"suspended": True}, {"may_answer": False}, {"channel": "voice"}])
async def test_nobody_is_written_to_who_should_not_be(desk: Desk, changes: dict[str, object]) -> None:
    first, second = parents(**changes)
    await desk.keep(first, second.model_copy(update={"suspended": True}))
    await desk.offer()
    await desk.send()
    assert desk.sent == []
    (failed,) = await desk.said("message.failed")
    assert (failed.reason, failed.last) == ("no_contact", True)


async def test_an_erased_family_is_written_to_no_more(desk: Desk) -> None:
    await desk.offer()
    await desk.vault.write(erase_family, FAMILY)
    await desk.send()
    assert desk.sent == []
    assert (await desk.states())["proposal"] == ["failed"]


async def test_a_text_whose_limit_has_passed_does_not_leave(desk: Desk) -> None:
    await desk.offer()
    await desk.later(hours=44)
    assert desk.sent == []
    (failed,) = await desk.said("message.failed")
    assert (failed.reason, failed.last) == ("too_late", True)


async def test_nothing_leaves_at_night_and_it_is_said_when_it_will(desk: Desk) -> None:
    desk.clock.set(now_at(21))
    await desk.offer()
    assert await desk.send() == 0
    (planned,) = await desk.said("message.planned")
    assert planned.send_at == now_at(8, day=MONDAY + timedelta(days=1))
    desk.clock.set(planned.send_at)
    await desk.send()
    assert len(desk.sent) == 1


async def test_an_urgent_text_leaves_in_the_evening_only_where_the_family_agreed(desk: Desk) -> None:
    desk.clock.set(now_at(20, 30))
    day = MONDAY + timedelta(days=1)
    await desk.made("p-1", slots=one_day(day), kind=VacancyKind.ON_CALL)
    await desk.made("p-2", slots=one_day(day), kind=VacancyKind.ON_CALL, code="4712")
    limit = now_at(21)
    await desk.hear(ProposalReleased, "p-1", answer_by=limit, by="policy", urgent=True)
    await desk.hear(ProposalReleased, "p-2", answer_by=limit, by="policy", urgent=False)
    await desk.send()
    assert ["4711" in text for text in desk.sent] == [True]


async def test_a_text_that_was_put_off_or_waits_for_another_contact_keeps_to_the_hours(desk: Desk) -> None:
    desk.clock.set(now_at(19, 59))
    await desk.offer()
    desk.gateway.next_results.append(LATER)
    await desk.send()
    await desk.later(minutes=10)
    assert desk.sent == []
    (row,) = await desk.rows()
    assert (row["state"], row["send_at"]) == ("planned", now_at(8, day=MONDAY + timedelta(days=1)))


async def test_a_gateway_that_sends_nothing_at_some_hours_is_not_asked_then(desk: Desk) -> None:
    desk.gateway.quiet_hours = (time(11), time(14))
    await desk.offer()
    await desk.send()
    assert desk.sent == []
    await desk.later(hours=2)
    assert len(desk.sent) == 1


async def test_an_offer_that_failed_does_not_leave_to_the_next_contact_once_it_is_over(desk: Desk) -> None:
    await desk.offer()
    desk.gateway.next_results.append(FAILED)
    await desk.send()
    await desk.hear(ProposalExpired, "p-1", deadline=desk.clock())
    await desk.send()
    assert [text for text in desk.sent if "OUI 4711 ou NON" in text] == []
    assert (await desk.states())["proposal"] == ["cancelled"]


async def test_an_offer_on_its_way_while_it_ends_is_not_tried_again(desk: Desk) -> None:
    """The gateway was asked, could not say, and the proposal ended meanwhile."""
    await desk.offer()
    message = await intend(desk)
    await desk.hear(ProposalExpired, "p-1", deadline=desk.clock())
    for _ in range(4):
        await desk.later(minutes=5)
    assert [sms.reference for sms in desk.gateway.sent if sms.reference.startswith(message)] == []
    assert (await desk.states())["proposal"] == ["unknown"], "a gateway that promises keys alone can not be believed"


@pytest.mark.parametrize(
    ("idempotency", "had_left", "state"),
    [
        (Idempotency.KEY, True, "sent"),
        (Idempotency.KEY, False, "unknown"),
        (Idempotency.LOOKUP, True, "sent"),
        (Idempotency.LOOKUP, False, "cancelled"),
    ],
)
async def test_a_text_that_may_have_left_is_never_cancelled_without_asking_the_gateway(
    desk: Desk, idempotency: Idempotency, had_left: bool, state: str
) -> None:
    """The answer of the gateway was lost, and the proposal ended before it was asked again."""
    desk.gateway.idempotency = idempotency
    await desk.offer()
    name = await only(desk)
    desk.gateway.next_results.append(SendResult(outcome=Outcome.LATER, reason="réponse perdue", in_doubt=True))
    await desk.send()
    if had_left:
        await desk.gateway.send(f"{name}-0", FIRST, "le texte", Encoding.GSM7)
    await desk.hear(ProposalExpired, "p-1", deadline=desk.clock())
    for _ in range(3):
        await desk.later(minutes=3)
    assert (await desk.states())["proposal"] == [state]
    assert len([sms for sms in desk.gateway.sent if sms.reference == f"{name}-0"]) == had_left
    assert len(await desk.said("message.sent")) - len(await offers_told(desk)) == (state == "sent")
    assert len(await desk.said("message.unknown")) == (state == "unknown")


async def offers_told(desk: Desk) -> list[str]:
    """Texts that are not the offer itself."""
    return [said.subject for said in await desk.said("message.sent") if said.about.template != "proposal"]


async def test_a_text_in_doubt_that_is_too_late_is_asked_about_before_it_is_given_up(desk: Desk) -> None:
    await desk.offer()
    name = await only(desk)
    desk.gateway.next_results.append(SendResult(outcome=Outcome.LATER, reason="réponse perdue", in_doubt=True))
    await desk.send()
    await desk.gateway.send(f"{name}-0", FIRST, "le texte", Encoding.GSM7)
    await desk.later(hours=45)
    await desk.later(minutes=3)
    assert (await desk.states())["proposal"] == ["sent"]
    assert await desk.said("message.failed") == []


async def test_a_receipt_says_of_a_text_in_doubt_what_became_of_it(desk: Desk) -> None:
    await desk.offer()
    name = await only(desk)
    desk.gateway.next_results.append(SendResult(outcome=Outcome.LATER, reason="réponse perdue", in_doubt=True))
    await desk.send()
    await desk.hear(ProposalExpired, "p-1", deadline=desk.clock())
    assert (await desk.states())["proposal"] == ["doubted"]
    assert await desk.receipt(f"{name}-0", delivered=False) == 1
    await desk.later(minutes=3)
    assert (await desk.states())["proposal"] == ["failed"]
    assert [sms for sms in desk.gateway.sent if sms.reference.startswith(name)] == []


async def intend(desk: Desk) -> str:
    """Die between the intent and the gateway: what a kill leaves behind."""
    name = await only(desk)

    def die(tx: sa.Connection) -> None:
        message = named(tx, name)
        assert message is not None
        values = {"started_at": desk.clock(), "contact": "c-first", "attempts": 1}
        assert change(tx, message, State.SENDING, **values)

    await desk.database.write(die)
    return name


@pytest.mark.parametrize(
    ("idempotency", "had_left", "texts", "state"),
    [
        (Idempotency.KEY, False, 1, "sent"),
        (Idempotency.KEY, True, 1, "sent"),
        (Idempotency.LOOKUP, False, 1, "sent"),
        (Idempotency.LOOKUP, True, 1, "sent"),
        (Idempotency.NEITHER, False, 0, "unknown"),
        (Idempotency.NEITHER, True, 1, "unknown"),
    ],
)
async def test_what_a_crash_left_open_is_settled_and_never_sent_twice(
    desk: Desk, idempotency: Idempotency, had_left: bool, texts: int, state: str
) -> None:
    desk.gateway.idempotency = idempotency
    await desk.offer()
    name = await intend(desk)
    if had_left:
        await desk.gateway.send(f"{name}-0", FIRST, "le texte", Encoding.GSM7)
    assert await desk.send() == 0  # whoever wrote the intent may still be alive
    for _ in range(4):
        await desk.later(minutes=3)
    assert len(desk.sent) == texts
    assert (await desk.states())["proposal"] == [state]
    assert len(await desk.said("message.unknown")) == (state == "unknown")


async def test_a_doubt_that_the_gateway_settles_later_is_no_task_for_a_person(desk: Desk) -> None:
    desk.gateway.idempotency = Idempotency.LOOKUP
    await desk.offer()
    desk.gateway.next_results.append(UNKNOWN.model_copy(update={"retry_after": SETTLING}))
    await desk.send()
    for _ in range(4):
        await desk.later(minutes=3)
    assert len(desk.sent) == 1
    assert (await desk.states())["proposal"] == ["sent"]
    assert await desk.said("message.unknown") == []


async def test_an_intent_is_as_old_as_its_own_sending_and_not_as_its_batch(desk: Desk) -> None:
    await desk.offer()
    began = desk.clock()
    desk.clock.advance(timedelta(minutes=2))  # the texts before it took their time
    desk.gateway.next_results.append(UNKNOWN)
    await desk.sender.send_due(began)
    (row,) = await desk.rows()
    assert row["started_at"] == desk.clock()
    assert await desk.database.read(left_open, desk.clock(), timedelta(seconds=30)) == []


async def test_a_receipt_starts_the_delay_once_however_often_it_comes(desk: Desk) -> None:
    await desk.offer()
    await desk.send()
    reference = desk.gateway.sent[0].reference
    assert [await desk.receipt(reference) for _ in range(3)] == [1, 0, 0]
    (delivered,) = await desk.said("message.delivered")
    assert delivered.delivered_at == desk.clock()


async def test_a_receipt_before_the_answer_of_the_gateway_says_that_it_left_too(desk: Desk) -> None:
    await desk.offer()
    name = await intend(desk)
    assert await desk.receipt(f"{name}-0") == 1
    assert len(await desk.said("message.sent")) == 1
    assert (await desk.states())["proposal"] == ["delivered"]


async def test_a_receipt_for_a_text_that_was_put_off_or_given_up_counts(desk: Desk) -> None:
    await desk.offer()
    desk.gateway.next_results.append(LATER)
    await desk.send()
    name = await only(desk)
    assert await desk.receipt(f"{name}-0") == 1
    await desk.later(minutes=30)
    assert desk.sent == []
    assert (await desk.states())["proposal"] == ["delivered"]


async def test_a_receipt_about_a_contact_that_was_given_up_is_not_about_the_next_one(desk: Desk) -> None:
    await desk.offer()
    await desk.send()
    name = await only(desk)
    assert await desk.receipt(f"{name}-0", delivered=False) == 1
    assert await desk.receipt(f"{name}-0") == 0
    await desk.send()
    assert [sms.to for sms in desk.gateway.sent] == [FIRST, SECOND]
    assert await desk.receipt(f"{name}-1") == 1


async def test_a_receipt_about_nothing_we_sent_is_ignored(desk: Desk) -> None:
    await desk.offer()
    assert await desk.receipt("nobody-0") == 0
    assert await desk.receipt(f"{await only(desk)}-0") == 0


async def test_a_text_waits_for_a_fact_that_has_not_arrived_yet(desk: Desk) -> None:
    await desk.offer(structure="creche-B")
    await desk.send()
    assert (await desk.states())["proposal"] == ["planned"]
    assert desk.sent == []


async def test_a_text_that_can_not_be_written_stops_no_other(desk: Desk) -> None:
    await desk.offer()
    await desk.offer("p-2", code="4712")

    def break_one(tx: sa.Connection) -> None:
        tx.execute(t.messages.update().where(t.messages.c.proposal == "p-1").values(limit_at=None, not_after=None))

    await desk.database.write(break_one)
    await desk.send()
    assert ["4712" in text for text in desk.sent] == [True]
    (failed,) = await desk.said("message.failed")
    assert (failed.reason, failed.last) == ("unwritable", True)


async def test_two_senders_at_once_send_each_text_once(desk: Desk) -> None:
    for n in range(10):
        await desk.offer(f"p-{n}", code=f"47{n:02}")
    desk.gateway.idempotency = Idempotency.NEITHER
    await asyncio.gather(desk.send(), desk.send())
    assert len(desk.sent) == len(set(desk.sent)) == 10


def test_every_event_that_makes_a_text_has_one_id_for_it() -> None:
    assert message_id("e-1", MessageTemplate.PROPOSAL) != message_id("e-1", MessageTemplate.REMINDER)
    assert message_id("e-1", MessageTemplate.PROPOSAL) == message_id("e-1", MessageTemplate.PROPOSAL)
    assert ProposalReleased in HANDLERS

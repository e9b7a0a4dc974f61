"""Each step of sending, by the row that it writes, the event that it says and what the gateway is asked."""

from __future__ import annotations

import asyncio
import uuid
from collections.abc import Callable
from dataclasses import replace
from datetime import datetime, time, timedelta
from typing import Any, cast

import pytest
import sqlalchemy as sa
import structlog

from contracts.base import EVENT_IDS
from contracts.proposals import ProposalExpired
from contracts.structures import StructurePublished
from contracts.territories import TerritoryPublished
from contracts.vocabulary import AwardMode, MessageTemplate, StructureKind
from services import vault
from services.bus import tables as bus
from services.bus import traces
from services.bus.database import Database, sqlite_engine
from services.notifier import budgets, metrics, sending, store
from services.notifier import tables as t
from services.notifier.gateways.gateway import Idempotency, Outcome, Receipt, SendResult
from services.notifier.gsm7 import Encoding
from services.notifier.sending import ABANDONED_AFTER, FIRST_RETRY, LONGEST_RETRY, note_receipt
from services.notifier.store import Message, State
from tests.matcher.world import OneThread, now_at, run_now
from tests.notifier.desk import FAMILY, FIRST, NOON, TERRITORY, Desk, parents
from tests.traced import traced

FAILED = SendResult(outcome=Outcome.FAILED, reason="refusé")
LATER = SendResult(outcome=Outcome.LATER, reason="occupé")
UNKNOWN = SendResult(outcome=Outcome.UNKNOWN, reason="perdu")
MINUTE = timedelta(minutes=1)


def memory(*metadata: sa.MetaData) -> Database:
    engine = sqlite_engine(durability="OFF")
    for each in metadata:
        each.create_all(engine)
    return cast(Database, OneThread(engine))


@pytest.fixture
def desk() -> Desk:
    """As the other tests' desk, in memory and on one thread."""
    desk = Desk(memory(bus.metadata, t.metadata), memory(vault.metadata))
    run_now(furnish(desk))
    return desk


async def furnish(desk: Desk) -> None:
    await desk.hear(TerritoryPublished, TERRITORY, name="Montluçon", guichet_name="Guichet", communes=(),
                    guichet_phone="01 99 00 12 34", policy="montlucon-modele")  # fmt: skip
    await desk.hear(StructurePublished, "creche-A", name="Les Lucioles", kind=StructureKind.CRECHE, commune="03185",
                    award_mode=AwardMode.AWARDED, capacity=20, sections=(), opening=())  # fmt: skip
    await desk.keep(*parents())
    await desk.offer()


def row(desk: Desk, proposal: str = "p-1") -> dict[str, Any]:
    """The text that brings this proposal."""
    texts = [dict(each) for each in run_now(desk.rows()) if each["proposal"] == proposal]
    (found,) = [each for each in texts if each["template"] == "proposal"]
    return found


def message(desk: Desk) -> Message:
    found = run_now(desk.database.read(store.named, row(desk)["message"]))
    assert found is not None
    return found


def put(desk: Desk, **values: Any) -> None:
    """Put the text where the step finds it."""

    def write(tx: sa.Connection) -> None:
        tx.execute(t.messages.update().where(t.messages.c.proposal == "p-1").values(**values))

    run_now(desk.database.write(write))


def said(desk: Desk) -> list[dict[str, Any]]:
    """What was said of the text from its sending on."""
    left_out = {"id", "source", "subject", "territory", "version", "traceparent", "about", "time"}
    kinds = ("message.sent", "message.failed", "message.unknown", "message.delivered")
    events = [event for kind in kinds for event in run_now(desk.said(kind))]
    for event in events:
        assert (event.source, event.territory, event.time) == ("notifier", TERRITORY, desk.clock())
    return [{name: value for name, value in event.model_dump().items() if name not in left_out} for event in events]


def changes(desk: Desk, act: Callable[[], Any]) -> tuple[Any, dict[str, Any], list[dict[str, Any]]]:
    """What it returned, the columns of the text that it changed, and what was said by then."""
    before = row(desk)
    returned = act()
    after = row(desk)
    return returned, {name: after[name] for name in after if after[name] != before[name]}, said(desk)


def send(desk: Desk, **options: Any) -> int:
    return run_now(replace(desk.sender, at_once=1, **options).send_due(desk.clock()))


def counted(outcome: str, template: str = "proposal") -> float:
    return metrics.SMS.labels(template, outcome)._value.get()  # type: ignore[no-any-return]


def test_a_text_leaves_with_its_intent_and_says_what_it_cost(desk: Desk) -> None:
    before = counted("sent")
    returned, changed, events = changes(desk, lambda: send(desk))
    assert returned == 1
    assert changed == {"state": "sent", "started_at": NOON, "contact": "c-first", "attempts": 1}
    assert events == [{"type": "message.sent", "sent_at": NOON, "gateway": "fake", "segments": 2, "encoding": "gsm7"}]
    (sms,) = desk.gateway.sent
    assert (sms.reference, sms.to, sms.encoding) == (f"{message(desk).message}-0", FIRST, Encoding.GSM7)
    assert "4711" in sms.text and "https://guichet.example/p/" in sms.text
    assert counted("sent") == before + 1


def test_a_text_and_the_call_of_its_gateway_are_steps_of_what_caused_it(desk: Desk) -> None:
    cause = f"00-{'a' * 32}-{'b' * 16}-01"
    put(desk, traceparent=cause)
    with traced() as exporter:
        send(desk)
    gateway, text = exporter.get_finished_spans()
    assert [span.name for span in (text, gateway)] == ["notifier send", "gateway fake"]
    assert text.parent is not None and format(text.parent.span_id, "016x") == "b" * 16
    name = message(desk).message
    assert dict(text.attributes or {}) == {"berceau.message": name}
    assert dict(gateway.attributes or {}) == {"berceau.reference": f"{name}-0"}
    assert gateway.kind is traces.CLIENT


def test_the_event_of_a_text_is_the_same_however_often_its_cause_comes(desk: Desk) -> None:
    send(desk)
    (event,) = run_now(desk.said("message.sent"))
    assert event.id == str(uuid.uuid5(EVENT_IDS, f"message.sent/{event.subject}/{event.subject}-0/1/0"))
    assert (event.about.message, event.about.contact) == (event.subject, "c-first")


def test_the_hour_of_an_intent_is_that_of_its_own_sending(desk: Desk) -> None:
    began = desk.clock()
    desk.clock.advance(3 * MINUTE)
    run_now(replace(desk.sender, at_once=1).send_due(began))
    assert row(desk)["started_at"] == began + 3 * MINUTE


@pytest.mark.parametrize(("past", "state"), [(timedelta(0), "failed"), (timedelta(seconds=1), "sent")])
def test_a_text_is_too_late_from_the_instant_of_its_limit_on(desk: Desk, past: timedelta, state: str) -> None:
    before = counted("too_late")
    put(desk, not_after=NOON + past)
    returned, changed, events = changes(desk, lambda: send(desk))
    assert (returned, changed["state"]) == (1, state)
    if state == "failed":
        assert events == [{"type": "message.failed", "reason": "too_late", "last": True}]
        assert counted("too_late") == before + 1


def test_at_night_a_text_waits_for_the_morning_and_a_sign_in_does_not(desk: Desk) -> None:
    desk.clock.set(now_at(22))
    put(desk, send_at=now_at(21))
    returned, changed, events = changes(desk, lambda: send(desk))
    assert (returned, changed, events) == (1, {"send_at": now_at(8, day=now_at(22).date() + timedelta(days=1))}, [])
    assert desk.sender._allowed(replace(message(desk), template=MessageTemplate.SIGN_IN), desk.clock()) == now_at(22)
    urgent = replace(message(desk), is_urgent=True)
    assert desk.sender._allowed(urgent, now_at(20, 30)) == now_at(20, 30)


def test_the_hours_of_the_gateway_are_kept(desk: Desk) -> None:
    desk.gateway.quiet_hours = (time(11), time(14))
    assert desk.sender._allowed(message(desk), NOON) == now_at(14)


def test_where_nobody_can_be_written_to_a_person_is_told(desk: Desk) -> None:
    before = counted("no_contact")
    run_now(desk.keep(*(each.model_copy(update={"suspended": True}) for each in parents())))
    returned, changed, events = changes(desk, lambda: send(desk))
    assert (returned, changed) == (1, {"state": "failed"})
    assert events == [{"type": "message.failed", "reason": "no_contact", "last": True}]
    assert counted("no_contact") == before + 1


def test_where_every_contact_failed_it_is_said_that_the_text_did_not_arrive(desk: Desk) -> None:
    put(desk, tried=["c-first", "c-second"])
    returned, _, events = changes(desk, lambda: send(desk))
    assert (returned, events) == (1, [{"type": "message.failed", "reason": "undelivered", "last": True}])


def test_an_erased_family_has_nobody_to_write_to(desk: Desk) -> None:
    run_now(desk.vault.write(vault.erase_family, FAMILY))
    assert run_now(desk.sender._contact(message(desk))) is None


@pytest.mark.parametrize(
    ("changes_of_first", "tried", "wanted", "found"),
    [
        ({}, (), None, "c-first"),
        ({}, ("c-first",), None, "c-second"),
        ({}, ("c-first", "c-second"), None, None),
        ({}, (), "c-second", "c-second"),
        ({}, ("c-second",), "c-second", "c-first"),
        ({"may_answer": False}, (), None, "c-second"),
        ({"may_answer": False}, (), "c-first", "c-first"),
        ({"suspended": True}, (), "c-first", "c-second"),
        ({"channel": "voice"}, (), None, "c-second"),
    ],
)
def test_the_contact_that_is_tried_is_the_one_that_wrote_else_the_first_that_may_answer(
    desk: Desk, changes_of_first: dict[str, Any], tried: tuple[str, ...], wanted: str | None, found: str | None
) -> None:
    run_now(desk.keep(*parents(**changes_of_first)))
    asked = replace(message(desk), tried=tried, wanted_contact=wanted)
    contact = run_now(desk.sender._contact(asked))
    assert (contact and contact.id) == found


def test_a_text_over_the_budget_waits_until_there_is_room(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, ...]] = []

    def full(tx: sa.Connection, *given: Any) -> datetime:
        asked.append(given)
        return NOON + MINUTE

    monkeypatch.setattr(budgets, "free_at", full)
    before = metrics.HELD_BACK.labels("proposal")._value.get()
    read = message(desk)
    with structlog.testing.capture_logs() as log:
        returned, changed, events = changes(desk, lambda: send(desk))
    assert (returned, changed, events) == (1, {"send_at": NOON + MINUTE}, [])
    assert asked == [(read, "c-first", NOON)]
    assert metrics.HELD_BACK.labels("proposal")._value.get() == before + 1
    assert log == [{
        "event": "text over the budget", "log_level": "warning", "message": read.message,
        "free_at": (NOON + MINUTE).isoformat(),
    }]  # fmt: skip


def test_a_text_whose_facts_have_not_arrived_is_tried_again_later(desk: Desk) -> None:
    run_now(desk.database.write(lambda tx: tx.execute(t.structures.delete())))
    with structlog.testing.capture_logs() as log:
        returned, changed, events = changes(desk, lambda: send(desk))
    assert (returned, changed, events) == (1, {"send_at": NOON + FIRST_RETRY, "attempts": 1}, [])
    name = row(desk)["message"]
    assert log == [{"event": "text waits", "log_level": "info", "message": name, "missing": "structure_name"}]


def test_a_text_that_can_not_be_written_is_given_up_and_told(desk: Desk) -> None:
    put(desk, limit_at=None, not_after=None)
    with structlog.testing.capture_logs() as log:
        returned, changed, events = changes(desk, lambda: send(desk))
    assert (returned, changed) == (1, {"state": "failed"})
    assert events == [{"type": "message.failed", "reason": "unwritable", "last": True}]
    (line,) = log
    assert (line["event"], line["log_level"], line["message"]) == (
        "text can not be written", "error", row(desk)["message"],
    )  # fmt: skip
    assert line["missing"] == "the text proposal needs limite"


def test_links_leave_only_through_a_gateway_that_carries_them_and_only_where_an_answer_is_asked(desk: Desk) -> None:
    read, sender = message(desk), desk.sender
    link = sender._proposal_link(read, "c-first")
    assert link.startswith("https://guichet.example/p/") and link != sender._proposal_link(read, "c-second")
    assert link != sender._proposal_link(replace(read, proposal="p-2"), "c-first")
    assert replace(sender, link_base="")._proposal_link(read, "c-first") == ""
    assert sender._proposal_link(replace(read, template=MessageTemplate.SIGN_IN), "c-first") == ""
    assert sender._proposal_link(replace(read, proposal=None), "c-first") == ""
    desk.gateway.can_link = False
    assert sender._proposal_link(read, "c-first") == ""
    assert replace(sender, link_key=b"m" * 32)._sign_in_link(replace(read, link="x")) != sender._sign_in_link(
        replace(read, link="x")
    )
    assert sender._sign_in_link(replace(read, link="x")).startswith("https://guichet.example/connexion/")
    assert sender._sign_in_link(read) == ""


@pytest.mark.parametrize("in_doubt", [False, True])
def test_an_offer_that_nobody_wants_any_more_does_not_leave(desk: Desk, in_doubt: bool) -> None:
    put(desk, in_doubt=in_doubt)
    read = message(desk)
    run_now(desk.hear(ProposalExpired, "p-1", deadline=NOON))
    put(desk, state="planned")
    assert row(desk)["in_doubt"] is in_doubt
    returned = run_now(desk.database.write(sending._intend, read, "c-first", NOON))
    assert returned is None
    assert row(desk)["state"] == ("doubted" if in_doubt else "cancelled")


def test_an_offer_about_a_proposal_that_nobody_knows_does_not_leave(desk: Desk) -> None:
    run_now(desk.database.write(lambda tx: tx.execute(t.proposals.delete())))
    returned, changed, _ = changes(
        desk, lambda: run_now(desk.database.write(sending._intend, message(desk), "c", NOON))
    )
    assert (returned, changed) == (None, {"state": "cancelled"})


def test_of_two_who_write_the_intent_one_has_it(desk: Desk) -> None:
    read = message(desk)
    first = run_now(desk.database.write(sending._intend, read, "c-first", NOON))
    assert first is not None and (first.state, first.attempts, first.contact) == (State.SENDING, 1, "c-first")
    assert run_now(desk.database.write(sending._intend, read, "c-second", NOON)) is None
    contact = run_now(desk.sender._contact(read))
    assert contact is not None
    ready = run_now(desk.database.write(desk.sender._ready, read, contact, NOON, NOON))
    assert ready == 0, "whoever is second sends nothing"
    assert run_now(desk.sender._send(read, NOON)) == 0
    assert desk.gateway.sent == []


@pytest.mark.parametrize(
    ("attempts", "wait"),
    [(0, FIRST_RETRY), (1, 2 * FIRST_RETRY), (3, 8 * FIRST_RETRY), (7, LONGEST_RETRY), (4000, LONGEST_RETRY)],
)
def test_what_is_put_off_waits_twice_as_long_each_time(desk: Desk, attempts: int, wait: timedelta) -> None:
    put(desk, attempts=attempts)
    read = message(desk)
    returned, changed, events = changes(desk, lambda: run_now(desk.database.write(sending._put_off, read, NOON)))
    assert (returned, changed, events) == (1, {"send_at": NOON + wait, "attempts": attempts + 1}, [])


@pytest.mark.parametrize(("before", "now", "after"), [(False, True, True), (True, False, True), (False, False, False)])
def test_a_doubt_stays_until_the_gateway_says_what_became_of_the_text(
    desk: Desk, before: bool, now: bool, after: bool
) -> None:
    put(desk, in_doubt=before)
    desk.gateway.next_results.append(LATER.model_copy(update={"in_doubt": now, "retry_after": 7 * MINUTE}))
    send(desk)
    assert (row(desk)["in_doubt"], row(desk)["send_at"]) == (after, NOON + 7 * MINUTE)


@pytest.mark.parametrize(("reason", "told"), [("refusé", "refusé"), ("", "refused")])
def test_a_contact_that_did_not_get_it_is_followed_by_the_next_at_once(desk: Desk, reason: str, told: str) -> None:
    put(desk, wanted_contact="c-first", in_doubt=True, send_at=NOON - MINUTE)
    desk.gateway.next_results.append(FAILED.model_copy(update={"reason": reason}))
    returned, changed, events = changes(desk, lambda: send(desk))
    assert returned == 1
    assert changed == {
        "tried": ["c-first"], "wanted_contact": None, "in_doubt": False, "started_at": NOON, "attempts": 1,
        "send_at": NOON,
    }  # fmt: skip
    assert events == [{"type": "message.failed", "reason": told, "last": False}]


def test_what_nobody_can_say_more_about_is_unknown_and_told(desk: Desk) -> None:
    before = counted("unknown")
    desk.gateway.next_results.append(UNKNOWN)
    returned, changed, events = changes(desk, lambda: send(desk))
    assert (returned, changed["state"]) == (1, "unknown")
    assert events == [{"type": "message.unknown", "reason": "perdu"}]
    assert counted("unknown") == before + 1


def test_what_the_gateway_may_tell_later_stays_an_intent(desk: Desk) -> None:
    desk.gateway.next_results.append(UNKNOWN.model_copy(update={"retry_after": MINUTE}))
    returned, changed, events = changes(desk, lambda: send(desk))
    assert (returned, changed["state"], events) == (0, "sending", [])


def test_a_text_that_may_have_left_is_asked_about_before_it_is_given_up(desk: Desk) -> None:
    put(desk, in_doubt=True)
    read = message(desk)
    give_up = sending._give_up
    returned, changed, events = changes(desk, lambda: run_now(desk.database.write(give_up, read, "too_late", NOON)))
    assert (returned, changed, events) == (1, {"state": "doubted"}, [])


@pytest.mark.parametrize(
    "step",
    [
        lambda tx, read: sending._give_up(tx, read, "too_late", NOON),
        lambda tx, read: sending._failed(tx, read, "", NOON),
        lambda tx, read: sending._unknown(tx, read, "", NOON),
        lambda tx, read: sending._sent(tx, read, "fake", None, NOON),
        lambda tx, read: sending._put_off(tx, read, NOON),
        lambda tx, read: sending._wait_until(tx, read, NOON + MINUTE),
        lambda tx, read: sending._give_up(tx, replace(read, in_doubt=True), "too_late", NOON),
    ],
)
def test_who_was_slower_changes_nothing_and_says_nothing(desk: Desk, step: Any) -> None:
    read = message(desk)
    put(desk, state="cancelled")
    assert changes(desk, lambda: run_now(desk.database.write(step, read))) == (0, {}, [])


@pytest.mark.parametrize(
    ("outcome", "state"), [("later", "cancelled"), ("failed", "cancelled"), ("sent", "sent"), ("unknown", "unknown")]
)
def test_what_nobody_wants_any_more_is_cancelled_where_it_did_not_leave_and_never_sent(
    desk: Desk, outcome: str, state: str
) -> None:
    put(desk, state="doubted", started_at=NOON, contact="c-first", attempts=1, in_doubt=True)
    read, result = message(desk), SendResult(outcome=Outcome(outcome), reason="r")
    note = desk.sender._note
    returned, changed, _ = changes(desk, lambda: run_now(desk.database.write(note, read, result, None, NOON)))
    assert (returned, changed) == (1, {"state": state})


def intended(desk: Desk, state: str = "sending", **values: Any) -> Message:
    """An intent that a crash left behind, long ago."""
    old = NOON - ABANDONED_AFTER - 3 * MINUTE
    put(desk, **{"state": state, "started_at": old, "contact": "c-first", "attempts": 1, **values})
    return message(desk)


def test_what_a_crash_left_open_and_the_gateway_has_is_sent_without_its_cost(desk: Desk) -> None:
    desk.gateway.idempotency = Idempotency.LOOKUP
    read = intended(desk)
    run_now(desk.gateway.send(read.reference, FIRST, "le texte", Encoding.GSM7))
    returned, changed, events = changes(desk, lambda: send(desk))
    assert (returned, changed) == (1, {"state": "sent"})
    assert events == [
        {"type": "message.sent", "sent_at": NOON, "gateway": "fake", "segments": 0, "encoding": "unknown"}
    ]


def test_what_may_still_arrive_is_left_open(desk: Desk) -> None:
    desk.gateway.idempotency = Idempotency.LOOKUP
    intended(desk, started_at=NOON - ABANDONED_AFTER)
    assert changes(desk, lambda: send(desk)) == (0, {}, [])
    intended(desk, "doubted", started_at=NOON - ABANDONED_AFTER)
    assert changes(desk, lambda: send(desk)) == (0, {}, [])


def test_what_is_left_open_and_what_is_due_are_counted_together(desk: Desk) -> None:
    intended(desk)
    run_now(desk.offer("p-2", code="4712"))
    assert send(desk) == 2
    assert (row(desk)["state"], row(desk)["in_doubt"], row(desk, "p-2")["state"]) == ("planned", True, "sent")


def test_what_never_left_is_sent_again_once_it_can_not_arrive_any_more(desk: Desk) -> None:
    desk.gateway.idempotency = Idempotency.LOOKUP
    intended(desk)
    assert changes(desk, lambda: send(desk)) == (1, {"state": "planned", "send_at": NOON + 2 * FIRST_RETRY,
                                                    "attempts": 2}, [])  # fmt: skip


@pytest.mark.parametrize(("had_left", "state"), [(True, "sent"), (False, "unknown")])
def test_a_doubt_is_settled_by_what_the_gateway_remembers_and_never_by_sending_again(
    desk: Desk, had_left: bool, state: str
) -> None:
    read = intended(desk, "doubted", in_doubt=True)
    if had_left:
        run_now(desk.gateway.send(read.reference, FIRST, "le texte", Encoding.GSM7))
    returned, changed, _ = changes(desk, lambda: send(desk))
    assert (returned, changed, len(desk.gateway.sent)) == (1, {"state": state}, had_left)


def test_a_text_is_written_from_its_facts_in_its_readers_language_with_the_readers_own_links(
    desk: Desk, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[Any] = []
    monkeypatch.setattr(sending, "facts_for", lambda tx, *given: given)
    monkeypatch.setattr(sending, "render", lambda *given, **links: asked.append((given, links)))
    sender, read = desk.sender, replace(message(desk), link="once")
    contact = parents()[1].model_copy(update={"language": "ar"})
    run_now(desk.database.read(sender._text, read, contact, NOON))
    facts = (read, sender._sign_in_link(read), NOON)
    assert asked == [((read.template, facts, "ar"), {"link": sender._proposal_link(read, "c-second")})]
    assert sender._sign_in_link(read) != sender._sign_in_link(replace(read, link="another"))


def test_a_text_to_somebody_of_another_kind_does_not_go_to_the_family_of_that_name(desk: Desk) -> None:
    asked = replace(message(desk), owner_kind=vault.OwnerKind.STAFF.value)
    assert run_now(desk.sender._contact(asked)) is None


def test_a_receipt_that_another_process_noted_first_says_nothing(desk: Desk, monkeypatch: pytest.MonkeyPatch) -> None:
    read = intended(desk, "sent")
    monkeypatch.setattr(store, "change", lambda *given, **values: False)
    assert changes(desk, lambda: receipt(desk, read.reference)) == (0, {}, [])


def test_each_that_was_left_open_counts(desk: Desk) -> None:
    run_now(desk.offer("p-2", code="4712"))
    old = {"state": "sending", "started_at": NOON - ABANDONED_AFTER - 3 * MINUTE, "contact": "c-first", "attempts": 1}
    run_now(desk.database.write(lambda tx: tx.execute(t.messages.update().values(**old))))
    assert send(desk) == 2


class Slow:
    """A gateway that keeps everybody waiting until nothing more begins; how many were under way at once."""

    def __init__(self, desk: Desk) -> None:
        self.under_way: list[str] = []
        self.most = 0
        self.send, desk.gateway.send = desk.gateway.send, self.wait  # type: ignore[method-assign]

    async def wait(self, reference: str, to: str, text: str, encoding: Encoding) -> SendResult:
        self.under_way.append(to)
        self.most = max(self.most, len(self.under_way))
        for _ in range(20):
            await asyncio.sleep(0)
        self.under_way.remove(to)
        return await self.send(reference, to, text, encoding)


@pytest.mark.parametrize(
    ("at_once", "idempotency", "most"),
    [
        (8, Idempotency.KEY, 3), (8, Idempotency.LOOKUP, 3), (2, Idempotency.KEY, 2),
        (1, Idempotency.KEY, 1), (8, Idempotency.NEITHER, 1),
    ],
)  # fmt: skip
async def test_texts_of_several_families_are_under_way_at_once_and_those_of_one_follow_each_other(
    desk: Desk, at_once: int, idempotency: Idempotency, most: int
) -> None:
    for n in (2, 3):
        (first, _) = parents(phone=f"+3363998000{n}", id=f"c-{n}")
        await desk.keep(first, family=f"f-{n}")
        await desk.offer(f"p-{n}", code=f"471{n}", family=f"f-{n}")
    await desk.offer("p-4", code="4714")
    desk.gateway.idempotency = idempotency
    slow = Slow(desk)
    assert await replace(desk.sender, at_once=at_once).send_due(NOON) == 4
    assert slow.most == most
    assert sorted(sms.to for sms in desk.gateway.sent) == sorted([FIRST, FIRST, "+33639980002", "+33639980003"])


async def test_a_failure_is_raised_once_every_text_that_was_under_way_has_ended(desk: Desk) -> None:
    ended: list[int] = []

    async def work(n: int) -> int:
        for _ in range(n):
            await asyncio.sleep(0)
        ended.append(n)
        if n == 1:
            raise LookupError("the first one")
        return n

    with pytest.raises(LookupError, match="the first one"):
        await sending._all_ended([work(1), work(5)])
    assert ended == [1, 5]
    assert await sending._all_ended([work(2), work(3)]) == [2, 3]


def receipt(desk: Desk, reference: str, delivered: bool = True, at: datetime = NOON, reason: str = "") -> int:
    told = Receipt(reference=reference, delivered=delivered, at=at, reason=reason)
    return run_now(desk.database.write(note_receipt, told, NOON))


@pytest.mark.parametrize("state", ["sent", "sending", "unknown", "planned", "failed", "doubted", "cancelled"])
def test_a_text_that_the_phone_has_is_delivered_whatever_was_known_of_it(desk: Desk, state: str) -> None:
    read = intended(desk, state)
    returned, changed, events = changes(desk, lambda: receipt(desk, read.reference))
    assert (returned, changed) == (1, {"state": "delivered"})
    delivered = {"type": "message.delivered", "delivered_at": NOON}
    sent = {"type": "message.sent", "sent_at": NOON, "gateway": "receipt", "segments": 0, "encoding": "unknown"}
    assert events == ([delivered] if state == "sent" else [sent, delivered])
    assert changes(desk, lambda: receipt(desk, read.reference))[:2] == (0, {})


@pytest.mark.parametrize(
    ("state", "moved", "after"),
    [
        ("sent", 1, "planned"), ("sending", 1, "planned"), ("unknown", 1, "planned"), ("planned", 1, "planned"),
        ("failed", 0, "failed"), ("cancelled", 0, "cancelled"), ("doubted", 1, "failed"),
    ],
)  # fmt: skip
def test_a_text_that_the_phone_will_not_get_goes_to_the_next_contact_where_it_is_still_wanted(
    desk: Desk, state: str, moved: int, after: str
) -> None:
    read = intended(desk, state)
    returned, _, events = changes(desk, lambda: receipt(desk, read.reference, delivered=False, reason="éteint"))
    assert (returned, row(desk)["state"]) == (moved, after)
    assert row(desk)["tried"] == (["c-first"] if after == "planned" else [])
    told = {"type": "message.failed", "reason": "éteint", "last": False}
    assert events == ([told] if after == "planned" else [])


@pytest.mark.parametrize("values", [{"attempts": 0}, {"contact": None}, {"tried": ["c-first"]}, {"state": "delivered"}])
def test_a_receipt_about_what_was_not_sent_or_was_given_up_is_nobodys(desk: Desk, values: dict[str, Any]) -> None:
    name = message(desk).message
    intended(desk, **{"state": "sent", **values})
    assert changes(desk, lambda: receipt(desk, f"{name}-0")) == (0, {}, [])
    assert receipt(desk, "nobody-0") == 0


@pytest.mark.parametrize(
    ("started", "told", "counts"),
    [
        (-3, -2, -2), (-3, -3, -3), (-3, 0, 0), (-3, -4, 0), (-3, 1, 0), (None, -1, 0), (None, 0, 0),
    ],
)  # fmt: skip
def test_a_receipt_counts_from_its_own_hour_unless_that_can_not_be(
    desk: Desk, started: int | None, told: int, counts: int
) -> None:
    intended(desk, "sent", started_at=None if started is None else NOON + started * MINUTE)
    receipt(desk, message(desk).reference, at=NOON + told * MINUTE)
    (event,) = run_now(desk.said("message.delivered"))
    assert event.delivered_at == NOON + counts * MINUTE

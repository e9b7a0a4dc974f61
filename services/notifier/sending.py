"""Sending what is due: intent first, then the gateway, then what became of it. Never the same text twice.

The intent (`sending`) is committed before the gateway is called. A crash in between leaves it behind; it is settled by
what the gateway can tell of our reference, and where it can tell nothing a person looks.
"""

from __future__ import annotations

import asyncio
from collections import defaultdict
from collections.abc import Coroutine, Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
import structlog

from contracts.base import Event
from contracts.messages import MessageDelivered, MessageFailed, MessageSent, MessageUnknown
from contracts.vocabulary import MessageTemplate
from services.bus import outbox, traces
from services.bus.database import Database
from services.bus.delivery import Clock
from services.bus.links import contact_token, sign_in_token
from services.notifier import budgets, metrics, store
from services.notifier.facts import NotYetKnown, facts_for
from services.notifier.gateways.gateway import Gateway, Idempotency, Outcome, Receipt, SendResult, remembered, settled
from services.notifier.messages import MissingFact, Rendered, render
from services.notifier.sending_hours import next_sending_time
from services.notifier.store import Message, State
from services.vault import Contact, ContactChannel, Keyring, OwnerKind, Unreadable, contacts_of

log = structlog.get_logger()

BATCH = 50
AT_ONCE = 8
"""Texts under way at once, of as many families: an operator takes tenths of a second to answer, and a burst of 500 is
to leave within seconds (a choice). A crash leaves as many intents in doubt: one only where the operator can not tell
what became of them, and each costs a person a call."""

ABANDONED_AFTER = timedelta(seconds=30)
"""An intent this old belongs to a process that died: our requests to a gateway live a few seconds."""
FIRST_RETRY, LONGEST_RETRY = timedelta(seconds=5), timedelta(minutes=10)
NO_CONTACT, TOO_LATE, UNWRITABLE = "no_contact", "too_late", "unwritable"


@dataclass(frozen=True)
class Sender:
    """What sending needs. `link_base` is the public address that links begin with, empty for none. `at_once`: how many
    families are written to at once; 1 where one thread does everything."""

    database: Database
    vault: Database
    keyring: Keyring
    gateway: Gateway
    clock: Clock
    link_key: bytes
    link_base: str
    at_once: int = AT_ONCE

    async def send_due(self, now: datetime) -> int:
        """Send what is due at `now`, and settle what a crash left open. Returns how many messages moved."""
        moved = 0
        left_open, due = await self.database.read(store.to_look_after, now, ABANDONED_AFTER, BATCH)
        for message in left_open:
            moved += await self._settle(message, now)
        return moved + await self._send_all(due, now)

    async def _send_all(self, messages: Sequence[Message], now: datetime) -> int:
        """The texts of one family follow each other; those of several are under way at once, but for some."""
        if self.at_once == 1 or self.gateway.idempotency is Idempotency.NEITHER:
            return sum([await self._send(message, now) for message in messages])
        free = asyncio.Semaphore(self.at_once)

        async def in_turn(of_one: list[Message]) -> int:
            async with free:
                return sum([await self._send(message, now) for message in of_one])

        families = defaultdict[str, list[Message]](list)
        for message in messages:
            families[message.owner].append(message)
        return sum(await _all_ended(map(in_turn, families.values())))

    async def _send(self, message: Message, now: datetime) -> int:
        with traces.span("notifier send", message.traceparent, message=message.message):
            if message.not_after is not None and now >= message.not_after:
                return await self.database.write(_give_up, message, TOO_LATE, now)
            allowed = self._allowed(message, now)
            if allowed > now:
                return await self.database.write(_wait_until, message, allowed)
            contact = await self._contact(message)
            if contact is None or contact.phone is None:
                return await self.database.write(_give_up, message, NO_CONTACT, now)
            return await self._send_to(message, contact, contact.phone, now)

    async def _send_to(self, message: Message, contact: Contact, phone: str, now: datetime) -> int:
        """The intent carries the hour at which it is written: a batch may take minutes, and an intent looks abandoned
        once it is old."""
        began = self.clock()
        ready = await self.database.write(self._ready, message, contact, now, began)
        if isinstance(ready, int):
            return ready
        intent, text = ready
        with traces.span(f"gateway {self.gateway.name}", kind=traces.CLIENT, reference=intent.reference):
            result = await self.gateway.send(intent.reference, phone, text.text, text.encoding)
        if _can_be_settled(result):
            return 0  # the intent stays: the gateway can tell more later, and nobody has to look
        return await self.database.write(self._note, intent, result, text, began)

    def _ready(
        self, tx: sa.Connection, message: Message, contact: Contact, now: datetime, began: datetime
    ) -> tuple[Message, Rendered] | int:
        """The intent with its text, or how many messages moved where it is not to leave: it waits, or is given up."""
        free_at = budgets.free_at(tx, message, contact.id, now)
        if free_at > now:
            return _hold_back(tx, message, free_at)
        try:
            text = self._text(tx, message, contact, now)
        except NotYetKnown as missing:
            log.info("text waits", message=message.message, missing=str(missing))
            return _put_off(tx, message, now)
        except MissingFact as missing:
            log.error("text can not be written", message=message.message, missing=str(missing))
            return _give_up(tx, message, UNWRITABLE, now)
        intent = _intend(tx, message, contact.id, began)
        return 0 if intent is None else (intent, text)

    def _allowed(self, message: Message, now: datetime) -> datetime:
        """When it may leave: what was put off, or waited for a contact, keeps to the hours too."""
        if message.template is MessageTemplate.SIGN_IN:
            return now  # a professional who asked for it at this very moment
        return next_sending_time(now, message.is_urgent, quiet=self.gateway.quiet_hours)

    async def _contact(self, message: Message) -> Contact | None:
        """The contact to try: the one that wrote, else the first that takes SMS and was not tried.

        Some acknowledgements are true of whoever wrote, and of no other: STOP has the last text of its number.
        """
        try:
            contacts = await self.vault.read(contacts_of, self.keyring, message.owner, OwnerKind(message.owner_kind))
        except Unreadable:
            return None  # erased: there is nobody left to write to
        left = [c for c in contacts if _takes_texts(c, message.template) and c.id not in message.tried]
        wanted = [c for c in left if c.id == message.wanted_contact]
        if message.template in store.TO_WHO_WROTE:
            return next(iter(wanted), None)
        answering = [c for c in left if c.may_answer]
        return next(iter(wanted or answering), None)

    def _text(self, tx: sa.Connection, message: Message, contact: Contact, now: datetime) -> Rendered:
        return render(message.template, facts_for(tx, message, self._sign_in_link(message), now), contact.language,
                      link=self._proposal_link(message, contact.id))  # fmt: skip

    def _sign_in_link(self, message: Message) -> str:
        return f"{self.link_base}/connexion/{sign_in_token(self.link_key, message.link)}" if message.link else ""

    def _proposal_link(self, message: Message, contact: str) -> str:
        """Where the gateway carries links, what asks for an answer also shows where to read more: each contact its own
        link, so that an answer is known to be its own."""
        if not (self.gateway.can_link and self.link_base and message.template in store.ASKING and message.proposal):
            return ""
        return f"{self.link_base}/p/{contact_token(self.link_key, message.proposal, contact)}"

    async def _settle(self, message: Message, now: datetime) -> int:
        started = message.started_at or now
        ask = remembered if message.state is State.DOUBTED else settled
        result = await ask(self.gateway, message.reference, started, now)
        if _can_be_settled(result):
            return 0
        return await self.database.write(self._note, message, result, None, now)

    def _note(
        self, tx: sa.Connection, message: Message, result: SendResult, text: Rendered | None, now: datetime
    ) -> int:
        """Write down what became of an intent, and say it."""
        metrics.SMS.labels(message.template.value, result.outcome.value).inc()
        if message.state is State.DOUBTED and result.outcome in (Outcome.LATER, Outcome.FAILED):
            return int(store.change(tx, message, State.CANCELLED))
        match result.outcome:
            case Outcome.SENT:
                return _sent(tx, message, self.gateway.name, text, now)
            case Outcome.LATER:
                return _put_off(tx, message, now, result.retry_after, in_doubt=result.in_doubt)
            case Outcome.FAILED:
                return _failed(tx, message, result.reason, now)
            case Outcome.UNKNOWN:
                return _unknown(tx, message, result.reason, now)


async def _all_ended(works: Iterable[Coroutine[Any, Any, int]]) -> list[int]:
    """What each returned. Raises the first failure once all have ended: an intent whose call is cut off is in doubt."""
    found = await asyncio.gather(*works, return_exceptions=True)
    for one in found:
        if isinstance(one, BaseException):
            raise one
    return [one for one in found if isinstance(one, int)]


def _hold_back(tx: sa.Connection, message: Message, free_at: datetime) -> int:
    log.warning("text over the budget", message=message.message, free_at=free_at.isoformat())
    metrics.HELD_BACK.labels(message.template.value).inc()
    return _wait_until(tx, message, free_at)


def _can_be_settled(result: SendResult) -> bool:
    return result.outcome is Outcome.UNKNOWN and result.retry_after is not None


def _takes_texts(contact: Contact, template: MessageTemplate) -> bool:
    """Never a stranger's; a number that wrote STOP takes the one text that acknowledges it."""
    silent = contact.stranger or (contact.suspended and template is not MessageTemplate.STOPPED)
    if contact.channel is not ContactChannel.SMS or contact.phone is None or silent:
        return False
    return budgets.may_be_written_to(contact.phone)


def note_receipt(tx: sa.Connection, receipt: Receipt, now: datetime) -> int:
    """The operator's word on a text: the phone has it, or will not get it. Safe to repeat."""
    name, _, number = receipt.reference.rpartition("-")
    message = store.named(tx, name)
    if message is None or message.state is State.DELIVERED or not message.attempts:
        return 0
    if str(len(message.tried)) != number or message.contact is None:
        return 0  # about a contact that was given up before
    if message.state is State.DOUBTED and not receipt.delivered:
        return int(store.change(tx, message, State.FAILED))  # nobody else is tried: nobody wants it any more
    if not receipt.delivered:
        on_its_way = message.state in (State.SENT, State.SENDING, State.UNKNOWN, State.PLANNED)
        return _failed(tx, message, receipt.reason, now) if on_its_way else 0
    if not store.change(tx, message, State.DELIVERED):
        return 0
    if message.state is not State.SENT:
        _say_sent(tx, message, "receipt", None, now)
    _say(tx, MessageDelivered, message, now, delivered_at=_when(message, receipt, now))
    return 1


def _when(message: Message, receipt: Receipt, now: datetime) -> datetime:
    """When the phone had it: the family's delay begins then. Before the text left, or ahead of our clock, is the hour
    of a clock that is wrong, and now counts."""
    is_possible = (message.started_at or now) <= receipt.at <= now
    return receipt.at if is_possible else now


def _intend(tx: sa.Connection, message: Message, contact: str, now: datetime) -> Message | None:
    """The intent, or None where somebody else was first or the text asks for an answer that nobody wants any more."""
    if message.template in store.ASKING and not _is_wanted(tx, message):
        store.change(tx, message, State.DOUBTED if message.in_doubt else State.CANCELLED)
        return None
    values: dict[str, Any] = {"started_at": now, "contact": contact, "attempts": message.attempts + 1}
    if not store.change(tx, message, State.SENDING, **values):
        return None
    return replace(message, state=State.SENDING, **values)


def _is_wanted(tx: sa.Connection, message: Message) -> bool:
    row = store.proposal(tx, message.proposal or "", lock=True)
    return row is not None and bool(row["asks"])


def _wait_until(tx: sa.Connection, message: Message, when: datetime) -> int:
    return int(store.change(tx, message, State.PLANNED, send_at=when))


def _sent(tx: sa.Connection, message: Message, gateway: str, text: Rendered | None, now: datetime) -> int:
    if not store.change(tx, message, State.SENT):
        return 0
    _say_sent(tx, message, gateway, text, now)
    return 1


def _say_sent(tx: sa.Connection, message: Message, gateway: str, text: Rendered | None, now: datetime) -> None:
    _say(
        tx, MessageSent, message, now, sent_at=now, gateway=gateway,
        segments=text.segments if text else 0, encoding=text.encoding if text else "unknown",
    )  # fmt: skip


def _put_off(
    tx: sa.Connection, message: Message, now: datetime, wait: timedelta | None = None, *, in_doubt: bool = False
) -> int:  # fmt: skip
    """Try again later, doubling the wait. A doubt stays until the gateway says what became of the text."""
    wait = wait or min(LONGEST_RETRY, FIRST_RETRY * 2 ** min(message.attempts, 10))
    later = {"send_at": now + wait, "attempts": message.attempts + 1, "in_doubt": message.in_doubt or in_doubt}
    return int(store.change(tx, message, State.PLANNED, **later))


def _failed(tx: sa.Connection, message: Message, reason: str, now: datetime) -> int:
    """This contact will not get it: the next one is tried, and `_send` says so when none is left."""
    tried = [*message.tried, message.contact or ""]
    anew = {"tried": tried, "contact": None, "send_at": now, "wanted_contact": None, "in_doubt": False}
    if not store.change(tx, message, State.PLANNED, **anew):
        return 0
    _say(tx, MessageFailed, message, now, reason=reason or "refused", last=False)
    return 1


def _give_up(tx: sa.Connection, message: Message, reason: str, now: datetime) -> int:
    if message.in_doubt:
        return int(store.change(tx, message, State.DOUBTED))  # it may have left: the gateway is asked first
    if not store.change(tx, message, State.FAILED):
        return 0
    if reason == NO_CONTACT and message.tried:
        reason = "undelivered"
    _say(tx, MessageFailed, message, now, reason=reason, last=True)
    metrics.SMS.labels(message.template.value, reason).inc()
    return 1


def _unknown(tx: sa.Connection, message: Message, reason: str, now: datetime) -> int:
    if not store.change(tx, message, State.UNKNOWN):
        return 0
    _say(tx, MessageUnknown, message, now, reason=reason)
    return 1


def _say(tx: sa.Connection, event: type[Event], message: Message, now: datetime, **data: Any) -> None:
    cause = f"{message.reference}/{message.attempts}/{len(message.tried)}"
    told = event.say(
        message.message, cause=cause, source="notifier", territory=message.territory, time=now,
        about=message.about(), **data,
    )  # fmt: skip
    outbox.record(tx, told)

"""Bugs to plant: each takes away one guard that the promises rest on. A simulation that does not find them is blind."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime
from functools import partial
from itertools import count
from typing import Any

import pytest
import sqlalchemy as sa
import structlog

from contracts.proposals import PlaceReopened
from contracts.topics import parse
from services.bus import inbox, outbox
from services.bus.delivery import Message, Reader
from services.bus.relay import BATCH, Relay
from services.ingest import families, idempotency
from services.ingest.projection import proposals as projection
from services.matcher import endings, lifecycle, moves, store, timers, writing
from services.matcher.near import Near
from services.matcher.step import Step
from services.notifier import sending
from tests.simulation.broker import Partition
from tests.simulation.databases import kill
from tests.simulation.processes import Process

log = structlog.get_logger()


def inbox_key_off(patch: pytest.MonkeyPatch) -> None:
    """Whatever comes is handled, however often it came before."""
    patch.setattr(inbox, "first_times", lambda tx, event_ids, now: list(event_ids))


def committed_before_it_is_handled(patch: pytest.MonkeyPatch) -> None:
    """What came together is told to the broker as read, and handled then."""
    handle = Process.handle

    async def hasty(self: Process, ends: dict[Partition, int]) -> None:
        dice = self.house.hostility
        if dice.happens(dice.rates.crash):
            self.commit(ends)
            kill(self.life, dice, "consumer: between acknowledgement and effect")
        await handle(self, ends)

    patch.setattr(Process, "handle", hasty)


def noted_apart_from_its_effect(patch: pytest.MonkeyPatch) -> None:
    """The inbox rows of what came together are committed before the handlers begin."""
    handle, notes = Reader._handle, inbox.first_times

    async def settle(self: Reader, messages: Sequence[Message], fault: Any) -> list[tuple[str, str]]:
        if fault is not None:
            return [await self.database.write(self._put_aside, messages[0], fault)]
        ids = [event.id for event in (parse(message.body) for message in messages) if event]
        new = await self.database.write(notes, ids, self.clock())
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(inbox, "first_times", lambda tx, event_ids, now: [one for one in new if one in event_ids])
            return await self.database.write(partial(handle, self), messages)

    patch.setattr(Reader, "_settle", settle)


def marked_before_the_acknowledgement(patch: pytest.MonkeyPatch) -> None:
    """The relay believes that what it hands over arrives."""

    async def publish_waiting(relay: Relay) -> int:
        rows = await relay.database.read(outbox.unpublished, BATCH)
        await relay.database.write(outbox.mark_published, [row.position for row in rows], relay.clock())
        await relay._publish(rows)
        return len(rows)

    patch.setattr(Relay, "publish_waiting", publish_waiting)


def expiry_before_its_grace(patch: pytest.MonkeyPatch) -> None:
    """The place is given away at the very minute of the limit."""

    def set_expiry(step: Step, proposal: store.Proposal, deadline: datetime) -> None:
        store.set_timer(step.tx, moves.EXPIRY, proposal.proposal, proposal.territory, deadline)

    def expire(step: Step, proposal: store.Proposal) -> None:
        endings.expire(step, proposal)

    patch.setattr(lifecycle, "set_expiry", set_expiry)
    patch.setitem(timers._FIRE_PROPOSAL, moves.EXPIRY, expire)


def reopened_twice(patch: pytest.MonkeyPatch) -> None:
    """An end says that its hours are free, whoever gave them back."""
    reopen = endings._reopen

    def again(step: Step, proposal: store.Proposal) -> bool:
        facts = {"section": proposal.section, "slots": proposal.slots, "period": proposal.period}
        step.say(PlaceReopened, proposal.proposal, proposal.territory, **facts)
        return reopen(step, proposal)

    patch.setattr(endings, "_reopen", again)


def stale_rounds_land(patch: pytest.MonkeyPatch) -> None:
    """A round is written whatever has changed since it was read."""
    patch.setattr(writing, "check_unmoved", lambda *_: None)


def sent_before_it_is_noted(patch: pytest.MonkeyPatch) -> None:
    """The text leaves first, and the intent is written once it has left."""

    async def send_to(self: sending.Sender, message: Any, contact: Any, phone: str, now: datetime) -> int:
        with pytest.MonkeyPatch.context() as inner:
            inner.setattr(sending, "_intend", lambda tx, message, contact, now: message)
            ready = await self.database.write(self._ready, message, contact, now, now)
        if isinstance(ready, int):
            return ready
        text = ready[1]
        result = await self.gateway.send(message.reference, phone, text.text, text.encoding)
        if sending._can_be_settled(result):
            return 0
        intent = await self.database.write(sending._intend, message, contact.id, now)
        return 0 if intent is None else await self.database.write(self._note, intent, result, text, now)

    patch.setattr(sending.Sender, "_send_to", send_to)


def every_try_is_a_new_act(patch: pytest.MonkeyPatch) -> None:
    """The door forgets the key of the first try."""
    numbers = count()

    def reserve(tx: sa.Connection, claim: idempotency.Claim, now: datetime) -> str:
        return f"{claim.key}/{next(numbers)}"

    patch.setattr(idempotency, "reserve", reserve)


def silence_counts_without_a_receipt(patch: pytest.MonkeyPatch) -> None:
    """What nobody reported as arrived is taken as read."""

    def as_if_read(step: Step, proposal: store.Proposal) -> None:
        lifecycle.reached(step, proposal, step.now, step.now)

    patch.setitem(timers._FIRE_PROPOSAL, moves.RECEIPT, as_if_read)


def a_page_forgets_that_time_is_up(patch: pytest.MonkeyPatch) -> None:
    """The projection hears of it and shows the old state."""
    move = projection._move

    def forgetful(tx: sa.Connection, event: Any, state: Any, by: str | None = None, **values: Any) -> None:
        if event.type != "proposal.expired":
            move(tx, event, state, by, **values)

    patch.setattr(projection, "_move", forgetful)


def a_number_in_the_log(patch: pytest.MonkeyPatch) -> None:
    """Somebody looks for a fault and forgets the line afterwards."""
    send_to = sending.Sender._send_to

    async def telling(self: sending.Sender, message: Any, contact: Any, phone: str, now: datetime) -> int:
        log.info("sending", to=phone)
        return await send_to(self, message, contact, phone, now)

    patch.setattr(sending.Sender, "_send_to", telling)


def every_oui_of_a_wave_is_taken(patch: pytest.MonkeyPatch) -> None:
    """The first OUI takes the place, and so does the second."""
    patch.setattr(lifecycle, "_take_for_all", lambda step, proposal: None)


def whoever_is_erased_stays_in_the_vault(patch: pytest.MonkeyPatch) -> None:
    """The request is closed, and nobody thinks of who asked, neither at once nor later."""

    async def leave(*_: Any) -> bool:
        return False

    patch.setattr(families, "erase_if_unknown", leave)
    patch.setattr(families, "sweep_orphans", lambda *_: [])


def everybody_would_go_anywhere(patch: pytest.MonkeyPatch) -> None:
    """What is near counts for a family that never said so."""
    wishes = Near.wishes

    def all_of_them(self: Near, need: Any) -> Any:
        return wishes(self, need.model_copy(update={"within_minutes": 120}))

    patch.setattr(Near, "wishes", all_of_them)


PLANTS: tuple[Callable[[pytest.MonkeyPatch], None], ...] = (
    inbox_key_off,
    committed_before_it_is_handled,
    noted_apart_from_its_effect,
    marked_before_the_acknowledgement,
    expiry_before_its_grace,
    reopened_twice,
    stale_rounds_land,
    sent_before_it_is_noted,
    every_try_is_a_new_act,
    silence_counts_without_a_receipt,
    a_page_forgets_that_time_is_up,
    a_number_in_the_log,
)

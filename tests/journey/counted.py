"""`berceau` as the kill tests run it: the same program, which counts each effect, dies where told, and may be careless.

    python -m tests.journey.counted [--without inbox|intent] [--dies handled|sent --each N] worker matcher --port 8080

An effect is counted by a row of the handler's own transaction: what took effect twice is there twice. Death comes at
the two worst moments: when a message is handled and not acknowledged, when a text has left and nobody noted it.
Without the inbox nobody looks whether an event was heard before; without the intent a text is sent first and noted
then. To see a text twice the gateway must not know our reference again, so here it knows none.
"""

from __future__ import annotations

import argparse
import os
import signal
import sys
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import datetime
from itertools import count
from typing import Any

import sqlalchemy as sa

from contracts.base import Event
from services.bus import inbox
from services.bus.delivery import Reader
from services.cli import main
from services.notifier import app, sending
from services.notifier.gateways import phone_threads
from services.notifier.gateways.gateway import Idempotency
from services.notifier.gateways.phone import PhoneGateway
from services.notifier.sending import Sender
from services.notifier.store import Message
from services.vault import Contact
from tests.bus.harness import count_it

Work = Callable[..., Awaitable[Any]]


def count_effects() -> None:
    take_effect = Reader._take_effect

    def counted(self: Reader, tx: sa.Connection, event: Event, now: datetime) -> None:
        take_effect(self, tx, event, now)
        count_it(tx, event, now)

    Reader._take_effect = counted  # type: ignore[method-assign]


def die_after(owner: type, name: str, each: int, counts: Callable[[Any], bool]) -> None:
    """kill -9 as the `each`-th of these returns that counts."""
    work: Work = getattr(owner, name)
    done = count(1)

    async def mortal(*args: Any) -> Any:
        result = await work(*args)
        if counts(result) and next(done) >= each:
            os.kill(os.getpid(), signal.SIGKILL)
        return result

    setattr(owner, name, mortal)


def took_effect(settled: list[tuple[str, str]]) -> bool:
    """Something of it was new. Whoever dies behind repeats alone hears the same ones for ever and never goes on."""
    return any(outcome == "handled" for _, outcome in settled)


def forget_references() -> None:
    """A gateway that takes every text for a new one."""
    deliver, again = phone_threads.deliver, count(1)

    def careless(tx: sa.Connection, reference: str, *args: Any) -> Any:
        known = phone_threads.known(tx, reference) is not None
        return deliver(tx, f"{reference}.{os.getpid()}.{next(again)}" if known else reference, *args)

    sys.modules[PhoneGateway.__module__].deliver = careless  # type: ignore[attr-defined]
    app.PhoneGateway = Forgetful  # type: ignore[misc]


@dataclass(frozen=True)
class Forgetful(PhoneGateway):
    """Phones that can tell nothing of our references."""

    idempotency: Idempotency = Idempotency.NEITHER


async def send_then_mark(self: Sender, message: Message, contact: Contact, phone: str, now: datetime) -> int:
    text = await self.database.read(self._text, message, contact, now)
    result = await self.gateway.send(message.reference, phone, text.text, text.encoding)
    intent = await self.database.write(sending._intend, message, contact.id, now)
    return 0 if intent is None else await self.database.write(self._note, intent, result, text, now)


def run() -> None:
    options = argparse.ArgumentParser(allow_abbrev=False)
    options.add_argument("--without", choices=["inbox", "intent"])
    options.add_argument("--dies", choices=["handled", "sent"])
    options.add_argument("--each", type=int, default=1)
    given, sys.argv[1:] = options.parse_known_args()
    count_effects()
    if given.dies == "handled":
        die_after(Reader, "_settle", given.each, took_effect)
    if given.dies == "sent":
        forget_references()
        die_after(PhoneGateway, "send", given.each, lambda _: True)
    if given.without == "inbox":
        inbox.first_times = lambda tx, event_ids, now: list(event_ids)
    if given.without == "intent":
        Sender._send_to = send_then_mark  # type: ignore[method-assign]
    main()


if __name__ == "__main__":
    run()

"""T2: a sender under kill -9 loses nothing and says nothing twice, as far as its operator can tell."""

from __future__ import annotations

import multiprocessing
import random
from dataclasses import dataclass, field
from multiprocessing.process import BaseProcess
from pathlib import Path

import pytest
import sqlalchemy as sa

from contracts.vocabulary import MessageTemplate
from services import vault
from services.bus.database import Database
from services.notifier import store
from services.notifier import tables as t
from services.notifier.gateways.gateway import Idempotency
from services.notifier.sending import AT_ONCE
from services.notifier.store import State
from services.vault import Contact
from tests.notifier.desk import KEYRING, NOON, TERRITORY, make_databases
from tests.notifier.dying_sender import every_message, send_all
from tests.notifier.provider import Message, Provider, running

TEXTS, KILLS, FAMILIES = 200, 5, 30  # for each of the three kinds of gateway
TEXTS_OF_A_TERRITORY = 900

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.notifier.dying_sender"])


@dataclass
class DeadlyProvider(Provider):
    """Takes the text, then kills whoever sent it before it can be answered."""

    victim: BaseProcess | None = None
    kill_at: list[int] = field(default_factory=list)

    def take(self, message: Message, key: str | None) -> None:
        super().take(message, key)
        if self.kill_at and len(self.taken) >= self.kill_at[0] and self.victim is not None:
            self.kill_at.pop(0)
            self.victim.kill()


def territory_of(n: int) -> str:
    return f"{TERRITORY}-{n // TEXTS_OF_A_TERRITORY}"


async def plan_texts(folder: Path, number: int, families: int = FAMILIES) -> Database:
    """So many texts, few enough for each family and each territory to keep within their budgets."""
    database, contacts = await make_databases(folder)

    def keep(tx: sa.Connection) -> None:
        for n in range(families):
            contact = Contact(id=f"c-{n}", phone=f"+33639980{n:03}")
            vault.put_contacts(tx, KEYRING, f"f-{n}", (contact,), NOON.date())

    def plan(tx: sa.Connection) -> None:
        for n in range(0, number, TEXTS_OF_A_TERRITORY):
            store.upsert(tx, t.territories, "territory", territory_of(n), guichet_phone="01 99 00 12 34")
        store.upsert(tx, t.structures, "structure", "creche-A", name="Les Lucioles")
        for n in range(number):
            store.upsert(
                tx, t.proposals, "proposal", f"p-{n}", territory=territory_of(n), family=f"f-{n % families}",
                structure="creche-A", slots=[{"day": "tue", "start": "08:00", "end": "12:00"}], starts=NOON.date(),
                code="4711", is_urgent=False, no_was_noted=False, asks=False, request=f"r-{n}",
            )  # fmt: skip
            store.plan(
                tx, f"event-{n}", MessageTemplate.EXPIRED, territory=territory_of(n), proposal=f"p-{n}",
                owner=f"f-{n % families}", owner_kind="family", send_at=NOON,
            )  # fmt: skip

    await contacts.write(keep)
    await database.write(plan)
    await contacts.close()
    return database


def live_and_die(folder: Path, provider: DeadlyProvider, idempotency: Idempotency, careless: bool = False) -> int:
    """Start the sender again after each death until it is done. Returns how often it died."""
    for life in range(KILLS + 5):
        arguments = (str(folder), provider.url, idempotency, life, careless)
        provider.victim = FORKS.Process(target=send_all, args=arguments, daemon=True)
        provider.victim.start()
        provider.victim.join(60)
        if provider.victim.exitcode == 0:
            return life
        assert provider.victim.exitcode == -9, provider.victim.exitcode
    raise AssertionError("it is never done")


def deaths(seed: int, texts: int, kills: int) -> list[int]:
    """Further apart than texts are under way at once: none of them is the death of a sender that is dead already."""
    return sorted(AT_ONCE * n for n in random.Random(seed).sample(range(1, texts // AT_ONCE), kills))


@pytest.mark.parametrize("idempotency", Idempotency)
async def test_a_killed_sender_loses_no_text_and_sends_none_twice(tmp_path: Path, idempotency: Idempotency) -> None:
    database = await plan_texts(tmp_path, TEXTS)
    deadly = DeadlyProvider(honours_keys=idempotency is Idempotency.KEY, kill_at=deaths(7, TEXTS, KILLS))
    with running(deadly) as provider:
        assert live_and_die(tmp_path, deadly, idempotency) == KILLS
    messages = await database.read(every_message)
    unknown = {m.reference for m in messages if m.state is State.UNKNOWN}
    assert provider.doubles == 0
    assert {m.reference for m in messages if m.state is State.SENT} | unknown == {m.reference for m in messages}
    assert {m.reference for m in provider.taken} == {m.reference for m in messages}
    assert len(unknown) == (KILLS if idempotency is Idempotency.NEITHER else 0)
    await database.close()


async def test_a_sender_that_marks_after_sending_sends_twice(tmp_path: Path) -> None:
    database = await plan_texts(tmp_path, 60)
    deadly = DeadlyProvider(honours_keys=False, kill_at=deaths(7, 60, 5))
    with running(deadly) as provider:
        assert live_and_die(tmp_path, deadly, Idempotency.NEITHER, careless=True) == 5
    assert provider.doubles == 5
    await database.close()

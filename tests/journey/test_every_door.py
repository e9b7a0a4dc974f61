"""T1: what comes in by every door takes effect once, whoever dies and however often it is delivered.

By HTTP, one act or hundreds in a request, by the page behind a link, by SMS, from a partner's topic and from the files
of a town hall, while every process is killed at random and the broker delivers each event one to three times in any
order. A thousand kills and two hundred thousand events:

    BERCEAU_T1_KILLS=1000 BERCEAU_T1_CRECHES=40 BERCEAU_T1_PLACES=200 BERCEAU_T1_STILL_FREE=60 BERCEAU_T1_TOGETHER=945 \
        make torture ARGS=tests/journey/test_every_door.py
"""

from __future__ import annotations

import asyncio
import json
import os
import secrets
import time
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from functools import partial
from itertools import product
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from aiokafka import AIOKafkaProducer

from contracts.topics import parse
from contracts.vacancies import VacancyOpened, VacancyReconfirmed
from services.bus import tables as bus
from services.bus.kafka import topic_name
from services.bus.topics import admin, create_topics
from services.bus.wiring import database_at
from services.calendar import PARIS
from services.cli.assembly import clock_of, guichet_of
from services.ingest.actors import Role
from services.ingest.declare.persons import KeyBody, create_key
from services.ingest.files import import_file
from services.ingest.partners import TOPIC, TOPICS, signing_secret
from services.territory import Territory, synthesise
from services.territory.files import requests_csv, structures_csv
from tests import servers
from tests.bus import harness
from tests.connected import torture
from tests.ingest.files import town
from tests.ingest.partner_software import Software
from tests.journey import ledger
from tests.journey.cluster import PARTITIONS, Cluster, running_cluster
from tests.journey.deaths import COUNTED, LONGEST_KILLING_S, Families, Killer, live_and_kill, town_on
from tests.journey.repeater import repeating
from tests.journey.stubborn import StubbornWorld

MONDAY = datetime(2026, 11, 30, 9, 0, tzinfo=PARIS)
SEED = 20261122
KILLS = int(os.environ.get("BERCEAU_T1_KILLS", "100"))
CRÈCHES = int(os.environ.get("BERCEAU_T1_CRECHES", "12"))
PLACES = int(os.environ.get("BERCEAU_T1_PLACES", "100"))
"""That the software of a crèche posts."""
STILL_FREE = int(os.environ.get("BERCEAU_T1_STILL_FREE", "86"))
"""How often it says on the partner topic of each of them that it is still free: most of the events, since nobody has to
wait for them."""
TOGETHER = int(os.environ.get("BERCEAU_T1_TOGETHER", "10"))
"""How often it says so by HTTP, of all places in one request."""
ONE_BY_ONE = PLACES * (1 + STILL_FREE)
SAID_TWICE = 10
"""One in so many of these requests is sent again though it was answered."""
OPENED, RECONFIRMED = VacancyOpened.wire_type(), VacancyReconfirmed.wire_type()

STEADY = 10 if KILLS <= 100 else 5
"""So fast the clock runs: the evening, when no text leaves any more, is an hour away, or two. Any slower, nothing would
move for PATIENCE_S while a NON can be taken back."""
LOOK_EVERY_S = 2.0
"""Counting two hundred thousand rows takes a good part of a second."""

pytestmark = [pytest.mark.torture, pytest.mark.timeout(4 * 3_600)]


@pytest.fixture
def mortals(tmp_path: Path, kafka_bootstrap: str, postgres_url: str) -> Iterator[Cluster]:
    with (
        servers.fresh_database(postgres_url) as database,
        running_cluster(tmp_path, kafka_bootstrap, database, f"t1{secrets.token_hex(4)}.", MONDAY, COUNTED) as running,
    ):
        with admin(running.settings) as client:
            create_topics(client, running.settings, partitions=PARTITIONS, replicas=1, retention_days=TOPICS)
        yield running


@dataclass
class TownHall:
    """A second territory, whose structures and requests come from files, and whose places from a crèche's software."""

    world: StubbornWorld
    territory: Territory
    rows: int = 0
    bearer: str = ""

    async def open(self) -> Software:
        ingest = self.world.databases["ingest"]
        await town.move_in(ingest, self.territory)
        await self._import("structures", structures_csv(self.territory).encoded())
        return await ingest.write(self._software)

    def _software(self, tx: sa.Connection) -> Software:
        body = KeyBody(role=Role.STRUCTURE, structure=self.territory.structures[0].id, label="logiciel inventé")
        key, self.bearer = create_key(tx, town.act(town.ADMINISTRATOR, self.world.now()), body)
        return Software(key, signing_secret(b"k" * 32, key))

    async def _import(self, kind: str, data: bytes) -> None:
        settings = self.world.profile.cluster.settings  # type: ignore[attr-defined]
        vault = database_at(settings, "vault")
        guichet = guichet_of(settings, self.world.databases["ingest"], vault, clock_of(settings))
        done = await import_file(guichet, town.act(now=self.world.now()), kind, data)
        await vault.close()
        assert done.rejected == (), done.rejected[:3]
        self.rows += done.taken

    async def ask(self) -> None:
        await self._import("requests", requests_csv(self.territory).encoded())

    async def offer(self, software: Software, killer: Killer) -> None:
        """The software says each message twice, as one does that got no answer; some after each death."""
        settings = self.world.profile.cluster.settings  # type: ignore[attr-defined]
        async with AIOKafkaProducer(bootstrap_servers=settings.kafka, acks="all") as out:
            for n, (headers, body) in enumerate(self._messages(software)):
                turn = partial(killer.has_killed, n * KILLS // ONE_BY_ONE)
                await harness.until(turn, patience_s=LONGEST_KILLING_S)
                pairs = [(name, value.encode()) for name, value in headers.items()]
                for _ in range(2):
                    await out.send(topic_name(settings, TOPIC), body, key=b"S", headers=pairs)
            await out.flush()

    def _messages(self, software: Software) -> Iterator[tuple[dict[str, str], bytes]]:
        """Each place, and then again and again that they are still free."""
        section = self.territory.structures[0].sections[0].section
        tuesday = [{"day": "tue", "start": "09:00", "end": "17:00"}]
        for n in range(PLACES):
            place = {"section": section, "kind": "regular", "slots": tuesday, "places": 1, "period": self._period}
            yield software.says("vacancy.open", place, id=f"place-{n}")
        for k, n in product(range(STILL_FREE), range(PLACES)):
            yield software.says("vacancy.still_free", id=f"free-{n}-{k}", opened_by=f"place-{n}")

    async def offer_together(self, software: Software, killer: Killer) -> None:
        """The same software by HTTP: it sends a request again until it is answered, and some once more."""
        await self.world.until(self._has_opened_all, "all places", LOOK_EVERY_S)
        for k in range(TOGETHER):
            await harness.until(partial(killer.has_killed, k * KILLS // TOGETHER), patience_s=LONGEST_KILLING_S)
            said = [
                software.says("vacancy.still_free", id=f"together-{n}-{k}", opened_by=f"place-{n}")
                for n in range(PLACES)
            ]
            messages = [json.loads(body) for _, body in said]
            await self._post(messages)
            if k % SAID_TWICE == 0:
                assert (await self._post(messages))["repeated"] == PLACES

    async def _post(self, messages: list[dict[str, Any]]) -> dict[str, Any]:
        headers, api = {"Authorization": f"Bearer {self.bearer}"}, self.world.profile.api
        answer = await self.world.insist(lambda: api.post("/api/v1/messages", json=messages, headers=headers))
        assert answer.status_code == 202, answer.text
        told: dict[str, Any] = answer.json()
        assert told["rejected"] == 0, told
        return told

    @property
    def _period(self) -> dict[str, str]:
        return {"start": "2027-01-05", "end": "2027-07-02"}

    async def said_of_places(self) -> list[tuple[int, int]]:
        """For each place of the software's structure: how often ingest said that it is open, and still free."""
        read = self.world.databases["ingest"].read
        opened, still_free = [Counter(await read(_subjects_of, type_)) for type_ in (OPENED, RECONFIRMED)]
        return [(opened[place], still_free[place]) for place in sorted({*opened, *still_free})]

    async def _has_opened_all(self) -> bool:
        return await self.world.databases["ingest"].read(ledger.times_said, town.NAME, [OPENED]) >= PLACES

    async def has_said_all(self) -> bool:
        said = await self.world.databases["ingest"].read(ledger.times_said, town.NAME, [RECONFIRMED])
        return said >= PLACES * (STILL_FREE + TOGETHER)

    async def is_heard(self) -> bool:
        return await ledger.has_effects_enough(self.world) and not await ledger.lost(self.world)

    async def faults(self) -> list[str]:
        found = [*await ledger.lost(self.world), *await ledger.doubled(self.world)]
        for name, database in self.world.databases.items():
            found += [f"{name} parked {type_}" for type_ in await database.read(ledger.parked, town.NAME)]
        return found


def _subjects_of(tx: sa.Connection, type_: str) -> list[str]:
    """What the events of this type in the town were about."""
    mine = (bus.outbox.c.territory == town.NAME, bus.outbox.c.type == type_)
    said = (parse(body) for body in tx.scalars(sa.select(bus.outbox.c.body).where(*mine)))
    return [event.subject for event in said if event is not None]


async def events_of(world: StubbornWorld) -> int:
    count = sa.select(sa.func.count()).select_from(bus.outbox)
    return sum([await database.read(lambda tx: tx.scalar(count) or 0) for database in world.databases.values()])


async def test_what_comes_by_every_door_takes_effect_once(mortals: Cluster) -> None:
    begun, killer = time.monotonic(), Killer(mortals.workers, KILLS, (0.4, 2.2), SEED, follows=True)
    async with (
        town_on(mortals, CRÈCHES, STEADY) as world,
        repeating(mortals.settings, PARTITIONS, SEED) as repeater,
    ):
        hall = TownHall(
            StubbornWorld(world.profile, town.NAME, databases=world.databases), synthesise(7, MONDAY.date(), town.TINY)
        )
        software = await hall.open()
        async with asyncio.TaskGroup() as parts:
            living = parts.create_task(live_and_kill(world, killer, CRÈCHES))
            parts.create_task(hall.ask())
            parts.create_task(hall.offer(software, killer))
            parts.create_task(hall.offer_together(software, killer))
        families: Families = living.result()
        await hall.world.until(hall.has_said_all, "what the software said", LOOK_EVERY_S)
        await hall.world.until(hall.is_heard, "everybody to hear it", LOOK_EVERY_S)
        found = [*await families.faults(), *await hall.faults()]
        ends, expected = await families.ends(), families.expected()
        said, events = await hall.said_of_places(), await events_of(world)
    assert found == []
    assert ends == expected
    assert said == [(1, STILL_FREE + TOGETHER)] * PLACES
    torture.record(
        "T1", f"{events} événements par toutes les portes (HTTP, page, SMS, {2 * ONE_BY_ONE} messages de partenaire, "
        f"{TOGETHER} lots de {PLACES} messages, {hall.rows} lignes de fichier), {repeater.copies} copies livrées en "
        f"désordre, {killer.killed.total()} morts de processus", "0 perdu, 0 doublé", seed=SEED, begun=begun,
        on=f"{torture.postgres()}, {torture.kafka()}",
        twin="sans boîte de réception : un effet doublé (test_kills.py, à chaque `make test`)",
    )  # fmt: skip

"""T8: databases that die under load lose nothing that was acknowledged. Beside each, who acknowledges too early."""

from __future__ import annotations

import asyncio
import multiprocessing
import random
import time
from collections import Counter
from pathlib import Path

import pytest

from deploy.servers.postgres import running_postgres
from services.bus import dead_letters
from services.bus.database import open_sqlite
from services.bus.embedded import EmbeddedBus
from services.bus.settings import Settings
from tests.bus import harness
from tests.bus.harness import handled, many, reader_of, until
from tests.connected import torture
from tests.connected.carriers import reading, relaying
from tests.connected.said_under_fire import Speaker, acknowledged_in, live

SEED = 20261122
FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload(["tests.connected.said_under_fire"])


@pytest.mark.torture
@pytest.mark.timeout(900)
async def test_twenty_kills_of_postgresql_lose_no_acknowledged_event(settings: Settings) -> None:
    begun, draw, kills = time.monotonic(), random.Random(SEED), 20
    with running_postgres() as server:
        writer = await harness.postgres_database(server.url(), "ingest")
        heard = await harness.postgres_database(server.url(), "matcher")
        speaker, stop = Speaker(writer, pace_s=0.005), asyncio.Event()
        async with relaying(settings, writer), reading(settings, reader_of(heard)):
            speaking = asyncio.create_task(speaker.run(stop))
            for _ in range(kills):
                await asyncio.sleep(draw.uniform(0.2, 1.5))
                await asyncio.to_thread(server.kill)
                await asyncio.to_thread(server.start)
            stop.set()
            await speaking
            await until(lambda: has_all(heard, speaker.acknowledged), patience_s=120)
        took_effect = Counter(await heard.read(handled))
        letters = await heard.read(dead_letters.waiting)
        for database in (writer, heard):
            await database.close()
    assert took_effect == dict.fromkeys(speaker.acknowledged, 1)
    assert letters == []
    assert speaker.unanswered > 0
    torture.record(
        "T8 PostgreSQL", f"postmaster tué {kills} fois sous charge, {len(took_effect)} événements acquittés",
        "0 perdu, 0 doublé", seed=SEED, begun=begun, on=f"{torture.postgres()}, {torture.kafka()}",
    )  # fmt: skip


async def has_all(heard: harness.Database, wanted: set[str]) -> bool:
    return wanted <= set(await heard.read(handled))


def die_and_say_on(folder: Path, kills: int, seed: int, *, careless: bool = False) -> list[int]:
    """The numbers that a process on SQLite acknowledged, killed and started again `kills` times.

    Started by a server of forks: a death costs milliseconds, and there is time for a hundred of them.
    """
    draw = random.Random(seed)
    for _ in range(kills):
        before = acknowledged_in(folder)
        first = max(before, default=-2) + 2  # what was said last may be there without its answer
        process = FORKS.Process(target=live, args=(folder, first, careless), daemon=True)
        process.start()
        while len(acknowledged_in(folder)) == len(before):
            time.sleep(0.01)
            assert process.is_alive()
        time.sleep(draw.uniform(0.0, 0.3))
        process.kill()
        process.join()
    return acknowledged_in(folder)


async def after_all(folder: Path) -> Counter[str]:
    """How often each event took effect once a last process has delivered what is there."""
    writer, heard = open_sqlite(folder / "ingest.sqlite"), open_sqlite(folder / "matcher.sqlite")
    await EmbeddedBus({"ingest": writer, "matcher": writer, "notifier": writer}, [reader_of(heard)]).drain()
    found = Counter(await heard.read(handled))
    for database in (writer, heard):
        await database.close()
    return found


@pytest.mark.torture
@pytest.mark.timeout(900)
async def test_a_hundred_kills_of_the_process_on_sqlite_lose_no_acknowledged_event(tmp_path: Path) -> None:
    begun, kills = time.monotonic(), 100
    acknowledged = await asyncio.to_thread(die_and_say_on, tmp_path, kills, SEED)
    found = await after_all(tmp_path)
    ids = ids_of(acknowledged)
    assert [id_ for id_ in ids if found[id_] != 1] == []
    assert set(found.values()) == {1}
    torture.record(
        "T8 SQLite", f"processus tué {kills} fois, {len(ids)} événements acquittés", "0 perdu, 0 doublé",
        seed=SEED, begun=begun, on=torture.sqlite(),
    )  # fmt: skip


@pytest.mark.torture
@pytest.mark.timeout(900)
async def test_who_acknowledges_before_the_commit_loses_events_when_killed(tmp_path: Path) -> None:
    lost, tries = 0, 0
    while lost == 0 and tries < 6:
        acknowledged = await asyncio.to_thread(die_and_say_on, tmp_path, 15, SEED + tries, careless=True)
        found = await after_all(tmp_path)
        lost, tries = sum(found[id_] == 0 for id_ in ids_of(acknowledged)), tries + 1
    assert lost > 0
    torture.record_twin("T8 SQLite", f"acquitter avant l'écriture : {lost} perdus en {15 * tries} morts")


def ids_of(numbers: list[int]) -> list[str]:
    every = many(max(numbers) + 1)
    return [every[n].id for n in numbers]

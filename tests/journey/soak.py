"""People who act all the time at an even pace, and how long each act took to its effect where it is decided.

Directors count and confirm their places, families ask and withdraw: as much goes as comes, so that what a process keeps
has no reason to grow. Each act has its hour, whether or not the one before was answered: waiting counts as time.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import secrets
import time
from collections import defaultdict
from collections.abc import Awaitable, Callable, Iterator
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

import httpx2
import sqlalchemy as sa

from services.bus.database import Database
from tests.journey.town import ask, crèche, open_tuesdays
from tests.journey.world import World

STAY_S = 45.0
"""How long a family waits before it withdraws: rounds come in between, and offer it places."""

AGAIN_AFTER_S = 0.5
UNAVAILABLE = 503

LEAD_S = 5.0
"""Before the first act: each place has to be there."""

SHARE_OF_FAMILIES = 0.3
"""Of the acts; the others are the directors'."""

REQUESTS, CLOSINGS, COUNTS, CONFIRMATIONS = (
    "request.registered", "request.closed", "vacancy.changed", "vacancy.reconfirmed",
)  # fmt: skip
Key = tuple[str, str]
"""The type of an event and its subject: what one person does about one thing comes in order."""


@dataclass
class Patient(World):
    """Whoever is told that the service is away, or hears nothing, asks again with the same key. `again` counts it."""

    again: int = 0

    async def act(self, who: str, method: str, path: str, body: Any = None) -> dict[str, Any]:
        headers = {"Authorization": f"Bearer {self.keys[who]}", "Idempotency-Key": secrets.token_hex(8)}
        while True:
            with contextlib.suppress(httpx2.TransportError):
                answer = await self.profile.api.request(method, f"/api/v1{path}", json=body, headers=headers)
                if answer.status_code < 300:
                    return answer.json()  # type: ignore[no-any-return]
                away = answer.status_code == UNAVAILABLE or "key_in_flight" in answer.text
                assert away, f"{method} {path}: {answer.status_code} {answer.text}"
            self.again += 1
            await asyncio.sleep(AGAIN_AFTER_S)


@dataclass
class Soak:
    """`due` holds, for each thing acted on, when each act was to be (s since 1970), in order."""

    worlds: list[Patient]
    crèches: int
    per_second: float
    due: dict[Key, list[float]] = field(default_factory=lambda: defaultdict(list))
    answered_in: list[float] = field(default_factory=list)
    acts: int = 0

    async def run(self, seconds: float) -> None:
        """Act for so long, then let every family withdraw."""
        begun = time.time() + LEAD_S
        until = begun + seconds
        directors = [(world, n) for world in self.worlds for n in range(self.crèches)]
        pace_s = len(directors) / (self.per_second * (1 - SHARE_OF_FAMILIES))
        async with asyncio.TaskGroup() as people:
            for k, (world, n) in enumerate(directors):
                people.create_task(self._direct(world, n, pace_s, begun + pace_s * k / len(directors), until))
            people.create_task(self._come(people, begun, until))

    async def _direct(self, world: World, n: int, pace_s: float, first: float, until: float) -> None:
        vacancy = await open_tuesdays(world, places=2, n=n)
        for k in itertools.count():
            when = first + k * pace_s
            if when > until:
                return
            await self._act(*_kth(k, vacancy), world, crèche(world, n), when)

    async def _come(self, people: asyncio.TaskGroup, begun: float, until: float) -> None:
        each_s = 2 / (self.per_second * SHARE_OF_FAMILIES)  # each family acts twice
        for k in itertools.count():
            when = begun + k * each_s
            if when > until:
                return
            await _sleep_until(when)
            people.create_task(self._live(self.worlds[k % len(self.worlds)], k % self.crèches, when))

    async def _live(self, world: World, n: int, when: float) -> None:
        wish = [{"structure": crèche(world, n), "rank": 1}]
        request, _ = await self._timed(when, lambda: ask(world, wishes=wish))
        self.due[REQUESTS, request].append(when)
        path, body = f"/requests/{request}/closing", {"reason": "moved_away"}
        await self._act((CLOSINGS, request), path, body, world, "coordinator", when + STAY_S)

    async def _act(self, key: Key, path: str, body: Any, world: World, who: str, when: float) -> None:
        await self._timed(when, lambda: world.act(who, "POST", path, body))
        self.due[key].append(when)

    async def _timed(self, when: float, act: Callable[[], Awaitable[Any]]) -> Any:
        await _sleep_until(when)
        said = await act()
        self.answered_in.append(time.time() - when)
        self.acts += 1
        return said

    async def took(self, ingest: Database, reader: Database) -> list[float]:
        """Seconds from each act's hour to the commit of its effect at `reader`. Raises KeyError for an unknown one."""
        said = await ingest.read(_said)
        done = await reader.read(_committed)
        return sorted(when - due for key, events in said.items() for due, when in self._pairs(key, events, done))

    def _pairs(self, key: Key, events: list[str], done: dict[str, datetime]) -> Iterator[tuple[float, float]]:
        for due, event in zip(self.due[key], events, strict=True):
            yield due, done[event].timestamp()


def _kth(k: int, vacancy: str) -> tuple[Key, str, Any]:
    """What a director does the k-th time: of four acts one is a new count, one place and two in turn."""
    if k % 4:
        return (CONFIRMATIONS, vacancy), f"/vacancies/{vacancy}/still-free", None
    return (COUNTS, vacancy), f"/vacancies/{vacancy}/changes", {"places": 1 + k // 4 % 2}


def _said(tx: sa.Connection) -> dict[Key, list[str]]:
    """The events of the acts, in their order for each thing."""
    query = sa.text(
        "SELECT type, convert_from(body, 'UTF8')::json->>'subject', event_id FROM outbox WHERE type = ANY(:types)"
        " ORDER BY position"
    )
    found: dict[Key, list[str]] = defaultdict(list)
    for type_, subject, event in tx.execute(query, {"types": [REQUESTS, CLOSINGS, COUNTS, CONFIRMATIONS]}):
        found[type_, subject].append(event)
    return found


def _committed(tx: sa.Connection) -> dict[str, datetime]:
    """When each event took effect, by the server's clock (`track_commit_timestamp`)."""
    return dict(map(tuple, tx.execute(sa.text("SELECT event_id, pg_xact_commit_timestamp(xmin) FROM inbox"))))


async def slowest_hops(databases: dict[str, Database], shift_s: float, routes: list[tuple[str, str, list[str]]]) -> Any:
    """For each way from a writer to a reader: seconds from saying an event to the commit of its effect, sorted."""
    found = {}
    for writer, reader, types in routes:
        said = await databases[writer].read(_recorded, types)
        done = await databases[reader].read(_committed)
        found[f"{writer} → {reader}"] = sorted(done[e].timestamp() - (t.timestamp() - shift_s) for e, t in said.items())
    return found


def _recorded(tx: sa.Connection, types: list[str]) -> dict[str, datetime]:
    query = sa.text("SELECT event_id, recorded_at FROM outbox WHERE type = ANY(:types)")
    return dict(map(tuple, tx.execute(query, {"types": types})))


def quantile(seconds: list[float], share: float) -> float:
    """Of sorted figures: what so large a share of them does not exceed."""
    return seconds[min(len(seconds) - 1, int(share * len(seconds)))]


async def _sleep_until(when: float) -> None:
    await asyncio.sleep(max(0.0, when - time.time()))

"""The cluster that `berceau bench way` measures from outside: a process for each service, on a database of their own.

Territories, structures and families are invented. Each family waits for one weekday at one structure, so that a
place posted there is known to make one text, to that family.
"""

from __future__ import annotations

import asyncio
import contextlib
import itertools
import json
import socket
import tempfile
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from services.bus.settings import Settings
from services.bus.topics import admin, create_topics
from services.bus.wiring import database_at
from services.calendar import local_day, system_clock
from services.cli.all_topics import ALL_TOPICS
from services.cli.cluster_demo import running_workers, until_ready
from services.ingest import credentials
from services.ingest.actors import Role

COMMUNE = "03185"
WEEKDAYS = ("mon", "tue", "wed", "thu", "fri")
NOON_S = 12 * 3600
DOORS = itertools.count(2)
PARTITIONS = 6


@dataclass
class Door:
    """One connection to ingest's door, from an address of its own: the limits of a client count for each."""

    reader: asyncio.StreamReader
    writer: asyncio.StreamWriter

    async def act(self, method: str, path: str, body: Any, key: str, once: str = "") -> dict[str, Any]:
        """Raises RuntimeError where the act is not taken."""
        raw = json.dumps(body).encode()
        lines = [f"{method} /api/v1{path} HTTP/1.1", "Host: bench", f"Authorization: Bearer {key}"]
        lines += [f"Idempotency-Key: {once}"] if once else []
        lines += ["Content-Type: application/json", f"Content-Length: {len(raw)}", "", ""]
        self.writer.write("\r\n".join(lines).encode() + raw)
        head = (await self.reader.readuntil(b"\r\n\r\n")).decode("latin-1").lower()
        length = int(head.split("content-length: ")[1].split("\r\n")[0])
        answer = await self.reader.readexactly(length)
        if not head.split()[1].startswith("2"):
            raise RuntimeError(f"{method} {path}: {answer.decode()}")
        return json.loads(answer)  # type: ignore[no-any-return]


@dataclass
class Site:
    """The running cluster; `keys` opens each territory."""

    settings: Settings
    keys: dict[str, str] = field(default_factory=dict)

    @contextlib.asynccontextmanager
    async def door(self) -> AsyncIterator[Door]:
        here = (f"127.0.{next(DOORS) % 250}.{next(DOORS) % 250 + 1}", 0)
        reader, writer = await asyncio.open_connection(self.settings.host, self.settings.port, local_addr=here)
        try:
            yield Door(reader, writer)
        finally:
            writer.close()
            await writer.wait_closed()

    async def open_territory(self, door: Door, name: str) -> None:
        """A territory whose proposals leave at once, and a key of its coordinator."""
        database = database_at(self.settings, "ingest")
        self.keys[name] = await database.write(
            lambda tx: credentials.create_key(
                tx, id_=f"K-{name}", territory=name, role=Role.COORDINATOR, structure=None, label="bench",
                now=system_clock(),
            )
        )  # fmt: skip
        await database.close()
        facts = {"name": "Territoire inventé", "guichet_name": "Guichet", "guichet_phone": "04 65 71 00 00"}
        communes = [{"code": COMMUNE, "name": "Ville inventée", "population": 34_000}]
        rules = {"policy": "montlucon-modele", "automatic_release": True, "round_quiet_seconds": 0}
        await door.act("PUT", "/territory", {**facts, "communes": communes, **rules}, self.keys[name])

    async def open_structure(self, door: Door, territory: str, name: str) -> None:
        ages = {"age_from_months": 3, "age_to_months": 40}
        section = {"section": f"{name}-a", "name": "Tous les âges", "places": 20, **ages}
        body = {"name": name, "kind": "creche", "commune": COMMUNE, "capacity": 20, "sections": [section]}
        await door.act("PUT", f"/structures/{name}", body, self.keys[territory])


def slots(weekday: str) -> list[dict[str, str]]:
    return [{"day": weekday, "start": "08:00", "end": "18:00"}]


def in_days(days: int) -> str:
    return (local_day(system_clock()) + timedelta(days=days)).isoformat()


def vacancy(structure: str, weekday: str) -> dict[str, Any]:
    facts = {"kind": "regular", "places": 1, "period": {"start": in_days(16)}}
    return {"section": f"{structure}-a", "slots": slots(weekday), **facts}


def request(structure: str, weekday: str, phone: str) -> dict[str, Any]:
    return {
        "kind": "regular", "born": in_days(-400), "commune": COMMUNE, "wishes": [{"structure": structure, "rank": 1}],
        "patterns": [{"slots": slots(weekday), "rank": 1}], "period": {"start": in_days(16)},
        "contacts": [{"phone": phone, "name": "Personne inventée"}], "child_first_name": "Inventé",
    }  # fmt: skip


@contextlib.asynccontextmanager
async def running_site(settings: Settings, gateway_url: str) -> AsyncIterator[Site]:
    """The three services on `settings`' database and topics; texts go to `gateway_url`. Their clocks say noon of a
    working day, when texts may leave."""
    with tempfile.TemporaryDirectory(prefix="berceau-bench-") as scratch:
        folder = Path(scratch)
        (folder / "clock").write_text(str(_to_noon(system_clock())), encoding="ascii")
        port = _free_port()
        gateway = {"gateway": "http", "gateway_url": gateway_url, "gateway_token": SecretStr("bench")}
        gateway |= {"gateway_idempotency": "key"}
        doors = {"port": port, "inbound_url": f"http://{settings.host}:{port}", "clock_file": folder / "clock"}
        own = settings.model_copy(update={**gateway, **doors})
        with admin(own) as client:
            topics = create_topics(client, own, partitions=PARTITIONS, replicas=1, retention_days=ALL_TOPICS)
            try:
                with running_workers(own, folder) as ports:
                    await asyncio.gather(*(until_ready(own, port) for port in ports))
                    yield Site(own)
            finally:
                client.delete_topics(topics)


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _to_noon(now: datetime) -> float:
    """Seconds to the noon of the next Tuesday, in French winter or summer time: late enough, early enough."""
    days = (1 - now.weekday()) % 7
    return days * 86_400.0 + NOON_S - 3600 - (now.hour * 3600 + now.minute * 60 + now.second)

"""The schemas of the cluster's database, by PostgreSQL's own programs, all in one snapshot."""

from __future__ import annotations

import asyncio
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path
from typing import TypeVar

import sqlalchemy as sa
from sqlalchemy.engine import URL, make_url
from sqlalchemy.ext.asyncio import create_async_engine

from contracts.topics import TOPICS, Topic
from services.bus import outbox
from services.bus.database import CONNECT_TIMEOUT_S
from services.bus.delivery import Handlers
from services.bus.migrations import SERVICES
from services.cli.backup_manifest import SEE, States, states_of
from services.cli.failures import NBSP, CommandFailed

T = TypeVar("T")
DUMP = "berceau.dump"
PATIENCE = {"timeout": CONNECT_TIMEOUT_S}
"""For opening a connection only: a copy takes as long as it takes."""

REMEDY = f"Installez-les{NBSP}: «{NBSP}apt-get install postgresql-client{NBSP}»."


async def copy(database: str, folder: Path) -> States:
    """Dump every schema into `folder`; the hashes of the states that are in the dump: one snapshot for both."""
    engine = create_async_engine(
        database, isolation_level="REPEATABLE READ", hide_parameters=True, connect_args=PATIENCE
    )
    try:
        async with engine.connect() as connection:
            snapshot = await connection.scalar(sa.select(sa.func.pg_export_snapshot()))
            states = await connection.run_sync(_states)
            schemas = [f"--schema={name}" for name in SERVICES]
            options = ["--format=custom", f"--snapshot={snapshot}", f"--file={folder / DUMP}"]
            await asyncio.to_thread(_run, "pg_dump", [*options, *schemas], database)
    finally:
        await engine.dispose()
    return states


def _states(tx: sa.Connection) -> States:
    def reading(service: str) -> sa.Connection:
        tx.execute(sa.text(f"SET LOCAL search_path TO {service}"))
        return tx

    return states_of(reading)


async def is_there(database: str) -> bool:
    return bool(await _asked(database, _schemas))


async def is_running(database: str) -> bool:
    """Whether a process of Berceau is connected."""
    query = sa.text("SELECT count(*) FROM pg_stat_activity WHERE application_name LIKE 'berceau-%'"
                    " AND datname = current_database()")  # fmt: skip
    return bool(await _asked(database, lambda tx: tx.scalar(query)))


async def put_aside(database: str, stamp: str) -> str:
    """Keep the schemas that are there under other names; how these end."""
    suffix = f"_avant_{stamp.replace('-', '_')}"

    def rename(tx: sa.Connection) -> None:
        for name in _schemas(tx):
            tx.execute(sa.text(f'ALTER SCHEMA "{name}" RENAME TO "{name}{suffix}"'))

    await _asked(database, rename)
    return suffix


async def bring_back(backup: Path, database: str) -> None:
    """All of the dump, or nothing."""
    options = ["--no-owner", "--no-privileges", "--single-transaction", "--exit-on-error"]
    await asyncio.to_thread(_run, "pg_restore", [*options, str(backup / DUMP)], database)


async def publish_again(database: str, handlers: dict[str, Handlers]) -> int:
    """Let the relays publish what a reader had not heard when the backup was made; how many events. The others count
    no more as given to the broker, which is another one or holds nothing."""
    return await _asked(database, lambda tx: sum(_publish_again(tx, handlers, topic) for topic in TOPICS))


UNHEARD = (
    "(o.type = ANY(CAST(:of_{reader} AS text[]))"
    " AND NOT EXISTS (SELECT 1 FROM {reader}.inbox AS i WHERE i.event_id = o.event_id))"
)


def _publish_again(tx: sa.Connection, handlers: dict[str, Handlers], topic: Topic) -> int:
    """Of the types that a reader handles, those that are not in its inbox: the others it would pass over."""
    types = {f"of_{name}": [event.wire_type() for event in handlers[name] if event in topic.events]
             for name in topic.readers}  # fmt: skip
    missed = " OR ".join(UNHEARD.format(reader=name) for name in topic.readers)
    update = f"UPDATE {topic.writer}.outbox AS o SET published_at = NULL WHERE published_at IS NOT NULL AND ({missed})"  # noqa: S608 - names of our own schemas
    again = tx.execute(sa.text(update), types).rowcount
    heard = f"UPDATE {topic.writer}.outbox SET published_at = :elsewhere WHERE published_at IS NOT NULL"  # noqa: S608 - as above
    tx.execute(sa.text(heard), {"elsewhere": outbox.ELSEWHERE})
    return again


def _schemas(tx: sa.Connection) -> list[str]:
    return sorted(set(SERVICES) & set(sa.inspect(tx).get_schema_names()))


async def _asked(database: str, do: Callable[[sa.Connection], T]) -> T:
    """Run `do` in one transaction, on a connection that belongs to no service."""
    engine = create_async_engine(database, hide_parameters=True, connect_args=PATIENCE)
    try:
        async with engine.begin() as connection:
            return await connection.run_sync(do)
    finally:
        await engine.dispose()


def _run(program: str, options: list[str], database: str) -> None:
    """Run one of PostgreSQL's programs. The password goes by the environment, which other accounts can not read."""
    path = shutil.which(program)
    if path is None:
        raise CommandFailed(f"Les programmes de PostgreSQL manquent ({program}).", REMEDY, SEE)
    url = make_url(database)
    command = [path, *options, f"--dbname={_plain(url)}"]
    own = {**os.environ, "PGPASSWORD": url.password or ""}
    done = subprocess.run(command, env=own, capture_output=True, text=True, check=False)  # noqa: S603 - found on the path
    if done.returncode:
        last = (done.stderr.strip().splitlines() or ["sans explication"])[-1]
        raise CommandFailed(f"{program} a échoué{NBSP}: {last}", "Lisez le motif, puis recommencez.", SEE)


def _plain(url: URL) -> str:
    """As PostgreSQL's programs write it, without the password."""
    kept = {name: value for name, value in url.query.items() if name in ("host", "port")}
    plain = URL.create("postgresql", url.username, None, url.host, url.port, url.database, kept)
    return plain.render_as_string()

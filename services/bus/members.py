"""One process for each name: two that call themselves the same would fight over the same partitions and leases.

A process locks its name in its service's database for as long as it lives: on PostgreSQL with an advisory lock, which
ends with its connection, on SQLite with a lock on a file beside the database, which ends with the process. So a
process that was killed can be started again at once under its name, and a second one beside it is told.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
from collections.abc import AsyncIterator

import sqlalchemy as sa
import structlog
from sqlalchemy.ext.asyncio import AsyncConnection

from services.bus.database import Database
from services.bus.retries import Failure, brief, failure_of
from services.bus.troubles import Troubles, until_back
from services.bus.waits import first_of

log = structlog.get_logger()
NBSP = "\u00a0"

PATIENCE_S = 5.0
"""How long a name may still be locked after its process: the database has to notice that the connection ended."""

LOCKING = "locking its name"
LOOK_EVERY_S = 0.2
WATCH_EVERY_S = 5.0

KEEPALIVE = {"tcp_keepalives_idle": 5, "tcp_keepalives_interval": 2, "tcp_keepalives_count": 3}
"""Seconds, seconds, times: within about ten seconds PostgreSQL notices a machine that vanished with its process."""


class MemberTaken(RuntimeError):
    """Another process with the same name is alive. `remedy` is what to do about it."""

    def __init__(self, service: str, member: str, kind: str) -> None:
        self.cause = f"Un autre processus de {service} tourne déjà sous le nom «{NBSP}{member}{NBSP}»."
        if kind == "sqlite":
            self.cause = f"Un autre processus de Berceau utilise déjà la base SQLite de {service}."
            self.remedy = "Arrêtez l'autre processus, ou donnez à celui-ci un autre dossier (BERCEAU_DATA)."
        else:
            self.remedy = (
                f"Donnez à chaque processus de {service} un nom différent (BERCEAU_MEMBER{NBSP}: 1, 2, 3…) "
                f"et gardez-le d'un démarrage à l'autre{NBSP}; si l'autre processus est de trop, arrêtez-le."
            )
        super().__init__(f"{self.cause} {self.remedy}")


@contextlib.asynccontextmanager
async def sole_member(
    database: Database, service: str, member: str, stop: asyncio.Event, patience_s: float = PATIENCE_S
) -> AsyncIterator[Name]:
    """Meanwhile no other process of `service` is `member`; run `watch` of what this gives beside the work.

    Raises MemberTaken if the name is not free within `patience_s`.
    """
    name = Name(database, service, member, patience_s)
    try:
        await until_back(name.lock, Troubles(service), LOCKING, stop)
        yield name
    finally:
        await name.unlock()


class Name:
    """The lock on one name, and what holds it: a connection or a file."""

    def __init__(self, database: Database, service: str, member: str, patience_s: float) -> None:
        self._database, self._service, self._member, self._patience_s = database, service, member, patience_s
        self._connection: AsyncConnection | None = None
        self._file: int | None = None

    async def lock(self) -> bool:
        """Raises MemberTaken, and whatever a database that is away raises."""
        end = asyncio.get_running_loop().time() + self._patience_s
        while not await self._try():
            if asyncio.get_running_loop().time() >= end:
                raise MemberTaken(self._service, self._member, self._database.kind)
            await asyncio.sleep(LOOK_EVERY_S)
        return True

    async def _try(self) -> bool:
        if self._database.kind == "sqlite":
            return self._try_file()
        await self.unlock()
        return await self._database.alive(self._try_server())

    async def _try_server(self) -> bool:
        connection = await self._database.writes.connect()
        self._connection = await connection.execution_options(isolation_level="AUTOCOMMIT")
        for setting, value in KEEPALIVE.items():
            await self._connection.exec_driver_sql(f"SET {setting} = {value}")
        key = sa.func.hashtextextended(f"member {self._member} of {self._service}", 0)
        return bool(await self._connection.scalar(sa.select(sa.func.pg_try_advisory_lock(key))))

    def _try_file(self) -> bool:
        path = self._database.writes.url.database
        if path is None or path == ":memory:":
            return True
        if self._file is None:
            self._file = os.open(f"{path}.owner", os.O_RDWR | os.O_CREAT, 0o600)
        try:
            fcntl.flock(self._file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            return False
        return True

    async def watch(self, stop: asyncio.Event) -> None:
        """Lock the name again after a database that went away took the lock with it, until `stop`.

        Raises MemberTaken if another process was faster.
        """
        while not stop.is_set():
            await first_of((stop,), WATCH_EVERY_S)
            try:
                if self._connection is not None:
                    await self._database.alive(self._connection.exec_driver_sql("SELECT 1"))
            except Exception as error:
                if failure_of(error) is not Failure.AWAY:
                    raise
                log.warning("name lock lost", service=self._service, member=self._member, cause=brief(error))
                await until_back(self.lock, Troubles(self._service), LOCKING, stop)

    async def unlock(self) -> None:
        """The lock ends with what held it."""
        if self._connection is not None:
            connection, self._connection = self._connection, None
            with contextlib.suppress(sa.exc.SQLAlchemyError, OSError):
                await connection.invalidate()
            with contextlib.suppress(sa.exc.SQLAlchemyError, OSError):
                await connection.close()
        if self._file is not None:
            os.close(self._file)
            self._file = None

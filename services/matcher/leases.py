"""Who decides for a territory: one process at a time, by a row with a token that grows with every change of owner.

The row is held on the database's clock, whatever the processes' clocks say. Whoever writes by right of a lease locks
its row first and compares the token in the same transaction: a process that slept past its lease wakes with an old
token, and nothing that it had decided meanwhile lands. A lease that is over but that nobody has taken still counts as
its owner's: nobody else has decided anything.

A process takes the territories that its carrier gives it (its partitions; all of them where there is no broker) and
lets go of the others. What an earlier process under the same name held is taken at once: the name is locked while a
process lives (`services/bus/members.py`), so that one is gone.
"""

from __future__ import annotations

import asyncio
import contextlib
import uuid
from collections.abc import AsyncIterator, Callable, Collection, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from types import MappingProxyType

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects import postgresql, sqlite

from services.bus.database import Database
from services.bus.retries import Failure, brief, failure_of
from services.bus.service import Share
from services.bus.tables import Instant
from services.matcher.tables import leases, territories

log = structlog.get_logger()

LEASE_S = 6.0
"""How long a territory waits for an owner that does not renew. With the broker's session it bounds a takeover."""

RENEWALS_A_LEASE = 3


class LeaseLost(ConnectionError):
    """Another process owns the territory by now: what was decided here is void. Nobody's fault, and no try counted."""


@dataclass(frozen=True)
class Holder:
    """One process in one of its lives. `member` names it among those of its service, `life` is drawn at its start."""

    member: str
    life: str = field(default_factory=lambda: uuid.uuid4().hex)


Fence = Callable[[sa.Connection], None]
"""Called first in a transaction: locks the lease and raises LeaseLost where it is another's."""


def unfenced(tx: sa.Connection) -> None:
    """For what no other process can meet: a round in a test or in a command."""


def database_now(tx: sa.Connection) -> datetime:
    """The database's clock at this very moment, not at the transaction's start."""
    if tx.dialect.name == "postgresql":
        now = sa.func.clock_timestamp(type_=Instant)
    else:
        now = sa.func.strftime("%Y-%m-%d %H:%M:%f000", "now", type_=Instant)
    return tx.execute(sa.select(now)).scalar_one()


def hold(tx: sa.Connection, territory: str, holder: Holder, seconds: float = LEASE_S) -> int:
    """The token under which `holder` owns `territory`, taken if it is free; the row stays locked until the commit.

    Raises LeaseLost while another process owns it.
    """
    row = _locked(tx, territory)
    if row is None:
        _make(tx, territory)
        row = _locked(tx, territory)
        assert row is not None  # noqa: S101 - made just above, by us or by somebody else
    if (row.member, row.life) == (holder.member, holder.life):
        return int(row.token)
    now = database_now(tx)
    if row.member != holder.member and row.until > now:
        raise LeaseLost(f"le territoire {territory} est au processus {row.member} jusqu'à {row.until:%H:%M:%S} UTC")
    values = {"member": holder.member, "life": holder.life, "token": row.token + 1, "taken_at": now}
    own = leases.c.territory == territory
    tx.execute(leases.update().where(own).values(until=now + timedelta(seconds=seconds), **values))
    return int(row.token) + 1


def check(tx: sa.Connection, territory: str, token: int) -> None:
    """Lock the lease until the transaction ends. Raises LeaseLost unless `token` is still the one."""
    row = _locked(tx, territory)
    if row is None or row.token != token:
        raise LeaseLost(f"le territoire {territory} a changé de processus depuis (jeton {token})")


def _locked(tx: sa.Connection, territory: str) -> sa.Row[str, str, int, datetime] | None:
    return tx.execute(_LOCKED, {"_territory": territory}).first()


_LOCKED = (
    sa.select(leases.c.member, leases.c.life, leases.c.token, leases.c.until)
    .where(leases.c.territory == sa.bindparam("_territory"))
    .with_for_update()
)
"""Built once, like the one below: every event and every write asks these."""


def _lock(tx: sa.Connection, *which: sa.ColumnElement[bool]) -> None:
    """In the order of Python's `sorted`, as whoever locks several: two of them then never wait for each other."""
    if tx.dialect.name == "postgresql":  # SQLite's writers follow each other anyway
        named = sa.select(leases.c.territory).where(*which)
        tx.execute(named.order_by(sa.collate(leases.c.territory, "C")).with_for_update())


def _make(tx: sa.Connection, territory: str) -> None:
    """A row that nobody owns yet."""
    insert = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
    now = database_now(tx)
    nobody = {"territory": territory, "member": "", "life": "", "token": 0, "taken_at": now, "until": now}
    tx.execute(insert(leases).values(nobody).on_conflict_do_nothing())


def owned(tx: sa.Connection, holder: Holder) -> dict[str, int]:
    """The territories that `holder` owns, each with its token."""
    return {row.territory: row.token for row in tx.execute(_OWNED, {"_member": holder.member, "_life": holder.life})}


_OWNED = (
    sa.select(leases.c.territory, leases.c.token)
    .where(leases.c.member == sa.bindparam("_member"), leases.c.life == sa.bindparam("_life"))
    .order_by(leases.c.territory)
)


def free(tx: sa.Connection, holder: Holder) -> list[str]:
    """Territories that `holder` may take: never owned, let go, left by who died, or its own of an earlier life."""
    lease = territories.outerjoin(leases, territories.c.territory == leases.c.territory)
    unowned = leases.c.territory.is_(None)
    open_ = sa.or_(unowned, leases.c.until <= database_now(tx), leases.c.member == holder.member)
    query = sa.select(territories.c.territory).select_from(lease).where(open_, sa.or_(unowned, ~_is(holder)))
    return list(tx.scalars(query.order_by(territories.c.territory)))


def renew(tx: sa.Connection, holder: Holder, seconds: float = LEASE_S) -> None:
    _lock(tx, _is(holder))
    until = database_now(tx) + timedelta(seconds=seconds)
    tx.execute(leases.update().where(_is(holder)).values(until=until))


def let_go(tx: sa.Connection, holder: Holder, of: Collection[str]) -> None:
    """Others need not wait for the end of these leases."""
    mine = (_is(holder), leases.c.territory.in_(of))
    _lock(tx, *mine)
    tx.execute(leases.update().where(*mine).values(member="", life="", until=database_now(tx)))


def _is(holder: Holder) -> sa.ColumnElement[bool]:
    return sa.and_(leases.c.member == holder.member, leases.c.life == holder.life)


@dataclass(frozen=True)
class Lease:
    """A territory that this process owns. `since`: when, on its own clock, it first saw that it does."""

    territory: str
    token: int
    since: datetime

    def fence(self, tx: sa.Connection) -> None:
        check(tx, self.territory, self.token)


@dataclass
class Tenure:
    """The leases of one process: which territories it owns, renewed while it works and hears what is said."""

    database: Database
    share: Share
    holder: Holder
    seconds: float = LEASE_S
    _since: dict[tuple[str, int], datetime] = field(default_factory=dict)
    _renew_at: float = float("-inf")

    def hold_all(self, tx: sa.Connection, territories: Sequence[str]) -> None:
        """Own these in this transaction, or raise LeaseLost: what is done before the handlers of their events."""
        for territory in territories:
            hold(tx, territory, self.holder, self.seconds)

    async def look(self, now: datetime) -> Mapping[str, Lease]:
        """What this process owns now, after it let go of what is others' and took what is free and its own."""
        mine = await self.database.read(owned, self.holder)
        others = [name for name in mine if not self.share.has(name)]
        if others:
            await self.database.write(let_go, self.holder, others)
            log.info("territories let go", territories=len(others))
        is_time = asyncio.get_running_loop().time() >= self._renew_at
        if is_time:
            await self._renew()
            await self._take_free()
        if others or is_time:
            mine = await self.database.read(owned, self.holder)
        self._since = {key: self._since.get(key, now) for key in mine.items()}
        return MappingProxyType({name: Lease(name, token, self._since[name, token]) for name, token in mine.items()})

    async def _renew(self) -> None:
        """A process that does not hear what is said does not renew: whoever hears it takes over."""
        self._renew_at = asyncio.get_running_loop().time() + self.seconds / RENEWALS_A_LEASE
        if self.share.is_heard():
            await self.database.write(renew, self.holder, self.seconds)

    async def _take_free(self) -> None:
        """One by one: nobody waits for somebody else's lease while it holds one."""
        for name in await self.database.read(free, self.holder):
            if self.share.has(name) and self.share.is_heard():
                with contextlib.suppress(LeaseLost):  # somebody was faster
                    token = await self.database.write(hold, name, self.holder, self.seconds)
                    log.info("territory taken", territory=name, token=token)

    @contextlib.asynccontextmanager
    async def renewed(self) -> AsyncIterator[None]:
        """Meanwhile the leases are renewed, however long it takes."""
        renewing = asyncio.create_task(self._keep_renewing())
        try:
            yield
        finally:
            renewing.cancel()
            await asyncio.wait([renewing])

    async def _keep_renewing(self) -> None:
        while True:
            await asyncio.sleep(self.seconds / RENEWALS_A_LEASE)
            try:
                await self._renew()
            except Exception as error:
                if failure_of(error) is not Failure.AWAY:
                    raise
                log.warning("leases not renewed", cause=brief(error))

    async def close(self) -> None:
        """Leave nothing behind that others would wait for; a database that is away needs no goodbye."""
        try:
            mine = await self.database.read(owned, self.holder)
            await self.database.write(let_go, self.holder, list(mine))
        except Exception as error:
            if failure_of(error) is not Failure.AWAY:
                raise

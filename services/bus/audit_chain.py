"""The chain of the audit trail: each row's seal covers the row and the seal before it, so that a later change shows.

Seals are made with a key that is not in the database: whoever may write there alone can neither change, nor drop, nor
insert a sealed row unseen. Rows are sealed in the order in which they are found, by one process at a time. What the
chain cannot show is a whole database put back to an earlier day: note the end that `berceau audit --check` prints.
"""

from __future__ import annotations

import asyncio
import hashlib
import hmac
import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import sqlalchemy as sa
import structlog
from sqlalchemy.dialects import postgresql, sqlite

from services.bus.database import Database
from services.bus.retention import has_lived, has_rules, kept_on
from services.bus.rows import change_rows
from services.bus.tables import audit, audit_chain
from services.bus.troubles import Troubles, until_done
from services.bus.waits import first_of

log = structlog.get_logger()

SEALING = "sealing"
"""The part of a process that seals its audit trail, among its troubles."""

SEAL_EVERY_S, BATCH = 2.0, 500
BEGINNING = "0" * 64
_ROW = ("id", "at", "who", "role", "did", "about", "file", "territory", "link")


@dataclass(frozen=True)
class Chain:
    """Where the chain begins and ends. `first_at`: when the newest row that was dropped had been written."""

    first: int = 0
    first_seal: str = BEGINNING
    first_at: datetime | None = None
    last: int = 0
    last_seal: str = BEGINNING

    def seal(self, key: bytes) -> str:
        return _mac(key, "chain", self.first, self.first_seal, _text(self.first_at), self.last, self.last_seal)


@dataclass(frozen=True)
class Broken:
    """What is wrong at a link: `changed`, `missing` (rows gone before it), `end` (gone after it) or `chain`."""

    kind: str
    link: int


@dataclass(frozen=True)
class Checked:
    """What a check found. `unsealed`: rows that nothing protects yet."""

    chain: Chain
    sealed: int
    unsealed: int
    broken: tuple[Broken, ...]


def chain_key(key: bytes) -> bytes:
    """The key of the chain, from one of the installation's."""
    return hmac.new(key, b"audit", hashlib.sha256).digest()


def seal(tx: sa.Connection, key: bytes) -> int:
    """Seal the oldest unsealed rows; how many. Others that seal wait, and find what is left."""
    chain = _locked(tx, key)
    waiting = sa.select(audit).where(audit.c.link.is_(None)).order_by(audit.c.id).limit(BATCH)
    rows = list(tx.execute(waiting).mappings())
    before, sealed = chain.last_seal, list[dict[str, Any]]()
    for link, row in enumerate(rows, start=chain.last + 1):
        before = _seal_of(key, before, {**row, "link": link})
        sealed.append({"id": row["id"], "link": link, "seal": before})
    if rows:
        change_rows(tx, audit, ("id",), sealed)
        _keep(tx, key, Chain(chain.first, chain.first_seal, chain.first_at, chain.last + len(rows), before))
    return len(rows)


def drop_old(tx: sa.Connection, key: bytes, limit: datetime) -> int:
    """Drop the chain's first rows that were written before `limit`; how many. It then begins behind them."""
    chain = _locked(tx, key)
    query = sa.select(audit.c.link, audit.c.at, audit.c.seal).where(audit.c.link > chain.first)
    old = []
    for row in tx.execute(query.order_by(audit.c.link).limit(BATCH)):
        if row.at >= limit:
            break
        old.append(row)
    if old:
        tx.execute(audit.delete().where(audit.c.link.between(old[0].link, old[-1].link)))
        newest = max(row.at for row in old)
        _keep(tx, key, Chain(old[-1].link, old[-1].seal, newest, chain.last, chain.last_seal))
    return len(old)


def check(tx: sa.Connection, key: bytes) -> Checked:
    """Read the whole chain and make every seal again."""
    chain, is_whole = _read(tx, key)
    found = [] if is_whole else [Broken("chain", chain.last)]
    sealed = tx.scalar(sa.select(sa.func.count()).select_from(audit).where(audit.c.link.is_not(None))) or 0
    unsealed = tx.scalar(sa.select(sa.func.count()).select_from(audit).where(audit.c.link.is_(None))) or 0
    return Checked(chain, sealed, unsealed, (*found, *_broken(tx, key, chain, chain.first, chain.first_seal)))


@dataclass(frozen=True)
class End:
    """The last links of the chain, made again: from `first` to `last`, which was written at `last_at`."""

    first: int
    last: int
    last_at: datetime | None
    unsealed: int
    broken: tuple[Broken, ...]


def check_end(tx: sa.Connection, key: bytes, most: int) -> End:
    """The same for the last `most` links, whose beginning is taken as it is kept: quick, however long the chain is."""
    chain, is_whole = _read(tx, key)
    found = [] if is_whole else [Broken("chain", chain.last)]
    link, before = chain.first, chain.first_seal
    if chain.last - most > chain.first:
        link = chain.last - most
        before = seal_at(tx, link) or ""
    broken = (*found, *_broken(tx, key, chain, link, before))
    unsealed = tx.scalar(sa.select(sa.func.count()).select_from(audit).where(audit.c.link.is_(None))) or 0
    last_at = tx.scalar(sa.select(audit.c.at).where(audit.c.link == chain.last))
    return End(link + 1, chain.last, last_at, unsealed, broken)


def seal_at(tx: sa.Connection, link: int) -> str | None:
    """The seal of this link, for whoever noted it before; none where it is not there."""
    return tx.scalar(sa.select(audit.c.seal).where(audit.c.link == link))


def _broken(tx: sa.Connection, key: bytes, chain: Chain, link: int, before: str) -> Iterator[Broken]:
    """What is wrong behind `link`, whose seal is `before`.

    Behind a changed row the chain goes on with the seal that is kept: each fault is named once.
    """
    rows = sa.select(audit).where(audit.c.link > link).order_by(audit.c.link)
    for row in tx.execute(rows).mappings():
        if row["link"] != link + 1:
            yield Broken("missing", row["link"])
        elif not hmac.compare_digest(row["seal"] or "", _seal_of(key, before, row)):
            yield Broken("changed", row["link"])
        link, before = row["link"], row["seal"] or ""
    if link != chain.last or before != chain.last_seal:
        yield Broken("end", link)


def _seal_of(key: bytes, before: str, row: Any) -> str:
    return _mac(key, before, *(_text(row[name]) if name == "at" else row[name] for name in _ROW))


def _mac(key: bytes, *parts: object) -> str:
    return hmac.new(key, json.dumps(parts).encode(), hashlib.sha256).hexdigest()


def _text(at: datetime | None) -> str:
    return "" if at is None else at.astimezone(UTC).isoformat(timespec="microseconds")


def _locked(tx: sa.Connection, key: bytes) -> Chain:
    """The chain as it is, until the transaction ends nobody else's. A seal that is wrong is kept for the check."""
    insert = postgresql.insert if tx.dialect.name == "postgresql" else sqlite.insert
    tx.execute(insert(audit_chain).values(**_values(Chain(), key)).on_conflict_do_nothing())
    return _as_chain(tx.execute(sa.select(audit_chain).with_for_update()).mappings().one())


def _read(tx: sa.Connection, key: bytes) -> tuple[Chain, bool]:
    """The chain and whether its own seal is right; an empty one where nothing was ever sealed."""
    row = tx.execute(sa.select(audit_chain)).mappings().first()
    if row is None:
        return Chain(), True
    chain = _as_chain(row)
    return chain, hmac.compare_digest(row["seal"], chain.seal(key))


def _as_chain(row: Any) -> Chain:
    return Chain(**{name: row[name] for name in Chain.__dataclass_fields__})


def _keep(tx: sa.Connection, key: bytes, chain: Chain) -> None:
    tx.execute(audit_chain.update().values(**_values(chain, key)))


def _values(chain: Chain, key: bytes) -> dict[str, Any]:
    facts = {name: getattr(chain, name) for name in Chain.__dataclass_fields__}
    return {"id": 1, **facts, "seal": chain.seal(key)}


def _limit(now: datetime) -> datetime | None:
    """What was written before may go: `retention.yaml`, with its source. None before its first rules."""
    if not has_rules("services.bus", now.date()):
        return None
    return now - kept_on("services.bus", now.date())["audit"].duration


async def keep_sealed(
    database: Database, key: bytes, clock: Callable[[], datetime], troubles: Troubles, stop: asyncio.Event
) -> None:  # fmt: skip
    """Seal what was noted, and drop what is old, until `stop`: once more at the end."""

    async def once() -> int:
        sealed = await database.write(seal, key) if await database.read(_has_unsealed) else 0
        now = clock()
        limit = _limit(now)
        is_old = limit is not None and await database.read(_has_old, limit) and await database.read(has_lived, now)
        return max(sealed, await database.write(drop_old, key, limit) if limit and is_old else 0)

    while not stop.is_set():
        full = await until_done(once, troubles, SEALING, stop) == BATCH
        await first_of((stop,), 0 if full else SEAL_EVERY_S)


def _has_unsealed(tx: sa.Connection) -> bool:
    return tx.scalar(sa.select(audit.c.id).where(audit.c.link.is_(None)).limit(1)) is not None


def _has_old(tx: sa.Connection, limit: datetime) -> bool:
    """By the first row of the chain, which is the oldest but for a moment."""
    first = sa.select(audit.c.at).where(audit.c.link.is_not(None)).order_by(audit.c.link).limit(1)
    at = tx.scalar(first)
    return at is not None and at < limit

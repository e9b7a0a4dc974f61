"""The draw of a day: sealed before its rounds, opened when they are over.

A seed that people know beforehand settles ties as they like: who may choose when a request is registered could choose
its ticket. So nobody knows the seed of a day before that day is over. Its print (SHA-256) is said before, the seed
after; whoever kept the print sees that it was not changed.
"""

from __future__ import annotations

import hashlib
import secrets
from collections.abc import Callable
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from contracts.rounds import DrawOpened, DrawSealed
from services.calendar import local_day
from services.matcher import store
from services.matcher import tables as t
from services.matcher.step import Step

NewSeed = Callable[[str, date], str]
"""A seed for a territory's day. Nobody may be able to guess it."""


def fresh_seed(territory: str, day: date) -> str:
    """256 bits of the machine's randomness."""
    return secrets.token_hex(32)


def commitment(seed: str) -> str:
    """The print of a seed, as it is said before the rounds; empty for no seed."""
    return hashlib.sha256(seed.encode()).hexdigest() if seed else ""


def is_kept(tx: sa.Connection, territory: str, now: datetime) -> bool:
    """Whether today and tomorrow are sealed and every day before is opened."""
    today, tomorrow = _sealed_ahead(local_day(now))
    days = {row.day for row in tx.execute(_KEPT, {"_territory": territory, "_today": today})}
    return days >= {today, tomorrow} and min(days) == today


_KEPT = sa.select(t.draws.c.day).where(
    t.draws.c.territory == sa.bindparam("_territory"),
    t.draws.c.opened_at.is_(None) | (t.draws.c.day >= sa.bindparam("_today", type_=sa.Date)),
)
"""Built once: each round asks it."""


def keep(step: Step, territory: str, new_seed: NewSeed) -> None:
    """Seal today where nobody has, and tomorrow; open the days that are over.

    Today is sealed here only in a territory that decides nothing every day; its print goes out before its first round.
    """
    store.territory_row(step.tx, territory, lock=True)
    today = local_day(step.now)
    for row in _closed_before(step.tx, territory, today):
        _open(step, territory, row.day, row.seed)
    known = set(step.tx.scalars(sa.select(t.draws.c.day).where(t.draws.c.territory == territory)))
    for day in _sealed_ahead(today):
        if day not in known:
            _seal(step, territory, day, new_seed(territory, day))


def seed_of(tx: sa.Connection, territory: str, now: datetime) -> str:
    """The seed that settles ties now: today's, or else the latest; empty before a first round has sealed one."""
    return tx.scalar(_LATEST, {"_territory": territory, "_today": local_day(now)}) or ""


_TODAY = sa.bindparam("_today", type_=sa.Date)
_LATEST = (
    sa.select(t.draws.c.seed)
    .where(t.draws.c.territory == sa.bindparam("_territory"), t.draws.c.day <= _TODAY)
    .order_by(t.draws.c.day.desc())
    .limit(1)
)


def _sealed_ahead(today: date) -> tuple[date, date]:
    return today, today + timedelta(days=1)


def _closed_before(tx: sa.Connection, territory: str, today: date) -> list[sa.Row[tuple[date, str]]]:
    own = sa.select(t.draws.c.day, t.draws.c.seed).where(t.draws.c.territory == territory)
    return list(tx.execute(own.where(t.draws.c.day < today, t.draws.c.opened_at.is_(None)).order_by(t.draws.c.day)))


def _seal(step: Step, territory: str, day: date, seed: str) -> None:
    row = {"territory": territory, "day": day, "seed": seed, "sealed_at": step.now}
    step.tx.execute(t.draws.insert().values(**row))
    step.say(DrawSealed, _subject(day), territory, day=day, commitment=commitment(seed))


def _open(step: Step, territory: str, day: date, seed: str) -> None:
    own = (t.draws.c.territory == territory, t.draws.c.day == day)
    step.tx.execute(t.draws.update().where(*own).values(opened_at=step.now))
    step.say(DrawOpened, _subject(day), territory, day=day, seed=seed, commitment=commitment(seed))


def _subject(day: date) -> str:
    return f"draw-{day.isoformat()}"

"""How many SMS may leave to one phone and from one territory: a fault, or somebody with bad intent, costs little.

A text over the budget waits; where its answer is wanted before that, it is given up and a person calls.
When to modify: limits change by a new dated entry, countries when a territory writes to another one.
"""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import cache
from typing import Any

import sqlalchemy as sa

from contracts.vocabulary import Frozen
from services.bus.tables import Instant
from services.notifier import tables as t
from services.notifier.store import Message


class Limit(Frozen):
    """At most `most` texts within any `window`."""

    most: int
    window: timedelta


class Budgets(Frozen):
    """Each phone and each territory has its own. `countries` are the calling codes that are written to at all."""

    valid_from: date
    source: str
    to_a_phone: tuple[Limit, ...]
    from_a_territory: tuple[Limit, ...]
    countries: tuple[str, ...]


HOUR, DAY = timedelta(hours=1), timedelta(days=1)
DEFAULT_BUDGETS = Budgets(
    valid_from=date(2026, 1, 1),
    source="Choix du guichet\u00a0: trois propositions par jour, avec leurs rappels et leurs réponses, tiennent dedans",
    to_a_phone=(Limit(most=12, window=HOUR), Limit(most=30, window=DAY)),
    from_a_territory=(Limit(most=1_000, window=HOUR), Limit(most=5_000, window=DAY)),
    countries=("+33", "+262", "+590", "+594", "+596", "+508", "+681", "+687", "+689"),
)
"""A territory of 60,000 inhabitants sends a few hundred on the day of its September intake."""


def may_be_written_to(phone: str, budgets: Budgets = DEFAULT_BUDGETS) -> bool:
    """True if `phone`, in E.164, is in a country that the territory writes to."""
    return phone.startswith(budgets.countries)


def free_at(
    tx: sa.Connection, message: Message, contact: str, now: datetime, budgets: Budgets = DEFAULT_BUDGETS
) -> datetime:  # fmt: skip
    """The first instant from `now` on at which the text keeps within every limit.

    Several senders at once may each take the last one: the limit guards against floods, not against one text too many.
    """
    given = {"message": message.message, "contact": contact, "territory": message.territory}
    limits = _limits(budgets)
    since = {f"since_{n}": now - limit.window for n, (_, limit) in enumerate(limits)}
    found = tx.execute(_oldest_that_count(budgets), {**given, **since}).one()
    full: list[datetime] = [
        oldest + limit.window for oldest, (_, limit) in zip(found, limits, strict=True) if oldest is not None
    ]
    return max([now, *full])


def _limits(budgets: Budgets) -> tuple[tuple[str, Limit], ...]:
    """Each limit with what it holds for."""
    phone, territory = (("contact", limit) for limit in budgets.to_a_phone), budgets.from_a_territory
    return (*phone, *(("territory", limit) for limit in territory))


@cache
def _oldest_that_count(budgets: Budgets) -> sa.Select[Any]:
    """For each limit, when the oldest text left that fills it: none where there is room."""
    c, columns = t.messages.c, []
    for n, (same, limit) in enumerate(_limits(budgets)):
        lately = c.started_at > sa.bindparam(f"since_{n}", type_=Instant)
        counted = (c.message != sa.bindparam("message"), c[same] == sa.bindparam(same), lately)
        newest_first = sa.select(c.started_at).where(*counted).order_by(c.started_at.desc())
        columns.append(newest_first.offset(limit.most - 1).limit(1).scalar_subquery().label(f"oldest_{n}"))
    return sa.select(*columns)

"""How many SMS may leave to one phone and from one territory: a fault, or somebody with bad intent, costs little.

A text over the budget waits; where its answer is wanted before that, it is given up and a person calls.
When to modify: limits change by a new dated entry, countries when a territory writes to another one.
"""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, datetime, timedelta

import sqlalchemy as sa

from contracts.vocabulary import Frozen
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
    others = t.messages.c.message != message.message
    to_a_phone = _free_at(tx, [others, t.messages.c.contact == contact], budgets.to_a_phone, now)
    territory = [others, t.messages.c.territory == message.territory]
    from_a_territory = _free_at(tx, territory, budgets.from_a_territory, now)
    return max([now, *to_a_phone, *from_a_territory])


def _free_at(
    tx: sa.Connection, same: list[sa.ColumnElement[bool]], limits: tuple[Limit, ...], now: datetime
) -> Iterator[datetime]:  # fmt: skip
    """For each limit that is reached, when the oldest text that counts for it is old enough."""
    for limit in limits:
        lately = t.messages.c.started_at > now - limit.window
        query = sa.select(t.messages.c.started_at).where(*same, lately).order_by(t.messages.c.started_at.desc())
        oldest = tx.scalar(query.offset(limit.most - 1).limit(1))
        if oldest is not None:
            yield oldest + limit.window

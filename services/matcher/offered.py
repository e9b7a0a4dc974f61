"""The places that a round may hand out, and all that is held of them, as the snapshot has them.

When to modify: when a place may be kept back, or not believed, for one more cause.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from itertools import chain
from typing import TypedDict

import sqlalchemy as sa

from contracts.requests import NeedFacts
from contracts.vocabulary import VacancyKind
from services.calendar import local_day
from services.matcher import campaigns, rows_read, store
from services.matcher.campaigns import Campaign, Kept
from services.matcher.memory import Memory
from services.matcher.near import NOTHING_NEAR, Near
from services.matcher.policy import Policy
from services.matcher.rows_read import Stock
from services.matcher.rules.capacity import sat_on
from services.matcher.rules.proposals import is_still_free
from services.matcher.solver.schema import Hold, Vacancy


@dataclass(frozen=True)
class Intake:
    """Load the intake of a campaign, as the round of this name, with the campaign's own draw."""

    name: str
    campaign: Campaign
    seed: str


class Places(TypedDict):
    """What a round may hand out, and what is held of it."""

    vacancies: tuple[Vacancy, ...]
    holds: tuple[Hold, ...]


def places(
    tx: sa.Connection, territory: str, sections: Mapping[str, int], policy: Policy, now: datetime, memory: Memory,
    intake: Intake | None, campaign: Campaign | None, awaiting: Iterable[NeedFacts] = (),
    near: Near = NOTHING_NEAR,
) -> Places:  # fmt: skip
    """The places that may be offered, and all holds that are not over, those of persons among them. `sections` are
    read as they are in these versions.

    What waits for the commission of a `campaign` is kept for the needs that are `awaiting` it.
    Of a vacancy that is not believed any more, those places count on which children sit: else the children would be
    counted against places that are free.
    """
    today = local_day(now)
    stocks = memory.stocks = rows_read.stocks(tx, memory.stocks, sections, today)
    believed = _Belief(policy, now, intake)
    offered = chain.from_iterable(_offered(stocks.values(), believed))
    holds = list(chain.from_iterable(stock.held for stock in stocks.values()))
    begins = campaigns.first_days(campaign, awaiting, today, near) if campaign else {}
    kept = Kept(campaign, campaigns.held_by_persons(tx, territory, today), begins)
    for name, stock in stocks.items() if kept.campaign or kept.by_person else ():
        there = [offer.row for offer in stock.offers if believed.in_(offer.row)]
        holds += kept.holds(name, there, stock.held, now)
    return Places(vacancies=tuple(offered), holds=tuple(holds))


@dataclass(frozen=True)
class _Belief:
    """Which vacancies are still believed. A commission looks months ahead: its intake believes what nobody has put in
    doubt, and counts what nobody has said free lately (`drafts.py`)."""

    policy: Policy
    now: datetime
    intake: Intake | None

    def in_(self, row: store.TableRow) -> bool:
        awaited = self.intake is not None and self.intake.campaign.covers_place(row) and row["confirmed_at"] is not None
        return awaited or is_believed(row, self.policy, self.now)

    def since(self, confirmed: datetime | None) -> bool:
        """True if vacancies confirmed since then are surely believed."""
        return is_still_free(VacancyKind.REGULAR, confirmed, self.now, self.policy.regular_believed_for)


def _offered(stocks: Collection[Stock], believed: _Belief) -> Iterator[Iterable[Vacancy]]:
    """The places of each section: most of the time a look at one instant for all of them."""
    confirmed = [stock.confirmed_since for stock in stocks]
    if None not in confirmed and believed.since(min(filter(None, confirmed), default=None)):
        return (stock.places for stock in stocks)
    return (
        stock.places if believed.since(stock.confirmed_since) else _beside_doubts(stock, believed) for stock in stocks
    )


def _beside_doubts(stock: Stock, believed: _Belief) -> Iterator[Vacancy]:
    doubtful = [offer.row for offer in stock.offers if not believed.in_(offer.row)]
    for offer in stock.offers:
        if offer.row not in doubtful:
            yield from offer.places
    taken = sat_on(store.pool(doubtful), stock.held, believed.now) if doubtful and stock.held else {}
    for row in doubtful:
        yield from store.beside(store.own_places(row), taken.get(row["vacancy"], ()))


def is_believed(row: store.TableRow, policy: Policy, now: datetime) -> bool:
    """False for a regular place that nobody confirmed for days, for an occasional one not confirmed today, and for what
    is over."""
    if row["ends"] is not None and row["ends"] <= local_day(now):
        return False
    kind = VacancyKind(row["kind"])
    if kind is VacancyKind.OCCASIONAL:
        return row["confirmed_at"] is not None and local_day(row["confirmed_at"]) == local_day(now)
    return is_still_free(kind, row["confirmed_at"], now, policy.regular_believed_for)

"""The campaign of a territory: which requests and places wait for its commission, and what persons keep back.

While it is open, what it covers takes no part in the rounds in between. Urgent and occasional requests, on-call and
single days are never kept back; an urgent request that begins within the intake is heard by its commission as well.
When to modify: when a campaign may cover something else.
"""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import date, datetime

import sqlalchemy as sa

from contracts.campaigns import ForceAsked, PlaceHeld
from contracts.requests import NeedFacts
from contracts.vocabulary import Audience, Period, RequestKind, VacancyKind
from services.calendar import date_in_full, local_day
from services.matcher import store
from services.matcher import tables as t
from services.matcher.near import NOTHING_NEAR, Near
from services.matcher.rows_read import Waiting
from services.matcher.rules.capacity import sat_on
from services.matcher.rules.hours import Amount, Cell, Hours, as_amounts
from services.matcher.solver.schema import Hold, Vacancy
from services.matcher.together import groups

OPEN, RELEASING, OVER = "open", "releasing", "over"
"""States of a campaign. Releasing: the commission has let it go, and the matcher has not written it yet."""

HOLD, FORCE = "hold", "force"
ASKED, POSSIBLE, IN_FORCE, UNDONE, DONE = "asked", "possible", "in_force", "undone", "done"
"""Kinds and states of a gesture. A child is placed by a person in two steps: asked and weighed, then confirmed."""


@dataclass(frozen=True)
class Campaign:
    """One intake: the first days of care that it covers, and its dates."""

    campaign: str
    territory: str
    starts: Period
    requests_until: date
    commission_on: date
    opened_at: datetime
    state: str
    seed: str | None
    draft: str | None
    released_by: str | None
    note: str

    @property
    def waits(self) -> str:
        """What a family reads whose request is of it."""
        return f"Cette demande attend la commission du {date_in_full(self.commission_on, with_year=True)}."

    @property
    def motive(self) -> str:
        """Why a place is kept back."""
        return f"elle attend la commission du {date_in_full(self.commission_on, with_year=True)}"

    def covers_place(self, row: store.TableRow) -> bool:
        """True for a regular vacancy whose first day is one of the campaign."""
        return row["kind"] == VacancyKind.REGULAR.value and self.starts.contains(row["starts"])

    def covers_request(self, row: Waiting) -> bool:
        """True for weeks of care wanted from a day of the campaign, asked for in time."""
        in_time = row.registered_at is None or local_day(row.registered_at) <= self.requests_until
        return row.need.kind.is_weekly and self.starts.contains(row.need.period.start) and in_time

    def hears(self, row: Waiting) -> bool:
        """True for an urgent need from a day of the campaign: it waits for nobody, and its claim counts here too."""
        return row.need.kind is RequestKind.URGENT and self.starts.contains(row.need.period.start)


def current(tx: sa.Connection, territory: str) -> Campaign | None:
    """The campaign that is not over; a territory has one at most."""
    row = tx.execute(_CURRENT, {"_territory": territory}).mappings().first()
    return None if row is None else _campaign(row)


_C = t.campaigns.c
_CURRENT = (
    sa.select(t.campaigns)
    .where(_C.territory == sa.bindparam("_territory"), _C.state != OVER)
    .order_by(_C.opened_at, _C.campaign)
    .limit(1)
)
"""Built once: each round asks it."""


def _campaign(row: sa.RowMapping) -> Campaign:
    same = {name: row[name] for name in Campaign.__dataclass_fields__ if name != "starts"}
    return Campaign(**same, starts=Period(start=row["starts"], end=row["ends"]))


def members(tx: sa.Connection, campaign: Campaign, waiting: Iterable[Waiting]) -> frozenset[str]:
    """The requests that wait for the commission; of siblings asked together all, or none."""
    rows = {row.request: row for row in waiting}
    found = {name for name, row in rows.items() if campaign.covers_request(row)}
    for siblings in groups(tx, campaign.territory):
        if found & set(siblings.requests):
            found |= {name for name in siblings.requests if name in rows}
    return frozenset(found)


def heard(tx: sa.Connection, campaign: Campaign, waiting: Sequence[Waiting]) -> frozenset[str]:
    """The requests that the intake decides: those that wait for it, and urgent ones by their claim."""
    return members(tx, campaign, waiting) | {row.request for row in waiting if campaign.hears(row)}


def first_days(
    campaign: Campaign, awaiting: Iterable[NeedFacts], today: date, near: Near = NOTHING_NEAR
) -> dict[str, date]:  # fmt: skip
    """By structure, the first day on which anybody who waits for the commission would come.

    Empty as long as requests are still taken: the next one may want any day of the campaign.
    """
    found: dict[str, date] = {}
    for need in awaiting if today > campaign.requests_until else ():
        for wish in near.wishes(need):
            found[wish.structure] = min(need.period.start, found.get(wish.structure, need.period.start))
    return found


@dataclass(frozen=True)
class Kept:
    """What a round may not hand out beside what is held: the campaign's places, unless this is its intake, and the
    places that a person keeps back.

    A place of the campaign waits from the first day on which anybody would come (`begins`, by structure): a need that
    is over by then takes nothing from anyone.
    """

    campaign: Campaign | None
    by_person: Sequence[Hold] = ()
    begins: Mapping[str, date] = field(default_factory=dict)

    def holds(self, section: str, rows: Sequence[store.TableRow], held: Sequence[Hold], now: datetime) -> list[Hold]:
        """The holds of one section. `rows` are its vacancies that may be offered, `held` what children hold there."""
        own = [hold for hold in self.by_person if hold.section == section]
        covered = [row for row in rows if self.campaign is not None and self.campaign.covers_place(row)]
        if not covered or self.campaign is None:
            return own
        taken = sat_on(store.pool(rows), [*held, *own], now)
        return [*own, *(hold for row in covered for hold in self._kept_back(row, taken, self.campaign.motive, now))]

    def _kept_back(
        self, row: store.TableRow, taken: dict[str, tuple[Amount, ...]], motive: str, now: datetime
    ) -> Iterator[Hold]:  # fmt: skip
        """What is free of this vacancy from the first day on, as a person would keep it back."""
        free, own = free_of(row, taken.get(row["vacancy"], ())), store.own_places(row)
        begins = self.begins.get(row["structure"], row["starts"])
        for n, amount in enumerate(free):
            start, end = max(amount.period.start, begins), amount.period.end
            name = hashlib.sha256(f"{own.id}/{n}".encode()).hexdigest()
            if end is None or start < end:
                yield Hold(
                    id=f"kept-{name[:20]}", section=own.section, slots=amount.slots,
                    period=Period(start=start, end=end), units=amount.places, entitled_to=own.audience_at(now),
                    reason=motive, by_person=True,
                )  # fmt: skip


def free_of(row: store.TableRow, taken: Sequence[Amount]) -> tuple[Amount, ...]:
    """The places of a vacancy on which nobody sits."""
    all_places, used = store.places_of(row), store.beside(store.own_places(row), taken)
    hours, left = Hours([*all_places, *used]), Counter[Cell]()
    for sign, vacancies in ((1, all_places), (-1, used)):
        for vacancy in vacancies:
            _add(left, hours, vacancy, sign)
    return as_amounts(+left)


def _add(left: Counter[Cell], hours: Hours, vacancy: Vacancy, sign: int) -> None:
    for cell in hours.cells(vacancy):
        left[cell] += sign * vacancy.places


def held_by_persons(tx: sa.Connection, territory: str, today: date) -> list[Hold]:
    """The places that persons keep back today, each with its reason and its last day."""
    kept = tx.scalars(_KEPT_BACK, {"_territory": territory, "_today": today})
    return [_hold(PlaceHeld.model_validate(facts)) for facts in kept]


_G = t.gestures.c
_KEPT_BACK = (
    sa.select(_G.facts)
    .where(
        _G.territory == sa.bindparam("_territory"),
        _G.kind == HOLD,
        _G.state == IN_FORCE,
        _G.until >= sa.bindparam("_today", type_=sa.Date),
    )
    .order_by(_G.gesture)
)


def _hold(event: PlaceHeld) -> Hold:
    until = date_in_full(event.until, with_year=True)
    return Hold(
        id=event.subject, section=event.section, slots=event.slots, period=event.period, units=event.places,
        entitled_to=Audience(event.audience), reason=f"{event.reason.rstrip(' .')}, jusqu'au {until}", by_person=True,
    )  # fmt: skip


def forces(tx: sa.Connection, campaign: str, *states: str) -> list[ForceAsked]:
    """The children whom persons place, or would, in the order of their gestures."""
    g = t.gestures.c
    query = sa.select(g.facts).where(g.campaign == campaign, g.kind == FORCE, g.state.in_(states))
    return [ForceAsked.model_validate(facts) for facts in tx.scalars(query.order_by(g.at, g.gesture))]

"""What the matcher keeps of places and of who holds them, rebuilt from the events alone.

The matcher writes these rows beside what it says; here they follow from what was said. Not rebuilt, because no event
says it or because it depends on when the matcher heard of a director's count:

- `entitled_to` of a hold, and the hours that a child who may move lends (rows with `lent_by`): a round knows them;
- `sat_on` and `confirmed_at` of a vacancy, and so its rows on which nothing but children is left.

When to modify: when a hold may begin, change or end in another way.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from typing import Any

from contracts.base import Event
from contracts.placements import PlacementConfirmed, PlacementEnding
from contracts.proposals import (
    PlaceReopened,
    ProposalAccepted,
    ProposalDeclined,
    ProposalExpired,
    ProposalMade,
    ProposalRefused,
    ProposalWithdrawn,
)
from contracts.vacancies import SnapshotDeclared, VacancyChanged, VacancyOpened, VacancyWithdrawn
from contracts.vocabulary import Audience, Period, Slot, VacancyKind
from services.matcher.rules.waves import day_of, joined
from services.matcher.store import slots_json

Rows = dict[str, dict[str, Any]]
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class _Hold:
    section: str
    proposal: str
    slots: tuple[Slot, ...]
    start: date
    end: date | None
    is_placement: bool = False

    def row(self) -> dict[str, Any]:
        own = {name: getattr(self, name) for name in ("section", "proposal", "start", "end", "is_placement")}
        return {**own, "slots": slots_json(self.slots), "units": 1}


@dataclass
class _Held:
    """Holds by name, the proposals that are asked still, and placements whose hours were given back just now."""

    holds: dict[str, _Hold] = field(default_factory=dict)
    live: dict[str, ProposalMade] = field(default_factory=dict)
    periods: dict[str, Period] = field(default_factory=dict)
    given_back: set[str] = field(default_factory=set)

    def of_wave(self, wave: str) -> tuple[Slot, ...]:
        return joined(slot for made in self.live.values() if made.wave == wave for slot in made.slots)


def holds(decisions: Iterable[Event]) -> Rows:
    """Who holds which hours after these events, in the order in which the matcher said them."""
    held = _Held()
    for event in decisions:
        if (apply := _HELD.get(type(event))) is not None:
            apply(held, event)
    return {name: hold.row() for name, hold in held.holds.items()}


def _made(held: _Held, event: ProposalMade) -> None:
    held.live[event.subject], held.periods[event.subject] = event, event.period
    name, slots, period = event.subject, event.slots, event.period
    if event.wave is not None:
        name, slots = event.wave, held.of_wave(event.wave)
        period = day_of(slots)
    held.holds[name] = _Hold(event.section, name, slots, period.start, period.end)
    if (other := event.other_half) is not None:
        held.holds[other.half] = _Hold(other.section, name, other.slots, period.start, period.end)
        held.periods[other.half] = event.period


def _accepted(held: _Held, event: ProposalAccepted) -> None:
    """The first OUI of a wave makes the hold its own."""
    made = held.live.get(event.subject)
    taken = held.holds.pop(made.wave, None) if made is not None and made.wave is not None else None
    if made is not None and taken is not None:
        held.holds[event.subject] = replace(taken, proposal=event.subject, slots=made.slots)


def _closed(held: _Held, event: Event) -> None:
    made = held.live.pop(event.subject, None)
    if made is not None and made.other_half is not None:
        held.holds.pop(made.other_half.half, None)
    if held.holds.pop(event.subject, None) is not None or made is None or made.wave not in held.holds:
        return
    if asked := held.of_wave(made.wave):
        held.holds[made.wave] = replace(held.holds[made.wave], slots=asked)
    else:
        del held.holds[made.wave]


def _confirmed(held: _Held, event: PlacementConfirmed) -> None:
    held.live.pop(event.proposal, None)
    if event.subject in held.holds:
        held.holds[event.subject] = replace(held.holds[event.subject], is_placement=True)


def _reopened(held: _Held, event: PlaceReopened) -> None:
    """Of a placement: its hours from that day on. What a proposal held is gone with the proposal."""
    hold, after = held.holds.get(event.subject), event.period.start
    if hold is None or not hold.is_placement:
        return
    held.given_back.add(event.subject)
    if hold.start >= after:
        del held.holds[event.subject]
    elif hold.end is None or hold.end > after:
        held.holds[event.subject] = replace(hold, end=after)


def _ending(held: _Held, event: PlacementEnding) -> None:
    """A last day that moved later holds the hours again; one that came earlier was said by `place.reopened` before."""
    hold, period = held.holds.get(event.subject), held.periods.get(event.subject)
    if event.subject in held.given_back:
        held.given_back.remove(event.subject)
    elif hold is not None and hold.end is not None and period is not None:
        after = max(event.last_day + _ONE_DAY, period.start)
        after = after if period.end is None else min(after, period.end)
        held.holds[event.subject] = replace(hold, end=max(hold.end, after))


_HELD: Mapping[type[Event], Callable[[_Held, Any], None]] = MappingProxyType(
    {
        ProposalMade: _made,
        ProposalAccepted: _accepted,
        **dict.fromkeys((ProposalDeclined, ProposalExpired, ProposalWithdrawn, ProposalRefused), _closed),
        PlacementConfirmed: _confirmed,
        PlaceReopened: _reopened,
        PlacementEnding: _ending,
    }
)


def vacancies(declarations: Iterable[Event]) -> Rows:
    """The places that directors count as free after these events, in the order in which they were said."""
    rows: Rows = {}
    for event in declarations:
        if (apply := _COUNTED.get(type(event))) is not None:
            apply(rows, event)
    return {name: row for name, row in rows.items() if row["places"]}


def _vacancy(
    event: VacancyOpened | SnapshotDeclared, kind: VacancyKind, slots: tuple[Slot, ...], places: int, period: Period,
) -> dict[str, Any]:  # fmt: skip
    return {
        "structure": event.structure, "section": event.section, "kind": kind.value, "slots": slots_json(slots),
        "places": places, "start": period.start, "end": period.end, "audience": Audience.EVERYBODY.value,
        "release_at": None, "agreement": None, "opened_at": event.time.astimezone(UTC), "is_open": True,
    }  # fmt: skip


def _opened(rows: Rows, event: VacancyOpened) -> None:
    rows[event.subject] = {
        **_vacancy(event, event.kind, event.slots, event.places, event.period),
        "audience": event.audience.value,
        "release_at": _utc(event.release_at),
        "agreement": event.agreement,
    }


def _utc(instant: datetime | None) -> datetime | None:
    return None if instant is None else instant.astimezone(UTC)


def _changed(rows: Rows, event: VacancyChanged) -> None:
    moved = {} if event.period is None else {"start": event.period.start, "end": event.period.end}
    if event.subject in rows:
        rows[event.subject].update(places=event.places, **moved)


def _withdrawn(rows: Rows, event: VacancyWithdrawn) -> None:
    if event.subject in rows:
        rows[event.subject]["places"] = 0


def _snapshot(rows: Rows, event: SnapshotDeclared) -> None:
    """All that is free in the section, in place of its regular places."""
    for row in rows.values():
        if row["section"] == event.section and row["kind"] == VacancyKind.REGULAR.value:
            row["places"] = 0
    for n, free in enumerate(event.free):
        rows[f"{event.subject}-{n}"] = _vacancy(event, VacancyKind.REGULAR, free.slots, free.places, free.period)


_COUNTED: Mapping[type[Event], Callable[[Rows, Any], None]] = MappingProxyType(
    {
        VacancyOpened: _opened,
        VacancyChanged: _changed,
        VacancyWithdrawn: _withdrawn,
        SnapshotDeclared: _snapshot,
    }
)

"""Deadlines across the two nights in which the clocks change, and across a machine's clock that is put right."""

from __future__ import annotations

import time
from datetime import date, datetime, timedelta

import pytest

from contracts.vocabulary import Criterion, RequestKind
from services.calendar import local
from services.matcher import endings, lifecycle, moves, store, timers
from services.matcher.step import Step
from tests.connected import torture
from tests.matcher.world import World, days, now_at, on, on_call_place
from tests.simulation.databases import fresh_engines
from tests.simulation.virtual import VirtualClock

SPRING, AUTUMN = date(2026, 3, 29), date(2026, 10, 25)
GRACE = timedelta(minutes=15)
HOUR = timedelta(hours=1)
JUMPS = (timedelta(0), -HOUR, HOUR)
DAYS_BEFORE = 75
"""Hours in which places are offered, from three days before the clocks change."""

BY_NIGHT = 240
"""Minutes of the night itself."""


def world_at(start: datetime) -> World:
    return World(now=start, engine=fresh_engines(VirtualClock(start))["matcher"])


def offered_weeks(start: datetime) -> tuple[World, str]:
    """A place for months, released by vote and on the family's phone at `start`."""
    world = world_at(start).begin(automatic_release=True)
    first = (local(start) + timedelta(days=14)).date()
    world.open_place(period=days(first, 200))
    world.ask("r-1", period=days(first, 200), born=first - timedelta(days=300))
    world.tick()
    proposal = world.live("r-1")
    world.delivered(proposal)
    return world, proposal


def offered_by_night(start: datetime) -> tuple[World, str]:
    """An on-call place for the day after, to a family that agreed to be written to at any hour."""
    world = world_at(start).begin()
    day = (local(start) + timedelta(days=2)).date()
    world.agree(valid_until=day + timedelta(days=30))
    on_call_place(world, day)
    insertion = {"kind": RequestKind.URGENT, "slots": on(day), "period": days(day), "urgent_sms_agreed": True}
    world.ask("r-1", Criterion.INSERTION, **insertion, born=day - timedelta(days=300))
    world.tick()
    proposal = world.live("r-1")
    world.delivered(proposal)
    return world, proposal


def ended(world: World, proposal: str, jump: timedelta = timedelta(0)) -> list[tuple[datetime, datetime]]:
    """When it expired and the limit it had, each time: the clock is moved by `jump` on the way."""
    limit = world.proposal(proposal).deadline
    assert limit is not None
    world.pass_time((limit - world.now) / 3)
    world.now += jump
    world.tick()
    world.pass_time(timedelta(hours=90))
    return [(event.time, event.deadline) for event in world.events("proposal.expired", proposal)]


def wrong(ends: list[tuple[datetime, datetime]], said: datetime) -> str:
    """What is wrong with how a proposal ended whose text said that one may answer until `said`; empty if nothing."""
    if len(ends) != 1:
        return f"ended {len(ends)} times"
    (at, limit), soon = ends[0], timedelta(minutes=1)
    if at < max(said, limit) + GRACE:
        return f"ended at {at}, before {max(said, limit)} and its grace"
    return "" if at <= limit + GRACE + soon else f"ended at {at}, long after {limit}"


def found_wrong(jumps: tuple[timedelta, ...] = JUMPS, every_hours: int = 7) -> list[str]:
    """What goes wrong for places offered in the days before the clocks change, every so many hours."""
    found = []
    for night in (SPRING, AUTUMN):
        for hours in range(0, DAYS_BEFORE, every_hours):
            for jump in jumps:
                start = now_at(8, day=night - timedelta(days=3)) + timedelta(hours=hours)
                world, proposal = offered_weeks(start)
                said = world.proposal(proposal).answer_by
                assert said is not None
                if fault := wrong(ended(world, proposal, jump), said):
                    found.append(f"{start}, clock moved by {jump}: {fault}")
    return found


def test_no_place_ends_early_or_twice_when_the_clocks_change_or_are_put_right() -> None:
    assert found_wrong() == []


def test_no_place_offered_by_night_ends_early_or_twice_in_the_hour_that_is_missing_or_comes_twice() -> None:
    assert wrong_by_night(every_minutes=15) == []


def wrong_by_night(every_minutes: int) -> list[str]:
    """The same for places offered by night, around the hour in which the clocks change."""
    found = []
    for night in (SPRING, AUTUMN):
        for minutes in range(0, BY_NIGHT, every_minutes):
            start = now_at(0, day=night) + timedelta(minutes=minutes)
            world, proposal = offered_by_night(start)
            said = world.proposal(proposal).answer_by
            assert said is not None
            assert said - start <= timedelta(minutes=45)
            found += [f"{start}: {fault}"] if (fault := wrong(ended(world, proposal), said)) else []
    return found


@pytest.mark.torture
@pytest.mark.timeout(3600)
def test_no_place_offered_at_any_hour_of_those_days_or_any_minute_of_those_nights_ends_early_or_twice() -> None:
    begun = time.monotonic()
    assert found_wrong(every_hours=1) == []
    assert wrong_by_night(every_minutes=1) == []
    by_day, by_night = 2 * DAYS_BEFORE * len(JUMPS), 2 * BY_NIGHT
    torture.record(
        "T12", f"{by_day + by_night} délais à travers les nuits du 29 mars et du 25 octobre, horloge juste, reculée ou "
        "avancée d'une heure", "0 fin trop tôt, 0 fin double", begun=begun, on=torture.sqlite(),
        twin="heure locale naïve : des fins trop tard ; trop tôt sans regard sur la limite (à chaque `make test`)",
    )  # fmt: skip


def naive(step: Step, proposal: store.Proposal, deadline: datetime) -> None:
    """The hour on the wall is what is kept, and read again with the offset of the day on which it was written."""
    due = max(deadline, step.now) + step.policy.grace
    wall = local(due).replace(tzinfo=None)
    due = (wall - (local(step.now).utcoffset() or timedelta(0))).replace(tzinfo=step.now.tzinfo)
    store.set_timer(step.tx, moves.EXPIRY, proposal.proposal, proposal.territory, due)


def test_timers_kept_in_naive_local_time_end_places_too_late_and_are_set_again_where_they_come_too_early(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lifecycle, "set_expiry", naive)
    found = found_wrong((timedelta(0),))
    assert any("long after" in fault for fault in found)
    assert not any("ended 0 times" in fault or "before" in fault for fault in found)


def test_timers_kept_in_naive_local_time_end_places_too_early_where_nobody_looks_at_the_limit(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(lifecycle, "set_expiry", naive)
    monkeypatch.setitem(timers._FIRE_PROPOSAL, moves.EXPIRY, endings.expire)
    assert any("before" in fault for fault in found_wrong((timedelta(0),)))

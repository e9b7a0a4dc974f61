"""What a replay gives of holds and timers, beside what the matcher keeps. People are invented."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta
from typing import Any

import pytest

from contracts.vocabulary import Answer, RequestKind
from services.cli import replay_timers
from services.cli.replay_held import holds
from services.cli.replay_timers import Timer, settled
from services.matcher import moves
from services.matcher import tables as t
from tests.matcher.world import MONDAY, World, days, on

TOMORROW = MONDAY + timedelta(days=1)
NOW = datetime(2026, 9, 7, 9, tzinfo=UTC)
HOUR = timedelta(hours=1)


@pytest.fixture
def world() -> World:
    return World().begin()


def assert_same_holds(world: World) -> None:
    own = ("section", "proposal", "slots", "units", "is_placement")
    kept = {
        row["hold"]: {**{name: row[name] for name in own}, "start": row["starts"], "end": row["ends"]}
        for row in world.rows(t.holds)
        if row["lent_by"] is None
    }
    assert holds(world.said) == kept


def test_a_wave_is_replayed_as_one_hold_that_shrinks_and_becomes_the_winners_own(world: World) -> None:
    world.open_place(kind="occasional", slots=on(TOMORROW, 8, 12), period=days(TOMORROW))
    for n, hours in enumerate(((9, 11), (8, 12), (8, 11)), start=1):
        need = {"kind": RequestKind.OCCASIONAL, "slots": on(TOMORROW, *hours), "period": days(TOMORROW)}
        world.ask(f"r-{n}", since=date(2026, 1, n), **need)
    world.tick()
    first, second, third = (world.live(f"r-{n}") for n in (1, 2, 3))
    assert_same_holds(world)
    assert len(world.rows(t.holds)) == 1
    for proposal in (first, second, third):
        world.delivered(proposal)
    world.answer(second, Answer.FIN)
    assert_same_holds(world)
    world.answer(first, Answer.OUI)
    assert_same_holds(world)
    assert [row["slots"][0]["start"] for row in world.rows(t.holds)] == ["09:00:00"]


def test_a_last_day_that_moves_back_and_forth_is_replayed_as_the_hours_that_are_held(world: World) -> None:
    world.open_place()
    proposal = world.placed()
    ends = []
    for last_day in (date(2027, 3, 31), date(2027, 5, 31), date(2027, 4, 30), date(2027, 2, 28)):
        world.leave(proposal, last_day)
        assert_same_holds(world)
        ends += [row["ends"] for row in world.rows(t.holds)]
    assert len(set(ends)) > 1


def timer(**facts: Any) -> Timer:
    return Timer(NOW, **facts)


@pytest.mark.parametrize(
    ("said", "now", "is_there"),
    [
        (timer(), NOW + HOUR, False),
        (timer(in_silence=True), NOW + HOUR, True),
        (timer(in_silence=True), NOW - HOUR, False),
        (timer(unsure=True), NOW - HOUR, True),
    ],
)
def test_a_timer_that_is_gone_may_be_so_only_where_it_fired_without_a_word(
    said: Timer, now: datetime, is_there: bool
) -> None:
    assert ("expiry p" in settled({}, {"expiry p": said}, now)) is is_there


@pytest.mark.parametrize(
    ("said", "live", "lawful"),
    [
        (timer(), NOW + HOUR, False),
        (timer(grace=2 * HOUR), NOW + HOUR, True),
        (timer(grace=2 * HOUR), NOW + 4 * HOUR, False),
        (timer(grace=2 * HOUR), NOW - HOUR, False),
        (timer(or_at=NOW + 5 * HOUR), NOW + 5 * HOUR, True),
        (timer(or_at=NOW + 5 * HOUR), NOW + 4 * HOUR, False),
    ],
)
def test_a_timer_that_was_put_off_may_be_so_by_its_grace_or_to_one_other_instant(
    said: Timer, live: datetime, lawful: bool
) -> None:
    rows = settled({"expiry p": {"due_at": live}}, {"expiry p": said}, NOW + HOUR)
    assert (rows["expiry p"]["due_at"] == said.due_at) is lawful
    assert rows["expiry p"]["due_at"] in (said.due_at, live)


def test_a_timer_that_ends_with_a_word_is_never_taken_for_one_that_fired_in_silence() -> None:
    due = replay_timers._Due([(NOW, "montlucon-modele")])
    kinds = (moves.EXPIRY, moves.CONFIRMATION, moves.UNDO, moves.REMINDER, moves.RECEIPT, moves.RESUME, moves.DEPARTURE)
    silent = (moves.LAPSE, moves.ROUND, moves.BIRTH, moves.FREED, moves.AGAIN)
    for kind in (*kinds, *silent):
        due.set(kind, "p", NOW)
        assert replay_timers._timer(due, kind, "p").in_silence is (kind in silent), kind


def test_a_timer_that_no_event_gives_is_left_as_a_difference() -> None:
    assert settled({"expiry q": {"due_at": NOW}}, {}, NOW + HOUR) == {"expiry q": {"due_at": NOW}}

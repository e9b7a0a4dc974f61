"""What is decided with what was found before is what is decided from nothing, whatever has happened in between."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import timedelta, timezone
from random import Random

import pytest

from services.matcher.solver import desks, solve, stated, verify
from services.matcher.solver.before import Before
from services.matcher.solver.canonical import Once
from services.matcher.solver.components import Reached, split
from services.matcher.solver.desks import Desk, Kept
from services.matcher.solver.facts import Facts
from services.matcher.solver.schema import Outcome, Placed, Round
from services.matcher.solver.verify import violations
from services.matcher.touched import Cutter
from services.territory.rounds import RoundPlan, drawn_round
from tests.matcher.solver.drawn_rounds import Taste, tiny
from tests.matcher.test_remembered import _lived, _some_have_a_place

AS_SERVED = replace(solve.DEFAULT, prices=False)
PLANS = (
    RoundPlan(requests=40, structures=12),
    RoundPlan(requests=40, structures=12, flexible=0.4),
    RoundPlan(requests=40, structures=12, flexible=0.2, points_at=0.1),
    RoundPlan(requests=40, structures=12, siblings=0.1),
)


def _parts(lived: Iterator[Round]) -> Iterator[Round]:
    """Parts as the matcher cuts them: a row that has not changed is the same object."""
    cutter = Cutter(Once())
    for round in lived:
        yield from (part.round for part in cutter.cut(round).parts)


def _drawn_life(seed: int, events: int = 5) -> Iterator[Round]:
    draw = Random(seed)
    town = drawn_round(PLANS[seed % 4], seed)
    return _parts(_lived(_some_have_a_place(town, draw, 0.1) if seed > 4 else town, draw, events))


def _all_as_from_nothing(parts: Iterator[Round]) -> Before:
    before = Before()
    for part in parts:
        assert solve.decide(part, AS_SERVED, before.begin()) == solve.decide(part, AS_SERVED)
    return before


def test_a_life_decided_with_what_was_before_is_the_life_decided_from_nothing(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    looked = {True: 0, False: 0}
    honest = Kept._desk

    def _desk(self: Kept, name: str, *rest: object) -> Desk:
        found: Desk = honest(self, name, *rest)  # type: ignore[arg-type]
        looked[bool(found.told)] += 1
        return found

    monkeypatch.setattr(Kept, "_desk", _desk)
    for seed in (0, 1, 2, 3, 5):
        _all_as_from_nothing(_drawn_life(seed))
    assert looked[True] > 100, "some structures are known again, and what was found there counts"
    assert looked[False] > 100


def test_the_smallest_lives_are_decided_alike() -> None:
    tastes = (Taste(on_call=1.0), Taste(siblings=1.0), Taste(movers=0.5), Taste())
    for seed in range(16):
        before = _all_as_from_nothing(_parts(_lived(tiny(seed, tastes[seed % 4]), Random(seed), 6)))
        assert before.spelling.rows


def test_another_policy_or_another_day_forgets_what_was_found() -> None:
    before, kept = Before(), None
    for part in split(drawn_round(PLANS[0], 0))[:1]:
        other = part.model_copy(update={"policy": part.policy.model_copy(update={"seed": "another"})})
        later = other.model_copy(update={"instant": part.instant + timedelta(days=1)})
        for round in (part, other, later, part):
            assert solve.decide(round, AS_SERVED, before.begin()) == solve.decide(round, AS_SERVED)
            assert before.kept._under != kept
            kept = before.kept._under


def test_an_hour_that_is_said_in_another_zone_is_hashed_as_it_is_said() -> None:
    round, before = tiny(0, Taste(on_call=1.0)), Before()
    released = {row.id: row.release_at for row in round.vacancies if row.release_at}
    said = tuple(
        row.model_copy(update={"release_at": released[row.id].astimezone(timezone(timedelta(hours=2)))})
        if row.id in released else row
        for row in round.vacancies
    )  # fmt: skip
    for one in (round, round.model_copy(update={"vacancies": said})):
        assert solve.decide(one, AS_SERVED, before.begin()) == solve.decide(one, AS_SERVED)
    assert released


@pytest.mark.parametrize("module", [desks, stated])
def test_a_look_that_does_not_see_what_has_changed_decides_another_life(
    module: object, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "_are_same" if module is desks else "are_same"
    monkeypatch.setattr(module, name, lambda one, other: len(one) == len(other))
    with pytest.raises((AssertionError, IndexError, KeyError)):
        for seed in range(4):
            _all_as_from_nothing(_drawn_life(seed))


def test_requests_are_tied_to_the_same_sections_part_after_part() -> None:
    for seed in range(4):
        reached = Reached()
        for part in _drawn_life(seed):
            assert reached.along(part) == Reached().by(part)


def _planted(outcome: Outcome, draw: Random) -> Outcome:
    """The outcome with one placement less, twice, or moved to where another child is."""
    rows = list(outcome.placed)
    one, other = draw.choice(rows), draw.choice(rows)
    moved = other.model_copy(update={"request": one.request})
    bad: tuple[Placed, ...] = draw.choice(
        (
            tuple(row for row in rows if row is not one),
            (*rows, one),
            tuple(moved if row is one else row for row in rows),
        )
    )
    return outcome.model_copy(update={"placed": tuple(sorted(bad, key=lambda row: row.request))})


def test_checks_that_leave_out_what_was_sound_find_a_fault_wherever_whole_checks_do() -> None:
    faults = 0
    for seed in range(4):
        before, draw = Before(), Random(seed)
        for part in _drawn_life(seed, 5):
            outcome = solve.decide(part, AS_SERVED, before.begin())
            if not outcome.placed:
                continue
            bad = _planted(outcome, draw)
            whole = violations(Facts(part, bad))
            again = violations(Facts(part, bad, before.spelling, kept=before.kept))
            assert {row.guarantee for row in again} == {row.guarantee for row in whole}
            faults += bool(whole)
    assert faults > 20


def test_a_fault_that_a_check_finds_is_looked_for_again_in_the_whole(monkeypatch: pytest.MonkeyPatch) -> None:
    part = next(row for row in _drawn_life(0) if solve.decide(row, AS_SERVED).placed)
    before = Before()
    solve.decide(part, AS_SERVED, before.begin())
    monkeypatch.setattr(solve, "marked", lambda *_: ())  # nobody is placed: places stay free
    withheld = solve.decide(part, AS_SERVED, before.begin())
    assert withheld.violations
    assert withheld == solve.decide(part, AS_SERVED)


def test_without_a_voted_share_nobody_counts_the_free_places_for_it(monkeypatch: pytest.MonkeyPatch) -> None:
    part = next(_drawn_life(0))
    outcome = solve.decide(part, AS_SERVED)
    monkeypatch.setattr(verify, "places_for_first_tier", None)
    assert not violations(Facts(part, outcome))

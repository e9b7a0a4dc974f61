"""A measure says what it measured, and what it measures is the decision that everybody gets."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

from services.cli import bench_country
from services.cli.bench_peers import instance_of, solved_by
from services.cli.bench_rows import PARTS, descended, floor, measured
from services.cli.bench_stopwatch import PARTS as TIMED
from services.cli.bench_stopwatch import Stopwatch, decide_timed
from services.cli.failures import CommandFailed
from services.matcher.solver import solve
from services.matcher.solver.components import components
from services.matcher.solver.relaxation import Peer, descend
from services.matcher.solver.variables import problem_of
from services.matcher.solver_process import decide as as_served
from services.territory.rounds import RoundPlan, country, drawn_round
from tests.cli.command import Command

PLAN = RoundPlan(requests=120, structures=10, flexible=0.3, elsewhere=0.1)


def test_a_timed_decision_is_the_decision_and_leaves_the_solver_as_it_was() -> None:
    functions = {place: getattr(*place) for place in TIMED}
    drawn = drawn_round(PLAN, 1)
    outcome, seconds = decide_timed(drawn)
    assert outcome == as_served(drawn)
    assert {place: getattr(*place) for place in TIMED} == functions
    assert set(seconds) == {*TIMED.values(), "rest"}


def test_a_part_stops_while_the_part_that_it_calls_runs(monkeypatch: pytest.MonkeyPatch) -> None:
    clock = iter([0.0, 1.0, 3.0, 7.0])
    monkeypatch.setattr("services.cli.bench_stopwatch.time.process_time", lambda: next(clock))
    watch = Stopwatch()
    with watch.part("outer"), watch.part("inner"):
        pass
    assert watch.seconds == {"outer": 1.0 + 4.0, "inner": 2.0}


def test_a_row_counts_what_the_decision_holds() -> None:
    row = measured(PLAN, 1)
    outcome = as_served(drawn_round(PLAN, 1))
    assert row["outcome_hash"] == outcome.outcome_hash
    assert (row["placed"], row["proven"], row["violations"]) == (len(outcome.placed), 120, 0)
    assert set(row["cpu"]) == set(PARTS)
    assert row["peak_mib"] >= row["mib_before"] > 0


def test_the_relaxation_places_at_least_as_many_children_as_any_decision() -> None:
    assert floor(PLAN, 1)["children"] >= measured(PLAN, 1)["placed"] > 0


@pytest.mark.parametrize("peer", Peer)
def test_an_integer_solver_down_the_same_list_gives_every_family_the_same_level(peer: Peer) -> None:
    drawn = drawn_round(PLAN, 2)
    ours = {row.request: row.level for row in solve.decide(drawn).placed}
    for part in components(drawn):
        problem = problem_of(part)
        found = descend(problem, peer, sorted(problem.ordinary, key=problem.ordinary.__getitem__), 60)
        assert found.levels == {request.id: ours.get(request.id) for request in part.requests}


def test_an_integer_solver_without_time_left_says_how_far_it_came() -> None:
    row = descended(PLAN, 1, Peer.HIGHS, 0.0)
    assert row["settled"] < row["of"] == 120


def test_an_instance_for_the_peers_ranks_everybody_who_wishes_a_structure() -> None:
    drawn = drawn_round(RoundPlan(80, 6, whole_weeks=True, own_lists=True), 1)
    given = instance_of(drawn)
    for hospital, (capacity, ranked) in given["hospitals"].items():
        assert capacity > 0
        assert sorted(ranked) == [name for name, wished in given["residents"].items() if hospital in wished]
    assert sum(capacity for capacity, _ in given["hospitals"].values()) <= 36


def test_a_peer_that_fails_is_a_row_and_not_the_end_of_the_measure() -> None:
    assert "unknown-peer" in solved_by("unknown-peer", [], Path(sys.executable), 30)[0]["failed"]


def test_peers_that_are_not_installed_are_named_with_the_command_that_installs_them(tmp_path: Path) -> None:
    with pytest.raises(CommandFailed, match="ne sont pas installés") as refused:
        solved_by("matching", [], tmp_path / "python", 30)
    assert "make bench-peers" in refused.value.remedy


def test_the_measure_is_shown_in_french_and_told_to_programs(berceau: Command) -> None:
    size = ("--requests", 20, "--structures", 3, "--seeds", 1, "--against", "cp_sat")
    shown = berceau("bench", "match", *size)
    assert shown.code == 0
    assert "20 demandes, 3 structures" in shown.out and "cp_sat\u00a0: " in shown.out
    told = berceau("bench", "match", *size, "--json").json
    assert told["plan"]["requests"] == 20
    assert told["rows"][0]["rivals"][0]["settled"] == 20


def test_after_one_event_only_what_it_touches_is_decided_and_the_measure_says_how_long(berceau: Command) -> None:
    size = ("--requests", 40, "--structures", 8, "--events", 3)
    assert "40 demandes, 8 structures" in berceau("bench", "again", *size).out
    told = berceau("bench", "again", *size, "--json").json
    assert told["parts"] > 1
    assert 0 <= told["solver"]["p50"] <= told["solver"]["p99"] < told["whole"]["p99"]
    assert told["solver"]["p99"] > 0


def test_in_a_lived_territory_the_whole_round_is_measured_with_what_is_held(berceau: Command) -> None:
    told = berceau("bench", "again", "--requests", 30, "--structures", 6, "--events", 8, "--lived", "--json").json
    assert told["held"] > 0
    assert 0 <= told["solver"]["p50"] <= told["solver"]["p99"] < told["whole"]["p99"]


def test_a_part_of_the_country_is_decided_territory_by_territory(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(bench_country, "country", lambda: country(territories=40, requests=400))
    told = bench_country.decided_everywhere(share=0.05, processes=1)
    assert (told["territories"], told["violations"]) == (2, 0)
    assert 0 < told["placed"] < told["requests"]

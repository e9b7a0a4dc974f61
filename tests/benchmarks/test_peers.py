"""On their own ground, whole weeks and strict lists, the answer is the one that everybody's algorithm gives."""

from __future__ import annotations

from pathlib import Path

import pytest

from services.cli.bench_peers import Instance, instance_of, solved_by
from services.matcher.solver.schema import Round
from services.matcher.solver.solve import solve
from services.territory.rounds import RoundPlan, drawn_round

ROOT = Path(__file__).resolve().parents[2]
BATCH = 250
PEERS = ROOT / ".venv-bench" / "bin" / "python"
SMALL = [
    RoundPlan(30, 6, bands, whole_weeks=True, own_lists=own, wishes=wishes)
    for bands, own, wishes in (
        (60, False, 0),
        (60, True, 0),
        (5, True, 4),
        (0, True, 6),
    )
]


def deferred_acceptance(given: Instance) -> dict[str, str]:
    """Gale and Shapley 1962, residents asking: the textbook's own loop."""
    at: dict[str, list[str]] = {hospital: [] for hospital in given["hospitals"]}
    asked = {resident: iter(wished) for resident, wished in given["residents"].items()}
    free = sorted(asked)
    while free:
        resident = free.pop()
        hospital = next(asked[resident], None)
        if hospital is None:
            continue
        capacity, ranked = given["hospitals"][hospital]
        there = sorted([*at[hospital], resident], key=ranked.index)
        at[hospital], refused = there[:capacity], there[capacity:]
        free += refused
    return {resident: hospital for hospital, there in at.items() for resident in there}


def ours(round: Round) -> dict[str, str]:
    return {row.request: row.structure for row in solve(round).placed}


@pytest.mark.parametrize("plan", SMALL, ids=lambda plan: f"own={plan.own_lists}-wishes={plan.wishes}")
def test_whole_weeks_are_awarded_as_deferred_acceptance_awards_them(plan: RoundPlan) -> None:
    for seed in range(25):
        drawn = drawn_round(plan, seed)
        assert (seed, ours(drawn)) == (seed, deferred_acceptance(instance_of(drawn)))


@pytest.mark.torture
@pytest.mark.timeout(3600)
def test_ten_thousand_rounds_of_whole_weeks_are_awarded_as_the_peers_award_them() -> None:
    assert PEERS.exists(), "the peers are not installed: make bench-peers"
    compared, different = 0, []
    for plan in SMALL:
        for first in range(0, 2_500, BATCH):
            rounds = [drawn_round(plan, seed) for seed in range(first, first + BATCH)]
            given = [instance_of(drawn) for drawn in rounds]
            mine = [ours(drawn) for drawn in rounds]
            for peer in ("matching", "algmatch"):
                theirs = solved_by(peer, given, PEERS, 300)
                assert len(theirs) == BATCH, theirs[0]
                different += [
                    (peer, plan, first + number)
                    for number, (own, answer) in enumerate(zip(mine, theirs, strict=True))
                    if own != answer["matching"]
                ]
            compared += BATCH
    assert (compared, different) == (10_000, [])


@pytest.mark.torture
@pytest.mark.timeout(1800)
def test_siblings_of_one_claim_are_placed_as_chilmai_places_them_and_never_fewer() -> None:
    assert PEERS.exists(), "the peers are not installed: make bench-peers"
    rounds = [drawn_round(RoundPlan(60, 6, 0, whole_weeks=True, siblings=0.3), seed) for seed in range(200)]
    theirs = solved_by("chilmai", [instance_of(drawn) for drawn in rounds], PEERS, 900)
    assert len(theirs) == 200, theirs[0]
    for drawn, answer in zip(rounds, theirs, strict=True):
        assert (drawn.id, len(ours(drawn))) >= (drawn.id, len(answer["matching"]))
    same = sum(ours(drawn) == answer["matching"] for drawn, answer in zip(rounds, theirs, strict=True))
    assert same >= 190


@pytest.mark.parametrize("siblings", [0.0, 0.5])
def test_families_are_told_to_the_peers_as_ranked_pairs_of_one_structure(siblings: float) -> None:
    drawn = drawn_round(RoundPlan(40, 5, whole_weeks=True, siblings=siblings), 1)
    families = instance_of(drawn)["families"]
    assert bool(families) is bool(siblings)
    for children, places in families.values():
        assert len(children) == 2
        assert all(one == other for one, other in places)

"""The rounds that measures are made on: the same everywhere, and as they say they are."""

from __future__ import annotations

from collections import Counter
from itertools import groupby

import pytest

from services.matcher.solver.canonical import canonical
from services.territory.rounds import (
    PLACES,
    PLACES_A_STRUCTURE,
    REQUESTS,
    TERRITORIES,
    RoundPlan,
    country,
    drawn_round,
    shared_out,
    town_sizes,
)

SMALL = RoundPlan(requests=300, structures=20)


def test_the_same_plan_and_seed_give_the_same_round_and_another_seed_another() -> None:
    assert drawn_round(SMALL, 3) == drawn_round(SMALL, 3)
    assert drawn_round(SMALL, 3).requests != drawn_round(SMALL, 4).requests


@pytest.mark.parametrize(
    "plan", [SMALL, RoundPlan(100, 9, whole_weeks=True), RoundPlan(100, 9, 0, 1.0, 1.0, 1.0, 1.0, 1.0)]
)
def test_a_drawn_round_contradicts_nothing_and_is_in_the_order_that_counts(plan: RoundPlan) -> None:
    drawn = drawn_round(plan, 1)
    facts = canonical(drawn)
    assert [row.id for row in drawn.requests] == [row.id for row in facts.requests]
    assert sum(row.places for row in drawn.vacancies) == round(plan.places * plan.requests)


def test_a_new_share_of_zero_leaves_the_rounds_of_earlier_measures_as_they_were() -> None:
    plain, flexible = drawn_round(SMALL, 1), drawn_round(RoundPlan(300, 20, flexible=0.5), 1)
    kept = [a for a, b in zip(plain.requests, flexible.requests, strict=True) if a == b]
    assert 120 < len(kept) < 180
    assert plain.vacancies == flexible.vacancies


def test_the_city_holds_two_structures_in_five_and_the_smallest_towns_hold_one() -> None:
    sizes = town_sizes(100)
    assert (sizes[0], sizes[-1], sum(sizes)) == (40, 1, 100)
    assert len(set(sizes)) > 6


def test_a_round_has_as_many_bands_as_its_plan_says_or_one_for_each_request() -> None:
    claims = {(row.tier, row.points) for row in drawn_round(RoundPlan(2_000, 50, bands=30), 1).requests}
    assert len(claims) == 30
    assert len({tier for tier, _ in claims}) == 2
    assert len({(row.tier, row.points) for row in drawn_round(RoundPlan(200, 20, bands=0), 1).requests}) == 200


def test_wishes_are_as_many_as_families_of_a_large_city_name() -> None:
    drawn = drawn_round(RoundPlan(requests=2_000, structures=100), 1)
    counts = Counter(len(row.wishes) for row in drawn.requests)
    assert 0.44 < counts[1] / 2_000 < 0.56  # 47 % in Rio; more here where a town has a single structure
    assert max(counts) == 5


def test_siblings_wish_the_same_structures_and_are_asked_for_together() -> None:
    drawn = drawn_round(RoundPlan(requests=400, structures=20, siblings=0.2), 1)
    wished = {row.id: row.wishes for row in drawn.requests}
    assert 25 < len(drawn.siblings) < 55
    assert all(wished[family.requests[0]] == wished[family.requests[1]] for family in drawn.siblings)


def test_flexible_families_have_equal_ranks_or_several_equal_weeks() -> None:
    drawn = drawn_round(RoundPlan(requests=600, structures=40, flexible=1 / 3), 1)

    def is_flexible(ranks: list[int]) -> bool:
        return any(len(list(same)) > 1 for _, same in groupby(sorted(ranks)))

    some = [
        row
        for row in drawn.requests
        if is_flexible([wish.rank for wish in row.wishes]) or is_flexible([week.rank for week in row.patterns])
    ]
    assert 0.25 < len(some) / 600 < 0.40


def test_the_country_has_the_territories_the_requests_and_the_structures_that_it_should() -> None:
    shares = country()
    assert len(shares) == TERRITORIES
    assert sum(share.requests for share in shares) == REQUESTS
    structures = sum(share.structures for share in shares)
    assert abs(structures - PLACES / PLACES_A_STRUCTURE) / structures < 0.02
    assert shares[0].requests > 50 * shares[TERRITORIES // 2].requests
    assert min(share.requests for share in shares) > 0


def test_what_is_shared_out_adds_up_again() -> None:
    assert shared_out(7, [1, 1, 1]) == [3, 2, 2]
    assert sum(shared_out(1_000, [0.3, 0.3, 7.1])) == 1_000

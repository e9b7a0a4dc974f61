"""The estimated travel times of the synthetic territory."""

from __future__ import annotations

from services.territory.roads import TRAVEL_SOURCE, travel_times
from services.territory.territory import communes

MONTLUCON, DOMERAT = "03185", "03101"


def test_each_two_communes_have_one_plausible_time_and_the_source_says_that_it_is_an_estimate() -> None:
    found = {frozenset((row.one, row.other)): row.minutes for row in travel_times()}
    codes = [commune.code for commune in communes()]
    assert len(found) == len(travel_times()) == len(codes) * (len(codes) - 1) // 2
    assert {code for pair in found for code in pair} == set(codes)
    assert 5 <= found[frozenset((MONTLUCON, DOMERAT))] <= 15
    assert min(found.values()) >= 2 and max(found.values()) <= 60
    assert TRAVEL_SOURCE.startswith("Estimation de démonstration")

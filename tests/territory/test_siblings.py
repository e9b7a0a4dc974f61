"""Some families ask for two children together, and some of those who got a place ask for another one."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, time, timedelta

import pytest

from contracts.requests import WishedStructure
from contracts.siblings import SiblingsAsked, Together
from contracts.vocabulary import Criterion, RequestKind, Slot, Weekday
from services.territory import AskToMove, Size, Territory, move_of, synthesise, week_of_events
from services.territory.figures import ELDER_ASKS_TOO
from services.territory.files import requests_csv
from services.territory.moves import NOTICE

MONDAY = date(2026, 11, 2)
START = datetime(2026, 11, 2, 6, tzinfo=UTC)
BOTH_DAYS = (Weekday.MON, Weekday.TUE)


@pytest.fixture(scope="module")
def many() -> Territory:
    """Enough families for the shares to be near the figures."""
    return synthesise(11, MONDAY, Size(scale=4, waiting=0.5, many_vacancies=0))


def week_on(*days: Weekday) -> tuple[Slot, ...]:
    return tuple(Slot(day=day, start=time(8), end=time(17)) for day in days)


def wished(*structures: str) -> tuple[WishedStructure, ...]:
    return tuple(WishedStructure(structure=name, rank=rank) for rank, name in enumerate(structures, start=1))


def test_a_territory_has_about_ten_families_whose_children_are_asked_for_together(territory: Territory) -> None:
    assert 5 <= len(territory.siblings) <= 25
    wishes = Counter(wish for asked in territory.siblings for wish in asked.together)
    assert wishes[Together.SAME_STRUCTURE] > wishes[Together.NEAR]


def test_elders_are_no_more_than_the_figure_says_and_are_under_three(many: Territory) -> None:
    elders = [f for f in many.families if len({child.born for child in f.children}) > 1]
    assert 0.3 * ELDER_ASKS_TOO.value < len(elders) / len(many.families) <= ELDER_ASKS_TOO.value * 1.2
    for family in elders:
        younger, elder = family.children
        assert elder.is_born and elder.first_name and elder.first_name != younger.first_name
        assert timedelta(days=300) < younger.born - elder.born
        assert MONDAY - elder.born < timedelta(days=3 * 365)


def test_siblings_ask_for_regular_places_and_each_child_has_one_request(many: Territory) -> None:
    requests = {request.id: request for request in many.requests}
    assert len({name for asked in many.siblings for name in asked.requests}) == 2 * len(many.siblings)
    for asked in many.siblings:
        both = [requests[name] for name in asked.requests]
        assert {request.kind for request in both} == {RequestKind.REGULAR}
        assert {request.family for request in both} == {asked.family}
        assert len({request.child for request in both}) == 2


def test_only_children_of_one_birth_count_as_twins(many: Territory) -> None:
    twins = {f.id for f in many.families if len({child.born for child in f.children}) < len(f.children)}
    declared = {r.family for r in many.requests if any(c.criterion is Criterion.TWINS for c in r.criteria)}
    assert twins and declared == twins


def test_what_siblings_ask_is_a_valid_event_and_stands_in_the_file(territory: Territory) -> None:
    envelope = {"territory": "montlucon", "source": "ingest", "time": START}
    file = requests_csv(territory)
    beside = {row[0]: row[file.columns.index("Avec")] for row in file.rows}
    for asked in territory.siblings:
        assert SiblingsAsked.say(asked.id, **envelope, **asked.said()).requests == asked.requests
        one, other = asked.requests
        assert (beside[one], beside[other]) == (other, one)
    alone = set(beside) - {name for asked in territory.siblings for name in asked.requests}
    assert {beside[name] for name in alone} == {""}


def test_in_a_week_some_families_ask_for_another_place_on_working_days(territory: Territory) -> None:
    asked = [action for action in week_of_events(territory, 1, START) if isinstance(action, AskToMove)]
    assert 2 <= len(asked) <= 20
    assert {action.at.weekday() for action in asked} <= set(range(5))


def test_whoever_got_a_lesser_wish_asks_for_the_better_ones_in_the_same_week() -> None:
    move = move_of(wished("S-a", "S-b", "S-c"), week_on(*BOTH_DAYS), "S-c", MONDAY)
    assert (move.kind, [wish.structure for wish in move.wishes]) == (RequestKind.TRANSFER, ["S-a", "S-b"])
    assert move.patterns[0].slots == week_on(*BOTH_DAYS)
    assert move.start == MONDAY + NOTICE


def test_whoever_got_its_first_wish_asks_there_for_one_day_more() -> None:
    move = move_of(wished("S-a", "S-b"), week_on(*BOTH_DAYS), "S-a", MONDAY)
    assert (move.kind, [wish.structure for wish in move.wishes]) == (RequestKind.CHANGE, ["S-a"])
    assert move.patterns[0].slots == week_on(*BOTH_DAYS, Weekday.WED)


def test_whoever_comes_on_five_days_asks_for_a_free_wednesday() -> None:
    every_day = (Weekday.MON, Weekday.TUE, Weekday.WED, Weekday.THU, Weekday.FRI)
    move = move_of(wished("S-a"), week_on(*every_day), "S-a", MONDAY)
    assert [slot.day for slot in move.patterns[0].slots] == [day for day in every_day if day is not Weekday.WED]

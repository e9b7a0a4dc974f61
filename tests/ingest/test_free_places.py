"""How many places are free at which hours, and who is shown them."""

from __future__ import annotations

from datetime import date, time, timedelta
from typing import Any

import pytest
import sqlalchemy as sa
from hypothesis import given
from hypothesis import strategies as st

from contracts.vocabulary import Audience, Period, ProposalState, Slot, VacancyKind, Weekday
from services.ingest import store
from services.ingest.declare import vacancies
from services.ingest.declare.vacancies import ChangeBody
from services.ingest.free import Held, Posted, free_among, free_in, most_days_free_in, most_free_in, pieces
from services.ingest.problems import Refused
from services.ingest.queries.on_call import on_call_places
from services.ingest.queries.places import Wanted, free_places, places_of
from tests.ingest.people import (
    ANYBODY,
    BEBES,
    COORDINATOR,
    COUNSELLOR,
    CRECHE,
    DIRECTOR,
    GRANDS,
    NOW,
    OTHER_COUNSELLOR,
    OTHER_DIRECTOR,
    TERM,
    TODAY,
    TUESDAY,
    act,
    later,
    open_on_call,
    register,
    urgent_need,
    vacancy_body,
)
from tests.ingest.proposals import accepted, hear, made, placed, released

MORNING = Slot(day=Weekday.TUE, start=time(8), end=time(12))
AFTERNOON = Slot(day=Weekday.TUE, start=time(12), end=time(17))


def one(id_: str = "V-1", slots: tuple[Slot, ...] = (TUESDAY,), places: int = 1, period: Period = TERM) -> Posted:
    return Posted(id_, slots, period, places, NOW)


def held(slots: tuple[Slot, ...] = (TUESDAY,), period: Period = TERM, placed_at: Any = None) -> Held:
    return Held("O-1", slots, period, placed_at)


def test_what_is_held_cuts_the_day_and_what_is_left_is_shown() -> None:
    found = pieces([one(places=2)], [held((MORNING,))])
    assert [(piece.slot, piece.free) for piece in found] == [(MORNING, 1), (AFTERNOON, 2)]


@pytest.mark.parametrize(
    ("slots", "period", "at_all_hours", "a_day", "at_most"),
    [((MORNING,), TERM, 0, 0, 1), ((TUESDAY,), TERM, 0, 0, 0), ((TUESDAY,), "some", 0, 1, 1)],
)
def test_a_day_is_free_where_all_its_hours_are_on_the_same_date(
    slots: tuple[Slot, ...], period: Any, at_all_hours: int, a_day: int, at_most: int
) -> None:
    some = Period(start=TERM.start, end=TERM.start + timedelta(weeks=3)) if period == "some" else period
    found = pieces([one()], [held(slots, some)])
    count = (free_in(one(), found), most_days_free_in(one(), found), most_free_in(one(), found))
    assert count == (at_all_hours, a_day, at_most)
    assert free_among(one(), found) == count


def test_a_morning_and_an_afternoon_free_on_other_dates_are_no_day() -> None:
    early = Period(start=TERM.start, end=TERM.start + timedelta(weeks=3))
    late = Period(start=early.end, end=TERM.end)
    found = pieces([one()], [held((MORNING,), early), held((AFTERNOON,), late)])
    assert (most_days_free_in(one(), found), most_free_in(one(), found)) == (0, 1)


def test_what_is_held_for_some_weeks_cuts_the_dates() -> None:
    until = date(2027, 1, 1)
    found = pieces([one()], [held(period=Period(start=TERM.start, end=until))])
    assert [(piece.period, piece.free) for piece in found] == [
        (Period(start=TERM.start, end=until), 0),
        (Period(start=until, end=TERM.end), 1),
    ]


def test_two_vacancies_of_a_section_are_one_pool() -> None:
    found = pieces([one(), one("V-2", (MORNING,))], [held((MORNING,))])
    assert [(piece.slot, piece.free) for piece in found] == [(TUESDAY, 1)]


def test_a_placement_made_before_the_count_is_taken_off_already() -> None:
    before, after = held(placed_at=later(hours=-1)), held(placed_at=later(hours=1))
    assert free_in(one(), pieces([one()], [before])) == 1
    assert free_in(one(), pieces([one()], [after])) == 0


def test_a_single_day_held_leaves_the_other_tuesdays_free_only_before_and_after() -> None:
    day = Period(start=date(2026, 12, 1), end=date(2026, 12, 2))
    found = pieces([one()], [held((Slot(day=date(2026, 12, 1), start=time(8), end=time(17)),), day)])
    assert [(piece.period.start, piece.free) for piece in found] == [
        (TERM.start, 1),
        (date(2026, 12, 1), 0),
        (date(2026, 12, 2), 1),
    ]


SLOTS = [
    Slot(day=day, start=time(hour), end=time(hour + length))
    for day in (Weekday.MON, Weekday.TUE)
    for hour in range(7, 19)
    for length in range(1, 5)
]
PERIODS = [
    Period(start=TODAY + timedelta(days=first), end=TODAY + timedelta(days=first + length))
    for first in range(21)
    for length in range(7, 31)
]
"""Made once: an example draws three numbers a row and builds nothing, so that a busy machine makes them as well."""

hours = st.integers(7, 18)
some_slot, some_period = st.sampled_from(SLOTS), st.sampled_from(PERIODS)
some_posted = st.builds(
    lambda slot, period, n: Posted("V", (slot,), period, n, NOW), some_slot, some_period, st.integers(1, 3)
)
some_held = st.builds(lambda slot, period: Held("O", (slot,), period), some_slot, some_period)


@given(st.lists(some_posted, min_size=1, max_size=3), st.lists(some_held, max_size=3), st.integers(0, 50), hours)
def test_each_piece_is_what_was_posted_minus_what_is_held_there(
    posted: list[Posted], holds: list[Held], days: int, hour: int
) -> None:
    day, at = TODAY + timedelta(days=days), time(hour, 30)

    def there(row: Posted | Held) -> bool:
        return row.period.contains(day) and any(
            slot.day.number == day.weekday() and slot.start <= at < slot.end
            for slot in row.slots
            if isinstance(slot.day, Weekday)
        )

    expected = sum(row.places for row in posted if there(row))
    found = [piece.free for piece in pieces(posted, holds) if there(Held("", (piece.slot,), piece.period))]
    assert len(found) == (1 if expected else 0)
    if found:
        assert found[0] == max(0, expected - sum(there(hold) for hold in holds))


def opened(tx: sa.Connection, **changes: Any) -> str:
    return vacancies.open_vacancy(tx, act(DIRECTOR), vacancy_body(**changes))


def public(tx: sa.Connection, wanted: Wanted | None = None, **delta: int) -> list[dict[str, Any]]:
    return free_places(tx, ANYBODY, later(**delta), wanted)


def test_the_public_sees_what_is_free_and_when_it_was_said(town: sa.Connection) -> None:
    opened(town)
    (row,) = public(town)
    assert (row["structure"], row["free"], row["slots"], row["period"]) == (CRECHE, 2, (TUESDAY,), TERM)
    assert (row["updated_at"], row["commune"]) == (NOW, "03098")
    hear(town, made(), made("O-2", "R-2"))
    assert public(town) == []
    hear(town, released("O-2"))
    assert public(town) == []


def test_a_place_is_free_again_when_its_proposal_ends(town: sa.Connection) -> None:
    opened(town, places=1)
    hear(town, made(), released())
    assert public(town) == []
    store.update(town, store.metadata.tables["proposals"], "O-1", state=ProposalState.DECLINED.value)
    assert [row["free"] for row in public(town)] == [1]


def test_a_place_that_a_wave_proposes_to_several_families_is_one_place_in_a_proposal(town: sa.Connection) -> None:
    opened(town)
    wave = {"wave": "W-1", "asked_at_once": 3}
    hear(town, *(made(f"O-{n}", f"R-{n}", asked_as=n, code=f"482{n}", **wave) for n in (1, 2, 3)))
    (row,) = places_of(town, DIRECTOR, CRECHE, NOW)
    assert (row["posted"], row["proposed"], row["free"]) == (2, 1, 1)
    assert [row["free"] for row in public(town)] == [1]


def test_a_director_who_counts_again_has_placements_taken_off(town: sa.Connection) -> None:
    id_ = opened(town)
    hear(town, made(), accepted(), placed(now=later(hours=1)))
    (row,) = places_of(town, DIRECTOR, CRECHE, later(hours=2))
    assert (row["posted"], row["proposed"], row["taken"], row["free"]) == (2, 0, 1, 1)
    vacancies.change_vacancy(town, act(DIRECTOR, later(hours=2)), id_, ChangeBody(places=1))
    (row,) = places_of(town, DIRECTOR, CRECHE, later(hours=3))
    assert (row["posted"], row["proposed"], row["taken"], row["free"]) == (1, 0, 0, 1)


@pytest.mark.parametrize(
    ("wanted", "count"),
    [
        (Wanted(), 1),
        (Wanted(commune="03098"), 1),
        (Wanted(commune="03185"), 0),
        (Wanted(age_months=20), 1),
        (Wanted(age_months=10), 0),
        (Wanted(day=Weekday.TUE), 1),
        (Wanted(day=Weekday.FRI), 0),
        (Wanted(kind=VacancyKind.OCCASIONAL), 0),
    ],
)
def test_visitors_filter_by_commune_age_day_and_kind(town: sa.Connection, wanted: Wanted, count: int) -> None:
    opened(town)
    assert len(public(town, wanted)) == count


def test_places_kept_for_some_and_places_on_call_are_not_shown_to_all(town: sa.Connection) -> None:
    opened(town, audience=Audience.INSERTION, release_at=later(days=1))
    open_on_call(town)
    assert public(town) == []
    assert len(public(town, days=2)) == 1


def test_a_place_that_nobody_confirmed_for_a_week_expires_by_itself(town: sa.Connection) -> None:
    id_ = opened(town)
    assert (len(public(town, days=7)), len(public(town, days=8))) == (1, 0)
    (row,) = places_of(town, DIRECTOR, CRECHE, later(days=8))
    assert row["stale"]
    vacancies.reconfirm_vacancy(town, act(DIRECTOR, later(days=8)), id_)
    assert len(public(town, days=8)) == 1


def test_an_occasional_place_is_shown_on_the_day_it_was_confirmed_only(town: sa.Connection) -> None:
    day = date(2026, 11, 4)
    slot = Slot(day=day, start=time(8), end=time(12))
    period = Period(start=day, end=day + timedelta(days=1))
    opened(town, kind=VacancyKind.OCCASIONAL, slots=(slot,), period=period)
    assert (len(public(town)), len(public(town, days=1))) == (1, 0)


def test_a_quarter_of_an_hour_beside_a_childs_day_is_no_place(town: sa.Connection) -> None:
    opened(town, places=1, slots=(Slot(day=Weekday.TUE, start=time(7, 45), end=time(17, 15)),))
    hear(town, made())
    assert public(town) == []


def test_a_structure_sees_its_own_places_only(town: sa.Connection) -> None:
    opened(town)
    opened(town, section=BEBES)
    assert len(places_of(town, DIRECTOR, CRECHE, NOW)) == 2
    assert places_of(town, OTHER_DIRECTOR, CRECHE, NOW) == []
    assert len(places_of(town, COORDINATOR, CRECHE, NOW)) == 2


def test_a_counsellor_sees_the_on_call_places_that_fit_its_request(town: sa.Connection) -> None:
    open_on_call(town)
    tuesday_only = urgent_need()
    register(town, actor=COUNSELLOR, need=tuesday_only)
    (row,) = on_call_places(town, COUNSELLOR, "R-1", NOW)
    assert (row["section"], row["pattern"], row["free"]) == (GRANDS, 0, 1)
    assert row["tariff"] == "psu", "a family in insertion often cannot pay another"
    assert on_call_places(town, COUNSELLOR, "R-1", later(hours=20)) == [], "less than the notice of twelve hours"
    with pytest.raises(Refused):
        on_call_places(town, OTHER_COUNSELLOR, "R-1", NOW)


def test_an_on_call_place_in_a_proposal_or_for_another_age_does_not_fit(town: sa.Connection) -> None:
    open_on_call(town)
    register(town, actor=COUNSELLOR, need=urgent_need())
    register(town, "R-2", COUNSELLOR, urgent_need(born=date(2026, 6, 1)))
    assert on_call_places(town, COUNSELLOR, "R-2", NOW) == []
    tomorrow = TODAY + timedelta(days=1)
    slot = Slot(day=tomorrow, start=time(8, 30), end=time(16, 30))
    period = Period(start=tomorrow, end=tomorrow + timedelta(days=1))
    hear(town, made("O-9", "R-9", kind=VacancyKind.ON_CALL, slots=(slot,), period=period))
    assert on_call_places(town, COUNSELLOR, "R-1", NOW) == []

"""Free places beside capacity and staff: each text on both of its sides, and a week counted minute by minute."""

from __future__ import annotations

import math
from datetime import date, time
from random import Random
from typing import Any

import pytest

from contracts.structures import OnDuty, Present, Staffing
from contracts.vocabulary import Slot, StaffMethod, StructureKind, Weekday
from services.matcher.rules.staffing import Excess, Free, Premises, Seated, excesses, hours_of, ratio_on, ratios_on

DAY = date(2026, 9, 7)
WEEK = tuple(Slot(day=day, start=time(8), end=time(18)) for day in list(Weekday)[:5])
TUESDAY = (Slot(day=Weekday.TUE, start=time(8), end=time(18)),)
CAPACITY, WEEKLY, WALKING, SIX, JARDIN, ALONE = (
    "R2324-27",
    "R2324-27, 1°",
    "R2324-46-4",
    "R2324-46-4",
    "R2324-47-4",
    "R2324-43-1",
)


def premises(adults: int, younger: int = 0, older: int = 0, **facts: Any) -> Premises:
    staffing = {
        "on_duty": (OnDuty(slots=WEEK, adults=adults),),
        "present": (Present(slots=WEEK, younger=younger, older=older),),
    }
    staffing |= {name: facts.pop(name) for name in ("method", "pedt", "holidays") if name in facts}
    return Premises.model_validate(
        {"kind": StructureKind.CRECHE, "capacity": 20, "opening": WEEK, "staffing": Staffing.model_validate(staffing)}
        | facts
    )


def broken(at: Premises, places: int = 1, from_months: int = 24, slots: tuple[Slot, ...] = TUESDAY) -> set[str]:
    found = excesses(at, (Free(slots=slots, places=places, from_months=from_months),), DAY)
    return {excess.source.rpartition(" de la santé publique, ")[2] for excess in found}


@pytest.mark.parametrize(
    ("at", "fits", "too_many", "text"),
    [
        pytest.param(premises(9, older=20, opening=()), 3, 4, CAPACITY, id="K1: 23 of 20 places at once, not 24"),
        pytest.param(premises(2, older=14), 2, 3, WALKING, id="K4: two adults for 16 who walk"),
        pytest.param(premises(2, older=10, method=StaffMethod.ONE_IN_SIX), 2, 3, SIX, id="K4: two adults for 12"),
        pytest.param(
            premises(2, older=28, kind=StructureKind.JARDIN_ENFANTS, capacity=60), 0, 3, JARDIN, id="K5: 15 from three"
        ),
    ],
)
def test_a_place_fits_up_to_what_the_text_allows(at: Premises, fits: int, too_many: int, text: str) -> None:
    assert broken(at, fits, from_months=36) == set()
    assert text in broken(at, too_many, from_months=36)


def test_those_who_do_not_walk_yet_need_more_adults() -> None:
    assert broken(premises(2, younger=9), 1, from_months=2) == set()
    assert broken(premises(2, younger=10), 1, from_months=2) == {WALKING}
    assert broken(premises(2, younger=5), 8, from_months=18) == set()  # 5 fifths and 8 eighths are two adults
    assert broken(premises(2, younger=6), 8, from_months=18) == {WALKING}


def seated(*months: int, section: str = "S") -> tuple[Seated, ...]:
    """Children who are so many months old on the day, on Tuesdays."""
    births = (date(DAY.year - (number + 3) // 12, 12 - (number + 3) % 12, 7) for number in months)
    return tuple(Seated(section=section, slots=TUESDAY, born=born) for born in births)


def test_a_place_held_for_a_child_counts_for_its_age_and_a_free_one_for_the_youngest_of_its_section() -> None:
    at, free = premises(2, older=14), (Free(slots=TUESDAY, places=2, from_months=2, section="S"),)
    assert [row.born for row in seated(0, 8, 9, 20)] == [
        date(2026, 9, 7), date(2026, 1, 7), date(2025, 12, 7), date(2025, 1, 7),
    ]  # fmt: skip
    assert excesses(at, free, DAY) != ()
    assert excesses(at, free, DAY, seated(20)) != ()
    assert excesses(at, free, DAY, seated(20, 24)) == ()
    assert excesses(at, free, DAY, seated(20, 24, section="T")) != ()
    assert excesses(at, free, DAY, seated(20, 17)) != ()
    assert excesses(at, free, date(2026, 10, 7), seated(20, 17)) == ()  # a month later it walks


def test_children_for_whom_places_are_counted_already_do_not_count_twice() -> None:
    """The eldest sit there: one who does not walk yet may be on what is free."""
    at = premises(2, older=15)
    own = Free(slots=TUESDAY, places=1, from_months=2, section="S")
    free = (own, own.model_copy(update={"counted": True}))
    assert excesses(at, (own,), DAY, seated(20)) == ()
    assert excesses(at, free, DAY, seated(20)) != ()
    assert excesses(at, free, DAY, seated(20, 24)) == ()
    assert excesses(at, free, DAY, seated(20, 17)) != ()


def test_children_of_whom_the_dates_of_birth_are_said_count_by_their_age() -> None:
    births = tuple(row.born for row in seated(*[17] * 6, *[30] * 8))
    team = Staffing(on_duty=(OnDuty(slots=TUESDAY, adults=2),), present=(Present(slots=TUESDAY, born=births),))
    at = premises(0).model_copy(update={"staffing": team})
    none_free = (Free(slots=TUESDAY, places=1, from_months=24),)
    assert excesses(at, none_free, DAY) != ()  # six fifths and nine eighths
    assert excesses(at, none_free, date(2026, 10, 7)) == ()  # fifteen eighths
    born_later = date(2026, 9, 8)
    assert [hour.children for hour in hours_of(at, (), DAY)] == [14]
    unborn = at.model_copy(
        update={"staffing": team.model_copy(update={"present": (Present(slots=TUESDAY, born=(born_later,)),)})}
    )
    assert [hour.children for hour in hours_of(unborn, (), DAY)] == [0]


def test_a_week_is_never_fuller_than_all_places_at_all_hours() -> None:
    assert broken(premises(9, older=19), 1, slots=WEEK) == set()
    assert broken(premises(9, older=20), 1) == {WEEKLY}
    assert broken(premises(9, older=20, opening=()), 1) == set()  # nothing is said without opening hours


def test_nobody_is_alone_with_children_but_in_a_micro_creche_below_four() -> None:
    assert broken(premises(1), 1) == {ALONE}
    assert broken(premises(2), 1) == set()
    micro = {"kind": StructureKind.MICRO_CRECHE, "capacity": 12}
    assert broken(premises(1, older=2, **micro), 1) == set()
    assert broken(premises(1, older=3, **micro), 1) == {ALONE}


def test_hours_without_a_free_place_say_nothing() -> None:
    """A director knows who is there; only places said to be free are looked at."""
    assert excesses(premises(0, older=30), (), DAY) == ()


@pytest.mark.parametrize(
    ("facts", "hours", "ratio"),
    [
        ({"holidays": True}, 10, (8, 12)),
        ({"holidays": True, "pedt": True}, 10, (8, 12)),
        ({}, 10, (8, 12)),
        ({}, 5, (10, 14)),
        ({"pedt": True}, 10, (10, 14)),
        ({"pedt": True}, 3, (14, 18)),
    ],
)
def test_an_accueil_de_loisirs_has_the_ratio_of_its_kind_of_day(
    facts: dict[str, bool], hours: int, ratio: tuple[int, int]
) -> None:
    """Wednesday is périscolaire like the other days of school; only its length tells it apart."""
    opening = (Slot(day=Weekday.WED, start=time(8), end=time(8 + hours)),)
    at = premises(1, kind=StructureKind.ALSH, capacity=60, opening=opening, **facts)
    found = ratio_on(at, Weekday.WED, ratios_on(DAY))
    assert (found.younger, found.older) == ratio
    younger, older = ratio
    assert broken(at, younger, 60, opening) == set()
    assert len(broken(at, younger + 1, 60, opening)) == 1
    assert broken(at, older, 72, opening) == set()
    assert len(broken(at, older + 1, 72, opening)) == 1


def _by_the_minute(at: Premises, free: list[Free]) -> bool:
    """Quarter of an hour by quarter of an hour, in fractions: whether all texts hold for a crèche."""
    taken = 0
    for day in Weekday:
        for quarter in range(24 * 4):
            now = time(quarter // 4, quarter % 4 * 15)
            here = [row for row in free if _there(row.slots, day, now)]
            babies = sum(r.younger for r in at.staffing.present if _there(r.slots, day, now))
            walkers = sum(r.older for r in at.staffing.present if _there(r.slots, day, now))
            babies += sum(row.places for row in here if row.from_months < 18)
            walkers += sum(row.places for row in here if row.from_months >= 18)
            adults = sum(r.adults for r in at.staffing.on_duty if _there(r.slots, day, now))
            taken += babies + walkers
            needed = max(math.ceil(round(babies / 5 + walkers / 8, 9)), 2 if babies + walkers else 0)
            if here and (babies + walkers > at.capacity * 1.15 or adults < needed):
                return False
    offered = sum((slot.end.hour - slot.start.hour) * 4 for slot in at.opening) * at.capacity
    return taken <= offered or not free


def _there(slots: tuple[Slot, ...], day: Weekday, now: time) -> bool:
    return any(slot.day is day and slot.start <= now < slot.end for slot in slots)


def test_a_drawn_week_is_judged_as_it_is_quarter_of_an_hour_by_quarter() -> None:
    fitting = 0
    for seed in range(60):
        draw = Random(seed)
        hours = [
            tuple(
                Slot(day=day, start=time(draw.choice((8, 9)), draw.choice((0, 15))), end=time(draw.choice((12, 17))))
                for day in draw.sample(list(Weekday)[:5], draw.randint(1, 4))
            )
            for _ in range(6)
        ]
        on_duty = (OnDuty(slots=WEEK, adults=2), OnDuty(slots=hours[0], adults=draw.choice((0, 1, 2))))
        present = tuple(Present(slots=hours[n], younger=draw.randint(0, 5), older=draw.randint(0, 9)) for n in (1, 2))
        at = premises(0).model_copy(update={"staffing": Staffing(on_duty=on_duty, present=present)})
        at = at.model_copy(update={"capacity": draw.choice((5, 12, 20))})
        free = [Free(slots=hours[n], places=1, from_months=draw.choice((2, 18))) for n in (3, 4)]
        fits = not excesses(at, free, DAY)
        assert (seed, fits) == (seed, _by_the_minute(at, free))
        fitting += fits
    assert 10 < fitting < 50


def tuesday(start: time, end: time) -> tuple[Slot, ...]:
    return (Slot(day=Weekday.TUE, start=start, end=end),)


def on_tuesday(adults: int, older: int, capacity: int, opening: tuple[Slot, ...] = ()) -> Premises:
    """Nothing is named of any other day."""
    staffing = Staffing(on_duty=(OnDuty(slots=TUESDAY, adults=adults),), present=(Present(slots=TUESDAY, older=older),))
    return Premises(kind=StructureKind.CRECHE, capacity=capacity, opening=opening, staffing=staffing)


def test_an_excess_names_its_hours_what_is_wanted_and_what_is_there() -> None:
    texts, (hours,) = ratios_on(DAY), tuesday(time(9), time(11))
    assert excesses(
        on_tuesday(adults=1, older=8, capacity=8), (Free(slots=(hours,), places=2, from_months=24),), DAY
    ) == (
        Excess(slot=hours, source=texts.at_once.source, wanted=10, allowed=9),
        Excess(slot=hours, source=texts.by_walking.source, wanted=2, allowed=1, of_adults=True),
    )


def test_a_week_too_full_is_told_in_hours_of_care_the_begun_one_counted() -> None:
    at = on_tuesday(adults=9, older=0, capacity=10, opening=TUESDAY)
    free = (Free(slots=TUESDAY, places=10, from_months=24), Free(slots=tuesday(time(8), time(8, 30)), places=1))
    assert excesses(at, free, DAY) == (
        Excess(slot=None, source=ratios_on(DAY).in_the_week.source, wanted=101, allowed=100),
    )


def test_the_hours_offered_in_a_week_are_told_without_the_begun_one() -> None:
    at = on_tuesday(adults=9, older=0, capacity=1, opening=tuesday(time(8), time(9, 30)))
    (found,) = excesses(at, (Free(slots=tuesday(time(8), time(9, 50)), places=1, from_months=24),), DAY)
    assert (found.wanted, found.allowed) == (2, 1)


def test_a_place_that_ends_when_another_begins_is_no_second_child() -> None:
    halves = (Free(slots=tuesday(time(8), time(12)), places=1), Free(slots=tuesday(time(12), time(16)), places=1))
    assert excesses(on_tuesday(adults=2, older=0, capacity=1), halves, DAY) == ()


def test_an_accueil_de_loisirs_never_has_more_children_than_places() -> None:
    """The fifteen in a hundred above are for crèches."""
    at = premises(13, kind=StructureKind.ALSH, capacity=100)
    assert broken(at, 100, from_months=72) == set()
    assert broken(at, 101, from_months=72) == {CAPACITY}


@pytest.mark.parametrize(
    ("start", "end", "is_long"),
    [(time(8), time(13), False), (time(8, 45), time(13, 45), False), (time(8), time(13, 3), True),
     (time(8, 57), time(14), True)],
)  # fmt: skip
def test_a_day_of_leisure_is_long_from_the_first_minute_beyond_five_hours(
    start: time, end: time, is_long: bool
) -> None:
    texts, at = ratios_on(DAY), premises(1, kind=StructureKind.ALSH, opening=tuesday(start, end))
    assert ratio_on(at, Weekday.TUE, texts) == (texts.long if is_long else texts.short)

"""Whether hours fit, and who sits where, against counting day by day and hour by hour."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import UTC, date, datetime, time, timedelta

from hypothesis import given, settings
from hypothesis import strategies as st

from contracts.vocabulary import WEEKDAYS, Audience, Period, Slot, Weekday
from services.matcher.rules.capacity import borrowed, overfull, sat_on, short_holds
from services.matcher.rules.hours import Amount
from services.matcher.solver.schema import Hold, Vacancy

MONDAY = date(2026, 9, 7)
NOW = datetime(2026, 9, 1, tzinfo=UTC)
DAYS = [MONDAY + timedelta(days=n) for n in range(24)]
HOURS = range(8, 13)
SECTION = "s"
Moment = tuple[date, int]

hours = st.sampled_from([(start, end) for start in HOURS for end in HOURS if start < end])
days = st.one_of(st.sampled_from(WEEKDAYS[:3]), st.sampled_from(DAYS[:10]))
slots = st.builds(lambda day, h: Slot(day=day, start=time(h[0]), end=time(h[1])), days, hours)
timetables = st.lists(slots, min_size=1, max_size=2, unique_by=lambda slot: slot.weekday).map(tuple)
periods = st.builds(
    lambda start, length: Period(start=DAYS[start], end=DAYS[start] + timedelta(days=length) if length else None),
    st.integers(0, 9),
    st.integers(0, 14),
)
audiences = st.sampled_from(Audience)
vacancies = st.lists(
    st.builds(
        lambda s, p, n, a: Vacancy(id="v", section=SECTION, slots=s, period=p, places=n, audience=a),
        timetables, periods, st.integers(1, 2), audiences,
    ),
    max_size=4,
).map(lambda rows: [row.model_copy(update={"id": f"v{n}"}) for n, row in enumerate(rows)])  # fmt: skip
holds = st.lists(
    st.builds(lambda s, p, a: Hold(id="h", section=SECTION, slots=s, period=p, entitled_to=a), timetables, periods,
              audiences),
    min_size=1, max_size=5,
).map(lambda rows: [row.model_copy(update={"id": f"h{n}"}) for n, row in enumerate(rows)])  # fmt: skip


def moments(row: Vacancy | Hold | Amount) -> set[Moment]:
    """Every single hour of every single day that the row covers."""
    return {
        (day, hour)
        for day in DAYS
        for hour in HOURS
        for slot in row.slots
        if row.period.contains(day) and slot.day in (day, WEEKDAYS[day.weekday()])
        if slot.start.hour <= hour < slot.end.hour
    }


def seated(places: Sequence[Vacancy], children: Sequence[Hold], moment: Moment) -> int:
    """The most of these children who can sit at that moment, by trying every chain of moves (Kuhn's matching)."""
    seats = [v.audience.level for v in places for _ in range(v.places) if moment in moments(v)]
    sits: dict[int, int] = {}

    def finds_a_seat(child: int, seen: set[int]) -> bool:
        for seat, level in enumerate(seats):
            if level <= children[child].entitled_to.level and seat not in seen:
                seen.add(seat)
                if seat not in sits or finds_a_seat(sits[seat], seen):
                    sits[seat] = child
                    return True
        return False

    return sum(finds_a_seat(child, set()) for child in range(len(children)))


def present(rows: Iterable[Hold], moment: Moment) -> list[Hold]:
    return [row for row in rows if moment in moments(row)]


@settings(max_examples=60, deadline=None)
@given(vacancies, holds)
def test_hours_fit_exactly_where_counting_by_hand_finds_a_seat_for_everybody(
    places: list[Vacancy], held: list[Hold]
) -> None:
    *others, new = held
    before = {m: seated(places, present(others, m), m) == len(present(others, m)) for m in moments(new)}
    if not all(before.values()):
        return  # what is overfull without it is another test's
    fits = all(seated(places, present(held, m), m) == len(present(held, m)) for m in moments(new))
    assert (not overfull(places, others, new, NOW)) is fits


@settings(max_examples=60, deadline=None)
@given(vacancies, holds)
def test_somebody_is_short_exactly_where_not_everybody_finds_a_seat(places: list[Vacancy], held: list[Hold]) -> None:
    everybody_sits = all(
        seated(places, present(held, m), m) == len(present(held, m)) for row in held for m in moments(row)
    )
    assert (not short_holds(places, held, NOW)) is everybody_sits


@settings(max_examples=60, deadline=None)
@given(vacancies, holds)
def test_children_sit_on_as_many_places_as_counting_by_hand_finds_and_on_none_twice(
    places: list[Vacancy], held: list[Hold]
) -> None:
    amounts = sat_on([(v.id, v) for v in places], held, NOW)
    counted = {v.id: Counter(m for a in amounts.get(v.id, ()) for m in moments(a) for _ in range(a.places))
               for v in places}  # fmt: skip
    for moment in {m for row in held for m in moments(row)}:
        assert sum(c[moment] for c in counted.values()) == seated(places, present(held, moment), moment)
    for vacancy in places:
        assert set(counted[vacancy.id]) <= moments(vacancy)
        assert all(n <= vacancy.places for n in counted[vacancy.id].values())


def week(*names: Weekday) -> tuple[Slot, ...]:
    return tuple(Slot(day=name, start=time(8), end=time(12)) for name in names)


YEAR = Period(start=MONDAY, end=MONDAY + timedelta(days=300))


def test_a_child_of_one_morning_sits_on_that_morning_only() -> None:
    both = Vacancy(id="v", section=SECTION, slots=week(Weekday.MON, Weekday.TUE), places=1, period=YEAR)
    child = Hold(id="h", section=SECTION, slots=week(Weekday.TUE), period=YEAR)
    assert sat_on([("v", both)], [child], NOW) == {"v": (Amount(week(Weekday.TUE), YEAR, 1),)}


def test_what_is_overfull_is_named_with_its_first_day_and_hours() -> None:
    child = Hold(id="h", section=SECTION, slots=week(Weekday.TUE), period=YEAR)
    (full,) = overfull([], [], child, NOW)
    assert full == Slot(day=MONDAY + timedelta(days=1), start=time(8), end=time(12))


def test_a_reserved_place_serves_its_public_until_it_is_released_to_all() -> None:
    kept = Vacancy(
        id="v", section=SECTION, slots=week(Weekday.TUE), places=1, period=YEAR, audience=Audience.INSERTION,
        release_at=NOW + timedelta(hours=1),
    )  # fmt: skip
    anybody = Hold(id="h", section=SECTION, slots=week(Weekday.TUE), period=YEAR)
    entitled = anybody.model_copy(update={"entitled_to": Audience.INSERTION})
    assert overfull([kept], [], anybody, NOW)
    assert not overfull([kept], [], entitled, NOW)
    assert not overfull([kept], [], anybody, NOW + timedelta(hours=1))


def test_who_sits_on_a_reserved_place_leaves_the_ordinary_one_to_others() -> None:
    kept = Vacancy(id="k", section=SECTION, slots=week(Weekday.TUE), places=1, period=YEAR, audience=Audience.INSERTION)
    ordinary = kept.model_copy(update={"id": "o", "audience": Audience.EVERYBODY})
    anybody = Hold(id="h", section=SECTION, slots=week(Weekday.TUE), period=YEAR)
    entitled = anybody.model_copy(update={"id": "e", "entitled_to": Audience.INSERTION})
    assert not overfull([kept, ordinary], [entitled], anybody, NOW)
    assert not overfull([kept, ordinary], [anybody], entitled, NOW)
    assert overfull([ordinary], [entitled], anybody, NOW)


def test_one_who_may_sit_on_a_reserved_place_is_not_short_because_an_ordinary_child_sits_wrongly() -> None:
    kept = Vacancy(id="k", section=SECTION, slots=week(Weekday.TUE), places=2, period=YEAR, audience=Audience.INSERTION)
    wrong = Hold(id="w", section=SECTION, slots=week(Weekday.TUE), period=YEAR)
    entitled = wrong.model_copy(update={"id": "e", "entitled_to": Audience.INSERTION})
    assert list(short_holds([kept], [wrong, entitled], NOW)) == ["w"]
    assert not borrowed([kept], [wrong], entitled, [wrong], [], NOW)


def test_a_reserved_place_that_is_released_counts_as_one_of_everybodys() -> None:
    released = Vacancy(
        id="v", section=SECTION, slots=week(Weekday.TUE), places=1, period=YEAR, audience=Audience.INSERTION,
        release_at=NOW,
    )  # fmt: skip
    child = Hold(id="h", section=SECTION, slots=week(Weekday.TUE), period=YEAR)
    assert sat_on([("v", released)], [child], NOW) == {"v": (Amount(week(Weekday.TUE), YEAR, 1),)}
    assert sat_on([("v", released)], [child], NOW - timedelta(seconds=1)) == {}


def test_a_child_sits_on_the_most_reserved_place_and_among_equal_ones_on_the_first() -> None:
    first = Vacancy(id="1", section=SECTION, slots=week(Weekday.TUE), places=1, period=YEAR)
    second = first.model_copy(update={"id": "2"})
    kept = first.model_copy(update={"id": "k", "audience": Audience.INSERTION})
    child = Hold(id="h", section=SECTION, slots=week(Weekday.TUE), period=YEAR, entitled_to=Audience.URGENT_INSERTION)
    assert list(sat_on([("1", first), ("2", second), ("k", kept)], [child], NOW)) == ["k"]
    assert list(sat_on([("2", second), ("1", first)], [child], NOW)) == ["2"]
    several = child.model_copy(update={"units": 2})
    assert list(sat_on([("1", first), ("2", second), ("k", kept)], [several], NOW)) == ["k", "1"]


def test_places_that_anybody_may_use_are_sat_on_by_those_who_may_use_no_other() -> None:
    ordinary = Vacancy(id="o", section=SECTION, slots=week(Weekday.TUE), places=1, period=YEAR)
    anybody = Hold(id="z", section=SECTION, slots=week(Weekday.TUE), period=YEAR)
    entitled = anybody.model_copy(update={"id": "a", "entitled_to": Audience.INSERTION})
    kept = ordinary.model_copy(update={"id": "k", "audience": Audience.INSERTION})
    assert set(sat_on([("o", ordinary), ("k", kept)], [entitled, anybody], NOW)) == {"o", "k"}


ONE_PLACE = Vacancy(id="v", section=SECTION, slots=week(Weekday.MON, Weekday.TUE), places=1, period=YEAR)
LEAVES_MONDAY = Hold(id="m", section=SECTION, slots=week(Weekday.MON), period=YEAR)
LEAVES_TUESDAY = Hold(id="t", section=SECTION, slots=week(Weekday.TUE), period=YEAR)
COMES = Hold(id="new", section=SECTION, slots=week(Weekday.MON, Weekday.TUE), period=YEAR)
MONDAYS, TUESDAYS = Amount(week(Weekday.MON), YEAR, 1), Amount(week(Weekday.TUE), YEAR, 1)


def lent_by(
    places: Sequence[Vacancy], there: Sequence[Hold], new: Hold, lenders: Sequence[Hold],
    lent: Sequence[tuple[str, Hold]], now: datetime, own: str = "",
) -> list[tuple[str, Amount]]:  # fmt: skip
    return [(row.id, amount) for row, amount in borrowed(places, there, new, lenders, lent, now, own)]


def test_hours_that_fit_are_borrowed_from_nobody() -> None:
    assert lent_by([ONE_PLACE], [], COMES, [LEAVES_MONDAY], [], NOW) == []
    released = ONE_PLACE.model_copy(update={"audience": Audience.INSERTION, "release_at": NOW})
    assert lent_by([released], [], COMES, [LEAVES_MONDAY], [], NOW) == []


def test_each_hour_that_does_not_fit_is_borrowed_once_from_who_leaves_it() -> None:
    there = [LEAVES_MONDAY, LEAVES_TUESDAY]
    assert lent_by([ONE_PLACE], there, COMES, there[::-1], [], NOW) == [("m", MONDAYS), ("t", TUESDAYS)]
    again = LEAVES_MONDAY.model_copy(update={"id": "n"})
    assert lent_by([ONE_PLACE], there, COMES, [again, *there], [], NOW) == [("m", MONDAYS), ("t", TUESDAYS)]
    assert lent_by([ONE_PLACE], there, COMES, [LEAVES_MONDAY], [], NOW) == [("m", MONDAYS)]


def test_what_a_child_who_leaves_has_lent_before_is_lent_to_nobody_else() -> None:
    second = LEAVES_MONDAY.model_copy(update={"id": "z"})
    given = LEAVES_MONDAY.model_copy(update={"id": "loan", "units": -1})
    two = ONE_PLACE.model_copy(update={"places": 2})
    first = COMES.model_copy(update={"id": "first", "slots": week(Weekday.MON)})
    there = [LEAVES_MONDAY, second, first, given]
    wants = COMES.model_copy(update={"slots": week(Weekday.MON)})
    assert lent_by([two], there, wants, [LEAVES_MONDAY, second], [("m", given)], NOW) == [("z", MONDAYS)]
    assert lent_by([two], there, wants, [LEAVES_MONDAY], [("m", given)], NOW) == []


def test_places_that_anybody_may_use_are_lent_first() -> None:
    kept = LEAVES_MONDAY.model_copy(update={"id": "a", "entitled_to": Audience.INSERTION})
    places = [ONE_PLACE, ONE_PLACE.model_copy(update={"id": "k", "audience": Audience.INSERTION})]
    wants = COMES.model_copy(update={"slots": week(Weekday.MON), "entitled_to": Audience.INSERTION})
    assert lent_by(places, [kept, LEAVES_MONDAY], wants, [kept, LEAVES_MONDAY], [], NOW) == [("m", MONDAYS)]


def test_a_child_who_moves_lends_its_own_hours_first_and_whether_or_not_there_is_room() -> None:
    wants = COMES.model_copy(update={"slots": week(Weekday.MON)})
    other = LEAVES_MONDAY.model_copy(update={"id": "a"})
    two = ONE_PLACE.model_copy(update={"places": 2})
    assert lent_by([two], [LEAVES_MONDAY], wants, [LEAVES_MONDAY], [], NOW) == []
    assert lent_by([two], [LEAVES_MONDAY], COMES, [LEAVES_MONDAY], [], NOW, own="m") == [("m", MONDAYS)]
    there = [other, LEAVES_MONDAY]
    assert lent_by([two], there, wants, there, [], NOW, own="m") == [("m", MONDAYS)]
    assert lent_by([two], there, wants, there, [], NOW) == [("a", MONDAYS)]


def test_a_reserved_place_of_its_own_makes_no_room_where_the_child_may_only_use_an_ordinary_one() -> None:
    reserved = LEAVES_MONDAY.model_copy(update={"id": "m", "entitled_to": Audience.INSERTION})
    other = LEAVES_MONDAY.model_copy(update={"id": "z"})
    wants = COMES.model_copy(update={"slots": week(Weekday.MON)})
    places = [ONE_PLACE, ONE_PLACE.model_copy(update={"id": "k", "audience": Audience.INSERTION})]
    there = [reserved, other]
    assert lent_by(places, there, wants, there, [], NOW, own="m") == [("z", MONDAYS)]


def test_one_place_has_room_for_one_child_at_a_time_and_is_counted_as_often_as_it_is_sat_on() -> None:
    place = Vacancy(id="v", section=SECTION, slots=week(Weekday.TUE), places=1, period=YEAR)
    one = Hold(id="1", section=SECTION, slots=week(Weekday.TUE), period=YEAR)
    two = [one, one.model_copy(update={"id": "2"})]
    assert sat_on([("v", place)], two, NOW) == {"v": (Amount(week(Weekday.TUE), YEAR, 1),)}
    three = [*two, one.model_copy(update={"id": "3"})]
    assert sat_on([("v", place.model_copy(update={"places": 3}))], three, NOW) == {
        "v": (Amount(week(Weekday.TUE), YEAR, 3),)
    }
    rows = [("v", place), ("v", place)]
    assert sat_on(rows, two, NOW) == {"v": (Amount(week(Weekday.TUE), YEAR, 2),)}

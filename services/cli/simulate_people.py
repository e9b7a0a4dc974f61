"""The invented people of a simulated year: a town with its places, who lives there already, and who asks week by week.

Pure, and the same for every policy: what is drawn depends on the seed and on names only. Everybody is synthetic.
When to modify: when a year gains something that happens to people whatever the policy.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta
from math import sin, tau

from contracts.vocabulary import Answer, Criterion, Id, Period
from services.matcher.solver.schema import Pattern, Section, Wish
from services.territory import figures
from services.territory.chance import Chance
from services.territory.rounds import PLACES_A_STRUCTURE, shared_out
from services.territory.weeks import WHOLE_WEEK, Week, drawn_week, some_days

WEEK = timedelta(weeks=1)
SEASON = 0.5
"""Requests come half as often again in spring, and half as often in autumn (assumed)."""

SEPTEMBER = 0.55
"""Share of the families that want the September intake (assumed)."""

ABSENT, LEAVES = 0.03, 0.004
"""Each week: a child away for the whole of the next one, a family that moves away (assumed)."""

GIVES_UP = 0.008
"""Each week of waiting: a family that has found something else (assumed)."""

YES = ("oui", "oui_merci", "oui_by_link", "oui_twice", "late_oui")
NO = ("non", "non_by_link")


@dataclass(frozen=True)
class Town:
    """One section for all ages in each structure, with its places."""

    sections: tuple[Section, ...]
    places: dict[Id, int]


@dataclass(frozen=True)
class Family:
    """A child who waits or is there, and what is known of it."""

    id: Id
    born: date
    asked: int
    wanted: date
    wishes: tuple[Wish, ...]
    patterns: tuple[Pattern, ...]
    criteria: tuple[Criterion, ...]
    occasional: bool = False

    @property
    def days(self) -> int:
        return len(self.patterns[0].slots)

    @property
    def school(self) -> date:
        """School takes over in the September of the year in which a child is three."""
        return date(self.born.year + 3, 9, 1)


def town_of(places: int, chance: Chance) -> Town:
    """Structures of about 33 places each."""
    names = [f"S{number:02}" for number in range(1, max(2, round(places / PLACES_A_STRUCTURE)) + 1)]
    sizes = shared_out(places, [0.4 + chance.share(f"size/{name}") for name in names])
    return Town(tuple(Section(id=name, structure=name) for name in names), dict(zip(names, sizes, strict=True)))


def arrivals(town: Town, monday: date, week: int, demand: float, chance: Chance) -> Iterator[Family]:
    """Who asks in one week: regular requests, and occasional ones for a few days of the next week.

    `demand` is how many regular requests come in a year for each place.
    """
    season = 1 + SEASON * sin(tau * week / 52)
    for number in range(_count(demand * sum(town.places.values()) / 52 * season, chance.of("arrivals", week))):
        yield family(town, f"R.{week}.{number}", monday, week, chance)
    for number in range(_count(sum(town.places.values()) / 50, chance.of("occasional", week))):
        yield _occasional(town, f"O.{week}.{number}", monday, week, chance)


def _count(expected: float, draw: Chance) -> int:
    """A whole number whose mean is `expected`, half as much again at most."""
    return int(expected * (0.5 + draw.share("count")) + draw.share("rest"))


def family(town: Town, id: Id, monday: date, week: int, chance: Chance) -> Family:
    """A regular request. `monday` is the first day of its week."""
    draw = chance.of(id)
    wanted = intake_after(monday) if draw.happens("september", SEPTEMBER) else monday + WEEK * draw.whole("in", 4, 40)
    low, high = draw.weighted("age", figures.AGE_MONTHS.weights)
    days = draw.weighted("days", figures.DAYS_A_WEEK.weights)
    weeks = [drawn_week(draw.of("week", number), days) for number in range(draw.weighted("weeks", {1: 6, 2: 4}))]
    return Family(
        id=id,
        born=max(wanted - timedelta(days=30 * draw.whole("months", max(low, 2), high)), _not_yet_at_school(wanted)),
        asked=week,
        wanted=wanted,
        wishes=_wishes(town, draw, draw.weighted("wishes", figures.CHOICES.weights)),
        patterns=tuple(Pattern(slots=slots, rank=rank) for rank, slots in enumerate(dict.fromkeys(weeks), 1)),
        criteria=tuple(_criteria(draw)),
    )


def intake_after(day: date) -> date:
    """The first Monday of the next September."""
    first = date(day.year + (day.month >= 9), 9, 1)
    return first + timedelta(days=-first.weekday() % 7)


def _not_yet_at_school(wanted: date) -> date:
    """Born later than those whom school takes at the wanted date."""
    return date(wanted.year - 2 - (wanted.month < 9), 1, 1)


def _wishes(town: Town, draw: Chance, count: int) -> tuple[Wish, ...]:
    names = [section.structure for section in town.sections]
    home = draw.whole("home", 0, len(names) - 1)
    near = {name: 1 / (1 + (number - home) % len(names)) for number, name in enumerate(names)}
    equal = draw.happens("equal", figures.EQUAL_WISHES.value)
    ranked = enumerate(draw.sample("near", near, count), 1)
    return tuple(Wish(structure=name, rank=1 if equal else rank) for rank, name in ranked)


def _criteria(draw: Chance) -> Iterator[Criterion]:
    """What the grids count; the sources of the shares are in `figures`."""
    shares = {
        "insertion": figures.UNEMPLOYMENT.value,
        "disability": figures.DISABILITY.value,
        "single_parent": figures.SINGLE_PARENT.value,
        "sibling_present": figures.SIBLING_PRESENT.value,
        **figures.OTHER_CRITERIA.weights,
    }
    yield Criterion.RESIDENT
    work = draw.weighted("work", figures.WORKING.weights)
    if work != "none":
        yield Criterion(work)
    for name, share in sorted(shares.items()):
        if draw.happens(name, share):
            yield Criterion(name)


def _occasional(town: Town, id: Id, monday: date, week: int, chance: Chance) -> Family:
    draw = chance.of(id)
    return Family(
        id=id,
        born=monday - timedelta(days=draw.whole("age", 120, 900)),
        asked=week,
        wanted=monday + WEEK,
        wishes=_wishes(town, draw, draw.whole("wishes", 1, 3)),
        patterns=(Pattern(slots=some_days(draw, draw.whole("days", 1, 2)), rank=1),),
        criteria=(Criterion.RESIDENT,),
        occasional=True,
    )


def settled(town: Town, monday: date, full: float, chance: Chance) -> Iterator[tuple[Family, Id, Week, Period]]:
    """Who is there when the year begins: child, section, week and the days until it leaves."""
    for section in town.sections:
        room = {slot.weekday: full * town.places[section.id] for slot in WHOLE_WEEK}
        for number in range(4 * town.places[section.id]):
            child = family(town, f"P-{section.id}-{number:03}", monday - 40 * WEEK, -1, chance)
            days = child.patterns[0].slots
            if child.school > monday and all(room[slot.weekday] >= 1 for slot in days):
                for slot in days:
                    room[slot.weekday] -= 1
                yield child, section.id, days, Period(start=monday - WEEK, end=child.school)


def answer(child: Id, section: Id, nth: int, chance: Chance) -> Answer | None:
    """What a family says to its `nth` proposal; None is silence. By phone where its words said neither."""
    draw = chance.of("answer", child, section, nth)
    manner = draw.weighted("manner", figures.ANSWERS.weights)
    if manner in YES:
        return Answer.OUI
    if manner in NO:
        return Answer.NON
    return None if manner == "silence" else draw.weighted("phone", figures.BY_PHONE.weights)

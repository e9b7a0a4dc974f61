"""A week of a territory's life: what people do, and when, drawn from a seed. What they do is in `actions.py`."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import cached_property

from contracts.vocabulary import (
    WEEKDAYS,
    ClosingReason,
    DepartureReason,
    Period,
    RequestKind,
    VacancyKind,
    WithdrawalReason,
)
from services.calendar import at, is_opening_day, local_day
from services.territory import figures
from services.territory.actions import (
    AnnounceDeparture,
    AskForPlace,
    AskToMove,
    ChangePlaces,
    ChangeRequest,
    CloseRequest,
    PostVacancy,
    ReleasePrepared,
    SayStillFree,
    TimedAction,
    WithdrawVacancy,
)
from services.territory.calendars import ONE_DAY, next_working_day
from services.territory.chance import Chance, seeded
from services.territory.mornings import for_one_morning, one_morning
from services.territory.people import MOST_CONTACTS, Family
from services.territory.requests import YOUNGEST, Request, Surroundings, request
from services.territory.structures import Structure
from services.territory.territory import Territory, birth, new_family
from services.territory.vacancies import Vacancy, absence, is_awarded, vacancies

ABSENT = 0.35  # share of the structures that have a child away on the next working day
STILL_FREE = 0.45  # share of the regular vacancies that their director confirms on a day
NEW_LEFTOVERS = 0.04  # of the usual leftovers, what a day adds
WITHDRAWN = 0.004  # share of the vacancies withdrawn on a day
CHANGED = 0.004  # share of the vacancies whose count changes on a day
AMENDED, CLOSED = 0.004, 0.002  # share of the requests that a family changes, or closes, on a day
NEW_REQUESTS = 0.01  # requests of a day, for each that already waits
URGENT_A_DAY = 2  # besides the one at 17:30
IN_NEED_OF_ONE_MORNING = 3  # families who ask on a Monday for one place of the next morning
"""All assumed."""


def week_of_events(territory: Territory, seed: int, start: datetime, days: int = 7) -> list[TimedAction]:
    """What people do in the `days` days from `start` (aware) on, in order of time.

    Raises ValueError if `start` is naive or before the territory's day, or if fiction has no phone number left.
    """
    first = local_day(start)
    if first < territory.on:
        raise ValueError(f"the territory is as of {territory.on.isoformat()}: nothing happens before")
    plot = Plot(territory, seeded(seed).of("week"))
    end = at(first + days * ONE_DAY, time(0))
    done = [action for n in range(days) for action in plot.day(first + n * ONE_DAY)]
    in_order = sorted((action for action in done if start <= action.at < end), key=lambda action: action.at)
    return list(without_the_gone(in_order))


def without_the_gone(actions: Iterable[TimedAction]) -> Iterator[TimedAction]:
    """The same without what would touch a place already withdrawn or a request already closed."""
    gone: set[str] = set()
    for action in actions:
        touched = getattr(action, "vacancy", None) or getattr(action, "request", None)
        identity = touched if isinstance(touched, str) else getattr(touched, "id", "")
        if identity not in gone:
            yield action
        if isinstance(action, WithdrawVacancy | CloseRequest):
            gone.add(identity)


@dataclass(frozen=True)
class Plot:
    """The week of one territory: `day` gives what happens on a day, whatever the days around it."""

    territory: Territory
    chance: Chance

    @cached_property
    def awarded(self) -> tuple[Structure, ...]:
        return tuple(structure for structure in self.territory.structures if is_awarded(structure))

    @cached_property
    def regular(self) -> tuple[Vacancy, ...]:
        return tuple(each for each in self.territory.vacancies if each.kind is VacancyKind.REGULAR)

    @cached_property
    def homes(self) -> dict[str, float]:
        return {home.code: float(home.children) for home in self.territory.children_under_three if home.children}

    @cached_property
    def phones(self) -> int:
        """How many phone numbers are taken already."""
        return len(self.territory.people) + sum(len(family.contacts) for family in self.territory.families)

    def day(self, day: date) -> Iterator[TimedAction]:
        """A working day at the crèches and the guichet; on other days families still use their pages."""
        draw = self.chance.of(day)
        yield from self._families_ask(day, draw)
        yield from self._families_change(day, draw)
        if is_opening_day(day):
            yield from self._directors(day, draw)
            yield from self._counsellors(day, draw)
            yield from self._one_morning_for_many(day, draw)
            yield ReleasePrepared(at=at(day, time(9, 15)), by=self.territory.coordinator)
            yield ReleasePrepared(at=at(day, time(14, 30)), by=self.territory.coordinator)

    def _directors(self, day: date, draw: Chance) -> Iterator[TimedAction]:
        yield from self._absences(day, draw)
        yield from self._leftovers(day, draw)
        for vacancy in self.regular:
            yield from self._care_for(vacancy, day, draw.of(vacancy.id))
        for structure in self.awarded:
            yield from self._departures(structure, day, draw.of(structure.id))
            yield from self._moves(structure, day, draw.of(structure.id, "move"))

    def _absences(self, day: date, draw: Chance) -> Iterator[TimedAction]:
        """A parent calls in the afternoon, or before opening for the day itself."""
        for structure in self.awarded:
            own = draw.of("absence", structure.id)
            if not is_open(structure, day) or not own.happens("absent", ABSENT):
                continue
            today = own.happens("today", 0.2)
            away = day if today else next_working_day(day)
            hours = (7, 8) if today else (14, 18)
            if is_open(structure, away):
                found = absence(structure, away, own)
                free = found.model_copy(update={"id": f"{found.id}-{'jour-meme' if today else 'veille'}"})
                yield PostVacancy(at=moment(day, own, *hours), by=structure.person, vacancy=free)

    def _leftovers(self, day: date, draw: Chance) -> Iterator[TimedAction]:
        """New regular places, with ids of their own."""
        for found in vacancies(self.awarded, day, NEW_LEFTOVERS, draw.of("leftovers")):
            if found.kind is VacancyKind.REGULAR:
                vacancy = found.model_copy(update={"id": f"{found.id}-{day:%Y%m%d}"})
                yield PostVacancy(at=moment(day, draw.of(found.id), 9, 17), by=vacancy.said_by, vacancy=vacancy)

    def _care_for(self, vacancy: Vacancy, day: date, own: Chance) -> Iterator[TimedAction]:
        """One gesture a day at most on a place that is already posted: still free, fewer or more, or gone."""
        when = moment(day, own, 7, 10)
        if own.happens("withdrawn", WITHDRAWN):
            reason = own.pick("reason", (WithdrawalReason.STAFF_SHORTAGE, WithdrawalReason.ALREADY_FILLED))
            yield WithdrawVacancy(at=when, by=vacancy.said_by, vacancy=vacancy.id, reason=reason)
        elif own.happens("changed", CHANGED):
            places = max(1, vacancy.places + own.pick("places", (-1, 1)))
            yield ChangePlaces(at=when, by=vacancy.said_by, vacancy=vacancy.id, places=places)
        elif own.happens("free", STILL_FREE):
            yield SayStillFree(at=when, by=vacancy.said_by, vacancy=vacancy.id)

    def _departures(self, structure: Structure, day: date, own: Chance) -> Iterator[TimedAction]:
        if own.happens("leaves", 0.05):
            yield AnnounceDeparture(
                at=moment(day, own, 10, 17),
                by=structure.person,
                structure=structure.id,
                pick=own.whole("pick", 0, 99),
                last_day=day + timedelta(days=own.whole("notice", 14, 45)),
                reason=own.pick("why", (DepartureReason.MOVED, DepartureReason.FAMILY_CHOICE)),
            )

    def _moves(self, structure: Structure, day: date, own: Chance) -> Iterator[TimedAction]:
        """A family at the counter, whose child got a place there and would like another."""
        if own.happens("moves", figures.ASKS_TO_MOVE.value):
            when, pick = moment(day, own, 10, 17), own.whole("pick", 0, 99)
            yield AskToMove(at=when, by=self.territory.coordinator, structure=structure.id, pick=pick)

    def _counsellors(self, day: date, draw: Chance) -> Iterator[TimedAction]:
        """Urgent requests for tomorrow: some in the day, one always at 17:30."""
        times = [moment(day, draw.of("urgent", n), 9, 16) for n in range(draw.whole("urgent", 0, URGENT_A_DAY))]
        for number, when in enumerate([*times, at(day, time(17, 30))]):
            own = draw.of("urgent", number)
            family = self._new_family(day, number, own)
            asked = self._request(family, RequestKind.URGENT, day, own)
            by = asked.prescriber or self.territory.coordinator
            yield AskForPlace(at=when, by=by, family=family, request=asked, hold=own.happens("hold", 0.5))

    def _families_ask(self, day: date, draw: Chance) -> Iterator[TimedAction]:
        """New regular and occasional requests, by page or at the counter."""
        expected = NEW_REQUESTS * len(self.territory.requests)
        count = int(expected) + (draw.share("new") < expected % 1)
        for number in range(URGENT_A_DAY + 1, URGENT_A_DAY + 1 + count):
            own = draw.of("new", number)
            family = self._new_family(day, number, own)
            kind = RequestKind.OCCASIONAL if own.happens("occasional", 0.25) else RequestKind.REGULAR
            asked = self._request(family, kind, day, own)
            yield AskForPlace(at=moment(day, own, 8, 20), by=family.contacts[0].id, family=family, request=asked)

    def _one_morning_for_many(self, day: date, draw: Chance) -> Iterator[TimedAction]:
        """On Mondays some families need the very next morning, and one crèche has one place: a wave asks them all."""
        tomorrow = next_working_day(day)
        open_then = [structure for structure in self.awarded if is_open(structure, tomorrow)]
        if day.weekday() != 0 or not open_then:
            return
        own = draw.of("morning")
        structure = own.pick("structure", open_then)
        free = one_morning(structure, tomorrow)
        for number in range(IN_NEED_OF_ONE_MORNING):
            family = self._new_family(day, self._numbers_a_day - 1 - number, own.of(number))
            base = self._request(family, RequestKind.OCCASIONAL, day, own.of(number))
            asked = for_one_morning(base, structure, free, own.of(number))
            yield AskForPlace(at=at(day, time(15, number)), by=family.contacts[0].id, family=family, request=asked)
        yield PostVacancy(at=at(day, time(15, 30)), by=structure.person, vacancy=free)

    def _families_change(self, day: date, draw: Chance) -> Iterator[TimedAction]:
        for asked in self.territory.requests:
            own = draw.of(asked.id)
            contact = f"C-{asked.family.removeprefix('F-')}-1"
            if own.happens("closed", CLOSED):
                reason = own.pick("reason", (ClosingReason.FOUND_ELSEWHERE, ClosingReason.NO_LONGER_NEEDED))
                yield CloseRequest(at=moment(day, own, 9, 20), by=contact, request=asked.id, reason=reason)
            elif asked.kind is RequestKind.REGULAR and own.happens("amended", AMENDED):
                yield ChangeRequest(at=moment(day, own, 9, 20), by=contact, request=later(asked, own))

    def _new_family(self, day: date, number: int, own: Chance) -> Family:
        """A family that nobody knew: the `number`th of the day, with phones that nobody has yet."""
        before = (day - self.territory.on).days * self._numbers_a_day + number
        first_phone = self.phones + before * MOST_CONTACTS
        born = min(birth(day, own), day - YOUNGEST)
        return new_family(f"F-N{day:%y%m%d}-{number}", first_phone, self.homes, self.territory.seed, born, own)

    @property
    def _numbers_a_day(self) -> int:
        """How many new families a day may bring at most."""
        return URGENT_A_DAY + 2 + int(NEW_REQUESTS * len(self.territory.requests)) + IN_NEED_OF_ONE_MORNING

    def _request(self, family: Family, kind: RequestKind, day: date, own: Chance) -> Request:
        """What the family asks for its first child."""
        around = Surroundings(self.awarded, self.territory.agreements, self.territory.counsellors, day)
        return request(family, family.children[0], kind, around, own)


def later(asked: Request, own: Chance) -> Request:
    """The same request for some weeks later: the job, or the birth, comes later."""
    start = asked.period.start + timedelta(weeks=own.whole("weeks", 2, 6))
    return asked.model_copy(update={"period": Period(start=start, end=asked.period.end), "since": start})


def is_open(structure: Structure, day: date) -> bool:
    """True if the structure has hours on `day` and does not shut."""
    has_hours = any(each.day in (day, WEEKDAYS[day.weekday()]) for each in structure.opening)
    return has_hours and is_opening_day(day) and not any(shut.contains(day) for shut in structure.closures)


def moment(day: date, own: Chance, first_hour: int, last_hour: int) -> datetime:
    """An instant of `day`, to the minute, within those French hours, the last one included."""
    return at(day, time(own.whole("hour", first_hour, last_hour), own.whole("minute", 0, 59)))

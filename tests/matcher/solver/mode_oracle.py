"""Exhaustive search in each mode, with each rule for ties: what the specification means, goal by goal."""

from __future__ import annotations

from datetime import date, timedelta
from functools import cached_property

from contracts.vocabulary import Period
from services.matcher.solver.schema import Mode, Request, Ties
from tests.matcher.solver.oracle import Arrangement, Oracle, Seat, lowest

Goals = tuple[object, ...]


class ModeOracle(Oracle):
    """The one arrangement that a mode means. Requests asked together are not tried here."""

    def best(self) -> Arrangement:
        first = {Mode.STABLE: self._stable, Mode.STRICT: self._strict, Mode.MOST_CHILDREN: self._most_children}
        return lowest(
            self.arrangements(), first[self.round.policy.mode], self._who, self._hours, self._care, self._last
        )

    def _stable(self, arrangement: Arrangement) -> Goals:
        bands = self._bands_in_turn
        return tuple((self._unmet(band, arrangement), self._steps(band, arrangement)) for band in bands)

    def _strict(self, arrangement: Arrangement) -> Goals:
        bands: dict[object, int] = {}
        for claim, name, worst in self._claims_in_turn:
            key = claim[:2] if self.together else (claim, name)
            meets = name in self.had or (name in arrangement and arrangement[name].worth <= worst)
            bands[key] = bands.get(key, 0) + (not meets)
        highest = [self._steps(band, arrangement) for band in self._highest_bands]
        return (tuple(bands.values()), tuple(highest))

    @cached_property
    def _with_room(self) -> dict[str, list[Seat]]:
        """The seats with room, were nobody else to come: points count nowhere that one cannot be placed."""
        return {name: [seat for seat in seats if self.fits([], seat)] for name, seats in self.seats.items()}

    @cached_property
    def _claims_in_turn(self) -> list[tuple[tuple[object, ...], str, tuple[int, ...]]]:
        """Every claim, the highest first, with the worst of the seats that meet it."""
        worst: dict[tuple[tuple[object, ...], str], tuple[int, ...]] = {}
        for name, seats in self._with_room.items():
            for claim, seat in ((self._claim_for(seat), seat) for seat in seats):
                worst[claim, name] = max(seat.worth, worst.get((claim, name), ()))
        return sorted((claim, name, last) for (claim, name), last in worst.items())

    @cached_property
    def _highest_bands(self) -> list[list[str]]:
        names = dict.fromkeys(name for _, name, _ in self._claims_in_turn)
        return self._bands(list(names), {name: claim for claim, name, _ in reversed(self._claims_in_turn)})

    @cached_property
    def _bands_in_turn(self) -> list[list[str]]:
        claims = {name: self._claim(name) for name in self.requests}
        return self._bands(sorted(claims, key=claims.__getitem__), claims)

    def _most_children(self, arrangement: Arrangement) -> Goals:
        return (-sum(name not in self.had for name in arrangement), *self._strict(arrangement))

    @cached_property
    def _in_turn(self) -> list[str]:
        return sorted(self.requests, key=self._claim if self.round.policy.mode is Mode.STABLE else self._highest)

    def _who(self, arrangement: Arrangement) -> Goals:
        return tuple(arrangement[name].worth if name in arrangement else (99,) for name in self._in_turn)

    def _care(self, arrangement: Arrangement) -> Goals:
        beyond = self.beyond_support(arrangement, self._in_turn)
        return tuple(name in beyond for name in self._in_turn)

    def _last(self, arrangement: Arrangement) -> Goals:
        return tuple(self._draw([arrangement[name]]) if name in arrangement else ("", ()) for name in self._in_turn)

    @property
    def together(self) -> bool:
        return self.round.policy.ties is Ties.TOGETHER

    def _claim(self, name: str) -> tuple[object, ...]:
        return self.claim(name, None)

    def _highest(self, name: str) -> tuple[object, ...]:
        claims = sorted(map(self._claim_for, self._with_room[name]))
        return claims[0] if claims else (9, 9, date.max, True, name)

    def _claim_for(self, seat: Seat) -> tuple[object, ...]:
        """What a seat is asked by: a week in two structures by the lower claim."""
        return max(self.claim(seat.request, half.structure) for half in seat.each)

    def _bands(self, names: list[str], claims: dict[str, tuple[object, ...]]) -> list[list[str]]:
        """Those who are served as one, in the order of the names."""
        found: dict[object, list[str]] = {}
        for name in names:
            found.setdefault(claims[name][:2] if self.together else name, []).append(name)
        return list(found.values())

    def _unmet(self, band: list[str], arrangement: Arrangement) -> int:
        """How many of a band have no place; a child who has one from before counts in no number."""
        return sum(name not in arrangement and name not in self.had for name in band)

    def _steps(self, band: list[str], arrangement: Arrangement) -> int:
        """Levels as families count them; a child who stays in the place that it has is below its last wish."""
        taken = sum(self._levels[id(arrangement[name])] - 1 for name in band if name in arrangement)
        return taken + sum(self._last_level[name] for name in band if name in self.had and name not in arrangement)

    @cached_property
    def _last_level(self) -> dict[str, int]:
        """By child who has a place, the last level for which there would be room, were nobody else to come."""
        return {
            name: max((self._levels[id(seat)] for seat in self.seats[name] if self.fits([], seat)), default=0)
            for name in self.had
        }

    @cached_property
    def _levels(self) -> dict[int, int]:
        """By the id of a seat, how good it is."""
        return {id(seat): self._level(seat) for seats in self.seats.values() for seat in seats}

    def _level(self, seat: Seat) -> int:
        """Each pair of a rank of wishes and of patterns is one, at each start, then at each day less; then shares."""
        row = self.requests[seat.request]
        wishes = sorted({wish.rank for wish in row.wishes})
        patterns = sorted({pattern.rank for pattern in row.patterns})
        starts = self._possible_starts(row)
        if seat.halves:
            days = max(len({slot.day for slot in pattern.slots}) for pattern in row.patterns)
            _, steps, worse = seat.worth
            return (days * len(wishes) * len(starts) + steps) * len(patterns) + worse + 1
        missing, late = seat.worth[0], seat.worth[3]
        place = wishes.index(seat.ranks[0]) * len(patterns) + patterns.index(seat.ranks[1])
        place = place * len(starts) + starts.index(late)
        return place + missing * len(wishes) * len(patterns) * len(starts) + 1

    def _possible_starts(self, row: Request) -> list[int]:
        """How many days late care may begin in some wished section that takes the age and offers hours."""
        found = {0}
        for section in self.round.sections:
            days = [row.period.start, row.period.start + timedelta(days=row.tolerance_days)]
            of_age = (
                section.age_from_months <= _months(row.born, days[1])
                and _months(row.born, days[0]) <= section.age_to_months
            )
            offers = any(
                vacancy.section == section.id and _meet(vacancy.period, row.period) for vacancy in self.round.vacancies
            )
            if section.structure in {wish.structure for wish in row.wishes} and of_age and offers:
                found |= {(start - row.period.start).days for start in self._starts(row, section.id)}
        return sorted(found)


def _months(born: date, day: date) -> int:
    """Months completed, below 0 before birth."""
    return 12 * (day.year - born.year) + day.month - born.month - (day.day < born.day)


def _meet(one: Period, other: Period) -> bool:
    return one.start < (other.end or date.max) and other.start < (one.end or date.max)

"""Exhaustive search in each mode, with each rule for ties: what the specification means, goal by goal."""

from __future__ import annotations

from datetime import date
from functools import cached_property

from services.matcher.solver.schema import Mode, Ties
from tests.matcher.solver.oracle import Arrangement, Oracle, lowest

Goals = tuple[object, ...]


class ModeOracle(Oracle):
    """The one arrangement that a mode means. Requests asked together are not tried here."""

    def best(self) -> Arrangement:
        first = {Mode.STABLE: self._stable, Mode.STRICT: self._strict, Mode.MOST_CHILDREN: self._most_children}
        return lowest(
            self.arrangements(), first[self.round.policy.mode], self._who, self._hours, self._care, self._last
        )

    def _stable(self, arrangement: Arrangement) -> Goals:
        names = sorted(self.requests, key=self._claim)
        return tuple((self._unmet(band, arrangement), self._steps(band, arrangement)) for band in self._bands(names))

    def _strict(self, arrangement: Arrangement) -> Goals:
        claims = sorted((claim, name) for name in self.requests for claim in self._claims(name))
        bands: dict[object, int] = {}
        for claim, name in claims:
            key = claim[:2] if self.together else (claim, name)
            bands[key] = bands.get(key, 0) + (not self._meets(name, claim, arrangement))
        names = sorted((name for name in self.requests if self.seats[name]), key=lambda name: min(self._claims(name)))
        highest = [self._steps(band, arrangement) for band in self._bands(names, highest=True)]
        return (tuple(bands.values()), tuple(highest))

    def _most_children(self, arrangement: Arrangement) -> Goals:
        return (-len(arrangement), *self._strict(arrangement))

    @cached_property
    def _in_turn(self) -> list[str]:
        return sorted(self.requests, key=self._claim if self.round.policy.mode is Mode.STABLE else self._highest)

    def _who(self, arrangement: Arrangement) -> Goals:
        return tuple(arrangement[name].ranks if name in arrangement else (99, 99) for name in self._in_turn)

    def _hours(self, arrangement: Arrangement) -> int:
        return -sum(self._minutes(name, arrangement[name].pattern) for name in arrangement)

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
        claims = self._claims(name)
        return min(claims) if claims else (9, 9, date.max, True, name)

    def _claims(self, name: str) -> list[tuple[object, ...]]:
        return sorted({self.claim(name, seat.structure) for seat in self.seats[name]})

    def _meets(self, name: str, claim: tuple[object, ...], arrangement: Arrangement) -> bool:
        worst = max(seat.ranks for seat in self.seats[name] if self.claim(name, seat.structure) == claim)
        return name in arrangement and arrangement[name].ranks <= worst

    def _bands(self, names: list[str], *, highest: bool = False) -> list[list[str]]:
        if not self.together:
            return [[name] for name in names]
        found: dict[object, list[str]] = {}
        for name in names:
            found.setdefault((self._highest(name) if highest else self._claim(name))[:2], []).append(name)
        return list(found.values())

    def _unmet(self, band: list[str], arrangement: Arrangement) -> int:
        return sum(name not in arrangement for name in band)

    def _steps(self, band: list[str], arrangement: Arrangement) -> int:
        """Levels as families count them: each pair of a rank of wishes and a rank of patterns is one."""
        return sum(self._level(name, arrangement[name].ranks) - 1 for name in band if name in arrangement)

    def _level(self, name: str, ranks: tuple[int, int]) -> int:
        row = self.requests[name]
        wishes = sorted({wish.rank for wish in row.wishes})
        patterns = sorted({pattern.rank for pattern in row.patterns})
        return wishes.index(ranks[0]) * len(patterns) + patterns.index(ranks[1]) + 1

    def _minutes(self, name: str, pattern: int) -> int:
        row = self.requests[name]
        hours = [(slot.end.hour - slot.start.hour) * 60 for slot in row.patterns[pattern].slots]
        return sum(hours) + 2 * row.travel_minutes * len(hours)

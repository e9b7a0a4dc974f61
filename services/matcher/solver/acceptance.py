"""Claims that differ from one structure to another: families ask in the order of their wishes, sections keep the best.

Deferred acceptance (Gale and Shapley), each section going down its own claims; whoever may profit from a place that
comes free asks again, since weeks that overlap in part can reopen a place to a child who was refused. With such weeks
no stable outcome need exist: an option that has displaced others often enough takes only free places from then on, and
the cases left are listed.

When to modify: to settle more of these cases.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from heapq import heappop, heappush

from contracts.vocabulary import Id
from services.matcher.solver.arrangement import Arrangement
from services.matcher.solver.constraints import Settings
from services.matcher.solver.schema import Envy
from services.matcher.solver.variables import Option, Problem


class Table:
    """Who is where, and whose chances must be looked at again."""

    def __init__(self, problem: Problem, settings: Settings) -> None:
        self.problem, self.settings = problem, settings
        self.now = Arrangement(problem.rows)
        self._turn = {
            request: turn for turn, request in enumerate(sorted(problem.children, key=problem.ordinary.__getitem__))
        }
        self._rank = {section: {row: rank for rank, row in enumerate(rows)} for section, rows in problem.ranked.items()}
        self._waiting: list[tuple[int, Id]] = []
        self._queued: set[Id] = set()
        self._displacements: Counter[tuple[Id, Id, int]] = Counter()

    def settle(self) -> dict[Id, Option]:
        """The option of each child that is served, once nobody can ask for better."""
        for request in self.problem.children:
            self._ask_again(request)
        while self._waiting:
            _, request = heappop(self._waiting)
            self._queued.discard(request)
            self._improve(request)
        return self.now.at

    def envies(self) -> tuple[Envy, ...]:
        """The cases that no displacement settled."""
        return tuple(
            Envy(request=request, section=option.section, pattern=option.pattern)
            for request in sorted(self.problem.children)
            for options in self._better_levels(request)
            for option in options
            if self._in_the_way(option) is not None
        )

    def _ask_again(self, request: Id) -> None:
        if request not in self._queued:
            self._queued.add(request)
            heappush(self._waiting, (self._turn[request], request))

    def _better_levels(self, request: Id) -> Iterator[tuple[Option, ...]]:
        here = self.now.at.get(request)
        for options in self.problem.children[request].levels:
            if here is not None and options[0].level >= here.level:
                return
            yield options

    def _improve(self, request: Id) -> None:
        for options in self._better_levels(request):
            if any(self._claim(option, options) for option in options) or self._move_others(options):
                return

    def _claim(self, option: Option, equals: tuple[Option, ...]) -> bool:
        """Takes the option if those in its way have lower claims there; they keep what still fits."""
        lower, name = self._in_the_way(option), (option.request, option.section, option.pattern)
        if lower is None or (lower and self._displacements[name] >= self.settings.displacements):
            return False
        self._displacements[name] += bool(lower)
        before = [self.now.take(option.request)] if option.request in self.now.at else []
        removed = [self.now.take(other) for other in lower]
        self.now.put(option)
        self.now.equals[option.request] = equals
        for other in removed:
            if self.now.tally.fits(other):
                self.now.put(other)
            else:
                before.append(other)
                self._ask_again(other.request)
        self._reopen(before)
        return True

    def _move_others(self, options: tuple[Option, ...]) -> bool:
        """Takes one of the options by moving others to options that are as good to them."""
        before = self.now.at.get(options[0].request)
        if before is not None:
            self.now.take(before.request)
        if not self.now.insert(options, self.settings.chain_depth, self.settings.chain_width):
            if before is not None:
                self.now.put(before)
            return False
        self.now.equals[options[0].request] = options
        self._reopen([*self.now.left_behind(), *([before] if before else [])])
        return True

    def _in_the_way(self, option: Option) -> list[Id] | None:
        """Those with lower claims whose hours would have to be taken back, highest first; None if not enough."""
        rank = self._rank[option.section]
        lower: set[Id] = set()
        for row in option.rows:
            full = option.mask & self.now.tally.full[row]
            freed = 0
            for other in self.now.using[row] if full else ():
                overlap = self.now.at[other].mask & full
                if overlap and (rank[other] > rank[option.request] or other == option.request):
                    freed |= overlap
                    lower.add(other)
            if freed != full:
                return None
        return sorted(lower - {option.request}, key=rank.__getitem__)

    def _reopen(self, options: list[Option]) -> None:
        """Those who would prefer hours that have just come free ask again."""
        for freed in options:
            for request in self.problem.ranked[freed.section]:
                if request not in self._queued and self._would_prefer(request, freed):
                    self._ask_again(request)

    def _would_prefer(self, request: Id, freed: Option) -> bool:
        here = self.now.at.get(request)
        return any(
            option.section == freed.section and option.mask & freed.mask
            for option in self.problem.children[request].options
            if here is None or option.level < here.level
        )

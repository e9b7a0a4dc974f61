"""What an arrangement still allows: a quick yes, a quick no, else the solver.

Every kept child has the options that are as good as its own; one of them must stay possible for each.
When to modify: to answer faster. The answers must stay the same whatever the settings (a test compares them).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from contracts.vocabulary import Id
from services.matcher.solver.arrangement import Arrangement, Tally
from services.matcher.solver.constraints import Question, Settings, Unknown, answer
from services.matcher.solver.variables import Option, Problem


@dataclass(frozen=True, slots=True)
class Core:
    """What a child uses whichever of its options it takes."""

    mask: int
    rows: tuple[int, ...]


NOTHING = Core(0, ())


class Search:
    """Kept children, one possible arrangement of them, and how the questions about it were answered."""

    def __init__(self, problem: Problem, settings: Settings) -> None:
        self.problem, self.settings = problem, settings
        self.kinds = tuple(row.kind for row in problem.rows)
        self.now = Arrangement(problem.rows)
        self.unproven: dict[Id, None] = {}
        self.questions = 0
        self._sure = Tally(problem.rows)
        self._cores: dict[Id, Core] = {}
        self._refused: defaultdict[Id, list[Core]] = defaultdict(list)

    def keep(self, request: Id, options: tuple[Option, ...]) -> bool:
        """Keeps the child at one of these options if that is possible with all that is kept already."""
        core = self._cores.get(request, NOTHING)
        self._sure.give_back(core.mask, core.rows)
        live = tuple(option for option in options if not self._is_impossible(option))
        found = bool(live) and self._place(request, live)
        if found:
            core = self._cores[request] = _core(live)
            self.now.equals[request] = live
        self._sure.use(core.mask, core.rows)
        return found

    def _is_impossible(self, option: Option) -> bool:
        if not self.settings.quick_no:
            return False
        return not self._sure.fits(option) or any(
            refused.mask & option.mask == refused.mask and set(refused.rows) <= set(option.rows)
            for refused in self._refused[option.section]
        )

    def _place(self, request: Id, options: tuple[Option, ...]) -> bool:
        before = self.now.at.get(request)
        if before in options:
            return True
        if before is not None:
            self.now.take(request)
        if self.now.insert(options, self.settings.chain_depth, self.settings.chain_width):
            return True
        if before is not None:
            self.now.put(before)
        return self._ask(request, options)

    def _ask(self, request: Id, options: tuple[Option, ...]) -> bool:
        children = self._region(request, options)
        if len(children) == 1 and self.settings.quick_no:
            return False
        self.questions += 1
        try:
            found = answer(self._question(children), self.settings)
        except Unknown:
            self.unproven[request] = None
            return False
        if found is None:
            for option in options:
                self._refused[option.section].append(Core(option.mask, option.rows))
            return False
        self.now.rearrange(found.values())
        return True

    def _region(self, request: Id, options: tuple[Option, ...]) -> dict[Id, tuple[Option, ...]]:
        """The child and all who might have to move for it. Everybody else is in the way of none of their options."""
        region = {request: options}
        waiting = [request]
        while waiting:
            for option in region[waiting.pop()]:
                for other in self._movable(option):
                    if other not in region:
                        region[other] = self.now.equals[other]
                        waiting.append(other)
        return dict(sorted(region.items()))

    def _movable(self, option: Option) -> list[Id]:
        return [
            other
            for row in option.rows
            for other in self.now.using[row]
            if len(self.now.equals[other]) > 1 and self.now.at[other].mask & option.mask
        ]

    def _question(self, children: dict[Id, tuple[Option, ...]]) -> Question:
        hint = {request: self.now.at[request] for request in children if request in self.now.at}
        rows = {row for options in children.values() for option in options for row in option.rows}
        rows |= {row for option in hint.values() for row in option.rows}
        for option in hint.values():
            self.now.tally.give_back(option.mask, option.rows)
        left = {row: list(self.now.tally.left[row]) for row in sorted(rows)}
        for option in hint.values():
            self.now.tally.use(option.mask, option.rows)
        return Question(children, self.kinds, left, hint)


def _core(options: tuple[Option, ...]) -> Core:
    """The cells of all the options, in the rows of all of them. Masks compare within one structure only."""
    first = options[0]
    if any(option.structure != first.structure for option in options):
        return NOTHING
    mask, rows = first.mask, set(first.rows)
    for option in options[1:]:
        mask &= option.mask
        rows &= set(option.rows)
    return Core(mask, tuple(sorted(rows)))

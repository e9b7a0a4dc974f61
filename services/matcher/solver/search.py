"""What an arrangement still allows: a quick yes, a quick no, else the solver.

Every kept unit has the options that are as good as its own; one of them must stay possible for each.
When to modify: to answer faster. The answers must stay the same whatever the settings (a test compares them).
"""

from __future__ import annotations

from collections import defaultdict

from contracts.vocabulary import Id
from services.matcher.solver.arrangement import Arrangement, Tally
from services.matcher.solver.cells import bits
from services.matcher.solver.constraints import Question, Settings, Unknown, answer
from services.matcher.solver.problem import Option, Problem, Use

Core = tuple[Use, ...]
"""What a unit uses whichever of its options it takes."""
Region = dict[Id, tuple[Option, ...]]


class Search:
    """Kept units, one possible arrangement of them, and how the questions about it were answered."""

    def __init__(self, problem: Problem, settings: Settings) -> None:
        self.problem, self.settings = problem, settings
        self.kinds = tuple(row.kind for row in problem.rows)
        self.now = Arrangement(problem.rows)
        self.unproven: dict[Id, None] = {}
        self._sure = Tally(problem.rows)
        self._cores: dict[Id, Core] = {}
        self._refused: defaultdict[int, list[Core]] = defaultdict(list)
        self._undecided: defaultdict[int, dict[Id, None]] = defaultdict(dict)

    def keep(self, unit: Id, options: tuple[Option, ...]) -> bool:
        """Keeps the unit at one of these options if that is possible with all that is kept already."""
        core = self._cores.get(unit, ())
        self._sure.give_back(core)
        live = self._possible(options)
        if unit not in self.now.at:
            live = tuple(option for option in live if not self._was_refused(option))
        found = bool(live) and self._place(unit, live)
        self._sure.use(core)
        if found:
            self._settle(unit, live)
        return found

    def _possible(self, options: tuple[Option, ...]) -> tuple[Option, ...]:
        """The options that what others use for sure does not rule out."""
        if not self.settings.quick_no:
            return options
        return tuple(option for option in options if self._sure.fits(option))

    def _was_refused(self, option: Option) -> bool:
        """True if the solver has refused these hours, or fewer, to another: one more child there is too many."""
        return self.settings.quick_no and any(
            _within(refused, option.uses) for use in option.uses for refused in self._refused[use.row]
        )

    def _settle(self, unit: Id, options: tuple[Option, ...]) -> None:
        """Notes the options of a kept unit, and what follows for those that still have a choice."""
        waiting = dict.fromkeys(self._note(unit, options))
        while waiting and self.settings.quick_no:
            row, _ = waiting.popitem()
            for other in list(self._undecided[row]):
                fewer = self._still_possible(other)
                if len(fewer) < len(self.now.equals[other]):
                    waiting.update(dict.fromkeys(self._note(other, fewer)))

    def _note(self, unit: Id, options: tuple[Option, ...]) -> list[int]:
        """Records a unit's options and what it uses for sure; returns the rows in which more cells are now full."""
        before, core = self._cores.get(unit, ()), _core(options)
        for option in self.now.equals.get(unit, ()):
            for use in option.uses:
                self._undecided[use.row].pop(unit, None)
        self.now.equals[unit], self._cores[unit] = options, core
        self._sure.give_back(before)
        full = {use.row: self._sure.full[use.row] for use in core}
        self._sure.use(core)
        for option in options if len(options) > 1 else ():
            for use in option.uses:
                self._undecided[use.row][unit] = None
        return [row for row in full if self._sure.full[row] != full[row]]

    def _still_possible(self, unit: Id) -> tuple[Option, ...]:
        core = self._cores[unit]
        self._sure.give_back(core)
        live = self._possible(self.now.equals[unit])
        self._sure.use(core)
        return live

    def _place(self, unit: Id, options: tuple[Option, ...]) -> bool:
        before = self.now.at.get(unit)
        if before in options:
            return True
        if before is not None:
            self.now.take(unit)
        if self.now.insert(options, self.settings.chain_depth, self.settings.chain_width):
            return True
        if before is not None:
            self.now.put(before)
        return self._ask(unit, options)

    def _ask(self, unit: Id, options: tuple[Option, ...]) -> bool:
        region = self._region(unit, options)
        if len(region) == 1 and self.settings.quick_no:
            return False
        try:
            found = answer(self._question(region), self.settings)
        except Unknown:
            self.unproven[unit] = None
            return False
        if found is None:
            for option in options:
                self._refused[option.uses[0].row].append(option.uses)
            return False
        self.now.rearrange(found.values())
        return True

    def _question(self, units: Region) -> Question:
        """Whether these units have an arrangement while all others stay where they are."""
        rows = {use.row for options in units.values() for option in options for use in option.uses}
        left = {row: list(self.now.tally.left[row]) for row in sorted(rows)}
        hint = {unit: self.now.at[unit] for unit in units if unit in self.now.at}
        for option in hint.values():
            for use in option.uses:
                for cell in use.cells if use.row in left else ():
                    left[use.row][cell] += 1
        return Question(units, self.kinds, left, hint)

    def _region(self, unit: Id, options: tuple[Option, ...]) -> Region:
        """The unit and all who might have to move for it. Where everybody else is now, nobody of these would go."""
        region = {unit: options}
        for near in (waiting := [unit]):
            for option in region[near]:
                for other in self._movable(option):
                    if other not in region:
                        region[other] = self.now.equals[other]
                        waiting.append(other)
        return region

    def _movable(self, option: Option) -> list[Id]:
        return [
            other
            for use in option.uses
            for other, mask in self.now.using[use.row].items()
            if mask & use.mask and len(self.now.equals[other]) > 1
        ]


def _core(options: tuple[Option, ...]) -> Core:
    """The cells, row by row, that all of these options use."""
    if len(options) == 1:
        return options[0].uses
    shared = {(use.row, use.nth): use.mask for use in options[0].uses}
    for option in options[1:]:
        here = {(use.row, use.nth): use.mask for use in option.uses}
        shared = {key: mask & here[key] for key, mask in shared.items() if key in here}
    return tuple(Use(row, nth, mask, tuple(bits(mask))) for (row, nth), mask in shared.items() if mask)


def _within(some: Core, uses: Core) -> bool:
    """True if each of these uses is part of one of the others."""
    return all(
        any(row == use.row and nth == use.nth and mask & use.mask == mask for use in uses) for row, nth, mask, _ in some
    )

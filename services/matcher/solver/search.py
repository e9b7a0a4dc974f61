"""What an arrangement still allows: a quick yes, a quick no, else the solver.

Every kept child has the options that are as good as its own; one of them must stay possible for each.
When to modify: to answer faster. The answers must stay the same whatever the settings (a test compares them).
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass

from contracts.vocabulary import Id
from services.matcher.solver.arrangement import Arrangement, Tally
from services.matcher.solver.cells import bits
from services.matcher.solver.constraints import Question, Settings, Unknown, answer
from services.matcher.solver.variables import Option, Problem


@dataclass(frozen=True, slots=True)
class Core:
    """What a child uses whichever of its options it takes."""

    mask: int
    cells: tuple[int, ...]
    rows: tuple[int, ...]


NOTHING = Core(0, (), ())
Region = dict[Id, tuple[Option, ...]]


class Search:
    """Kept children, one possible arrangement of them, and how the questions about it were answered."""

    def __init__(self, problem: Problem, settings: Settings) -> None:
        self.problem, self.settings = problem, settings
        self.kinds = tuple(row.kind for row in problem.rows)
        self.now = Arrangement(problem.rows)
        self.unproven: dict[Id, None] = {}
        self._sure = Tally(problem.rows)
        self._cores: dict[Id, Core] = {}
        self._refused: defaultdict[Id, list[Core]] = defaultdict(list)
        self._undecided: defaultdict[int, dict[Id, None]] = defaultdict(dict)

    def keep(self, request: Id, options: tuple[Option, ...]) -> bool:
        """Keeps the child at one of these options if that is possible with all that is kept already."""
        core = self._cores.get(request, NOTHING)
        self._sure.give_back(core.cells, core.rows)
        live = self._possible(options)
        if request not in self.now.at:
            live = tuple(option for option in live if not self._was_refused(option))
        found = bool(live) and self._place(request, live)
        self._sure.use(core.cells, core.rows)
        if found:
            self._settle(request, live)
        return found

    def _possible(self, options: tuple[Option, ...]) -> tuple[Option, ...]:
        """The options that what others use for sure does not rule out."""
        if not self.settings.quick_no:
            return options
        return tuple(option for option in options if self._sure.fits(option))

    def _was_refused(self, option: Option) -> bool:
        """True if the solver has refused these hours, or fewer, to another: one more child there is too many."""
        return self.settings.quick_no and any(
            refused.mask & option.mask == refused.mask and set(refused.rows) <= set(option.rows)
            for refused in self._refused[option.section]
        )

    def _settle(self, request: Id, options: tuple[Option, ...]) -> None:
        """Notes the options of a kept child, and what follows for those that still have a choice."""
        waiting = dict.fromkeys(self._note(request, options))
        while waiting and self.settings.quick_no:
            row, _ = waiting.popitem()
            for other in list(self._undecided[row]):
                fewer = self._still_possible(other)
                if len(fewer) < len(self.now.equals[other]):
                    waiting.update(dict.fromkeys(self._note(other, fewer)))

    def _note(self, request: Id, options: tuple[Option, ...]) -> list[int]:
        """Records a child's options and what it uses for sure; returns the rows in which more cells are now full."""
        before, core = self._cores.get(request, NOTHING), _core(options)
        for option in self.now.equals.get(request, ()):
            for row in option.rows:
                self._undecided[row].pop(request, None)
        self.now.equals[request], self._cores[request] = options, core
        self._sure.give_back(before.cells, before.rows)
        full = {row: self._sure.full[row] for row in core.rows}
        self._sure.use(core.cells, core.rows)
        for option in options if len(options) > 1 else ():
            for row in option.rows:
                self._undecided[row][request] = None
        return [row for row in core.rows if self._sure.full[row] != full[row]]

    def _still_possible(self, request: Id) -> tuple[Option, ...]:
        core = self._cores[request]
        self._sure.give_back(core.cells, core.rows)
        live = self._possible(self.now.equals[request])
        self._sure.use(core.cells, core.rows)
        return live

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
        region = self._region(request, options)
        if len(region) == 1 and self.settings.quick_no:
            return False
        try:
            found = answer(self._question(region), self.settings)
        except Unknown:
            self.unproven[request] = None
            return False
        if found is None:
            for option in options:
                self._refused[option.section].append(Core(option.mask, option.cells, option.rows))
            return False
        self.now.rearrange(found.values())
        return True

    def _question(self, children: Region) -> Question:
        """Whether these children have an arrangement while all others stay where they are."""
        left = {
            row: list(self.now.tally.left[row])
            for options in children.values()
            for option in options
            for row in option.rows
        }
        hint = {request: self.now.at[request] for request in children if request in self.now.at}
        for option in hint.values():
            for row in option.rows:
                for cell in option.cells if row in left else ():
                    left[row][cell] += 1
        return Question(children, self.kinds, left, hint)

    def _region(self, request: Id, options: tuple[Option, ...]) -> Region:
        """The child and all who might have to move for it. Where everybody else is now, nobody of these would go."""
        region = {request: options}
        for near in (waiting := [request]):
            for option in region[near]:
                for other in self._movable(option):
                    if other not in region:
                        region[other] = self.now.equals[other]
                        waiting.append(other)
        return region

    def _movable(self, option: Option) -> list[Id]:
        return [
            other
            for row in option.rows
            for other in self.now.using[row]
            if len(self.now.equals[other]) > 1 and self.now.at[other].mask & option.mask
        ]


def _core(options: tuple[Option, ...]) -> Core:
    """The cells of all the options, in the rows of all of them. Masks compare within one structure only."""
    first = options[0]
    if any(option.structure != first.structure for option in options):
        return NOTHING
    mask, rows = first.mask, set(first.rows)
    for option in options[1:]:
        mask &= option.mask
        rows &= set(option.rows)
    return Core(mask, tuple(bits(mask)), tuple(sorted(rows)))

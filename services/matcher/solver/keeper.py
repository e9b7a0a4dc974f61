"""What is kept, and whether one thing more can be: a quick yes, a quick no, a proof, else the solver.

Every unit that takes part has the columns that are still possible for it; some arrangement of all of them is always at
hand. When to modify: to answer faster. The answers must stay the same whatever the settings (a test compares them).
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from dataclasses import replace

from contracts.vocabulary import Id
from services.matcher.solver.board import Board, Columns
from services.matcher.solver.columns import Sheet
from services.matcher.solver.constraints import Settings, Unknown, answer
from services.matcher.solver.cuts import Values
from services.matcher.solver.halves import Halves
from services.matcher.solver.linear import NEAR, Relaxed, relax
from services.matcher.solver.prices import Proof, Proofs, proof_of, rough_price, rough_slack
from services.matcher.solver.problem import Problem
from services.matcher.solver.questions import Question
from services.matcher.solver.scarce import OF_PLACES
from services.matcher.solver.sure import Sure

Region = dict[Id, Columns]


class Keeper:
    """Kept units, one possible arrangement of them, and how the questions about it were answered."""

    def __init__(self, problem: Problem, settings: Settings) -> None:
        self.problem, self.settings = problem, settings
        self.sheet = Sheet(problem)
        self.now = Board(self.sheet)
        self.proofs = Proofs(self.sheet)
        self.unproven: dict[Id, None] = {}
        self.asked = 0
        self.goals_effort = settings.goals_effort
        self.undecided: defaultdict[int, dict[Id, None]] = defaultdict(dict)
        self.decided: defaultdict[int, dict[Id, None]] = defaultdict(dict)
        self._sure = Sure(self.sheet)
        self._halves = Halves(self.now, self.undecided, self.decided)
        self._refused: defaultdict[int, list[int]] = defaultdict(list)
        for name in (name for name, unit in problem.units.items() if unit.stay is not None):
            self.now.put(self.sheet.nothing[name])
            self.settle(name, (*self.sheet.choices[name], self.sheet.nothing[name]))

    def keep(self, unit: Id, columns: Columns) -> bool:
        """Keeps the unit at one of these columns if that is possible with all that is kept already."""
        live = self.possible(columns)
        if unit not in self.now.live:
            live = tuple(column for column in live if not self._was_refused(column))
        if not live or not self._place(unit, live):
            return False
        self.settle(unit, live)
        return True

    def settle(self, unit: Id, columns: Columns) -> None:
        """Notes the columns left to a unit, one of which it has, and what follows for all that have a choice."""
        self.propagate(*self._note(unit, columns))

    def include(self, row: int, units: Iterable[Id], taken: int) -> None:
        """Takes note of a row that has just been made, of which these units have taken so much already."""
        self.now.left[row] = self.now.room(row) - taken
        for unit in units:
            index = self.undecided if len(self.now.live[unit]) > 1 else self.decided
            index[row][unit] = None

    def cut(self, question: Question, values: Values) -> bool:
        """Adds the rows that follow from others and that a relaxation overruns; False if there are none."""
        found = self._halves.found(question, values)
        for amounts, cap in found:
            row = self.sheet.add_half(cap, amounts)
            units = dict.fromkeys(self.sheet.unit_of[column] for column in amounts)
            here = [unit for unit in units if unit in self.now.live]
            self.include(row, here, sum(amounts.get(self.now.at[unit], 0) for unit in here))
        return bool(found)

    def possible(self, columns: Columns) -> Columns:
        """The columns that neither what others take for sure nor a proof rules out."""
        if not self.settings.quick_no:
            return columns
        return tuple(column for column in columns if self._sure.allows(column) and self.proofs.allow(column))

    def _was_refused(self, column: int) -> bool:
        """True if the solver refused these rows, or fewer, to another: one more there is too many."""
        bits = self.sheet.bits[column]
        refused = self._refused[self.sheet.block_of[self.sheet.unit_of[column]]]
        return self.settings.quick_no and any(bits & other == other for other in refused)

    def _note(self, unit: Id, columns: Columns) -> tuple[list[int], list[Proof]]:
        """Records what is left to a unit; returns the rows that it fills and the proofs that it moves."""
        before = self.now.live.get(unit, ())
        for row in self._rows(before):
            self.undecided[row].pop(unit, None)
            self.decided[row].pop(unit, None)
        self.now.live[unit] = columns
        index = self.undecided if len(columns) > 1 else self.decided
        for row in self._rows(columns):
            index[row][unit] = None
        return self._sure.note(unit, columns), self.proofs.narrowed(unit, before, columns)

    def _rows(self, columns: Columns) -> Iterable[int]:
        return dict.fromkeys(row for column in columns for row in self.sheet.amounts[column])

    def propagate(self, rows: list[int], proofs: list[Proof]) -> None:
        """Drops the columns that full rows and proofs rule out, and those that this rules out in turn."""
        full, moved = dict.fromkeys(rows), dict.fromkeys(proofs)
        while self.settings.quick_no and (full or moved):
            if full:
                row, _ = full.popitem()
                found = self._narrow(self.undecided[row], None)
            else:
                proof, _ = moved.popitem()
                found = self._narrow(dict.fromkeys(u for row in proof.prices for u in self.undecided[row]), proof)
            for more_rows, more_proofs in found:
                full.update(dict.fromkeys(more_rows))
                moved.update(dict.fromkeys(more_proofs))

    def _narrow(self, units: Iterable[Id], proof: Proof | None) -> list[tuple[list[int], list[Proof]]]:
        found = []
        for unit in list(units):
            columns = self.now.live[unit]
            if proof is None:
                fewer = tuple(column for column in columns if self._sure.allows(column))
            else:
                most = proof.slack + proof.least.get(unit, 0)
                fewer = tuple(column for column in columns if proof.price(self.sheet.amounts[column]) <= most)
            if len(fewer) < len(columns):
                found.append(self._note(unit, fewer))
        return found

    def _place(self, unit: Id, columns: Columns) -> bool:
        before = self.now.at.get(unit)
        if before in columns:
            return True
        if before is not None:
            self.now.take(unit)
        if self.now.insert(columns, self.settings.chain_depth, self.settings.chain_width):
            return True
        if before is not None:
            self.now.put(before)
        return self._ask(unit, columns)

    def _ask(self, unit: Id, columns: Columns) -> bool:
        """Asks about the unit and those who might have to move for it, more and more of them."""
        region = self._region(unit, columns)
        while True:
            question = self.question(region, unit)
            found = self._answer(question, unit) if len(region) > 1 or not self.settings.quick_no else None
            if found is not None:
                return found
            if not self.widen(question, region):
                self._refuse(unit, columns)
                return False

    def rule_out(self, unit: Id, columns: Columns, but: int) -> None:
        """Takes columns from a unit for good, if nothing can give it any of them, whatever becomes of the row `but`."""
        columns = self._without_closed(unit, columns)
        region = self._region(unit, columns)
        while columns and self.may_ask():
            question = replace(self.question(region, unit), goal_row=but)
            relaxed = relax(self._with_fallback(question, unit))
            is_open = relaxed is None or relaxed.value <= NEAR - 1
            if is_open or (relaxed and self._add_proof(relaxed, unit, columns)) or not self.widen(question, region):
                return

    def _without_closed(self, unit: Id, columns: Columns) -> Columns:
        """Takes from a unit the columns that are full of units without another choice; returns the others."""
        here = self.now.take(unit)
        full, bits = self.now.full[self.sheet.block_of[unit]], self.sheet.bits
        closed = [column for column in columns if bits[column] & full and self._is_closed(column)]
        self.now.put(here)
        if closed:
            self.settle(unit, tuple([column for column in self.now.live[unit] if column not in closed]))
        return tuple([column for column in columns if column in self.now.live[unit]])

    def _is_closed(self, column: int) -> bool:
        full_rows = (row for row in self.sheet.cells[column] if self.now.room(row) <= 0)
        return any(not self._who_could_take_less(row) for row in full_rows)

    def _refuse(self, unit: Id, columns: Columns) -> None:
        if unit not in self.now.live:
            plain = [column for column in columns if not self.sheet.others[column]]
            self._refused[self.sheet.block_of[unit]] += [self.sheet.bits[column] for column in plain]

    def _answer(self, question: Question, unit: Id) -> bool | None:
        """True if the unit has a column now, False if it cannot; None if it cannot unless more units may move."""
        if not self.may_ask():
            self.unproven[unit] = None
            return False
        relaxed = relax(self._with_fallback(question, unit)) if self.settings.quick_no else None
        if relaxed and relaxed.value > NEAR - 1:
            if self._add_proof(relaxed, unit, question.choices[unit]):
                return False
        elif relaxed and relaxed.columns:
            self.now.rearrange(relaxed.columns.values())
            return True
        try:
            found = answer(question, self.settings)
        except Unknown:
            self.unproven[unit] = None
            return False
        if found is not None:
            self.now.rearrange(found.values())
        return True if found is not None else None

    def _with_fallback(self, question: Question, unit: Id) -> Question:
        """The same where a unit that takes part already may also have its other columns, as goals decided may ask."""
        if unit not in self.now.live:
            return question
        return replace(question, choices={**question.choices, unit: self.now.live[unit]}, newcomer=None)

    def may_ask(self) -> bool:
        """Counts one more question; False once there were as many as the settings allow."""
        self.asked += 1
        return self.asked <= self.settings.questions

    def _add_proof(self, relaxed: Relaxed, unit: Id, columns: Columns) -> bool:
        """Adds the proof that the unit can have none of these columns, if the prices make one."""
        if not self._is_promising(relaxed, unit, columns):
            return False
        for _, prices in relaxed.whole_prices():
            kept = self.kept_in(prices)
            own = kept.pop(unit, None)
            proof = proof_of(prices, self.sheet, kept)
            if min(proof.price(self.sheet.amounts[column]) for column in columns) > proof.slack:
                self.add_proof(proof_of(prices, self.sheet, {**kept, unit: own} if own else kept))
                return True
        return False

    def _is_promising(self, relaxed: Relaxed, unit: Id, columns: Columns) -> bool:
        """False if the prices refuse the unit only as long as those outside the question stay where they are."""
        kept = self.kept_in(relaxed.prices)
        kept.pop(unit, None)
        slack = rough_slack(relaxed.prices, self.sheet, kept)
        return min(rough_price(relaxed.prices, self.sheet.amounts[column]) for column in columns) > slack + NEAR

    def add_proof(self, proof: Proof) -> None:
        """Keeps a proof that holds, and draws what follows from it."""
        self.proofs.add(proof)
        self.propagate([], [proof])

    def kept_in(self, rows: Iterable[int]) -> Region:
        """The units that take, or may take, something of these rows, with what is left to them."""
        found = dict.fromkeys(unit for row in rows for unit in (*self.undecided[row], *self.decided[row]))
        return {unit: self.now.live[unit] for unit in found}

    def question(self, region: Region, newcomer: Id | None = None) -> Question:
        """Which choices these units can have while all others stay where they are."""
        inside: defaultdict[int, int] = defaultdict(int)
        for unit in region:
            for row, amount in self.sheet.amounts[self.now.at[unit]].items() if unit in self.now.at else ():
                inside[row] += amount
        hint = {unit: self.now.at[unit] for unit in region if unit in self.now.at}
        goal = dict.fromkeys(region[newcomer], -1) if newcomer is not None else {}
        room = self.now.room
        return Question(self.sheet, region, lambda row: room(row) + inside[row], hint, newcomer, goal)

    def _region(self, unit: Id, columns: Columns) -> Region:
        """The unit and those who stand in its way, in the way of their other columns, and so on."""
        region, seen = {unit: columns}, set[int]()
        for near in (waiting := [unit]):
            for row in self._in_the_way(region[near]) - seen:
                seen.add(row)
                for other in self._who_could_take_less(row):
                    if other not in region:
                        region[other] = self.now.live[other]
                        waiting.append(other)
        return region

    def _in_the_way(self, columns: Columns) -> set[int]:
        """The rows that have too little left for one of these columns."""
        sheet, room = self.sheet, self.now.room
        found: set[int] = set()
        for column in columns:
            found.update(row for row in sheet.cells[column] if room(row) <= 0)
            found.update(row for row, amount in sheet.others[column].items() if room(row) < amount)
        return found

    def _who_could_take_less(self, row: int) -> list[Id]:
        live, at, amounts = self.now.live, self.now.at, self.sheet.amounts
        if self.sheet.kinds[row] in OF_PLACES:
            return [unit for unit in self.now.using[row] if len(live[unit]) > 1]
        return [
            unit for unit in self.undecided[row] if at[unit] != min(live[unit], key=lambda c: amounts[c].get(row, 0))
        ]

    def widen(self, question: Question, region: Region) -> bool:
        """Adds those who could make more room where the units of a region overrun a row; False if nobody could."""
        more = {unit for row in question.limits for unit in self._who_could_take_less(row)} - region.keys()
        for unit in sorted(more):
            region[unit] = self.now.live[unit]
        return bool(more)

"""Short proofs: whole prices on a few rows, such that what is kept and one thing more would cost more than there is.

Whoever takes its cheapest choices pays at least their price; the rows hold so much at these prices and no more. What
is left over is the proof's slack, and a choice dearer than the cheapest by more than the slack is impossible. A proof
is an addition anybody can redo: nothing depends on how its prices were found.

When to modify: never to make a search faster by trusting a number that is not whole.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

from contracts.vocabulary import Id
from services.matcher.solver.columns import Sheet
from services.matcher.solver.scarce import Amounts


@dataclass(slots=True, eq=False)
class Proof:
    """`prices` by row; `least` is the price of the cheapest choice of each unit, where it is not 0."""

    prices: Amounts
    slack: int
    least: dict[Id, int] = field(default_factory=dict)

    def price(self, amounts: Amounts) -> int:
        prices = self.prices
        return sum(prices[row] * amount for row, amount in amounts.items() if row in prices)


class Proofs:
    """The proofs found so far, kept true while more is kept."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self._at: defaultdict[int, dict[int, Proof]] = defaultdict(dict)
        self._all: list[Proof] = []

    def add(self, proof: Proof) -> None:
        for row in proof.prices:
            self._at[row][len(self._all)] = proof
        self._all.append(proof)

    def allow(self, column: int) -> bool:
        """False if a proof rules the column out for its unit, beside all that is kept."""
        amounts, unit = self.sheet.amounts[column], self.sheet.unit_of[column]
        return all(proof.price(amounts) - proof.least.get(unit, 0) <= proof.slack for proof in self._touching([column]))

    def narrowed(self, unit: Id, before: tuple[int, ...], columns: tuple[int, ...]) -> list[Proof]:
        """Notes that of the choices `before` of a unit these columns are left; returns the proofs that it moves."""
        return [proof for proof in self._touching((*before, *columns)) if self._update(proof, unit, columns)]

    def _touching(self, columns: Iterable[int]) -> list[Proof]:
        found: dict[int, Proof] = {}
        for column in columns:
            for row in self.sheet.amounts[column]:
                if row in self._at:
                    found.update(self._at[row])
        return list(found.values())

    def _update(self, proof: Proof, unit: Id, columns: tuple[int, ...]) -> bool:
        least = min(proof.price(self.sheet.amounts[column]) for column in columns)
        before = proof.least.get(unit, 0)
        proof.least[unit] = least
        proof.slack -= least - before
        return least != before


def proof_of(prices: Amounts, sheet: Sheet, kept: dict[Id, tuple[int, ...]]) -> Proof:
    """The proof that these prices make beside what is kept; `kept` must hold every unit that takes of these rows."""
    proof = Proof(prices, sum(sheet.caps[row] * price for row, price in prices.items()))
    for unit, columns in kept.items():
        least = min(proof.price(sheet.amounts[column]) for column in columns)
        if least:
            proof.least[unit] = least
            proof.slack -= least
    return proof


def rough_slack(prices: Mapping[int, float], sheet: Sheet, kept: dict[Id, tuple[int, ...]]) -> float:
    """The slack that prices would have before they are made whole: what is hopeless need not be rounded."""
    least = (min(rough_price(prices, sheet.amounts[column]) for column in columns) for columns in kept.values())
    return sum(sheet.caps[row] * price for row, price in prices.items()) - sum(least)


def rough_price(prices: Mapping[int, float], amounts: Amounts) -> float:
    return sum(prices[row] * amount for row, amount in amounts.items() if row in prices)

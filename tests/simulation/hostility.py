"""What may go wrong, how often, and what did: every decision of a run is drawn here, from its seed."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import datetime
from enum import Enum
from typing import TypeVar

T = TypeVar("T")


class Crashed(BaseException):
    """A process was killed here. No code of its own may catch this and live on."""


@dataclass
class Rates:
    """How often, of all times it could. Drawn for each run, so that some runs are quiet and some are wild."""

    crash: float = 0.0
    repeat: float = 0.0
    pause: float = 0.0
    refuse: float = 0.0
    lose_answer: float = 0.0
    trouble: float = 0.0


class Habit(Enum):
    """What the people of a town mostly do, in towns whose people have a habit."""

    CROWD = "everybody wants a morning of tomorrow, and several families are asked at once"
    SIBLINGS = "families ask for two children together, and the guichet thinks again"
    MOVES = "children who have a place ask for another, and others would follow them"
    DEPARTURES = "children leave as soon as they have a place"
    QUARRELS = "two parents say the contrary of each other, or nobody is reached"
    SHARED_WEEKS = "each crèche has some days only, and families would go to both"
    ERASURES = "families ask that nothing be known of them any more, whatever is under way"
    NEW_RULES = "the territory changes its rules and its travel times, and families would go to what is near"


QUIET = Rates()
CROWDED = range(2_000, 3_000)
"""Seeds whose runs are crowded; no other run is changed by them."""

FORGETTING = range(3_000, 4_000)
"""Seeds of towns in which families are erased."""

RULED_ANEW = range(4_000, 5_000)
"""Seeds of towns whose territory is published anew."""

MIXED = range(100, 1_000)
"""Seeds of which some have a habit, by their last digit. The first hundred live without."""
BY_LAST_DIGIT = {
    0: Habit.CROWD, 1: Habit.SIBLINGS, 2: Habit.SIBLINGS, 3: Habit.MOVES, 4: Habit.MOVES, 5: Habit.QUARRELS,
    6: Habit.QUARRELS, 7: Habit.DEPARTURES, 8: Habit.SHARED_WEEKS,
}  # fmt: skip


def habit_of(seed: int) -> Habit | None:
    """What the people of this run mostly do; None where each does what comes to mind."""
    if seed in CROWDED:
        return Habit.CROWD
    if seed in FORGETTING:
        return Habit.ERASURES
    if seed in RULED_ANEW:
        return Habit.NEW_RULES
    return BY_LAST_DIGIT.get(seed % 10) if seed in MIXED else None


@dataclass
class Hostility:
    """The dice of one run. `seen` counts every branch that was reached, by its name."""

    seed: int
    habit: Habit | None = field(init=False)
    dice: random.Random = field(init=False)
    rates: Rates = field(init=False)
    seen: Counter[str] = field(default_factory=Counter)
    journal: list[str] = field(default_factory=list)
    away: dict[str, datetime] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.habit = habit_of(self.seed)
        self.dice = random.Random(self.seed)
        self.rates = Rates(
            crash=self.dice.choice((0.0, 0.001, 0.003, 0.01)),
            repeat=self.dice.choice((0.0, 0.05, 0.2)),
            pause=self.dice.choice((0.0, 0.3, 0.7)),
            refuse=self.dice.choice((0.0, 0.1)),
            lose_answer=self.dice.choice((0.0, 0.1, 0.3)),
            trouble=self.dice.choice((0.0, 0.01, 0.03)),
        )

    @property
    def is_crowded(self) -> bool:
        return self.habit is Habit.CROWD

    def happens(self, rate: float) -> bool:
        return rate > 0 and self.dice.random() < rate

    def one(self, choices: Sequence[T]) -> T:
        return choices[self.dice.randrange(len(choices))]

    def note(self, branch: str) -> None:
        self.seen[branch] += 1

    def tell(self, line: str) -> None:
        self.journal.append(line)

    def calm(self) -> None:
        """From here on everything works."""
        self.rates = QUIET
        self.away.clear()

    def is_away(self, what: str, now: datetime) -> bool:
        """Whether a database, the broker or the gateway is away at the moment."""
        until = self.away.get(what)
        if until is not None and now >= until:
            del self.away[what]
            return False
        return until is not None

"""Who of a town does what next: each what comes to mind, or what the people of this town mostly do.

When to modify: where a branch is reached by no seed, a habit that people have leads there; it has seeds of its own
(`hostility.habit_of`), so that the others live on as they did.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from contracts.vocabulary import ProposalState
from tests.simulation import households
from tests.simulation.errands import Errand
from tests.simulation.hostility import Habit
from tests.simulation.people import People

Acting = Callable[[People, datetime], Errand | None]
AS_USUAL, AT_ONCE = 0.7, 0.5
"""Of all acts in a town with habits, so many are of them; where there is occasion, so often it is taken."""


@dataclass(frozen=True)
class Habits:
    """What people of a town do `first` where there is occasion, one after the other, and what they do `mostly`."""

    mostly: tuple[Acting, ...]
    first: tuple[Acting, ...] = ()


def act(people: People, now: datetime) -> Errand | None:
    """What somebody wants to do now; None where there is nothing to do it to."""
    dice = people.dice
    if dice.happens(0.4) and people.proposal(ProposalState.DECLINING):
        return people.undo(now)  # it can be taken back for a quarter of an hour only
    if dice.habit is not None and dice.happens(AS_USUAL):
        return _as_usual(HABITS[dice.habit], people, now)
    acts = [each for each, weight in ACTS.items() for _ in range(weight)]
    return dice.one(acts)(people, now)


def _as_usual(habits: Habits, people: People, now: datetime) -> Errand | None:
    for each in habits.first:
        if people.dice.happens(AT_ONCE) and (errand := each(people, now)) is not None:
            return errand
    return people.dice.one(habits.mostly)(people, now)


ACTS: dict[Acting, int] = {
    People.ask: 8,
    People.amend: 2,
    People.close: 1,
    People.post: 7,
    People.post_a_day: 2,
    People.post_on_call: 2,
    People.ask_urgently_for_it: 2,
    People.change: 2,
    People.withdraw: 1,
    People.reconfirm: 2,
    People.snapshot: 1,
    People.agree: 1,
    People.end_agreement: 1,
    People.publish_anew: 1,
    People.release: 9,
    People.suspend: 1,
    People.take_back: 1,
    People.call: 2,
    People.write_down: 3,
    People.answer_by_link: 4,
    People.undo: 3,
    People.confirm: 4,
    People.refuse: 2,
    People.leave: 2,
    People.hold: 2,
    People.handle_task: 2,
    People.sign_in: 1,
}
"""How often each, of all acts."""

HABITS = {
    Habit.CROWD: Habits((People.ask, People.ask, People.ask, People.post_a_day, People.release)),
    Habit.SIBLINGS: Habits(
        (People.ask, households.ask_for_another_child, households.post_for_two, households.post_for_two),
        first=(households.think_again, households.ask_together),
    ),
    Habit.MOVES: Habits(
        (People.ask, People.ask, People.post, People.post, People.release, households.say_yes, households.say_yes),
        first=(households.stay, People.confirm, households.ask_to_move, households.post_for_a_move),
    ),
    Habit.DEPARTURES: Habits(
        (People.ask, People.post, People.release, households.say_yes, households.wait, households.wait),
        first=(People.leave, People.confirm),
    ),
    Habit.SHARED_WEEKS: Habits(
        (People.ask, People.post, People.post, People.release, households.say_yes, People.confirm, People.confirm),
        first=(People.confirm, households.give_one_of_two_back),
    ),
    Habit.QUARRELS: Habits(
        (People.ask, People.post, People.release, *(households.wait,) * 6),
        first=(households.settle_a_quarrel, households.give_up),
    ),
    Habit.ERASURES: Habits(
        (
            People.ask,
            People.ask,
            households.ask_for_another_child,
            People.post,
            People.post,
            People.release,
            households.say_yes,
            People.amend,
            households.be_forgotten,
            households.be_forgotten,
        ),
    ),
    Habit.NEW_RULES: Habits(
        (
            People.ask,
            People.ask,
            People.post,
            People.post,
            People.release,
            households.say_yes,
            People.amend,
            households.publish_other_rules,
        ),
    ),
}
"""In a crowd more ask than there are places, and nobody waits long for the release."""

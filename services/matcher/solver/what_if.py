"""Whom it would touch to force a child in, and where two decisions differ.

The round is decided again with the child in its place, by the function that is handed in; what would have been enough
for a child is in `enough.py`. When to modify: when a committee asks about another kind of difference.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable

from contracts.vocabulary import Effect as Effect
from contracts.vocabulary import Frozen, Id, Slot
from services.matcher.solver.facts import Facts, audience_in, care_hours
from services.matcher.solver.schema import Hold, Outcome, Pattern, Placed, Request, Round, Siblings, Wish

Decide = Callable[[Round], Outcome]
FORCED = "placé par une personne"


class Difference(Frozen):
    """One child whose answer is another. `before` or `after` is none where there is no place."""

    request: Id
    effect: Effect
    before: Placed | None = None
    after: Placed | None = None


def differences(before: Outcome, after: Outcome) -> tuple[Difference, ...]:
    """Every child whose answer differs, sorted by request."""
    was, now = _by_request(before.placed), _by_request(after.placed)
    found = []
    for request in sorted(was.keys() | now.keys()):
        one, other = was.get(request, ()), now.get(request, ())
        effect = _effect(one, other)
        if effect is not None:
            rows = {"before": next(iter(one), None), "after": next(iter(other), None)}
            found.append(Difference(request=request, effect=effect, **rows))
    return tuple(found)


def _by_request(placed: Iterable[Placed]) -> dict[Id, tuple[Placed, ...]]:
    """The row of each child, or its two where structures share its week."""
    found: dict[Id, tuple[Placed, ...]] = {}
    for row in placed:
        found[row.request] = (*found.get(row.request, ()), row)
    return found


def _effect(before: tuple[Placed, ...], after: tuple[Placed, ...]) -> Effect | None:
    if not before or not after:
        return Effect.LOSES if before else Effect.GAINS
    if before[0].level != after[0].level:
        return Effect.WORSE if after[0].level > before[0].level else Effect.BETTER
    same = {(row.section, row.pattern) for row in before} == {(row.section, row.pattern) for row in after}
    return None if same else Effect.MOVES


class Forced(Frozen):
    """A child put in a place by a person: whom it touches, and whether the place is beyond what is free."""

    placed_at: Id
    slots: tuple[Slot, ...]
    beyond_capacity: bool
    touched: tuple[Difference, ...]


def forced(round: Round, outcome: Outcome, request: Id, section: Id, pattern: int, decide: Decide) -> Forced:
    """The same round with this child already in its place: it holds the hours, and the others are decided again.

    Raises KeyError for an unknown request or section, IndexError for an unknown pattern.
    """
    asked = {row.id: row for row in round.requests}[request]
    hold = forced_hold(round, asked, section, pattern)
    again = decide(with_forced(round, hold))
    touched = tuple(row for row in differences(outcome, again) if row.request != request)
    return Forced(
        placed_at=section, slots=hold.slots, beyond_capacity=not is_free(round, asked, hold), touched=touched
    )  # fmt: skip


def forced_hold(round: Round, asked: Request, section: Id, pattern: int) -> Hold:
    """The hours of a child whom a person places. Raises KeyError for an unknown section, IndexError for a pattern.

    A round is read by whoever verifies it, so it says that a person decided; the motive stays with who decided.
    """
    where = {row.id: row for row in round.sections}[section]
    slots = care_hours(asked, range(len(asked.patterns))[pattern])
    return Hold(
        id=f"forced:{asked.id}"[:64], section=where.id, slots=slots, period=asked.period,
        entitled_to=audience_in(asked, where.id), reason=FORCED, by_person=True, forced=asked.id,
    )  # fmt: skip


def forced_seat(round: Round, asked: Request, hold: Hold, pattern: int) -> Placed:
    """The same in an outcome, with what the place is worth to the family: the last, if it never asked it."""
    structure = next(row.structure for row in round.sections if row.id == hold.section)
    own = Facts(round.model_copy(update={"requests": (asked,), "siblings": ()}), _nobody(round)).choices[asked.id]
    same = [row.level for row in own if row.section == hold.section and row.slots == hold.slots]
    ranks = {wish.structure: wish.rank for wish in asked.wishes}
    return Placed(
        request=asked.id, structure=structure, section=hold.section, pattern=pattern, slots=hold.slots,
        period=hold.period, wish_rank=ranks.get(structure, 0), level=min(same, default=len(own) + 1),
        replaces=asked.current,
    )  # fmt: skip


def _nobody(round: Round) -> Outcome:
    """An outcome that places nobody."""
    return Outcome(round=round.id, policy=round.policy, placed=(), reasons=(), input_hash="", outcome_hash="")


def with_forced(round: Round, hold: Hold) -> Round:
    """The round in which a child has its place by a person: it is asked for no more, with or without its siblings."""
    others = tuple(row for row in round.requests if row.id != hold.forced)
    families = [_left_together(row, hold.forced) for row in round.siblings]
    left = tuple(row for row in families if len(row.requests) > 1)
    return round.model_copy(update={"requests": others, "holds": (*round.holds, hold), "siblings": left})


def _left_together(siblings: Siblings, gone: Id | None) -> Siblings:
    combinations = (
        row.model_copy(update={"seats": tuple(seat for seat in row.seats if seat.request != gone)})
        for row in siblings.combinations
    )
    return siblings.model_copy(
        update={
            "requests": tuple(name for name in siblings.requests if name != gone),
            "combinations": tuple(row for row in combinations if row.seats),
        }
    )


def is_free(round: Round, asked: Request, hold: Hold) -> bool:
    """True if the hours are free before anybody of the round is placed."""
    span = (hold.slots, hold.period)
    wishes = (Wish(structure=next(row.structure for row in round.sections if row.id == hold.section), rank=1),)
    patterns = (Pattern(slots=hold.slots, rank=1),)
    alone = asked.model_copy(update={"wishes": wishes, "patterns": patterns, "travel_minutes": 0, "not_again": ()})
    facts = Facts(round.model_copy(update={"requests": (alone,), "siblings": ()}), _nobody(round))
    here = [choice for choice in facts.choices[asked.id] if choice.section == hold.section]
    level = facts.level_in(asked.id, hold.section)
    return any(facts.books[hold.section].is_offered(span, level) and facts.could_take(choice) for choice in here)

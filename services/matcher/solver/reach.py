"""Whether a changed request could be placed at all: quick, and never a no to one that would be.

Whoever ranks before a request keeps what it has, whatever that request asks, where the round is decided down one list.
All others may go elsewhere and are left out of account: only deciding the round again says more. When to modify: when a
mode lets those who rank behind move those who rank before.
"""

from __future__ import annotations

from collections.abc import Iterator
from functools import cached_property

from contracts.vocabulary import Id
from services.matcher.solver.choices import Choice, Choices
from services.matcher.solver.facts import Facts
from services.matcher.solver.schema import Mode, Outcome, Placed, Request, Round, Ties
from services.matcher.solver.standings import standing


class Reach:
    """What one request without a place finds in a decided round. `round` is canonical and `outcome` its own."""

    def __init__(self, round: Round, outcome: Outcome, asked: Request) -> None:
        self._round, self._outcome, self._asked = round, outcome, asked
        self._together = any(asked.id in row.requests for row in round.siblings)
        self._choices = Choices(round)

    @cached_property
    def more_choices_never_harm(self) -> bool:
        """True where each in turn takes what those before leave: a request that accepts more is placed all the more.

        Then a change of which several are needed to be placed is enough by itself, if all smaller ones are not.
        """
        policy, asked = self._round.policy, self._asked
        in_turn = policy.mode is not Mode.MOST_CHILDREN and policy.ties is Ties.DRAW
        plain = not self._round.siblings and policy.first_tier_percent is None and asked.current is None
        return in_turn and plain and not any(row.points_at for row in self._round.requests)

    def may_be_placed(self, request: Request) -> bool:
        """False only if no choice of the changed request fits beside those who stay where they are in any case."""
        if self._together:
            return True
        near, sections = self._near(request), self._wished(request)
        placed = tuple(row for row in self._stay if row.section in sections)
        facts = Facts(near, self._outcome.model_copy(update={"placed": placed, "envies": (), "certificate": None}))
        each: Iterator[tuple[Choice, ...]] = ((choice,) for choice in facts.choices[request.id])
        return any(all(_fits(facts, choice) for choice in wanted) for wanted in (*each, *facts.shared[request.id]))

    def _near(self, request: Request) -> Round:
        """The wished structures with nobody but those who stay, without what might leave or be counted otherwise.

        What might leave takes nothing there, and care may begin on the day on which it ends all the same.
        """
        sections = self._wished(request)
        others = (self._who_stay[row.request] for row in self._stay if row.section in sections)
        return self._round.model_copy(
            update={
                "policy": self._round.policy.model_copy(update={"wait_weeks": None}),
                "sections": tuple(row for row in self._round.sections if row.id in sections),
                "quotas": (),
                "siblings": (),
                "vacancies": tuple(row for row in self._round.vacancies if row.section in sections),
                "holds": tuple(
                    row.model_copy(update={"units": 0}) if row.id in self._may_leave else row
                    for row in self._round.holds if row.section in sections or row.id == request.current
                ),
                "requests": (*others, request),
            }
        )  # fmt: skip

    def _wished(self, request: Request) -> set[Id]:
        """The sections of the structures that a request wishes."""
        structures = {wish.structure for wish in request.wishes}
        return {row.id for row in self._round.sections if row.structure in structures}

    @cached_property
    def _may_leave(self) -> set[Id | None]:
        return {row.current for row in self._round.requests if row.id != self._asked.id}

    @cached_property
    def _who_stay(self) -> dict[Id, Request]:
        """The children who stay, who look for nothing: what they wish would only be worked out again each time."""
        names = {row.request for row in self._stay}
        rows = (row for row in self._round.requests if row.id in names)
        return {row.id: row.model_copy(update={"wishes": ()}) for row in rows}

    @cached_property
    def _stay(self) -> tuple[Placed, ...]:
        """The children whose place does not hang on what the request asks."""
        if not self.more_choices_never_harm:
            return ()
        seed, requests = self._round.policy.seed, {row.id: row for row in self._round.requests}
        mine = standing(self._asked, "", seed)
        before = (row for row in self._outcome.placed if standing(requests[row.request], "", seed) < mine)
        return tuple(row for row in before if self._has_no_other(row, requests[row.request]))

    def _has_no_other(self, row: Placed, request: Request) -> bool:
        """True if the list leaves this place alone to the child: in the freer modes, if it has no other choice."""
        if request.current is not None or row.split or next(self._choices.shared(request), None) is not None:
            return False
        equals = (choice for choice in self._choices.of(request) if self._is_left(choice, row))
        return next(equals, None) is not None and next(equals, None) is None

    def _is_left(self, choice: Choice, row: Placed) -> bool:
        return self._round.policy.mode is not Mode.STABLE or choice.level == row.level


def _fits(facts: Facts, choice: Choice) -> bool:
    level = facts.level_in(choice.request, choice.section)
    return facts.books[choice.section].is_offered(choice.span, level) and facts.could_take(choice)

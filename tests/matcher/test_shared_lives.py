"""Lives of shared weeks, drawn: whatever people do, both places are held, given back and taken together."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

import pytest

from contracts.releases import WithdrawalGiven
from contracts.requests import RequestClosed
from contracts.vacancies import VacancyReconfirmed, VacancyWithdrawn
from contracts.vocabulary import (
    LIVE,
    Answer,
    Channel,
    ClosingReason,
    ProposalState,
    RefusalReason,
    WithdrawalReason,
)
from services.cli.replay_held import holds
from services.cli.replay_states import decided_by_the_matcher, differences
from services.matcher import endings, halves
from services.matcher import tables as t
from services.matcher.watch import left_alone
from tests.matcher.test_halves import MON_TUE, OTHER, OTHER_SECTION, THU_FRI, WEEK
from tests.matcher.world import CRECHE, FROM_OCTOBER, SECTION, TERRITORY, World

S = ProposalState
ENDED = (S.DECLINED, S.EXPIRED, S.WITHDRAWN, S.REFUSED)
GESTURES = 25
WHO = (("parent-1", Channel.SMS), ("parent-2", Channel.LINK), ("guichet", Channel.PHONE))
PLACES = {"v-1": (CRECHE, SECTION, MON_TUE), "v-2": (OTHER, OTHER_SECTION, THU_FRI)}


class Life:
    """Two crèches, each with some days of the week free, and three families that would share a week."""

    def __init__(self, number: int) -> None:
        self.dice = random.Random(number)
        self.world = World().begin(automatic_release=True)
        self.world.publish(OTHER, OTHER_SECTION)
        for name, (structure, section, slots) in PLACES.items():
            self.world.open_place(name, places=2, structure=structure, section=section, slots=slots)
        for name in ("A", "B", "C"):
            self.world.ask(name, wishes=(CRECHE, OTHER), slots=WEEK, accepts_split=True)
        self.world.tick()

    def proposal(self, *states: ProposalState) -> str | None:
        rows = [row["proposal"] for row in self.world.rows(t.proposals) if not states or row["state"] in states]
        return self.dice.choice(sorted(rows)) if rows else None

    def gesture(self) -> None:
        self.dice.choice(_GESTURES)(self)
        if self.dice.random() < 0.7:
            self.world.tick()


def _reach(life: Life) -> None:
    if name := life.proposal(S.RELEASED, S.SENT):
        life.world.delivered(name)


def _answer(life: Life) -> None:
    answers = (Answer.OUI, Answer.OUI, Answer.OUI, Answer.NON, Answer.RAPPEL, Answer.FIN)
    if name := life.proposal(S.DELIVERED, S.ACCEPTED, S.DECLINING, S.FROZEN):
        life.world.answer(name, life.dice.choice(answers), *life.dice.choice(WHO))


def _undo(life: Life) -> None:
    if name := life.proposal(S.DECLINING):
        life.world.undo(name, *life.dice.choice(WHO))


def _confirm(life: Life) -> None:
    if name := life.proposal(S.ACCEPTED) or life.proposal(*LIVE):
        life.world.confirm(name, life.dice.choice((CRECHE, OTHER)))


def _refuse(life: Life) -> None:
    if name := life.proposal(S.ACCEPTED):
        there = life.dice.choice((CRECHE, OTHER))
        life.world.refuse(name, life.dice.choice(tuple(RefusalReason)), there)


def _take_back(life: Life) -> None:
    if name := life.proposal(*LIVE):
        life.world.hear(WithdrawalGiven, name, proposal=name, reason=WithdrawalReason.BY_GUICHET, by="guichet")


def _count(life: Life) -> None:
    life.world.change_place(life.dice.choice(sorted(PLACES)), life.dice.choice((0, 1, 2)))


def _withdraw(life: Life) -> None:
    name = life.dice.choice(sorted(PLACES))
    life.world.hear(VacancyWithdrawn, name, reason=WithdrawalReason.CLOSURE, said_by="director")


def _believe(life: Life) -> None:
    for name in PLACES:
        life.world.hear(VacancyReconfirmed, name, said_by="director")


def _wait(life: Life) -> None:
    life.world.pass_time(timedelta(hours=life.dice.choice((0.3, 8, 80))))


def _amend(life: Life) -> None:
    keeps = life.dice.random() < 0.5
    life.world.amend(life.dice.choice("ABC"), wishes=(CRECHE, OTHER), slots=WEEK, accepts_split=keeps)


def _close(life: Life) -> None:
    life.world.hear(RequestClosed, life.dice.choice("ABC"), reason=ClosingReason.MOVED_AWAY, said_by="guichet")


def _leave(life: Life) -> None:
    rows = sorted(row["placement"] for row in life.world.rows(t.placements))
    if rows:
        life.world.leave(life.dice.choice(rows), FROM_OCTOBER.start + timedelta(days=life.dice.choice((20, 60))))


_GESTURES: tuple[Callable[[Life], None], ...] = (
    *(_reach, _answer, _confirm) * 6, *(_wait, _believe) * 2,
    _undo, _refuse, _take_back, _count, _withdraw, _amend, _close, _leave,
)  # fmt: skip


def faults(world: World) -> list[str]:
    """What does not add up, in words; empty while all is well."""
    found = []
    said = [event.subject for event in world.events("place.reopened")]
    placed = {row["placement"] for row in world.rows(t.placements)}
    rows = {row["proposal"]: world.proposal(row["proposal"]) for row in world.rows(t.proposals)}
    live = {name for proposal in rows.values() if proposal.state in LIVE for name in halves.holds_of(proposal)}
    held = {row["hold"] for row in world.rows(t.holds) if not row["is_placement"]}
    if held != live:
        found.append(f"held {sorted(held)}, living {sorted(live)}")
    for name, proposal in rows.items():
        times = len(halves.of(proposal)) if proposal.state in ENDED else 0
        if proposal.state is not S.CONFIRMED and said.count(name) != times:
            found.append(f"{name} is {proposal.state} and gave back {said.count(name)} times")
        if proposal.state is S.CONFIRMED and not halves.holds_of(proposal) <= placed:
            found.append(f"{name} is confirmed and has a half without a placement")
    again = {"holds": holds(world.said)}
    with world.engine.connect() as tx:
        found += [f"{row.proposal} is left alone" for row in left_alone(tx)]
        kept = {"holds": decided_by_the_matcher(tx, TERRITORY)["holds"]}
        found += [f"replayed otherwise: {row}" for row in differences(kept, again)]
    return found


def lived(number: int) -> tuple[list[str], set[ProposalState]]:
    """The first faults of a life, and how its shared weeks ended."""
    life = Life(number)
    for _ in range(GESTURES):
        life.gesture()
        if found := faults(life.world):
            return found, set()
    made = [life.world.proposal(row["proposal"]) for row in life.world.rows(t.proposals)]
    return [], {proposal.state for proposal in made if proposal.other_half is not None}


LIVES = (1, 7, 11, 14)
"""Lives that come between them to every end of a shared week."""


def test_whatever_people_do_both_halves_are_held_and_given_back_together() -> None:
    ends: set[ProposalState] = set()
    for number in LIVES:
        found, states = lived(number)
        assert found == [], number
        ends |= states
    assert {S.CONFIRMED, *ENDED} <= ends


def test_an_end_that_forgets_the_other_half_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(endings, "_freed", lambda _, proposal, **__: [(proposal.section, proposal.slots)])
    assert any(lived(number)[0] for number in LIVES)

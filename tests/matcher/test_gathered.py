"""A step that gathers what it writes keeps every guard of one that writes at once: no place twice, no code twice."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
import sqlalchemy as sa

from contracts.vocabulary import Audience, ProposalState, VacancyKind
from services.calendar import local_day
from services.matcher.codes import free_codes
from services.matcher.declared_capacity import staffed_among
from services.matcher.moves import move
from services.matcher.policy import policy_in_force
from services.matcher.propose import NoRoom, Place, proposal_id, propose, propose_wave
from services.matcher.sheet import Sheet
from services.matcher.solver.schema import Hold
from services.matcher.step import Step
from tests.matcher.world import CRECHE, FROM_OCTOBER, MORNINGS, SECTION, TERRITORY, World

NAMES = ("r-1", "r-2", "r-3")


@pytest.fixture
def step(world: World) -> Iterator[Step]:
    """Three children, two places of one section, which the step has looked at before."""
    world.begin()
    world.open_place(places=2)
    policy = policy_in_force("montlucon-modele", local_day(world.now))
    with world.engine.begin() as tx:
        names = [proposal_id(name, "round/1") for name in (*NAMES, "r-4", "r-5")]
        codes, staffed = free_codes(tx, TERRITORY, names), staffed_among(tx, [CRECHE])
        step = Step(tx, world.now, "round/1", policy, Sheet(gathers=True, codes=codes, staffed=staffed))
        assert step.shelf(SECTION) is step.shelf(SECTION) is not None, "it is read once"
        yield step
        step.done()


def place(request: str) -> Place:
    return Place(
        territory=TERRITORY, round=None, request=request, family=f"f-{request}", structure=CRECHE, section=SECTION,
        kind=VacancyKind.REGULAR, slots=MORNINGS, period=FROM_OCTOBER, entitled_to=Audience.EVERYBODY, tier=2, points=0,
        since=FROM_OCTOBER.start,
    )  # fmt: skip


def test_what_a_step_has_held_is_counted_before_it_holds_more(step: Step) -> None:
    for name in NAMES[:2]:
        propose(step, place(name))
    with pytest.raises(NoRoom):
        propose(step, place(NAMES[2]))


def test_what_a_wave_holds_is_counted_before_a_child_is_proposed_a_place_alone(step: Step) -> None:
    wave = Hold(id="wave", section=SECTION, slots=MORNINGS, period=FROM_OCTOBER)
    propose_wave(step, [place("r-4"), place("r-5")], wave)
    propose(step, place(NAMES[0]))
    with pytest.raises(NoRoom):
        propose(step, place(NAMES[1]))


def test_a_proposal_that_is_not_written_yet_moves_as_one_that_is(step: Step) -> None:
    """The guard of the one conditional update: a state is left once."""
    proposal = propose(step, place(NAMES[0]))
    assert step.sheet.unwritten(proposal.proposal) is not None
    assert move(step, proposal, ProposalState.RELEASED)
    assert not move(step, proposal, ProposalState.RELEASED)
    assert not move(step, proposal, ProposalState.HELD)
    assert not move(step, proposal, ProposalState.SENT, only=(ProposalState.PREPARED,))
    step.done()
    assert step.sheet.unwritten(proposal.proposal) is None
    assert move(step, proposal, ProposalState.SENT)


def test_of_proposals_whose_digits_would_be_the_same_each_has_its_own(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.matcher.codes.CODE_DIGITS", 1)
    with world.engine.begin() as tx:
        given = free_codes(tx, TERRITORY, [f"p-{n}" for n in range(10)])
        with pytest.raises(RuntimeError):
            free_codes(tx, TERRITORY, [f"p-{n}" for n in range(11)])
    assert sorted(given.values()) == [str(n) for n in range(10)]


def test_what_was_gathered_goes_where_the_step_fails(world: World) -> None:
    with pytest.raises(NoRoom), world.engine.begin() as tx:
        policy = policy_in_force("montlucon-modele", local_day(world.now))
        propose(Step(tx, world.now, "round/1", policy, Sheet(gathers=True)), place("r-1"))
    with world.engine.begin() as tx:
        assert not tx.execute(sa.text("SELECT 1 FROM holds UNION SELECT 1 FROM proposals")).all()


def _statements_of_a_round(children: int) -> int:
    world = World().begin()
    world.open_place(places=children)
    for n in range(children):
        world.ask(f"r-{n:02}")
    asked: list[str] = []
    sa.event.listen(world.engine, "before_cursor_execute", lambda *given: asked.append(given[2]))
    world.round()
    assert len(world.events("proposal.made")) == children
    return len(asked)


def test_one_proposal_more_asks_the_database_next_to_nothing_more() -> None:
    """Whatever a proposal asks alone has all that was gathered written before it."""
    assert _statements_of_a_round(12) - _statements_of_a_round(2) <= 10

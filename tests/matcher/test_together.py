"""Brothers and sisters asked for together, from what was declared to what leaves. People are invented."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from contracts.releases import WithdrawalGiven
from contracts.siblings import SiblingsAsked, SiblingsCombination, SiblingsParted, SiblingsSeat, Together
from contracts.vocabulary import Answer, ProposalState, WithdrawalReason
from services.matcher import tables as t
from services.matcher.reading import load
from tests.matcher.world import CRECHE, TERRITORY, World

CRECHE_B, SECTION_B = "creche-B", "creche-B-petits"
S = ProposalState


def ask_both(world: World, *together: Together, **facts: Any) -> None:
    wishes = facts.pop("wishes", (CRECHE, CRECHE_B))
    for name in ("r-1", "r-2"):
        world.ask(name, family="f-1", wishes=wishes)
    said = {"family": "f-1", "requests": ("r-1", "r-2"), "together": together, **facts}
    world.hear(SiblingsAsked, "b-1", **said)


def both(world: World) -> tuple[str, str]:
    world.open_place(places=2)
    ask_both(world, Together.SAME_STRUCTURE)
    world.tick()
    return world.live("r-1"), world.live("r-2")


def test_siblings_get_places_together_or_none_and_the_family_is_told_why(world: World) -> None:
    world.publish(CRECHE_B, SECTION_B)
    world.open_place()
    world.open_place("v-B", structure=CRECHE_B, section=SECTION_B)
    ask_both(world, Together.SAME_STRUCTURE)
    world.tick()
    assert world.events("proposal.made") == [], "one place here and one there is not what was asked"
    said = world.events("request.explained", "r-1")[-1].phrases
    assert any("pas avec toute la fratrie" in phrase for phrase in said)
    world.open_place("v-2")
    world.tick()
    made = world.events("proposal.made")
    assert {(row.structure, row.siblings) for row in made} == {(CRECHE, "b-1")} and len(made) == 2
    assert len({row.code for row in made}) == 2, "each child is answered for by itself"


def test_places_near_each_other_are_those_of_one_commune(world: World) -> None:
    world.publish(CRECHE_B, SECTION_B)
    world.publish("creche-C", "creche-C-petits", commune="03190")
    world.open_place()
    world.open_place("v-C", structure="creche-C", section="creche-C-petits")
    ask_both(world, Together.NEAR, wishes=(CRECHE, CRECHE_B, "creche-C"))
    world.tick()
    assert world.events("proposal.made") == []
    world.open_place("v-B", structure=CRECHE_B, section=SECTION_B)
    world.tick()
    assert {row.structure for row in world.events("proposal.made")} == {CRECHE, CRECHE_B}


def test_ranked_combinations_may_leave_a_child_without_a_place(world: World) -> None:
    world.open_place()
    alone = SiblingsCombination(rank=2, seats=(SiblingsSeat(request="r-2", structure=CRECHE),))
    together = SiblingsCombination(
        rank=1, seats=(SiblingsSeat(request="r-1", structure=CRECHE), SiblingsSeat(request="r-2", structure=CRECHE))
    )
    ask_both(world, combinations=(together, alone))
    world.tick()
    assert [row.request for row in world.events("proposal.made")] == ["r-2"]


def test_what_is_proposed_to_siblings_leaves_with_one_gesture(world: World) -> None:
    one, other = both(world)
    world.release(one)
    assert (world.state(one), world.state(other)) == (S.RELEASED, S.RELEASED)


def test_half_of_what_was_to_leave_together_never_leaves(world: World) -> None:
    one, other = both(world)
    world.hear(WithdrawalGiven, one, proposal=one, reason=WithdrawalReason.BY_GUICHET, by="coordinator")
    assert (world.state(one), world.state(other)) == (S.WITHDRAWN, S.WITHDRAWN)
    assert world.events("proposal.withdrawn", other)[0].reason is WithdrawalReason.SIBLINGS_APART


def test_a_no_for_one_child_leaves_the_place_of_the_other_to_the_family(world: World) -> None:
    one, other = both(world)
    world.release(one)
    for proposal in (one, other):
        world.delivered(proposal)
    world.answer(one, Answer.NON)
    world.pass_time(timedelta(minutes=16))
    assert (world.state(one), world.state(other)) == (S.DECLINED, S.DELIVERED)
    assert "son frère ou sa sœur" in world.events("request.explained", "r-1")[-1].phrases[0]
    world.answer(other, Answer.OUI)
    world.confirm(other)
    world.open_place("v-2", slots=world.proposal(one).slots)
    world.tick()
    assert load_siblings(world) == (), "the one who waits is asked for alone again"


def test_children_parted_are_asked_for_one_by_one(world: World) -> None:
    world.open_place()
    ask_both(world, Together.SAME_STRUCTURE)
    world.tick()
    assert world.events("proposal.made") == []
    world.hear(SiblingsParted, "b-1", said_by="coordinator")
    world.tick()
    assert len(world.events("proposal.made")) == 1


def test_a_proposal_that_has_not_left_is_taken_back_to_be_decided_together(world: World) -> None:
    world.open_place()
    first = world.proposed("r-0", family="f-1")
    world.ask("r-1", family="f-1")
    world.hear(SiblingsAsked, "b-1", family="f-1", requests=("r-0", "r-1"), together=(Together.SAME_STRUCTURE,))
    world.tick()
    assert world.state(first) is S.WITHDRAWN
    assert not world.events("proposal.withdrawn", first)[0].family_knew
    assert len(world.events("proposal.made")) == 1


@pytest.mark.parametrize("known", [True, False])
def test_a_sibling_whose_file_waits_keeps_the_others_waiting(world: World, known: bool) -> None:
    world.open_place(places=2)
    expected = {"is_born": False, "born": world.now.date() - timedelta(days=3)} if known else {}
    world.ask("r-1", family="f-1")
    world.ask("r-2", family="f-1", **expected)
    world.hear(SiblingsAsked, "b-1", family="f-1", requests=("r-1", "r-2"), together=(Together.SAME_DAYS,))
    world.tick()
    assert len(world.events("proposal.made")) == (0 if known else 2)


def load_siblings(world: World) -> tuple[Any, ...]:
    with world.engine.connect() as tx:
        loaded = load(tx, TERRITORY, world.now)
    assert loaded is not None and world.rows(t.siblings)
    return loaded.round.siblings

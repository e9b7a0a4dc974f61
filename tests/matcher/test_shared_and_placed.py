"""A shared week beside another place of the same child: what it gives up, and that a placed child shares none."""

from __future__ import annotations

import pytest

from contracts.vocabulary import Answer, DepartureReason, ProposalState, RequestKind, TaskKind
from services.cli.replay_held import holds
from services.cli.replay_states import decided_by_the_matcher, differences
from services.matcher import halves
from services.matcher.published import _needing_support
from tests.matcher.test_halves import MON_TUE, OTHER, OTHER_SECTION, THU_FRI, WEEK, ask, held, proposed
from tests.matcher.test_halves import world as two_creches
from tests.matcher.world import CRECHE, TERRITORY, World

THIRD, THIRD_SECTION = "creche-C", "creche-C-petits"
world = two_creches


def placed_in_both(world: World) -> str:
    name = proposed(world)
    world.answer(name, Answer.OUI)
    world.confirm(name, CRECHE)
    world.confirm(name, OTHER)
    return name


def moved(world: World, **facts: object) -> str:
    """The child of the shared week has got another place in a third crèche."""
    world.publish(THIRD, THIRD_SECTION)
    world.open_place("v-3", structure=THIRD, section=THIRD_SECTION, slots=WEEK)
    return world.placed("B", **{"child": "c-A", "family": "f-A", "wishes": (THIRD,), **facts})


def same_when_replayed(world: World) -> bool:
    with world.engine.connect() as tx:
        kept = {"holds": decided_by_the_matcher(tx, TERRITORY)["holds"]}
    return not list(differences(kept, {"holds": holds(world.said)}))


@pytest.mark.parametrize("second", [False, True], ids=["the first half is named", "the second half is named"])
def test_a_child_that_moves_for_the_whole_week_leaves_both_structures(world: World, second: bool) -> None:
    shared = placed_in_both(world)
    current = halves.name_of_other(shared) if second else shared
    new = moved(world, kind=RequestKind.TRANSFER, current=current, slots=WEEK)
    assert world.state(new) is ProposalState.CONFIRMED
    assert held(world) == {THIRD_SECTION: True}
    ending = {row.subject: row.reason for row in world.events("placement.ending")}
    assert ending == dict.fromkeys((shared, halves.name_of_other(shared)), DepartureReason.OTHER_PLACE)
    assert same_when_replayed(world)


def test_a_child_that_moves_for_the_days_of_one_half_keeps_the_other(world: World) -> None:
    shared = placed_in_both(world)
    moved(world, kind=RequestKind.TRANSFER, current=shared, slots=MON_TUE)
    assert held(world) == {OTHER_SECTION: True, THIRD_SECTION: True}
    assert same_when_replayed(world)


def test_a_child_who_has_a_place_shares_no_week_though_its_section_was_closed(world: World) -> None:
    world.publish(THIRD, THIRD_SECTION)
    world.open_place("v-3", structure=THIRD, section=THIRD_SECTION, slots=WEEK)
    name = world.placed("A", wishes=(THIRD,), slots=WEEK)
    world.publish(THIRD)
    facts = {"kind": RequestKind.TRANSFER, "current": name, "child": "c-A", "family": "f-A"}
    world.ask("B", wishes=(CRECHE, OTHER), slots=WEEK, accepts_split=True, **facts)
    world.tick()
    assert [row.request for row in world.events("proposal.made")] == ["A"]


def test_a_section_that_closes_under_the_second_half_is_for_a_person(world: World) -> None:
    proposed(world)
    world.publish(OTHER)
    (task,) = [row for row in world.events("task.opened") if row.kind is TaskKind.SHORTFALL]
    assert task.structure == OTHER


def test_a_child_who_needs_support_counts_in_both_structures(world: World) -> None:
    ask(world, needs_support=True)
    with world.engine.connect() as tx:
        counted = _needing_support(tx, [CRECHE, OTHER], world.now.date())
    assert counted == {CRECHE: 1, OTHER: 1}


def test_only_the_structure_beyond_what_it_has_prepared_is_to_prepare_the_care(world: World) -> None:
    world.publish(OTHER, OTHER_SECTION, prepared_support=1)
    world.change_place("v-2", 2)
    world.ask("B", wishes=(OTHER,), slots=THU_FRI, needs_support=True)
    world.tick()
    ask(world, needs_support=True)
    made = world.last("proposal.made")
    assert (made.to_prepare, made.other_half.to_prepare, made.needs_person) == (False, True, True)
    assert [row.structure for row in world.events("task.opened") if row.kind is TaskKind.TO_PREPARE] == [OTHER]

"""A week that two structures share, live: one proposal, two places, and nothing of it without the other."""

from __future__ import annotations

from datetime import timedelta

import pytest

from contracts.campaigns import CampaignOpened, CampaignReleased, DraftAsked
from contracts.releases import WithdrawalGiven
from contracts.requests import DeclaredCriterion, RequestClosed
from contracts.vacancies import SnapshotDeclared, VacancyWithdrawn
from contracts.vocabulary import (
    Answer,
    ClosingReason,
    Criterion,
    Period,
    ProposalState,
    RefusalReason,
    TaskKind,
    Weekday,
    WithdrawalReason,
)
from services.matcher import halves, store
from services.matcher import tables as t
from services.matcher.watch import left_alone
from tests.matcher.world import CRECHE, FROM_OCTOBER, MONDAY, SECTION, World, on_weekday

OTHER, OTHER_SECTION = "creche-B", "creche-B-petits"
MON_TUE = on_weekday(Weekday.MON, Weekday.TUE)
THU_FRI = on_weekday(Weekday.THU, Weekday.FRI)
WEEK = (*MON_TUE, *THU_FRI)
S = ProposalState


@pytest.fixture
def world() -> World:
    """Two crèches, each with two free days, and a family that asks for the four of them."""
    town = World().begin(automatic_release=True)
    town.publish(OTHER, OTHER_SECTION)
    town.open_place("v-1", slots=MON_TUE)
    town.open_place("v-2", structure=OTHER, section=OTHER_SECTION, slots=THU_FRI)
    return town


def ask(world: World, name: str = "A", **facts: object) -> str:
    world.ask(name, slots=WEEK, **{"wishes": (CRECHE, OTHER), "accepts_split": True, **facts})
    world.tick()
    return world.live(name)


def proposed(world: World) -> str:
    name = ask(world)
    world.delivered(name)
    return name


def reopened(world: World) -> list[str]:
    return [event.section for event in world.events("place.reopened")]


def held(world: World) -> dict[str, bool]:
    return {row["section"]: row["is_placement"] for row in world.rows(t.holds)}


def to_tell(world: World) -> list[str]:
    """The structures that the guichet is to call: a child whom they have confirmed does not come."""
    return [row.structure for row in world.events("task.opened") if row.kind is TaskKind.STRUCTURE_TO_TELL]


def nobody_left(world: World) -> bool:
    with world.engine.connect() as tx:
        return left_alone(tx) == []


def test_a_shared_week_is_proposed_by_the_lower_points_and_the_paper_says_which(world: World) -> None:
    sibling = DeclaredCriterion(criterion=Criterion.SIBLING_PRESENT, validated=True, structure=CRECHE)
    name = ask(world, criteria=(sibling,))
    made = world.last("proposal.made")
    assert made.other_half.structure == OTHER
    assert "sibling_present" not in {line.criterion for line in made.reasons}
    assert made.points == sum(line.points for line in made.reasons)
    world.amend("A", slots=WEEK, wishes=(CRECHE, OTHER), accepts_split=True, criteria=())
    assert world.live("A") == name  # what it loses in one of the two did not count


def test_a_week_is_shared_by_one_proposal_that_holds_both_places(world: World) -> None:
    name = ask(world)
    made = world.last("proposal.made")
    assert (made.structure, made.slots) == (CRECHE, MON_TUE)
    assert (made.other_half.structure, made.other_half.slots) == (OTHER, THU_FRI)
    assert made.other_half.half == halves.name_of_other(name)
    assert held(world) == {SECTION: False, OTHER_SECTION: False}
    assert [event.subject for event in world.events("proposal.released")] == [name]


def test_who_did_not_accept_it_is_proposed_nothing(world: World) -> None:
    world.ask("A", wishes=(CRECHE, OTHER), slots=WEEK)
    world.tick()
    assert world.events("proposal.made") == []


def test_a_single_structure_goes_before_any_shared_week(world: World) -> None:
    world.open_place("v-3", structure=OTHER, section=OTHER_SECTION, slots=MON_TUE)
    ask(world)
    made = world.last("proposal.made")
    assert (made.structure, made.other_half) == (OTHER, None)


def test_one_yes_and_two_confirmations_give_two_places(world: World) -> None:
    name = proposed(world)
    world.answer(name, Answer.OUI)
    world.confirm(name, OTHER)
    assert (world.state(name), held(world)) == (S.ACCEPTED, {SECTION: False, OTHER_SECTION: False})
    assert world.last("half.confirmed").structure == OTHER
    world.confirm(name, CRECHE)
    assert (world.state(name), held(world)) == (S.CONFIRMED, {SECTION: True, OTHER_SECTION: True})
    placed = world.events("placement.confirmed")
    assert [(row.subject, row.structure) for row in placed] == [(name, CRECHE), (halves.name_of_other(name), OTHER)]
    assert {row.first_full_day for row in placed} == {FROM_OCTOBER.start}
    assert world.request("A")["state"] == store.PLACED


def test_a_structure_that_confirms_twice_does_not_confirm_for_the_other(world: World) -> None:
    name = proposed(world)
    world.answer(name, Answer.OUI)
    world.confirm(name, OTHER)
    world.confirm(name, OTHER)
    assert (world.state(name), len(world.events("half.confirmed"))) == (S.ACCEPTED, 1)


@pytest.mark.parametrize("first", [CRECHE, OTHER])
def test_the_structure_that_has_not_confirmed_is_the_one_that_is_late(world: World, first: str) -> None:
    name = proposed(world)
    world.answer(name, Answer.OUI)
    world.confirm(name, first)
    world.pass_time(timedelta(days=5))
    (task,) = [row for row in world.events("task.opened") if row.kind is TaskKind.LATE_CONFIRMATION]
    assert {task.structure, first} == {CRECHE, OTHER}
    assert nobody_left(world)


def test_a_confirmation_after_the_limit_leaves_the_other_structure_on_the_list(world: World) -> None:
    name = proposed(world)
    world.answer(name, Answer.OUI)
    world.pass_time(timedelta(days=5))
    world.confirm(name, CRECHE)
    late = [row.structure for row in world.events("task.opened") if row.kind is TaskKind.LATE_CONFIRMATION]
    assert (late, world.tasks("late_confirmation")) == ([CRECHE, OTHER], ["late_confirmation"])
    world.confirm(name, OTHER)
    assert world.tasks("late_confirmation") == []


@pytest.mark.parametrize("refusing", [CRECHE, OTHER])
def test_a_structure_that_does_not_confirm_ends_both_halves(world: World, refusing: str) -> None:
    name = proposed(world)
    world.answer(name, Answer.OUI)
    world.confirm(name, CRECHE if refusing == OTHER else OTHER)
    world.refuse(name, RefusalReason.STAFF_SHORTAGE, refusing)
    assert (world.state(name), held(world), sorted(reopened(world))) == (S.REFUSED, {}, [SECTION, OTHER_SECTION])
    assert world.last("proposal.refused").structure == refusing
    task = next(row for row in world.events("task.opened") if row.kind is TaskKind.STRUCTURE_REFUSED)
    assert (task.structure, "l'autre place" in task.detail) == (refusing, True)
    assert to_tell(world) == [CRECHE if refusing == OTHER else OTHER]
    doubted = {row["structure"] for row in world.rows(t.vacancies) if row["confirmed_at"] is None}
    assert (doubted, world.request("A")["goes_first"]) == ({refusing}, True)
    world.confirm(name, refusing)
    assert world.state(name) is S.REFUSED


@pytest.mark.parametrize("first", [CRECHE, OTHER])
@pytest.mark.parametrize("ends", ["no", "found elsewhere", "closes", "withdrawn"])
def test_a_structure_that_had_confirmed_its_half_is_told_whatever_ends_it(world: World, first: str, ends: str) -> None:
    name = proposed(world)
    world.answer(name, Answer.OUI)
    world.confirm(name, first)
    if ends == "closes":
        world.hear(RequestClosed, "A", reason=ClosingReason.MOVED_AWAY, said_by="guichet")
    elif ends == "withdrawn":
        world.hear(WithdrawalGiven, name, proposal=name, reason=WithdrawalReason.STAFF_SHORTAGE, by="director")
    else:
        world.answer(name, Answer.NON if ends == "no" else Answer.FIN)
        assert to_tell(world) == ([] if ends == "no" else [first]), "a NON can be taken back for a while"
        world.pass_time(timedelta(hours=1))
    assert (held(world), to_tell(world)) == ({}, [first])


def test_nobody_is_told_where_nobody_had_confirmed_nor_where_both_have(world: World) -> None:
    name = proposed(world)
    world.answer(name, Answer.OUI)
    world.refuse(name, RefusalReason.AGE, CRECHE)
    world.change_place("v-1", 1)
    world.amend("A", wishes=(CRECHE, OTHER), slots=WEEK, accepts_split=True)
    world.tick()
    again = world.live("A")
    world.delivered(again)
    world.answer(again, Answer.OUI)
    world.confirm(again, OTHER)
    world.confirm(again, CRECHE)
    assert (world.state(name), world.state(again), to_tell(world)) == (S.REFUSED, S.CONFIRMED, [])


def test_a_no_ends_both_halves_once_and_can_be_taken_back(world: World) -> None:
    name = proposed(world)
    world.answer(name, Answer.NON)
    assert reopened(world) == []
    world.undo(name)
    assert (world.state(name), len(held(world))) == (S.DELIVERED, 2)
    world.answer(name, Answer.NON)
    world.pass_time(timedelta(hours=1))
    assert (world.state(name), sorted(reopened(world))) == (S.DECLINED, [SECTION, OTHER_SECTION])
    assert len(world.events("proposal.made")) == 1  # the same week is not proposed again at once


def test_after_a_no_the_second_half_is_not_proposed_again_either(world: World) -> None:
    """Beside a third crèche that has the first days; the twin is a week that none of the two refused places is in."""
    third, third_section = "creche-C", "creche-C-petits"
    world.publish(third, third_section)
    name = ask(world, wishes=(CRECHE, OTHER, third))
    world.delivered(name)
    world.answer(name, Answer.NON)
    world.pass_time(timedelta(hours=1))
    world.open_place("v-3", structure=third, section=third_section, slots=MON_TUE)
    world.tick()
    assert len(world.events("proposal.made")) == 1
    world.open_place("v-4", structure=third, section=third_section, slots=THU_FRI)
    world.tick()
    assert world.proposal(world.live("A")).structure == third


def test_silence_ends_both_halves_once(world: World) -> None:
    name = proposed(world)
    world.pass_time(timedelta(days=8))
    assert (world.state(name), sorted(reopened(world))) == (S.EXPIRED, [SECTION, OTHER_SECTION])


def test_a_call_back_stops_the_one_clock(world: World) -> None:
    name = proposed(world)
    before = world.proposal(name).deadline
    world.answer(name, Answer.RAPPEL)
    after = world.proposal(name).deadline
    assert world.tasks() == ["call_back"]
    assert before is not None and after is not None and after >= before


@pytest.mark.parametrize("vacancy", ["v-1", "v-2"])
@pytest.mark.parametrize("answers", [True, False])
def test_a_place_that_is_withdrawn_takes_the_other_half_with_it(world: World, vacancy: str, answers: bool) -> None:
    name = proposed(world)
    if answers:
        world.answer(name, Answer.OUI)
    world.hear(VacancyWithdrawn, vacancy, reason=WithdrawalReason.CLOSURE, said_by="director")
    assert (world.state(name), held(world), sorted(reopened(world))) == (S.WITHDRAWN, {}, [SECTION, OTHER_SECTION])
    assert world.tasks() == ["call_back"]
    assert world.answer(name, Answer.OUI) == "late"
    assert len(reopened(world)) == 2


@pytest.mark.parametrize(("there", "section"), [(CRECHE, SECTION), (OTHER, OTHER_SECTION)])
def test_what_either_structure_counts_free_leaves_out_the_child_whose_yes_it_had_seen(
    world: World, there: str, section: str
) -> None:
    name = proposed(world)
    world.answer(name, Answer.OUI)
    world.now += timedelta(minutes=1)
    counted = {"structure": there, "section": section, "free": (), "as_of": world.now, "said_by": "software"}
    world.hear(SnapshotDeclared, "snapshot", **counted)
    assert (world.state(name), world.tasks("shortfall")) == (S.ACCEPTED, [])


def test_the_guichet_takes_both_halves_back_at_once(world: World) -> None:
    name = proposed(world)
    world.hear(WithdrawalGiven, name, proposal=name, reason=WithdrawalReason.BY_GUICHET, by="coordinator")
    assert (held(world), sorted(reopened(world))) == ({}, [SECTION, OTHER_SECTION])


def test_a_departure_from_one_half_leaves_the_other(world: World) -> None:
    name = proposed(world)
    world.answer(name, Answer.OUI)
    world.confirm(name, CRECHE)
    world.confirm(name, OTHER)
    last = FROM_OCTOBER.start + timedelta(days=30)
    world.leave(halves.name_of_other(name), last)
    ends = {row["section"]: row["ends"] for row in world.rows(t.holds)}
    assert ends == {SECTION: FROM_OCTOBER.end, OTHER_SECTION: last + timedelta(days=1)}
    assert world.last("placement.ending").structure == OTHER
    assert reopened(world) == [OTHER_SECTION]


def test_a_need_that_no_longer_accepts_it_takes_it_back(world: World) -> None:
    name = proposed(world)
    wishes = (CRECHE, OTHER)
    world.amend("A", wishes=wishes, slots=WEEK, accepts_split=True, travel_minutes=0)
    assert world.state(name) is S.DELIVERED
    world.amend("A", wishes=wishes, slots=WEEK)
    assert (world.state(name), len(reopened(world))) == (S.WITHDRAWN, 2)


def test_a_need_that_no_longer_wishes_one_of_the_two_takes_it_back(world: World) -> None:
    name = proposed(world)
    world.amend("A", wishes=(CRECHE,), slots=WEEK, accepts_split=True)
    assert world.state(name) is S.WITHDRAWN


def test_a_commission_reads_of_both_structures_and_releases_the_week_as_one(world: World) -> None:
    dates = {"starts": Period(start=MONDAY + timedelta(days=21), end=MONDAY + timedelta(days=35))}
    world.hear(CampaignOpened, "C-1", **dates, requests_until=MONDAY, commission_on=MONDAY + timedelta(days=9), by="c")
    world.ask("A", wishes=(CRECHE, OTHER), slots=WEEK, accepts_split=True)
    world.hear(DraftAsked, "D-1", campaign="C-1", by="c")
    world.tick()
    drafted = world.last("request.drafted")
    assert {drafted.seat.structure, drafted.also.structure} == {CRECHE, OTHER}
    assert world.last("draft.decided").placed == 1
    world.hear(CampaignReleased, "C-1", draft="D-1", by="c", note="")
    world.tick()
    closed = world.last("campaign.closed")
    assert (closed.proposals, closed.dropped) == (1, ())
    assert world.last("proposal.made").other_half is not None
    assert world.state(world.live("A")) is S.RELEASED


def test_a_structure_of_another_commune_shares_a_week_by_the_points_that_it_counts() -> None:
    """The twin: both in the family's commune count the same; one elsewhere counts fewer for the whole week."""
    town = World().begin()
    town.publish(OTHER, OTHER_SECTION, commune="03098")
    town.open_place("v-1", slots=MON_TUE)
    town.open_place("v-2", structure=OTHER, section=OTHER_SECTION, slots=THU_FRI)
    town.ask("A", wishes=(CRECHE, OTHER), slots=WEEK, accepts_split=True)
    town.tick()
    made, same = town.last("proposal.made"), World().begin()
    assert (made.structure, made.other_half.structure, made.points) == (CRECHE, OTHER, 0)
    same.publish(OTHER, OTHER_SECTION)
    same.open_place("v-1", slots=MON_TUE)
    same.open_place("v-2", structure=OTHER, section=OTHER_SECTION, slots=THU_FRI)
    assert (ask(same), same.last("proposal.made").points) == (same.live("A"), 10)

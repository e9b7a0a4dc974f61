"""On-call places, which rest on an agreement made before: who may hold one, and what a OUI is worth then."""

from __future__ import annotations

from datetime import timedelta

import pytest

from contracts.structures import AgreementEnded
from contracts.vocabulary import Answer, AwardMode, Channel, Criterion, ProposalState, VacancyKind
from tests.matcher.world import CRECHE, MONDAY, SECTION, World, days, now_at, on, on_call_place, urgent_need

S = ProposalState
TOMORROW = MONDAY + timedelta(days=1)


@pytest.fixture
def world() -> World:
    """Monday half past five in the afternoon, with an agreement."""
    world = World(now=now_at(17, 30)).begin()
    world.agree()
    return world


def denied(world: World) -> list[str]:
    return [event.reason for event in world.events("hold.denied")]


def test_an_urgent_request_at_half_past_five_is_placed_for_tomorrow_by_a_yes_alone(world: World) -> None:
    on_call_place(world, TOMORROW)
    proposal = world.proposed("r-1", Criterion.INSERTION, **urgent_need(TOMORROW, urgent_sms_agreed=True))
    assert world.state(proposal) is S.RELEASED
    assert world.last("proposal.released").urgent
    world.delivered(proposal)
    world.answer(proposal, Answer.OUI)
    assert world.state(proposal) is S.CONFIRMED
    assert world.last("proposal.accepted").confirmed_at_once


def test_an_on_call_place_is_never_offered_to_an_ordinary_request(world: World) -> None:
    on_call_place(world, TOMORROW)
    world.ask("r-1", slots=on(TOMORROW), period=days(TOMORROW))
    world.ask("r-2", Criterion.INSERTION, slots=on(TOMORROW), period=days(TOMORROW))
    world.tick()
    assert world.events("proposal.made") == []


def test_what_was_offered_under_an_agreement_that_ended_is_confirmed_by_the_structure(world: World) -> None:
    on_call_place(world, TOMORROW)
    proposal = world.proposed("r-1", Criterion.INSERTION, **urgent_need(TOMORROW))
    world.delivered(proposal)
    world.hear(AgreementEnded, "agreement-1", structure=CRECHE)
    world.answer(proposal, Answer.OUI)
    assert world.state(proposal) is S.ACCEPTED


def urgent(world: World, name: str = "r-1", **facts: object) -> str:
    return world.ask(name, Criterion.INSERTION, **urgent_need(TOMORROW, **facts))


def test_a_counsellor_holds_a_place_for_two_hours_and_answers_for_the_family(world: World) -> None:
    on_call_place(world, TOMORROW)
    urgent(world)
    world.hold("r-1")
    proposal = world.live("r-1")
    assert (world.state(proposal), world.tasks()) == (S.DELIVERED, [])
    assert world.proposal(proposal).deadline == world.now + timedelta(hours=2)
    world.answer(proposal, Answer.OUI, by="counsellor", channel=Channel.COUNSELLOR, consent=False)
    assert world.state(proposal) is S.DELIVERED
    world.answer(proposal, Answer.OUI, by="counsellor", channel=Channel.COUNSELLOR, consent=True)
    assert world.state(proposal) is S.CONFIRMED


def test_a_hold_that_nobody_uses_ends_by_itself_once(world: World) -> None:
    on_call_place(world, TOMORROW)
    urgent(world)
    world.hold("r-1")
    proposal = world.live("r-1")
    world.now += timedelta(hours=2, minutes=15)
    world.fire()
    assert world.state(proposal) is S.EXPIRED
    assert len(world.events("place.reopened", proposal)) == 1


def test_a_hold_does_not_last_longer_than_the_care_is_away(world: World) -> None:
    world.now = now_at(6, 30, day=TOMORROW)
    on_call_place(world, TOMORROW)
    urgent(world)
    world.hold("r-1")
    assert world.proposal(world.live("r-1")).deadline == now_at(8, day=TOMORROW)


def test_a_hold_sits_on_on_call_places_only_and_takes_none_that_a_round_shares_out(world: World) -> None:
    world.open_place("v-ordinary", places=3, kind=VacancyKind.OCCASIONAL, slots=on(TOMORROW), period=days(TOMORROW))
    urgent(world)
    world.hold("r-1")
    assert denied(world) == ["La place vient d'être prise."]
    on_call_place(world, TOMORROW)
    urgent(world, "r-2")
    world.hold("r-2")
    assert world.live("r-2")


def test_one_place_is_held_for_one_child(world: World) -> None:
    on_call_place(world, TOMORROW)
    for name in ("r-1", "r-2"):
        urgent(world, name)
        world.hold(name)
    assert denied(world) == ["La place vient d'être prise."]


def test_a_hold_is_denied_with_its_reason(world: World) -> None:
    on_call_place(world, TOMORROW)
    world.ask("r-1", slots=on(TOMORROW), period=days(TOMORROW))
    world.hold("r-1")
    world.hold("nobody")
    urgent(world, "r-2", born=MONDAY - timedelta(days=10))
    world.hold("r-2")
    urgent(world, "r-3")
    world.hold("r-3")
    world.hold("r-3")
    assert denied(world) == [
        "Les places d'astreinte vont aux demandes urgentes d'insertion validées.",
        "Cette demande n'attend plus de place.",
        "L'accord d'astreinte ne couvre pas cet âge, ce délai ou ces jours.",
        "Cette demande a déjà une proposition en cours.",
    ]


def test_a_structure_outside_the_procedure_gives_no_hold(world: World) -> None:
    on_call_place(world, TOMORROW)
    world.publish(CRECHE, SECTION, award_mode=AwardMode.EMPLOYER_RESERVED)
    urgent(world)
    world.hold("r-1")
    assert denied(world) == ["Cette section n'accueille pas par le guichet."]


def test_a_released_on_call_place_goes_to_anybody_and_is_then_confirmed_by_the_structure(world: World) -> None:
    on_call_place(world, TOMORROW, release_at=now_at(19))
    world.ask("r-1", slots=on(TOMORROW), period=days(TOMORROW))
    world.tick()
    assert world.events("proposal.made") == []
    world.go_to(now_at(19))
    proposal = world.live("r-1")
    assert world.proposal(proposal).kind is VacancyKind.OCCASIONAL
    world.delivered(proposal)
    world.answer(proposal, Answer.OUI)
    assert world.state(proposal) is S.ACCEPTED

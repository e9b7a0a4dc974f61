"""Rounds on what is true: a part whose rows have moved is dropped and run again, and nothing is said twice."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from typing import Any

import pytest

from contracts.requests import RequestClosed
from contracts.structures import AgreementEnded
from contracts.vocabulary import ClosingReason, Criterion, RequestKind, VacancyKind
from services.matcher import tables as t
from services.matcher import touched, writing
from services.matcher.app import decide_here
from services.matcher.propose import NoRoom, Place
from services.matcher.reading import load
from services.matcher.rounds import Tally
from services.matcher.solver import solve as solver
from services.matcher.solver.canonical import RoundRefused, canonical
from services.matcher.solver.components import split
from services.matcher.solver.schema import Outcome, Round, Violation
from services.matcher.solver.share import lowered
from tests.matcher.solver.golden import round_of
from tests.matcher.solver.test_share import TWO_PARTS
from tests.matcher.world import CRECHE, MONDAY, World, days, on, on_call_place, urgent_need

CRECHE_B, SECTION_B = "creche-B", "creche-B-petits"


def meanwhile(world: World, do: Callable[[], Any]) -> None:
    """Let `do` happen while the first round is being solved."""
    left = [do]

    async def decide(part: Round) -> Outcome:
        outcome = await decide_here(part)
        if left:
            left.pop()()
        return outcome

    world.decide = decide


def close(world: World, request: str) -> None:
    world.hear(RequestClosed, request, reason=ClosingReason.FOUND_ELSEWHERE, said_by="coordinator")


def test_a_round_whose_request_was_closed_meanwhile_proposes_nothing_and_runs_again(world: World) -> None:
    world.open_place()
    world.ask("r-1")
    meanwhile(world, lambda: close(world, "r-1"))
    world.round()
    assert world.events("proposal.made") == []
    assert world.last("round.decided").dropped == 1
    world.ask("r-2")
    world.now += timedelta(seconds=1)
    world.tick()
    assert world.live("r-2")


def test_without_looking_again_a_place_would_be_offered_to_a_closed_request(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(writing, "check_unmoved", lambda *_: None)
    world.open_place()
    world.ask("r-1")
    meanwhile(world, lambda: close(world, "r-1"))
    world.round()
    assert len(world.events("proposal.made")) == 1


def test_a_round_whose_place_was_withdrawn_meanwhile_offers_it_to_nobody(world: World) -> None:
    world.open_place()
    world.ask("r-1")
    meanwhile(world, lambda: world.change_place("v-1", 0))
    world.round()
    assert world.events("proposal.made") == []
    world.now += timedelta(seconds=1)
    world.tick()
    assert world.events("proposal.made") == []


def test_an_agreement_that_ended_meanwhile_drops_the_part_that_rests_on_it(world: World) -> None:
    day = MONDAY + timedelta(days=2)
    world.agree()
    on_call_place(world, day)
    world.ask("r-1", Criterion.INSERTION, **urgent_need(day))
    meanwhile(world, lambda: world.hear(AgreementEnded, "agreement-1", structure=CRECHE))
    world.round()
    assert world.last("round.decided").dropped == 1


def test_only_the_part_that_moved_is_dropped(world: World) -> None:
    world.publish(CRECHE_B, SECTION_B)
    world.open_place()
    world.open_place("v-2", structure=CRECHE_B, section=SECTION_B)
    world.ask("r-1")
    world.ask("r-2", wishes=(CRECHE_B,))
    meanwhile(world, lambda: close(world, "r-1"))
    world.round()
    assert [event.request for event in world.events("proposal.made")] == ["r-2"]


def test_what_happens_while_a_round_is_solved_makes_the_territory_due_again(world: World) -> None:
    world.open_place()
    world.ask("r-1")
    meanwhile(world, lambda: world.open_place("v-2"))
    world.round()
    world.now += timedelta(seconds=1)
    world.ask("r-2")
    world.tick()
    assert world.live("r-1") and world.live("r-2")
    assert world.round() == 0


def again(world: World) -> list[str]:
    """What one more round of the territory says."""
    before = len(world.said)
    world.now += timedelta(hours=1)
    with world.engine.begin() as tx:
        tx.execute(t.territories.update().values(due_at=world.now))
    world.tick()
    return [event.type for event in world.said][before:]


def test_a_round_that_finds_nothing_new_says_no_reason_again(world: World) -> None:
    world.open_place()
    world.ask("r-1")
    world.ask("r-2")
    world.tick()
    assert again(world) == ["request.explained", "round.decided"]  # the place is held by now, no longer contended
    assert again(world) == ["round.decided"]


def test_what_a_check_finds_wrong_is_withheld_with_a_task_and_the_rest_goes_out(world: World) -> None:
    world.publish(CRECHE_B, SECTION_B)
    world.open_place()
    world.open_place("v-2", structure=CRECHE_B, section=SECTION_B)
    world.ask("r-1")
    world.ask("r-2", wishes=(CRECHE_B,))

    async def decide(part: Round) -> Outcome:
        outcome = await decide_here(part)
        if part.requests[0].id != "r-1":
            return outcome
        broken = Violation(guarantee="G1", sentence="Trop d'enfants.", requests=("r-1",))
        return outcome.model_copy(update={"placed": (), "violations": (broken,), "withheld": ("r-1",)})

    world.decide = decide
    world.tick()
    assert [event.request for event in world.events("proposal.made")] == ["r-2"]
    assert world.tasks("round_withheld") == ["round_withheld"]
    assert world.last("round.decided").broken[0].guarantee == "G1"


def test_places_that_do_not_fit_though_nothing_moved_are_a_task_and_not_decided_for_ever(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def no_room(step: object, place: Place) -> None:
        raise NoRoom(place.section)

    monkeypatch.setattr(writing, "propose", no_room)
    world.open_place()
    world.ask("r-1")
    world.tick()
    decided = world.last("round.decided")
    assert (decided.dropped, [row.guarantee for row in decided.broken]) == (0, ["G1"])
    assert world.tasks("round_withheld") == ["round_withheld"]
    assert [row["guarantee"] for row in world.rows(t.rounds)[-1]["violations"]] == ["G1"], "a report counts it"
    assert world.next_due() is None, "the same rows would come to the same, second after second"


def test_a_round_that_contradicts_itself_is_a_task_and_stops_nobody_else(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(*_: object) -> Round:
        raise RoundRefused("« r-1 » figure deux fois.")

    monkeypatch.setattr(touched, "canonical", refuse)
    world.open_place()
    world.ask("r-1")
    world.tick()
    assert world.tasks("round_withheld") == ["round_withheld"]
    assert world.last("round.decided").broken[0].sentence == "« r-1 » figure deux fois."
    assert world.round() == 0


def test_a_request_that_takes_no_part_is_told_why(world: World) -> None:
    day = MONDAY + timedelta(days=2)
    world.open_place(kind=VacancyKind.OCCASIONAL, slots=on(day), period=days(day))
    facts = {"kind": RequestKind.OCCASIONAL, "slots": on(day), "period": days(day)}
    world.ask("r-1", file_complete=False, **facts)
    world.ask("r-2", slots=on(MONDAY - timedelta(days=3)), period=days(MONDAY - timedelta(days=5), 9))
    world.tick()
    why = {event.subject: event.phrases[0] for event in world.events("request.explained")}
    assert "dossier complet" in why["r-1"]
    assert "passées" in why["r-2"]
    assert world.events("proposal.made") == []
    world.amend("r-1", **facts)
    world.tick()
    assert world.live("r-1")


def test_an_occasional_place_is_offered_only_on_the_day_on_which_it_was_confirmed(world: World) -> None:
    day = MONDAY + timedelta(days=3)
    world.open_place(kind=VacancyKind.OCCASIONAL, slots=on(day), period=days(day))
    world.now += timedelta(days=1)
    world.ask("r-1", slots=on(day), period=days(day))
    world.tick()
    assert world.events("proposal.made") == []


def test_a_child_has_one_live_proposal_at_most(world: World) -> None:
    world.publish(CRECHE_B, SECTION_B)
    world.open_place()
    world.open_place("v-2", structure=CRECHE_B, section=SECTION_B)
    world.ask("r-1", wishes=("creche-A", CRECHE_B))
    world.tick()
    world.now += timedelta(hours=1)
    world.open_place("v-3", structure=CRECHE_B, section=SECTION_B)
    world.tick()
    assert len(world.events("proposal.made")) == 1


def test_places_and_holds_of_the_past_are_not_read(world: World) -> None:
    world.open_place()
    world.placed("r-1")
    world.now += timedelta(days=365)
    with world.engine.connect() as tx:
        loaded = load(tx, "montlucon", world.now)
    assert loaded is not None
    assert (loaded.round.holds, loaded.round.vacancies) == ((), ())


def test_a_round_whose_parts_let_too_many_of_the_first_tier_go_first_says_so() -> None:
    asked = canonical(round_of(TWO_PARTS))
    tally = Tally(asked=asked, outcomes=[solver.decide(part) for part in split(asked)])
    assert [row.guarantee for row in tally.broken] == ["G14"]
    honest = [solver.decide(part) for part in split(lowered(asked, {"B"}))]
    assert Tally(asked=asked, outcomes=honest).broken == []

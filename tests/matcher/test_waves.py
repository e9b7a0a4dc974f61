"""Waves: a place of the next hours, asked of several families at once. People are invented."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.requests import DeclaredCriterion, RequestClosed
from contracts.siblings import SiblingsAsked, Together
from contracts.vacancies import VacancyWithdrawn
from contracts.vocabulary import (
    LIVE,
    Answer,
    Channel,
    ClosingReason,
    Criterion,
    ProposalState,
    RefusalReason,
    RequestKind,
    VacancyKind,
    WithdrawalReason,
)
from services.matcher import policy, store, waves
from services.matcher import tables as t
from services.matcher.solver.schema import Hold
from services.matcher.step import Step
from services.matcher.watch import left_alone
from tests.matcher.world import MONDAY, SECTION, TERRITORY, World, days, on

S = ProposalState
TOMORROW = MONDAY + timedelta(days=1)


def one_day(start: int = 8, end: int = 12, day: date = TOMORROW, **facts: Any) -> dict[str, Any]:
    return {"kind": RequestKind.OCCASIONAL, "slots": on(day, start, end), "period": days(day), **facts}


def post(world: World, name: str = "v-1", places: int = 1, start: int = 8, end: int = 12, **facts: Any) -> None:
    """A place of tomorrow morning."""
    facts = {"slots": on(TOMORROW, start, end), "period": days(TOMORROW), **facts}
    world.open_place(name, places, kind=VacancyKind.OCCASIONAL, **facts)


def asked(world: World, *names: str, **facts: Any) -> list[str]:
    """The live proposals that a round makes to these requests, in their order."""
    for n, name in enumerate(names):
        world.ask(name, **one_day(**{"since": date(2026, 1, 1 + n), **facts}))
    post(world)
    world.tick()
    return [world.live(name) for name in names]


def live(world: World) -> set[str]:
    with world.engine.connect() as tx:
        return {row.request for row in store.live_proposals(tx)}


def held(world: World) -> list[tuple[str, str]]:
    return [(row["slots"][0]["start"], row["slots"][-1]["end"]) for row in world.rows(t.holds)]


def assert_whole(world: World) -> None:
    """What is accepted and placed never exceeds the place, live proposals hold their hours, nobody is left alone."""
    rows = world.rows(t.proposals)
    sure = [row for row in rows if row["state"] in (S.ACCEPTED, S.CONFIRMED)]
    assert len(sure) <= 1
    holding = {row["proposal"] for row in world.rows(t.holds)}
    for row in rows:
        if row["state"] in LIVE:
            assert {row["proposal"], row["wave"]} & holding
    assert len(world.rows(t.holds)) <= 1
    with world.engine.connect() as tx:
        assert left_alone(tx) == []


def test_a_place_of_tomorrow_is_proposed_to_the_first_three_of_the_list_at_once_and_held_once(world: World) -> None:
    proposals = asked(world, "r-1", "r-2", "r-3")
    made = world.events("proposal.made")
    assert [(e.subject, e.asked_as, e.asked_at_once) for e in made] == [(p, n, 3) for n, p in enumerate(proposals, 1)]
    assert len({event.wave for event in made}) == 1
    assert made[0].wave is not None
    assert [world.state(name) for name in proposals] == [S.RELEASED] * 3
    assert held(world) == [("08:00:00", "12:00:00")]
    assert_whole(world)


def test_the_fourth_of_the_list_is_not_asked_and_is_asked_once_the_wave_has_come_to_nothing(world: World) -> None:
    proposals = asked(world, "r-1", "r-2", "r-3")
    world.ask("r-4", **one_day(since=date(2026, 2, 1)))
    world.tick()
    assert live(world) == {"r-1", "r-2", "r-3"}
    for name in proposals:
        world.delivered(name)
        world.answer(name, Answer.NON)
    world.tick()
    assert live(world) == {"r-4"}
    assert world.last("proposal.made").wave is None
    assert_whole(world)


def test_who_leaves_a_wave_is_followed_by_the_next_of_the_list_and_the_place_is_still_held_once(world: World) -> None:
    proposals = asked(world, "r-1", "r-2", "r-3")
    for n in (4, 5):
        world.ask(f"r-{n}", **one_day(9, 11, since=date(2026, 2, n)))
    world.delivered(proposals[0])
    world.answer(proposals[0], Answer.NON)
    world.tick()
    assert live(world) == {"r-2", "r-3", "r-4"}
    made = world.last("proposal.made")
    assert (made.wave, made.asked_at_once, made.asked_as) == (world.proposal(proposals[1]).wave, 3, 4)
    told = world.events("request.explained", "r-4")[-1]
    third = world.events("request.explained", "r-3")[-1]
    assert "cette demande est la 3e d'entre elles" in third.phrases[1], "nobody else reads its number"
    assert "cette demande est la 4e à qui elle est proposée" in told.phrases[1]
    assert "votre demande est la 4e à qui elle est proposée" in told.family_phrases[1]
    assert held(world) == [("08:00:00", "12:00:00")]
    world.delivered(made.subject)
    assert world.answer(made.subject, Answer.OUI) == "taken"
    world.tick()
    assert live(world) == {"r-4"}  # nobody is asked for a place that is taken
    assert_whole(world)


def test_the_next_of_the_list_is_asked_though_a_round_has_told_it_already_that_nothing_is_left(world: World) -> None:
    proposals = asked(world, "r-1", "r-2", "r-3")
    world.ask("r-4", **one_day(since=date(2026, 2, 4)))
    world.tick()
    world.delivered(proposals[0])
    world.answer(proposals[0], Answer.FIN)
    world.hear(RequestClosed, "r-1", reason=ClosingReason.FOUND_ELSEWHERE, said_by="family")
    world.tick()
    assert live(world) == {"r-2", "r-3", "r-4"}
    assert_whole(world)


def test_the_first_oui_takes_the_place_and_the_others_read_that_it_is_taken(world: World) -> None:
    first, second, third = asked(world, "r-1", "r-2", "r-3")
    for name in (first, second, third):
        world.delivered(name)
    before = [dict(world.request(name)) for name in ("r-1", "r-3")]
    assert world.answer(second, Answer.OUI) == "taken"
    assert [world.state(name) for name in (first, second, third)] == [S.WITHDRAWN, S.ACCEPTED, S.WITHDRAWN]
    told = {event.subject: (event.reason, event.family_knew) for event in world.events("proposal.withdrawn")}
    assert told == {first: (WithdrawalReason.TAKEN, True), third: (WithdrawalReason.TAKEN, True)}
    assert world.tasks() == []  # nobody has to be called
    assert world.events("place.reopened") == []
    for was in before:
        now = dict(world.request(was["request"]))
        assert {**now, "version": 0} == {**was, "version": 0}  # it waits with the same rank and seniority
    assert_whole(world)


def test_a_oui_that_comes_after_the_first_is_late_and_troubles_nobody(world: World) -> None:
    first, second, _ = asked(world, "r-1", "r-2", "r-3")
    world.delivered(first)
    world.delivered(second)
    world.answer(first, Answer.OUI)
    assert world.answer(second, Answer.OUI) == "late"
    assert (world.state(first), world.state(second), world.tasks()) == (S.ACCEPTED, S.WITHDRAWN, [])
    assert_whole(world)


def test_a_oui_that_was_received_first_and_read_later_is_put_before_a_person(world: World) -> None:
    first, second, _ = asked(world, "r-1", "r-2", "r-3")
    world.delivered(first)
    world.delivered(second)
    world.now += timedelta(minutes=5)
    world.answer(first, Answer.OUI)
    world.answer(second, Answer.OUI, received_at=world.now - timedelta(minutes=1))
    assert (world.state(first), world.tasks()) == (S.ACCEPTED, ["late_yes"])
    assert "la famille était la première" in world.last("task.opened").detail


def test_who_lost_a_wave_is_offered_the_next_place_at_the_very_same_hours(world: World) -> None:
    first, second, _ = asked(world, "r-1", "r-2", "r-3")
    world.delivered(second)
    world.answer(second, Answer.OUI)
    world.confirm(second)
    post(world, "v-2")
    world.tick()
    made = world.events("proposal.made")[3:]
    assert [event.request for event in made] == ["r-1", "r-3"]
    assert world.state(first) is S.WITHDRAWN


def test_a_wave_holds_all_the_hours_that_any_of_its_families_asks_for_and_gives_back_what_nobody_asks_for(
    world: World,
) -> None:
    world.ask("r-1", **one_day(9, 11))
    world.ask("r-2", **one_day(8, 12, since=date(2026, 2, 1)))
    post(world)
    world.tick()
    assert held(world) == [("08:00:00", "12:00:00")]
    world.delivered(world.live("r-2"))
    world.answer(world.live("r-2"), Answer.NON)
    assert held(world) == [("09:00:00", "11:00:00")]
    freed = world.last("place.reopened").slots
    assert [(slot.start.hour, slot.end.hour) for slot in freed] == [(8, 9), (11, 12)]
    assert_whole(world)


def test_who_takes_the_place_of_a_wave_holds_its_own_hours_alone(world: World) -> None:
    world.ask("r-1", **one_day(9, 11))
    world.ask("r-2", **one_day(8, 12, since=date(2026, 2, 1)))
    post(world)
    world.tick()
    first = world.live("r-1")
    world.delivered(first)
    world.answer(first, Answer.OUI)
    assert held(world) == [("09:00:00", "11:00:00")]
    assert {row["proposal"] for row in world.rows(t.holds)} == {first}


def test_silence_ends_a_wave_when_the_last_limit_is_over_and_the_hours_are_given_back_once(world: World) -> None:
    for name in asked(world, "r-1", "r-2", "r-3"):
        world.delivered(name)
    world.pass_time(timedelta(hours=6))
    assert [row["state"] for row in world.rows(t.proposals)] == [S.EXPIRED] * 3
    assert len(world.events("place.reopened")) == 1
    assert world.rows(t.holds) == []


def test_no_answer_but_a_oui_ends_the_wave_for_the_others(world: World) -> None:
    first, second, third = asked(world, "r-1", "r-2", "r-3")
    for name in (first, second, third):
        world.delivered(name)
    world.answer(first, Answer.RAPPEL)
    world.answer(second, Answer.ERREUR)
    world.answer(third, Answer.FIN)
    states = [world.state(name) for name in (first, second, third)]
    assert states == [S.DELIVERED, S.UNDELIVERED, S.DECLINED]
    assert_whole(world)
    assert world.answer(first, Answer.OUI, channel=Channel.PHONE, by="coordinator") == "taken"
    assert world.state(second) is S.WITHDRAWN
    assert_whole(world)


def test_a_place_that_its_structure_withdraws_is_taken_back_from_the_whole_wave(world: World) -> None:
    proposals = asked(world, "r-1", "r-2", "r-3")
    for name in proposals:
        world.delivered(name)
    world.hear(VacancyWithdrawn, "v-1", reason=WithdrawalReason.CLOSURE, said_by="director")
    assert {world.state(name) for name in proposals} == {S.WITHDRAWN}
    assert {event.reason for event in world.events("proposal.withdrawn")} == {WithdrawalReason.CLOSURE}
    assert len(world.events("place.reopened")) == 1
    assert world.rows(t.holds) == []


def test_a_structure_that_does_not_confirm_gives_the_place_back_to_those_who_had_lost_it(world: World) -> None:
    first, second, _ = asked(world, "r-1", "r-2", "r-3")
    world.delivered(first)
    world.answer(first, Answer.OUI)
    world.refuse(first, RefusalReason.AGE)
    world.tick()
    assert live(world) == {"r-2", "r-3"}
    assert world.state(second) is S.WITHDRAWN
    assert_whole(world)


def test_two_contacts_who_contradict_each_other_keep_the_place_until_a_person_has_settled_it(world: World) -> None:
    first, second, _ = asked(world, "r-1", "r-2", "r-3")
    world.delivered(first)
    world.answer(first, Answer.OUI, "parent-1")
    world.answer(first, Answer.NON, "parent-2")
    assert world.state(first) is S.FROZEN
    world.answer(first, Answer.OUI, "guichet", Channel.COUNTER)
    assert (world.state(first), world.state(second)) == (S.ACCEPTED, S.WITHDRAWN)
    assert_whole(world)


def test_two_places_of_a_morning_are_two_waves_that_share_the_families_out(world: World) -> None:
    for n in range(6):
        world.ask(f"r-{n}", **one_day(since=date(2026, 1, 1 + n)))
    post(world, places=2)
    world.tick()
    waves: dict[str, list[str]] = {}
    for event in world.events("proposal.made"):
        waves.setdefault(event.wave, []).append(event.request)
    assert sorted(waves.values()) == [["r-0", "r-2", "r-4"], ["r-1", "r-3", "r-5"]]
    assert len(world.rows(t.holds)) == 2


def test_a_family_that_is_asked_in_a_wave_has_no_second_question_meanwhile(world: World) -> None:
    asked(world, "r-1", "r-2", "r-3")
    post(world, "v-2")
    world.ask("r-4", **one_day(since=date(2026, 2, 1)))
    world.tick()
    assert [event.request for event in world.events("proposal.made")] == ["r-1", "r-2", "r-3", "r-4"]


INSERTION, HEALTH = Criterion.INSERTION, Criterion.DISABLED_RELATIVE


def test_an_urgent_request_of_insertion_is_asked_alone_and_first(world: World) -> None:
    world.ask("r-1", INSERTION, **{**one_day(), "kind": RequestKind.URGENT})
    world.ask("r-2", **one_day())
    post(world)
    world.tick()
    assert live(world) == {"r-1"}
    assert world.last("proposal.made").wave is None


def test_a_wave_stays_in_one_tier(world: World) -> None:
    world.ask("r-1", INSERTION, **one_day())
    world.ask("r-2", INSERTION, **one_day())
    world.ask("r-3", **one_day())
    post(world)
    world.tick()
    assert live(world) == {"r-1", "r-2"}


@pytest.mark.parametrize("why", ["health", "support", "siblings"])
def test_a_wave_ends_before_a_family_that_it_may_not_ask_so_that_nobody_is_passed_over(world: World, why: str) -> None:
    world.ask("r-1", Criterion.SINGLE_PARENT, **one_day(since=date(2026, 1, 1)))
    between = one_day(since=date(2026, 1, 2), needs_support=why == "support")
    world.ask("r-2", *([HEALTH] if why == "health" else []), **between)
    world.ask("r-3", **one_day(since=date(2026, 1, 3)))
    world.ask("r-4", **one_day(since=date(2026, 1, 4)))
    if why == "siblings":
        together(world, "r-2", "r-4")
    post(world)
    world.tick()
    assert live(world) == {"r-1"}
    assert world.last("proposal.made").wave is None


def together(world: World, *requests: str) -> None:
    facts = {"family": "f-1", "together": (Together.SAME_STRUCTURE,), "said_by": "coordinator"}
    world.hear(SiblingsAsked, "s-1", requests=requests, **facts)


def test_a_criterion_of_health_that_nobody_has_verified_keeps_no_family_out_of_a_wave(world: World) -> None:
    declared = (DeclaredCriterion(criterion=HEALTH, validated=False),)
    world.ask("r-1", **one_day(since=date(2026, 1, 1)))
    world.ask("r-2", **one_day(since=date(2026, 1, 2), criteria=declared))
    post(world)
    world.tick()
    assert live(world) == {"r-1", "r-2"}


def late(world: World, tx: sa.Connection) -> Step:
    return Step(tx, world.now, "late", policy.policy_in_force("montlucon-modele", MONDAY))


def test_a_oui_judged_by_rows_that_another_has_changed_takes_nothing_and_is_judged_again(world: World) -> None:
    first, second, _ = asked(world, "r-1", "r-2", "r-3")
    with world.engine.connect() as tx:
        as_it_was = store.proposal(tx, second)
    assert as_it_was is not None
    world.delivered(first)
    world.answer(first, Answer.OUI)
    with world.engine.begin() as tx, pytest.raises(waves.AlreadyTaken):
        waves.take(late(world, tx), as_it_was)
    assert {row["proposal"] for row in world.rows(t.holds)} == {first}


def test_no_place_is_held_for_a_wave_beside_one_that_holds_it_already(world: World) -> None:
    proposals = asked(world, "r-1", "r-2", "r-3")
    hold = Hold(id="other", section=SECTION, slots=on(TOMORROW), period=days(TOMORROW))
    with world.engine.begin() as tx:
        assert not waves.hold_once(late(world, tx), TERRITORY, hold)
    assert [row["hold"] for row in world.rows(t.holds)] == [world.proposal(proposals[0]).wave]
    for name in proposals:
        world.delivered(name)
        world.answer(name, Answer.NON)
    with world.engine.begin() as tx:
        assert waves.hold_once(late(world, tx), TERRITORY, hold)


def test_a_family_whose_hours_the_place_does_not_cover_is_passed_by(world: World) -> None:
    world.ask("r-1", **one_day(since=date(2026, 1, 1)))
    world.ask("r-2", **one_day(8, 17, since=date(2026, 1, 2)))
    world.ask("r-3", **one_day(since=date(2026, 1, 3)))
    post(world)
    world.tick()
    assert live(world) == {"r-1", "r-3"}


def test_a_place_of_the_day_after_tomorrow_is_proposed_to_one_family_after_another(world: World) -> None:
    later = MONDAY + timedelta(days=2)
    for name in ("r-1", "r-2"):
        world.ask(name, **one_day(day=later))
    world.open_place("v-1", kind=VacancyKind.OCCASIONAL, slots=on(later), period=days(later))
    world.tick()
    assert len(live(world)) == 1


def test_a_territory_that_voted_no_wave_asks_one_family_after_another(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    (entry,) = policy._entries("montlucon-modele")
    policy.policy_in_force.cache_clear()
    monkeypatch.setattr(policy, "_entries", lambda _: (entry.model_copy(update={"wave": None}),))
    world.ask("r-1", **one_day())
    world.ask("r-2", **one_day())
    post(world)
    world.tick()
    policy.policy_in_force.cache_clear()
    assert len(live(world)) == 1


def test_each_family_reads_that_several_are_asked_and_in_which_order(world: World) -> None:
    asked(world, "r-1", "r-2", "r-3")
    said = world.events("request.explained", "r-2")[-1]
    assert said.phrases[:3] == (
        "creche-A, mardi 8\u00a0septembre\u00a0: place proposée à 3 familles en même temps.",
        "Dans l'ordre de la liste, cette demande est la 2e d'entre elles.",
        "Le premier OUI obtient la place\u00a0; les autres familles gardent leur rang.",
    )
    assert said.plain_phrases[:2] == (said.phrases[0], said.phrases[2])  # a rank would tell what health counts for


def test_the_same_events_give_the_same_waves_and_the_same_end(world: World) -> None:
    def told(run: World) -> list[dict[str, Any]]:
        proposals = asked(run, "r-1", "r-2", "r-3")
        run.delivered(proposals[1])
        run.answer(proposals[1], Answer.OUI)
        return [event.model_dump(mode="json", exclude={"traceparent"}) for event in run.said]

    assert told(world) == told(World().begin())

"""The intake of a campaign: what waits for the commission, drafts, gestures of persons, the release."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from contracts.campaigns import (
    CampaignEnded,
    CampaignOpened,
    CampaignReleased,
    DraftAsked,
    ForceAsked,
    ForceConfirmed,
    GestureUndone,
    PlaceHeld,
)
from contracts.siblings import SiblingsAsked
from contracts.vacancies import VacancyReconfirmed
from contracts.vocabulary import Criterion, Period, ProposalState, RequestKind
from services.matcher import drafts, intake, rounds
from services.matcher import tables as t
from services.matcher.draws import commitment
from services.matcher.solver.verify import verify
from tests.matcher.world import (
    CRECHE,
    FROM_OCTOBER,
    MONDAY,
    MORNINGS,
    SECTION,
    TERRITORY,
    World,
    now_at,
    on,
    run_now,
    urgent_need,
)

STARTS = Period(start=date(2026, 9, 28), end=date(2026, 10, 11))
COMMISSION = MONDAY + timedelta(days=9)
POINTS = Criterion.SINGLE_PARENT
"""Puts a family before the others."""


@pytest.fixture
def world() -> World:
    """One place from October on, two families who ask for it: a, who has points, before b."""
    world = World().begin()
    world.open_place()
    return world


def open_campaign(world: World, **facts: Any) -> None:
    dates = {"starts": STARTS, "requests_until": MONDAY, "commission_on": COMMISSION, "by": "coordinator"}
    world.hear(CampaignOpened, "C-1", **{**dates, **facts})
    world.tick()


def draft(world: World, name: str = "D-1") -> Any:
    world.hear(DraftAsked, name, campaign="C-1", by="coordinator")
    world.tick()
    return world.events("draft.decided", name)[-1]


def release(world: World, name: str = "D-1") -> Any:
    world.hear(CampaignReleased, "C-1", draft=name, by="commission", note="Vu.")
    world.tick()
    return world.last("campaign.closed")


def hold(world: World, name: str = "G-1", **facts: Any) -> None:
    place = {"structure": CRECHE, "section": SECTION, "slots": MORNINGS, "period": FROM_OCTOBER, "places": 1}
    why = {"until": date(2026, 12, 31), "reason": "Travaux.", "by": "commission"}
    world.hear(PlaceHeld, name, **{**place, **why, **facts})


def force(world: World, request: str, name: str = "G-2") -> Any:
    facts = {"campaign": "C-1", "request": request, "section": SECTION, "reason": "Vu en commission.", "by": "c"}
    world.hear(ForceAsked, name, **facts)
    world.tick()
    return world.last("force.weighed")


def drafted(world: World, request: str) -> Any:
    return world.events("request.drafted", request)[-1]


def told(world: World, request: str) -> tuple[str, ...]:
    return tuple(world.events("request.explained", request)[-1].phrases)


def test_what_a_campaign_covers_waits_for_its_commission_and_says_so(world: World) -> None:
    open_campaign(world)
    world.ask("a")
    world.tick()
    assert world.events("proposal.made") == []
    assert told(world, "a") == ("Cette demande attend la commission du mercredi 16\u00a0septembre 2026.",)


def test_without_a_campaign_the_same_request_has_the_same_place_at_once(world: World) -> None:
    """The failing twin."""
    world.ask("a")
    world.tick()
    assert [made.request for made in world.events("proposal.made")] == ["a"]


def test_a_draft_asked_between_the_look_at_the_campaign_and_the_round_is_decided_all_the_same(world: World) -> None:
    """The round takes what it reads for seen: nobody would look at the draft before something else happens."""
    open_campaign(world)
    world.ask("a")
    world.hear(DraftAsked, "D-1", campaign="C-1", by="coordinator")
    run_now(rounds.run_round(world.database, TERRITORY, world.now, world.decide, world.new_seed, memory=world.memory))
    assert world.events("draft.decided", "D-1") == []
    world.tick()
    assert world.events("draft.decided", "D-1")[-1].placed == 1


def test_a_late_request_waits_for_no_commission_and_reads_why_the_place_is_not_given(world: World) -> None:
    open_campaign(world, requests_until=MONDAY - timedelta(days=1))
    world.ask("late")
    world.tick()
    assert world.events("proposal.made") == []
    assert "le guichet la retient" in told(world, "late")[1]
    assert "elle attend la commission du mercredi 16\u00a0septembre 2026" in told(world, "late")[1]


def test_places_and_requests_of_other_dates_go_on_as_on_any_day(world: World) -> None:
    open_campaign(world)
    november = Period(start=date(2026, 11, 2), end=FROM_OCTOBER.end)
    world.open_place("v-2", period=november)
    world.ask("n", period=november)
    world.tick()
    assert [(made.request, made.period) for made in world.events("proposal.made")] == [("n", november)]


def test_an_urgent_request_is_never_kept_back(world: World) -> None:
    day = date(2026, 10, 6)
    world.open_place("v-2", period=Period(start=day - timedelta(days=60), end=FROM_OCTOBER.end))
    open_campaign(world)
    world.ask("u", Criterion.INSERTION, **urgent_need(day))
    world.tick()
    assert [made.request for made in world.events("proposal.made")] == ["u"]


def test_a_short_need_takes_the_gap_before_the_first_child_of_the_intake_once_all_have_asked(world: World) -> None:
    """The place opens on 5 October, and who waits for it would come on the 9th: the morning of the 6th is nobody's."""
    open_campaign(world)
    world.ask("a", period=Period(start=date(2026, 10, 9), end=FROM_OCTOBER.end))
    world.ask("u", Criterion.INSERTION, **urgent_need(date(2026, 10, 6)))
    world.tick()
    assert world.events("proposal.made") == [], "another family may still ask for the 5th"
    world.go_to(now_at(0, 1, day=MONDAY + timedelta(days=1)))
    assert [made.request for made in world.events("proposal.made")] == ["u"]
    draft(world)
    closed = release(world)
    assert (closed.dropped, world.proposal(world.live("a")).period.start) == ((), date(2026, 10, 9))


def test_a_short_need_takes_no_day_of_a_child_of_the_intake(world: World) -> None:
    """The failing twin: the first child would come on the 5th."""
    open_campaign(world)
    world.ask("a")
    world.ask("u", Criterion.INSERTION, **urgent_need(date(2026, 10, 6)))
    world.go_to(now_at(0, 1, day=MONDAY + timedelta(days=1)))
    assert world.events("proposal.made") == []


def test_a_commission_hears_an_urgent_need_of_its_days_by_its_claim(world: World) -> None:
    """It waits for nobody, and where only places of the intake would do, its priority counts there as well."""
    open_campaign(world)
    world.ask("a", POINTS)
    world.ask("u", Criterion.INSERTION, **urgent_need(date(2026, 10, 6)))
    world.ask("o", kind=RequestKind.OCCASIONAL, file_complete=True, slots=on(date(2026, 10, 6)), period=FROM_OCTOBER)
    said = draft(world)
    assert (said.requests, said.placed, drafted(world, "u").seat is not None) == (2, 1, True)
    assert "elle attend la commission" in told(world, "u")[1]
    closed = release(world)
    assert (closed.proposals, closed.dropped) == (1, ())
    assert world.state(world.live("u")) is ProposalState.RELEASED


def test_an_urgent_need_that_is_served_before_its_commission_is_not_heard_any_more(world: World) -> None:
    open_campaign(world)
    world.ask("u", Criterion.INSERTION, **urgent_need(date(2026, 10, 6)))
    draft(world)
    world.open_place("v-2", period=Period(start=MONDAY, end=FROM_OCTOBER.end))
    world.tick()
    assert [made.request for made in world.events("proposal.made")] == ["u"]
    draft(world, "D-2")
    assert world.last("draft.decided").gone == ("u",)


def test_a_draft_decides_on_paper_and_nothing_is_held_or_sent(world: World) -> None:
    open_campaign(world)
    world.ask("b")
    world.ask("a", POINTS)
    said = draft(world)
    assert (said.number, said.requests, said.placed, said.broken) == (1, 2, 1, ())
    assert {(row.mode, row.children) for row in said.prices} == {("stable", 1), ("strict", 1), ("most_children", 1)}
    assert drafted(world, "a").seat.section == SECTION and drafted(world, "b").seat is None
    assert world.events("proposal.made") == world.rows(t.holds) == []


def test_a_draft_says_by_what_sum_nothing_better_was_possible_and_whom_the_first_tier_keeps_out(world: World) -> None:
    open_campaign(world)
    world.ask("b", POINTS, Criterion.NO_SOLUTION)
    world.ask("a", Criterion.DISABILITY)
    said = draft(world)
    assert drafted(world, "a").seat is not None and drafted(world, "a").proof == ()
    assert drafted(world, "b").proof[0].startswith("Preuve à ")
    assert drafted(world, "b").proof[1:] == ("Un enfant qui passe avant la prend.",)
    assert said.displaced == ("b",)


def test_a_second_draft_says_only_what_is_new_beside_the_first(world: World) -> None:
    open_campaign(world)
    world.ask("a")
    world.ask("b")
    draft(world)
    winner = next(name for name in ("a", "b") if drafted(world, name).seat)
    other = "b" if winner == "a" else "a"
    world.amend(other, POINTS)
    draft(world, "D-2")
    effects = {row.subject: row.touched.effect for row in world.events("request.drafted") if row.draft == "D-2"}
    assert effects == {winner: "loses", other: "gains"}
    draft(world, "D-3")
    assert [row for row in world.events("request.drafted") if row.draft == "D-3"] == []


def test_drafts_of_different_days_draw_alike_and_the_draw_is_open_after_the_release(world: World) -> None:
    open_campaign(world)
    for name in ("a", "b", "c", "d"):
        world.ask(name)
    first = draft(world)
    world.go_to(now_at(9, day=MONDAY + timedelta(days=2)))
    world.hear(VacancyReconfirmed, "v-1", said_by="director")
    second = draft(world, "D-2")
    assert first.seed_commitment == second.seed_commitment
    assert [row for row in world.events("request.drafted") if row.draft == "D-2"] == []
    closed = release(world, "D-2")
    assert commitment(closed.seed) == closed.seed_commitment == first.seed_commitment


def test_the_release_writes_what_the_draft_says_and_it_leaves_in_one_gesture(world: World) -> None:
    open_campaign(world)
    world.ask("a", POINTS)
    world.ask("b")
    draft(world)
    closed = release(world)
    assert (closed.proposals, closed.dropped) == (1, ())
    proposal = world.live("a")
    assert world.state(proposal) is ProposalState.RELEASED
    assert world.last("proposal.released").by == "commission"
    assert "Reçoit une proposition." in told(world, "a") and "complet" in told(world, "b")[1]
    assert "campaign.released" in {row["trigger"] for row in world.rows(t.rounds)}


def test_a_release_is_done_once(world: World) -> None:
    open_campaign(world)
    world.ask("a")
    draft(world)
    release(world)
    release(world)
    assert len(world.events("campaign.closed")) == len(world.events("proposal.made")) == 1


def test_a_release_that_dies_on_its_way_is_ended_by_the_next_and_names_nobody_wrongly(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    open_campaign(world)
    world.ask("a")
    draft(world)
    with monkeypatch.context() as death:
        death.setattr(intake, "_close", dies)
        with pytest.raises(ConnectionResetError):
            release(world)
    assert world.state(world.live("a")) is ProposalState.RELEASED and world.events("campaign.closed") == []
    world.tick()
    closed = world.last("campaign.closed")
    assert (closed.proposals, closed.dropped) == (1, ())


def dies(*_: object) -> None:
    raise ConnectionResetError("killed")


def test_what_has_moved_since_the_draft_is_left_out_and_named(world: World) -> None:
    world.open_place("v-2", section=SECTION, slots=MORNINGS)
    open_campaign(world)
    world.ask("a", POINTS)
    world.ask("b")
    draft(world)
    world.amend("b", period=Period(start=date(2026, 10, 10), end=FROM_OCTOBER.end))
    closed = release(world)
    assert (closed.proposals, closed.dropped) == (1, ("b",))
    assert world.state(world.live("a")) is ProposalState.RELEASED
    assert world.state(world.live("b")) is ProposalState.PREPARED, "the next ordinary round has decided it"


def test_another_draft_than_the_last_one_is_not_released(world: World) -> None:
    open_campaign(world)
    world.ask("a")
    draft(world)
    draft(world, "D-2")
    world.hear(CampaignReleased, "C-1", draft="D-1", by="commission")
    world.tick()
    assert world.events("proposal.made") == [] and world.events("campaign.closed") == []


def test_a_campaign_that_is_given_up_keeps_nothing_back(world: World) -> None:
    open_campaign(world)
    world.ask("a")
    world.tick()
    world.hear(CampaignEnded, "C-1", reason="Autre date.", by="coordinator")
    world.tick()
    assert [made.request for made in world.events("proposal.made")] == ["a"]


def test_a_place_kept_back_goes_to_nobody_and_the_family_reads_why_and_until_when(world: World) -> None:
    hold(world)
    world.ask("a")
    world.tick()
    assert world.events("proposal.made") == []
    assert "Motif\u00a0: Travaux, jusqu'au jeudi 31\u00a0décembre 2026." in told(world, "a")[1]
    world.hear(GestureUndone, "G-1", by="coordinator")
    world.tick()
    assert [made.request for made in world.events("proposal.made")] == ["a"]


def test_a_place_kept_back_is_given_by_itself_once_its_last_day_is_over(world: World) -> None:
    hold(world, until=MONDAY + timedelta(days=2))
    world.ask("a")
    world.go_to(now_at(23, 59, day=MONDAY + timedelta(days=2)))
    assert world.events("proposal.made") == []
    world.go_to(now_at(0, 1, day=MONDAY + timedelta(days=3)))
    assert [made.request for made in world.events("proposal.made")] == ["a"]


def test_only_as_many_places_are_kept_back_as_a_person_says(world: World) -> None:
    world.change_place("v-1", 2)
    hold(world)
    world.ask("a", POINTS)
    world.ask("b")
    world.tick()
    assert [made.request for made in world.events("proposal.made")] == ["a"]


def test_a_place_held_by_the_commission_stays_held_after_the_release(world: World) -> None:
    open_campaign(world)
    world.ask("a")
    hold(world, campaign="C-1")
    said = draft(world)
    assert (said.placed, said.held) == (0, 1)
    release(world)
    assert world.events("proposal.made") == []
    assert "Travaux" in told(world, "a")[1]


def test_whom_a_forced_child_touches_is_said_before_anybody_confirms(world: World) -> None:
    open_campaign(world)
    world.ask("a", POINTS)
    world.ask("b")
    draft(world)
    weighed = force(world, "b")
    assert weighed.possible
    assert [(row.request, row.effect) for row in weighed.touched] == [("a", "loses")]
    draft(world, "D-2")
    assert drafted(world, "a").seat is not None, "weighed is not yet decided"


def test_a_forced_child_has_its_place_and_everybody_reads_whose_decision_it_is(world: World) -> None:
    open_campaign(world)
    world.ask("a", POINTS)
    world.ask("b")
    force(world, "b")
    world.hear(ForceConfirmed, "G-2", by="commission")
    said = draft(world)
    assert (said.forced, said.broken, drafted(world, "b").forced) == (1, (), "G-2")
    release(world)
    assert world.state(world.live("b")) is ProposalState.RELEASED
    assert "décision motivée de la commission" in told(world, "b")[1]
    assert "la commission y place un autre enfant, par une décision motivée" in told(world, "a")[1]
    assert "Vu en commission" not in "".join((*told(world, "a"), *told(world, "b"))), "the motive stays with them"


def test_nobody_is_forced_beyond_what_is_there(world: World) -> None:
    open_campaign(world)
    hold(world, campaign="C-1")
    world.ask("a")
    assert not force(world, "a").possible
    world.hear(ForceConfirmed, "G-2", by="commission")
    assert draft(world).forced == 0


def test_a_forced_child_whose_gesture_is_undone_stands_in_the_list_again(world: World) -> None:
    open_campaign(world)
    world.ask("a", POINTS)
    world.ask("b")
    force(world, "b")
    world.hear(ForceConfirmed, "G-2", by="commission")
    draft(world)
    world.hear(GestureUndone, "G-2", by="commission")
    draft(world, "D-2")
    assert drafted(world, "a").seat is not None and drafted(world, "b").seat is None


def test_a_draft_with_a_forced_child_and_a_held_place_breaks_no_guarantee_that_anybody_can_check(world: World) -> None:
    world.change_place("v-1", 2)
    open_campaign(world)
    for name in ("a", "b", "c"):
        world.ask(name)
    hold(world, campaign="C-1")
    force(world, "c")
    world.hear(ForceConfirmed, "G-2", by="commission")
    draft(world)
    with world.engine.connect() as tx:
        kept = drafts.latest(tx, "C-1")
    assert kept is not None and kept.paper is not None
    assert verify(kept.paper.asked, kept.paper.outcome) == ()
    assert {hold.forced for hold in kept.paper.asked.holds} == {None, "c"}
    taken = kept.paper.asked.model_copy(
        update={"holds": tuple(row for row in kept.paper.asked.holds if not row.by_person)}
    )
    assert verify(taken, kept.paper.outcome) != (), "without what persons decided, places stand free"


def test_siblings_of_whom_one_is_of_the_campaign_wait_together(world: World) -> None:
    november = Period(start=date(2026, 11, 2), end=FROM_OCTOBER.end)
    open_campaign(world)
    world.open_place("v-2", period=november)
    family = {"family": "f-1"}
    world.ask("a", **family)
    world.ask("n", period=november, **family)
    world.hear(SiblingsAsked, "s-1", family="f-1", requests=("a", "n"), together=("same_structure",), by="c")
    world.tick()
    assert told(world, "n")[0].startswith("Cette demande attend la commission")


def test_a_place_that_nobody_confirmed_for_weeks_is_counted_and_said_to_the_commission(world: World) -> None:
    open_campaign(world)
    world.ask("a")
    world.go_to(now_at(9, day=MONDAY + timedelta(days=9)))
    said = draft(world)
    assert (said.placed, said.unconfirmed) == (1, 1)

"""Places that a structure's published capacity and staff do not allow, and what it owes to families in insertion."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from typing import Any

import pytest

from contracts.requests import RequestClosed
from contracts.structures import OnDuty, Present, SectionFacts, Staffing, StructurePublished
from contracts.tasks import TaskOpened
from contracts.vocabulary import (
    Answer,
    Audience,
    AwardMode,
    ClosingReason,
    Criterion,
    ProposalState,
    RequestKind,
    Slot,
    Weekday,
)
from services.calendar import local_day
from services.matcher import store
from services.matcher import tables as t
from services.matcher.guaranteed import guaranteed
from services.matcher.policy import GuaranteedShare, policy_in_force
from services.matcher.published import structures_of
from services.matcher.reading import load
from services.matcher.solver.schema import Quota, Rounding
from tests.matcher.world import CRECHE, FROM_OCTOBER, MONDAY, MORNINGS, SECTION, TERRITORY, World

TUESDAY = (Slot(day=Weekday.TUE, start=time(8), end=time(18)),)
KEPT = GuaranteedShare(percent=5, source="voté (synthétique)")


def proposals(world: World, request: str) -> list[store.Proposal]:
    with world.engine.connect() as tx:
        return store.live_proposals(tx, t.proposals.c.request == request)


def staffed(adults: int, older: int) -> Staffing:
    present = (Present(slots=TUESDAY, older=older),)
    return Staffing(on_duty=(OnDuty(slots=TUESDAY, adults=adults),), present=present)


def test_a_place_beyond_capacity_is_told_to_a_person_and_offered_all_the_same(world: World) -> None:
    world.publish(CRECHE, SECTION, staffing=staffed(adults=2, older=14))
    world.open_place(places=1)
    assert world.tasks("over_capacity") == []
    world.change_place("v-1", 2)
    assert world.tasks("over_capacity") == ["over_capacity"]
    told = [event for event in world.said if isinstance(event, TaskOpened)][-1]
    when, source = "Le mardi, de 8\u00a0h à 12\u00a0h", "Code de la santé publique, R2324-46-4"
    assert told.detail == f"{when}\u00a0: 3 adultes pour 2 ({source})."
    world.ask("r-1")
    world.tick()
    assert world.live("r-1")


def test_the_task_goes_once_the_places_fit_again(world: World) -> None:
    world.publish(CRECHE, SECTION, staffing=staffed(adults=2, older=14))
    world.open_place(places=2)
    assert world.tasks("over_capacity") == ["over_capacity"]
    world.change_place("v-1", 1)
    assert world.tasks("over_capacity") == []
    world.change_place("v-1", 2)
    world.publish(CRECHE, SECTION, staffing=staffed(adults=3, older=14))
    assert world.tasks("over_capacity") == []


def test_a_place_held_for_a_child_who_walks_counts_so_until_it_is_given_back(world: World) -> None:
    """Sixteen who walk are two adults' work; two places of a section from two months on might be for two who do not."""
    world.publish(CRECHE, SECTION, staffing=staffed(adults=2, older=14))
    world.open_place(places=2, slots=MORNINGS)
    assert world.tasks("over_capacity") == ["over_capacity"]
    for name in ("r-1", "r-2"):
        world.ask(name, born=date(2024, 9, 1))
    world.tick()
    assert world.tasks("over_capacity") == []
    proposal = world.live("r-1")
    world.release(proposal)
    world.delivered(proposal)
    assert world.answer(proposal, Answer.NON) == "taken"
    world.pass_time(timedelta(hours=1))
    assert world.state(proposal) is ProposalState.DECLINED
    assert world.tasks("over_capacity") == ["over_capacity"]


def test_the_places_of_a_child_whose_family_was_erased_are_still_counted(world: World) -> None:
    """Nobody knows its age any more: its place counts for the youngest child that the section takes."""
    world.publish(CRECHE, SECTION, staffing=staffed(adults=2, older=15))
    world.open_place(places=1)
    world.placed("r-1", born=date(2024, 9, 1))
    assert world.tasks("over_capacity") == []
    world.hear(RequestClosed, "r-1", reason=ClosingReason.ERASED, said_by="guichet")
    world.publish(CRECHE, SECTION, staffing=staffed(adults=2, older=15))
    assert world.tasks("over_capacity") == ["over_capacity"]


def test_a_place_held_for_a_child_who_does_not_walk_yet_still_counts_as_such(world: World) -> None:
    world.publish(CRECHE, SECTION, staffing=staffed(adults=2, older=14))
    world.open_place(places=2, slots=MORNINGS)
    for name in ("r-1", "r-2"):
        world.ask(name, born=date(2025, 6, 1))
    world.tick()
    assert world.live("r-1") and world.live("r-2")
    assert world.tasks("over_capacity") == ["over_capacity"]


def test_the_task_goes_once_the_structure_no_longer_says_who_is_on_duty(world: World) -> None:
    world.publish(CRECHE, SECTION, staffing=staffed(adults=2, older=14))
    world.open_place(places=2)
    assert world.tasks("over_capacity") == ["over_capacity"]
    world.publish(CRECHE, SECTION)
    assert world.tasks("over_capacity") == []


def test_a_structure_that_says_nothing_of_its_staff_is_trusted(world: World) -> None:
    world.open_place(places=400)
    assert world.tasks("over_capacity") == []


def test_starts_per_week_reach_the_round(world: World) -> None:
    section = SectionFacts(section=SECTION, name="Petits", age_from_months=2, age_to_months=36, starts_per_week=2)
    facts = {"name": "A", "kind": "creche", "commune": "03185", "capacity": 20, "opening": ()}
    world.hear(StructurePublished, CRECHE, sections=(section,), **facts)
    with world.engine.connect() as tx:
        loaded = load(tx, TERRITORY, world.now)
    assert loaded is not None
    assert [row.starts_per_week for row in loaded.round.sections] == [2]


def owed(world: World, **rules: GuaranteedShare | None) -> dict[str, Quota]:
    policy = policy_in_force("montlucon-modele", local_day(world.now)).model_copy(update=rules)
    with world.engine.connect() as tx:
        return {row.id: row for row in guaranteed(structures_of(tx, TERRITORY), policy)}


def test_a_manager_owes_its_places_over_all_its_structures(world: World) -> None:
    world.publish("b", "b-1", manager="G", capacity=15, insertion_children=1)
    world.publish("c", "c-1", manager="G", capacity=30, insertion_children=1)
    world.publish("d", "d-1", manager="G", capacity=99, award_mode=AwardMode.EMPLOYER_RESERVED)
    found = owed(world, insertion=KEPT)
    assert found.keys() == {f"structure.{CRECHE}", "manager.G"}
    assert found["manager.G"] == Quota(id="manager.G", structures=("b", "c"), places=45, percent=5, counted=2)


def test_an_avip_structure_owes_its_own_share(world: World) -> None:
    world.publish("b", "b-1", avip=True, capacity=12)
    avip = GuaranteedShare(percent=20, rounding=Rounding.DOWN, source="voté (synthétique)")
    assert owed(world, avip=avip) == {
        "avip.b": Quota(id="avip.b", structures=("b",), places=12, percent=20, rounding=Rounding.DOWN)
    }
    assert owed(world) == {}  # the model keeps nothing


@pytest.mark.parametrize(("kept_until", "placed"), [(None, False), (datetime.fromisoformat("2026-09-01T00:00Z"), True)])
def test_the_last_place_waits_for_a_family_in_insertion_until_its_release(
    world: World, monkeypatch: pytest.MonkeyPatch, kept_until: datetime | None, placed: bool
) -> None:
    """The crèche owes one place of its 20, and has one free: an ordinary family waits, one in insertion does not."""
    policy = policy_in_force("montlucon-modele", MONDAY)
    voted: dict[str, Any] = {"insertion": KEPT.model_copy(update={"kept_until": kept_until})}
    monkeypatch.setattr("services.matcher.reading.policy_in_force", lambda name, day: policy.model_copy(update=voted))
    world.open_place(places=1)
    world.ask("r-1")
    world.tick()
    assert bool(proposals(world, "r-1")) is placed
    if not placed:
        world.ask("r-2", Criterion.INSERTION)
        world.tick()
        assert proposals(world, "r-2")


def test_a_child_who_is_to_follow_another_is_counted_once(world: World) -> None:
    """Its place is lent until the first one moves. Counted twice it would pass for a second child who walks, on a place
    that is kept free for others."""
    walks: dict[str, Any] = {"born": date(2024, 9, 1)}
    january = FROM_OCTOBER.model_copy(update={"start": date(2027, 1, 4)})
    world.publish("creche-B", "creche-B-petits")
    world.open_place()
    first = world.placed("r-first", **walks)
    world.ask("r-next", **walks)
    away = {"kind": RequestKind.TRANSFER, "child": "c-r-first", "current": first, "wishes": ("creche-B",)}
    world.ask("r-move", period=january, **away, **walks)
    world.open_place("v-B", structure="creche-B", section="creche-B-petits")
    world.amend("r-next", period=january, **walks)
    world.tick()
    assert world.live("r-next") and any(row["lent_by"] for row in world.rows(t.holds))
    world.publish(CRECHE, SECTION, staffing=staffed(adults=2, older=13))
    world.open_place("v-kept", places=2, period=january, audience=Audience.URGENT_INSERTION)
    assert world.tasks("over_capacity") == ["over_capacity"]

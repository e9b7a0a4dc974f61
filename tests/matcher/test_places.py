"""Places: opened, counted anew, withdrawn, confirmed, declared all at once, and given back by who leaves."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from contracts.placements import PlacementEnded
from contracts.vacancies import FreePlaces, SnapshotDeclared, VacancyReconfirmed, VacancyWithdrawn
from contracts.vocabulary import (
    Answer,
    AwardMode,
    Criterion,
    DepartureReason,
    Period,
    ProposalState,
    RefusalReason,
    Slot,
    Weekday,
    WithdrawalReason,
)
from services.bus.retries import WrongEvent
from services.matcher import store
from services.matcher import tables as t
from services.matcher.rules.capacity import overfull
from services.matcher.solver.schema import Hold
from tests.matcher.world import CRECHE, FROM_OCTOBER, MONDAY, MORNINGS, SECTION, World

S = ProposalState
TUESDAY, THURSDAY = MORNINGS, (Slot(day=Weekday.THU, start=MORNINGS[0].start, end=MORNINGS[0].end),)


def snapshot(world: World, places: int, as_of: datetime | None = None) -> None:
    free = (FreePlaces(slots=MORNINGS, places=places, period=FROM_OCTOBER),) if places else ()
    facts = {"structure": CRECHE, "section": SECTION, "said_by": "software"}
    world.hear(SnapshotDeclared, f"snap-{places}", free=free, as_of=as_of or world.now, **facts)


def room(world: World, slots: tuple[Slot, ...] = TUESDAY) -> int:
    """How many more children fit at these hours."""
    with world.engine.connect() as tx:
        places, held = store.places_in(tx, SECTION), store.holds(tx, t.holds.c.section == SECTION)
    found = 0
    while True:
        child = Hold(id=f"new-{found}", section=SECTION, slots=slots, period=FROM_OCTOBER)
        if overfull(places, held, child, world.now):
            return found
        held, found = [*held, child], found + 1


def test_a_directors_count_is_of_what_is_left_besides_the_children_who_are_there(world: World) -> None:
    world.open_place(places=2)
    world.placed("r-1")
    world.change_place("v-1", 2)
    assert room(world) == 2
    world.change_place("v-1", 0)
    assert room(world) == 0


def test_a_count_is_made_hour_by_hour(world: World) -> None:
    world.open_place(slots=TUESDAY + THURSDAY)
    world.placed("r-1")  # on Tuesday only
    world.change_place("v-1", 1)
    assert (room(world, TUESDAY), room(world, THURSDAY)) == (1, 1)
    world.change_place("v-1", 1)
    assert (room(world, TUESDAY), room(world, THURSDAY)) == (1, 1)


def test_a_child_who_leaves_gives_back_the_place_it_sat_on_after_a_new_count(world: World) -> None:
    world.open_place(places=2)
    placement = world.placed("r-1")
    world.change_place("v-1", 0)
    assert room(world) == 0
    world.leave(placement, FROM_OCTOBER.start - timedelta(days=1), DepartureReason.NO_SHOW)
    assert room(world) == 1


def test_fewer_places_take_back_the_lowest_claim_and_a_yes_last(world: World) -> None:
    world.open_place(places=3)
    for name, criteria in (("r-1", ()), ("r-2", (Criterion.SINGLE_PARENT,)), ("r-3", (Criterion.RESIDENT,))):
        world.ask(name, *criteria)
    world.tick()
    low, high, middle = (world.live(name) for name in ("r-1", "r-2", "r-3"))
    world.release(low)
    world.delivered(low)
    world.answer(low, Answer.OUI)
    world.change_place("v-1", 2)
    assert (world.state(low), world.state(high), world.state(middle)) == (S.ACCEPTED, S.PREPARED, S.WITHDRAWN)
    world.change_place("v-1", 1)
    assert (world.state(low), world.state(high)) == (S.ACCEPTED, S.WITHDRAWN)
    world.change_place("v-1", 0)
    assert world.state(low) is S.WITHDRAWN
    assert world.last("proposal.withdrawn").after_yes


def test_equal_claims_are_taken_back_by_the_draw_and_not_by_their_names(world: World) -> None:
    losers = set()
    for first in range(6):
        world = World().begin()
        world.open_place(places=2)
        names = (f"r-{first}a", f"r-{first}b")
        for name in names:
            world.ask(name)
        world.tick()
        kept = {name: world.live(name) for name in names}
        world.change_place("v-1", 1)
        losers |= {name[-1] for name, proposal in kept.items() if world.state(proposal) is S.WITHDRAWN}
    assert losers == {"a", "b"}


def test_who_had_said_no_loses_the_place_first_and_hears_nothing_of_it(world: World) -> None:
    world.open_place(places=2)
    refusing, waiting = world.offered("r-1"), world.offered("r-2")
    world.answer(refusing, Answer.NON)
    world.change_place("v-1", 1)
    assert (world.state(refusing), world.state(waiting)) == (S.DECLINED, S.DELIVERED)
    assert world.events("proposal.withdrawn") == []


def test_a_withdrawn_place_takes_back_what_was_offered_and_never_a_placed_child(world: World) -> None:
    world.open_place(places=2)
    placement, offer = world.placed("r-1"), world.offered("r-2")
    world.hear(VacancyWithdrawn, "v-1", reason=WithdrawalReason.CLOSURE, said_by="director")
    assert (world.state(placement), world.state(offer)) == (S.CONFIRMED, S.WITHDRAWN)
    assert room(world) == 0


def test_a_place_that_nobody_confirmed_for_a_week_is_offered_to_nobody_until_somebody_does(world: World) -> None:
    world.open_place()
    world.now += timedelta(days=7, seconds=1)
    world.ask("r-1")
    world.tick()
    assert world.events("proposal.made") == []
    world.hear(VacancyReconfirmed, "v-1", said_by="director")
    world.tick()
    assert world.live("r-1")


def test_children_on_an_old_place_do_not_hide_a_new_one(world: World) -> None:
    world.open_place("v-old")
    world.placed("r-1")
    world.now += timedelta(days=30)
    world.open_place("v-new")
    world.ask("r-2")
    world.tick()
    assert world.live("r-2")
    world.ask("r-3")
    world.tick()
    assert len(world.events("proposal.made")) == 2


def test_a_vacancy_whose_days_are_over_is_offered_to_nobody(world: World) -> None:
    world.open_place(period=Period(start=MONDAY - timedelta(days=30), end=MONDAY))
    world.ask("r-1", period=Period(start=MONDAY - timedelta(days=20)))
    world.tick()
    assert world.events("proposal.made") == []


def test_a_place_that_is_not_awarded_by_the_guichet_takes_no_part(world: World) -> None:
    world.publish(CRECHE, SECTION, award_mode=AwardMode.EMPLOYER_RESERVED)
    world.open_place()
    world.ask("r-1")
    world.tick()
    assert world.events("proposal.made") == []


def test_a_section_that_is_no_longer_published_takes_nobody_and_its_promises_become_a_task(world: World) -> None:
    world.open_place(places=2)
    promised = world.offered("r-1")
    world.publish(CRECHE, "creche-A-grands")
    world.ask("r-2")
    world.tick()
    assert world.state(promised) is S.DELIVERED
    assert world.tasks() == ["shortfall"]
    assert world.last("task.opened").detail == "Une section est fermée. Des propositions y sont en cours."
    assert len(world.events("proposal.made")) == 1
    world.publish(CRECHE, SECTION, "creche-A-grands")
    world.tick()
    assert world.live("r-2")


def test_a_place_in_an_unknown_section_is_put_aside(world: World) -> None:
    with pytest.raises(WrongEvent):
        world.open_place(section="nowhere")


def test_a_snapshot_takes_off_the_children_whose_yes_the_structure_had_seen(world: World) -> None:
    world.open_place(places=3)
    world.placed("r-1")
    accepted = world.offered("r-2")
    world.answer(accepted, Answer.OUI)
    world.now += timedelta(minutes=1)
    snapshot(world, 1)
    assert room(world) == 1
    assert world.tasks() == []
    world.refuse(accepted, RefusalReason.AGE)
    assert room(world) == 2


def test_a_snapshot_from_before_a_yes_has_that_child_still_to_come(world: World) -> None:
    world.open_place(places=2)
    as_of = world.now
    world.now += timedelta(minutes=5)
    proposal = world.offered("r-1")
    world.answer(proposal, Answer.OUI)
    snapshot(world, 2, as_of=as_of)
    assert room(world) == 1


def test_a_snapshot_that_is_short_is_a_task_for_a_person_and_takes_nothing_back(world: World) -> None:
    world.open_place()
    offer = world.offered("r-1")
    snapshot(world, 0)
    assert (world.state(offer), world.tasks()) == (S.DELIVERED, ["shortfall"])
    fewer = "Son logiciel déclare moins de places. 1\u00a0proposition est concernée."
    assert world.last("task.opened").detail == fewer


def test_a_snapshot_again_and_again_counts_no_child_twice(world: World) -> None:
    world.open_place(places=2)
    placement = world.placed("r-1")
    for places in (1, 2, 1):
        world.now += timedelta(minutes=5)
        free = (FreePlaces(slots=MORNINGS, places=places, period=FROM_OCTOBER),)
        facts = {"structure": CRECHE, "section": SECTION, "said_by": "software", "as_of": world.now, "free": free}
        world.hear(SnapshotDeclared, f"snap-{world.now.minute}", **facts)
        assert room(world) == places
    world.leave(placement, FROM_OCTOBER.start - timedelta(days=1), DepartureReason.NO_SHOW)
    assert room(world) == 2


def test_a_notice_opens_the_hours_from_the_day_after_and_the_last_day_ends_the_placement(world: World) -> None:
    world.open_place()
    placement = world.placed("r-1")
    world.now += timedelta(days=40)  # long after anybody confirmed the vacancy: the notice is the structure's word
    last = date(2026, 12, 31)
    world.leave(placement, last)
    (opened,) = world.events("place.reopened", placement)
    assert opened.period == Period(start=last + timedelta(days=1), end=FROM_OCTOBER.end)
    world.ask("r-2", period=Period(start=date(2027, 1, 4), end=FROM_OCTOBER.end))
    world.tick()
    assert world.live("r-2")
    assert world.events(PlacementEnded.wire_type()) == []
    world.go_to(world.now + timedelta(days=100))
    (ended,) = world.events(PlacementEnded.wire_type())
    assert ended.last_day == last
    assert world.request("r-1")["state"] == store.PLACED


def test_a_last_day_moved_earlier_opens_only_what_was_not_open_yet(world: World) -> None:
    world.open_place()
    placement = world.placed("r-1")
    world.leave(placement, date(2027, 3, 31))
    world.leave(placement, date(2026, 12, 31))
    late, early = world.events("place.reopened", placement)
    assert late.period == Period(start=date(2027, 4, 1), end=FROM_OCTOBER.end)
    assert early.period == Period(start=date(2027, 1, 1), end=date(2027, 4, 1))


def test_a_last_day_moved_later_keeps_the_hours_while_nobody_else_was_promised_them(world: World) -> None:
    world.open_place()
    placement = world.placed("r-1")
    world.leave(placement, date(2026, 12, 31))
    world.leave(placement, date(2027, 3, 31))
    assert world.tasks() == []
    world.ask("r-2", period=Period(start=date(2027, 1, 4), end=FROM_OCTOBER.end))
    world.tick()
    assert len(world.events("proposal.made")) == 1


def test_a_last_day_moved_over_another_childs_hours_is_for_a_person_to_settle(world: World) -> None:
    world.open_place()
    placement = world.placed("r-1")
    world.leave(placement, date(2026, 12, 31))
    world.proposed("r-2", period=Period(start=date(2027, 1, 4), end=FROM_OCTOBER.end))
    world.leave(placement, date(2027, 3, 31))
    assert world.tasks("shortfall") == ["shortfall"]
    assert "repoussé au mercredi 31\u00a0mars" in world.last("task.opened").detail
    assert room(world) == 0
    with world.engine.connect() as tx:
        ends = [hold.period.end for hold in store.holds(tx, t.holds.c.proposal == placement)]
    assert ends == [date(2027, 1, 1)]


def test_a_child_who_never_came_gives_all_its_hours_back(world: World) -> None:
    world.open_place()
    placement = world.placed("r-1")
    world.leave(placement, FROM_OCTOBER.start - timedelta(days=1), DepartureReason.NO_SHOW)
    assert world.rows(t.holds) == []
    assert room(world) == 1
    world.ask("r-2")
    world.tick()
    assert world.live("r-2")


def test_a_notice_said_twice_opens_the_hours_once(world: World) -> None:
    world.open_place()
    placement = world.placed("r-1")
    world.leave(placement, date(2026, 12, 31))
    world.leave(placement, date(2026, 12, 31))
    assert len(world.events("place.reopened", placement)) == 1

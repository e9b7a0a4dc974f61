"""Changes of place and waves follow from the events alone: a replay holds the same hours and waits for the same."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from contracts.base import Event
from contracts.topics import DECISIONS, DECLARATIONS, TOPIC_OF
from contracts.vocabulary import Answer, RequestKind, Weekday
from services.bus.tables import outbox
from services.cli.replay_events import kept
from services.cli.replay_states import Difference, decided_by_the_matcher, differences
from services.cli.replay_timers import settled
from services.matcher import tables as t
from services.matcher.halves import name_of_other
from tests.matcher.test_moving import CRECHE_B, SECTION_B, a_follower, accept, give, someone_acts
from tests.matcher.test_waves import asked, one_day
from tests.matcher.world import CRECHE, FROM_OCTOBER, TERRITORY, World, on_weekday

Told = list[tuple[str, bytes]]


class Recorded(World):
    """A world that keeps what it declared, as the guichet's log does."""

    def take(self, event: Event) -> None:
        super().take(event)
        if TOPIC_OF[type(event)] is DECLARATIONS:
            self.__dict__.setdefault("declared", []).append((event.id, event.model_dump_json().encode()))


def a_wave_is_asked(world: World) -> None:
    asked(world, "r-1", "r-2", "r-3")


def the_first_leaves_a_wave(world: World) -> None:
    first, *_ = asked(world, "r-1", "r-2", "r-3")
    world.ask("r-4", **one_day(9, 11))
    world.delivered(first)
    world.answer(first, Answer.NON)
    world.tick()


def the_second_takes_a_wave(world: World) -> None:
    proposals = asked(world, "r-1", "r-2", "r-3")
    for name in proposals:
        world.delivered(name)
    world.answer(proposals[1], Answer.OUI)
    world.tick()


def a_wave_comes_to_nothing(world: World) -> None:
    for name in asked(world, "r-1", "r-2", "r-3"):
        world.delivered(name)
        world.answer(name, Answer.NON)
    world.tick()


def a_child_may_move_and_another_follows(world: World) -> None:
    a_follower(world)


def a_child_has_moved_and_another_followed(world: World) -> None:
    move, follower = a_follower(world)
    give(world, move)
    accept(world, follower)
    world.tick()


def a_year_of_moves(world: World) -> None:
    chance, names = random.Random(3), list[str]()
    world.publish(CRECHE_B, SECTION_B)
    week = on_weekday(Weekday.MON, Weekday.TUE)
    world.open_place(slots=week)
    world.open_place("v-B", structure=CRECHE_B, section=SECTION_B, slots=week)
    for _ in range(30):
        someone_acts(world, chance, names)


def a_week_is_shared(world: World, *answers: Answer) -> str:
    world.publish(CRECHE_B, SECTION_B)
    world.open_place(slots=on_weekday(Weekday.MON))
    world.open_place("v-B", structure=CRECHE_B, section=SECTION_B, slots=on_weekday(Weekday.TUE))
    week = on_weekday(Weekday.MON, Weekday.TUE)
    name = world.proposed("r-1", slots=week, wishes=(CRECHE, CRECHE_B), accepts_split=True)
    world.release(name)
    world.delivered(name)
    for answer in answers:
        world.answer(name, answer)
    return name


def a_shared_week_comes_to_nothing(world: World) -> None:
    a_week_is_shared(world, Answer.NON)
    world.pass_time(timedelta(hours=1))


def one_structure_of_two_has_confirmed(world: World) -> None:
    name = a_week_is_shared(world, Answer.OUI)
    world.confirm(name, CRECHE_B)


def a_child_leaves_one_of_its_two_structures(world: World) -> None:
    name = a_week_is_shared(world, Answer.OUI)
    for structure in (CRECHE, CRECHE_B):
        world.confirm(name, structure)
    world.leave(name_of_other(name), FROM_OCTOBER.start + timedelta(days=20))
    world.leave(name_of_other(name), FROM_OCTOBER.start + timedelta(days=40))


def a_child_leaves_both_structures_for_a_third(world: World) -> None:
    name = a_week_is_shared(world, Answer.OUI)
    for structure in (CRECHE, CRECHE_B):
        world.confirm(name, structure)
    week = on_weekday(Weekday.MON, Weekday.TUE)
    world.publish("creche-C", "creche-C-petits")
    world.open_place("v-C", structure="creche-C", section="creche-C-petits", slots=week)
    child = {"kind": RequestKind.TRANSFER, "current": name, "child": "c-r-1", "family": "f-r-1"}
    moved = world.proposed("r-2", slots=week, wishes=("creche-C",), **child)
    world.release(moved)
    world.delivered(moved)
    world.answer(moved, Answer.OUI)
    world.confirm(moved)


SCENES = (
    a_week_is_shared, a_shared_week_comes_to_nothing, one_structure_of_two_has_confirmed,
    a_child_leaves_one_of_its_two_structures, a_child_leaves_both_structures_for_a_third,
    a_wave_is_asked, the_first_leaves_a_wave, the_second_takes_a_wave, a_wave_comes_to_nothing,
    a_child_may_move_and_another_follows, a_child_has_moved_and_another_followed, a_year_of_moves,
)  # fmt: skip


def lived(scene: Callable[[World], object]) -> World:
    world = Recorded().begin()
    scene(world)
    return world


def found(world: World, tx: sa.Connection) -> list[Difference]:
    declared: Told = world.__dict__["declared"]
    said = tx.execute(sa.select(outbox.c.event_id, outbox.c.body).order_by(outbox.c.position))
    decided = [(row.event_id, row.body) for row in said]
    rows, due = kept({DECLARATIONS.name: declared, DECISIONS.name: decided})
    live = {name: row for name, row in decided_by_the_matcher(tx, TERRITORY).items() if name in rows}
    return list(differences({**live, "timers": settled(live["timers"], due, world.now)}, rows))


@pytest.mark.parametrize("scene", SCENES, ids=lambda scene: scene.__name__)
def test_the_events_alone_give_who_holds_which_hours(scene: Callable[[World], object]) -> None:
    world = lived(scene)
    with world.engine.connect() as tx:
        assert found(world, tx) == []


@pytest.mark.parametrize("scene", [a_wave_is_asked, a_child_may_move_and_another_follows], ids=lambda s: s.__name__)
def test_a_hold_that_somebody_moved_by_hand_is_found(scene: Callable[[World], object]) -> None:
    """The twin."""
    world = lived(scene)
    with world.engine.connect() as tx:
        tx.execute(t.holds.update().where(t.holds.c.lent_by.is_(None)).values(section="elsewhere"))
        assert {(row.table, row.column) for row in found(world, tx)} == {("holds", "section")}
        tx.rollback()

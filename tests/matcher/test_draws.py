"""The draw of a day: sealed before its rounds, opened after."""

from __future__ import annotations

import hashlib
from datetime import date, timedelta

from services.matcher import draws
from services.matcher import tables as t
from tests.matcher.world import MONDAY, TERRITORY, World, told_seed

TUESDAY = MONDAY + timedelta(days=1)
WEDNESDAY = MONDAY + timedelta(days=2)


def a_world_with_a_request() -> World:
    world = World().begin()
    world.ask("r-1")
    world.tick()
    return world


def days_of(world: World, wire: str) -> list[date]:
    return [event.day for event in world.events(wire)]


def seeds(world: World) -> dict[date, str]:
    return {row["day"]: row["seed"] for row in world.rows(t.draws)}


def test_the_print_of_a_draw_is_said_before_the_first_round_that_it_settles() -> None:
    order = [event.type for event in a_world_with_a_request().said]
    assert order.index("draw.sealed") < order.index("round.decided")


def test_a_day_is_sealed_on_the_day_before() -> None:
    world = a_world_with_a_request()
    assert days_of(world, "draw.sealed") == [MONDAY, TUESDAY]


def test_a_round_names_the_draw_of_its_day_and_nothing_says_the_seed_before_the_day_is_over() -> None:
    world = a_world_with_a_request()
    its_print = hashlib.sha256(told_seed(TERRITORY, MONDAY).encode()).hexdigest()
    assert {event.seed_commitment for event in world.events("round.decided")} == {its_print}
    bodies = [event.model_dump_json() for event in world.said]
    assert not any(seed in body for body in bodies for seed in seeds(world).values())


def test_the_first_round_of_the_next_day_opens_the_draw_and_anyone_can_check_its_print() -> None:
    world = a_world_with_a_request()
    world.now += timedelta(days=1)
    world.ask("r-2")
    world.tick()
    (opened,) = world.events("draw.opened")
    sealed = {event.day: event.commitment for event in world.events("draw.sealed")}
    assert opened.day == MONDAY
    assert hashlib.sha256(opened.seed.encode()).hexdigest() == opened.commitment == sealed[MONDAY]
    assert sorted(sealed) == [MONDAY, TUESDAY, WEDNESDAY]


def test_the_draw_of_a_day_never_changes_once_it_is_sealed() -> None:
    world = a_world_with_a_request()
    before = seeds(world)
    world.new_seed = lambda territory, day: "another"
    world.now += timedelta(days=1)
    world.ask("r-2")
    world.tick()
    assert seeds(world) == {**before, WEDNESDAY: "another"}


def test_no_seed_can_be_guessed_from_another() -> None:
    drawn = {draws.fresh_seed(TERRITORY, MONDAY) for _ in range(100)}
    assert len(drawn) == 100
    assert {len(bytes.fromhex(seed)) for seed in drawn} == {32}

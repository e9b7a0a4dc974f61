"""A past round under another grid: what is kept for it, and what it gives. People are invented."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from contracts.requests import DeclaredCriterion, RequestClosed
from contracts.vocabulary import ClosingReason, Criterion
from services.bus.retention import kept_on
from services.calendar import local_day
from services.matcher import past_rounds
from services.matcher import tables as t
from services.matcher.declared_criteria import PURGE, Declared, declared_at
from services.matcher.other_rules import Counted, counted_again
from services.matcher.published import communes_of
from services.matcher.rules.priority_grid import Grid, Line, grid_in_force
from services.matcher.solver.schema import Round
from services.matcher.solver.solve import decide
from tests.matcher.world import COMMUNE, TERRITORY, World

SINGLE, WORK, TWINS = Criterion.SINGLE_PARENT, Criterion.BOTH_PARENTS_WORK, Criterion.TWINS


def grid(*lines: tuple[Criterion, int], first: tuple[Criterion, ...] = ()) -> Grid:
    counted = tuple(Line(criterion=criterion, points=points) for criterion, points in lines)
    return Grid(valid_from=date(2026, 1, 1), title="Autre", source="Essai", first_tier=first, lines=counted)


def last_round(world: World) -> Round:
    with world.engine.connect() as tx:
        (past, *_) = past_rounds.recent(tx, TERRITORY, 1)
        asked = past_rounds.what_was_asked(tx, past.round)
    assert asked is not None
    return asked


def under(world: World, other: Grid, asked: Round | None = None) -> Counted:
    asked = asked or last_round(world)
    with world.engine.connect() as tx:
        declared, communes = declared_at(tx, TERRITORY, asked.instant), communes_of(tx, TERRITORY)
    own = grid_in_force(asked.policy.grid, local_day(asked.instant))
    return counted_again(asked, declared, communes, own, other)


def decided(world: World) -> Round:
    """A round with one place: r-1 has a single parent, the parents of r-2 work, and work counts for more."""
    world.ask("r-1", SINGLE)
    world.ask("r-2", WORK)
    world.open_place()
    world.tick()
    return last_round(world)


def test_another_grid_gives_the_place_to_another_child_and_its_own_the_same(world: World) -> None:
    asked = decided(world)
    assert [row.request for row in decide(asked).placed] == ["r-2"]
    other = under(world, grid((SINGLE, 50), (WORK, 10)))
    assert [row.request for row in decide(other.round).placed] == ["r-1"]
    assert [row.points for row in other.round.requests] == [50, 10]
    own = grid_in_force(asked.policy.grid, local_day(asked.instant))
    same = under(world, own)
    assert (same.round.requests, same.left) == (asked.requests, ())


def test_the_first_tier_and_the_points_of_a_structure_are_counted_anew(world: World) -> None:
    decided(world)
    other = under(world, grid((Criterion.SAME_COMMUNE, 7), (SINGLE, 1), first=(SINGLE,))).round
    assert [row.tier for row in other.requests] == [1, 2]
    assert [(row.points, row.points_at[0].points) for row in other.requests] == [(1, 8), (0, 7)]


def test_a_round_is_counted_on_what_was_declared_at_its_time(world: World) -> None:
    asked = decided(world)
    world.pass_time(timedelta(hours=1))
    world.amend("r-1", TWINS)
    world.tick()
    assert under(world, grid((SINGLE, 50), (TWINS, 5)), asked).round.requests[0].points == 50
    now = under(world, grid((SINGLE, 50), (TWINS, 5)))
    assert [row.points for row in now.round.requests if row.id == "r-1"] == [5]


def test_only_validated_criteria_are_kept_and_nothing_of_an_erased_family(world: World) -> None:
    declared = (DeclaredCriterion(criterion=TWINS), DeclaredCriterion(criterion=SINGLE, validated=True))
    world.ask("r-1", criteria=declared)
    with world.engine.connect() as tx:
        kept = declared_at(tx, TERRITORY, world.now)
    assert kept == {"r-1": Declared("f-r-1", COMMUNE, frozenset({(SINGLE, None)}))}
    world.hear(RequestClosed, "r-1", reason=ClosingReason.ERASED, said_by="coordinator")
    assert world.rows(t.declared_criteria) == []


def test_a_request_of_which_nothing_is_kept_keeps_its_points_and_is_named(world: World) -> None:
    asked = decided(world)
    world.hear(RequestClosed, "r-1", reason=ClosingReason.ERASED, said_by="coordinator")
    other = under(world, grid((SINGLE, 50), (WORK, 10)), asked)
    assert other.left == ("r-1",)
    assert [row.points for row in other.round.requests] == [asked.requests[0].points, 10]


def test_points_that_what_is_kept_does_not_give_are_not_counted_on_other_facts(world: World) -> None:
    asked = decided(world)
    first = asked.requests[0].model_copy(update={"points": 99})
    changed = asked.model_copy(update={"requests": (first, *asked.requests[1:])})
    assert under(world, grid((SINGLE, 50)), changed).left == ("r-1",)


@pytest.mark.parametrize(("closed", "left"), [(False, 1), (True, 0)])
def test_what_was_declared_goes_when_no_kept_round_can_rest_on_it(world: World, closed: bool, left: int) -> None:
    world.ask("r-1", SINGLE)
    world.now += timedelta(days=1)
    world.amend("r-1", TWINS)
    if closed:
        world.hear(RequestClosed, "r-1", reason=ClosingReason.MOVED_AWAY, said_by="coordinator")
    kept = kept_on("services.matcher", world.now.date() + timedelta(days=500))["declared_criteria"]
    assert len(world.rows(t.declared_criteria)) == 2
    limit = world.now + timedelta(days=1)
    with world.engine.begin() as tx:
        tx.execute(t.declared_criteria.delete().where(PURGE.old(limit, kept)))
    assert len(world.rows(t.declared_criteria)) == left

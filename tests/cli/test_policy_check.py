"""What lying would bring: nothing where claims are distinct, and the command finds it where it brings something."""

from __future__ import annotations

from datetime import UTC, date, datetime
from pathlib import Path

import pytest

from contracts.vocabulary import Period
from services.cli.policy_check import sampled
from services.cli.policy_check_tries import NOWHERE, Kind, tried, tries, worth
from services.matcher.solver.components import components
from services.matcher.solver.schema import (
    Mode,
    Pattern,
    Policy,
    Request,
    Round,
    Section,
    StructurePoints,
    Vacancy,
    Wish,
)
from services.matcher.solver.solve import solve_part
from services.territory.rounds import RoundPlan, drawn_round
from services.territory.weeks import WHOLE_WEEK, days
from tests.cli.command import Command
from tests.matcher.solver.drawn_rounds import Taste, tiny

MONDAY = date(2027, 9, 6)


def request(name: str, *wished: str, patterns: tuple[Pattern, ...] | None = None, **facts: object) -> Request:
    return Request(
        id=name,
        born=date(2026, 1, 1),
        wishes=tuple(Wish(structure=to, rank=rank) for rank, to in enumerate(wished, 1)),
        patterns=patterns or (Pattern(slots=WHOLE_WEEK, rank=1),),
        period=Period(start=MONDAY),
        **facts,  # type: ignore[arg-type]
    )


def gains(asked: Round) -> dict[str, tuple[Kind, ...]]:
    """The kinds of tries by which each family of a round would be better off."""
    found = {}
    for part in components(asked):
        outcome = solve_part(part)
        others = sorted({section.structure for section in part.sections})
        for row in part.requests:
            found[row.id] = tried(part, outcome, row, others[:2]).better
    return found


@pytest.mark.parametrize("taste", [Taste(equal_ranks=0.0), Taste(equal_ranks=0.8)], ids=["distinct", "equal"])
def test_in_stable_with_distinct_claims_nobody_gains_by_hiding_adding_or_reordering(taste: Taste) -> None:
    for seed in range(15):
        assert (seed, set(gains(tiny(seed, taste)).values())) == (seed, {()})


def test_in_strict_some_family_gains_so_the_tries_do_find_a_lie_that_pays() -> None:
    def strict(seed: int) -> Round:
        asked = tiny(seed, Taste(equal_ranks=0.0))
        return asked.model_copy(update={"policy": asked.policy.model_copy(update={"mode": Mode.STRICT})})

    assert any(set(gains(strict(seed)).values()) != {()} for seed in range(40))


def test_in_a_drawn_territory_of_stable_nobody_gains_either() -> None:
    drawn = drawn_round(RoundPlan(requests=24, structures=3, flexible=0.4, elsewhere=0.3), 5)
    assert set(gains(drawn).values()) == {()}


def contradictory() -> Round:
    """X wants B first and Y wants A first, while part of a week at X is worth more to B than what it can have."""
    sections = tuple(Section(id=name, structure=name) for name in ("X", "Y"))
    vacancies = tuple(
        Vacancy(id=f"V{name}", section=name, slots=WHOLE_WEEK, places=1, period=Period(start=MONDAY))
        for name in ("X", "Y")
    )
    points = {"A": {"X": 1, "Y": 3}, "B": {"X": 3, "Y": 1}, "C": {"X": 2, "Y": 2}}
    wishes = {"A": ("X", "Y"), "B": ("Y", "X"), "C": ("X",)}
    return Round(
        id="contradictory",
        territory="t",
        instant=datetime(2027, 6, 1, tzinfo=UTC),
        policy=Policy(seed="s"),
        sections=sections,
        vacancies=vacancies,
        requests=tuple(
            request(
                name,
                *wished,
                points_at=tuple(StructurePoints(structure=to, points=points[name][to]) for to in ("X", "Y")),
            )
            for name, wished in wishes.items()
        ),
    )


def test_with_lists_of_their_own_structures_leave_children_nothing_to_gain_on_whole_weeks() -> None:
    assert set(gains(contradictory()).values()) == {()}


def test_what_is_tried_hides_reorders_and_adds() -> None:
    weeks = (Pattern(slots=WHOLE_WEEK, rank=1), Pattern(slots=days((0, 1)), rank=2))
    said = list(tries(request("A", "X", "Y", patterns=weeks), ["X", "Z"]))
    assert [row.kind for row in said].count(Kind.HIDE) == 4
    assert [row.kind for row in said].count(Kind.REORDER) == 6
    assert [[wish.structure for wish in row.request.wishes] for row in said if row.kind is Kind.ADD] == [
        ["X", "Y", "Z"],
        ["X", "Y", "Z"],
    ]


def test_a_place_that_the_family_never_wanted_is_no_place() -> None:
    asked = contradictory()
    placed = {row.request: row for part in components(asked) for row in solve_part(part).placed}
    truth = request("A", "X", "Y")
    assert worth(truth, placed["A"], truth) < NOWHERE
    assert worth(request("A", "Z"), placed["A"], truth) == NOWHERE
    assert worth(truth, None, truth) == NOWHERE


def test_a_gain_is_seen_where_an_engine_would_reward_a_lie() -> None:
    """A round whose outcome is taken for that of another: whoever was left out there gains by any try."""
    asked = contradictory()
    (part,) = components(asked)
    empty = solve_part(part).model_copy(update={"placed": ()})
    assert tried(part, empty, part.requests[0], []).better == (Kind.HIDE, Kind.REORDER)


def test_the_same_seed_samples_the_same_families_and_leaves_siblings_out() -> None:
    drawn = drawn_round(RoundPlan(requests=60, structures=6, siblings=0.5), 1)
    whole = [(part, solve_part(part)) for part in components(drawn)]
    chosen = [row[2].id for row in sampled(whole, 10, 3)]
    assert chosen == [row[2].id for row in sampled(whole, 10, 3)]
    assert chosen != [row[2].id for row in sampled(whole, 10, 4)]
    assert not set(chosen) & {child for family in drawn.siblings for child in family.requests}


def test_each_mode_is_told_in_french_with_what_the_figure_means(berceau: Command, tmp_path: Path) -> None:
    path = tmp_path / "round.json"
    path.write_text(drawn_round(RoundPlan(requests=30, structures=3), 1).model_dump_json(), encoding="utf-8")
    said = berceau("policy-check", path, "--sample", 4)
    assert said.code == 0
    assert "Liste stable, égalités tirées au sort\u00a0: 0 famille sur 4 aurait gagné" in said.out
    assert "Ce que cela mesure\u00a0: " in said.out
    told = berceau("policy-check", path, "--sample", 4, "--json").json
    assert told["modes"][0] | {"tries": 0} == {
        "mode": "stable",
        "ties": "draw",
        "families": 4,
        "tries": 0,
        "gain": 0,
        "lose": told["modes"][0]["lose"],
        "gain_by": {"hide": 0, "reorder": 0, "add": 0},
    }

"""Which free places are set against what a structure published, on which days, and what a person reads."""

from __future__ import annotations

from datetime import date, time
from typing import Any

import pytest

from contracts.structures import SectionFacts, StructurePublished
from contracts.vocabulary import Period, Slot, StructureKind, VacancyKind, Weekday
from services.matcher import declared_capacity
from services.matcher.rules.staffing import Excess, Free, Seated
from tests.matcher.test_declared_capacity import TUESDAY, staffed
from tests.matcher.test_moving import a_follower
from tests.matcher.world import CRECHE, FROM_OCTOBER, MONDAY, SECTION, World, days, on

OTHER = "creche-B"


@pytest.fixture
def asked(monkeypatch: pytest.MonkeyPatch) -> list[tuple[date, list[Free]]]:
    """The days on which places were looked at, and those that were there; everything fits."""
    seen: list[tuple[date, list[Free]]] = []

    def fits(premises: object, there: list[Free], day: date, seated: object) -> list[Excess]:
        seen.append((day, there))
        return []

    monkeypatch.setattr(declared_capacity, "excesses", fits)
    return seen


def place(world: World, name: str, **facts: Any) -> None:
    world.open_place(name, **{"slots": TUESDAY, **facts})


def free(places: int = 1, from_months: int = 2, section: str = SECTION) -> Free:
    return Free(slots=TUESDAY, places=places, from_months=from_months, section=section)


def test_the_regular_places_of_the_structure_are_looked_at_on_each_day_on_which_one_opens(
    world: World, asked: list[tuple[date, list[Free]]]
) -> None:
    world.publish(CRECHE, SECTION, "creche-A-grands", staffing=staffed(adults=1, older=3))
    world.publish(OTHER, "creche-B-petits", staffing=staffed(adults=1, older=3))
    october, november = FROM_OCTOBER.start, date(2026, 11, 2)
    place(world, "v-past", period=Period(start=date(2026, 1, 5), end=november))
    place(world, "v-october", places=3, period=Period(start=october))
    place(world, "v-november", period=Period(start=november), section="creche-A-grands")
    place(world, "v-none", period=Period(start=date(2026, 12, 1)))
    world.change_place("v-none", 0)
    place(world, "v-other", structure=OTHER, section="creche-B-petits", period=Period(start=date(2026, 12, 2)))
    place(world, "v-day", kind=VacancyKind.OCCASIONAL, period=days(date(2026, 12, 3)))
    place(world, "v-dated", slots=on(date(2026, 12, 4)), period=days(date(2026, 12, 4)))
    asked.clear()
    world.publish(CRECHE, SECTION, "creche-A-grands", staffing=staffed(adults=1, older=3))
    found = [(day, sorted(there, key=lambda row: row.places)) for day, there in asked]
    elder = free(section="creche-A-grands")
    assert found == [(MONDAY, [free()]), (october, [free(), free(3)]), (november, [elder, free(3)])]


def test_the_youngest_age_of_a_section_is_that_of_its_places(
    world: World, asked: list[tuple[date, list[Free]]]
) -> None:
    older = (SectionFacts(section=SECTION, name="Grands", age_from_months=19, age_to_months=36),)
    facts: dict[str, Any] = {"name": "Les Lucioles", "commune": "03185", "capacity": 20, "opening": ()}
    staffing = staffed(adults=1, older=3)
    world.hear(
        StructurePublished, CRECHE, kind=StructureKind.CRECHE, sections=older, staffing=staffing, **facts
    )  # fmt: skip
    place(world, "v-1")
    assert asked[-1][1] == [free(from_months=19)]


def test_a_place_on_which_a_child_sits_already_is_none_that_its_director_calls_free(
    world: World, asked: list[tuple[date, list[Free]]]
) -> None:
    world.publish(CRECHE, SECTION, staffing=staffed(adults=1, older=3))
    world.open_place(places=1)
    world.placed("r-1")
    world.change_place("v-1", 2)
    assert [(row.places, row.counted) for row in asked[-1][1]] == [(1, True), (2, False)]


def test_on_a_place_that_a_child_lends_to_another_by_moving_one_child_sits(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Until its move it is there, and from January on, when the one who follows begins, that one alone."""
    february, seen = date(2027, 2, 1), dict[date, int]()

    def fits(premises: object, there: object, day: date, seated: list[Seated]) -> list[Excess]:
        seen[day] = len(seated)
        return []

    monkeypatch.setattr(declared_capacity, "excesses", fits)
    a_follower(world)
    world.open_place("v-february", period=Period(start=february))
    world.publish(CRECHE, SECTION, staffing=staffed(adults=2, older=14))
    assert (seen[FROM_OCTOBER.start], seen[february]) == (1, 1)


def over(world: World) -> list[tuple[str, str]]:
    return [(event.structure, event.detail) for event in world.events("task.opened") if event.kind == "over_capacity"]


def test_a_structure_that_fits_again_settles_its_own_task_and_no_other(world: World) -> None:
    for structure, name in ((CRECHE, "v-1"), (OTHER, "v-2")):
        world.publish(structure, f"{structure}-petits", staffing=staffed(adults=1, older=14))
        place(world, name, places=2, structure=structure, section=f"{structure}-petits")
    assert [structure for structure, _ in over(world)] == [CRECHE, OTHER]
    assert all(detail.startswith("Le mardi") for _, detail in over(world))
    world.publish(CRECHE, SECTION, staffing=staffed(adults=9, older=1))
    assert world.tasks("over_capacity") == ["over_capacity"]
    (settled,) = world.events("task.settled")
    assert settled.by == "matcher"
    assert settled.subject == next(e.subject for e in world.events("task.opened") if e.structure == CRECHE)


@pytest.mark.parametrize(("of_adults", "unit"), [(True, "adultes"), (False, "enfants")])
def test_what_does_not_fit_is_said_of_adults_or_of_children(of_adults: bool, unit: str) -> None:
    slot = Slot(day=Weekday.TUE, start=time(8), end=time(12))
    excess = Excess(slot=slot, wanted=3, allowed=2, source="le texte", of_adults=of_adults)
    assert declared_capacity.said(excess) == f"Le mardi, de 8\u00a0h à 12\u00a0h\u00a0: 3 {unit} pour 2 (le texte)."


def test_what_is_beyond_a_week_is_said_in_hours() -> None:
    excess = Excess(slot=None, wanted=30, allowed=20, source="le texte", of_adults=False)
    said = "Sur la semaine\u00a0: 30\u00a0h demandées pour 20\u00a0h (le texte)."
    assert declared_capacity.said(excess) == said

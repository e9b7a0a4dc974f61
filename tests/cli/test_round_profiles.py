"""The differences of two decisions by profile: what is counted, and what is never shown. People are invented."""

from __future__ import annotations

import re
from datetime import date, datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from contracts.vocabulary import Criterion, Id, Period, RequestKind, Slot, Weekday
from services.cli.failures import CommandFailed
from services.cli.round_profiles import FEWEST, Profiles, as_csv, profiles, with_communes
from services.cli.round_under import read_grid
from services.matcher.declared_criteria import Declared
from services.matcher.solver.schema import Pattern, Policy, Request, Round, Section, Vacancy, Wish
from services.matcher.solver.solve import decide

SINGLE = Criterion.SINGLE_PARENT
MORNING = (Slot(day=Weekday.TUE, start=datetime(2026, 9, 1, 8).time(), end=datetime(2026, 9, 1, 12).time()),)  # noqa: DTZ001
YEAR = Period(start=date(2026, 10, 5), end=date(2027, 7, 10))


def request(name: Id, points: int, tier: int = 2, **facts: RequestKind) -> Request:
    return Request(
        id=name, born=date(2025, 6, 1), points=points, tier=tier, since=date(2026, 1, 1),
        wishes=(Wish(structure="c", rank=1),), patterns=(Pattern(slots=MORNING, rank=1),), period=YEAR, **facts,
    )  # fmt: skip


def asked(*requests: Request, places: int = 5) -> Round:
    return Round(
        id="T-1", territory="montlucon", instant=datetime(2026, 9, 7, 9, tzinfo=ZoneInfo("Europe/Paris")),
        policy=Policy(), sections=(Section(id="s", structure="c"),), requests=requests,
        vacancies=(Vacancy(id="v", section="s", slots=MORNING, places=places, period=YEAR),),
    )  # fmt: skip


def people(number: int, *criteria: Criterion, first: int = 0, commune: str = "03185") -> dict[Id, Declared]:
    kept = frozenset((criterion, None) for criterion in criteria)
    return {f"r-{n:02}": Declared(f"f-{n:02}", commune, kept) for n in range(first, first + number)}


def compared(declared: dict[Id, Declared], single: tuple[int, int]) -> Profiles:
    """Ten requests, of which the last five have one parent: `single` are their points before and after."""
    ones = [name for name, facts in declared.items() if (SINGLE, None) in facts.criteria]
    before, after = (asked(*(request(name, points if name in ones else 1) for name in declared)) for points in single)
    return profiles(before, declared, decide(before), decide(after))


def test_who_gains_and_who_loses_is_counted_for_all_and_by_profile() -> None:
    found = compared(people(5) | people(5, SINGLE, first=5), (0, 2))
    assert (found.total.before, found.total.after, found.total.gains, found.total.loses) == (5, 5, 5, 5)
    (single,) = [row for row in found.rows if row.by == "Critère"]
    assert (single.profile, single.requests, single.before, single.after, single.gains) == ("Parent isolé", 5, 0, 5, 5)
    assert {row.profile for row in found.rows} == {"Parent isolé", "03185", "Priorité 2", "Demande régulière"}


@pytest.mark.parametrize(("have_it", "shown"), [(4, False), (5, True), (6, False), (10, True)])
def test_a_criterion_is_shown_where_neither_those_who_have_it_nor_the_others_are_few(have_it: int, shown: bool) -> None:
    """Of ten families: the four who have it would be known, and so would the four who have it not."""
    found = compared(people(10 - have_it) | people(have_it, SINGLE, first=10 - have_it), (0, 2))
    assert ("Parent isolé" in {row.profile for row in found.rows}) is shown
    assert FEWEST == 5


def test_a_small_commune_is_hidden_with_the_next_smallest_so_that_no_difference_shows_it() -> None:
    declared = people(3, commune="03098") | people(6, first=3) | people(8, first=9, commune="03190")
    found = compared(declared, (0, 2))
    assert [row.profile for row in found.rows if row.by == "Commune"] == ["03190"]
    assert found.hidden == 2


def test_five_children_of_one_family_are_one_family() -> None:
    declared = {name: Declared("f-1", facts.commune, facts.criteria) for name, facts in people(5, SINGLE).items()}
    found = compared(declared | people(5, first=5), (0, 2))
    assert "Parent isolé" not in {row.profile for row in found.rows}


@pytest.mark.parametrize("criterion", [Criterion.DISABILITY, Criterion.MEDICO_SOCIAL, Criterion.DISABLED_RELATIVE])
def test_nothing_drawn_from_health_is_a_profile(criterion: Criterion) -> None:
    found = compared(people(6) | people(6, criterion, first=6), (0, 2))
    assert "Critère" not in {row.by for row in found.rows}


def test_a_spreadsheet_opens_one_line_for_each_profile() -> None:
    lines = as_csv(compared(people(5) | people(5, SINGLE, first=5), (0, 2))).decode("utf-8-sig").splitlines()
    assert lines[0].startswith("Par;Profil;Demandes;")
    assert "Critère;Parent isolé;5;0;5;5;0;0;0" in lines


def test_no_commune_is_a_formula_and_each_that_is_known_has_its_name_beside_its_code() -> None:
    found = compared(people(5) | people(5, first=5, commune="=1+2"), (0, 2))
    lines = as_csv(with_communes(found, {"03185": "Montluçon"})).decode("utf-8-sig")
    assert "\r\nCommune;Montluçon (03185);5;" in lines and "\r\nCommune;'=1+2;5;" in lines


@pytest.mark.parametrize("text", ["", "[]", "a: 1", "- {valid_from: hier}", "\t"])
def test_a_file_that_holds_no_grid_is_said_to_hold_none(tmp_path: Path, text: str) -> None:
    path = tmp_path / "grille.yaml"
    path.write_text(text)
    with pytest.raises(CommandFailed, match=re.escape(f"{path} n'est pas une grille.")):
        read_grid(str(path), date(2026, 9, 7))

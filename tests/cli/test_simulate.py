"""A year under two policies: the same people, the same year for the same seed, and a page that everybody can read."""

from __future__ import annotations

import re
from dataclasses import replace
from datetime import date, timedelta
from html.parser import HTMLParser
from pathlib import Path

import pytest

from contracts.vocabulary import Period
from services.cli.simulate import rules_of
from services.cli.simulate_figures import PROFILES, figures_of
from services.cli.simulate_people import answer, arrivals, intake_after, settled, town_of
from services.cli.simulate_plots import bars, lines, said
from services.cli.simulate_year import FIRST_MONDAY, Rules, Setting, Stay, Year, holds, lived
from services.matcher.solver.schema import Mode, Ties
from services.territory.chance import seeded
from services.territory.weeks import WHOLE_WEEK
from tests.cli.command import Command

PLAIN = Rules()
SMALL = Setting(places=40, weeks=12, seed=3)
CHANCE = seeded(3)
TOWN = town_of(120, CHANCE)


def year(setting: Setting = SMALL, rules: Rules = PLAIN) -> Year:
    *_, found = lived(setting, rules)
    return found


def test_the_same_seed_gives_the_same_year_and_another_seed_another() -> None:
    assert figures_of(year()) == figures_of(year())
    assert figures_of(year()) != figures_of(year(replace(SMALL, seed=4)))


def test_two_policies_meet_the_same_families() -> None:
    one, other = year(), year(rules=Rules(grid="toulouse-2015"))
    assert [row.child for row in one.requests.values()] == [row.child for row in other.requests.values()]


def test_a_year_never_fills_more_than_its_places_and_breaks_no_rule() -> None:
    lived_through = year(Setting(places=40, weeks=24, demand=3.0))
    assert max(lived_through.fill) <= 1
    assert min(lived_through.fill) > 0.6
    assert lived_through.violations == 0
    assert figures_of(lived_through)["served"] > 0


def test_every_request_is_counted_once_in_the_ends_and_in_the_tiers() -> None:
    figures = figures_of(year())
    assert sum(figures["ends"].values()) == figures["requests"]
    assert sum(row["requests"] for row in figures["tiers"].values()) == figures["requests"]
    assert (
        figures["profiles"]["Trois jours ou moins"]["requests"]
        + figures["profiles"]["Quatre ou cinq jours"]["requests"]
        == figures["requests"]
    )
    assert set(figures["profiles"]) == set(PROFILES)


def test_a_week_of_absence_is_free_for_others_and_the_rest_stays_held() -> None:
    (child, section, slots, _) = next(settled(TOWN, FIRST_MONDAY, 0.9, CHANCE))
    end = FIRST_MONDAY + timedelta(weeks=8)
    away = FIRST_MONDAY + timedelta(weeks=3)
    stay = Stay(child, section, slots, Period(start=FIRST_MONDAY, end=end), {away})
    first, second = holds([stay], FIRST_MONDAY)
    assert (first.period.start, first.period.end) == (FIRST_MONDAY, away)
    assert (second.period.start, second.period.end) == (away + timedelta(weeks=1), end)


def test_who_is_there_at_first_fits_in_the_places() -> None:
    for section in TOWN.sections:
        there = [slots for _, where, slots, _ in settled(TOWN, FIRST_MONDAY, 0.9, CHANCE) if where == section.id]
        for day in WHOLE_WEEK:
            taken = sum(any(slot.weekday is day.weekday for slot in slots) for slots in there)
            assert 0 < taken <= TOWN.places[section.id]


def test_more_families_ask_in_spring_than_in_autumn() -> None:
    def asked(weeks: range) -> int:
        rows = (row for week in weeks for row in arrivals(TOWN, FIRST_MONDAY, week, 2.0, CHANCE))
        return sum(not row.occasional for row in rows)

    assert asked(range(6, 20)) > 1.5 * asked(range(32, 46))


def test_nobody_asks_for_a_place_after_school_has_begun() -> None:
    rows = [row for week in range(30) for row in arrivals(TOWN, FIRST_MONDAY, week, 2.0, CHANCE)]
    assert len(rows) > 50
    assert all(row.school > row.wanted for row in rows if not row.occasional)


def test_a_family_answers_one_proposal_the_same_way_whatever_else_happens() -> None:
    answers = [answer(f"R.{n}", "S01", 0, CHANCE) for n in range(300)]
    assert answers == [answer(f"R.{n}", "S01", 0, CHANCE) for n in range(300)]
    assert {None, "oui", "non"} <= set(answers)


def test_the_intake_is_the_first_monday_of_the_next_september() -> None:
    assert intake_after(date(2027, 1, 4)) == date(2027, 9, 6)
    assert intake_after(date(2027, 9, 6)) == date(2028, 9, 4)


def test_a_rule_is_a_grid_a_mode_and_what_is_done_with_ties() -> None:
    assert rules_of("pessac-2022") == Rules("pessac-2022", Mode.STABLE, Ties.DRAW)
    assert rules_of("pessac-2022:strict:together") == Rules("pessac-2022", Mode.STRICT, Ties.TOGETHER)


@pytest.mark.parametrize("rule", ["nowhere-2020", "pessac-2022:kind", "pessac-2022:stable:never"])
def test_a_rule_that_does_not_exist_is_refused_with_the_way_to_write_one(berceau: Command, rule: str) -> None:
    said = berceau("simulate", "--a", rule, "--weeks", 4)
    assert said.code == 2
    assert "n'existe pas" in said.err and "pessac-2022:strict:together" in said.err


class Reader(HTMLParser):
    """Which elements a page has, and what an image says of itself."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.images: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        if tag == "svg":
            self.images.append(dict(attrs)["aria-label"] or "")


def test_the_page_has_a_table_under_each_plot_and_no_script(berceau: Command, tmp_path: Path) -> None:
    path = tmp_path / "year.html"
    said = berceau("simulate", "--places", 40, "--weeks", 8, "--out", path)
    assert said.code == 0
    assert "Règle A\u00a0: liste stable" in said.out
    text = path.read_text(encoding="utf-8")
    page = Reader()
    page.feed(text)
    assert "script" not in page.tags and "link" not in page.tags
    assert page.tags.count("svg") == page.tags.count("figure") == page.tags.count("figcaption") == 3
    assert all(page.images)
    after_each = [part.split("<table", 1)[0] for part in text.split("</figure>")[1:]]
    assert all(part.strip() == "" for part in after_each)
    assert not re.search(r"[a-zé] [:;!?]", re.sub(r"<style>.*?</style>", "", text, flags=re.S))


def test_programs_are_told_the_figures_of_both_policies(berceau: Command) -> None:
    told = berceau("simulate", "--places", 40, "--weeks", 4, "--b", "toulouse-2015", "--json").json
    assert [row["policy"]["grid"] for row in told] == ["montlucon-modele", "toulouse-2015"]
    assert len(told[0]["weeks"]["fill"]) == 4


def test_lines_that_end_close_together_keep_their_labels_apart() -> None:
    drawn = lines("Deux lignes", [("A", [0.5, 0.8]), ("B", [0.5, 0.8])], percent=True)
    heights = [float(y) for y in re.findall(r'y="([\d.]+)" text-anchor="start"', drawn)]
    assert abs(heights[0] - heights[1]) >= 12


def test_a_share_that_nobody_has_is_a_dash_and_not_a_zero() -> None:
    assert said(None) == "–"
    assert "–" in bars("Parts", [("personne", [None, 0.5])], ["A", "B"])

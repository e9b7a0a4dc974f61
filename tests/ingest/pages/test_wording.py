"""French for people: typography in every template, weeks and ages as they are said, sentences that are short."""

from __future__ import annotations

import re
from datetime import date, time
from pathlib import Path

import pytest
from jinja2 import Environment

from contracts.vocabulary import Period, Slot, Weekday
from services.ingest.pages.forms import Form
from services.ingest.pages.wording import (
    NBSP,
    age,
    ages,
    in_order,
    in_sentence,
    lasting,
    months_between,
    of,
    on_day,
    week,
)
from tests.ingest.people import TODAY

TEMPLATES = Path(__file__).parents[3] / "services" / "ingest" / "pages" / "templates"
PAGES = sorted(TEMPLATES.rglob("*.html"))
WEEK = tuple(Weekday)
LONGEST_SENTENCE = 12
"""Words, as people.md asks. A sign that stands apart counts as one."""


@pytest.mark.parametrize(
    ("first", "end", "said"),
    [
        (date(2027, 3, 15), date(2029, 9, 1), f"du lundi 15{NBSP}mars 2027 au vendredi 31{NBSP}août 2029"),
        (date(2026, 12, 1), date(2029, 9, 1), f"du mardi 1er{NBSP}décembre 2026 au vendredi 31{NBSP}août 2029"),
        (date(2026, 12, 14), date(2027, 1, 9), f"du lundi 14{NBSP}décembre au vendredi 8{NBSP}janvier"),
        (date(2026, 12, 14), date(2026, 12, 15), f"lundi 14{NBSP}décembre"),
        (date(2026, 12, 14), None, f"à partir du lundi 14{NBSP}décembre"),
    ],
)
def test_a_period_over_two_years_tells_both_years(first: date, end: date | None, said: str) -> None:
    context = Environment(autoescape=True).from_string("").new_context({"today": TODAY})
    assert lasting(context, Period(start=first, end=end)) == said


def slots(*days: Weekday | date, start: time = time(8), end: time = time(12)) -> tuple[Slot, ...]:
    return tuple(Slot(day=day, start=start, end=end) for day in days)


@pytest.mark.parametrize(
    ("given", "said"),
    [
        (slots(Weekday.TUE), ["le mardi, de 8 h à 12 h"]),
        (slots(Weekday.TUE, Weekday.MON), ["le lundi et le mardi, de 8 h à 12 h"]),
        (slots(*WEEK[:5]), ["du lundi au vendredi, de 8 h à 12 h"]),
        (slots(WEEK[0], WEEK[1], WEEK[3]), ["le lundi, le mardi et le jeudi, de 8 h à 12 h"]),
        (
            slots(Weekday.MON) + slots(Weekday.TUE, start=time(13, 30), end=time(18)),
            ["le lundi, de 8 h à 12 h", "le mardi, de 13 h 30 à 18 h"],
        ),
        (slots(date(2026, 12, 1)), ["mardi 1er décembre, de 8 h à 12 h"]),
        (
            slots(*(date(2026, 12, day) for day in (1, 2, 4))),
            ["du mardi 1er décembre au vendredi 4 décembre (3 jours), de 8 h à 12 h"],
        ),
        ((), []),
    ],
)
def test_a_week_is_said_as_people_say_it(given: tuple[Slot, ...], said: list[str]) -> None:
    assert [phrase.replace(NBSP, " ") for phrase in week(given)] == said


@pytest.mark.parametrize(
    ("months", "said"),
    [(0, "moins d'un mois"), (1, "1 mois"), (23, "23 mois"), (24, "2 ans"), (30, "2 ans et 6 mois"), (36, "3 ans")],
)
def test_an_age_is_in_months_up_to_two_years(months: int, said: str) -> None:
    assert age(months).replace(NBSP, " ") == said


def test_ages_and_years_are_told_where_they_matter() -> None:
    assert ages({"age_from_months": 2, "age_to_months": 36}).replace(NBSP, " ") == "de 2 mois à 3 ans"
    assert months_between(date(2025, 1, 31), date(2026, 1, 30)) == 11
    assert months_between(date(2027, 1, 1), TODAY) == 0
    assert on_day(date(2027, 8, 1), TODAY).endswith("2027")
    assert not on_day(date(2026, 12, 1), TODAY).endswith("2026")


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Lina", "de Lina"),
        ("Alice", "d'Alice"),
        ("Émile", "d'Émile"),
        ("Yanis", "de Yanis"),
        ("l'enfant", "de l'enfant"),
    ],
)
def test_a_name_is_elided_as_french_wants_it(name: str, said: str) -> None:
    assert of(name) == said


def sentences(html: str) -> list[str]:
    """What is written in a template, without its tags and its conditions."""
    text = re.sub(r"\{#.*?#\}", "", html, flags=re.DOTALL)
    text = re.sub(r"\{%.*?%\}", "\n", text, flags=re.DOTALL)
    text = re.sub(r"\{\{.*?\}\}", "X", text, flags=re.DOTALL)
    text = re.sub(r"<(?!/?(?:b|a|span)\b)[^>]+>", "\n", text)
    text = re.sub(r"<[^>]+>", "", text).replace("&nbsp;", NBSP)
    return [part.strip() for part in re.split(r"(?<=[.?!])\s|\n", text) if part.strip()]


@pytest.mark.parametrize("page", PAGES, ids=lambda path: f"{path.parent.name}/{path.name}")
def test_no_line_breaks_before_a_double_sign_and_no_sentence_is_long(page: Path) -> None:
    for sentence in sentences(page.read_text(encoding="utf-8")):
        assert not re.search(r"[^\s\u00a0][:;!?»]( |$)", sentence.replace("http:", "")), sentence
        assert not re.search(r" [:;!?»]", sentence), sentence
        assert len(sentence.replace(NBSP, " ").split()) <= LONGEST_SENTENCE, sentence


@pytest.mark.parametrize(
    ("typed", "read"),
    [
        ("2026-12-01", date(2026, 12, 1)),
        ("1/12/2026", date(2026, 12, 1)),
        ("01.12.2026", date(2026, 12, 1)),
        ("31/11/2026", date.min),
        ("demain", date.min),
        ("", date.min),
    ],
)
def test_dates_are_read_as_people_write_them(typed: str, read: date) -> None:
    form = Form.filled(debut=typed)
    assert form.day("debut", "la date") == read
    assert bool(form.problems) is (read == date.min)


@pytest.mark.parametrize(
    ("typed", "read"),
    [("08:30", time(8, 30)), ("8h30", time(8, 30)), ("8 h", time(8)), ("8", time(8)), ("25h", None), ("huit", None)],
)
def test_hours_are_read_as_people_write_them(typed: str, read: time | None) -> None:
    form = Form.filled(de=typed)
    assert form.hour("de", "l'heure") == (read or time.min)
    assert bool(form.problems) is (read is None)


def test_names_stand_in_the_order_of_a_french_dictionary() -> None:
    names = ["Domérat", "Désertines", "Écoles", "Estivareilles", "étoile"]
    assert sorted(names, key=in_order) == ["Désertines", "Domérat", "Écoles", "Estivareilles", "étoile"]


def test_a_label_in_a_sentence_begins_with_a_small_letter_and_initials_stay() -> None:
    assert in_sentence("Parcours d'insertion") == "parcours d'insertion"
    assert in_sentence("Échéance") == "échéance"
    assert in_sentence("RSA depuis un an") == "RSA depuis un an"


def test_a_section_that_takes_the_newborn_says_so() -> None:
    assert ages({"age_from_months": 0, "age_to_months": 17}).replace(NBSP, " ") == "de la naissance à 17 mois"
    assert ages({"age_from_months": 2, "age_to_months": 17}).replace(NBSP, " ") == "de 2 mois à 17 mois"

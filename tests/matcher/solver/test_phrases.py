"""The French of a reason, word by word: what a family reads of one wish."""

from __future__ import annotations

from datetime import date, time
from typing import Any

import pytest

from contracts.vocabulary import Slot, Weekday
from services.matcher.solver.phrases import BEHIND, SHARED, SHARED_POINTS, family_phrases, phrases
from services.matcher.solver.schema import Reason, StructurePoints, Why, WishReason
from tests.matcher.solver.golden import round_of, slots

NBSP = "\u00a0"
CASE = {"places": {"X": {"mon": 1}}, "requests": {"A": {"points": 1, "wishes": ["X", "Y"], "days": [["mon"]]}}}
(REQUEST,) = round_of(CASE).requests
MORNING = slots("mon_am")


def said(*wishes: WishReason, placed: bool = False, points: bool = True, **facts: Any) -> list[str]:
    return phrases(REQUEST, Reason(request="A", placed=placed, wishes=wishes, **facts), points=points)


def full(*hours: Slot, **facts: Any) -> WishReason:
    return WishReason(structure="X", why=Why.FULL, full_slots=hours or MORNING, **facts)


def test_a_child_with_a_place_reads_so_and_then_what_it_does_not_get() -> None:
    held = WishReason(structure="X", why=Why.HELD_BY_PERSON, held_because=" fuite d'eau. ")
    assert said(held, WishReason(structure="Y", why=Why.OFFERED), placed=True) == [
        "Reçoit une proposition.",
        f"N'obtient pas le vœu{NBSP}1{NBSP}: une place y est libre, et le guichet la retient. "
        "Motif : fuite d'eau.".replace(" :", f"{NBSP}:"),
        f"Obtient le vœu{NBSP}2.",
    ]


def test_a_child_with_a_full_wish_and_a_place_elsewhere_does_not_obtain_the_full_one() -> None:
    (_, first) = said(full(rank=3, points=10), placed=True)
    assert first == (
        f"N'obtient pas le vœu{NBSP}1 (rang{NBSP}3 dans cette structure){NBSP}: "
        f"complet le lundi, de 8{NBSP}h à 13{NBSP}h, par des places déjà tenues."
    )


def test_a_week_in_two_structures_is_told_where_two_wishes_are_obtained() -> None:
    one, other = (WishReason(structure=name, why=Why.OFFERED) for name in ("X", "Y"))
    assert said(one, other, placed=True)[1] == SHARED
    assert SHARED not in said(one, placed=True)


def test_which_points_count_is_told_where_they_differ_in_the_two_structures_of_a_week() -> None:
    wishes = tuple(WishReason(structure=name, why=Why.OFFERED) for name in ("X", "Y"))
    reason = Reason(request="A", placed=True, wishes=wishes)
    here = (StructurePoints(structure="X", points=30),)
    differing = REQUEST.model_copy(update={"points_at": here})
    same = REQUEST.model_copy(update={"points_at": (*here, StructurePoints(structure="Y", points=30))})
    assert phrases(differing, reason)[1:3] == family_phrases(differing, reason)[1:3] == [SHARED, SHARED_POINTS]
    assert SHARED_POINTS not in [*phrases(same, reason), *phrases(differing, reason, points=False)]


def test_a_request_sent_behind_reads_so_unless_points_are_kept_back() -> None:
    held = WishReason(structure="X", why=Why.WITHHELD)
    assert BEHIND in said(held, sent_behind=True)
    assert BEHIND not in said(held, sent_behind=True, points=False)
    assert BEHIND not in said(held)


def test_without_points_a_full_wish_ends_with_its_hours() -> None:
    assert said(full(rank=3, points=10, last_tier=2, last_points=20), points=False)[1] == (
        f"Attend au vœu{NBSP}1{NBSP}: complet le lundi, de 8{NBSP}h à 13{NBSP}h."
    )


def test_without_a_rank_no_rank_is_told() -> None:
    assert said(full())[1].startswith(f"Attend au vœu{NBSP}1{NBSP}: complet")


def test_hours_that_are_full_for_no_single_reason_are_told_in_words() -> None:
    wish = WishReason(structure="X", why=Why.FULL)
    assert said(wish, points=False)[1] == (
        f"Attend au vœu{NBSP}1{NBSP}: ces horaires ne tiennent pas ensemble avec ceux des enfants déjà placés."
    )


@pytest.mark.parametrize(
    ("points", "words"), [(0, "0 point;"), (1, "1 point;"), (2, "2 points;"), (-1, "-1 point;"), (-2, "-2 points;")]
)
def test_points_are_plural_from_two_on(points: int, words: str) -> None:
    told = said(full(points=5, last_tier=1, last_points=points))[1]
    assert words.replace(" ", NBSP).replace(";", f"{NBSP};") in told


def test_two_days_are_joined_by_and_and_more_by_commas() -> None:
    hours = {"start": time(8), "end": time(10, 5)}
    mon, tue, wed = (Slot(day=day, **hours) for day in (Weekday.MON, Weekday.TUE, Weekday.WED))
    until = f"de 8{NBSP}h à 10{NBSP}h{NBSP}05"
    assert f"complet le lundi et le mardi, {until}" in said(full(mon, tue))[1]
    assert f"complet le lundi, le mardi et le mercredi, {until}" in said(full(mon, tue, wed))[1]


def test_days_with_other_hours_are_told_apart() -> None:
    told = said(full(*MORNING, *slots("tue")))[1]
    assert f"complet le lundi et le mardi, de 8{NBSP}h à 13{NBSP}h{NBSP}; le mardi, de 13{NBSP}h à 18{NBSP}h" in told


def test_the_first_of_a_month_is_written_as_an_ordinal() -> None:
    first = Slot(day=date(2026, 12, 1), start=time(8), end=time(12))
    assert f"le mardi 1er{NBSP}décembre 2026, de 8" in said(full(first))[1]


def test_an_hour_with_minutes_and_equal_points_are_told_in_full() -> None:
    wish = full(Slot(day=Weekday.MON, start=time(8, 30), end=time(9)), rank=2, points=1, last_tier=2, last_points=1)
    assert said(wish)[1] == (
        f"Attend au vœu{NBSP}1 (rang{NBSP}2 dans cette structure){NBSP}: complet le lundi, de 8{NBSP}h{NBSP}30 à "
        f"9{NBSP}h. Dernier dossier admis à ces horaires{NBSP}: priorité 2, 1{NBSP}point{NBSP}; cette demande{NBSP}: "
        f"1{NBSP}point. À points égaux, l'ancienneté puis le tirage départagent."
    )


def test_a_family_is_spoken_to_in_the_second_person() -> None:
    free = WishReason(structure="X", why=Why.HELD_BY_PERSON)
    wish = full(rank=3, points=10, last_tier=2, last_points=20)
    reason = Reason(request="A", placed=False, wishes=(wish, free), sent_behind=True)
    names = {"X": "Les Lucioles"}
    told = family_phrases(REQUEST, reason, names)
    assert told == [
        "Votre demande reste en attente d'une place.",
        f"La part votée de la priorité{NBSP}1 est atteinte, votre demande passe selon ses points.",
        f"Votre demande attend au vœu{NBSP}1, Les Lucioles (rang{NBSP}3 dans cette structure){NBSP}: complet le lundi, "
        f"de 8{NBSP}h à 13{NBSP}h. Dernier dossier admis à ces horaires{NBSP}: priorité 2, 20{NBSP}points{NBSP}; votre "
        f"demande{NBSP}: 10{NBSP}points.",
        f"Votre demande attend au vœu{NBSP}1, Les Lucioles{NBSP}: une place y est libre, et le guichet la retient. "
        f"Motif{NBSP}: non précisé.",
    ]
    placed = family_phrases(REQUEST, reason.model_copy(update={"placed": True}))
    assert placed[0] == "Vous recevez une proposition."
    assert placed[2].startswith(f"Nous ne vous proposons pas le vœu{NBSP}1 (rang")
    moves = family_phrases(REQUEST.model_copy(update={"current": "h"}), reason)
    assert moves[0] == "Votre enfant garde sa place actuelle."

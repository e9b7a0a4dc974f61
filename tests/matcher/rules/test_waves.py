"""The waves of small drawn rounds: who is asked, in which order, and that nobody is passed over. All are invented."""

from __future__ import annotations

from datetime import date, datetime, time, timedelta
from functools import cache
from random import Random
from typing import Any

import pytest

from contracts.vocabulary import Audience, Period, RequestKind, Slot, Weekday
from services.calendar import at
from services.matcher.rules import waves as rules
from services.matcher.rules.waves import Asking, Wave, joined, waves_of, without
from services.matcher.solver.claims import claim
from services.matcher.solver.schema import (
    Outcome,
    Pattern,
    Placed,
    Policy,
    Quota,
    Request,
    Round,
    Section,
    Vacancy,
    Wish,
)
from services.matcher.solver.solve import decide

TODAY = date(2026, 9, 7)
TOMORROW, NOW = TODAY + timedelta(days=1), at(TODAY, time(9))
HOURS = ((8, 10), (8, 12), (9, 11), (10, 12))
DAY = Period(start=TOMORROW, end=TOMORROW + timedelta(days=1))
ROUNDS = range(100)
Minutes = set[int]


def slot(start: int, end: int, day: date = TOMORROW) -> Slot:
    return Slot(day=day, start=time(start), end=time(end))


@cache
def decided(seed: int) -> tuple[Round, Asking, Outcome]:
    asked, asking = drawn(seed)
    return asked, asking, decide(asked)


def found_in(seed: int) -> list[Wave]:
    asked, asking, outcome = decided(seed)
    return waves_of(asked, outcome, asking)


def drawn(seed: int) -> tuple[Round, Asking]:
    """Some places of two sections tomorrow morning, and children who want one or the other."""
    dice = Random(seed)
    requests = tuple(_request(f"r-{n}", dice) for n in range(dice.randint(2, 9)))
    vacancies = tuple(
        Vacancy(id=f"v-{s}", section=s, slots=(slot(8, 12),), places=dice.randint(1, 2), period=DAY,
                audience=dice.choice((Audience.EVERYBODY, Audience.EVERYBODY, Audience.INSERTION)))
        for s in ("a", "b")
    )  # fmt: skip
    sections = (Section(id="a", structure="A"), Section(id="b", structure="B"))
    asked = Round(
        id="T", territory="t", instant=NOW, policy=Policy(), sections=sections, vacancies=vacancies, requests=requests
    )
    alone = frozenset(request.id for request in requests if dice.random() < 0.15)
    return asked, Asking(dice.randint(2, 4), NOW + timedelta(hours=24), alone)


def _request(name: str, dice: Random) -> Request:
    wished = dice.sample(("A", "B"), dice.randint(1, 2))
    insertion = dice.random() < 0.3
    facts: dict[str, Any] = {"entitled_to": Audience.INSERTION, "tier": 1} if insertion else {}
    return Request(
        id=name, born=date(2025, 1, 1), points=dice.randint(0, 2), period=DAY, **facts,
        kind=RequestKind.URGENT if insertion and dice.random() < 0.3 else RequestKind.OCCASIONAL,
        wishes=tuple(Wish(structure=structure, rank=n) for n, structure in enumerate(wished, start=1)),
        patterns=(Pattern(slots=(slot(*dice.choice(HOURS)),), rank=1),),
    )  # fmt: skip


def minutes(*slots: Slot) -> Minutes:
    return {m for s in slots for m in range(s.start.hour * 60, s.end.hour * 60)}


def faults(asked: Round, asking: Asking, outcome: Outcome) -> list[str]:
    """What is wrong with the waves of a round, counted minute by minute."""
    found = waves_of(asked, outcome, asking)
    requests = {request.id: request for request in asked.requests}
    named = [row.request for wave in found for row in wave.asked]
    wrong = ["asked twice"] if len(named) != len(set(named)) else []
    leads = {wave.asked[0].request for wave in found}
    alone = [row for row in outcome.placed if row.request not in leads]
    held = [(wave.section, minutes(*wave.slots), wave.entitled_to) for wave in found]
    held += [(row.section, minutes(*row.slots), requests[row.request].entitled_to) for row in alone]
    for vacancy in asked.vacancies:
        here = [(taken, level) for section, taken, level in held if section == vacancy.section]
        if any(sum(m in taken for taken, _ in here) > vacancy.places for m in minutes(*vacancy.slots)):
            wrong.append("held twice")
        if any(level.level < vacancy.audience.level for _, level in here):
            wrong.append("a kept place asked of others")
    for wave in found:
        wrong += _of_one(wave, asked, asking, set(named) | {row.request for row in outcome.placed})
    return wrong


def _of_one(wave: Wave, asked: Round, asking: Asking, answered: set[str]) -> list[str]:
    requests = {request.id: request for request in asked.requests}
    members = [requests[row.request] for row in wave.asked]
    order = [claim(request, wave.asked[0].structure, "") for request in members]
    wrong = ["too many"] if len(members) > asking.families else []
    wrong += ["out of order"] if order[1:] != sorted(order[1:]) else []
    wrong += ["two tiers"] if len({request.tier for request in members}) > 1 else []
    wrong += ["an urgent one"] if any(request.kind is RequestKind.URGENT for request in members) else []
    wrong += ["one to look at"] if any(request.id in asking.alone for request in members) else []
    for request in asked.requests:  # whose hours lie within those of the lead could sit there for sure
        could = wave.asked[0].structure in {wish.structure for wish in request.wishes}
        inside = minutes(*request.patterns[0].slots) <= minutes(*wave.asked[0].slots)
        entitled = request.entitled_to.level >= wave.entitled_to.level
        ahead = claim(request, wave.asked[0].structure, "") < order[-1]
        if request.id not in answered and could and inside and entitled and ahead:
            wrong.append(f"{request.id} passed over")
    return wrong


def test_in_drawn_rounds_a_wave_keeps_the_order_the_tier_and_the_places_and_passes_nobody_over() -> None:
    assert [(seed, found) for seed in ROUNDS if (found := faults(*decided(seed)))] == []
    assert {2, 3, 4} <= {len(wave.asked) for seed in ROUNDS for wave in found_in(seed)}


def test_without_the_count_of_what_is_held_a_place_would_be_held_twice(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "overfull", lambda *_: ())
    assert any("held twice" in faults(*decided(seed)) for seed in ROUNDS)


def test_without_the_look_at_who_may_be_asked_a_wave_would_ask_them(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(rules, "_may_be_asked", lambda *_: True)
    found = {fault for seed in ROUNDS for fault in faults(*decided(seed))}
    assert {"an urgent one", "one to look at"} <= found


def test_the_same_round_gives_the_same_waves_whatever_the_order_of_its_rows() -> None:
    for seed in ROUNDS[:20]:
        asked, asking, outcome = decided(seed)
        turned = asked.model_copy(update={"requests": asked.requests[::-1], "vacancies": asked.vacancies[::-1]})
        one, other = waves_of(asked, outcome, asking), waves_of(turned, decide(turned), asking)
        assert [wave.asked for wave in one] == [wave.asked for wave in other]


def test_hours_are_joined_and_taken_away() -> None:
    assert joined([slot(10, 12), slot(8, 9), slot(9, 11)]) == (slot(8, 12),)
    assert joined([slot(8, 9), slot(10, 11)]) == (slot(8, 9), slot(10, 11))
    assert without([slot(8, 12)], [slot(9, 10)]) == (slot(8, 9), slot(10, 12))
    assert without([slot(8, 12)], [slot(8, 12), slot(7, 8)]) == ()
    later = TOMORROW + timedelta(days=1)
    assert without([slot(8, 12)], [slot(8, 12, later)]) == (slot(8, 12),)


def test_care_that_begins_beyond_the_voted_hours_is_asked_of_one_family_alone() -> None:
    asked, asking, outcome = next(decided(seed) for seed in ROUNDS if found_in(seed))
    sooner = Asking(asking.families, datetime.combine(TODAY, time(23), NOW.tzinfo), asking.alone)
    assert waves_of(asked, outcome, sooner) == []


ORDINARY = Request(
    id="r", born=date(2025, 1, 1), kind=RequestKind.OCCASIONAL, period=DAY, wishes=(Wish(structure="A", rank=1),),
    patterns=(Pattern(slots=(slot(8, 12),), rank=1),),
)  # fmt: skip
NOBODY_ALONE = Asking(4, NOW + timedelta(hours=24), frozenset())
PLACED = Placed(
    request="r", structure="A", section="a", pattern=0, slots=(slot(8, 12),), period=DAY, wish_rank=1, level=1
)  # fmt: skip


@pytest.mark.parametrize(
    "facts",
    [{"kind": RequestKind.URGENT}, {"kind": RequestKind.REGULAR}, {"needs_support": True}, {"current": "L-1"}],
    ids=str,
)
def test_only_an_ordinary_request_for_single_hours_is_asked_with_others(facts: dict[str, Any]) -> None:
    assert rules._may_be_asked(ORDINARY, (slot(8, 12),), (), NOBODY_ALONE)
    assert not rules._may_be_asked(ORDINARY.model_copy(update=facts), (slot(8, 12),), (), NOBODY_ALONE)


def test_one_stretch_of_hours_of_one_day_is_asked_of_several_families_and_no_more() -> None:
    later = TOMORROW + timedelta(days=1)
    weekday = Slot(day=Weekday.TUE, start=time(8), end=time(12))
    for slots in ((slot(8, 9), slot(10, 12)), (slot(8, 12), slot(8, 12, later)), (weekday,)):
        assert not rules._may_be_asked(ORDINARY, slots, (), NOBODY_ALONE)


@pytest.mark.parametrize(
    "facts",
    [
        {"on_call": True},
        {"to_prepare": True},
        {"partial": True},
        {"split": True},
        {"replaces": "L-1"},
        {"after": ("q",)},
    ],
    ids=str,
)
def test_a_place_that_is_not_sure_or_not_whole_is_asked_of_one_family(facts: dict[str, Any]) -> None:
    assert rules._may_lead(PLACED, NOBODY_ALONE)
    assert not rules._may_lead(PLACED.model_copy(update=facts), NOBODY_ALONE)


def asked_for(*requests: Request, **facts: Any) -> tuple[Round, Outcome]:
    """One place of tomorrow morning, and who wants it in the order of the list."""
    listed = tuple(row.model_copy(update={"points": 9 - n}) for n, row in enumerate(requests))
    place = Vacancy(id="v", section="a", slots=(slot(8, 12),), places=1, period=DAY)
    asked = Round(
        id="T", territory="t", instant=NOW, policy=Policy(), sections=(Section(id="a", structure="A"),),
        vacancies=(place,), requests=listed, **facts,
    )  # fmt: skip
    return asked, decide(asked)


def ordinary(name: str, *slots: Slot, **facts: Any) -> Request:
    patterns = (Pattern(slots=slots or (slot(8, 12),), rank=1),)
    return ORDINARY.model_copy(update={"id": name, "patterns": patterns, **facts})


def names(asked: Round, outcome: Outcome) -> list[list[str]]:
    return [[row.request for row in wave.asked] for wave in waves_of(asked, outcome, NOBODY_ALONE)]


def test_whoever_takes_a_part_of_its_days_ends_a_wave_and_is_not_passed_over() -> None:
    two = Period(start=TOMORROW, end=TOMORROW + timedelta(days=2))
    days = (slot(8, 12), slot(8, 12, TOMORROW + timedelta(days=1)))
    part = ordinary("r-2", *days, accepts_partial=True, period=two)
    assert names(*asked_for(ordinary("r-1"), ordinary("r-3"))) == [["r-1", "r-3"]]
    assert names(*asked_for(ordinary("r-1"), part, ordinary("r-3"))) == []


def test_whoever_a_check_held_back_is_not_asked_in_a_wave() -> None:
    asked, outcome = asked_for(ordinary("r-1"), ordinary("r-2"), ordinary("r-3"))
    assert names(asked, outcome.model_copy(update={"withheld": ("r-2",)})) == [["r-1", "r-3"]]


def test_a_wave_takes_no_further_hours_where_some_are_kept_for_insertion() -> None:
    requests = (ordinary("r-1", slot(9, 11)), ordinary("r-2"), ordinary("r-3", slot(9, 11)))
    assert names(*asked_for(*requests)) == [["r-1", "r-2", "r-3"]]
    kept = Quota(id="q", structures=("A",), places=0)
    assert names(*asked_for(*requests, quotas=(kept,))) == [["r-1", "r-3"]]


def test_the_place_of_a_wave_counts_as_held_by_who_is_entitled_to_the_least() -> None:
    first = ordinary("r-1", entitled_to=Audience.INSERTION)
    (wave,) = waves_of(*asked_for(first, ordinary("r-2")), NOBODY_ALONE)
    assert (wave.entitled_to, wave.as_hold().entitled_to) == (Audience.EVERYBODY, Audience.EVERYBODY)

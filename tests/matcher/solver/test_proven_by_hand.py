"""What proofs written by hand show of an outcome written by hand, and which of them are false. All are invented."""

from __future__ import annotations

from datetime import date, time
from typing import Any

from services.matcher.solver.facts import Facts
from services.matcher.solver.proven import Proven, Sum, proven, refused_by, sums
from services.matcher.solver.proving import with_proofs
from services.matcher.solver.schema import (
    Bound,
    Certificate,
    Goal,
    GoalPrice,
    LimitPrice,
    Mode,
    Placed,
    Price,
    Proof,
    Refusal,
    Round,
    Ties,
)
from services.matcher.solver.ways import Ways
from tests.matcher.solver.by_hand import asks, at, facts_of
from tests.matcher.solver.golden import START, round_of

MONDAY, TUESDAY = date(2026, 9, 7), START
PAIR: dict[str, Any] = {
    "places": {"X": {"mon_am": 1}, "Y": {"tue_am": 1}},
    "requests": {"A": asks("X", "mon_am", points=50), "B": asks("X", "mon_am", points=40)},
}
A = at("A", "X", "mon_am")


def hour(section: str = "X", day: date = MONDAY, price: int = 1) -> Price:
    return Price(section=f"{section}-all", day=day, hour=time(8), price=price)


ON_MONDAY = Proof(prices=(hour(),))
NOTHING = Proof()


def shown(
    case: dict[str, Any] | Round, *placed: Placed, proofs: tuple[Proof, ...] = (), refused: Any = (), **facts: Any
) -> Proven:
    """What is proven by these proofs; `refused` says which numbers refuse a family at a structure."""
    refusals = [Refusal(unit=unit, structure=to, proofs=numbers) for unit, to, *numbers in refused]
    certificate = Certificate(proofs=proofs, refusals=tuple(refusals), bounds=facts.pop("bounds", ()))
    return proven(facts_of(case, *placed, certificate=certificate, **facts))


def found(best: str, open_: str, *false: tuple[str, str | None]) -> Proven:
    return Proven(tuple(best), tuple(open_), false)


def test_who_has_its_first_choice_needs_no_proof_and_who_has_not_does() -> None:
    assert proven(facts_of(PAIR, A)) == found("A", "B")
    assert shown(PAIR, A, proofs=(ON_MONDAY,), refused=[("B", "X", 0)]) == found("AB", "")
    assert shown(PAIR, A, proofs=(ON_MONDAY,)) == found("A", "B")


def test_what_no_sum_shows_is_false() -> None:
    untrue = found("A", "B", ("B", "X"))
    assert shown(PAIR, A, proofs=(NOTHING,), refused=[("B", "X", 0)]) == untrue
    assert shown(PAIR, A, proofs=(Proof(prices=(hour(price=3),)),), refused=[("B", "X", 0)]) == found("AB", "")
    assert shown(PAIR, A, refused=[("B", "X")]) == untrue
    assert shown(PAIR, A, proofs=(ON_MONDAY,), refused=[("B", "X", 1)]) == untrue
    assert shown(PAIR, A, proofs=(ON_MONDAY,), refused=[("B", "X", 0, 1)]) == untrue
    assert shown(PAIR, A, proofs=(ON_MONDAY, NOTHING), refused=[("B", "X", 1)]) == untrue
    assert shown(PAIR, A, proofs=(NOTHING, ON_MONDAY), refused=[("B", "X", 0, 1)]) == found("AB", "")
    two = PAIR | {"places": {"X": {"mon_am": 2}}}
    assert shown(two, A, proofs=(ON_MONDAY,), refused=[("B", "X", 0)]) == untrue


def test_who_is_refused_nothing_is_not_said_to_be() -> None:
    wrong = [("A", "X", 0), ("nobody", "X", 0), ("B", "Y", 0), ("B", None, 0), ("B", "X", 0)]
    false = (("A", "X"), ("nobody", "X"), ("B", "Y"), ("B", None))
    assert shown(PAIR, A, proofs=(ON_MONDAY,), refused=wrong) == found("AB", "", *false)


def test_a_price_of_what_is_not_there_makes_all_of_it_unreadable() -> None:
    bound = Bound(goal=Goal.TOTAL, among="A", proof=0)
    for price in (hour("Z"), hour().model_copy(update={"hour": time(20)})):
        told = shown(PAIR, A, proofs=(Proof(prices=(price,)),), refused=[("B", "X", 0)], bounds=(bound,))
        assert told == found("", "AB", ("B", "X"), ("A", None))
    goal = Proof(goals=(GoalPrice(goal=Goal.TOTAL, among="A"),))
    assert shown(PAIR, A, proofs=(goal,)) == found("", "AB")


def test_a_refusal_holds_for_each_of_the_patterns_that_it_speaks_of() -> None:
    for days in (["mon_am"], ["tue_am"]), (["tue_am"], ["mon_am"]):
        case = PAIR | {"requests": PAIR["requests"] | {"B": asks("X") | {"points": 40, "days": list(days)}}}
        free, full = ({"X": {"mon_am": 1, "tue_am": places}} for places in (1, 0))
        one = {"proofs": (ON_MONDAY,), "refused": [("B", "X", 0)]}
        assert shown(case | {"places": free}, A, **one) == found("A", "B", ("B", "X"))
        both = {"proofs": (ON_MONDAY, Proof(prices=(hour(day=TUESDAY),))), "refused": [("B", "X", 0, 1)]}
        assert shown(case | {"places": full}, A, **both) == found("AB", "")


def test_whose_answer_is_held_back_is_open_and_whose_hours_never_come_is_not() -> None:
    assert shown(PAIR, A, withheld=("A",)) == found("", "AB")
    assert shown(PAIR | {"places": {"X": {"mon_am": 1}}}, withheld=("A", "B")) == found("", "AB")
    never = {"from": START, "until": date(2026, 9, 3)}
    case = PAIR | {"requests": PAIR["requests"] | {"B": asks("X", "mon_am", **never)}}
    assert shown(case, A) == found("AB", "")


TWINS: dict[str, Any] = {
    "places": {"X": {"mon_am": 2}},
    "siblings": [["S", "T"]],
    "requests": {"A": asks("X", "mon_am", points=90)} | {name: asks("X", "mon_am") for name in "ST"},
}


def test_siblings_are_refused_as_a_whole_and_each_of_them_is_named() -> None:
    assert shown(TWINS, A) == found("A", "ST")
    assert shown(TWINS, A, proofs=(ON_MONDAY,), refused=[("S-T", None, 0)]) == found("AST", "")
    assert shown(TWINS, A, proofs=(ON_MONDAY,), refused=[("S-T", "X", 0)]) == found("A", "ST", ("S-T", "X"))


def test_under_which_name_a_way_is_refused() -> None:
    week = round_of({"places": {"X": {"mon": 1}, "Y": {"tue": 1}}, "requests": {"A": asks("XY", "mon", "tue")}})
    asked = tuple(row.model_copy(update={"accepts_split": True}) for row in week.requests)
    facts = facts_of(week.model_copy(update={"requests": asked}))
    ways = Ways(facts)
    assert [refused_by(facts, "A", way) for way in ways.of("A")] == [("A", "X"), ("A", "Y"), ("A", None), ("A", None)]
    assert refused_by(facts, "A", ways.without("A")) == ("A", None)
    twins = facts_of(TWINS)
    assert [refused_by(twins, "S-T", way) for way in Ways(twins).of("S-T")] == [("S-T", None)]
    one = facts_of(TWINS | {"siblings": [{"requests": ["S", "T"], "combinations": [{"S": "X"}]}]})
    assert [refused_by(one, "S-T", way) for way in Ways(one).of("S-T")] == [("S-T", None)]


EQUALS: dict[str, Any] = {
    "places": {"X": {"mon_am": 1}, "Y": {"tue_am": 1}, "Z": {"mon_am": 1}},
    "requests": {
        "A": asks("X") | {"points": 50, "days": [["mon_am", "tue_am"], ["mon_am"]]},
        "B": asks("X", "mon_am", points=50),
        "D": asks("Z", "mon_am", points=50),
        "E": asks("Z", "mon_am", points=50),
    },
}


def in_(case: dict[str, Any], mode: Mode, ties: Ties) -> Round:
    drawn = round_of(case)
    return drawn.model_copy(update={"policy": drawn.policy.model_copy(update={"mode": mode, "ties": ties})})


def by_both(case: dict[str, Any], *placed: Placed, **facts: Any) -> tuple[Round, Certificate]:
    """A round of the freest mode, and the proofs that are found for an outcome of it."""
    round = in_(case, Mode.MOST_CHILDREN, Ties.DRAW)
    outcome = with_proofs(round, facts_of(round, *placed, **facts).outcome)
    assert outcome.certificate is not None
    return round, outcome.certificate


CROSSED: dict[str, Any] = {
    "places": {"X": {"mon_am": 1, "tue_am": 1}, "Z": {"mon_am": 1}},
    "requests": {
        "A": asks("X", "mon_am", "tue_am", points=90),
        "B": asks("X", "mon_am", points=50),
        "C": asks("X", "tue_am", points=40),
        "D": asks("Z", "mon_am", points=30),
        "E": asks("Z", "mon_am", points=20),
    },
}
SERVED = (at("B", "X", "mon_am"), at("C", "X", "tue_am"), at("D", "Z", "mon_am"))
TUESDAY_TOO = Proof(prices=(hour(day=TUESDAY), hour()), goals=(GoalPrice(goal=Goal.TOTAL, among="A"),))
OF_TOTAL = Bound(goal=Goal.TOTAL, among="A", proof=0)
AT_Z = Proof(prices=(hour("Z"),), goals=(GoalPrice(goal=Goal.TOTAL, among="D"),))


def test_who_makes_room_for_two_is_refused_by_the_number_that_they_reach() -> None:
    """A could be served by sending two others away: that no more children fit closes the goal, and refuses A."""
    round = in_(CROSSED, Mode.MOST_CHILDREN, Ties.DRAW)
    both = {"proofs": (TUESDAY_TOO, AT_Z), "bounds": (OF_TOTAL, Bound(goal=Goal.TOTAL, among="D", proof=1))}
    refused = [("A", "X", 0), ("E", "Z", 1)]
    alone = Proof(prices=(hour("Z"),))
    assert shown(round, *SERVED, **both | {"refused": refused[:1]}).false == ()
    assert "A" in shown(round, *SERVED, **both | {"refused": refused[:1]}).best
    whole = both | {"proofs": (*both["proofs"], alone), "refused": [("A", "X", 0), ("E", "Z", 2)]}
    assert shown(round, *SERVED, **whole) == found("ABCDE", "")
    unclosed = shown(round, *SERVED, **whole | {"bounds": whole["bounds"][1:]})
    assert set(unclosed.open) == {"A", "B", "C"}, "those at Z compete for something else"
    for wrong in ({"goal": Goal.CHILDREN}, {"among": "B"}, {"tier": 2}, {"points": 50}, {"proof": 2}, {"proof": 3}):
        bound = OF_TOTAL.model_copy(update=wrong)
        told = shown(round, *SERVED, **whole | {"bounds": (bound, whole["bounds"][1])})
        assert (bound.among, None) in told.false
        assert set(told.open) == {"A", "B", "C"}


def test_the_proofs_that_are_found_show_the_same() -> None:
    round, certificate = by_both(CROSSED, *SERVED)
    assert [row.among for row in certificate.bounds] == ["A", "D"]
    assert proven(facts_of(round, *SERVED, certificate=certificate)) == found("ABCDE", "")
    worse = SERVED[1:]
    assert "B" in proven(facts_of(round, *worse, certificate=certificate)).open


def test_where_nothing_is_shown_whoever_would_prefer_something_is_open() -> None:
    """Equals served together, of whom one has other points at a structure: none of them is looked at."""
    apart = EQUALS["requests"] | {"A": asks("X", "mon_am", points={"X": 50, "Y": 50})}
    round = in_(EQUALS | {"requests": apart}, Mode.STABLE, Ties.TOGETHER)
    assert shown(round, at("B", "X", "mon_am"), at("D", "Z", "mon_am")) == found("BD", "AE")


CONTRADICTORY: dict[str, Any] = {
    "places": {"X": {"mon_am": 1}, "Y": {"mon_am": 1}},
    "requests": {
        "A": asks("YX", "mon_am", points={"X": 90, "Y": 10}),
        "B": asks("XY", "mon_am", points={"X": 10, "Y": 90}),
    },
}


def test_where_the_lists_contradict_each_other_a_full_hour_of_those_before_is_a_proof() -> None:
    second = {"wish_rank": 2, "level": 2}
    placed = (at("A", "X", "mon_am", **second), at("B", "Y", "mon_am", **second))
    proofs = (Proof(prices=(hour("Y"),)), ON_MONDAY)
    whole = {"proofs": proofs, "refused": [("A", "Y", 0), ("B", "X", 1)]}
    assert shown(CONTRADICTORY, *placed, **whole) == found("AB", "")
    crossed = {"proofs": proofs, "refused": [("A", "Y", 1), ("B", "X", 1)]}
    assert shown(CONTRADICTORY, *placed, **crossed) == found("B", "A", ("A", "Y"))
    named = Certificate(proofs=proofs, refusals=(Refusal(unit="A", structure="Y", proofs=(0,)),))
    found_sums = sums(facts_of(CONTRADICTORY, *placed, certificate=named), ["A"])
    assert [(row.structure, row.proof) for row in found_sums["A"]] == [("Y", proofs[0])]


def summed(case: dict[str, Any] | Round, *placed: Placed, of: str, **certificate: Any) -> dict[str, list[Sum]]:
    facts = facts_of(case, *placed, certificate=Certificate(**certificate))
    return sums(facts, list(of))


def test_a_sum_says_what_there_is_what_those_before_take_and_what_this_one_would() -> None:
    refusal = (Refusal(unit="B", structure="X", proofs=(0,)),)
    told = summed(PAIR, A, of="AB", proofs=(ON_MONDAY,), refusals=refusal)
    assert told == {"A": [], "B": [Sum("X", ON_MONDAY, 1, 1, 1)]}
    assert summed(PAIR, A, of="A", proofs=(ON_MONDAY,), refusals=refusal) == {"A": []}
    assert sums(facts_of(PAIR, A), ["B"]) == {"B": []}
    dear = Proof(prices=(hour(price=3),))
    unused = Refusal(unit="B", structure="X", proofs=(0, 1))
    assert summed(PAIR, A, of="B", proofs=(NOTHING, dear), refusals=(unused,)) == {"B": [Sum("X", dear, 3, 3, 3)]}
    assert summed(PAIR, A, of="B", proofs=(NOTHING,), refusals=refusal) == {"B": []}


MOVER: dict[str, Any] = {
    "places": {"X": {"mon_am": 1}, "Y": {"mon_am": 1}},
    "requests": {
        "M": asks("Y", "mon_am", points=50, has=["X", "mon_am"]),
        "A": asks("Y", "mon_am", points=90),
        "C": asks("X", "mon_am", points=10),
    },
}
BOTH_HOURS, DEARER = (Proof(prices=(hour("X"), hour("Y", price=price))) for price in (1, 2))


def test_what_a_child_has_already_is_taken_off_what_it_would_take() -> None:
    """M has X and would rather have Y, where A is: prices alike at both show nothing, a higher one at Y does."""
    full = (at("A", "Y", "mon_am"),)
    to_y = Refusal(unit="M", structure="Y", proofs=(0,))
    told = summed(MOVER, *full, of="M", proofs=(DEARER,), refusals=(to_y,))
    assert told == {"M": [Sum("Y", DEARER, 3, 2, 2)]}
    assert summed(MOVER, *full, of="M", proofs=(BOTH_HOURS,), refusals=(to_y,)) == {"M": []}
    for proof, false in ((DEARER, ()), (BOTH_HOURS, (("M", "Y"),))):
        assert shown(MOVER, *full, proofs=(proof,), refused=[("M", "Y", 0)]).false == false


def test_who_has_moved_pays_for_one_place_alone() -> None:
    """X is free once M has left it: no sum refuses it to C."""
    moved = at("M", "Y", "mon_am", replaces="M-has")
    told = shown(MOVER, moved, proofs=(DEARER,), refused=[("C", "X", 0)])
    assert told.false == (("C", "X"),)
    to_x = Refusal(unit="C", structure="X", proofs=(0,))
    assert summed(MOVER, moved, of="C", proofs=(DEARER,), refusals=(to_x,)) == {"C": []}


def test_each_proof_is_told_once_for_each_wish() -> None:
    case = {
        "places": {"X": {"mon": 1}, "Y": {"mon": 0}},
        "requests": {
            "A": asks("X", "mon", points=90),
            "B": asks("XY") | {"days": [["mon"], ["mon_am"]]},
        },
    }
    at_y = Proof(prices=(hour("Y"),))
    refusals = tuple(Refusal(unit="B", structure=to, proofs=(number,)) for number, to in enumerate("XY"))
    told = summed(case, at("A", "X", "mon"), of="B", proofs=(ON_MONDAY, at_y), refusals=refusals)
    assert told == {"B": [Sum("X", ON_MONDAY, 1, 1, 1), Sum("Y", at_y, 0, 0, 1)]}
    twins = summed(TWINS, A, of="ST", proofs=(ON_MONDAY,), refusals=(Refusal(unit="S-T", proofs=(0,)),))
    assert twins == {"S-T": [Sum(None, ON_MONDAY, 2, 1, 2)]}


def test_the_sums_of_a_freer_mode_come_once_its_goals_are_kept() -> None:
    refusals = (Refusal(unit="A", structure="X", proofs=(0,)),)
    round = in_(CROSSED, Mode.MOST_CHILDREN, Ties.DRAW)
    told = summed(round, *SERVED, of="A", proofs=(TUESDAY_TOO,), refusals=refusals, bounds=(OF_TOTAL,))
    assert told == {"A": [Sum("X", TUESDAY_TOO, 0, 0, 1)]}


def test_a_full_week_of_starts_refuses_by_its_price() -> None:
    case = PAIR | {"places": {"X": {"mon_am": 2}}, "starts_per_week": {"X": 1}}
    week = Proof(limits=(LimitPrice(section="X-all", day=date(2026, 8, 31)),))
    assert shown(case, A, proofs=(week,), refused=[("B", "X", 0)]) == found("AB", "")
    facts: Facts = facts_of(case, A)
    assert proven(facts).open == ("B",)

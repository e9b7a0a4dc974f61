"""Which place a child who asks for another one gives up, row by row in memory: all are invented."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.requests import NeedFacts, RequestRegistered
from contracts.vocabulary import ProposalState, RequestKind, Weekday
from services.matcher import store
from services.matcher import tables as t
from services.matcher.needs import CurrentPlace
from services.matcher.standing import ASKED_TWICE, NOT_KNOWN, Standing, standing_places
from tests.matcher.world import MONDAY, SECTION, TERRITORY, need, now_at, on_weekday

TODAY, WAITS = MONDAY, "r-2"
TWO_DAYS = (*on_weekday(Weekday.MON, Weekday.TUE), *on_weekday(Weekday.TUE, start=14, end=16))


def facts_of(name: str, **facts: Any) -> NeedFacts:
    said = RequestRegistered.say(
        name, cause=name, source="ingest", territory=TERRITORY, time=now_at(8), **need(name, **facts)
    )
    assert isinstance(said, NeedFacts)
    return said


def placed(tx: sa.Connection, placement: str, request: str = "r-before", child: str = "c-1", **facts: Any) -> None:
    """A placement with the request that it came from, and what it holds still, until `until`."""
    day = {"starts": facts.pop("starts", date(2026, 1, 5))}
    where = {"territory": facts.pop("territory", TERRITORY), "section": facts.pop("section", SECTION)}
    holds, until = facts.pop("holds", True), facts.pop("until", None)
    body = {"child": child} | facts.pop("need", {})
    if tx.scalar(sa.select(t.requests.c.request).where(t.requests.c.request == request)) is None:
        row = {"request": request, "territory": where["territory"], "family": "f", "kind": "regular"}
        state = "waiting" if request == WAITS else "placed"
        tx.execute(t.requests.insert(), row | {"need": body, "state": state})
    slots = store.slots_json(facts.pop("slots", TWO_DAYS))
    tx.execute(
        t.placements.insert(),
        where | day | {"placement": placement, "request": request, "structure": "s", "slots": slots},
    )
    if holds:
        own = {"hold": placement, "proposal": placement, "is_placement": True, "slots": slots, "ends": until}
        tx.execute(t.holds.insert(), where | day | own | {"entitled_to": "everybody"})


def giving_up(tx: sa.Connection, placement: str | None, state: ProposalState, territory: str = TERRITORY) -> None:
    row = {
        "proposal": f"p-{state.value}-{territory}", "territory": territory, "request": f"r-{state.value}-{territory}",
        "family": "f", "structure": "s", "section": SECTION, "kind": "regular", "slots": [], "starts": MONDAY,
        "code": state.value[:6], "state": state.value, "made_at": now_at(8), "tier": 2, "points": 0, "since": MONDAY,
        "needs_person": False, "urgent": False, "replaces": placement,
    }  # fmt: skip
    tx.execute(t.proposals.insert(), row)


def standing(
    tx: sa.Connection, *needs: NeedFacts, have_one: tuple[str, ...] = (), sections: Any = (SECTION,)
) -> Standing:
    return standing_places(tx, TERRITORY, TODAY, {row.subject: row for row in needs}, have_one, sections)


MOVES = facts_of("r-2", child="c-1", kind=RequestKind.TRANSFER, current="pl-1")
KNOWN = Standing({"r-2": CurrentPlace("pl-1", 0)}, {"r-2": "pl-1"}, {})


def test_a_child_that_names_its_place_has_it(tx: sa.Connection) -> None:
    placed(tx, "pl-1")
    assert standing(tx, MOVES, have_one=("r-2",)) == KNOWN
    assert standing(tx, MOVES) == Standing(), "it does not say that it has one"
    assert standing(tx, MOVES, have_one=("r-2",), sections=("other",)) == Standing({}, {"r-2": "pl-1"}, {})


def test_a_child_whose_place_is_not_known_or_another_childs_is_for_a_person(tx: sa.Connection) -> None:
    placed(tx, "pl-other", child="c-9")
    unclear = Standing({}, {}, {"r-2": NOT_KNOWN})
    assert standing(tx, MOVES, have_one=("r-2",)) == unclear
    wrong = facts_of("r-2", child="c-1", kind=RequestKind.CHANGE, current="pl-other")
    assert standing(tx, wrong, have_one=("r-2",)) == unclear
    nameless = facts_of("r-2", child="c-1", kind=RequestKind.RENEWAL)
    assert standing(tx, nameless, have_one=("r-2",)) == unclear
    weekly = facts_of("r-2", child="c-1", current="pl-1")
    assert standing(tx, weekly, have_one=("r-2",)) == Standing(), "it asks as everybody does"
    assert NOT_KNOWN.startswith("La place actuelle n'est pas connue de Berceau\u00a0: ")


@pytest.mark.parametrize(("until", "lasts"), [(None, True), (1, True), (0, False), (-1, False)])
def test_a_place_lasts_until_its_last_day(tx: sa.Connection, until: int | None, lasts: bool) -> None:
    placed(tx, "pl-1", until=None if until is None else TODAY + timedelta(days=until))
    assert standing(tx, MOVES, have_one=("r-2",)) == (KNOWN if lasts else Standing())


def test_a_place_of_which_nothing_is_held_or_of_another_territory_is_none(tx: sa.Connection) -> None:
    placed(tx, "pl-1", holds=False)
    assert standing(tx, MOVES, have_one=("r-2",)) == Standing()
    placed(tx, "pl-3", request="r-there", territory="elsewhere")
    there = facts_of("r-2", child="c-1", kind=RequestKind.TRANSFER, current="pl-3")
    assert standing(tx, there, have_one=("r-2",)) == Standing({}, {}, {"r-2": NOT_KNOWN})


def test_two_requests_give_up_a_place_once_the_first_by_name(tx: sa.Connection) -> None:
    placed(tx, "pl-1")
    third = facts_of("r-3", child="c-1", kind=RequestKind.CHANGE, current="pl-1")
    found = standing(tx, third, MOVES, have_one=("r-3", "r-2"))
    assert found == Standing(KNOWN.current, KNOWN.placements, {"r-3": ASKED_TWICE})
    assert ASKED_TWICE.startswith("Une autre demande veut déjà remplacer cette place\u00a0: ")


def test_a_place_for_which_a_proposal_is_on_its_way_is_given_up_already(tx: sa.Connection) -> None:
    placed(tx, "pl-1")
    giving_up(tx, "pl-1", ProposalState.EXPIRED)
    giving_up(tx, None, ProposalState.SENT)
    giving_up(tx, "pl-1", ProposalState.SENT, territory="elsewhere")
    assert standing(tx, MOVES, have_one=("r-2",)) == KNOWN
    giving_up(tx, "pl-1", ProposalState.DELIVERED)
    assert standing(tx, MOVES, have_one=("r-2",)) == Standing({}, {}, {"r-2": ASKED_TWICE})


def test_who_waits_for_the_rest_of_its_days_has_so_many_already(tx: sa.Connection) -> None:
    """Its own placement is found by the request; the latest one that still lasts."""
    waits = facts_of("r-2", child="c-1")
    placed(tx, "pl-1", request="r-2")
    assert standing(tx, waits) == Standing({"r-2": CurrentPlace("pl-1", 2)}, {"r-2": "pl-1"}, {})
    placed(tx, "pl-0", request="r-2", starts=date(2026, 2, 2), slots=TWO_DAYS[:1])
    assert standing(tx, waits).current == {"r-2": CurrentPlace("pl-0", 1)}
    placed(tx, "pl-2", request="r-2", starts=date(2026, 3, 2), until=TODAY)
    assert standing(tx, waits).current == {"r-2": CurrentPlace("pl-0", 1)}
    assert standing(tx).current == {}, "a request that does not wait"
    names = facts_of("r-2", child="c-1", kind=RequestKind.CHANGE, current="pl-1")
    assert standing(tx, names, have_one=("r-2",)).current == {"r-2": CurrentPlace("pl-0", 1)}


def test_each_of_several_children_has_its_own(tx: sa.Connection) -> None:
    placed(tx, "pl-1")
    placed(tx, "pl-4", request="r-4b", child="c-4")
    unknown = facts_of("r-1", child="c-7", kind=RequestKind.TRANSFER, current="pl-9")
    gone = facts_of("r-15", child="c-8", current="pl-9")
    fourth = facts_of("r-4", child="c-4", kind=RequestKind.TRANSFER, current="pl-4")
    found = standing(tx, unknown, gone, MOVES, fourth, have_one=("r-1", "r-15", "r-2", "r-4"))
    assert found.placements == {"r-2": "pl-1", "r-4": "pl-4"}
    assert found.unclear == {"r-1": NOT_KNOWN}

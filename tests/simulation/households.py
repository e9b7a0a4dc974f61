"""What happens in towns whose people have a habit: brothers and sisters, moves, quarrels, and weeks that are shared."""

from __future__ import annotations

from datetime import datetime
from typing import TYPE_CHECKING

import sqlalchemy as sa

from contracts.siblings import Together
from contracts.vocabulary import Answer, Channel, ClosingReason, ProposalState, RequestKind, WithdrawalReason
from services.ingest import families, store
from services.ingest.actors import Act
from services.ingest.declare import releases, replies, siblings
from services.ingest.declare.needs import NeedBody
from services.ingest.declare.requests import ClosingBody, close_request, erase_requests
from services.ingest.declare.territories import publish_territory
from services.ingest.families import RegistrationBody
from services.ingest.guichet import Guichet
from services.ingest.projection import tables as seen
from tests.simulation import town as places
from tests.simulation.errands import Errand, registration, reply
from tests.simulation.town import CRECHES, SECTIONS

if TYPE_CHECKING:
    from tests.simulation.people import People, Row

S = ProposalState
UNSENT = (S.PREPARED, S.HELD)
ASKED = (S.SENT, S.DELIVERED, S.UNDELIVERED)
MOVING = (*UNSENT, S.RELEASED, *ASKED, S.ACCEPTED)

# brothers and sisters


def ask_for_another_child(people: People, now: datetime) -> Errand | None:
    """A family that has asked for one child asks for a second one as well."""
    row = _regular(people)
    if row is None:
        return None
    body = RegistrationBody.model_validate({**_need(row), "family": row["family"]})
    return registration(people.town.coordinator, body)


def ask_together(people: People, now: datetime) -> Errand | None:
    """A family that asks for two children wants them in the same place."""
    together = {request for row in people.rows(store.siblings) for request in row["requests"]}
    families: dict[str, list[str]] = {}
    for row in people.rows(store.requests, *_open_ones()):
        if row["id"] not in together:
            families.setdefault(row["family"], []).append(row["id"])
    pairs = [tuple(requests[:2]) for requests in families.values() if len(requests) > 1]
    if not pairs:
        return None
    body = siblings.SiblingsBody(requests=people.dice.one(pairs), together=(Together.SAME_STRUCTURE,))
    return Errand(
        people.town.coordinator, "ask together", "siblings.asked",
        lambda tx, act, _: siblings.ask_together(tx, act, body),
    )  # fmt: skip


def post_for_two(people: People, now: datetime) -> Errand | None:
    """A crèche that brothers and sisters wish has places for both."""
    row = people.some(store.siblings, store.siblings.c.parted_at.is_(None))
    request = row and people.some(store.requests, store.requests.c.id == row["requests"][0])
    if request is None:
        return None
    section = people.dice.one(SECTIONS[request["need"]["wishes"][0]["structure"]])
    body = places.regular_places(people.dice, section, now).model_copy(update={"places": 2})
    return people.posted(section, body)


def think_again(people: People, now: datetime) -> Errand | None:
    """The guichet takes back a place of two that it has not released yet: the other one would be alone."""
    return _taken_back(people, seen.proposals.c.siblings.is_not(None), seen.proposals.c.state.in_(UNSENT))


# children who move


def ask_to_move(people: People, now: datetime) -> Errand | None:
    """The family of a child who has a place asks for the other crèche."""
    leaving = [row["need"]["current"] for row in _transfers(people)]
    own = (seen.placements.c.ended_at.is_(None), seen.placements.c.request.is_not(None))
    place = people.some(seen.placements, *own, seen.placements.c.id.not_in(leaving))
    had = place and people.some(store.requests, store.requests.c.id == place["request"])
    if place is None or had is None:
        return None
    other = next(creche for creche in CRECHES if creche != place["structure"])
    need = {
        **_need(had), "kind": RequestKind.TRANSFER, "current": place["id"], "period": places.weeks(now),
        "wishes": [{"structure": other, "rank": 1}], "family": had["family"], "child": had["child"],
    }  # fmt: skip
    return registration(people.town.coordinator, RegistrationBody.model_validate(need))


def post_for_a_move(people: People, now: datetime) -> Errand | None:
    """The crèche that a child would move to has a place."""
    row = people.some(store.requests, *_transferring())
    if row is None:
        return None
    section = people.dice.one(SECTIONS[row["need"]["wishes"][0]["structure"]])
    return people.posted(section, places.regular_places(people.dice, section, now))


def say_yes(people: People, now: datetime) -> Errand | None:
    """A family tells the guichet that it takes the place."""
    return _answered(people, Answer.OUI, seen.proposals.c.state.in_(ASKED))


def stay(people: People, now: datetime) -> Errand | None:
    """The child stays where it is, though another was to follow it: its family or the guichet says so."""
    followers = people.rows(seen.proposals, seen.proposals.c.state.in_(UNSENT))
    moving = seen.proposals.c.id.in_([name for row in followers for name in row["after"]])
    row = people.some(seen.proposals, moving, seen.proposals.c.state.in_(MOVING))
    if row is None:
        return None
    if S(row["state"]) in ASKED:
        return _answered(people, Answer.NON, seen.proposals.c.id == row["id"])
    return _taken_back(people, seen.proposals.c.id == row["id"])


# weeks that two crèches share


def give_one_of_two_back(people: People, now: datetime) -> Errand | None:
    """One of the two crèches cannot keep its half, whatever the family has answered by then."""
    halves = seen.proposals.c.half_of.is_not(None) | seen.proposals.c.other_half.is_not(None)
    row = people.some(seen.proposals, halves, seen.proposals.c.state.in_(MOVING))
    if row is None or not people.dice.happens(0.1):
        return None
    body = releases.TakingBackBody(reason=WithdrawalReason.STAFF_SHORTAGE)
    return Errand(
        people.town.director(row["structure"]), "give one of two back", "withdrawal.given",
        lambda tx, act, _: releases.withdraw_proposal(tx, act, row["id"], body),
    )  # fmt: skip


# parents who quarrel, and families whom nobody reaches


def wait(people: People, now: datetime) -> Errand | None:
    """Nobody asks for anything new, so that families have the time to answer."""
    return None


def settle_a_quarrel(people: People, now: datetime) -> Errand | None:
    """The guichet has called both parents, and writes down what they have agreed on."""
    answer = people.dice.one((Answer.OUI, Answer.OUI, Answer.NON))
    return _answered(people, answer, seen.proposals.c.state == S.FROZEN)


def give_up(people: People, now: datetime) -> Errand | None:
    """Nobody of the family has been reached: the guichet takes the place back."""
    return _taken_back(people, seen.proposals.c.state == S.UNDELIVERED, reason=WithdrawalReason.FAMILY_UNREACHABLE)


def _answered(people: People, answer: Answer, *which: sa.ColumnElement[bool]) -> Errand | None:
    row = people.some(seen.proposals, seen.WHOLE, *which)
    if row is None:
        return None

    def do(tx: sa.Connection, act: Act, _: None) -> str:
        return replies.record_reply(tx, act, row["id"], answer)

    return reply(people.town.coordinator, row["id"], answer, do, Channel.PHONE)


def _taken_back(
    people: People, *which: sa.ColumnElement[bool], reason: WithdrawalReason = WithdrawalReason.BY_GUICHET
) -> Errand | None:
    row = people.some(seen.proposals, *which)
    if row is None:
        return None
    body = releases.TakingBackBody(reason=reason)
    return Errand(
        people.town.coordinator, f"take back {reason.value}", "withdrawal.given",
        lambda tx, act, _: releases.withdraw_proposal(tx, act, row["id"], body),
    )  # fmt: skip


def _transfers(people: People) -> list[Row]:
    return people.rows(store.requests, *_transferring())


def _transferring() -> tuple[sa.ColumnElement[bool], ...]:
    return (store.requests.c.state == store.OPEN, store.requests.c.kind == RequestKind.TRANSFER.value)


def _regular(people: People) -> Row | None:
    return people.some(store.requests, *_open_ones())


def _open_ones() -> tuple[sa.ColumnElement[bool], ...]:
    return (store.requests.c.state == store.OPEN, store.requests.c.kind == RequestKind.REGULAR.value)


def _need(row: Row) -> Row:
    """What was asked for, as it is asked for again: for this child, or another one."""
    return {name: value for name, value in row["need"].items() if name in NeedBody.model_fields}


# families that are erased


def be_forgotten(people: People, now: datetime) -> Errand | None:
    """A family asks that nothing be known of it, or the guichet erases one of its requests and leaves the others."""
    row = people.some(store.requests, store.is_kept())
    if row is None:
        return None
    request, whole = row["id"], row["state"] != store.OPEN or people.dice.happens(0.7)

    def do(tx: sa.Connection, act: Act, _: None) -> None:
        if whole:
            return erase_requests(tx, act, request)
        return close_request(tx, act, request, ClosingBody(reason=ClosingReason.ERASED))

    async def then(guichet: Guichet, act: Act) -> None:
        await families.erase_if_unknown(guichet, act, request)

    name = "erase a family" if whole else "erase a request"
    return Errand(people.town.coordinator, name, "request.closed", do, then=then)


# a territory that changes its rules


def publish_other_rules(people: People, now: datetime) -> Errand:
    """The territory is published anew, with other travel times and another way of releasing."""
    body = places.territory(people.dice)
    return Errand(
        people.town.administrator, "publish territory", "territory.published",
        lambda tx, act, _: publish_territory(tx, act, body),
    )  # fmt: skip

"""What the coordinator, the commission or a structure decides about proposals."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Annotated

import sqlalchemy as sa
from pydantic import Field

from contracts.releases import ReleaseGiven, ReleaseSuspended, WithdrawalGiven
from contracts.vocabulary import Id, ProposalState, WithdrawalReason
from services.ingest import store
from services.ingest.access import Doing
from services.ingest.actors import Act, Role
from services.ingest.audited import declared
from services.ingest.declare.bodies import Body, Words
from services.ingest.declare.replies import proposal_for
from services.ingest.declare.vacancies import BY_STRUCTURE
from services.ingest.problems import Problem, Refused, Why, conflict, invalid
from services.ingest.projection.proposals import awaited
from services.ingest.words import keep_words

LONGEST_SUSPENSION = timedelta(days=92)
"""A place kept back longer than a quarter is a decision on the place, not on the proposal."""

MOST_AT_ONCE = 1000
"""Proposals that one release names: a whole September of a territory of 70,000 people."""

_PREPARED = {ProposalState.PREPARED, ProposalState.HELD}


OF_GUICHET = frozenset({WithdrawalReason.BY_GUICHET, WithdrawalReason.FAMILY_UNREACHABLE})
"""Why the guichet may take a proposal back beside what a structure may say."""


class ReleaseBody(Body):
    """One gesture for all the proposals of a round."""

    proposals: Annotated[tuple[Id, ...], Field(min_length=1, max_length=MOST_AT_ONCE)]
    note: Words = ""


class SuspensionBody(Body):
    reason: Annotated[Words, Field(min_length=1)]
    until: date


class TakingBackBody(Body):
    reason: WithdrawalReason


def give_release(tx: sa.Connection, act: Act, body: ReleaseBody) -> str:
    """These prepared proposals may leave. Returns the release's id."""
    ids = tuple(dict.fromkeys(body.proposals))
    rows = [proposal_for(tx, act, id_, Doing.GIVE_RELEASE) for id_ in ids]
    if gone := [n for n, row in enumerate(rows) if row["state"] not in _PREPARED]:
        raise Refused([_not_prepared(f"proposals.{n}") for n in gone], Why.CONFLICT)
    if early := [n for n, row in enumerate(rows) if awaited(tx, row)]:
        raise Refused([_too_early(f"proposals.{n}") for n in early], Why.CONFLICT)
    for id_ in ids:
        store.put(tx, store.releases, {"id": id_, "territory": act.territory, "at": act.now})
    release = act.new_id("L")
    keep_words(tx, act, ReleaseGiven, ids, body.note)
    declared(tx, act, act.say(ReleaseGiven, release, proposals=ids, by=act.actor.id))
    return release


def suspend_release(tx: sa.Connection, act: Act, proposal: Id, body: SuspensionBody) -> None:
    """Keep one prepared proposal back, with a reason and a date."""
    row = proposal_for(tx, act, proposal, Doing.GIVE_RELEASE)
    if row["state"] not in _PREPARED:
        raise Refused([_not_prepared("proposal")], Why.CONFLICT)
    if not act.today <= body.until <= act.today + LONGEST_SUSPENSION:
        rule = "Une proposition est retenue trois mois au plus, à partir d'aujourd'hui."
        raise invalid("until", "suspension_dates", rule, "Choisissez une date d'ici trois mois.")
    keep_words(tx, act, ReleaseSuspended, (proposal,), body.reason)
    facts = {"proposal": proposal, "until": body.until, "by": act.actor.id}
    declared(tx, act, act.say(ReleaseSuspended, proposal, **facts))


def withdraw_proposal(tx: sa.Connection, act: Act, proposal: Id, body: TakingBackBody) -> None:
    """Take a live proposal back, for a reason of the list."""
    row = proposal_for(tx, act, proposal, Doing.WITHDRAW_PROPOSAL)
    if not ProposalState(row["state"]).is_live:
        rule = "Cette proposition est déjà terminée."
        raise conflict("proposal", "not_live", rule, "Il n'y a rien à faire.")
    allowed = BY_STRUCTURE if act.actor.role is Role.STRUCTURE else BY_STRUCTURE | OF_GUICHET
    if body.reason not in allowed:
        labels = ", ".join(sorted(reason.label for reason in allowed))
        rule = "Une proposition se retire pour un motif de la liste."
        raise invalid("reason", "reason_not_listed", rule, f"Choisissez parmi\u00a0: {labels}.")
    whole = row["half_of"] or proposal
    declared(tx, act, act.say(WithdrawalGiven, whole, proposal=whole, reason=body.reason, by=act.actor.id))


def _too_early(field: str) -> Problem:
    rule = "Cette place, ou celle d'un frère ou d'une sœur, attend un départ."
    return Problem(field, "awaits_departure", rule, "Attendez que la nouvelle structure de cet enfant confirme.")


def _not_prepared(field: str) -> Problem:
    rule = "Seule une proposition préparée attend d'être libérée."
    return Problem(field, "not_prepared", rule, "Rechargez la liste.")

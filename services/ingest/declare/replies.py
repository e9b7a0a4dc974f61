"""What families answer, and what a person records for them. Nothing is judged here: the matcher alone does."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from pydantic import AwareDatetime

from contracts.replies import CallRecorded, ReplyReceived, ReplyUndone
from contracts.vocabulary import Answer, Channel, ClosingReason, Id
from services.ingest import store
from services.ingest.access import Doing, Thing, require
from services.ingest.actors import Act, Role
from services.ingest.audited import declared
from services.ingest.declare.bodies import Body
from services.ingest.declare.requests import record_closing
from services.ingest.problems import invalid, unknown
from services.ingest.projection.tables import proposals, verdicts

BY_STAFF = {Channel.PHONE, Channel.COUNTER, Channel.COUNSELLOR, Channel.API}
"""Channels on which a person writes down what the family said; on the others the family wrote itself."""

OF_A_STRUCTURE = frozenset({Doing.DECIDE_ADMISSION, Doing.WITHDRAW_PROPOSAL})

OLDEST_CALL = timedelta(days=2)


class ReplyBody(Body):
    """An answer that a person records for the family. `consent`: the family's agreement is written down."""

    answer: Answer
    consent: bool = False
    channel: Channel = Channel.PHONE


class CallBody(Body):
    """A call that somebody made, at `called_at` or just now."""

    reached: bool
    called_at: AwareDatetime | None = None


def record_reply(
    tx: sa.Connection, act: Act, proposal: Id, answer: Answer, *, answered_by: str | None = None,
    received_at: datetime | None = None, consent: bool = False, understood: bool = True, stop: bool = False,
) -> str:  # fmt: skip
    """Say that an answer to `proposal` was received. Returns the reply's id.

    FIN also closes the request, in the same transaction. ERREUR suspends a contact: the door does that in the vault.
    """
    row = proposal_for(tx, act, proposal, Doing.REPLY)
    _check_consent(act, consent)
    reply, said_by = act.new_id("Y"), answered_by or act.actor.id
    facts = {
        "proposal": proposal,
        "answer": answer,
        "received_at": received_at or act.now,
        "channel": act.channel,
        "answered_by": said_by,
    }
    said = act.say_as(reply, ReplyReceived, **facts, consent=consent, understood=understood, stop=stop)
    declared(tx, act, said)
    store.put(tx, verdicts, {"reply": reply, **facts}, only_new=True)
    if answer is Answer.FIN and row["request"]:
        record_closing(tx, act, row["request"], ClosingReason.FOUND_ELSEWHERE, said_by)
    return reply


def undo_reply(tx: sa.Connection, act: Act, proposal: Id, *, answered_by: str | None = None) -> str:
    """The family takes its NON back; whether in time, the matcher says. Returns the reply's id."""
    proposal_for(tx, act, proposal, Doing.REPLY)
    reply = act.new_id("Y")
    facts = {"received_at": act.now, "channel": act.channel, "answered_by": answered_by or act.actor.id}
    declared(tx, act, act.say_as(reply, ReplyUndone, proposal=proposal, **facts))
    return reply


def record_call(tx: sa.Connection, act: Act, proposal: Id, body: CallBody) -> str:
    """Somebody of the guichet called; where the family was reached its delay starts then. Returns the call's id."""
    proposal_for(tx, act, proposal, Doing.RECORD_CALL)
    called_at = body.called_at or act.now
    if not act.now - OLDEST_CALL <= called_at <= act.now:
        rule = "L'appel a eu lieu ces deux derniers jours."
        raise invalid("called_at", "not_a_recent_call", rule, "Corrigez l'heure de l'appel.")
    call = act.new_id("J")
    facts = {"proposal": proposal, "reached": body.reached, "called_at": called_at, "by": act.actor.id}
    declared(tx, act, act.say(CallRecorded, call, **facts))
    return call


def proposal_for(tx: sa.Connection, act: Act, proposal: str, doing: Doing) -> dict[str, Any]:
    """The proposal, if the actor may do this to it. Raises Refused.

    Of a week that two structures share the second half is there for what its structure decides, and nothing else.
    """
    row = store.find(tx, proposals, proposal)
    is_half = row is not None and row["half_of"] is not None
    if row is None or row["territory"] != act.territory or (is_half and doing not in OF_A_STRUCTURE):
        raise unknown("proposal", "cette proposition")
    require(act.actor, doing, thing_of_proposal(tx, row))
    return row


def thing_of_proposal(tx: sa.Connection, row: dict[str, Any]) -> Thing:
    """What makes a proposal somebody's own: its structure, its request's prescriber, its link."""
    request = store.find(tx, store.requests, row["request"]) if row["request"] else None
    return Thing(
        row["territory"],
        structure=row["structure"],
        prescriber=request["prescriber"] if request else None,
        proposal=row["id"],
        request=row["request"],
        after_yes=row["after_yes"],
    )


def _check_consent(act: Act, consent: bool) -> None:
    if act.actor.role is Role.COUNSELLOR and not consent:
        rule = "Un conseiller répond avec l'accord de la famille."
        raise invalid("consent", "consent_wanted", rule, "Recueillez l'accord, puis cochez la case.")
    if act.actor.role is not Role.FAMILY and act.channel not in BY_STAFF:
        rule = "Ce canal est celui de la famille elle-même."
        raise invalid("channel", "not_your_channel", rule, "Choisissez téléphone ou guichet.")

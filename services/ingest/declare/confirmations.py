"""What a structure decides on the children it was told of, and how placements end."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from typing import Any

import sqlalchemy as sa
from pydantic import AwareDatetime

from contracts.confirmations import AdmissionConfirmed, AdmissionRefused, DepartureAnnounced
from contracts.vocabulary import DepartureReason, Id, ProposalState, RefusalReason
from services.ingest import store
from services.ingest.access import Doing, Thing, require
from services.ingest.actors import Act
from services.ingest.audited import declared
from services.ingest.declare.bodies import Body, Words
from services.ingest.declare.replies import proposal_for
from services.ingest.problems import Problem, conflict, refuse_if, unknown
from services.ingest.projection.tables import placements
from services.ingest.words import keep_words

LATEST_NEWS = timedelta(days=31)
"""A departure that is said more than a month late is settled with the guichet, not by a form."""


class ConfirmationBody(Body):
    """The dates that the family needs to know."""

    adaptation_start: date
    first_full_day: date
    appointment: AwareDatetime | None = None


class RefusalBody(Body):
    """One reason of the closed list. `note` goes to the coordinator only."""

    reason: RefusalReason
    note: Words = ""


class DepartureBody(Body):
    last_day: date
    reason: DepartureReason


def confirm_admission(tx: sa.Connection, act: Act, proposal: Id, body: ConfirmationBody) -> None:
    """The structure takes the child."""
    row = _accepted(tx, act, proposal)
    refuse_if(_check_dates(row, body, act))
    facts = {**_whose(row), **body.model_dump(), "said_by": act.actor.id}
    declared(tx, act, act.say(AdmissionConfirmed, facts["proposal"], **facts))


def refuse_admission(tx: sa.Connection, act: Act, proposal: Id, body: RefusalBody) -> None:
    """The structure does not take the child."""
    whose = _whose(_accepted(tx, act, proposal))
    keep_words(tx, act, AdmissionRefused, (whose["proposal"],), body.note)
    facts = {**whose, "reason": body.reason, "said_by": act.actor.id}
    declared(tx, act, act.say(AdmissionRefused, whose["proposal"], **facts))


def announce_departure(tx: sa.Connection, act: Act, placement: Id, body: DepartureBody) -> None:
    """A placed child leaves after `last_day`."""
    row = store.find(tx, placements, placement)
    if row is None or row["territory"] != act.territory:
        raise unknown("placement", "cet accueil")
    require(act.actor, Doing.ANNOUNCE_DEPARTURE, Thing(act.territory, structure=row["structure"]))
    if row["ended_at"] is not None:
        raise conflict("placement", "already_ended", "Cet accueil a déjà pris fin.", "Il n'y a rien à faire.")
    refuse_if(_check_last_day(row, body, act))
    facts = {"placement": placement, **body.model_dump(), "said_by": act.actor.id}
    declared(tx, act, act.say(DepartureAnnounced, placement, **facts))


def _accepted(tx: sa.Connection, act: Act, proposal: str) -> dict[str, Any]:
    row = proposal_for(tx, act, proposal, Doing.DECIDE_ADMISSION)
    if row["state"] != ProposalState.ACCEPTED:
        rule = "Seule une proposition acceptée par la famille attend votre décision."
        raise conflict("proposal", "not_accepted", rule, "Attendez la réponse de la famille.")
    if row["half_confirmed"]:
        rule = "Vous avez déjà confirmé. L'autre structure n'a pas encore répondu."
        raise conflict("proposal", "already_confirmed", rule, "Appelez le guichet pour revenir dessus.")
    return row


def _whose(row: Mapping[str, Any]) -> dict[str, Any]:
    """The proposal, and which of the two structures decides where they share the week."""
    if row["half_of"] is None and row["other_half"] is None:
        return {"proposal": row["id"]}
    return {"proposal": row["half_of"] or row["id"], "structure": row["structure"]}


def _check_dates(row: Mapping[str, Any], body: ConfirmationBody, act: Act) -> Iterator[Problem]:
    if body.adaptation_start < act.today:
        rule = "L'adaptation n'a pas commencé dans le passé."
        yield Problem("adaptation_start", "in_the_past", rule, "Indiquez aujourd'hui ou une date à venir.")
    if body.first_full_day < body.adaptation_start:
        rule = "Le premier jour complet suit le début de l'adaptation."
        yield Problem("first_full_day", "before_adaptation", rule, "Échangez ou corrigez les dates.")
    if row["end"] is not None and body.first_full_day >= row["end"]:
        rule = "Le premier jour complet précède la fin de la place."
        yield Problem("first_full_day", "after_end", rule, "Corrigez la date.")
    if row["end"] is None and (body.first_full_day - act.today) > timedelta(days=366):
        yield Problem("first_full_day", "too_far", "L'accueil commence d'ici un an.", "Vérifiez l'année.")
    if body.appointment is not None and body.appointment < act.now:
        rule = "Le rendez-vous est à venir."
        yield Problem("appointment", "in_the_past", rule, "Indiquez une heure à venir.")


def _check_last_day(row: Mapping[str, Any], body: DepartureBody, act: Act) -> Iterator[Problem]:
    if act.today - body.last_day > LATEST_NEWS:
        rule = "Le dernier jour date d'un mois au plus."
        yield Problem("last_day", "too_old", rule, "Appelez le guichet.")
    if _outside(row["start"], row["end"], body.last_day):
        rule = "Le dernier jour tombe pendant l'accueil."
        yield Problem("last_day", "outside_placement", rule, "Vérifiez la date.")


def _outside(start: date | None, end: date | None, last_day: date) -> bool:
    """The eve of the first day says that the child never came."""
    before = start is not None and start - last_day > timedelta(days=1)
    return before or (end is not None and last_day >= end)

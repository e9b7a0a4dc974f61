"""What happened to a proposal, in the words of people: one line for each event, oldest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.proposals import Verdict
from contracts.vocabulary import Answer, Channel, MessageTemplate, RefusalReason, WithdrawalReason
from services.vault import ContactRole

WORDS = {
    "proposal.made": "Proposition préparée",
    "proposal.held": "Retenue par la coordination",
    "proposal.released": "Libérée",
    "proposal.deadline_set": "La famille est jointe, le délai court",
    "proposal.reminded": "Rappel envoyé",
    "proposal.undelivered": "SMS non reçu, le délai ne court pas",
    "proposal.accepted": "OUI de la famille",
    "proposal.declining": "NON de la famille, encore annulable",
    "proposal.restored": "La famille attend de nouveau",
    "proposal.declined": "Refus de la famille",
    "proposal.expired": "Délai passé sans réponse",
    "proposal.frozen": "Réponses contradictoires, tout s'arrête",
    "proposal.withdrawn": "Proposition retirée",
    "proposal.refused": "Refus de la structure",
    "half.confirmed": "Une des deux structures a confirmé",
    "place.reopened": "La place est de nouveau libre",
    "placement.confirmed": "Accueil confirmé par la structure",
    "reply.judged": "Réponse",
}
"""An event that is not here is shown by its own name: nothing is hidden."""

MESSAGE_STATES = {
    "planned": "prévu",
    "sent": "envoyé",
    "delivered": "reçu",
    "failed": "non reçu",
    "unknown": "à vérifier",
}


BY = {
    Channel.SMS: "par SMS",
    Channel.LINK: "par le lien",
    Channel.PHONE: "au téléphone",
    Channel.COUNTER: "au guichet",
    Channel.COUNSELLOR: "par son conseiller",
    Channel.API: "par un logiciel",
}
STAFF_CHANNELS = frozenset({Channel.PHONE, Channel.COUNTER, Channel.COUNSELLOR})
"""How an answer came, and where a professional wrote it down."""

PLACES = ("Premier contact", "Second contact", "Troisième contact")


@dataclass(frozen=True)
class Line:
    at: datetime
    text: str


def told(view: Mapping[str, Any]) -> list[Line]:
    """Events and messages of one proposal, in the order of time."""
    events = [Line(row["at"], _event(row)) for row in view["history"]]
    messages = [line for row in view["messages"] if (line := _message(row)) is not None]
    return sorted([*events, *messages], key=lambda line: line.at)


def said(view: Mapping[str, Any]) -> list[Line]:
    """Who of a family answered what, and how, in the order of receipt.

    A contact is named where `view` shows its name to the visitor, else by its place and role.
    """
    known = {contact["id"]: _named(contact, n) for n, contact in enumerate(view.get("contacts", ()))}
    lines = [Line(row["received_at"] or row["judged_at"], _reply(row, known)) for row in view["replies"]]
    return sorted(lines, key=lambda line: line.at)


def _reply(row: Mapping[str, Any], known: Mapping[str, str]) -> str:
    channel = Channel(row["channel"])
    unnamed = "Un professionnel" if channel in STAFF_CHANNELS else "Un contact de la famille"
    who = known.get(row["answered_by"], unnamed)
    return f"{who}\u00a0: {Answer(row['answer']).label}, {BY[channel]}"


def _named(contact: Mapping[str, Any], n: int) -> str:
    return f"{contact['name'] or PLACES[n]} ({ContactRole(contact['role']).label.lower()})"


def _event(row: Mapping[str, Any]) -> str:
    what: str = WORDS.get(row["what"], row["what"])
    facts = row["facts"]
    if row["what"] == "reply.judged":
        verdict, channel = Verdict(facts["verdict"]).label.lower(), Channel(facts["channel"]).label
        return f"{what} {Answer(facts['answer']).label} ({channel})\u00a0: {verdict}"
    if row["what"] == "proposal.withdrawn":
        return f"{what}\u00a0: {WithdrawalReason(facts['reason']).label.lower()}"
    if row["what"] == "proposal.refused":
        return f"{what}\u00a0: {RefusalReason(facts['reason']).label.lower()}"
    if row["what"] == "proposal.made" and facts.get("wave"):
        return f"{what}, pour {facts['asked_at_once']} familles en même temps"
    if row["what"] == "proposal.held" and facts["reason"]:
        return f"{what}\u00a0: {facts['reason']}"
    return what


def _message(row: Mapping[str, Any]) -> Line | None:
    at = row["delivered_at"] or row["sent_at"] or row["send_at"]
    label = MessageTemplate(row["template"]).label
    return Line(at, f"SMS «\u00a0{label}\u00a0» {MESSAGE_STATES[row['state']]}") if at else None

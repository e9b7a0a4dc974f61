"""What happened to a proposal, in the words of people: one line for each event, oldest first."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from contracts.proposals import Verdict
from contracts.vocabulary import Answer, Channel, MessageTemplate, RefusalReason, WithdrawalReason

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


@dataclass(frozen=True)
class Line:
    at: datetime
    text: str


def told(view: Mapping[str, Any]) -> list[Line]:
    """Events and messages of one proposal, in the order of time."""
    events = [Line(row["at"], _event(row)) for row in view["history"]]
    messages = [line for row in view["messages"] if (line := _message(row)) is not None]
    return sorted([*events, *messages], key=lambda line: line.at)


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
    if row["what"] == "proposal.held":
        return f"{what}\u00a0: {facts['reason']}"
    return what


def _message(row: Mapping[str, Any]) -> Line | None:
    at = row["delivered_at"] or row["sent_at"] or row["send_at"]
    label = MessageTemplate(row["template"]).label
    return Line(at, f"SMS «\u00a0{label}\u00a0» {MESSAGE_STATES[row['state']]}") if at else None

"""THE table: which stream carries which events, who writes it and who reads it.

Topics, subscribers, schemas, documentation and tests are made from it. One ordered stream for each writer: a reader
that catches up never meets an answer before its question.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from types import MappingProxyType

from pydantic import BaseModel, ValidationError

from contracts import (
    campaigns,
    confirmations,
    messages,
    placements,
    proposals,
    releases,
    replies,
    requests,
    rounds,
    siblings,
    structures,
    tasks,
    territories,
    vacancies,
)
from contracts.base import Event


@dataclass(frozen=True)
class Topic:
    """A stream with one writer. `retention_days` is what the broker keeps; the writer's outbox keeps more."""

    name: str
    writer: str
    readers: tuple[str, ...]
    retention_days: int
    events: tuple[type[Event], ...]


DECLARATIONS = Topic(
    name="declarations",
    writer="ingest",
    readers=("matcher", "notifier"),
    retention_days=30,
    events=(
        territories.TerritoryPublished,
        structures.StructurePublished,
        structures.AgreementSigned,
        structures.AgreementEnded,
        vacancies.VacancyOpened,
        vacancies.VacancyChanged,
        vacancies.VacancyWithdrawn,
        vacancies.VacancyReconfirmed,
        vacancies.SnapshotDeclared,
        requests.RequestRegistered,
        requests.RequestAmended,
        requests.RequestClosed,
        siblings.SiblingsAsked,
        siblings.SiblingsParted,
        replies.ReplyReceived,
        replies.ReplyUndone,
        replies.CallRecorded,
        replies.HoldRequested,
        confirmations.AdmissionConfirmed,
        confirmations.AdmissionRefused,
        confirmations.DepartureAnnounced,
        releases.ReleaseGiven,
        releases.ReleaseSuspended,
        releases.WithdrawalGiven,
        releases.SignInRequested,
        tasks.TaskHandled,
        campaigns.CampaignOpened,
        campaigns.CampaignEnded,
        campaigns.CampaignReleased,
        campaigns.DraftAsked,
        campaigns.PlaceHeld,
        campaigns.ForceAsked,
        campaigns.ForceConfirmed,
        campaigns.GestureUndone,
    ),
)

DECISIONS = Topic(
    name="decisions",
    writer="matcher",
    readers=("ingest", "notifier"),
    retention_days=30,
    events=(
        proposals.ProposalMade,
        proposals.ProposalHeld,
        proposals.ProposalReleased,
        proposals.ProposalDeadlineSet,
        proposals.ProposalReminded,
        proposals.ProposalUndelivered,
        proposals.ProposalAccepted,
        proposals.ProposalDeclining,
        proposals.ProposalRestored,
        proposals.ProposalDeclined,
        proposals.ProposalExpired,
        proposals.ProposalFrozen,
        proposals.ProposalWithdrawn,
        proposals.ProposalRefused,
        proposals.HalfConfirmed,
        proposals.PlaceReopened,
        proposals.ReplyJudged,
        proposals.HoldDenied,
        placements.PlacementConfirmed,
        placements.PlacementEnding,
        placements.PlacementEnded,
        rounds.DrawSealed,
        rounds.DrawOpened,
        rounds.RoundDecided,
        rounds.RequestExplained,
        tasks.TaskOpened,
        tasks.TaskSettled,
        campaigns.DraftDecided,
        campaigns.RequestDrafted,
        campaigns.ForceWeighed,
        campaigns.CampaignClosed,
    ),
)

MESSAGES = Topic(
    name="messages",
    writer="notifier",
    readers=("matcher", "ingest"),
    retention_days=30,
    events=(
        messages.MessagePlanned,
        messages.MessageSent,
        messages.MessageDelivered,
        messages.MessageFailed,
        messages.MessageUnknown,
    ),
)

TOPICS = (DECLARATIONS, DECISIONS, MESSAGES)
WRITERS = MappingProxyType({topic.writer: topic for topic in TOPICS})
EVENTS = MappingProxyType({event.wire_type(): event for topic in TOPICS for event in topic.events})
TOPIC_OF = MappingProxyType({event: topic for topic in TOPICS for event in topic.events})


def read_by(service: str) -> tuple[Topic, ...]:
    """The topics that `service` reads, in the table's order."""
    return tuple(topic for topic in TOPICS if service in topic.readers)


def parse(body: bytes) -> Event | None:
    """The event in `body`, or None where its type is not known here (a newer writer): counted and skipped.

    Raises pydantic.ValidationError where the bytes are no event at all, or break the contract of their type.
    """
    known = EVENTS.get(_type_of(body))
    if known is not None:
        return known.model_validate_json(body)
    Event.model_validate_json(body)  # at least an event
    return None


def _type_of(body: bytes) -> str:
    """The type that `body` names, without looking at the rest. "" for none."""
    if ours := _TYPE_FIRST.match(body):
        return ours[1].decode()
    try:
        return _Typed.model_validate_json(body).type
    except ValidationError:
        return ""


class _Typed(BaseModel):
    type: str


_TYPE_FIRST = re.compile(rb'{"type":"([a-z_.]+)"')
"""How our own events begin. To look for the type as JSON takes a third of the time of a whole event."""

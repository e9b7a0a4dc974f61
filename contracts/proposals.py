"""A proposal's life, as its only referee, the matcher, says it."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import AwareDatetime, Field

from contracts.base import Event
from contracts.vocabulary import (
    Answer,
    Channel,
    Frozen,
    Id,
    Labelled,
    Period,
    RefusalReason,
    Slot,
    VacancyKind,
    WithdrawalReason,
)


class CountedPoints(Frozen):
    """One line of the grid that counted for this child, with its French label."""

    criterion: str
    label: str
    points: int


class Half(Frozen):
    """The days of a shared week in one of its two structures. The placement there, if it comes to that, is named so.

    `to_prepare`: this structure prepares the child's care first.
    """

    half: Id
    structure: Id
    section: Id
    slots: tuple[Slot, ...]
    to_prepare: bool = False


class ProposalMade(Event):
    """A round, or a counsellor's hold, found this place for this request; nothing has left yet.

    `code` is what the family repeats in its SMS. `needs_person`: it never leaves without a person. `to_prepare`: this
    event's own structure is helped to prepare the child's care, and the place is the child's all the same. `rank` is
    the child's place among the requests for this structure and these days.
    `partial`: some of the days asked for; the child stays listed for the others. `replaces` is the placement that the
    child gives up for this one; `keeps_place`: that one goes on where the family does not say OUI, and does not end by
    itself before the first day of this one. `after` are proposals to children whose move makes room for this one: it
    leaves once they are all confirmed, and is withdrawn if one of them comes to nothing. `siblings` are those asked
    together, where another child of the family is proposed a place with this one.
    `wave`: the same place is proposed to `asked_at_once` families at once, this one the `asked_as`-th to be asked, in
    the order of a round's list; the first OUI takes it, and the proposals to the others are withdrawn as taken. Whoever
    follows a family that has left has a number of its own, so that `asked_as` may be beyond `asked_at_once`.
    `other_half`: two structures share the week, this event's own and that one, with the same period. One answer counts
    for both, both have to confirm, and what ends one ends both. The half of this event's own structure is named as the
    proposal.
    """

    type: Literal["proposal.made"]
    round: Id | None
    request: Id
    family: Id
    structure: Id
    section: Id
    slots: tuple[Slot, ...]
    period: Period
    kind: VacancyKind
    code: str = Field(pattern=r"^[0-9]{4,6}$")
    tier: int
    points: int
    reasons: tuple[CountedPoints, ...] = ()
    rank: int | None = None
    needs_person: bool = False
    to_prepare: bool = False
    held_by: Id | None = None
    partial: bool = False
    replaces: Id | None = None
    keeps_place: bool = False
    after: tuple[Id, ...] = ()
    siblings: Id | None = None
    wave: Id | None = None
    asked_at_once: int = Field(default=1, ge=1)
    asked_as: int = Field(default=1, ge=1)
    other_half: Half | None = None


class ProposalHeld(Event):
    """A person keeps it back. The `reason` is that of `release.suspended`, which is not written any more."""

    type: Literal["proposal.held"]
    reason: str = ""
    until: date
    by: Id


class ProposalReleased(Event):
    """It may leave. `answer_by` is the limit to write; a later delivery only moves the real one later.

    `urgent`: it may be sent outside the usual hours.
    """

    type: Literal["proposal.released"]
    answer_by: AwareDatetime
    by: Id
    note: str = ""
    urgent: bool = False


class ProposalDeadlineSet(Event):
    """The family was reached at `counted_from`; without an answer the place re-opens after `deadline`."""

    type: Literal["proposal.deadline_set"]
    counted_from: AwareDatetime
    deadline: AwareDatetime


class ProposalReminded(Event):
    """Half of the delay is over without an answer."""

    type: Literal["proposal.reminded"]
    deadline: AwareDatetime


class ProposalUndelivered(Event):
    """No contact of the family received it: its delay does not run."""

    type: Literal["proposal.undelivered"]


class ProposalAccepted(Event):
    """The family's OUI counted. `confirm_by` is when the structure should have called."""

    type: Literal["proposal.accepted"]
    answered_by: Id
    channel: Channel
    received_at: AwareDatetime
    confirm_by: AwareDatetime
    confirmed_at_once: bool = False


class ProposalDeclining(Event):
    """The family's NON was noted and can be undone until `undo_until`; its hours are still held."""

    type: Literal["proposal.declining"]
    undo_until: AwareDatetime
    answered_by: Id
    channel: Channel


class ProposalRestored(Event):
    """The family took its NON back in time, or a person settled a contradiction: it waits for an answer again."""

    type: Literal["proposal.restored"]
    deadline: AwareDatetime | None


class ProposalDeclined(Event):
    type: Literal["proposal.declined"]
    answer: Answer
    answered_by: Id


class ProposalExpired(Event):
    type: Literal["proposal.expired"]
    deadline: AwareDatetime


class ProposalFrozen(Event):
    """Two contacts of one family contradict each other: nothing moves until the guichet has called."""

    type: Literal["proposal.frozen"]


class ProposalWithdrawn(Event):
    """`family_knew`: it had been sent, so the family is told."""

    type: Literal["proposal.withdrawn"]
    reason: WithdrawalReason
    after_yes: bool
    family_knew: bool


class ProposalRefused(Event):
    """The structure did not confirm. No SMS leaves by itself: a person calls.

    `structure`: which of the two that share the child's week; None where one has it all.
    """

    type: Literal["proposal.refused"]
    reason: RefusalReason
    structure: Id | None = None


class HalfConfirmed(Event):
    """One of the two structures of a shared week takes the child. The place is the child's once both do."""

    type: Literal["half.confirmed"]
    half: Id
    structure: Id


class PlaceReopened(Event):
    """The hours that a proposal or placement held are free again. Said exactly once for each.

    Of a week that two structures share: once for each of them.
    Of the proposals of a wave, which hold their hours together: by each whose end frees some.
    """

    type: Literal["place.reopened"]
    section: Id
    slots: tuple[Slot, ...]
    period: Period


class Verdict(Labelled):
    """What the matcher made of a reply."""

    TAKEN = "taken", "Prise en compte"
    REPEATED = "repeated", "Déjà prise en compte"
    LATE = "late", "Arrivée après la limite"
    UNCLEAR = "unclear", "Non comprise"
    STOPPED = "stopped", "Plus de SMS à ce numéro"
    NOT_ALLOWED = "not_allowed", "Sans effet"


class ReplyJudged(Event):
    """What became of one reply, so that whoever sent it is told. The subject is the reply's event id."""

    type: Literal["reply.judged"]
    proposal: Id
    answer: Answer
    verdict: Verdict
    answered_by: Id
    channel: Channel


class HoldDenied(Event):
    """A counsellor's hold could not be given. The subject is the hold."""

    type: Literal["hold.denied"]
    request: Id
    reason: str

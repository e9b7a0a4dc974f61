"""What may happen to a proposal, and what an answer is worth: values in, value out.

People.md draws the life of a proposal; this is its table. A closed proposal never changes.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta
from enum import Enum, auto

from contracts.proposals import Verdict
from contracts.vocabulary import HEALTH_CRITERIA, Answer, Channel, Criterion, ProposalState, VacancyKind

S = ProposalState

NEXT: dict[ProposalState, frozenset[ProposalState]] = {
    S.PREPARED: frozenset({S.HELD, S.RELEASED, S.DELIVERED, S.WITHDRAWN}),
    S.HELD: frozenset({S.RELEASED, S.PREPARED, S.HELD, S.WITHDRAWN}),
    S.RELEASED: frozenset({S.SENT, S.DELIVERED, S.UNDELIVERED, S.ACCEPTED, S.DECLINING, S.DECLINED, S.WITHDRAWN}),
    S.SENT: frozenset({S.DELIVERED, S.UNDELIVERED, S.ACCEPTED, S.DECLINING, S.DECLINED, S.WITHDRAWN}),
    S.DELIVERED: frozenset({S.ACCEPTED, S.DECLINING, S.DECLINED, S.EXPIRED, S.WITHDRAWN, S.UNDELIVERED}),
    S.UNDELIVERED: frozenset({S.DELIVERED, S.ACCEPTED, S.DECLINING, S.DECLINED, S.WITHDRAWN}),
    S.DECLINING: frozenset({S.DECLINED, S.DELIVERED, S.ACCEPTED, S.FROZEN, S.WITHDRAWN}),
    S.FROZEN: frozenset({S.ACCEPTED, S.DECLINED, S.WITHDRAWN}),
    S.ACCEPTED: frozenset({S.CONFIRMED, S.REFUSED, S.FROZEN, S.DECLINING, S.DECLINED, S.WITHDRAWN}),
    S.CONFIRMED: frozenset(),
    S.DECLINED: frozenset(),
    S.EXPIRED: frozenset(),
    S.WITHDRAWN: frozenset(),
    S.REFUSED: frozenset(),
}
"""From each state, where it may go."""

STAFF_CHANNELS = frozenset({Channel.PHONE, Channel.COUNTER, Channel.COUNSELLOR})
"""A person of the guichet, or a counsellor with the family's consent, records the answer: it settles contradictions."""


class Effect(Enum):
    """What the matcher does because of a reply."""

    ACCEPT = auto()
    DECLINE_LATER = auto()
    DECLINE_NOW = auto()
    RESTORE = auto()
    FREEZE = auto()
    CALL_BACK = auto()
    WRONG_NUMBER = auto()
    LATE_YES = auto()
    NOTHING = auto()


@dataclass(frozen=True)
class Standing:
    """What counts of a proposal when an answer arrives.

    `deadline` is None while nobody was reached; `undo_until` is set while a NON can be taken back.
    """

    state: ProposalState
    kind: VacancyKind
    deadline: datetime | None
    answered_by: str | None
    undo_until: datetime | None = None


@dataclass(frozen=True)
class Judgement:
    verdict: Verdict
    effect: Effect


ANSWERED = frozenset({S.ACCEPTED, S.DECLINING, S.FROZEN})

NO_EFFECT = Judgement(Verdict.NOT_ALLOWED, Effect.NOTHING)
AGAIN = Judgement(Verdict.REPEATED, Effect.NOTHING)


def judge(
    now: Standing, answer: Answer, received_at: datetime, by: str, channel: Channel, *, consent: bool
) -> Judgement:
    """What `answer` is worth. It counts by when it was received, and nothing is guessed.

    A counsellor answers for a family only with its recorded `consent`.
    """
    if channel is Channel.COUNSELLOR and not consent:
        return NO_EFFECT
    if answer is Answer.ERREUR:
        return Judgement(Verdict.TAKEN, Effect.WRONG_NUMBER)
    if not (now.state.waits_for_family or now.state in ANSWERED):
        return _judge_closed(now.state, answer)
    if answer is Answer.RAPPEL:
        return Judgement(Verdict.TAKEN, Effect.CALL_BACK)
    if now.state is S.FROZEN and channel not in STAFF_CHANNELS:
        return NO_EFFECT
    if _came_late(now, answer, received_at):
        return Judgement(Verdict.LATE, Effect.LATE_YES if answer is Answer.OUI else Effect.NOTHING)
    return _judge_yes(now, by, channel) if answer is Answer.OUI else _judge_no(now, answer, by, channel)


def judge_undo(now: Standing, received_at: datetime, by: str, channel: Channel) -> Judgement:
    """Whether a NON is taken back: in time, and not by another contact than the one who said it."""
    if now.state is not S.DECLINING or now.undo_until is None or received_at > now.undo_until:
        return Judgement(Verdict.LATE, Effect.NOTHING)
    if _is_contradicted(now, by, channel):
        return Judgement(Verdict.TAKEN, Effect.FREEZE)
    return Judgement(Verdict.TAKEN, Effect.RESTORE)


def _came_late(now: Standing, answer: Answer, received_at: datetime) -> bool:
    """After the limit; for who said NON before, after the time in which it can be taken back.

    Judged by the hour of receipt alone: whether the timer had fired by then changes nothing.
    """
    if now.state is S.DECLINING:
        return answer is Answer.OUI and now.undo_until is not None and received_at > now.undo_until
    return now.state.waits_for_family and now.deadline is not None and received_at > now.deadline


def _judge_closed(state: ProposalState, answer: Answer) -> Judgement:
    if state in (S.PREPARED, S.HELD):
        return NO_EFFECT
    if answer is Answer.RAPPEL:
        return Judgement(Verdict.TAKEN, Effect.CALL_BACK)
    if state is S.CONFIRMED:
        return AGAIN if answer is Answer.OUI else Judgement(Verdict.TAKEN, Effect.CALL_BACK)
    if state is S.DECLINED and answer in (Answer.NON, Answer.FIN):
        return AGAIN
    return Judgement(Verdict.LATE, Effect.LATE_YES if answer is Answer.OUI else Effect.NOTHING)


def _judge_yes(now: Standing, by: str, channel: Channel) -> Judgement:
    if now.state is S.ACCEPTED:
        return AGAIN
    if now.state is S.DECLINING and _is_contradicted(now, by, channel):
        return Judgement(Verdict.TAKEN, Effect.FREEZE)
    return Judgement(Verdict.TAKEN, Effect.ACCEPT)


def _judge_no(now: Standing, answer: Answer, by: str, channel: Channel) -> Judgement:
    if now.state is S.DECLINING and answer is Answer.NON:
        return AGAIN
    if now.state is S.ACCEPTED and _is_contradicted(now, by, channel):
        return Judgement(Verdict.TAKEN, Effect.FREEZE)
    can_be_undone = answer is Answer.NON and now.kind is VacancyKind.REGULAR and now.state is not S.FROZEN
    return Judgement(Verdict.TAKEN, Effect.DECLINE_LATER if can_be_undone else Effect.DECLINE_NOW)


def _is_contradicted(now: Standing, by: str, channel: Channel) -> bool:
    """Somebody else of the family says the contrary. A person of the guichet settles it, and so contradicts nobody."""
    return now.answered_by != by and channel not in STAFF_CHANNELS


def leaves_by_itself(kind: VacancyKind, counted: frozenset[Criterion], to_prepare: bool, voted: bool) -> bool:
    """Occasional and on-call proposals do; regular ones where the territory voted it.

    Never where a criterion drawn from health counted (loi 78-17 du 6 janvier 1978, article 47), nor where adapted care
    is to be prepared first.
    """
    if to_prepare or counted & HEALTH_CRITERIA:
        return False
    return voted or kind is not VacancyKind.REGULAR


def is_still_free(kind: VacancyKind, confirmed_at: datetime | None, now: datetime, regular_for: timedelta) -> bool:
    """A regular vacancy is believed for `regular_for` after somebody confirmed it; an on-call one while its agreement
    lasts; whether an occasional one was confirmed today is asked of the calendar by the caller."""
    if kind is VacancyKind.ON_CALL:
        return True
    return confirmed_at is not None and now - confirmed_at <= regular_for

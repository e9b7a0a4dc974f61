"""Which event makes which text. A handler plans; it sends nothing and reads no contact."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import sqlalchemy as sa

from contracts.base import Event
from contracts.messages import MessageFacts, MessagePlanned
from contracts.placements import PlacementConfirmed, PlacementEnded, PlacementEnding
from contracts.proposals import (
    ProposalAccepted,
    ProposalDeadlineSet,
    ProposalDeclined,
    ProposalDeclining,
    ProposalExpired,
    ProposalFrozen,
    ProposalMade,
    ProposalReleased,
    ProposalReminded,
    ProposalRestored,
    ProposalWithdrawn,
    ReplyJudged,
    Verdict,
)
from contracts.releases import SignInRequested
from contracts.structures import StructurePublished
from contracts.territories import TerritoryPublished
from contracts.vocabulary import Answer, Channel, MessageTemplate, Period, Slot, VacancyKind, WithdrawalReason
from services.bus import outbox
from services.bus.delivery import Handlers
from services.bus.retries import WrongEvent
from services.notifier import store
from services.notifier import tables as t
from services.notifier.sending_hours import next_sending_time

FAMILY, STAFF = "family", "staff"


def on_territory_published(tx: sa.Connection, event: TerritoryPublished, now: datetime) -> None:
    store.upsert(tx, t.territories, "territory", event.territory, guichet_phone=event.guichet_phone)


def on_structure_published(tx: sa.Connection, event: StructurePublished, now: datetime) -> None:
    store.upsert(tx, t.structures, "structure", event.subject, name=event.name)


def on_proposal_made(tx: sa.Connection, event: ProposalMade, now: datetime) -> None:
    tx.execute(t.proposals.insert(), {
        "proposal": event.subject, "territory": event.territory, "family": event.family, "structure": event.structure,
        "slots": store.SLOTS.dump_python(event.slots, mode="json"), "starts": event.period.start,
        "code": event.code, "is_urgent": event.kind is VacancyKind.ON_CALL,
        "no_was_noted": False, "asks": False, "was_released": False, "in_wave": event.wave is not None,
        "request": event.request, "kept": event.replaces if event.keeps_place else None, **_other_half(event),
    })  # fmt: skip


def _other_half(event: ProposalMade) -> dict[str, Any]:
    """What a second structure gives of a shared week: one text says both."""
    if event.other_half is None:
        return {}
    slots = store.SLOTS.dump_python(event.other_half.slots, mode="json")
    return {"other_structure": event.other_half.structure, "other_slots": slots}


def on_proposal_released(tx: sa.Connection, event: ProposalReleased, now: datetime) -> None:
    told = {"limit_at": event.answer_by, "is_urgent": event.urgent, "asks": True, "was_released": True}
    row = _there(event.subject, store.change_proposal(tx, event.subject, **told))
    until = event.answer_by
    _plan(tx, event, _offer_of(row), now, row=row, limit_at=until, not_after=until, is_urgent=event.urgent)


def on_proposal_deadline_set(tx: sa.Connection, event: ProposalDeadlineSet, now: datetime) -> None:
    store.change_proposal(tx, event.subject, limit_at=event.deadline)


def on_proposal_reminded(tx: sa.Connection, event: ProposalReminded, now: datetime) -> None:
    _plan(tx, event, MessageTemplate.REMINDER, now, limit_at=event.deadline, not_after=event.deadline)


def on_proposal_accepted(tx: sa.Connection, event: ProposalAccepted, now: datetime) -> None:
    _stop_asking(tx, event.subject)
    template = MessageTemplate.CONFIRMED if event.confirmed_at_once else MessageTemplate.ACCEPTED
    _plan(tx, event, template, now, limit_at=event.confirm_by, wanted_contact=_writer(event), is_urgent=True)


def on_proposal_declining(tx: sa.Connection, event: ProposalDeclining, now: datetime) -> None:
    _stop_asking(tx, event.subject, no_was_noted=True)
    _plan(tx, event, MessageTemplate.DECLINED, now, wanted_contact=_writer(event), is_urgent=True)


def on_proposal_restored(tx: sa.Connection, event: ProposalRestored, now: datetime) -> None:
    """The NON is no more: a text that acknowledges it and still waits for the morning must not leave."""
    store.cancel_planned(tx, event.subject)
    limit = {"limit_at": event.deadline} if event.deadline else {}
    store.change_proposal(tx, event.subject, no_was_noted=False, asks=True, **limit)


def on_proposal_frozen(tx: sa.Connection, event: ProposalFrozen, now: datetime) -> None:
    _stop_asking(tx, event.subject)


def on_proposal_declined(tx: sa.Connection, event: ProposalDeclined, now: datetime) -> None:
    """Silent where the NON was acknowledged before, and where the family ended its request itself."""
    _stop_asking(tx, event.subject, keep=frozenset({MessageTemplate.DECLINED}))
    if event.answer is Answer.NON and not _known(tx, event.subject)["no_was_noted"]:
        _plan(tx, event, MessageTemplate.DECLINED, now, is_urgent=True)


def on_proposal_expired(tx: sa.Connection, event: ProposalExpired, now: datetime) -> None:
    """Silent towards a family whose counsellor held the place and did not come back to it: it was never told."""
    _stop_asking(tx, event.subject)
    if _known(tx, event.subject)["was_released"]:
        _plan(tx, event, MessageTemplate.EXPIRED, now)


def on_proposal_withdrawn(tx: sa.Connection, event: ProposalWithdrawn, now: datetime) -> None:
    """The family is told if it knew, or may know: a text may have left that the matcher has not heard of yet.

    Where the family itself asked for something else, the text would not be true: a person explains.
    """
    _stop_asking(tx, event.subject, withdrawn_for=event.reason.value)
    if event.reason in FAMILY_CHANGED_IT:
        return
    if event.family_knew or store.offer_may_have_left(tx, event.subject):
        soon = event.reason is WithdrawalReason.TAKEN and bool(_known(tx, event.subject)["is_urgent"])
        _plan(tx, event, _end_of(event.reason.value), now, is_urgent=soon)


def _end_of(withdrawn_for: str) -> MessageTemplate:
    """The text of a withdrawal promises a call; whoever could not be reached is told that its time is over, and whoever
    was not the first of a wave that the place is taken."""
    return _ENDS.get(withdrawn_for, MessageTemplate.WITHDRAWN)


_ENDS = {
    WithdrawalReason.FAMILY_UNREACHABLE.value: MessageTemplate.EXPIRED,
    WithdrawalReason.TAKEN.value: MessageTemplate.TAKEN,
}


FAMILY_CHANGED_IT = frozenset({WithdrawalReason.REQUEST_CLOSED, WithdrawalReason.REQUEST_CHANGED})


def _stop_asking(
    tx: sa.Connection, proposal: str, keep: frozenset[MessageTemplate] = frozenset(), **values: Any
) -> None:  # fmt: skip
    """No answer is wanted any more. The row is changed first: whoever is about to send waits for it, or is seen."""
    store.change_proposal(tx, proposal, asks=False, **values)
    store.cancel_planned(tx, proposal, keep)


def on_placement_confirmed(tx: sa.Connection, event: PlacementConfirmed, now: datetime) -> None:
    """Silent: the structure calls. A FIN behind it closes the request and leaves the child its place, and says so."""
    facts = {"proposal": event.proposal, "request": event.request, "ends": _first_day_behind(event.slots, event.period)}
    store.upsert(tx, t.placements, "placement", event.subject, **facts)


def _first_day_behind(slots: tuple[Slot, ...], period: Period) -> date | None:
    """The period's end; of dates alone, the day after the last. A place that ran until then is nobody's any more."""
    dates = [slot.day for slot in slots if isinstance(slot.day, date)]
    return max(dates) + timedelta(days=1) if len(dates) == len(slots) else period.end


def on_placement_ending(tx: sa.Connection, event: PlacementEnding, now: datetime) -> None:
    """Silent: the family or the structure said so. What a text says of this place is no longer true behind that day."""
    store.change_placement(tx, event.subject, ends=event.last_day + timedelta(days=1))


def on_placement_ended(tx: sa.Connection, event: PlacementEnded, now: datetime) -> None:
    store.change_placement(tx, event.subject, is_over=True)


def on_reply_judged(tx: sa.Connection, event: ReplyJudged, now: datetime) -> None:
    """Whoever wrote by SMS RAPPEL, FIN or STOP, or something late or unclear, is told so by the phone it came from.

    Where that phone takes no text, the other parent is told what is true of the family: that its request is closed, or
    what became of the place. Never what was said to the writer alone (`store.TO_WHO_WROTE`).
    A phone that answers by itself would otherwise be written to without end: `_is_told_enough` says how often.
    """
    row = _known(tx, event.proposal)
    template = _answer_to(event, row)
    if event.channel is not Channel.SMS or template is None:
        return
    if not _is_told_enough(tx, event, template, row):
        _plan(
            tx, event, template, now, event.proposal,
            limit_at=row["limit_at"], wanted_contact=event.answered_by, is_urgent=True,
        )  # fmt: skip


MOST_ANSWERS = 2
"""Texts of one kind that a proposal ever causes: a choice, so that two machines do not write to each other for ever."""


def _is_told_enough(tx: sa.Connection, event: ReplyJudged, template: MessageTemplate, row: sa.RowMapping) -> bool:
    """STOP is acknowledged once to the number that said it, about whichever proposal: it is the last text there. FIN
    once, and a call that is asked for once while an answer is wanted, and once more behind that."""
    if template is MessageTemplate.STOPPED:
        return store.is_last_text(tx, template, event.answered_by)
    only_once = template is MessageTemplate.CLOSED or (template is MessageTemplate.CALL_BACK and row["asks"])
    return store.count_of(tx, event.proposal, template) >= (1 if only_once else MOST_ANSWERS)


def _answer_to(event: ReplyJudged, row: sa.RowMapping) -> MessageTemplate | None:
    """None where nothing true could be said by itself: a person has the task.

    A late OUI is thanked for and called about (the guichet has the task): whoever said it is not asked once more. FIN
    closes the request whatever became of the proposal.
    """
    if event.verdict is Verdict.STOPPED:
        return MessageTemplate.STOPPED
    if event.answer is Answer.FIN:
        return MessageTemplate.CLOSED
    if event.verdict is Verdict.TAKEN and event.answer is Answer.RAPPEL:
        return MessageTemplate.CALL_BACK
    if event.verdict is Verdict.UNCLEAR:
        return MessageTemplate.MISUNDERSTOOD if row["asks"] and row["limit_at"] else None
    if event.verdict is not Verdict.LATE or row["withdrawn_for"] in FAMILY_CHANGED_IT:
        return None
    ended = _end_of(row["withdrawn_for"]) if row["withdrawn_for"] else MessageTemplate.EXPIRED
    is_late_yes = ended is MessageTemplate.EXPIRED and event.answer is Answer.OUI
    return MessageTemplate.LATE_YES if is_late_yes else ended


def on_sign_in_requested(tx: sa.Connection, event: SignInRequested, now: datetime) -> None:
    store.plan(
        tx, event.id, MessageTemplate.SIGN_IN, territory=event.territory, proposal=None, owner=event.person,
        owner_kind=STAFF, link=event.subject, send_at=now, is_urgent=True,
    )  # fmt: skip


def _plan(
    tx: sa.Connection,
    event: Event,
    template: MessageTemplate,
    now: datetime,
    proposal: str | None = None,
    row: sa.RowMapping | None = None,
    **values: Any,
) -> None:
    """Plan a text to the family of a proposal, whose row may be known, at an hour at which it may leave."""
    about = proposal or event.subject
    row = row or _known(tx, about)
    urgent = bool(values.get("is_urgent"))
    send_at = next_sending_time(now, urgent)
    planned = store.plan(
        tx, event.id, template, territory=event.territory, proposal=about, owner=row["family"], owner_kind=FAMILY,
        send_at=send_at, **values,
    )  # fmt: skip
    if planned is not None and send_at > now:
        facts = MessageFacts(message=planned, template=template, contact=None, proposal=about)
        told = MessagePlanned.say(
            planned,
            cause=event.id,
            source="notifier",
            territory=event.territory,
            time=now,
            about=facts,
            send_at=send_at,
        )
        outbox.record(tx, told)


def _known(tx: sa.Connection, proposal: str) -> sa.RowMapping:
    return _there(proposal, store.proposal(tx, proposal))


def _there(proposal: str, row: sa.RowMapping | None) -> sa.RowMapping:
    if row is None:
        raise WrongEvent(f"la proposition {proposal} est inconnue")
    return row


def _offer_of(row: sa.RowMapping) -> MessageTemplate:
    """The text that asks: of a wave, where the first OUI wins; of one date; or of a place for weeks."""
    if row["in_wave"]:
        return MessageTemplate.WAVE
    return MessageTemplate.ON_CALL if _is_one_date(row) else MessageTemplate.PROPOSAL


def _is_one_date(row: sa.RowMapping) -> bool:
    slots = store.SLOTS.validate_python(row["slots"])
    return len(slots) == 1 and isinstance(slots[0].day, date)


def _writer(event: ProposalAccepted | ProposalDeclining) -> str | None:
    """The contact to answer to: the phone that wrote, if one did."""
    return event.answered_by if event.channel is Channel.SMS else None


HANDLERS: Handlers = {
    TerritoryPublished: on_territory_published,
    StructurePublished: on_structure_published,
    ProposalMade: on_proposal_made,
    ProposalReleased: on_proposal_released,
    ProposalDeadlineSet: on_proposal_deadline_set,
    ProposalReminded: on_proposal_reminded,
    ProposalAccepted: on_proposal_accepted,
    ProposalDeclining: on_proposal_declining,
    ProposalRestored: on_proposal_restored,
    ProposalFrozen: on_proposal_frozen,
    ProposalDeclined: on_proposal_declined,
    ProposalExpired: on_proposal_expired,
    ProposalWithdrawn: on_proposal_withdrawn,
    PlacementConfirmed: on_placement_confirmed,
    PlacementEnding: on_placement_ending,
    PlacementEnded: on_placement_ended,
    ReplyJudged: on_reply_judged,
    SignInRequested: on_sign_in_requested,
}

"""How a proposal ends, and how its hours come back: by a refusal, by silence, by a withdrawal, or as a placement.

Each function is one step in the caller's transaction. Whoever calls has decided; nothing here judges.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from contracts.placements import PlacementConfirmed
from contracts.proposals import (
    Half,
    PlaceReopened,
    ProposalDeclined,
    ProposalExpired,
    ProposalRefused,
    ProposalWithdrawn,
)
from contracts.vocabulary import Answer, ProposalState, RefusalReason, Slot, TaskKind, VacancyKind, WithdrawalReason
from services.matcher import declared_capacity, halves, moving, store, tasks, together, waves
from services.matcher import tables as t
from services.matcher.moves import NOTHING_ELSE, move
from services.matcher.step import Step
from services.matcher.store import Proposal

S = ProposalState

FAMILY_CHANGED_IT = frozenset({WithdrawalReason.REQUEST_CLOSED, WithdrawalReason.REQUEST_CHANGED})
"""Nobody took the place back: the family asked for something else, so it goes before nobody."""

NO_CALL = frozenset({WithdrawalReason.REQUEST_CLOSED, WithdrawalReason.FAMILY_UNREACHABLE, WithdrawalReason.TAKEN})
FAMILY_GONE = FAMILY_CHANGED_IT | {WithdrawalReason.FAMILY_UNREACHABLE}

NO_PLACE_THERE = frozenset({RefusalReason.STAFF_SHORTAGE, RefusalReason.ALREADY_FILLED})
"""With these the place itself is in doubt: it is offered to nobody before the structure confirmed it again."""


def decline(step: Step, proposal: Proposal, answer: Answer, by: str) -> bool:
    """The family said no. Having gone first once is over with it."""
    values = {"answered_by": by, "answer": answer.value}
    if not _close(step, proposal, S.DECLINED, values):
        return False
    tasks.settle_all(step, proposal, by, tasks.ANSWERED)
    store.touch_request(step.tx, proposal.request, goes_first=False)
    step.say(ProposalDeclined, proposal.proposal, proposal.territory, answer=answer, answered_by=by)
    return _reopen(step, proposal)


def expire(step: Step, proposal: Proposal) -> bool:
    """The deadline and its grace are over, and the family had received it. Its request goes on waiting."""
    if proposal.deadline is None or not _close(step, proposal, S.EXPIRED):
        return False
    store.touch_request(step.tx, proposal.request, goes_first=False)
    step.say(ProposalExpired, proposal.proposal, proposal.territory, deadline=proposal.deadline)
    return _reopen(step, proposal)


def withdraw(step: Step, proposal: Proposal, reason: WithdrawalReason) -> bool:
    """The place is taken back. After a OUI the child goes first in the next round, unless its family changed it.

    A family that nobody reaches is not promised a call that it would not take either.
    """
    after_yes = proposal.state is S.ACCEPTED
    if not _close(step, proposal, S.WITHDRAWN, {"withdrawn_for": reason.value}):
        return False
    if after_yes and reason not in FAMILY_GONE:
        store.touch_request(step.tx, proposal.request, goes_first=True)
    family_knew = proposal.was_sent or after_yes
    step.say(
        ProposalWithdrawn, proposal.proposal, proposal.territory,
        reason=reason, after_yes=after_yes, family_knew=family_knew,
    )  # fmt: skip
    if reason not in NO_CALL and family_knew:
        detail = f"{reason.label}{_shared(proposal)}"
        tasks.open_task(step, TaskKind.CALL_BACK, proposal, detail=detail)  # the message promises a call
    for other in together.beside(step, proposal) if not family_knew else ():
        withdraw(step, other, WithdrawalReason.SIBLINGS_APART)  # half of what was to leave together never leaves
    return _reopen(step, proposal)


def refuse(step: Step, proposal: Proposal, reason: RefusalReason, structure: str | None = None) -> bool:
    """The structure does not confirm; a person calls the family. Of two that share the week, `structure` names which:
    the other half ends with this one.

    Without a place there, the child goes first in the next round. For any other reason the next round could only offer
    the same again, so the request waits until the person has settled the task.
    """
    if not _close(step, proposal, S.REFUSED):
        return False
    half = halves.at(proposal, structure)
    if reason in NO_PLACE_THERE:
        store.touch_request(step.tx, proposal.request, goes_first=True)
    else:
        store.touch_request(step.tx, proposal.request, state=store.WITH_PERSON)
    which = {} if proposal.other_half is None else {"structure": half.structure}
    step.say(ProposalRefused, proposal.proposal, proposal.territory, reason=reason, **which)
    detail = f"{reason.label}{_shared(proposal)}"
    tasks.open_task(step, TaskKind.STRUCTURE_REFUSED, proposal, detail=detail, structure=half.structure)
    if reason in NO_PLACE_THERE:
        _doubt_places(step, proposal, half.section)
    return _reopen(step, proposal)


def _shared(proposal: Proposal) -> str:
    return "" if proposal.other_half is None else BOTH_ENDED


HAD_CONFIRMED = "Elle avait confirmé sa part d'une semaine partagée. L'accueil n'a pas lieu."
BOTH_ENDED = ". La semaine était partagée\u00a0: l'autre place est rendue aussi."


def _doubt_places(step: Step, proposal: Proposal, section: str) -> None:
    same = (t.vacancies.c.section == section, t.vacancies.c.kind == proposal.kind.value)
    step.tx.execute(t.vacancies.update().where(*same).values(confirmed_at=None))


def confirm(step: Step, proposal: Proposal, structure: str | None = None, **dates: Any) -> bool:
    """The child has the place: what the proposal held, the placement holds. The placement keeps the proposal's id.

    Of a week that two structures share it has its places once both have confirmed; `structure` says which one does.
    """
    half = halves.at(proposal, structure)
    said = halves.confirmed(proposal, half, dates)
    if said is None:
        return halves.note_one(step, proposal, half, dates)
    if not move(step, proposal, S.CONFIRMED):
        return False
    store.drop_timers(step.tx, proposal.proposal)
    tasks.settle(step, TaskKind.LATE_CONFIRMATION, proposal, "matcher")
    for place in halves.of(proposal):
        store.lock_section(step.tx, place.section)
    step.tx.execute(t.holds.update().where(t.holds.c.proposal == proposal.proposal).values(is_placement=True))
    state = store.WAITING if proposal.partial else store.PLACED  # for the days that are missing it stays listed
    store.touch_request(step.tx, proposal.request, state=state, goes_first=False)
    for place in halves.of(proposal):
        _place(step, proposal, place, said[place.half])
    moving.arrived(step, proposal)
    if proposal.partial or proposal.replaces is not None:
        step.mark_due(proposal.territory, PlacementConfirmed.wire_type())
    return True


def _place(step: Step, proposal: Proposal, half: Half, dates: Mapping[str, Any]) -> None:
    """The child sits there from now on. What a structure said before its dates may be read back as text."""
    step.tx.execute(
        t.placements.insert().values(
            placement=half.half, territory=proposal.territory, request=proposal.request, structure=half.structure,
            section=half.section, slots=store.slots_json(half.slots), starts=proposal.period.start,
            ends=proposal.period.end, is_over=False,
        )
    )  # fmt: skip
    step.say(
        PlacementConfirmed, half.half, proposal.territory,
        proposal=proposal.proposal, request=proposal.request, structure=half.structure, section=half.section,
        slots=half.slots, period=proposal.period, partial=proposal.partial, replaces=proposal.replaces, **dates,
    )  # fmt: skip


def _close(step: Step, proposal: Proposal, state: ProposalState, values: Mapping[str, object] = NOTHING_ELSE) -> bool:
    if not move(step, proposal, state, {**values, "ended_at": step.now}):
        return False
    store.drop_timers(step.tx, proposal.proposal)
    tasks.settle_all(step, proposal, "matcher", tasks.ENDED)
    store.touch_request(step.tx, proposal.request)
    if (expecting := halves.who_confirmed(proposal)) is not None:
        tasks.open_task(step, TaskKind.STRUCTURE_TO_TELL, proposal, detail=HAD_CONFIRMED, structure=expecting)
    return True


def _reopen(step: Step, proposal: Proposal) -> bool:
    """Give the hours back, once: the row that held them is deleted, and only who deletes it says so.

    Of a wave, the hours that nobody else in it asks for; of a shared week, those of both structures.
    """
    for half in halves.of(proposal):
        store.lock_section(step.tx, half.section)
    own = (t.holds.c.proposal == proposal.proposal) & ~t.holds.c.is_placement
    had_its_own = step.tx.execute(t.holds.delete().where(own).returning(t.holds.c.hold)).all()
    if freed := _freed(step, proposal, had_its_own=bool(had_its_own)):
        for section, slots in freed:
            step.say(
                PlaceReopened, proposal.proposal, proposal.territory,
                section=section, slots=slots, period=proposal.period,
            )  # fmt: skip
        urgent = proposal.kind is not VacancyKind.REGULAR
        for half in halves.of(proposal):
            declared_capacity.check_again(step, half.structure)
        step.mark_due(proposal.territory, "place.reopened", at_once=urgent)
    elif waves.is_going_on(step.tx, proposal.wave):
        step.mark_due(proposal.territory, "wave.left", at_once=True)  # the next of the list is asked
    _take_back_what_needed_it(step, proposal)
    return True


def _freed(step: Step, proposal: Proposal, *, had_its_own: bool) -> list[tuple[str, tuple[Slot, ...]]]:
    """Where hours come back, and which."""
    if had_its_own:
        return [(half.section, half.slots) for half in halves.of(proposal)]
    slots = waves.leave(step, proposal)
    return [(proposal.section, slots)] if slots else []


def _take_back_what_needed_it(step: Step, proposal: Proposal) -> None:
    """The child stays where it is: whoever was to follow it has heard nothing yet, and never will."""
    step.tx.execute(t.awaited.delete().where(t.awaited.c.proposal == proposal.proposal))
    for name in moving.waiting_for(step.tx, proposal.proposal):
        waiting = store.proposal(step.tx, name)
        if waiting is not None:
            withdraw(step, waiting, WithdrawalReason.NO_DEPARTURE)

"""A place found for a child becomes a proposal that holds its hours, whoever found it: a round or a counsellor."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from contracts.base import EVENT_IDS
from contracts.proposals import CountedPoints, ProposalMade
from contracts.vocabulary import Audience, Criterion, Period, ProposalState, Slot, TaskKind, VacancyKind
from services.calendar import answer_by, at, planned_answer_by
from services.matcher import lifecycle, store, tasks
from services.matcher import tables as t
from services.matcher.codes import free_code
from services.matcher.rules.capacity import overfull
from services.matcher.rules.proposals import leaves_by_itself
from services.matcher.solver.schema import Hold
from services.matcher.step import Step
from services.matcher.store import Proposal


class NoRoom(Exception):
    """The hours are held by somebody else by now. Whoever decided must decide again."""


@dataclass(frozen=True)
class Place:
    """What is offered to one request. `counted` are the criteria that gave it its rank."""

    territory: str
    round: str | None
    request: str
    family: str
    structure: str
    section: str
    kind: VacancyKind
    slots: tuple[Slot, ...]
    period: Period
    entitled_to: Audience
    tier: int
    points: int
    since: date
    reasons: tuple[CountedPoints, ...] = ()
    counted: frozenset[Criterion] = frozenset()
    rank: int | None = None
    urgent: bool = False
    to_prepare: bool = False
    held_by: str | None = None


def propose(step: Step, place: Place) -> Proposal:
    """Hold the hours and say so. Raises NoRoom if they no longer fit, once the section is locked.

    A proposal that needs nobody is released at once; the others wait for a person, with a task.
    """
    proposal_id = str(uuid.uuid5(EVENT_IDS, f"proposal/{place.request}/{step.cause}"))
    _hold(step, place, proposal_id)
    territory = store.territory_row(step.tx, place.territory)
    voted = territory is not None and territory["automatic_release"]
    alone = place.held_by is None and leaves_by_itself(place.kind, place.counted, voted)
    _write(step, place, proposal_id, needs_person=not alone)
    proposal = store.proposal(step.tx, proposal_id)
    assert proposal is not None  # noqa: S101 - written just above, in this transaction
    store.touch_request(step.tx, place.request)
    if alone:
        lifecycle.release(step, proposal, _limit(step, proposal), "policy")
    elif place.held_by is None:
        tasks.open_task(step, TaskKind.RELEASE, proposal)
    if place.to_prepare:
        tasks.open_task(step, TaskKind.TO_PREPARE, proposal)
    return proposal


def release(step: Step, proposal: Proposal, by: str, note: str = "") -> bool:
    """Let a prepared proposal leave, with the limit that the message will say."""
    return lifecycle.release(step, proposal, _limit(step, proposal), by, note)


def deadline_from(step: Step, proposal: Proposal, reached_at: datetime) -> datetime:
    """The real deadline once the family was reached: never before the limit that the message said."""
    end = answer_by(
        reached_at, proposal.kind, step.policy.delays, any_hour=proposal.urgent, before=care_begins(proposal)
    )  # fmt: skip
    return end if proposal.answer_by is None else max(end, proposal.answer_by)


def care_begins(proposal: Proposal) -> datetime:
    """When the child would first come: an answer is of no use afterwards."""
    first = min(_first_day(slot, proposal.period.start) for slot in proposal.slots)
    hour = min(slot.start for slot in proposal.slots if _first_day(slot, proposal.period.start) == first)
    return at(first, hour)


def _first_day(slot: Slot, start: date) -> date:
    if isinstance(slot.day, date):
        return slot.day
    return start + timedelta(days=(slot.day.number - start.weekday()) % 7)


def _limit(step: Step, proposal: Proposal) -> datetime:
    if proposal.kind is VacancyKind.REGULAR:
        return planned_answer_by(step.now, proposal.kind, step.policy.delays)
    return deadline_from(step, proposal, step.now)


def _hold(step: Step, place: Place, proposal_id: str) -> None:
    """Lock the section's row, count again, and only then hold."""
    store.lock_section(step.tx, place.section)
    own = t.vacancies.c.section == place.section
    vacancies = [store.as_vacancy(row) for row in store.open_vacancies(step.tx, own)]
    hold = Hold(
        id=proposal_id, section=place.section, slots=place.slots, period=place.period, entitled_to=place.entitled_to
    )
    if overfull(vacancies, store.holds(step.tx, t.holds.c.section == place.section), hold, step.now):
        raise NoRoom(f"section {place.section}")
    step.tx.execute(
        t.holds.insert().values(
            hold=proposal_id, territory=place.territory, section=place.section, proposal=proposal_id,
            is_placement=False, slots=store.slots_json(place.slots), starts=place.period.start, ends=place.period.end,
            units=1, entitled_to=place.entitled_to.value,
        )
    )  # fmt: skip


def _write(step: Step, place: Place, proposal_id: str, *, needs_person: bool) -> None:
    code = free_code(step.tx, place.territory, proposal_id)
    step.tx.execute(
        t.proposals.insert().values(
            proposal=proposal_id, territory=place.territory, round=place.round, request=place.request,
            family=place.family, structure=place.structure, section=place.section, kind=place.kind.value,
            slots=store.slots_json(place.slots), starts=place.period.start, ends=place.period.end, code=code,
            state=ProposalState.PREPARED.value, made_at=step.now, tier=place.tier, points=place.points,
            since=place.since, needs_person=needs_person, urgent=place.urgent, held_by=place.held_by, was_sent=False,
        )
    )  # fmt: skip
    step.say(
        ProposalMade, proposal_id, place.territory,
        round=place.round, request=place.request, family=place.family, structure=place.structure,
        section=place.section, slots=place.slots, period=place.period, kind=place.kind, code=code, tier=place.tier,
        points=place.points, reasons=place.reasons, rank=place.rank, needs_person=needs_person,
        to_prepare=place.to_prepare, held_by=place.held_by,
    )  # fmt: skip

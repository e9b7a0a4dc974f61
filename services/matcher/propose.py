"""A place found for a child becomes a proposal that holds its hours, whoever found it: a round or a counsellor."""

from __future__ import annotations

import uuid
from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date, datetime
from types import MappingProxyType

import sqlalchemy as sa

from contracts.base import EVENT_IDS
from contracts.proposals import CountedPoints, Half, ProposalMade
from contracts.vocabulary import (
    Audience,
    Criterion,
    Period,
    ProposalState,
    Slot,
    TaskKind,
    VacancyKind,
    WithdrawalReason,
)
from services.calendar import answer_by, local_day, planned_answer_by
from services.matcher import declared_capacity, endings, halves, lifecycle, moving, store, tasks, together, waves
from services.matcher import tables as t
from services.matcher.codes import free_code
from services.matcher.days_of_care import care_begins, days_are_counted, last_hour, useless_from
from services.matcher.moves import LAPSE
from services.matcher.moving import Departure
from services.matcher.needs import is_birth_unsure
from services.matcher.rules.capacity import overfull
from services.matcher.rules.proposals import leaves_by_itself
from services.matcher.solver.schema import Hold, Vacancy
from services.matcher.step import Step
from services.matcher.store import Proposal


class NoRoom(Exception):
    """The hours are held by somebody else by now. Whoever decided must decide again."""

    def __init__(self, section: str) -> None:
        super().__init__(f"section {section}")
        self.section = section


@dataclass(frozen=True)
class OtherPlace:
    """The days of a shared week that a second structure gives."""

    structure: str
    section: str
    slots: tuple[Slot, ...]
    entitled_to: Audience
    to_prepare: bool = False


@dataclass(frozen=True)
class Place:
    """What is offered to one request. `counted` are the criteria that gave it its rank. `by_person`: a person decided
    it, beside the list. `other`: a second structure gives the other days."""

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
    partial: bool = False
    replaces: str | None = None
    after: tuple[Departure, ...] = ()
    siblings: str | None = None
    wave: str | None = None
    asked_at_once: int = 1
    asked_as: int = 1
    by_person: bool = False
    other: OtherPlace | None = None

    @property
    def to_prepare_at(self) -> tuple[str, ...]:
        """The structures that prepare the child's care first."""
        own = (self.structure,) if self.to_prepare else ()
        return (*own, self.other.structure) if self.other is not None and self.other.to_prepare else own


def proposal_id(request: str, cause: str) -> str:
    """The name of what this cause proposes to this request."""
    return str(uuid.uuid5(EVENT_IDS, f"proposal/{request}/{cause}"))


def propose(step: Step, place: Place) -> Proposal:
    """Hold the hours and say so. Raises NoRoom if they no longer fit, once the section is locked.

    It does not leave here: see `offer`. What is proposed in a wave is held by the wave: see `propose_wave`.
    """
    name = proposal_id(place.request, step.cause)
    departs = _hold_all(step, place, name) if place.wave is None else set[str]()
    voted = _leaves_at_once(step, place.territory)
    alone = place.held_by is None and leaves_by_itself(place.kind, place.counted, bool(place.to_prepare_at), voted)
    proposal = _write(step, place, name, departs, needs_person=not alone)
    for structure in (place.structure, *([place.other.structure] if place.other is not None else [])):
        declared_capacity.check_again(step, structure)
    set_lapse(step, proposal)
    for structure in place.to_prepare_at:
        tasks.open_task(step, TaskKind.TO_PREPARE, proposal, structure=structure)
    return proposal


def _leaves_at_once(step: Step, territory: str) -> bool:
    """True where the territory has voted that proposals leave by themselves."""
    known = step.sheet.releases
    if territory not in known:
        row = store.territory_row(step.tx, territory)
        known[territory] = row is not None and row["automatic_release"]
    return known[territory]


def propose_wave(
    step: Step, places: Sequence[Place], hold: Hold, wave: str | None = None, before: int = 0, gone: int = 0
) -> list[Proposal]:  # fmt: skip
    """Hold one place for several families, in the order in which they are asked. Raises NoRoom, as `propose` does.

    A `wave` that goes on asks `before` families already, and holds what these ask for with them; `gone` have left it.
    """
    wave = wave or waves.wave_name(places[0].request, step.cause)
    if not waves.hold_once(step, places[0].territory, hold.model_copy(update={"id": wave})):
        raise NoRoom(hold.section)
    asked, number = enumerate(places, start=gone + before + 1), before + len(places)
    return [propose(step, replace(place, wave=wave, asked_at_once=number, asked_as=n)) for n, place in asked]


def offer(step: Step, proposal: Proposal) -> None:
    """Let it leave by itself, or put it on the list of what a person releases, unless it waits for a departure.

    Of siblings nobody's leaves by itself while a person has to look at the other's.
    """
    if _waits(step, proposal):
        return
    if not any(row.needs_person for row in [proposal, *together.beside(step, proposal)]):
        release(step, proposal, "policy")
    elif proposal.held_by is None:
        tasks.open_task(step, TaskKind.RELEASE, proposal)


def release(step: Step, proposal: Proposal, by: str, note: str = "") -> bool:
    """Let a prepared proposal leave, with the limit that the message will say.

    Days of care that have begun by now can not be offered any more. While a birth is to be confirmed, or the child who
    has the place now has not moved, nothing leaves. What is proposed to the child's siblings leaves with it.
    """
    if proposal.state not in (ProposalState.PREPARED, ProposalState.HELD) or _waits(step, proposal):
        return False
    others = together.beside(step, proposal)
    if not _release(step, proposal, by, note):
        return False
    for other in others:
        _release(step, other, by, note)
    return True


def _waits(step: Step, proposal: Proposal) -> bool:
    """True while a child has to leave its place first, for this one or for a sibling's."""
    return any(moving.awaits(step, row.proposal) for row in [proposal, *together.beside(step, proposal)])


def _release(step: Step, proposal: Proposal, by: str, note: str) -> bool:
    if days_are_counted(proposal) and care_begins(proposal) <= step.now:
        return endings.withdraw(step, proposal, WithdrawalReason.PERIOD_OVER)
    if birth_is_unsure(step, proposal.request):
        tasks.open_task(step, TaskKind.BIRTH_TO_CONFIRM, territory=proposal.territory, request=proposal.request)
        return False
    return lifecycle.release(step, proposal, _limit(step, proposal), by, note)


def birth_is_unsure(step: Step, request: str) -> bool:
    """The due date is past and nobody has said that the child is born: the guichet calls, no text leaves."""
    if request in step.sheet.needs:
        return is_birth_unsure(step.sheet.needs[request], local_day(step.now))
    row = store.request_row(step.tx, request)
    return row is not None and bool(row["need"]) and is_birth_unsure(store.need(row), local_day(step.now))


def set_lapse(step: Step, proposal: Proposal) -> None:
    """When it is of no use any more: as single days begin, with the grace for answers on their way; as weeks end."""
    due = care_begins(proposal) + step.policy.grace if days_are_counted(proposal) else last_hour(proposal)
    if due is not None:
        step.set_timer(LAPSE, proposal.proposal, proposal.territory, due)


def deadline_from(step: Step, proposal: Proposal, reached_at: datetime) -> datetime:
    """The real deadline once the family was reached: never before the limit that the message said.

    A receipt from a clock that is ahead counts from now.
    """
    start = min(reached_at, step.now)
    end = answer_by(
        start, proposal.kind, step.policy.delays, any_hour=proposal.urgent, before=useless_from(proposal)
    )  # fmt: skip
    return end if proposal.answer_by is None else max(end, proposal.answer_by)


def _limit(step: Step, proposal: Proposal) -> datetime:
    if proposal.kind is VacancyKind.REGULAR:
        return planned_answer_by(step.now, proposal.kind, step.policy.delays)
    return deadline_from(step, proposal, step.now)


def _hold_all(step: Step, place: Place, name: str) -> set[str]:
    """Hold the place, or both places of a shared week. Returns the proposals whose children must move first."""
    departs = _hold(step, place, name, name)
    if place.other is not None:
        own = replace(
            place, structure=place.other.structure, section=place.other.section, slots=place.other.slots,
            entitled_to=place.other.entitled_to,
        )  # fmt: skip
        departs |= _hold(step, own, halves.name_of_other(name), name)
    moving.await_departures(step, name, departs)
    return departs


def _hold(step: Step, place: Place, name: str, proposal: str) -> set[str]:
    """Lock the section's row, count again, and only then hold. Returns the proposals whose children must move first."""
    shelf = step.shelf(place.section)
    if shelf is None:
        raise NoRoom(place.section)
    hold = Hold(id=name, section=place.section, slots=place.slots, period=place.period, entitled_to=place.entitled_to)
    own = () if place.replaces is None else (Departure(name, place.replaces, place.period.start),)
    lent = moving.loans(step, hold, [*own, *place.after])
    held = [*shelf.held, *(loan.as_hold(hold) for loan in lent)]
    fits = not overfull(shelf.places, held, hold, step.now)
    if not fits or not _is_on_call_if_it_must(place, shelf.places, held, hold, step):
        raise NoRoom(place.section)
    step.insert(t.holds, {
        "hold": name, "territory": place.territory, "section": place.section, "proposal": proposal,
        "is_placement": False,
        "slots": store.slots_json(place.slots), "starts": place.period.start, "ends": place.period.end, "units": 1,
        "entitled_to": place.entitled_to.value, "lent_by": None, "forced": place.request if place.by_person else None,
    })  # fmt: skip
    moving.note_loans(step, hold, place.territory, lent, proposal)
    shelf.held = [*held, hold]
    return {loan.departure.proposal for loan in lent} - {name}


def _is_on_call_if_it_must(
    place: Place, places: list[Vacancy], held: list[Hold], hold: Hold, step: Step
) -> bool:  # fmt: skip
    """What is confirmed under an agreement sits on on-call places only, never on those that a round shares out."""
    if place.kind is not VacancyKind.ON_CALL:
        return True
    kept = [v for v in places if v.kind is VacancyKind.ON_CALL and v.audience_at(step.now) is not Audience.EVERYBODY]
    on_call = [h for h in held if h.entitled_to is Audience.URGENT_INSERTION]
    return not overfull(kept, on_call, hold, step.now)


def _write(step: Step, place: Place, name: str, departs: set[str], *, needs_person: bool) -> Proposal:
    half = _other_half(place, name)
    code = step.sheet.codes.get(name) or free_code(step.tx, place.territory, name)
    row = {
        **NOTHING_YET, "proposal": name, "territory": place.territory, "round": place.round, "request": place.request,
        "family": place.family, "structure": place.structure, "section": place.section, "kind": place.kind.value,
        "slots": store.slots_json(place.slots), "starts": place.period.start, "ends": place.period.end, "code": code,
        "state": ProposalState.PREPARED.value, "made_at": step.now, "tier": place.tier, "points": place.points,
        "since": place.since, "needs_person": needs_person, "urgent": place.urgent, "held_by": place.held_by,
        "was_sent": False, "partial": place.partial, "replaces": place.replaces, "siblings": place.siblings,
        "wave": place.wave, "other_half": half.model_dump(mode="json") if half else None,
        "other_section": half.section if half else None,
    }  # fmt: skip
    step.propose(row)
    step.say(
        ProposalMade, name, place.territory,
        round=place.round, request=place.request, family=place.family, structure=place.structure,
        section=place.section, slots=place.slots, period=place.period, kind=place.kind, code=code, tier=place.tier,
        points=place.points, reasons=place.reasons, rank=place.rank, needs_person=needs_person,
        to_prepare=place.to_prepare, held_by=place.held_by, partial=place.partial, replaces=place.replaces,
        keeps_place=_keeps_place(step, place), after=tuple(sorted(departs)), siblings=place.siblings,
        wave=place.wave, asked_at_once=place.asked_at_once, asked_as=place.asked_as, other_half=half,
    )  # fmt: skip
    return store.as_proposal(row)


NOTHING_YET = MappingProxyType(dict.fromkeys(column.name for column in t.proposals.c))
"""Every column of a proposal of which nothing is known."""


def _other_half(place: Place, proposal_id: str) -> Half | None:
    if place.other is None:
        return None
    name, other = halves.name_of_other(proposal_id), place.other
    return Half(
        half=name, structure=other.structure, section=other.section, slots=other.slots, to_prepare=other.to_prepare
    )  # fmt: skip


def _keeps_place(step: Step, place: Place) -> bool:
    """True for a child whose own place goes on beyond the first day of this one."""
    if place.replaces is None:
        return False
    later = t.holds.c.ends.is_(None) | (t.holds.c.ends > place.period.start)
    own = sa.select(t.holds.c.hold).where(t.holds.c.hold == place.replaces, later)
    return step.tx.scalar(own) is not None

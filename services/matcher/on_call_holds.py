"""A counsellor's hold on an on-call place, as the place to propose."""

from __future__ import annotations

import sqlalchemy as sa

from contracts.proposals import CountedPoints
from contracts.replies import HoldRequested
from contracts.vocabulary import Audience, AwardMode, Period, VacancyKind
from services.matcher import needs, reading, store
from services.matcher import tables as t
from services.matcher.propose import Place
from services.matcher.step import Step


def on_call_place(step: Step, event: HoldRequested) -> Place:
    """The place that the counsellor asks to keep. Raises CannotHold with the reason where it may not be given."""
    row = store.request_row(step.tx, event.request)
    if row is None or row["state"] != store.WAITING:
        raise needs.CannotHold("Cette demande n'attend plus de place.")
    if store.live_proposals(step.tx, t.proposals.c.request == event.request):
        raise needs.CannotHold("Cette demande a déjà une proposition en cours.")
    need = store.need(row)
    context = reading.context(step.tx, event.territory, step.policy, step.now)
    needs.check_hold(event, need, context.agreements, context)
    structure = _awarding_structure(step.tx, event.section)
    request = needs.as_request(event.request, need, row["goes_first"], context)
    if structure is None:
        raise needs.CannotHold("Cette section n'accueille pas par le guichet.")
    if request is None or not needs.is_to_come(need, event.pattern, step.now):
        raise needs.CannotHold(needs.missing(need, step.now) or "Ces dates sont passées.")
    lines = needs.counted_at(request, structure)
    slots = needs.hours_of_care(need, event.pattern)
    return Place(
        territory=event.territory, round=None, request=event.request, family=row["family"], structure=structure,
        section=event.section, kind=VacancyKind.ON_CALL, slots=slots,
        period=Period(start=request.period.start, end=request.period.end), entitled_to=Audience.URGENT_INSERTION,
        tier=request.tier, points=sum(line.points for line in lines), since=need.since,
        reasons=tuple(CountedPoints(**line.model_dump()) for line in lines),
        counted=needs.criteria_behind(need, lines), urgent=need.urgent_sms_agreed, held_by=event.by,
    )  # fmt: skip


def _awarding_structure(tx: sa.Connection, section: str) -> str | None:
    """The structure of an open section whose places are given by this procedure."""
    awarded = sa.select(t.structures.c.structure).where(t.structures.c.award_mode == AwardMode.AWARDED.value)
    own = (t.sections.c.section == section, t.sections.c.is_open, t.sections.c.structure.in_(awarded))
    return tx.scalar(sa.select(t.sections.c.structure).where(*own))

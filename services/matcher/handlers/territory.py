"""The territory, its structures and their on-call agreements."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime

import sqlalchemy as sa

from contracts.base import Event
from contracts.structures import AgreementEnded, AgreementSigned, SectionFacts, StructurePublished
from contracts.territories import TerritoryPublished
from contracts.vocabulary import TaskKind
from services.bus.retries import WrongEvent
from services.calendar import local_day
from services.matcher import declared_capacity, halves, store, tasks
from services.matcher import tables as t
from services.matcher.near import keep_travel
from services.matcher.policy import policy_in_force
from services.matcher.step import Step
from services.matcher.store import Proposal


def step_for(tx: sa.Connection, event: Event, now: datetime) -> Step:
    """The step that `event` causes, under the rules that its territory has today."""
    row = store.territory_row(tx, event.territory, lock=True)
    if row is None:
        raise WrongEvent(f"le territoire {event.territory} n'est pas publié : publiez-le d'abord (territory.published)")
    policy = policy_in_force(row["policy"], local_day(now))
    return Step(tx, now, event.id, policy, locked={event.territory: row})


def known(tx: sa.Connection, proposal_id: str) -> Proposal:
    """The proposal that an event names. Raises WrongEvent where there is none."""
    proposal = store.proposal(tx, proposal_id)
    if proposal is None:
        raise WrongEvent(f"la proposition {proposal_id} est inconnue")
    return proposal


def on_territory_published(tx: sa.Connection, event: TerritoryPublished, now: datetime) -> None:
    try:
        policy_in_force(event.policy, local_day(now))
    except (FileNotFoundError, LookupError) as error:
        raise WrongEvent(f"la politique {event.policy} n'existe pas ou n'est pas encore en vigueur") from error
    values = {
        "policy": event.policy,
        "automatic_release": event.automatic_release,
        "quiet_seconds": event.round_quiet_seconds,
    }
    known = store.territory_row(tx, event.territory)
    if known is None:
        tx.execute(t.territories.insert().values(territory=event.territory, due_marks=0, **values))
    else:
        tx.execute(t.territories.update().where(t.territories.c.territory == event.territory).values(**values))
    is_far_otherwise = keep_travel(tx, event.territory, event.travel)
    if known is not None and (is_far_otherwise or known["policy"] != event.policy):
        store.read_anew(tx, event.territory)  # a round that is being computed rests on what holds no more
    store.mark_due(tx, event.territory, now, event.type)


def on_structure_published(tx: sa.Connection, event: StructurePublished, now: datetime) -> None:
    step = step_for(tx, event, now)
    values = {
        "territory": event.territory,
        "award_mode": event.award_mode.value,
        "commune": event.commune,
        "prepared_support": event.prepared_support,
        "support_until": event.support_until,
        "manager": event.manager,
        "avip": event.avip,
        "capacity": event.capacity,
        "insertion_children": event.insertion_children,
        "premises": declared_capacity.premises_of(event),
        "name": event.name,
    }
    _put(tx, t.structures, {"structure": event.subject}, values)
    for section in event.sections:
        _put_section(tx, event, section)
    _close_other_sections(step, event)
    declared_capacity.check(step, event.subject)
    step.mark_due(event.territory, event.type)


def _put_section(tx: sa.Connection, event: StructurePublished, section: SectionFacts) -> None:
    facts = {
        "structure": event.subject,
        "territory": event.territory,
        "age_from_months": section.age_from_months,
        "age_to_months": section.age_to_months,
        "starts_per_week": section.starts_per_week,
        "is_open": True,
    }
    if not store.lock_section(tx, section.section):
        tx.execute(t.sections.insert().values(section=section.section, version=0, **facts))
    else:
        tx.execute(t.sections.update().where(t.sections.c.section == section.section).values(**facts))


def _close_other_sections(step: Step, event: StructurePublished) -> None:
    """A section that the structure no longer names takes nobody any more; of what it had promised, a person decides."""
    named = [section.section for section in event.sections]
    own = (t.sections.c.structure == event.subject, t.sections.c.is_open, t.sections.c.section.not_in(named))
    for section in list(step.tx.scalars(sa.select(t.sections.c.section).where(*own).order_by(t.sections.c.section))):
        store.lock_section(step.tx, section)
        step.tx.execute(t.sections.update().where(t.sections.c.section == section).values(is_open=False))
        if store.live_proposals(step.tx, halves.in_section(section)):
            detail = "Une section est fermée. Des propositions y sont en cours."
            tasks.open_task(step, TaskKind.SHORTFALL, territory=event.territory, structure=event.subject, detail=detail)


def on_agreement_signed(tx: sa.Connection, event: AgreementSigned, now: datetime) -> None:
    step = step_for(tx, event, now)
    facts = {
        "territory": event.territory,
        "section": event.section,
        "facts": event.model_dump(mode="json"),
        "ended": False,
    }
    store.lock_section(tx, event.section)
    _put(tx, t.agreements, {"agreement": event.subject}, facts)
    step.mark_due(event.territory, event.type)


def on_agreement_ended(tx: sa.Connection, event: AgreementEnded, now: datetime) -> None:
    """Nothing new rests on it, and what was offered under it is confirmed by the structure, not by the OUI alone."""
    step_for(tx, event, now)
    own = t.agreements.c.agreement == event.subject
    for section in list(tx.scalars(sa.select(t.agreements.c.section).where(own))):
        store.lock_section(tx, section)
    tx.execute(t.agreements.update().where(own).values(ended=True))


def _put(tx: sa.Connection, table: sa.Table, key: dict[str, str], values: Mapping[str, object]) -> None:
    """The row as it is now, whether or not it was there."""
    ((name, value),) = key.items()
    if tx.execute(table.update().where(table.c[name] == value).values(**values)).rowcount == 0:
        tx.execute(table.insert().values(**key, **values))

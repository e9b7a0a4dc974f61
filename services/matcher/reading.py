"""Everything that a round may look at, read in one snapshot and put in canonical order."""

from __future__ import annotations

import uuid
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa

from contracts.base import EVENT_IDS
from contracts.requests import NeedFacts
from contracts.structures import AgreementSigned
from contracts.vocabulary import LIVE, AwardMode, VacancyKind
from services.calendar import local_day
from services.matcher import needs, store
from services.matcher import tables as t
from services.matcher.policy import Policy, policy_in_force
from services.matcher.rules.proposals import is_still_free
from services.matcher.solver.schema import Round, Section, Support


@dataclass(frozen=True)
class Loaded:
    """What one snapshot said, and the versions by which a later change is seen."""

    round: Round
    policy: Policy
    needs: dict[str, NeedFacts]
    families: dict[str, str]
    sections: dict[str, int]
    requests: dict[str, int]
    marks: int
    trigger: str


def load(tx: sa.Connection, territory: str, now: datetime) -> Loaded | None:
    """Everything that a round of `territory` may look at, in canonical order."""
    row = store.territory_row(tx, territory)
    if row is None:
        return None
    policy = policy_in_force(row["policy"], local_day(now))
    sections, section_versions = _sections(tx, territory)
    vacancies = [
        v for v in store.open_vacancies(tx, t.vacancies.c.territory == territory) if v["section"] in section_versions
    ]
    waiting = _waiting(tx, territory)
    own_needs = {r["request"]: store.need(r) for r in waiting}
    read_against = context(tx, territory, policy, now)
    asked = [needs.as_request(r["request"], own_needs[r["request"]], r["goes_first"], read_against) for r in waiting]
    return Loaded(
        round=Round(
            id=str(uuid.uuid5(EVENT_IDS, f"round/{territory}/{now.isoformat()}/{row['due_marks']}")),
            territory=territory,
            instant=now,
            policy=policy.rules,
            sections=tuple(sections),
            vacancies=tuple(store.as_vacancy(v) for v in vacancies if _is_believed(v, policy, now)),
            requests=tuple(request for request in asked if request is not None),
            holds=tuple(h for h in store.holds(tx, t.holds.c.territory == territory) if h.section in section_versions),
            support=_support(tx, territory),
        ),
        policy=policy,
        needs=own_needs,
        families={r["request"]: r["family"] for r in waiting},
        sections=section_versions,
        requests={r["request"]: r["version"] for r in waiting},
        marks=row["due_marks"],
        trigger=row["due_because"] or "asked",
    )


def context(tx: sa.Connection, territory: str, policy: Policy, now: datetime) -> needs.Context:
    """What the territory's needs are read against."""
    return needs.Context(policy, now, _agreements(tx, territory), _communes(tx, territory))


def _sections(tx: sa.Connection, territory: str) -> tuple[list[Section], dict[str, int]]:
    """Sections of the structures whose places are awarded, and their versions."""
    awarded = sa.select(t.structures.c.structure).where(
        t.structures.c.territory == territory, t.structures.c.award_mode == AwardMode.AWARDED.value
    )
    rows = tx.execute(sa.select(t.sections).where(t.sections.c.structure.in_(awarded)).order_by(t.sections.c.section))
    sections, versions = [], {}
    for row in rows.mappings():
        versions[row["section"]] = row["version"]
        sections.append(
            Section(
                id=row["section"],
                structure=row["structure"],
                age_from_months=row["age_from_months"],
                age_to_months=row["age_to_months"],
            )
        )
    return sections, versions


def _is_believed(row: sa.RowMapping, policy: Policy, now: datetime) -> bool:
    """A regular place that nobody confirmed for days, or an occasional one not confirmed today, leaves with nobody."""
    if row["ends"] is not None and row["ends"] <= local_day(now):
        return False
    kind = VacancyKind(row["kind"])
    if kind is VacancyKind.OCCASIONAL:
        return row["confirmed_at"] is not None and local_day(row["confirmed_at"]) == local_day(now)
    return is_still_free(kind, row["confirmed_at"], now, policy.regular_believed_for)


def _waiting(tx: sa.Connection, territory: str) -> list[sa.RowMapping]:
    """Requests that wait and have no live proposal."""
    busy = sa.select(t.proposals.c.request).where(t.proposals.c.state.in_(LIVE))
    query = sa.select(t.requests).where(
        t.requests.c.territory == territory, t.requests.c.state == store.WAITING, t.requests.c.request.not_in(busy)
    )
    return list(tx.execute(query.order_by(t.requests.c.request)).mappings())


def _agreements(tx: sa.Connection, territory: str) -> list[AgreementSigned]:
    query = sa.select(t.agreements.c.facts).where(t.agreements.c.territory == territory, ~t.agreements.c.ended)
    return [AgreementSigned.model_validate(facts) for facts in tx.scalars(query.order_by(t.agreements.c.agreement))]


def _communes(tx: sa.Connection, territory: str) -> dict[str, str]:
    query = sa.select(t.structures.c.structure, t.structures.c.commune).where(t.structures.c.territory == territory)
    return {row.structure: row.commune for row in tx.execute(query)}


def _support(tx: sa.Connection, territory: str) -> tuple[Support, ...]:
    query = sa.select(t.structures.c.structure, t.structures.c.prepared_support).where(
        t.structures.c.territory == territory, t.structures.c.prepared_support.is_not(None)
    )
    rows = tx.execute(query.order_by(t.structures.c.structure))
    return tuple(Support(structure=row.structure, children=row.prepared_support) for row in rows)

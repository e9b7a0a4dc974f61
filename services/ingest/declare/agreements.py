"""On-call agreements: whom a structure takes in on call, agreed before any emergency."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from typing import Annotated, Any

import sqlalchemy as sa
from pydantic import Field

from contracts.structures import AgreementEnded, AgreementSigned
from contracts.vocabulary import Id
from services.ingest import store
from services.ingest.access import Doing, Thing, require
from services.ingest.actors import Act
from services.ingest.audited import declared
from services.ingest.declare.bodies import Body, check_not_too_far, check_range
from services.ingest.declare.territories import require_published
from services.ingest.problems import Problem, conflict, refuse_if, unknown


class AgreementBody(Body):
    """What the structure agreed to, for one section."""

    section: Id
    notice_hours: Annotated[float, Field(ge=0, le=168)]
    age_from_months: Annotated[int, Field(ge=0, le=216)]
    age_to_months: Annotated[int, Field(ge=0, le=216)]
    days_per_child: Annotated[int, Field(ge=1, le=366)]
    valid_until: date


def sign_agreement(tx: sa.Connection, act: Act, body: AgreementBody) -> str:
    """Keep the agreement and say it. Returns its id."""
    section = section_named(tx, act, body.section)
    require(act.actor, Doing.SIGN_AGREEMENT, Thing(act.territory, structure=section["structure"]))
    refuse_if(_problems(act, body))
    id_ = act.new_id("A")
    facts = {**body.model_dump(), "structure": section["structure"], "agreed_by": act.actor.id}
    store.put(tx, store.agreements, {"id": id_, "territory": act.territory, "signed_at": act.now, **facts})
    declared(tx, act, act.say(AgreementSigned, id_, **facts))
    return id_


def end_agreement(tx: sa.Connection, act: Act, agreement: Id) -> None:
    """No on-call place rests on it any more. Proposals that were made stay."""
    row = store.find(tx, store.agreements, agreement)
    if row is None or row["territory"] != act.territory:
        raise unknown("agreement", "cet accord")
    require(act.actor, Doing.SIGN_AGREEMENT, Thing(act.territory, structure=row["structure"]))
    if row["ended_at"] is not None:
        raise conflict("agreement", "already_ended", "Cet accord a déjà pris fin.", "Il n'y a rien à faire.")
    store.update(tx, store.agreements, agreement, ended_at=act.now)
    declared(tx, act, act.say(AgreementEnded, agreement, structure=row["structure"]))


def section_named(tx: sa.Connection, act: Act, section: str, field: str = "section") -> dict[str, Any]:
    """The section of the actor's territory that is still published. Raises Refused."""
    return published(tx, act, store.find(tx, store.sections, section), field)


def published(
    tx: sa.Connection, act: Act, row: dict[str, Any] | None, field: str = "section"
) -> dict[str, Any]:  # fmt: skip
    """The same for a row that was read already."""
    if row is None:
        require_published(tx, act)
    if row is None or row["closed"] or row["territory"] != act.territory:
        raise unknown(field, "cette section")
    return row


def _problems(act: Act, body: AgreementBody) -> Iterator[Problem]:
    yield from check_range(body.age_from_months, body.age_to_months, "age_to_months")
    yield from check_not_too_far(body.valid_until, act.today, "valid_until")
    if body.valid_until < act.today:
        rule = "La fin de l'accord n'est pas dans le passé."
        yield Problem("valid_until", "in_the_past", rule, "Indiquez une date à venir.")

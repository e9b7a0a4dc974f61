"""On-call agreements: what a structure agreed to before any emergency, signed by its director, or by the guichet.

The director sees and signs the structure's own, the coordinator all; who may is asked of `access`, as everywhere.
"""

from __future__ import annotations

from itertools import groupby
from typing import Any

import sqlalchemy as sa
from fastapi.responses import Response

from contracts.vocabulary import AwardMode
from services.ingest import store
from services.ingest.actors import Act, Role
from services.ingest.declare.agreements import AgreementBody, end_agreement, sign_agreement
from services.ingest.pages.forms import Form, body
from services.ingest.pages.visit import Visit, get, post
from services.ingest.pages.wording import in_order
from services.ingest.problems import Refused, unknown
from services.ingest.queries import directory
from services.ingest.queries.agreements import agreements_in_force

WHO = (Role.STRUCTURE, Role.COORDINATOR)
FIELDS = {
    "section": "section",
    "age_from_months": "age_de",
    "age_to_months": "age_a",
    "notice_hours": "preavis",
    "days_per_child": "jours",
    "valid_until": "fin",
    "": "section",
}
"""Where the form shows what `sign_agreement` refuses."""


async def in_force(visit: Visit) -> Response:
    """The agreements in force, structure by structure."""
    found = await visit.read(agreements_in_force, visit.actor, visit.now)
    order = sorted(found, key=lambda row: (in_order(row["structure_name"]), row["structure"], row["valid_until"]))
    structures = [list(rows) for _, rows in groupby(order, key=lambda row: row["structure"])]
    return visit.show("agreements/list.html", structures=structures, number=len(found))


async def empty_form(visit: Visit) -> Response:
    sections = await _sections(visit)
    only = sections[0]["id"] if len(sections) == 1 else None
    return await _form(visit, Form.filled(section=only))


async def signed(visit: Visit) -> Response:
    form = await visit.form()
    try:
        wanted = await _body(visit, form)
        await visit.write(_sign_once, visit.act(cause=form.once), wanted)
    except Refused as refused:
        return await _form(visit, form.refused(refused, FIELDS), 422)
    return visit.go("/astreinte", "accord")


async def end_form(visit: Visit) -> Response:
    """What ending it means, before it is done."""
    return visit.show("agreements/end.html", row=await _row(visit))


async def ended(visit: Visit) -> Response:
    row = await _row(visit)
    await visit.write(end_agreement, visit.act(), row["agreement"])
    return visit.go("/astreinte", "accord_fini")


def _sign_once(tx: sa.Connection, act: Act, wanted: AgreementBody) -> None:
    """Sign it unless this very act was done: a form sent twice signs one agreement."""
    id_ = act.new_id("A")
    store.one_at_a_time(tx, id_)
    if store.find(tx, store.agreements, id_) is None:
        sign_agreement(tx, act, wanted)


async def _body(visit: Visit, form: Form) -> AgreementBody:
    """The agreement that a form says; without ages, those of the section. Raises Refused with all that is wrong."""
    section = next((row for row in await _sections(visit) if row["id"] == form["section"]), None)
    if section is None:
        form.fault("section", "section_wanted", "Il manque la section.", "Choisissez une section.")
    notice = form.number("preavis", "Le préavis en heures", 0, 168)
    days = form.number("jours", "Le nombre de jours", 1, 366)
    last_day = form.day("fin", "la fin de l'accord")
    ages = {name: _months(form, field, name, section) for field, name in _AGES.items()}
    form.check()
    facts = {"notice_hours": notice, "days_per_child": days, "valid_until": last_day}
    return body(AgreementBody, section=form["section"], **facts, **ages)


_AGES = {"age_de": "age_from_months", "age_a": "age_to_months"}


def _months(form: Form, field: str, name: str, section: dict[str, Any] | None) -> int:
    if not form[field]:
        return int(section[name]) if section is not None else 0
    return form.number(field, "L'âge en mois", 0, 216)


async def _sections(visit: Visit) -> list[dict[str, Any]]:
    """The sections that the visitor may sign for, each with its structure's name."""
    rows = await visit.read(directory.directory, visit.actor.territory)
    awarding = [row for row in rows if row["award_mode"] == AwardMode.AWARDED]
    mine = [row for row in awarding if visit.actor.structure in (None, row["structure"])]
    named = sorted(mine, key=lambda row: in_order(row["name"]))
    return [{**section, "structure_name": row["name"]} for row in named for section in row["sections"]]


async def _row(visit: Visit) -> dict[str, Any]:
    """An agreement in force that the visitor sees. Raises Refused."""
    found = await visit.read(agreements_in_force, visit.actor, visit.now)
    row = next((row for row in found if row["agreement"] == visit.path("agreement")), None)
    if row is None:
        raise unknown("", "cet accord")
    return row


async def _form(visit: Visit, form: Form, status: int = 200) -> Response:
    whole = visit.actor.role is Role.COORDINATOR
    options = [
        (row["id"], f"{row['structure_name']}, {row['name']}" if whole else row["name"])
        for row in await _sections(visit)
    ]
    return visit.show("agreements/sign.html", status, form=form, sections=options)


PAGES = (
    get("/astreinte", in_force, *WHO),
    get("/astreinte/signer", empty_form, *WHO),
    post("/astreinte/signer", signed, *WHO),
    get("/astreinte/{agreement}/terminer", end_form, *WHO),
    post("/astreinte/{agreement}/terminer", ended, *WHO),
)

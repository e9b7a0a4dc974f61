"""Changing a request: its whole need in one form, a last look at what changes, then the amendment.

The same form for the guichet and for a counsellor; what each may change is said in `amended_needs` and checked again
by `declare`. Contacts are changed apart: they are in the vault.
"""

from __future__ import annotations

from typing import Any

from fastapi.responses import Response

from contracts.vocabulary import HEALTH_CRITERIA, WEEKDAYS, Criterion, ProposalState
from services.calendar import local_day
from services.ingest.actors import Role
from services.ingest.declare.needs import NeedBody
from services.ingest.declare.requests import (
    amend_request,
    changed_meanwhile,
    check_amendment,
    need_of,
    open_request,
    version_of,
)
from services.ingest.pages import amended_needs as amended
from services.ingest.pages import need_forms as needs
from services.ingest.pages import notices, wishes
from services.ingest.pages.forms import Form, body
from services.ingest.pages.visit import Visit, get, post
from services.ingest.people import with_people
from services.ingest.problems import Refused
from services.ingest.queries import requests
from services.ingest.queries.directory import named_structures

FIELDS = {
    **needs.FIELDS,
    "file_complete": "complet",
    "request": "version",
    "": "version",
}
"""Where the form shows what an amendment refuses; days with their hours stand where the kind of need has them."""

VERSION = "version"
"""The hidden field that says which state of the request the form shows."""


async def empty_form(visit: Visit) -> Response:
    """The need as it stands, ready to be changed."""
    row = await _row(visit)
    form = amended.shown(_need(row), visit.actor.role)
    form.values[VERSION] = [version_of(row)]
    return await _form(visit, row, form)


async def sent(visit: Visit) -> Response:
    """Check, show what changes for a last look, then amend."""
    form, row = await visit.form(), await _row(visit)
    if form["etape"] in needs.REOPENS:
        return await _form(visit, row, form)
    before = _need(row)
    try:
        wanted = _wanted(form, row, visit.actor.role)
        if form["etape"] == needs.WRITE and wanted == before:
            return await _done(visit, row, wanted)  # the same form, sent twice
        _check_fresh(form, row, wanted, before)
        await visit.read(check_amendment, visit.act(), row["id"], wanted)
        if form["etape"] == needs.WRITE:
            await visit.write(amend_request, visit.act(), row["id"], wanted, form[VERSION])
            return await _done(visit, row, wanted)
    except Refused as refused:
        days = "jours" if not before.kind.is_weekly else amended.day_fields(WEEKDAYS[0])[0]
        return await _form(visit, row, form.refused(refused, {**FIELDS, **wishes.faults(form), "patterns": days}), 422)
    return await _last_look(visit, form, before, wanted)


async def _done(visit: Visit, row: dict[str, Any], wanted: NeedBody) -> Response:
    notice = await notices.of_request(visit, "modifiee", wanted, local_day(row["registered_at"]))
    return visit.go(_file(visit), notice)


def _wanted(form: Form, row: dict[str, Any], role: Role) -> NeedBody:
    facts = amended.read(form, _need(row), role)
    form.check()
    return body(NeedBody, **facts)


def _check_fresh(form: Form, row: dict[str, Any], wanted: NeedBody, before: NeedBody) -> None:
    """Nobody overwrites what somebody else wrote meanwhile, and nobody writes nothing. Raises Refused."""
    if form[VERSION] != version_of(row):
        raise changed_meanwhile()
    if wanted == before:
        form.fault(VERSION, "nothing_changed", "Rien n'est modifié.", "Changez un point, ou revenez au dossier.")
    form.check()


async def _form(visit: Visit, row: dict[str, Any], form: Form, status: int = 200) -> Response:
    before, role = _need(row), visit.actor.role
    return visit.show(
        "layout/amend.html",
        status,
        form=form,
        view=await _view(visit, row),
        need=before,
        options=await needs.options(visit),
        week=[(day.label.capitalize(), *amended.day_fields(day)) for day in amended.days_shown(before)],
        is_weekly=before.kind.is_weekly,
        rows=wishes.rows(form),
        criteria=await _criteria(visit, before, role),
        back=_file(visit),
    )


async def _last_look(visit: Visit, form: Form, before: NeedBody, wanted: NeedBody) -> Response:
    view = await _view(visit, await _row(visit))
    options = await needs.options(visit)
    return visit.show(
        "layout/amended.html",
        form=form,
        view=view,
        before=before,
        wanted=wanted,
        changed=amended.changes(dict(before), dict(wanted)),
        structures={**dict(options["structures"]), **await _names(visit, before)},
        communes=dict(options["communes"]),
        has_proposal=any(ProposalState(made["state"]).is_live for made in view["proposals"]),
        back=_file(visit),
    )


async def _criteria(visit: Visit, need: NeedBody, role: Role) -> dict[str, list[tuple[str, str]]]:
    """The boxes of each list, and what is kept because it is not for this role to change."""
    plain = [(c.value, c.label) for c in Criterion if c is not Criterion.DISABILITY]
    names = await _names(visit, need)
    local = [(amended.name_of(line), _label(line, names)) for line in need.criteria if line.structure]
    declared = {amended.name_of(line) for line in need.criteria if not line.validated}
    if role is Role.COORDINATOR:
        every = [*plain, *local]
        return {"verified": every, "declared": [row for row in every if row[0] in declared], "kept": []}
    kept = [line for line in need.criteria if line.validated and line.criterion not in HEALTH_CRITERIA]
    taken = {amended.name_of(line) for line in kept} | {c.value for c in HEALTH_CRITERIA}
    open_ones = [row for row in [*plain, *local] if row[0] not in taken]
    return {
        "verified": [],
        "declared": open_ones,
        "kept": [(amended.name_of(line), _label(line, names)) for line in kept],
    }


def _label(line: Any, names: dict[str, str]) -> str:
    where = f" ({names.get(line.structure, line.structure)})" if line.structure else ""
    return f"{line.criterion.label}{where}"


async def _names(visit: Visit, need: NeedBody) -> dict[str, str]:
    ids = {line.structure for line in need.criteria if line.structure} | {wish.structure for wish in need.wishes}
    return await visit.read(named_structures, ids)


async def _row(visit: Visit) -> dict[str, Any]:
    """The open request, as it is kept. Raises Refused."""
    return await visit.read(open_request, visit.act(), visit.path("request"))


async def _view(visit: Visit, row: dict[str, Any]) -> dict[str, Any]:
    found = await visit.read(requests.request, visit.actor, row["id"], visit.now)
    (view,) = await with_people(visit.guichet, visit.actor, visit.now, [found])
    return view


def _need(row: dict[str, Any]) -> NeedBody:
    return NeedBody.model_validate(need_of(row))


def _file(visit: Visit) -> str:
    place = "/guichet" if visit.actor.role is Role.COORDINATOR else "/conseil"
    return f"{place}/dossier/{visit.path('request')}"


PAGES = (
    get("/guichet/dossier/{request}/modifier", empty_form, Role.COORDINATOR),
    post("/guichet/dossier/{request}/modifier", sent, Role.COORDINATOR),
    get("/conseil/dossier/{request}/modifier", empty_form, Role.COUNSELLOR),
    post("/conseil/dossier/{request}/modifier", sent, Role.COUNSELLOR),
)

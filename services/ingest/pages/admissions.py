"""Children whose families said OUI: the structure confirms with its dates, or refuses for a reason of the list.

The guichet may do the same for a structure that it has on the phone.
"""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from fastapi.responses import Response

from contracts.vocabulary import ProposalState, RefusalReason
from services.calendar import at, utc
from services.ingest.actors import Role
from services.ingest.declare.confirmations import (
    ConfirmationBody,
    RefusalBody,
    confirm_admission,
    refuse_admission,
)
from services.ingest.pages.forms import Form, body
from services.ingest.pages.visit import Visit, get, post
from services.ingest.people import with_people
from services.ingest.problems import Refused, conflict
from services.ingest.queries.proposals import proposal, to_confirm

REASONS = tuple((reason.value, reason.label) for reason in RefusalReason)
_DATES = {
    "adaptation_start": "adaptation",
    "first_full_day": "premier_jour",
    "appointment": "rendez_vous",
    "": "adaptation",
}


async def waiting(visit: Visit) -> Response:
    """Who waits for the structure, the most urgent first."""
    found = await visit.read(to_confirm, visit.actor, visit.now)
    return visit.show_live(
        "creches/to_confirm.html", rows=await with_people(visit.guichet, visit.actor, visit.now, found)
    )


async def one_child(visit: Visit) -> Response:
    """Who it is, when the family can be reached, and the dates to say."""
    view = await _view(visit)
    return _confirm(visit, view, _dates_of(view))


def _dates_of(view: dict[str, Any]) -> Form:
    """A place of single days has its dates already; those of every week are for the structure to say."""
    days = [slot.day for slot in view["slots"]]
    first = min((day for day in days if isinstance(day, date)), default=None)
    whole = first is not None and all(isinstance(day, date) for day in days)
    return Form.filled(adaptation=first, premier_jour=first) if whole else Form()


async def confirmed(visit: Visit) -> Response:
    view, form = await _view(visit), await visit.form()
    try:
        facts = {
            "adaptation_start": form.day("adaptation", "le début de l'adaptation"),
            "first_full_day": form.day("premier_jour", "le premier jour complet"),
            "appointment": _appointment(form),
        }
        form.check()
        await visit.write(confirm_admission, visit.act(), view["proposal"], body(ConfirmationBody, **facts))
    except Refused as refused:
        return _confirm(visit, view, form.refused(refused, _DATES), 422)
    return visit.go(_back(visit), "admission_partagee" if view.get("shared") else "admission")


async def refusal_form(visit: Visit) -> Response:
    return _refuse(visit, await _view(visit), Form())


async def refused(visit: Visit) -> Response:
    view, form = await _view(visit), await visit.form()
    try:
        reason = form.choice("motif", RefusalReason, "un motif")
        form.check()
        wanted = body(RefusalBody, reason=reason, note=form["mots"])
        await visit.write(refuse_admission, visit.act(), view["proposal"], wanted)
    except Refused as problem:
        return _refuse(visit, view, form.refused(problem, {"reason": "motif", "note": "mots", "": "motif"}), 422)
    return visit.go(_back(visit), "refus")


def _appointment(form: Form) -> datetime | None:
    """Day and hour of the first meeting, if either was written."""
    if not form["rendez_vous"] and not form["heure"]:
        return None
    day, hour = form.day("rendez_vous", "le jour du rendez-vous"), form.hour("heure", "l'heure du rendez-vous")
    return None if form.problems else utc(at(day, hour))


async def _view(visit: Visit) -> dict[str, Any]:
    """The child, if the family said OUI and nobody has decided. Raises Refused."""
    found = await visit.read(proposal, visit.actor, visit.path("proposal"), visit.now)
    if found["state"] != ProposalState.ACCEPTED:
        raise conflict("", "not_accepted", "Cet accueil n'attend plus de décision.", "Rechargez la liste.")
    if found["half_confirmed"]:
        raise conflict("", "already_confirmed", "Vous avez déjà confirmé cet accueil.", "Rechargez la liste.")
    (view,) = await with_people(visit.guichet, visit.actor, visit.now, [found])
    return view


def _confirm(visit: Visit, view: dict[str, Any], form: Form, status: int = 200) -> Response:
    return visit.show("creches/admission.html", status, view=view, form=form, back=_back(visit))


def _refuse(visit: Visit, view: dict[str, Any], form: Form, status: int = 200) -> Response:
    return visit.show("creches/refusal.html", status, view=view, form=form, reasons=REASONS, back=_back(visit))


def _back(visit: Visit) -> str:
    return "/guichet" if visit.actor.role is Role.COORDINATOR else "/creche/a-confirmer"


_BOTH = (Role.STRUCTURE, Role.COORDINATOR)

PAGES = (
    get("/creche/a-confirmer", waiting, Role.STRUCTURE),
    get("/creche/a-confirmer/{proposal}", one_child, *_BOTH),
    post("/creche/a-confirmer/{proposal}", confirmed, *_BOTH),
    get("/creche/a-confirmer/{proposal}/refuser", refusal_form, *_BOTH),
    post("/creche/a-confirmer/{proposal}/refuser", refused, *_BOTH),
)

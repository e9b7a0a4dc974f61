"""A request registered at the counter or on the phone: the guichet writes, the family says."""

from __future__ import annotations

from typing import Any

from fastapi.responses import Response

from contracts.vocabulary import Criterion, RequestKind
from services.ingest.actors import Role
from services.ingest.families import RegistrationBody
from services.ingest.pages import need_forms as needs
from services.ingest.pages import notices, wishes
from services.ingest.pages.forms import Form
from services.ingest.pages.known_families import PLACE, filled, known
from services.ingest.pages.visit import Visit, get, post
from services.ingest.problems import Refused

KINDS = ((RequestKind.REGULAR.value, "Chaque semaine"), (RequestKind.OCCASIONAL.value, "Quelques jours"))

CHANGES = (
    (RequestKind.TRANSFER.value, "Une autre structure"),
    (RequestKind.CHANGE.value, "D'autres jours ou horaires"),
    (RequestKind.RENEWAL.value, "La même place plus longtemps"),
)


_USUAL = {"de": "08:00", "a": "18:00", "trajet": 0, "souplesse": 0, "minimum": 1}
"""What the form begins with: nobody who adds nothing has to write a nought."""


async def empty_form(visit: Visit) -> Response:
    days = ["mon", "tue", "wed", "thu", "fri"]
    kind = RequestKind.TRANSFER if visit.asked(PLACE) else RequestKind.REGULAR
    return await _form(visit, await filled(visit, type=kind.value, jours=days, **_USUAL))


async def sent(visit: Visit) -> Response:
    """Check, show for a last look, then register."""
    form = await visit.form()
    if form["etape"] in needs.REOPENS:
        return await _form(visit, form)
    try:
        wanted = _body(form, await known(visit, form))
        await needs.check(visit, wanted)
        if form["etape"] == needs.WRITE:
            request = await needs.register(visit, form, wanted)
            notice = await notices.of_request(visit, "demande", wanted, visit.today)
            return visit.go(f"/guichet/dossier/{request}", notice)
    except Refused as refused:
        return await _form(visit, form.refused(refused, {**needs.fields(form), **wishes.faults(form)}), 422)
    return await needs.checked(visit, form, wanted, "/guichet")


def _body(form: Form, family: dict[str, Any]) -> RegistrationBody:
    kind = form.choice("type", RequestKind, "le type de demande")
    people = needs.first_name(form) if family else needs.people(form)
    facts = {**people, **family, **needs.child(form), **needs.days_and_hours(form, kind)}
    travel = form.number("trajet", "Le temps de trajet", 0, 120)
    tolerance = form.number("souplesse", "La souplesse", 0, 180)
    said = needs.criteria(form, validated=True)
    if facts["needs_support"]:
        said = (*said, *needs.criteria(Form({"criteres": [Criterion.DISABILITY.value]}), validated=True))
    wanted = {"wishes": wishes.read(form), "within_minutes": needs.within(form)}
    extra = {"kind": kind, **wanted, "criteria": said, "travel_minutes": travel}
    agreed = {"urgent_sms_agreed": form.has("soir", "oui"), "file_complete": form.has("complet", "oui")}
    return needs.registration(form, {**facts, **extra, **agreed, **needs.part(form), "tolerance_days": tolerance})


async def _form(visit: Visit, form: Form, status: int = 200) -> Response:
    return visit.show(
        "coordinator/registration.html",
        status,
        form=form,
        options=await needs.options(visit),
        kinds=CHANGES if form[PLACE] else KINDS,
        rows=wishes.rows(form),
    )


PAGES = (
    get("/guichet/demande", empty_form, Role.COORDINATOR),
    post("/guichet/demande", sent, Role.COORDINATOR),
)

"""A counsellor's own files: ask for an urgent place, hold an on-call place, answer for the client, follow."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from fastapi.responses import Response

from contracts.vocabulary import Answer, Channel, Criterion, ProposalState, RequestKind, Tariff
from services.ingest.actors import Role
from services.ingest.declare.holds import HoldBody, request_hold
from services.ingest.declare.replies import record_reply, undo_reply
from services.ingest.families import RegistrationBody
from services.ingest.pages import contact_forms, wishes
from services.ingest.pages import need_forms as needs
from services.ingest.pages.forms import Form, body
from services.ingest.pages.visit import Visit, get, post
from services.ingest.people import with_people
from services.ingest.problems import Refused
from services.ingest.queries import requests
from services.ingest.queries.directory import named_structures
from services.ingest.queries.on_call import on_call_places

ANSWERS = ((Answer.OUI.value, "OUI, la famille prend la place"), (Answer.NON.value, "NON, la famille ne la prend pas"))


async def my_files(visit: Visit) -> Response:
    """The requests of this counsellor, open ones first."""
    found = await visit.read(requests.requests_of, visit.actor, visit.now)
    order = sorted(found, key=lambda row: (row["request_state"] != "open", row["registered_at"]))
    rows = await with_people(visit.guichet, visit.actor, visit.now, order)
    return visit.show_live("counsellors/files.html", rows=rows, kinds=RequestKind)


async def empty_form(visit: Visit) -> Response:
    days = ["mon", "tue", "wed", "thu", "fri"]
    return await _form(visit, Form.filled(jours=days, de="08:30", a="16:30", trajet=30))


async def sent(visit: Visit) -> Response:
    """Check, show for a last look, then register; on-call places that fit come next."""
    form = await visit.form()
    if form["etape"] in needs.REOPENS:
        return await _form(visit, form)
    try:
        wanted = _body(form)
        await needs.check(visit, wanted)
        if form["etape"] == needs.WRITE:
            request = await needs.register(visit, form, wanted)
            return visit.go(f"/conseil/dossier/{request}", "demande")
    except Refused as refused:
        return await _form(visit, form.refused(refused, {**needs.fields(form), **wishes.faults(form)}), 422)
    return await needs.checked(visit, form, wanted, "/conseil")


async def one_file(visit: Visit) -> Response:
    return await _file(visit, Form())


async def held(visit: Visit) -> Response:
    """Keep one on-call place for two hours. The matcher gives it, or says why not."""
    form, request = await visit.form(), visit.path("request")
    pattern = form.number("semaine", "La semaine", 0, 19)
    form.check()
    wanted = body(HoldBody, request=request, section=form["section"], pattern=pattern)
    hold = await visit.write(request_hold, visit.act(Channel.COUNSELLOR), wanted)
    return visit.go(f"/conseil/dossier/{request}", reservation=hold)


async def answered(visit: Visit) -> Response:
    """Answer for the client, with its consent written down."""
    form, request = await visit.form(), visit.path("request")
    try:
        answer = form.choice("reponse", Answer, "la réponse")
        form.check()
        act = visit.act(Channel.COUNSELLOR)
        await visit.write(record_reply, act, form["proposition"], answer, consent=form.has("accord", "oui"))
    except Refused as refused:
        fields = {"consent": "accord", "": "reponse"}
        return await _file(visit, form.refused(refused, fields), 422)
    return visit.go(f"/conseil/dossier/{request}", "reponse")


async def undone(visit: Visit) -> Response:
    """The client takes its NON back, while it may; the matcher says whether in time."""
    await visit.write(undo_reply, visit.act(Channel.COUNSELLOR), (await visit.form())["proposition"])
    return visit.go(f"/conseil/dossier/{visit.path('request')}", "annulation")


def _body(form: Form) -> RegistrationBody:
    """An urgent need: any structure with an on-call place will do unless some are named."""
    facts = needs.days_and_hours(form, RequestKind.URGENT)  # faults are listed in the order of the page
    travel = form.number("trajet", "Le temps de trajet", 0, 120)
    facts |= {**needs.first_name(form), **needs.child(form), "contacts": contact_forms.found(form)}
    said = needs.criteria(Form({"criteres": [Criterion.INSERTION.value]}), validated=True)
    if facts["needs_support"]:
        said = (*said, *needs.criteria(Form({"criteres": [Criterion.DISABILITY.value]}), validated=False))
    wanted = {"wishes": wishes.read(form), "within_minutes": needs.within(form)}
    extra = {"kind": RequestKind.URGENT, "criteria": said, "travel_minutes": travel, **wanted}
    return needs.registration(form, {**facts, **extra, "urgent_sms_agreed": form.has("soir", "oui")})


async def _form(visit: Visit, form: Form, status: int = 200) -> Response:
    return visit.show(
        "counsellors/urgent.html", status, form=form, options=await needs.options(visit), rows=wishes.rows(form)
    )


async def _file(visit: Visit, form: Form, status: int = 200) -> Response:
    """One file: its need, its reasons, what is proposed, and the on-call places that fit."""
    found = await visit.read(requests.request, visit.actor, visit.path("request"), visit.now)
    (view,) = await with_people(visit.guichet, visit.actor, visit.now, [found])
    urgent = view["request_kind"] == RequestKind.URGENT and view["request_state"] == "open"
    given = {ProposalState(row["state"]) for row in view["proposals"]}
    looks = urgent and not any(state.is_live or state is ProposalState.CONFIRMED for state in given)
    fits = await visit.read(on_call_places, visit.actor, view["request"], visit.now) if looks else []
    return visit.show_live(
        "counsellors/file.html",
        status,
        form=form,
        view=view,
        fits=fits,
        looks=looks,
        hold=await _hold(visit),
        names=await _names(visit, [view]),
        states=ProposalState,
        kinds=RequestKind,
        tariffs=Tariff,
        answers=ANSWERS,
    )


async def _hold(visit: Visit) -> dict[str, Any] | None:
    """What became of the hold that was just asked for."""
    asked = visit.asked("reservation")
    return await visit.read(requests.hold, visit.actor, asked) if asked else None


async def _names(visit: Visit, views: Sequence[dict[str, Any]]) -> dict[str, str]:
    wished = {wish["structure"] for view in views for wish in view["wishes"]}
    return await visit.read(named_structures, wished)


PAGES = (
    get("/conseil", my_files, Role.COUNSELLOR),
    get("/conseil/demande", empty_form, Role.COUNSELLOR),
    post("/conseil/demande", sent, Role.COUNSELLOR),
    get("/conseil/dossier/{request}", one_file, Role.COUNSELLOR),
    post("/conseil/dossier/{request}/reserver", held, Role.COUNSELLOR),
    post("/conseil/dossier/{request}/repondre", answered, Role.COUNSELLOR),
    post("/conseil/dossier/{request}/annuler", undone, Role.COUNSELLOR),
)

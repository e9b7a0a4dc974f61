"""What a commission does with its intake: opens it, has it drafted, keeps places, places children, releases it.

What it reads is in `campaign_review`.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import partial
from typing import Any

from fastapi.responses import Response

from contracts.vocabulary import Effect, Period
from services.ingest.actors import Role
from services.ingest.awaited import OVER, current
from services.ingest.declare import campaigns as acts
from services.ingest.pages.campaign_review import BOTH, HOME, named_files
from services.ingest.pages.forms import ONCE, Form, body
from services.ingest.pages.public import commune_options
from services.ingest.pages.visit import Visit, get, post
from services.ingest.pages.wording import ages, in_order, months_between, read_slots, week
from services.ingest.problems import Refused, unknown
from services.ingest.queries import campaigns as queries
from services.ingest.queries.places import vacancy_view


async def open_form(visit: Visit) -> Response:
    return visit.show("campaign/open.html", form=Form())


async def opened(visit: Visit) -> Response:
    """Open the campaign of the territory."""
    form = await visit.form()
    try:
        first, last = form.day("debut", "le premier jour d'entrée"), form.day("fin", "le dernier jour d'entrée")
        until, day = form.day("demandes", "le dernier jour des demandes"), form.day("commission", "la commission")
        if not form.problems and last < first:
            form.fault("fin", "end_before_start", "La fin suit le début.", "Échangez les deux dates.")
        form.check()
        starts = Period(start=first, end=last + timedelta(days=1))
        wanted = body(acts.CampaignBody, starts=starts, requests_until=until, commission_on=day)
        await visit.write(acts.open_campaign, visit.act(cause=form[ONCE] or None), wanted)
    except Refused as refused:
        fields = {"starts.end": "fin", "starts": "debut", "requests_until": "demandes", "commission_on": "commission"}
        return visit.show("campaign/open.html", 422, form=form.refused(refused, {**fields, "": "debut"}))
    return visit.go(HOME, "campagne")


async def drafted(visit: Visit) -> Response:
    """Decide on paper, as it is now."""
    await visit.write(acts.ask_draft, visit.act(), (await _open(visit))["campaign"])
    return visit.go(HOME, "brouillon")


async def end_form(visit: Visit) -> Response:
    return visit.show("campaign/end.html", view=await _open(visit), form=Form())


async def ended(visit: Visit) -> Response:
    form, view = await visit.form(), await _open(visit)
    try:
        _reason(form)
        await visit.write(acts.end_campaign, visit.act(), view["campaign"], body(acts.EndingBody, reason=form["motif"]))
    except Refused as refused:
        return visit.show("campaign/end.html", 422, view=view, form=form.refused(refused, {"": "motif"}))
    return visit.go(HOME, "campagne_finie")


async def hold_form(visit: Visit) -> Response:
    return await _hold(visit, Form.filled(places=1))


async def held(visit: Visit) -> Response:
    """Keep places back, for the commission while one is prepared, else by the guichet alone."""
    form = await visit.form()
    try:
        until = form.day("jusqu_au", "la date")
        places = form.number("places", "Le nombre de places", 1, 500)
        _reason(form)
        now = await visit.read(current, visit.actor.territory)
        campaign = now["id"] if now and (form.has("pour", "oui") or visit.actor.role is Role.COMMITTEE) else None
        facts = {"vacancy": visit.path("vacancy"), "places": places, "until": until, "reason": form["motif"]}
        await visit.write(acts.hold_place, visit.act(), body(acts.HeldBody, **facts, campaign=campaign))
    except Refused as refused:
        fields = {"until": "jusqu_au", "reason": "motif", "places": "places", "": "motif"}
        return await _hold(visit, form.refused(refused, fields), 422)
    return visit.go(HOME, "place_tenue")


async def _hold(visit: Visit, form: Form, status: int = 200) -> Response:
    view = await visit.read(vacancy_view, visit.actor, visit.path("vacancy"), visit.now)
    campaign = await visit.read(current, visit.actor.territory)
    return visit.show("campaign/hold.html", status, row=view, form=form, campaign=campaign)


async def force_form(visit: Visit) -> Response:
    return await _force(visit, Form())


async def forced(visit: Visit) -> Response:
    """First it is weighed whom it would touch; the next page asks to confirm."""
    form = await visit.form()
    try:
        if not form["section"]:
            form.fault("section", "choice_wanted", "Il manque la place.", "Choisissez dans la liste.")
        pattern = form.number("semaine", "La semaine", 0, 19)
        _reason(form)
        facts = {"request": visit.path("request"), "section": form["section"], "reason": form["motif"]}
        campaign = (await _open(visit))["campaign"]
        gesture = await visit.write(
            acts.ask_force, visit.act(), campaign, body(acts.ForceBody, **facts, pattern=pattern)
        )
    except Refused as refused:
        fields = {"section": "section", "pattern": "semaine", "reason": "motif", "": "motif"}
        return await _force(visit, form.refused(refused, fields), 422)
    return visit.go(f"{HOME}/geste/{gesture}")


async def _force(visit: Visit, form: Form, status: int = 200) -> Response:
    view = await _open(visit)
    row = (await named_files(visit, view, [visit.path("request")])).get(visit.path("request"))
    if row is None:
        raise unknown("", "cette demande dans la campagne")
    kept = sorted(await visit.read(queries.places_kept, view), key=partial(_likely, row))
    places = {place["section"]: _named(place) for place in kept}
    weeks = [(str(n), "\u00a0; ".join(week(read_slots(one["slots"])))) for n, one in enumerate(row["patterns"])]
    communes = dict(commune_options(visit))
    return visit.show(
        "campaign/force.html", status, row=row, form=form, places=list(places.items()), weeks=weeks, communes=communes
    )


def _likely(row: dict[str, Any], place: dict[str, Any]) -> tuple[bool, bool, str, int]:
    """Structures that the family wants first, there the sections of the child's age; then the others by name."""
    wished = place["structure"] in {wish["structure"] for wish in row.get("wishes", ())}
    age = months_between(date.fromisoformat(row["born"]), place["period"].start)
    fits = place["age_from_months"] <= age <= place["age_to_months"]
    return (not wished, not fits, in_order(place["structure_name"]), place["age_from_months"])


def _named(place: dict[str, Any]) -> str:
    return f"{place['structure_name']}, {place['section_name']} ({ages(place)})"


async def weighed(visit: Visit) -> Response:
    """Whom a forced placement touches, before anybody confirms it."""
    gesture = await visit.read(queries.gesture, visit.actor, visit.path("gesture"))
    view = await visit.read(queries.standing, visit.actor)
    about = [name for name in (gesture["request"], *(one["request"] for one in gesture["touched"])) if name]
    files = await named_files(visit, view, about) if view else {}
    communes = dict(commune_options(visit))
    return visit.show_live("campaign/gesture.html", row=gesture, files=files, communes=communes, effects=Effect)


async def confirmed(visit: Visit) -> Response:
    await visit.write(acts.confirm_force, visit.act(), visit.path("gesture"))
    return visit.go(HOME, "enfant_place")


async def undone(visit: Visit) -> Response:
    await visit.write(acts.undo_gesture, visit.act(), visit.path("gesture"))
    return visit.go(HOME, "geste_annule")


async def release_form(visit: Visit) -> Response:
    return visit.show("campaign/release.html", view=await _with_draft(visit), form=Form())


async def released(visit: Visit) -> Response:
    """One gesture for all that the last draft says."""
    form, view = await visit.form(), await _with_draft(visit)
    wanted = body(acts.ReleasedBody, draft=form["brouillon"] or view["draft"]["draft"], note=form["mots"])
    await visit.write(acts.release_campaign, visit.act(), view["campaign"], wanted)
    return visit.go(HOME, "campagne_liberee")


async def _open(visit: Visit) -> dict[str, Any]:
    view = await visit.read(queries.standing, visit.actor)
    if view is None or view["state"] == OVER:
        raise unknown("", "de campagne en cours")
    return view


async def _with_draft(visit: Visit) -> dict[str, Any]:
    view = await _open(visit)
    if view["draft"] is None:
        raise unknown("", "de brouillon à libérer")
    return view


def _reason(form: Form) -> None:
    if not form["motif"]:
        form.fault("motif", "reason_wanted", "Il manque le motif.", "Écrivez-le en quelques mots.")
    form.check()


PAGES = (
    get(f"{HOME}/ouvrir", open_form, Role.COORDINATOR),
    post(f"{HOME}/ouvrir", opened, Role.COORDINATOR),
    get(f"{HOME}/fin", end_form, Role.COORDINATOR),
    post(f"{HOME}/fin", ended, Role.COORDINATOR),
    post(f"{HOME}/brouillon", drafted, *BOTH),
    get(f"{HOME}/place/{{vacancy}}/tenir", hold_form, *BOTH),
    post(f"{HOME}/place/{{vacancy}}/tenir", held, *BOTH),
    get(f"{HOME}/dossier/{{request}}/placer", force_form, *BOTH),
    post(f"{HOME}/dossier/{{request}}/placer", forced, *BOTH),
    get(f"{HOME}/geste/{{gesture}}", weighed, *BOTH),
    post(f"{HOME}/geste/{{gesture}}/confirmer", confirmed, *BOTH),
    post(f"{HOME}/geste/{{gesture}}/annuler", undone, *BOTH),
    get(f"{HOME}/liberer", release_form, *BOTH),
    post(f"{HOME}/liberer", released, *BOTH),
)

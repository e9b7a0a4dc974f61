"""The intake as a commission reviews it: draft, places held, children placed by decision, release.

The commission reads no name and no order made of ranks; the guichet reads both.
"""

from __future__ import annotations

from collections import defaultdict
from datetime import timedelta
from typing import Any

from fastapi.responses import Response

from contracts.vocabulary import Effect, Period
from services.ingest.actors import Role
from services.ingest.awaited import OVER, current
from services.ingest.declare import campaigns as acts
from services.ingest.pages.forms import ONCE, Form, body
from services.ingest.pages.public import commune_options
from services.ingest.pages.visit import Visit, get, post
from services.ingest.pages.wording import file_number, in_order, read_slots, week
from services.ingest.people import with_people
from services.ingest.problems import Refused, unknown
from services.ingest.queries import campaigns as queries
from services.ingest.queries.places import vacancy_view

HOME = "/campagne"
BOTH = (Role.COORDINATOR, Role.COMMITTEE)
WAITS = ("full", "held_by_person", "given_by_person", "too_many_starts")
"""Why a child goes without a place that another one, or a person, has."""

MODES = {
    "stable": "Dans l'ordre de la liste",
    "strict": "Plus d'enfants par rang",
    "most_children": "Le plus d'enfants",
}


async def overview(visit: Visit) -> Response:
    """The last draft, with what differs from the one before, and every gesture."""
    view = await _review(visit)
    rows = view["requests"] if view else []
    return visit.show_live(
        "campaign/review.html",
        view=view,
        places=_places(view) if view else [],
        waiting=sorted((row for row in rows if not row["placed"]), key=lambda row: file_number(row["request"])),
        changed=[row for row in rows if row["effect"]],
        held=await visit.read(queries.gestures, visit.actor, None),
        files={row["request"]: row for row in rows},
        communes=dict(commune_options(visit)),
        effects=Effect,
        modes=MODES,
    )


def _places(view: dict[str, Any]) -> list[dict[str, Any]]:
    """The sections that the intake is about, with their vacancies, the children placed there, and those who wait."""
    placed, vacancies = queries.by_place(view), defaultdict(list)
    for place in view["places"]:
        vacancies[place["section"]].append(place)
    found = []
    for name in {*vacancies, *placed}:
        first = (vacancies.get(name) or placed[name])[0]
        where = {key: first[key] for key in ("structure_name", "section", "section_name")}
        rows = {"vacancies": vacancies.get(name, []), "children": placed.get(name, [])}
        found.append({**where, **rows, "next": _next(view, first["structure"])})
    return sorted(found, key=lambda row: (in_order(row["structure_name"]), row["section"]))


def _next(view: dict[str, Any], structure: str) -> list[dict[str, Any]]:
    """Who would have wanted a place there: by rank for whoever may see ranks, by file number for the others."""
    found = []
    for row in view["requests"]:
        wishes = (row["reason"] or {}).get("wishes", ())
        wish = next((one for one in wishes if one["structure"] == structure), None)
        if not row["placed"] and wish is not None and wish["why"] in WAITS:
            rank = wish.get("rank") if "rank" in row else None
            found.append((rank or 0, file_number(row["request"]), {**row, "rank_here": rank}))
    return [row for _, _, row in sorted(found, key=lambda one: one[:2])]


async def _review(visit: Visit) -> dict[str, Any] | None:
    view = await visit.read(queries.review, visit.actor, visit.now)
    if view is None:
        return None
    return {**view, "requests": await with_people(visit.guichet, visit.actor, visit.now, view["requests"])}


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
    row = next((one for one in view["requests"] if one["request"] == visit.path("request")), None)
    if row is None:
        raise unknown("", "cette demande dans la campagne")
    places = {place["section"]: f"{place['structure_name']}, {place['section_name']}" for place in view["places"]}
    weeks = [(str(n), "\u00a0; ".join(week(read_slots(one["slots"])))) for n, one in enumerate(row["patterns"])]
    communes = dict(commune_options(visit))
    return visit.show(
        "campaign/force.html", status, row=row, form=form, places=list(places.items()), weeks=weeks, communes=communes
    )


async def weighed(visit: Visit) -> Response:
    """Whom a forced placement touches, before anybody confirms it."""
    gesture = await visit.read(queries.gesture, visit.actor, visit.path("gesture"))
    view = await _review(visit)
    files = {row["request"]: row for row in view["requests"]} if view else {}
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
    view = await _review(visit)
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
    get(HOME, overview, *BOTH),
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

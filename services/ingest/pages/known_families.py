"""A family that the guichet knows already: it registers another child, or asks for another place for one.

What the form carries is a request of the family, or a placement of the child; who they are is read again each time.
"""

from __future__ import annotations

from typing import Any

from services.ingest import store
from services.ingest.pages.forms import Form
from services.ingest.pages.visit import Visit
from services.ingest.people import with_people
from services.ingest.problems import unknown
from services.ingest.projection.tables import placements
from services.ingest.queries import requests

FILE, PLACE = "avec", "place"
"""The fields that name a request of the family, and the placement that its child would give up."""


async def known(visit: Visit, form: Form) -> dict[str, Any]:
    """What a registration takes over: family, child, and the place it has; empty for a family that is new."""
    view = await _view(visit, form)
    if view is None:
        return {}
    moves = {"child": view["child"], "current": form[PLACE]} if form[PLACE] else {}
    return {"family": view["family"], **moves}


async def filled(visit: Visit, **fields: Any) -> Form:
    """The form as it opens, with what is known of the family, and of the child who has a place."""
    form = Form.filled(**{name: visit.asked(name) for name in (FILE, PLACE) if visit.asked(name)}, **fields)
    view = await _view(visit, form)
    if view is None:
        return form
    about = {"commune": view["child_commune"]}
    if form[PLACE]:
        about |= {"prenom": view["first_name"] or "", "naissance": view["born"]}
    return Form.filled(**{name: form[name] for name in (FILE, PLACE) if form[name]}, **about, **fields)


async def _view(visit: Visit, form: Form) -> dict[str, Any] | None:
    """The request that the family is known by. Raises Refused where there is no such."""
    name = form[FILE]
    if form[PLACE]:
        row = await visit.read(store.find, placements, form[PLACE])
        if row is None or row["request"] is None:
            raise unknown("", "cet accueil")
        name = row["request"]
    if not name:
        return None
    (view,) = await with_people(
        visit.guichet, visit.actor, visit.now, [await visit.read(requests.request, visit.actor, name, visit.now)]
    )
    return view

"""Brothers and sisters on a family's file: their places are asked for together, or for each child by itself."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa
from fastapi.responses import Response

from contracts.siblings import Together
from contracts.vocabulary import RequestKind
from services.ingest import store
from services.ingest.actors import Role
from services.ingest.declare.siblings import SiblingsBody, ask_together, groups_of, part
from services.ingest.pages.forms import Form, body
from services.ingest.pages.visit import Visit, get, post
from services.ingest.people import with_people
from services.ingest.problems import Refused
from services.ingest.queries import requests

WISHES = tuple((word.value, word.label) for word in Together)
FIELDS = {"requests": "fratrie", "together": "ensemble", "": "fratrie"}


async def form_page(visit: Visit) -> Response:
    return await _page(visit, Form())


async def asked(visit: Visit) -> Response:
    """These children, and what is asked of their places."""
    form, request = await visit.form(), visit.path("request")
    try:
        if not form.all("fratrie"):
            form.fault("fratrie", "child_wanted", "Il manque un enfant.", "Cochez au moins un enfant.")
        wish = form.choice("ensemble", Together, "un souhait")
        form.check()
        wanted = body(SiblingsBody, requests=(request, *form.all("fratrie")), together=(wish,))
        await visit.write(ask_together, visit.act(), wanted)
    except Refused as refused:
        return await _page(visit, form.refused(refused, FIELDS), 422)
    return visit.go(f"/guichet/dossier/{request}", "fratrie")


async def parted(visit: Visit) -> Response:
    """Each child by itself again."""
    for row in await _groups(visit):
        await visit.write(part, visit.act(), row["id"])
    return visit.go(f"/guichet/dossier/{visit.path('request')}", "a_part")


async def asked_with(visit: Visit, view: dict[str, Any]) -> dict[str, Any]:
    """For a file: the other children who could be asked for together with this one, and what is asked now."""
    others = await visit.read(_others, view["family"], view["child"])
    views = [await visit.read(requests.request, visit.actor, other, visit.now) for other in others]
    named = await with_people(visit.guichet, visit.actor, visit.now, views)
    names = {row["request"]: row["first_name"] or f"Dossier {row['request'][-6:]}" for row in named}
    groups = [row for row in await visit.read(groups_of, view["family"]) if view["request"] in row["requests"]]
    return {
        "others": names,
        "with": [names[request] for row in groups for request in row["requests"] if request in names],
        "wishes": [Together(word).label for row in groups for word in row["together"]],
        "ranked": any(row["combinations"] for row in groups),
    }


async def _groups(visit: Visit) -> list[dict[str, Any]]:
    view = await visit.read(requests.request, visit.actor, visit.path("request"), visit.now)
    groups = await visit.read(groups_of, view["family"])
    return [row for row in groups if view["request"] in row["requests"]]


async def _page(visit: Visit, form: Form, status: int = 200) -> Response:
    found = await visit.read(requests.request, visit.actor, visit.path("request"), visit.now)
    (view,) = await with_people(visit.guichet, visit.actor, visit.now, [found])
    family = await asked_with(visit, view)
    return visit.show("coordinator/siblings.html", status, form=form, view=view, family=family, wishes=WISHES)


def _others(tx: sa.Connection, family: str, child: str) -> list[str]:
    """Of the family's other children: a child that asks for another place is not its own brother or sister."""
    table = store.requests
    regular = (table.c.state == store.OPEN, table.c.kind == RequestKind.REGULAR.value)
    query = sa.select(table.c.id).where(table.c.family == family, table.c.child != child, *regular)
    return list(tx.scalars(query.order_by(table.c.id)))


PAGES = (
    get("/guichet/dossier/{request}/fratrie", form_page, Role.COORDINATOR),
    post("/guichet/dossier/{request}/fratrie", asked, Role.COORDINATOR),
    post("/guichet/dossier/{request}/a-part", parted, Role.COORDINATOR),
)

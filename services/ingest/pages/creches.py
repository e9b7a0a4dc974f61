"""A crèche's first screen, on a phone: what is posted, what became of it, and "Toujours libre ?" in one tap."""

from __future__ import annotations

from itertools import groupby
from typing import Any

import sqlalchemy as sa
from fastapi.responses import Response

from contracts.vocabulary import VacancyKind
from services.ingest.actors import Act, Role
from services.ingest.declare.vacancies import open_vacancy, reconfirm_vacancy
from services.ingest.pages import notices
from services.ingest.pages.forms import Form
from services.ingest.pages.models import model_of, next_opening_day, previous_posts
from services.ingest.pages.posts import post_once, vacancy_body
from services.ingest.pages.visit import Visit, get, post
from services.ingest.queries import directory
from services.ingest.queries.places import places_of
from services.ingest.queries.proposals import to_confirm


async def my_places(visit: Visit) -> Response:
    """What the structure has posted, section by section."""
    structure = visit.actor.structure or ""
    found = await visit.read(places_of, visit.actor, structure, visit.now)
    return visit.show_live(
        "creches/places.html",
        place=await visit.read(directory.structure, visit.actor.territory, structure),
        sections=_by_section(found),
        stale=[row for row in found if row["stale"] and row["snapshot"] is None],
        models=await visit.read(previous_posts, visit.actor, visit.now, visit.today),
        tomorrow=await visit.read(next_opening_day, structure, visit.today),
        waiting=[row for row in await visit.read(to_confirm, visit.actor, visit.now) if not row["half_confirmed"]],
        kinds=VacancyKind,
    )


async def still_free(visit: Visit) -> Response:
    """One place is still free."""
    await visit.write(reconfirm_vacancy, visit.act(), visit.path("vacancy"))
    return visit.go("/creche", "confirme_libre")


async def all_still_free(visit: Visit) -> Response:
    """All places that nobody confirmed lately still are."""
    found = await visit.read(places_of, visit.actor, visit.actor.structure or "", visit.now)
    stale = [row["vacancy"] for row in found if row["stale"] and row["snapshot"] is None]
    await visit.write(_reconfirm_all, visit.act(), stale)
    return visit.go("/creche", "confirme_libres" if len(stale) != 1 else "confirme_libre")


async def again(visit: Visit) -> Response:
    """First tap: a post of before, with its dates moved on."""
    model = await visit.read(model_of, visit.actor, visit.path("vacancy"), visit.today)
    return visit.show("creches/again.html", model=model, form=Form())


async def posted_again(visit: Visit) -> Response:
    """Second tap: post it."""
    form = await visit.form()
    model = await visit.read(model_of, visit.actor, visit.path("vacancy"), visit.today)
    wanted = vacancy_body(model.section, model.kind, model.slots, model.places, model.period)
    await visit.write(post_once, visit.act(cause=form.once), open_vacancy, wanted)
    return visit.go("/creche", await notices.of_place(visit, wanted))


def _reconfirm_all(tx: sa.Connection, act: Act, ids: list[str]) -> None:
    for vacancy in ids:
        reconfirm_vacancy(tx, act, vacancy)


def _by_section(found: list[dict[str, Any]]) -> list[tuple[str, list[dict[str, Any]]]]:
    """The youngest children's section first, as in every list of sections."""
    named = sorted(found, key=_order)
    return [(name, list(rows)) for name, rows in groupby(named, key=lambda row: row["section_name"])]


def _order(row: dict[str, Any]) -> tuple[Any, ...]:
    return (row["age_from_months"], row["section_name"], row["kind"], row["period"].start)


PAGES = (
    get("/creche", my_places, Role.STRUCTURE),
    post("/creche/toujours-libres", all_still_free, Role.STRUCTURE),
    post("/creche/place/{vacancy}/toujours-libre", still_free, Role.STRUCTURE),
    get("/creche/reprendre/{vacancy}", again, Role.STRUCTURE),
    post("/creche/reprendre/{vacancy}", posted_again, Role.STRUCTURE),
)

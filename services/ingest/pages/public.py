"""What anybody may look at: free places, the directory, the rules. No sign-in, no cookie, GET only."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import timedelta
from itertools import groupby
from typing import Any
from urllib.parse import urlencode

from fastapi.responses import Response

from contracts.vocabulary import WEEKDAYS, AwardMode, Slot, StructureKind, Tariff, VacancyKind, Weekday
from services.ingest.actors import Actor, public
from services.ingest.pages.forms import Form
from services.ingest.pages.maps import RADIUS, ground
from services.ingest.pages.visit import Visit, get
from services.ingest.pages.wording import in_order
from services.ingest.queries import directory, draws, places

AGES = (
    (4, "Moins de 6 mois"),
    (9, "De 6 à 11 mois"),
    (15, "De 12 à 17 mois"),
    (21, "De 18 à 23 mois"),
    (30, "2 ans"),
    (42, "3 ans et plus"),
)
"""Completed months that stand for an age, as parents say it."""

DRAWS_SHOWN = timedelta(days=14)
"""How far back the page of rules shows draws: a family has its answer within days; older seeds are in the events."""

KINDS = tuple((kind.value, kind.label) for kind in places.SHOWN_TO_ALL)


FILTERS = ("commune", "age", "jour", "type")


async def free_places(visit: Visit) -> Response:
    """Free places by commune, for an age, a day, a kind: the list, and the map that counts its lines."""
    form = _asked(visit, *FILTERS)
    found = await visit.read(places.free_places, _anybody(visit), visit.now, _wanted(form))
    return visit.show(
        "public/places.html",
        form=form,
        communes=[(name, _by_structure(rows)) for name, rows in _by_commune(visit, found)],
        number=len({row["structure"] for row in found}),
        updated_at=await visit.read(places.last_update, visit.actor.territory),
        filtered=any(form[name] for name in FILTERS),
        map=_map(visit, form, found) if found else None,
        options={"commune": commune_options(visit), "age": AGES, "jour": _days(), "type": KINDS},
        modes=AwardMode,
        kinds=VacancyKind,
    )


async def all_structures(visit: Visit) -> Response:
    """The directory, by commune."""
    form = _asked(visit, "commune", "type")
    rows = await visit.read(directory.directory, visit.actor.territory, form["commune"] or None)
    found = [row for row in rows if form["type"] in ("", row["kind"])]
    kinds = tuple((kind.value, kind.label) for kind in StructureKind)
    return visit.show(
        "public/directory.html",
        form=form,
        communes=_by_commune(visit, found),
        number=len(found),
        options={"commune": commune_options(visit), "type": kinds},
        kinds=StructureKind,
        modes=AwardMode,
    )


async def one_structure(visit: Visit) -> Response:
    """One structure: where, when, for whom, and how its places are given."""
    row = await visit.read(directory.structure, visit.actor.territory, visit.path("structure"))
    wanted = places.Wanted(commune=row["commune"])
    found = await visit.read(places.free_places, _anybody(visit), visit.now, wanted)
    free = [place for place in found if place["structure"] == row["structure"]]
    names = dict(commune_options(visit))
    facts = {"place": row, "free": _by_structure(free), "commune": names.get(row["commune"], row["commune"])}
    return visit.show("public/structure.html", **facts, **labels(row), kinds=VacancyKind)


async def published_rules(visit: Visit) -> Response:
    """The grid in force with its points, what happens with it, and how to have a decision explained."""
    rules = visit.pages.rules(visit.town["policy"], visit.today)
    drawn = await visit.read(draws.published, visit.actor.territory, visit.today - DRAWS_SHOWN)
    return visit.show("public/rules.html", rules=rules, draws=drawn)


def _anybody(visit: Visit) -> Actor:
    """Public pages show the same to everybody, signed in or not."""
    return public(visit.actor.territory)


def commune_options(visit: Visit) -> list[tuple[str, str]]:
    """Communes by name, for a list to choose from."""
    return sorted(((row["code"], row["name"]) for row in visit.town["communes"]), key=lambda row: in_order(row[1]))


def labels(row: dict[str, Any]) -> dict[str, Any]:
    """A structure's kind, tariff and way of giving places, as people say them, and its hours as slots."""
    hours = [Slot.model_validate(slot) for slot in row["opening"]]
    words = {"kind": StructureKind(row["kind"]), "mode": AwardMode(row["award_mode"]), "tariff": Tariff(row["tariff"])}
    return {**words, "hours": hours}


def _asked(visit: Visit, *names: str) -> Form:
    return Form.filled(**{name: visit.asked(name) for name in names})


def _wanted(form: Form) -> places.Wanted:
    """What the address asks for; what it misspells asks for nothing."""
    return places.Wanted(
        commune=form["commune"] or None,
        age_months=int(form["age"]) if form["age"].isdecimal() and len(form["age"]) < 4 else None,
        day=next((day for day in WEEKDAYS if day.value == form["jour"]), None),
        kind=next((kind for kind in places.SHOWN_TO_ALL if kind.value == form["type"]), None),
    )


def _map(visit: Visit, form: Form, found: Sequence[dict[str, Any]]) -> dict[str, Any] | None:
    """The communes drawn, and on each the number of structures that the list names there, as a link to them.

    Structures are counted, not places: one place may be free on Monday for two and on Tuesday for one, so that a sum
    would count nothing that there is.
    """
    drawn = ground(visit.town["communes"])
    if drawn is None:
        return None
    number = Counter(commune for commune, _ in {(row["commune"], row["structure"]) for row in found})
    marks = [(shape, number[shape.code], _only(form, shape.code)) for shape in drawn.shapes]
    source = visit.town.get("outlines_source", "")
    return {"ground": drawn, "marks": marks, "radius": RADIUS, "source": source, "everywhere": _only(form, "")}


def _only(form: Form, commune: str) -> str:
    """The address of the same search in one commune; with none, everywhere."""
    asked = {**{name: form[name] for name in FILTERS}, "commune": commune}
    return f"/?{urlencode({name: value for name, value in asked.items() if value})}#liste"


def _days() -> tuple[tuple[str, str], ...]:
    return tuple((day.value, day.label.capitalize()) for day in WEEKDAYS if day is not Weekday.SUN)


def _by_commune(visit: Visit, found: Iterable[dict[str, Any]]) -> list[tuple[str, Sequence[dict[str, Any]]]]:
    """Rows under the names of their communes, in the order of those names."""
    names = dict(commune_options(visit))
    named = [(names.get(row["commune"], row["commune"]), row) for row in found]
    order = sorted(named, key=lambda pair: (in_order(pair[0]), pair[0], in_order(pair[1].get("structure_name", ""))))
    return [(name, [row for _, row in rows]) for name, rows in groupby(order, key=lambda pair: pair[0])]


def _by_structure(rows: Sequence[dict[str, Any]]) -> list[list[dict[str, Any]]]:
    """The lines of each structure together, those whose places the guichet awards first; days before dates."""
    order = sorted(rows, key=lambda row: (row["award_mode"] != AwardMode.AWARDED, row["structure_name"], _when(row)))
    return [list(lines) for _, lines in groupby(order, key=lambda row: row["structure"])]


def _when(row: dict[str, Any]) -> tuple[Any, ...]:
    return (row["structure"], row["kind"], row["section_name"], row["period"].start, str(row["slots"]))


PAGES = (
    get("/", free_places),
    get("/annuaire", all_structures),
    get("/annuaire/{structure}", one_structure),
    get("/regles", published_rules),
)

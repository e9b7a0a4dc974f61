"""Structures and their sections, as they publish themselves."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Annotated

import sqlalchemy as sa
from pydantic import Field

from contracts.structures import SectionFacts, Staffing, StructurePublished
from contracts.vocabulary import AwardMode, Id, LimitReason, Period, Slot, StructureKind, Tariff
from services.ingest import store
from services.ingest.access import Doing, Thing, require
from services.ingest.actors import Act, Role
from services.ingest.audited import declared
from services.ingest.declare.bodies import Body, Line, check_range, check_slots
from services.ingest.declare.territories import published
from services.ingest.problems import Problem, forbidden, refuse_if

_MOST_PLACES = 500
ELDEST = timedelta(days=18 * 366)
"""An accueil de loisirs receives minors (CASF, R227-1)."""

LONGEST_LIMIT = timedelta(days=366)
"""How long a limit to adapted care lasts before the guichet looks at it anew (a choice: one school year)."""


class StructureBody(Body):
    """A structure with all its sections. A section left out is closed."""

    name: Annotated[Line, Field(min_length=1)]
    kind: StructureKind
    commune: Annotated[str, Field(pattern=r"^[0-9AB]{5}$")]
    address: Line = ""
    phone: Annotated[str, Field(pattern=r"^([0-9+][0-9 .]{3,19})?$")] = ""
    award_mode: AwardMode = AwardMode.AWARDED
    tariff: Tariff = Tariff.PSU
    avip: bool = False
    capacity: Annotated[int, Field(ge=0, le=_MOST_PLACES)]
    sections: Annotated[tuple[SectionFacts, ...], Field(min_length=1, max_length=20)]
    opening: Annotated[tuple[Slot, ...], Field(max_length=60)] = ()
    closures: Annotated[tuple[Period, ...], Field(max_length=200)] = ()
    prepared_support: Annotated[int | None, Field(ge=1, le=_MOST_PLACES)] = None
    support_until: date | None = None
    support_reason: LimitReason | None = None
    manager: Id | None = None
    insertion_children: Annotated[int, Field(ge=0, le=_MOST_PLACES)] = 0
    staffing: Staffing | None = None


def publish_structure(tx: sa.Connection, act: Act, structure: Id, body: StructureBody) -> str:
    """Publish `structure` as it is from now on: what was published before is replaced. Returns its id."""
    known = store.find(tx, store.structures, structure)
    territory = known["territory"] if known else act.territory
    require(act.actor, Doing.PUBLISH_STRUCTURE, Thing(territory, structure=structure))
    communes = {row["code"] for row in published(tx, act)["facts"]["communes"]}
    agreed = _limit(StructureBody.model_validate(known["facts"])) if known else NO_LIMIT
    if _limit(body) != agreed:
        _check_limit(act, body)
    refuse_if(_problems(tx, act, structure, body, communes))
    facts = body.model_dump(mode="json")
    store.put(tx, store.structures, _row(act, structure, facts))
    _publish_sections(tx, act, structure, body)
    declared(tx, act, act.say(StructurePublished, structure, **facts))
    return structure


Limit = tuple[int | None, date | None, LimitReason | None]
NO_LIMIT: Limit = (None, None, None)


def _limit(body: StructureBody) -> Limit:
    return body.prepared_support, body.support_until, body.support_reason


def _check_limit(act: Act, body: StructureBody) -> None:
    """A structure sets no limit of its own to the children with adapted care: the guichet does, with it, for a reason
    and until a day. Lifting one is nobody's loss; one that stands may be said again as it is, over or not.

    Raises Refused.
    """
    if _limit(body) == NO_LIMIT:
        return
    if act.actor.role is Role.STRUCTURE:
        raise forbidden("prepared_support")
    refuse_if(_limit_problems(body, act.today))


def _limit_problems(body: StructureBody, today: date) -> Iterator[Problem]:
    if body.prepared_support is None:
        rule = "Une date et un motif vont avec une limite."
        yield Problem("prepared_support", "limit_wanted", rule, "Donnez le nombre d'enfants, ou effacez les deux.")
        return
    if body.support_reason is None:
        rule = "Une limite de l'accueil adapté a un motif."
        yield Problem("support_reason", "reason_wanted", rule, "Choisissez-le dans la liste, ou levez la limite.")
    if body.support_until is None or not today <= body.support_until <= today + LONGEST_LIMIT:
        rule = "Une limite de l'accueil adapté a une date de fin, dans un an au plus."
        yield Problem("support_until", "end_wanted", rule, "Donnez son dernier jour, ou levez la limite.")


def _row(act: Act, structure: str, facts: dict[str, object]) -> dict[str, object]:
    columns = {name: facts[name] for name in ("name", "commune", "kind", "award_mode")}
    return {"id": structure, "territory": act.territory, **columns, "facts": facts, "published_at": act.now}


def _publish_sections(tx: sa.Connection, act: Act, structure: str, body: StructureBody) -> None:
    tx.execute(sa.update(store.sections).where(store.sections.c.structure == structure).values(closed=True))
    for section in body.sections:
        facts = section.model_dump(exclude={"section", "starts_per_week"})
        row = {"id": section.section, "structure": structure, "territory": act.territory, "closed": False, **facts}
        store.put(tx, store.sections, row)


def _problems(
    tx: sa.Connection, act: Act, structure: str, body: StructureBody, communes: set[str]
) -> Iterator[Problem]:  # fmt: skip
    yield from _check_commune(body.commune, communes)
    yield from check_slots(body.opening, "opening", may_mix=True)
    yield from _check_sections(tx, structure, body)
    yield from _check_born(body, act.today)


def _check_born(body: StructureBody, today: date) -> Iterator[Problem]:
    """A child with a wrong year would count nowhere, and the staff would seem to be enough."""
    born = [row.born for row in body.staffing.present] if body.staffing else []
    if any(day > today for days in born for day in days):
        rule = "Un enfant présent a une date de naissance passée."
        yield Problem("staffing.present", "born_in_future", rule, "Vérifiez l'année de naissance.")
    if any(today - day > ELDEST for days in born for day in days):
        yield Problem("staffing.present", "too_old", "Un enfant présent est mineur.", "Vérifiez l'année de naissance.")
    if any(len(days) > _MOST_PLACES for days in born):
        rule = f"Une heure a au plus {_MOST_PLACES} enfants présents."
        yield Problem("staffing.present", "too_many_children", rule, "Vérifiez les dates.")


def _check_commune(commune: str, communes: set[str]) -> Iterator[Problem]:
    if commune not in communes:
        rule = "La commune fait partie du territoire."
        yield Problem("commune", "commune_outside", rule, "Donnez le code Insee d'une commune du territoire.")


def _check_sections(tx: sa.Connection, structure: str, body: StructureBody) -> Iterator[Problem]:
    ids = [section.section for section in body.sections]
    if len(set(ids)) < len(ids):
        rule = "Chaque section a son identifiant."
        yield Problem("sections", "section_twice", rule, "Donnez un identifiant à chacune.")
    for n, section in enumerate(body.sections):
        yield from check_range(section.age_from_months, section.age_to_months, f"sections.{n}.age_to_months")
        if section.places > _MOST_PLACES:
            rule = f"Une section a au plus {_MOST_PLACES} places."
            yield Problem(f"sections.{n}.places", "too_many_places", rule, "Vérifiez le nombre.")
        if not section.name or len(section.name) > 80 or "\0" in section.name:
            rule = "Le nom de la section a de 1 à 80 lettres."
            yield Problem(f"sections.{n}.name", "name_length", rule, "Raccourcissez-le ou complétez-le.")
    foreign = sa.select(store.sections.c.id).where(
        store.sections.c.id.in_(ids), store.sections.c.structure != structure
    )
    for id_ in tx.scalars(foreign):
        rule = "Cette section appartient à une autre structure."
        yield Problem(f"sections.{ids.index(id_)}.section", "section_taken", rule, "Choisissez un autre identifiant.")

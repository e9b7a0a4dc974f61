"""Brothers and sisters whose family asks for their places together, or for each by itself again."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Annotated, Any

import sqlalchemy as sa
from pydantic import Field

from contracts.siblings import SiblingsAsked, SiblingsCombination, SiblingsParted, Together
from contracts.vocabulary import Id, RequestKind
from services.ingest import store
from services.ingest.access import Doing, require
from services.ingest.actors import Act
from services.ingest.audited import declared
from services.ingest.declare.bodies import Body
from services.ingest.declare.requests import open_request, thing_of
from services.ingest.problems import Problem, conflict, refuse_if, unknown

MOST_CHILDREN = 6
MOST_COMBINATIONS = 50


class SiblingsBody(Body):
    """What a family asks of the places of its children; with `combinations` only those count, in their order."""

    requests: Annotated[tuple[Id, ...], Field(min_length=2, max_length=MOST_CHILDREN)]
    together: Annotated[tuple[Together, ...], Field(max_length=len(Together))] = ()
    combinations: Annotated[tuple[SiblingsCombination, ...], Field(max_length=MOST_COMBINATIONS)] = ()


def ask_together(tx: sa.Connection, act: Act, body: SiblingsBody) -> str:
    """Decide these open requests together from now on; what was asked of them before is over. Returns the id."""
    rows = [open_request(tx, act, request) for request in dict.fromkeys(body.requests)]
    refuse_if(_check(body, rows))
    facts = body.model_dump(mode="json") | {"requests": sorted(row["id"] for row in rows)}
    before = groups_of(tx, rows[0]["family"])
    if same := next((row["id"] for row in before if all(row[name] == facts[name] for name in facts)), None):
        return str(same)
    for row in before:
        if set(row["requests"]) & set(facts["requests"]):
            _part(tx, act, row["id"])
    siblings = act.new_id("B")
    about = {"territory": act.territory, "family": rows[0]["family"]}
    store.put(tx, store.siblings, {"id": siblings, **about, **facts, "asked_at": act.now})
    declared(tx, act, act.say(SiblingsAsked, siblings, family=rows[0]["family"], **facts))
    return siblings


def part(tx: sa.Connection, act: Act, siblings: Id) -> None:
    """Each of the children is asked for by itself from now on."""
    row = store.find(tx, store.siblings, siblings)
    if row is None or row["territory"] != act.territory:
        raise unknown("siblings", "cette fratrie")
    for request in row["requests"]:
        require(act.actor, Doing.AMEND_REQUEST, thing_of(store.find(tx, store.requests, request) or {}))
    if row["parted_at"] is not None:
        raise conflict("siblings", "already_parted", "Ces enfants sont déjà demandés à part.", "Il n'y a rien à faire.")
    _part(tx, act, siblings)


def groups_of(tx: sa.Connection, family: str) -> list[dict[str, Any]]:
    """The children of a family that are asked for together now."""
    own = (store.siblings.c.family == family, store.siblings.c.parted_at.is_(None))
    return store.rows(tx, sa.select(store.siblings).where(*own).order_by(store.siblings.c.id))


def _part(tx: sa.Connection, act: Act, siblings: str) -> None:
    store.update(tx, store.siblings, siblings, parted_at=act.now)
    declared(tx, act, act.say(SiblingsParted, siblings, said_by=act.actor.id))


def _check(body: SiblingsBody, rows: list[dict[str, Any]]) -> Iterator[Problem]:
    if len(rows) < len(body.requests) or len({row["child"] for row in rows}) < len(rows):
        rule = "Chaque enfant est cité une fois."
        yield Problem("requests", "child_twice", rule, "Gardez une demande par enfant.")
    if len({row["family"] for row in rows}) > 1:
        rule = "Les demandes sont celles d'une même famille."
        yield Problem("requests", "other_family", rule, "Choisissez les demandes d'une seule famille.")
    if any(row["kind"] != RequestKind.REGULAR.value for row in rows):
        rule = "Seules des demandes régulières se décident ensemble."
        yield Problem("requests", "not_regular", rule, "Demandez les autres à part.")
    if not (body.together or body.combinations):
        rule = "La famille dit ce qu'elle demande pour ses enfants."
        yield Problem("together", "wish_wanted", rule, "Choisissez au moins un souhait.")
    yield from _check_combinations(body, {row["id"]: row for row in rows})


def _check_combinations(body: SiblingsBody, rows: Mapping[str, Mapping[str, Any]]) -> Iterator[Problem]:
    for n, combination in enumerate(body.combinations):
        named = [seat.request for seat in combination.seats]
        field = f"combinations.{n}.seats"
        if len(set(named)) < len(named) or not set(named) <= set(rows):
            rule = "Une combinaison cite chaque enfant de la fratrie une fois au plus."
            yield Problem(field, "not_of_them", rule, "Corrigez les demandes citées.")
        elif not any(seat.structure for seat in combination.seats):
            rule = "Une combinaison place au moins un enfant."
            yield Problem(field, "nobody_placed", rule, "Donnez une structure à un enfant.")
        elif any(seat.structure and seat.structure not in _wished(rows[seat.request]) for seat in combination.seats):
            rule = "Une combinaison cite des vœux de l'enfant."
            yield Problem(field, "not_wished", rule, "Ajoutez la structure à ses vœux.")


def _wished(row: Mapping[str, Any]) -> set[str]:
    return {wish["structure"] for wish in row["need"]["wishes"]}

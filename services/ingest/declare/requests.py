"""Requests for a place: registered, amended, closed. Contacts and first names went to the vault before."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from contracts.requests import DeclaredCriterion, RequestAmended, RequestClosed, RequestRegistered
from contracts.vocabulary import HEALTH_CRITERIA, ClosingReason, Id
from services.ingest import store
from services.ingest.access import Doing, Seen, Thing, may_see, require
from services.ingest.actors import Act, Role
from services.ingest.audited import declared
from services.ingest.credentials import person_named
from services.ingest.declare.bodies import Body
from services.ingest.declare.current_places import require_own_place
from services.ingest.declare.needs import NeedBody, check_need, facts_of
from services.ingest.declare.territories import require_published
from services.ingest.problems import Refused, conflict, forbidden, invalid, refuse_if, unknown


class ClosingBody(Body):
    reason: ClosingReason


def check_registration(tx: sa.Connection, act: Act, need: NeedBody, family: str | None = None) -> None:
    """Everything that would refuse the request, before contacts are written. Raises Refused."""
    require(act.actor, Doing.REGISTER_REQUEST, Thing(act.territory, prescriber=_prescriber(act, need)))
    require_published(tx, act)
    _check_prescriber(tx, act, need)
    if family is not None:
        _check_family(tx, act, family)
    refuse_if(check_need(tx, act, need))


def register_request(tx: sa.Connection, act: Act, need: NeedBody, *, request: Id, family: Id, child: Id) -> str:
    """Keep the request and say it. The ids come from the door, which wrote the vault under them. Returns its id."""
    check_registration(tx, act, need, family)
    if store.find(tx, store.requests, request) is not None:
        raise conflict("request", "taken", "Cette demande existe déjà.", "Modifiez-la au lieu de la créer.")
    require_own_place(tx, act, need.current, family, child)
    facts = {**facts_of(tx, act, need), "family": family, "child": child}
    row = {"id": request, "territory": act.territory, "state": store.OPEN, "registered_at": act.now, **_columns(facts)}
    store.put(tx, store.requests, row)
    declared(tx, act, act.say(RequestRegistered, request, **facts))
    return request


def check_amendment(tx: sa.Connection, act: Act, request: str, need: NeedBody) -> dict[str, Any]:
    """The open request, if the actor may amend it so. Raises Refused."""
    row = open_request(tx, act, request)
    if need.prescriber != row["prescriber"]:  # whoever prescribed may have left since
        _check_prescriber(tx, act, need)
    refuse_if(check_need(tx, act, need, before=row["need"]))
    return row


def amend_request(tx: sa.Connection, act: Act, request: Id, need: NeedBody, version: str | None = None) -> None:
    """The whole need as it is from now on. A proposal that no longer fits is the matcher's to withdraw.

    `version` is the state of the request that the need was made from: nobody overwrites what somebody else wrote
    meanwhile. Raises Refused.
    """
    store.one_at_a_time(tx, request)
    row = check_amendment(tx, act, request, need)
    if version not in (None, version_of(row)):
        raise changed_meanwhile()
    require_own_place(tx, act, need.current, row["family"], row["child"])
    need = _with_unseen(act, row, need)
    facts = {**facts_of(tx, act, need), "family": row["family"], "child": row["child"]}
    facts["prescriber"] = facts["prescriber"] or row["prescriber"]
    store.update(tx, store.requests, request, amended_at=act.now, **_columns(facts))
    declared(tx, act, act.say(RequestAmended, request, **facts))


def version_of(row: Mapping[str, Any]) -> str:
    """Which state of a request this is."""
    return str(row["amended_at"] or row["registered_at"])


def need_of(row: Mapping[str, Any]) -> dict[str, Any]:
    """The whole need as it is kept, for an amendment that changes one thing of it."""
    return {name: row["need"][name] for name in NeedBody.model_fields if name in row["need"]}


def changed_meanwhile() -> Refused:
    rule = "La demande a changé entre-temps."
    return conflict("request", "changed_meanwhile", rule, "Rouvrez le formulaire, puis recommencez.")


def _with_unseen(act: Act, row: Mapping[str, Any], need: NeedBody) -> NeedBody:
    """What the guichet verified of a child's health stays, where whoever amends may not see it."""
    if may_see(act.actor, Seen.HEALTH, thing_of(row)):
        return need
    lines = [DeclaredCriterion.model_validate(line) for line in row["need"]["criteria"]]
    unseen = [line for line in lines if line.validated and line.criterion in HEALTH_CRITERIA]
    taken = {(line.criterion, line.structure) for line in unseen}
    seen = [line for line in need.criteria if (line.criterion, line.structure) not in taken]
    return need.model_copy(update={"criteria": (*seen, *unseen)})


def close_request(tx: sa.Connection, act: Act, request: Id, body: ClosingBody) -> None:
    """A person says that nothing is wanted any more; of a closed request still that it be erased."""
    if body.reason is ClosingReason.ERASED:
        _not_erased(tx, act, request)
        record_erasure(tx, act, request)
        return
    open_request(tx, act, request)
    record_closing(tx, act, request, body.reason, act.actor.id)


def erase_requests(tx: sa.Connection, act: Act, request: Id) -> None:
    """The family of `request` asks that nothing be known of it: all of its requests are erased. Raises Refused."""
    family = _not_erased(tx, act, request)["family"]
    for row in tx.execute(_OF_FAMILY, {"family": family}).mappings().all():
        require(act.actor, Doing.ERASE_FAMILY, thing_of(dict(row)))
        record_erasure(tx, act, row["id"])


def record_closing(tx: sa.Connection, act: Act, request: str, reason: ClosingReason, said_by: str) -> None:
    """Close an open request; one that is closed already stays as it is."""
    table = store.requests
    values = {"state": store.CLOSED, "closing_reason": reason.value, "closed_at": act.now}
    still_open = sa.update(table).where(table.c.id == request, table.c.state == store.OPEN).values(**values)
    if tx.execute(still_open.returning(table.c.id)).first() is not None:
        declared(tx, act, act.say(RequestClosed, request, reason=reason, said_by=said_by))


def record_erasure(tx: sa.Connection, act: Act, request: str) -> bool:
    """Close a request, open or closed, so that nothing of it is kept. False if it was erased already: it stays so."""
    table = store.requests
    values = {"state": store.CLOSED, "closing_reason": ClosingReason.ERASED.value, "closed_at": act.now}
    kept = sa.update(table).where(table.c.id == request, store.is_kept()).values(**values)
    if tx.execute(kept.returning(table.c.id)).first() is None:
        return False
    declared(tx, act, act.say(RequestClosed, request, reason=ClosingReason.ERASED, said_by=act.actor.id))
    return True


def open_request(tx: sa.Connection, act: Act, request: str, doing: Doing = Doing.AMEND_REQUEST) -> dict[str, Any]:
    """The request, if it is open and the actor may do this to it. Raises Refused."""
    row = _known(tx, act, request, doing)
    if row["state"] != store.OPEN:
        raise conflict("request", "closed", "Cette demande est close.", "Enregistrez une nouvelle demande.")
    return row


def _not_erased(tx: sa.Connection, act: Act, request: str) -> dict[str, Any]:
    row = _known(tx, act, request, Doing.ERASE_FAMILY)
    if row["closing_reason"] == ClosingReason.ERASED:
        raise conflict("request", "erased", "Cette demande est déjà effacée.", "Il n'y a rien à faire.")
    return row


def _known(tx: sa.Connection, act: Act, request: str, doing: Doing) -> dict[str, Any]:
    row = store.find(tx, store.requests, request)
    if row is None or row["territory"] != act.territory:
        raise unknown("request", "cette demande")
    require(act.actor, doing, thing_of(row))
    return row


def thing_of(row: Mapping[str, Any]) -> Thing:
    return Thing(row["territory"], prescriber=row["prescriber"], request=row["id"])


def families_known(tx: sa.Connection) -> list[str]:
    """Families that a request knows and that were not to be erased: the others in the vault are orphans."""
    return list(tx.scalars(store.families_kept().order_by(store.requests.c.family)))


def is_family_known(tx: sa.Connection, family: str) -> bool:
    """The same of one family."""
    return tx.scalar(store.families_kept().where(store.requests.c.family == family)) is not None


def _columns(facts: Mapping[str, Any]) -> dict[str, Any]:
    return {**{name: facts[name] for name in ("family", "child", "kind", "prescriber")}, "need": dict(facts)}


def _prescriber(act: Act, need: NeedBody) -> str | None:
    return need.prescriber or (act.actor.id if act.actor.role is Role.COUNSELLOR else None)


def _check_prescriber(tx: sa.Connection, act: Act, need: NeedBody) -> None:
    """A counsellor prescribes in its own name; the guichet may name one that is known."""
    if need.prescriber is None or need.prescriber == act.actor.id:
        return
    if act.actor.role is Role.COUNSELLOR:
        raise forbidden("prescriber")
    person = person_named(tx, need.prescriber)
    if person is None or person["role"] != Role.COUNSELLOR or person["territory"] != act.territory:
        rule = "Le prescripteur est un conseiller du territoire."
        raise invalid("prescriber", "unknown_prescriber", rule, "Choisissez-le dans la liste.")


def _check_family(tx: sa.Connection, act: Act, family: str) -> None:
    """Nobody adds to the file of a family that is not theirs."""
    for row in tx.execute(_OF_FAMILY, {"family": family}).mappings():
        require(act.actor, Doing.AMEND_REQUEST, thing_of(dict(row)), "family")


_OF_FAMILY = (
    sa.select(store.requests).where(store.requests.c.family == sa.bindparam("family")).order_by(store.requests.c.id)
)

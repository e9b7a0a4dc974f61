"""Free places, as a structure posts, changes, withdraws and confirms them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Annotated, Any

import sqlalchemy as sa
from pydantic import AwareDatetime, Field

from contracts.vacancies import (
    FreePlaces,
    SnapshotDeclared,
    VacancyChanged,
    VacancyOpened,
    VacancyReconfirmed,
    VacancyWithdrawn,
)
from contracts.vocabulary import Audience, Id, Period, Slot, VacancyKind, WithdrawalReason
from services.ingest import store
from services.ingest.access import Doing, Thing, require
from services.ingest.actors import Act
from services.ingest.audited import declared, declared_many
from services.ingest.declare.agreements import published
from services.ingest.declare.bodies import Body, Places, check_period
from services.ingest.declare.posted import check_snapshot, check_vacancy, sections_with_opening
from services.ingest.problems import Refused, conflict, invalid, refuse_if, unknown

BY_STRUCTURE = frozenset(
    {
        WithdrawalReason.STAFF_SHORTAGE,
        WithdrawalReason.ALREADY_FILLED,
        WithdrawalReason.CLOSURE,
        WithdrawalReason.POSTED_BY_MISTAKE,
    }
)
"""Why a structure may take a place back; the other reasons of the list are the machine's or the guichet's."""


class VacancyBody(Body):
    """`places` are free at each of `slots` on the days of `period`, what Berceau placed there already taken off."""

    section: Id
    kind: VacancyKind
    slots: Annotated[tuple[Slot, ...], Field(min_length=1, max_length=200)]
    places: Annotated[int, Field(ge=1, le=500)]
    period: Period
    audience: Audience = Audience.EVERYBODY
    release_at: AwareDatetime | None = None
    agreement: Id | None = None


class ChangeBody(Body):
    """The places left from now on, and the days where they moved. What Berceau placed is taken off already; what it
    proposes at the moment is not: fewer places than proposals withdraw the lowest claim."""

    places: Places
    period: Period | None = None


class WithdrawalBody(Body):
    reason: WithdrawalReason


class SnapshotBody(Body):
    """All that a section has free `as_of`: the whole picture, not a difference."""

    section: Id
    free: Annotated[tuple[FreePlaces, ...], Field(max_length=200)]
    as_of: AwareDatetime


@dataclass(frozen=True)
class Post:
    """Free places that `act` posts. `vacancy`: its id where the door has its own."""

    act: Act
    body: VacancyBody
    vacancy: Id | None = None


def open_vacancy(tx: sa.Connection, act: Act, body: VacancyBody, *, vacancy: Id | None = None) -> str:
    """Post free places. Returns the vacancy's id: the door's own (a file names it, and made sure that it is free)."""
    (opened,) = open_vacancies(tx, [Post(act, body, vacancy)])
    if isinstance(opened, Refused):
        raise opened
    return opened


def open_vacancies(tx: sa.Connection, posts: Sequence[Post]) -> list[str | Refused]:
    """Post what is right of many, each row of a kind in one statement. Each one's id, or why it is refused."""
    sections = sections_with_opening(tx, {post.body.section for post in posts})
    checked = [_checked(tx, post, sections.get(post.body.section)) for post in posts]
    opened = [(post, good) for post, good in zip(posts, checked, strict=True) if not isinstance(good, Refused)]
    rows = [_row(post.act, id_, section, post.body, post.act.now) for post, (id_, section) in opened]
    store.put_many(tx, store.vacancies, rows)
    declared_many(tx, [(post.act, _opened(post, id_, section)) for post, (id_, section) in opened])
    return [good if isinstance(good, Refused) else good[0] for good in checked]


def _checked(
    tx: sa.Connection, post: Post, found: dict[str, Any] | None
) -> tuple[str, Mapping[str, Any]] | Refused:  # fmt: skip
    """The vacancy's id and its section, or why it is refused."""
    try:
        section = published(tx, post.act, found)
        _require(post.act, section["structure"])
        refuse_if(check_vacancy(tx, post.act, post.body, section))
    except Refused as refused:
        return refused
    return post.vacancy or post.act.new_id("V"), section


def _opened(post: Post, id_: str, section: Mapping[str, Any]) -> VacancyOpened:
    facts = {**dict(post.body), "structure": section["structure"], "said_by": post.act.actor.id}
    return post.act.say(VacancyOpened, id_, **facts)


def change_vacancy(tx: sa.Connection, act: Act, vacancy: Id, body: ChangeBody) -> None:
    """Say how many places it has from now on. Which proposals lose theirs is the matcher's to say."""
    row = _open_vacancy(tx, act, vacancy)
    if body.period is not None:
        _check_moved(act, row, body.period)
    period = body.period or Period(start=row["start"], end=row["end"])
    values = {"places": body.places, "start": period.start, "end": period.end}
    store.update(tx, store.vacancies, vacancy, **values, counted_at=act.now, confirmed_at=act.now)
    declared(tx, act, act.say(VacancyChanged, vacancy, **body.model_dump(), said_by=act.actor.id))


def withdraw_vacancy(tx: sa.Connection, act: Act, vacancy: Id, body: WithdrawalBody) -> None:
    """Take the places back, for a reason of the list."""
    _open_vacancy(tx, act, vacancy)
    if body.reason not in BY_STRUCTURE:
        labels = ", ".join(sorted(reason.label for reason in BY_STRUCTURE))
        rule = "Une structure retire une place pour un motif de la liste."
        raise invalid("reason", "reason_not_listed", rule, f"Choisissez parmi\u00a0: {labels}.")
    store.update(tx, store.vacancies, vacancy, withdrawn_at=act.now, withdrawal_reason=body.reason.value)
    declared(tx, act, act.say(VacancyWithdrawn, vacancy, reason=body.reason, said_by=act.actor.id))


def reconfirm_vacancy(tx: sa.Connection, act: Act, vacancy: Id) -> None:
    """ "Toujours libre"."""
    _open_vacancy(tx, act, vacancy)
    store.update(tx, store.vacancies, vacancy, confirmed_at=act.now)
    declared(tx, act, act.say(VacancyReconfirmed, vacancy, said_by=act.actor.id))


def declare_snapshot(tx: sa.Connection, act: Act, body: SnapshotBody) -> str:
    """All that a section has free at one instant. It replaces the section's regular vacancies. Returns its id."""
    section = published(tx, act, sections_with_opening(tx, {body.section}).get(body.section))
    _require(act, section["structure"])
    refuse_if(check_snapshot(tx, act, body, section))
    id_ = act.new_id("N")
    store.replace_snapshot(tx, body.section, act.now)
    store.put(tx, store.snapshots, {"id": id_, "section": body.section, "as_of": body.as_of})
    for n, free in enumerate(body.free):
        post = VacancyBody.model_construct(section=body.section, kind=VacancyKind.REGULAR, **_facts_of(free))
        store.put(tx, store.vacancies, _row(act, f"{id_}-{n}", section, post, body.as_of, snapshot=id_))
    facts = {**body.model_dump(), "structure": section["structure"], "said_by": act.actor.id}
    declared(tx, act, act.say(SnapshotDeclared, id_, **facts))
    return id_


def _facts_of(free: FreePlaces) -> dict[str, Any]:
    plain = {"audience": Audience.EVERYBODY, "release_at": None, "agreement": None}
    return {"slots": free.slots, "places": free.places, "period": free.period, **plain}


def _row(
    act: Act, id_: str, section: Mapping[str, Any], body: VacancyBody, since: datetime, snapshot: str | None = None
) -> dict[str, Any]:  # fmt: skip
    return {
        "id": id_,
        "territory": act.territory,
        "structure": section["structure"],
        "section": body.section,
        "kind": body.kind.value,
        "slots": [slot.model_dump(mode="json") for slot in body.slots],
        "places": body.places,
        "start": body.period.start,
        "end": body.period.end,
        "audience": body.audience.value,
        "release_at": body.release_at,
        "agreement": body.agreement,
        "snapshot": snapshot,
        "said_by": act.actor.id,
        "opened_at": act.now,
        "counted_at": since,
        "confirmed_at": since,
    }


def _open_vacancy(tx: sa.Connection, act: Act, vacancy: str) -> dict[str, Any]:
    row = store.find(tx, store.vacancies, vacancy)
    if row is None or row["territory"] != act.territory:
        raise unknown("vacancy", "cette place")
    _require(act, row["structure"])
    if row["withdrawn_at"] is not None:
        rule = "Cette place a été retirée ou remplacée."
        raise conflict("vacancy", "already_withdrawn", rule, "Publiez-en une nouvelle si elle est libre.")
    if row["snapshot"] is not None:
        rule = "Cette place vient d'un état complet de la section."
        raise conflict("vacancy", "from_snapshot", rule, "Envoyez un nouvel état complet.")
    return row


def _check_moved(act: Act, row: Mapping[str, Any], period: Period) -> None:
    if period.start != row["start"] and period.start < act.today:
        rule = "Le début ne se déplace pas dans le passé."
        raise invalid("period.start", "in_the_past", rule, "Gardez le début, ou indiquez une date à venir.")
    refuse_if(check_period(period, act.today, "period", may_have_begun=True))


def _require(act: Act, structure: str) -> None:
    require(act.actor, Doing.POST_PLACES, Thing(act.territory, structure=structure))

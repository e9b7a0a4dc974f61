"""Proposals and placements as each person may see them."""

from __future__ import annotations

from collections.abc import Collection, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from contracts.requests import NeedFacts
from contracts.vocabulary import Answer, Period, ProposalState, Slot, VacancyKind, WithdrawalReason
from services.bus.links import fingerprint
from services.calendar import local_day
from services.ingest import store
from services.ingest.access import Seen, Thing, may_see, reveal
from services.ingest.actors import Actor, Role
from services.ingest.declare.vacancies import BY_STRUCTURE
from services.ingest.problems import unknown
from services.ingest.projection.proposals import awaited, still_to_move
from services.ingest.projection.tables import (
    WHOLE,
    explanations,
    history,
    messages,
    placements,
    proposals,
    verdicts,
)
from services.ingest.queries.directory import named_structures
from services.ingest.queries.on_call import age_months
from services.ingest.queries.places import named_sections, section_facts

_PEOPLE = {"first_name": None, "contacts": ()}
"""Filled from the vault by `people.with_people`, for those who may see them."""

_LATER = {"accepts_partial", "min_days", "current", "accepts_split", "within_minutes"}
"""Fields that needs kept before do not say."""

_PLAIN = (
    "state", "deadline", "answer_by", "confirm_by", "undo_until", "made_at", "after_yes", "round", "refusal_reason",
    "withdrawal_reason", "changed_at", "family", "request", "to_prepare", "tier", "points", "reasons", "held_by",
    "needs_person", "rank", "code", "held_until", "held_reason", "partial", "siblings",
    "wave", "asked_at_once", "asked_as", "half_confirmed",
)  # fmt: skip


def family_of_link(tx: sa.Connection, token: str) -> Actor | None:
    """Whose proposal this link opens: the family, as the contact that was reached last.

    The mark behind the token says which contact it was sent to (`links.whose`).
    """
    row = tx.execute(sa.select(proposals).where(proposals.c.link == fingerprint(token))).mappings().first()
    if row is None or row["family"] is None:
        return None
    return Actor(
        reached_contact(tx, row["id"]) or row["family"], Role.FAMILY, row["territory"],
        family=row["family"], request=row["request"], proposal=row["id"],
    )  # fmt: skip


def said_wrong_number(tx: sa.Connection, contact: str) -> bool:
    """Whether this contact ever answered with ERREUR, whatever the proposal."""
    said = sa.select(verdicts.c.reply).where(
        verdicts.c.answered_by == contact, verdicts.c.answer == Answer.ERREUR.value
    )
    return tx.scalar(said.limit(1)) is not None


def answered_from(tx: sa.Connection, contacts: Collection[str]) -> frozenset[str]:
    """Those whose last answer that decides anything was not ERREUR, whatever proposal it was about: whoever says ERREUR
    there means something else."""
    told = (verdicts.c.answered_by.in_(contacts), verdicts.c.answer != Answer.RAPPEL)
    query = sa.select(verdicts.c.answered_by, verdicts.c.answer).where(*told)
    last = {row.answered_by: row.answer for row in tx.execute(query.order_by(verdicts.c.received_at, verdicts.c.reply))}
    return frozenset(contact for contact, answer in last.items() if answer != Answer.ERREUR)


def proposal(tx: sa.Connection, actor: Actor, id_: str, now: datetime) -> dict[str, Any]:
    """One proposal with its place, its child, its reasons and its history, as far as the actor may see them."""
    row = store.find(tx, proposals, id_)
    thing = _thing(tx, row) if row is not None and row["territory"] == actor.territory else None
    if row is None or thing is None or not may_see(actor, Seen.PROPOSAL, thing):
        raise unknown("proposal", "cette proposition")
    return reveal(actor, thing, {**_facts(tx, actor, row, now), **_story(tx, row)})


def proposals_of(
    tx: sa.Connection, actor: Actor, now: datetime, *, structure: str | None = None, request: str | None = None,
    states: Collection[ProposalState] | None = None, limit: int = 500,
) -> list[dict[str, Any]]:  # fmt: skip
    """The proposals that the actor may see, newest first; for a family its own only."""
    wanted = [proposals.c.territory == actor.territory]
    wanted += [proposals.c.structure == structure] if structure else []
    wanted += [WHOLE] if structure is None and actor.role is not Role.STRUCTURE else []
    wanted += [proposals.c.request == request] if request else []
    wanted += [proposals.c.id == actor.proposal] if actor.role is Role.FAMILY else []
    wanted += [proposals.c.structure == actor.structure] if actor.role is Role.STRUCTURE else []
    wanted += [proposals.c.request.in_(_own_requests(actor))] if actor.role is Role.COUNSELLOR else []
    wanted += [proposals.c.state.in_(sorted(states))] if states is not None else []
    newest = (proposals.c.made_at.desc().nulls_last(), proposals.c.id)
    rows = store.rows(tx, sa.select(proposals).where(*wanted).order_by(*newest).limit(limit))
    things = [(row, _thing(tx, row)) for row in rows]
    return [reveal(actor, t, _facts(tx, actor, row, now)) for row, t in things if may_see(actor, Seen.PROPOSAL, t)]


def to_confirm(tx: sa.Connection, actor: Actor, now: datetime, structure: str | None = None) -> list[dict[str, Any]]:
    """Children whose families said OUI and whose admission is not settled, the most urgent first. Of a week that two
    structures share, this one may have confirmed its half (`half_confirmed`): it waits for the other."""
    accepted = {ProposalState.ACCEPTED}
    views = proposals_of(tx, actor, now, structure=structure or actor.structure, states=accepted)
    return sorted(views, key=lambda view: (view["confirm_by"] or now, view["proposal"]))


def placements_of(tx: sa.Connection, actor: Actor, structure: str, now: datetime) -> list[dict[str, Any]]:
    """The children who have, or will have, their place in a structure."""
    lasting = (placements.c.structure == structure, placements.c.ended_at.is_(None), placements.c.proposal.is_not(None))
    rows = store.rows(tx, sa.select(placements).where(*lasting).order_by(placements.c.start, placements.c.id))
    found = [(row, store.find(tx, proposals, row["proposal"])) for row in rows]
    things = [(made, _thing(tx, made)) for _, made in found if made is not None]
    return [reveal(actor, t, _facts(tx, actor, made, now)) for made, t in things if may_see(actor, Seen.PROPOSAL, t)]


def _own_requests(actor: Actor) -> sa.Select[Any]:
    return sa.select(store.requests.c.id).where(store.requests.c.prescriber == actor.id)


def _thing(tx: sa.Connection, row: dict[str, Any]) -> Thing:
    request = store.find(tx, store.requests, row["request"]) if row["request"] else None
    prescriber = request["prescriber"] if request else None
    return Thing(
        row["territory"], structure=row["structure"], prescriber=prescriber, proposal=row["id"],
        request=row["request"], after_yes=row["after_yes"],
    )  # fmt: skip


def _facts(tx: sa.Connection, actor: Actor, row: dict[str, Any], now: datetime) -> dict[str, Any]:
    """Everything about a proposal, before the actor's eyes are asked for."""
    section = named_sections(tx, [row["section"]] if row["section"] else []).get(row["section"])
    place = section_facts(section) if section else {"structure": row["structure"], "section": row["section"]}
    hours = tuple(Slot.model_validate(slot) for slot in row["slots"])
    period = Period(start=row["start"], end=row["end"]) if row["start"] else None
    kind = VacancyKind(row["kind"]) if row["kind"] else None
    own = {"proposal": row["id"], "slots": hours, "period": period, "kind": kind}
    return {
        **place, **own, **{name: row[name] for name in _PLAIN}, **_placement(tx, row["id"]),
        **need_facts(tx, row["request"], now), **_moves(tx, row), **_shared(tx, actor, row), **_PEOPLE,
    }  # fmt: skip


def _shared(tx: sa.Connection, actor: Actor, row: dict[str, Any]) -> dict[str, Any]:
    """Whether two structures share the week, and what the other one gives of it."""
    name = row["other_half"] or row["half_of"]
    other = store.find(tx, proposals, name) if name else None
    if other is None:
        return {"shared": False, "other_half": None}
    place = named_sections(tx, [other["section"]]).get(other["section"])
    facts = section_facts(place) if place else {"structure": other["structure"], "structure_name": ""}
    slots = tuple(Slot.model_validate(slot) for slot in other["slots"])
    own = {"proposal": other["id"], "slots": slots, "half_confirmed": other["half_confirmed"]}
    halves = (
        _of_its_own(row) if actor.role is Role.STRUCTURE else {"to_prepare": row["to_prepare"] or other["to_prepare"]}
    )
    return {"shared": True, "other_half": {**facts, **own, **_placement(tx, other["id"])}, **halves}


def _of_its_own(row: dict[str, Any]) -> dict[str, Any]:
    """Why a shared week ended, as far as one of the two structures may know: what ails the other one is not its own."""
    by_other = row["refused_by"] not in (None, row["structure"])
    by_either = row["withdrawal_reason"] in BY_EITHER
    return {
        "refusal_reason": None if by_other else row["refusal_reason"],
        "withdrawal_reason": None if by_either else row["withdrawal_reason"],
    }


BY_EITHER = BY_STRUCTURE | {WithdrawalReason.CAPACITY_REDUCED}
"""Reasons that a structure gives; whose it was is not said with them."""


def _moves(tx: sa.Connection, row: dict[str, Any]) -> dict[str, Any]:
    """The place that the child would give up, and whether it waits for others to move first."""
    held = store.find(tx, placements, row["replaces"]) if row["replaces"] else None
    place = _place(tx, held, row) if held is not None and held["section"] else None
    own, everybodys = still_to_move(tx, row["after"]), awaited(tx, row)
    return {"replaces": place, "awaits": len(everybodys), "awaits_sibling": bool(everybodys - own)}


def _place(tx: sa.Connection, held: dict[str, Any], row: dict[str, Any]) -> dict[str, Any]:
    """`ends_on`: its last day, where that comes before the new place, whatever the family answers. Of a week that two
    structures share both are named where both end."""
    places, starts = [held, *_left_with(tx, held, row)], row["start"]
    names = named_structures(tx, [place["structure"] for place in places])
    slots = tuple(Slot.model_validate(slot) for place in places for slot in place["slots"])
    last = held["last_day"] or (held["end"] - timedelta(days=1) if held["end"] else None)
    ends_on = last if last and starts and last < starts else None
    name = " et ".join(names.get(place["structure"], "") for place in places)
    return {"placement": held["id"], "structure_name": name, "slots": slots, "ends_on": ends_on}


def _left_with(tx: sa.Connection, held: dict[str, Any], row: dict[str, Any]) -> list[dict[str, Any]]:
    """The other half of a shared week, where the new place has some of its days."""
    of_child = (placements.c.request == held["request"], placements.c.request != row["request"])
    beside = (*of_child, placements.c.id != held["id"], placements.c.ended_at.is_(None))
    days = {slot["day"] for slot in row["slots"]}
    others = store.rows(tx, sa.select(placements).where(*beside).order_by(placements.c.id))
    return [
        other for other in others
        if days & {slot["day"] for slot in other["slots"]}
        and not (other["last_day"] and row["start"] and other["last_day"] < row["start"])
    ]  # fmt: skip


def need_facts(tx: sa.Connection, request: str | None, now: datetime) -> dict[str, Any]:
    """The child's side: age, days wanted, criteria. Empty where the request is not known here."""
    row = store.find(tx, store.requests, request) if request else None
    if row is None:
        return {}
    need = row["need"]
    born = datetime.fromisoformat(need["born"]).date()
    return {
        "request": row["id"],
        "family": row["family"],
        "child": row["child"],
        "request_kind": row["kind"],
        "request_state": row["state"],
        "closing_reason": row["closing_reason"],
        "registered_at": row["registered_at"],
        "request_period": Period.model_validate(need["period"]),
        "age_months": age_months(born, local_day(now)) if need["is_born"] else None,
        "child_commune": need["commune"],
        "prescriber": row["prescriber"],
        **{name: need[name] for name in ("patterns", "travel_minutes", "tolerance_days", "is_born", "needs_support")},
        **{name: need[name] for name in ("born", "wishes", "criteria", "since", "file_complete")},
        **{name: need.get(name, field.default) for name, field in NeedFacts.model_fields.items() if name in _LATER},
    }


def _placement(tx: sa.Connection, proposal_id: str) -> dict[str, Any]:
    row = tx.execute(sa.select(placements).where(placements.c.proposal == proposal_id)).mappings().first()
    names = ("appointment", "adaptation_start", "first_full_day", "last_day", "departure_reason")
    return {"placement": row["id"], **{name: row[name] for name in names}} if row else {}


def _story(tx: sa.Connection, row: dict[str, Any]) -> dict[str, Any]:
    """Why this child, what was sent, and what happened, in order."""
    why = (
        tx.execute(sa.select(explanations).where(explanations.c.request == row["request"])).mappings().first()
        if row["request"]
        else None
    )
    return {
        "phrases": why["phrases"] if why else (),
        "plain_phrases": why["plain_phrases"] if why else (),
        "family_phrases": why["family_phrases"] if why else (),
        "reason": why["reason"] if why else None,
        "explained_at": why["at"] if why else None,
        "history": _history(tx, row["id"]),
        "messages": _messages(tx, row["id"]),
        "replies": _replies(tx, row["id"]),
        "notes": notes_about(tx, row["id"]),
    }


def notes_about(tx: sa.Connection, about: str) -> list[dict[str, Any]]:
    """Words in free text beside an act, oldest first."""
    query = sa.select(store.notes).where(store.notes.c.about == about).order_by(store.notes.c.at, store.notes.c.id)
    return store.rows(tx, query)


def _history(tx: sa.Connection, id_: str) -> Sequence[dict[str, Any]]:
    columns = (history.c.at, history.c.what, history.c.by, history.c.facts)
    own = history.c.proposal == id_
    return store.rows(tx, sa.select(*columns).where(own).order_by(history.c.at, history.c.position))


def _messages(tx: sa.Connection, id_: str) -> Sequence[dict[str, Any]]:
    names = ("template", "state", "contact", "send_at", "sent_at", "delivered_at", "reason")
    own = messages.c.proposal == id_
    columns = [messages.c[name] for name in names]
    return store.rows(tx, sa.select(*columns).where(own).order_by(messages.c.sent_at.nulls_last(), messages.c.id))


def _replies(tx: sa.Connection, id_: str) -> Sequence[dict[str, Any]]:
    """What was answered, and what the matcher made of it; no verdict yet means "réponse enregistrée"."""
    query = (
        sa.select(verdicts)
        .where(verdicts.c.proposal == id_)
        .order_by(verdicts.c.received_at.nulls_last(), verdicts.c.reply)
    )
    return store.rows(tx, query)


def reached_contact(tx: sa.Connection, id_: str) -> str | None:
    """The contact that a message about the proposal last reached, or was last sent to."""
    own = (messages.c.proposal == id_, messages.c.contact.is_not(None))
    order = (messages.c.delivered_at.desc().nulls_last(), messages.c.sent_at.desc().nulls_last(), messages.c.id)
    contact: str | None = tx.scalar(sa.select(messages.c.contact).where(*own).order_by(*order).limit(1))
    return contact

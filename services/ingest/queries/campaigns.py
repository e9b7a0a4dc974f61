"""A campaign as each may see it: its dates for anybody; drafts, places and gestures for those who review the intake.

No order here is made of ranks: the commission could work out from it what health counted.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from contracts.vocabulary import AwardMode, Effect, Period, Slot, VacancyKind
from services.ingest import store
from services.ingest.access import Doing, Seen, Thing, may, may_see, reveal
from services.ingest.actors import Actor
from services.ingest.awaited import current
from services.ingest.declare.campaigns import FORCE, is_outdated
from services.ingest.problems import forbidden, unknown
from services.ingest.projection.tables import drafted, drafts
from services.ingest.queries.directory import named_structures
from services.ingest.queries.places import named_sections
from services.ingest.queries.proposals import need_facts, notes_about

Named = dict[str, dict[str, Any]]
"""Sections with the names of their structures, by id."""

_DATES = ("starts", "ends", "requests_until", "commission_on", "state")


def campaign(tx: sa.Connection, territory: str) -> dict[str, Any] | None:
    """What anybody may know: which starts wait, for which commission, and the draw, printed before and opened after."""
    row = current(tx, territory) or _last(tx, territory)
    if row is None:
        return None
    said = row["closed"] or _facts_of(tx, row["draft"])
    draw = {"seed_commitment": said.get("seed_commitment") or "", "seed": said.get("seed") or ""}
    return {"campaign": row["id"], **{name: row[name] for name in _DATES}, **draw}


def _last(tx: sa.Connection, territory: str) -> dict[str, Any] | None:
    c = store.campaigns.c
    query = sa.select(store.campaigns).where(c.territory == territory).order_by(c.opened_at.desc(), c.id).limit(1)
    return next(iter(store.rows(tx, query)), None)


def _facts_of(tx: sa.Connection, draft: str | None) -> dict[str, Any]:
    row = store.find(tx, drafts, draft) if draft else None
    return row["facts"] if row else {}


def review(tx: sa.Connection, actor: Actor, now: datetime, name: str | None = None) -> dict[str, Any] | None:
    """All that a commission reads of its campaign, or of the last one; None where there never was any."""
    view = standing(tx, actor, name)
    if view is None:
        return None
    answers = answers_of(tx, actor, view, drafted_in(tx, view["campaign"]), now)
    own = {"places": places_kept(tx, view), "gestures": gestures(tx, actor, view["campaign"])}
    return {**view, "requests": answers, **own}


def standing(tx: sa.Connection, actor: Actor, name: str | None = None) -> dict[str, Any] | None:
    """Where a campaign is: its dates, its last draft in figures, what became of it. None where there never was any."""
    if not may(actor, Doing.REVIEW_INTAKE, Thing(actor.territory)):
        raise forbidden()
    row = current(tx, actor.territory) or _last(tx, actor.territory)
    if name is not None:
        row = store.find(tx, store.campaigns, name)
        if row is None or row["territory"] != actor.territory:
            raise unknown("campaign", "cette campagne")
    if row is None:
        return None
    last = _last_draft(tx, row["id"])
    return {
        "campaign": row["id"], "territory": row["territory"], **{key: row[key] for key in _DATES},
        "opened_at": row["opened_at"], "closed": row["closed"], "draft": _draft_view(last),
        "under_way": _under_way(row, last), "outdated": last is not None and is_outdated(tx, row),
        "notes": notes_about(tx, row["id"]) if may_see(actor, Seen.NOTE, Thing(row["territory"])) else (),
    }  # fmt: skip


def _under_way(row: dict[str, Any], last: dict[str, Any] | None) -> bool:
    """True while a draft that was asked is not there yet."""
    return row["draft"] is not None and (last is None or last["id"] != row["draft"])


def _last_draft(tx: sa.Connection, campaign: str) -> dict[str, Any] | None:
    query = sa.select(drafts).where(drafts.c.campaign == campaign).order_by(drafts.c.number.desc()).limit(1)
    return next(iter(store.rows(tx, query)), None)


def _draft_view(row: dict[str, Any] | None) -> dict[str, Any] | None:
    return {"draft": row["id"], "number": row["number"], "at": row["at"], **row["facts"]} if row else None


def drafted_in(tx: sa.Connection, campaign: str) -> list[dict[str, Any]]:
    """What the drafts say of each request that is still open, as it was said."""
    r = store.requests.c
    joined = sa.select(drafted).join(store.requests, r.id == drafted.c.request)
    return store.rows(tx, joined.where(drafted.c.campaign == campaign, r.state == store.OPEN).order_by(r.id))


def answers_of(
    tx: sa.Connection, actor: Actor, view: dict[str, Any], rows: Sequence[dict[str, Any]], now: datetime
) -> list[dict[str, Any]]:  # fmt: skip
    """What `actor` may see of these drafted requests, with their needs."""
    named = named_sections(tx, {name for one in rows for name in _sections_of(one["facts"])})
    return [_answer(tx, actor, one, view, now, named) for one in rows]


def touched_in(view: dict[str, Any], row: dict[str, Any]) -> dict[str, Any] | None:
    """What is another in the last draft than in the one before; None where nothing is."""
    touched: dict[str, Any] | None = row["facts"]["touched"]
    return touched if view["draft"] is not None and row["draft"] == view["draft"]["draft"] else None


def _sections_of(facts: dict[str, Any]) -> set[str]:
    """The sections that a draft names for one request."""
    before = (facts["touched"] or {}).get("before")
    return {seat["section"] for seat in (facts["seat"], facts.get("also"), before) if seat}


def _answer(
    tx: sa.Connection, actor: Actor, row: dict[str, Any], campaign: dict[str, Any], now: datetime, named: Named
) -> dict[str, Any]:  # fmt: skip
    facts, touched = row["facts"], touched_in(campaign, row)
    view = {
        **need_facts(tx, row["request"], now), **_seat(named, facts["seat"]), "placed": facts["seat"] is not None,
        "effect": Effect(touched["effect"]) if touched else None,
        "before": _seat(named, touched["before"]) if touched and touched["before"] else None,
        "also": _seat(named, facts["also"]) if facts.get("also") else None,
        **{key: facts[key] for key in ("forced", "tier", "points", "reasons", "rank", "to_prepare", "partial")},
        **{key: facts[key] for key in ("phrases", "plain_phrases", "reason")}, "first_name": None,
        "proof": facts.get("proof", ()),
    }  # fmt: skip
    thing = Thing(row["territory"], prescriber=view.get("prescriber"), request=row["request"])
    return reveal(actor, thing, view)


def _seat(named: Named, seat: dict[str, Any] | None) -> dict[str, Any]:
    """Where a draft places a child, by name; nothing of it where it does not."""
    if seat is None:
        return {"structure": None, "structure_name": "", "section": None, "section_name": "", "slots": ()}
    section = named.get(seat["section"]) or {}
    slots = tuple(Slot.model_validate(slot) for slot in seat["slots"])
    names = {"structure_name": section.get("structure_name", ""), "section_name": section.get("name", "")}
    where = {"structure": seat["structure"], "section": seat["section"], "slots": slots}
    return {**where, **names, "period": Period.model_validate(seat["period"])}


def places_kept(tx: sa.Connection, row: dict[str, Any]) -> list[dict[str, Any]]:
    """The vacancies that wait for the commission of this campaign, by structure and section.

    A structure that does not give its places by this procedure keeps none for it.
    """
    v = store.vacancies.c
    covered = (v.kind == VacancyKind.REGULAR.value, v.start >= row["starts"], v.start < row["ends"])
    own = (v.territory == row["territory"], v.withdrawn_at.is_(None), v.places > 0, v.structure.in_(_awarding()))
    query = sa.select(store.vacancies).where(*own, *covered)
    found = store.rows(tx, query.order_by(v.section, v.start, v.id))
    known = named_sections(tx, {one["section"] for one in found})
    return [
        {
            "vacancy": one["id"], "section": one["section"], "section_name": known[one["section"]]["name"],
            "structure": one["structure"], "structure_name": known[one["section"]]["structure_name"],
            "slots": tuple(Slot.model_validate(slot) for slot in one["slots"]), "posted": one["places"],
            "period": Period(start=one["start"], end=one["end"]),
            **{name: known[one["section"]][name] for name in ("age_from_months", "age_to_months")},
        }
        for one in found
    ]  # fmt: skip


def _awarding() -> sa.Select[Any]:
    return sa.select(store.structures.c.id).where(store.structures.c.award_mode == AwardMode.AWARDED.value)


def gestures(tx: sa.Connection, actor: Actor, campaign: str | None) -> list[dict[str, Any]]:
    """The gestures of a campaign that nobody has undone, or the places held outside of any."""
    if not may_see(actor, Seen.RELEASE, Thing(actor.territory)):
        return []
    g = store.gestures.c
    own = g.campaign == campaign if campaign else g.campaign.is_(None)
    query = sa.select(store.gestures).where(g.territory == actor.territory, g.undone_at.is_(None), own)
    rows = store.rows(tx, query.order_by(g.at, g.id))
    names = named_structures(tx, {row["structure"] for row in rows})
    return [_gesture(tx, row, names) for row in rows]


def gesture(tx: sa.Connection, actor: Actor, name: str) -> dict[str, Any]:
    """One gesture, undone or not."""
    row = store.find(tx, store.gestures, name)
    if not may_see(actor, Seen.RELEASE, Thing(actor.territory)):
        raise forbidden()
    if row is None or row["territory"] != actor.territory:
        raise unknown("gesture", "ce geste")
    return _gesture(tx, row, named_structures(tx, [row["structure"]]))


def _gesture(tx: sa.Connection, row: dict[str, Any], names: dict[str, str]) -> dict[str, Any]:
    section = named_sections(tx, [row["section"]]).get(row["section"]) or {}
    weighed = row["weighed"] or {}
    touched = [
        {**one, "before": _named(tx, one["before"]), "after": _named(tx, one["after"])}
        for one in weighed.get("touched", ())
    ]
    plain = ("campaign", "kind", "structure", "section", "places", "until", "request", "pattern", "reason", "by", "at")
    return {
        "gesture": row["id"], **{name: row[name] for name in (*plain, "confirmed_at", "undone_at")},
        "structure_name": names.get(row["structure"], ""), "section_name": section.get("name", ""),
        "slots": _hours(tx, row), "weighed": row["weighed"] is not None,
        "possible": weighed.get("possible"), "touched": touched,
    }  # fmt: skip


def _named(tx: sa.Connection, seat: dict[str, Any] | None) -> dict[str, Any] | None:
    return _seat(named_sections(tx, [seat["section"]]), seat) if seat else None


def _hours(tx: sa.Connection, row: dict[str, Any]) -> tuple[Slot, ...]:
    """What a gesture is about: the hours kept back, or the days on which the child would come."""
    slots = row["slots"]
    if row["kind"] == FORCE:
        asked = store.find(tx, store.requests, row["request"])
        patterns = asked["need"]["patterns"] if asked else []
        slots = patterns[row["pattern"]]["slots"] if row["pattern"] < len(patterns) else []
    return tuple(Slot.model_validate(slot) for slot in slots or ())

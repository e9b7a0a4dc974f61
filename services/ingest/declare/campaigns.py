"""The intake that a commission reviews: opened, drafted, changed by gestures with a reason, released in one gesture."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta
from typing import Annotated, Any

import sqlalchemy as sa
from pydantic import Field

from contracts.campaigns import (
    CampaignEnded,
    CampaignOpened,
    CampaignReleased,
    DraftAsked,
    ForceAsked,
    ForceConfirmed,
    GestureUndone,
    PlaceHeld,
)
from contracts.vocabulary import Id, Period, Slot, VacancyKind
from services.ingest import store
from services.ingest.access import Doing, Thing, require
from services.ingest.actors import Act
from services.ingest.audited import declared
from services.ingest.awaited import OVER, current
from services.ingest.declare.agreements import section_named
from services.ingest.declare.bodies import Body, Words, check_period
from services.ingest.declare.territories import require_published
from services.ingest.problems import Problem, conflict, invalid, refuse_if, unknown
from services.ingest.projection.tables import drafts
from services.ingest.words import keep_words

OPEN, RELEASING = "open", "releasing"
HOLD, FORCE = "hold", "force"
LONGEST_HOLD = timedelta(days=366)
"""A place that nobody may have for a year is withdrawn, not kept back."""

LONGEST_INTAKE = timedelta(days=184)
"""Half a year: with more, hardly a place would be given before the commission."""

MOST_UNDER_WAY, MOST_AN_HOUR, HOUR = 3, 60, timedelta(hours=1)
"""Children whose placement by decision is weighed at once in a territory, and in an hour: each has the whole intake
decided anew. One a minute is more than a commission talks over (a choice)."""


class CampaignBody(Body):
    """`starts` are the first days of care that wait: `[start, end)`."""

    starts: Period
    requests_until: date
    commission_on: date


class EndingBody(Body):
    reason: Annotated[Words, Field(min_length=1)]


class ReleasedBody(Body):
    draft: Id
    note: Words = ""


class HeldBody(Body):
    """`places` of a regular vacancy that nobody gets until `until`, that day included. Families read the reason."""

    vacancy: Id
    places: Annotated[int, Field(ge=1, le=500)] = 1
    until: date
    reason: Annotated[Words, Field(min_length=1)]
    campaign: Id | None = None


class ForceBody(Body):
    """`pattern` is the position of the days wanted among the request's patterns. The reason stays with those who decide
    it."""

    request: Id
    section: Id
    pattern: Annotated[int, Field(ge=0, le=19)] = 0
    reason: Annotated[Words, Field(min_length=1)]


def open_campaign(tx: sa.Connection, act: Act, body: CampaignBody) -> str:
    """Open the territory's campaign. Returns its id."""
    require(act.actor, Doing.OPEN_CAMPAIGN, Thing(act.territory))
    require_published(tx, act)
    store.one_at_a_time(tx, f"campaign/{act.territory}")
    refuse_if(_problems(act, body))
    if current(tx, act.territory) is not None:
        rule = "Une campagne est déjà ouverte."
        raise conflict("", "campaign_open", rule, "Libérez-la, ou mettez-y fin.")
    campaign = act.new_id("C")
    row = {"starts": body.starts.start, "ends": body.starts.end, "requests_until": body.requests_until}
    own = {"id": campaign, "territory": act.territory, "commission_on": body.commission_on, "state": OPEN}
    store.put(tx, store.campaigns, {**own, **row, "opened_at": act.now})
    declared(tx, act, act.say(CampaignOpened, campaign, **body.model_dump(), by=act.actor.id))
    return campaign


def end_campaign(tx: sa.Connection, act: Act, campaign: Id, body: EndingBody) -> None:
    """Give it up: nothing waits any more, and its gestures are undone. What the matcher has released stays so."""
    require(act.actor, Doing.OPEN_CAMPAIGN, Thing(act.territory))
    open_one(tx, act, campaign, (OPEN, RELEASING))
    store.update(tx, store.campaigns, campaign, state=OVER, ended_at=act.now)
    own = (store.gestures.c.campaign == campaign, store.gestures.c.undone_at.is_(None))
    tx.execute(sa.update(store.gestures).where(*own).values(undone_at=act.now, undone_by=act.actor.id))
    keep_words(tx, act, CampaignEnded, (campaign,), body.reason)
    declared(tx, act, act.say(CampaignEnded, campaign, by=act.actor.id))


def ask_draft(tx: sa.Connection, act: Act, campaign: Id) -> str:
    """Have the intake decided on paper, as it is now. Returns the draft's id."""
    require(act.actor, Doing.REVIEW_INTAKE, Thing(act.territory))
    row = open_one(tx, act, campaign)
    if row["draft"] is not None and store.find(tx, drafts, row["draft"]) is None:
        raise conflict("", "draft_under_way", "Un brouillon se prépare déjà.", "Rechargez la page dans un instant.")
    draft = act.new_id("D")
    store.update(tx, store.campaigns, campaign, draft=draft, draft_asked_at=act.now)
    declared(tx, act, act.say(DraftAsked, draft, campaign=campaign, by=act.actor.id))
    return draft


def release_campaign(tx: sa.Connection, act: Act, campaign: Id, body: ReleasedBody) -> None:
    """Let leave what the last draft says. Raises Refused where a gesture came after it."""
    require(act.actor, Doing.REVIEW_INTAKE, Thing(act.territory))
    row = open_one(tx, act, campaign)
    if body.draft != row["draft"] or store.find(tx, drafts, body.draft) is None:
        raise conflict("draft", "not_the_last_draft", "Seul le dernier brouillon se libère.", "Relisez-le d'abord.")
    if is_outdated(tx, row):
        rule = "Un geste a suivi ce brouillon."
        raise conflict("draft", "gesture_since", rule, "Refaites un brouillon, puis relisez-le.")
    store.update(tx, store.campaigns, campaign, state=RELEASING, released_at=act.now)
    keep_words(tx, act, CampaignReleased, (campaign,), body.note)
    declared(tx, act, act.say(CampaignReleased, campaign, draft=body.draft, by=act.actor.id))


def hold_place(tx: sa.Connection, act: Act, body: HeldBody) -> str:
    """Keep places back: for a commission, or outside of any campaign. Returns the gesture's id."""
    doing = Doing.KEEP_PLACE_BACK if body.campaign is None else Doing.REVIEW_INTAKE
    require(act.actor, doing, Thing(act.territory))
    if body.campaign is not None:
        open_one(tx, act, body.campaign)
    row = _regular_vacancy(tx, act, body)
    if not act.today <= body.until <= act.today + LONGEST_HOLD:
        rule = "Une place est tenue un an au plus, à partir d'aujourd'hui."
        raise invalid("until", "hold_dates", rule, "Choisissez une date d'ici un an.")
    gesture = act.new_id("G")
    where = {name: row[name] for name in ("structure", "section", "slots", "start", "end", "audience")}
    _keep(tx, act, gesture, HOLD, where | body.model_dump(include={"campaign", "places", "until", "reason"}))
    facts = body.model_dump(include={"places", "until", "reason", "campaign"})
    declared(tx, act, act.say(PlaceHeld, gesture, **facts, **_place(row), by=act.actor.id))
    return gesture


def ask_force(tx: sa.Connection, act: Act, campaign: Id, body: ForceBody) -> str:
    """Have it weighed whom it would touch to place this child. Returns the gesture's id."""
    require(act.actor, Doing.REVIEW_INTAKE, Thing(act.territory))
    open_one(tx, act, campaign)
    asked = store.find(tx, store.requests, body.request)
    if asked is None or asked["territory"] != act.territory or asked["state"] != store.OPEN:
        raise unknown("request", "cette demande")
    if body.pattern >= len(asked["need"]["patterns"]):
        rule = "La demande n'a pas cette semaine-là."
        raise invalid("pattern", "unknown_pattern", rule, "Choisissez parmi les semaines de la demande.")
    section = section_named(tx, act, body.section)
    _refuse_too_many(tx, act)
    gesture = act.new_id("G")
    facts = {"campaign": campaign, **body.model_dump(exclude={"reason"})}
    _keep(tx, act, gesture, FORCE, {**facts, "structure": section["structure"], "reason": body.reason})
    declared(tx, act, act.say(ForceAsked, gesture, **facts, by=act.actor.id))
    return gesture


def _refuse_too_many(tx: sa.Connection, act: Act) -> None:
    """Nobody has the server compute without end. The campaign is locked: whoever counts, counts alone."""
    g = store.gestures.c
    lately = (g.territory == act.territory, g.kind == FORCE, g.at > act.now - HOUR)
    under_way = sa.func.count().filter(g.weighed.is_(sa.null()), g.undone_at.is_(None))
    asked, waiting = tx.execute(sa.select(sa.func.count(), under_way).where(*lately)).one()
    if waiting >= MOST_UNDER_WAY:
        rule = f"Nous cherchons déjà qui serait touché pour {MOST_UNDER_WAY} enfants."
        raise conflict("", "weighings_under_way", rule, "Attendez ces réponses, puis recommencez.")
    if asked >= MOST_AN_HOUR:
        rule = f"Une heure compte {MOST_AN_HOUR} essais au plus."
        raise conflict("", "too_many_weighings", rule, "Reprenez dans une heure.")


def confirm_force(tx: sa.Connection, act: Act, gesture: Id) -> None:
    """Stand by it, once it was said whom it touches."""
    row = gesture_of(tx, act, gesture)
    if row["kind"] != FORCE or row["undone_at"] is not None:
        raise unknown("gesture", "ce geste")
    if row["confirmed_at"] is not None:
        raise conflict("gesture", "confirmed_already", "Ce geste est déjà confirmé.", "Il n'y a rien à faire.")
    if row["weighed"] is None:
        rule = "Nous cherchons encore qui serait touché."
        raise conflict("gesture", "not_weighed", rule, "Rechargez la page dans un instant.")
    if not row["weighed"]["possible"]:
        rule = "Il n'y a pas de place pour cet enfant à ces horaires."
        raise conflict("gesture", "no_place", rule, "Choisissez une autre place.")
    open_one(tx, act, row["campaign"])
    store.update(tx, store.gestures, gesture, confirmed_at=act.now)
    declared(tx, act, act.say(ForceConfirmed, gesture, by=act.actor.id))


def undo_gesture(tx: sa.Connection, act: Act, gesture: Id) -> None:
    """It is as if it had never been."""
    row = gesture_of(tx, act, gesture)
    if row["undone_at"] is not None:
        raise conflict("gesture", "undone_already", "Ce geste est déjà annulé.", "Il n'y a rien à faire.")
    campaign = store.find(tx, store.campaigns, row["campaign"]) if row["campaign"] else None
    if campaign is not None and campaign["state"] != OPEN and row["confirmed_at"] is not None:
        rule = "La commission est passée, cet enfant est placé."
        raise conflict("gesture", "released", rule, "Retirez sa proposition depuis son dossier.")
    store.update(tx, store.gestures, gesture, undone_at=act.now, undone_by=act.actor.id)
    declared(tx, act, act.say(GestureUndone, gesture, by=act.actor.id))


def open_one(tx: sa.Connection, act: Act, campaign: str, states: tuple[str, ...] = (OPEN,)) -> dict[str, Any]:
    """The campaign, while it may still change. Raises Refused."""
    store.one_at_a_time(tx, f"campaign/{act.territory}")
    row = store.find(tx, store.campaigns, campaign)
    if row is None or row["territory"] != act.territory:
        raise unknown("campaign", "cette campagne")
    if row["state"] not in states:
        raise conflict("campaign", "campaign_over", "Cette campagne n'est plus ouverte.", "Il n'y a rien à faire.")
    return row


def is_outdated(tx: sa.Connection, campaign: dict[str, Any]) -> bool:
    """True if somebody made, confirmed or undid a gesture since the last draft was asked."""
    g, asked_at = store.gestures.c, campaign["draft_asked_at"]
    counts = (g.kind == HOLD) | g.confirmed_at.is_not(None)
    since = counts & ((g.at > asked_at) | (g.confirmed_at > asked_at) | (g.undone_at > asked_at))
    query = sa.select(g.id).where(g.territory == campaign["territory"], since)
    return asked_at is None or tx.scalar(query.limit(1)) is not None


def gesture_of(tx: sa.Connection, act: Act, gesture: str) -> dict[str, Any]:
    """A gesture that the actor may change, as whoever was before left it. Raises Refused."""
    store.one_at_a_time(tx, f"campaign/{act.territory}")
    row = store.find(tx, store.gestures, gesture)
    of_campaign = row is not None and row["campaign"] is not None
    require(act.actor, Doing.REVIEW_INTAKE if of_campaign else Doing.KEEP_PLACE_BACK, Thing(act.territory))
    if row is None or row["territory"] != act.territory:
        raise unknown("gesture", "ce geste")
    return row


def _keep(tx: sa.Connection, act: Act, gesture: str, kind: str, facts: dict[str, Any]) -> None:
    row = {"id": gesture, "territory": act.territory, "kind": kind, "by": act.actor.id, "at": act.now}
    store.put(tx, store.gestures, {**row, **facts})


def _place(row: dict[str, Any]) -> dict[str, Any]:
    slots = tuple(Slot.model_validate(slot) for slot in row["slots"])
    where = {name: row[name] for name in ("structure", "section", "audience")}
    return {**where, "slots": slots, "period": Period(start=row["start"], end=row["end"])}


def _regular_vacancy(tx: sa.Connection, act: Act, body: HeldBody) -> dict[str, Any]:
    row = store.find(tx, store.vacancies, body.vacancy)
    if row is None or row["territory"] != act.territory or row["withdrawn_at"] is not None:
        raise unknown("vacancy", "cette place")
    if row["kind"] != VacancyKind.REGULAR:
        raise invalid("vacancy", "not_regular", "Seule une place régulière se tient.", "Retirez-la plutôt.")
    if body.places > row["places"]:
        rule = f"Il y a {row['places']} places à ces horaires."
        raise invalid("places", "too_many_places", rule, "Choisissez ce nombre au plus.")
    return row


def _problems(act: Act, body: CampaignBody) -> Iterator[Problem]:
    yield from check_period(body.starts, act.today, "starts")
    if body.starts.end is None or body.starts.end - body.starts.start > LONGEST_INTAKE:
        rule = "Les entrées vont d'un premier à un dernier jour, en six mois au plus."
        yield Problem("starts.end", "intake_length", rule, "Rapprochez le dernier jour.")
    if not act.today <= body.commission_on <= body.starts.start:
        rule = "La commission se tient avant les premières entrées."
        yield Problem("commission_on", "commission_day", rule, "Choisissez un jour entre aujourd'hui et ces entrées.")
    if body.requests_until > body.commission_on:
        rule = "Les demandes comptent jusqu'à la commission au plus tard."
        yield Problem("requests_until", "requests_after_commission", rule, "Choisissez un jour avant la commission.")

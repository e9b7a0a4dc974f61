"""The intake that a commission reviews before anything leaves: opened, drafted, changed by persons, released.

Of a draft nothing is sent and nothing is held: it says what a round would decide, as often as it is asked.
"""

from __future__ import annotations

from datetime import date
from typing import Any, Literal

from pydantic import Field

from contracts.base import Event
from contracts.proposals import CountedPoints
from contracts.rounds import BrokenGuarantee, Sha256
from contracts.vocabulary import Audience, Effect, Frozen, Id, Period, Slot


class CampaignOpened(Event):
    """From now on regular places and requests that start within `starts` wait for the commission of `commission_on`.

    Requests registered up to `requests_until`, that day included, are of the intake.
    """

    type: Literal["campaign.opened"]
    starts: Period
    requests_until: date
    commission_on: date
    by: Id


class CampaignEnded(Event):
    """A person gives the campaign up: nothing waits for it any more, and nothing was decided.

    The `reason` is not written any more: free words stay with the guichet.
    """

    type: Literal["campaign.ended"]
    reason: str = ""
    by: Id


class CampaignReleased(Event):
    """The commission lets leave what `draft` says. What has moved since is left out and named.

    The `note` is not written any more: free words stay with the guichet.
    """

    type: Literal["campaign.released"]
    draft: Id
    by: Id
    note: str = ""


class DraftAsked(Event):
    """Decide the intake as it is now, on paper. The subject is the draft."""

    type: Literal["draft.asked"]
    campaign: Id
    by: Id


class PlaceHeld(Event):
    """A person keeps `places` at each of `slots` back until `until`, that day included. Families read the `reason`.

    With a `campaign` it is a gesture of its commission. `audience` are those whom the places were for.
    """

    type: Literal["place.held"]
    structure: Id
    section: Id
    slots: tuple[Slot, ...] = Field(min_length=1)
    period: Period
    places: int = Field(ge=1)
    audience: Audience = Audience.EVERYBODY
    until: date
    reason: str = Field(min_length=1)
    campaign: Id | None = None
    by: Id


class ForceAsked(Event):
    """A person would place this child here, whatever its rank: first it is weighed whom that touches.

    `pattern` is the position of the days wanted among the request's patterns. The `reason` stays with those who decide,
    and is not written any more.
    """

    type: Literal["force.asked"]
    campaign: Id
    request: Id
    section: Id
    pattern: int = Field(default=0, ge=0)
    reason: str = ""
    by: Id


class ForceConfirmed(Event):
    """Whoever reads whom it touches stands by it."""

    type: Literal["force.confirmed"]
    by: Id


class GestureUndone(Event):
    """A place kept back, or a child placed by a person, is as if it had never been. The subject is the gesture."""

    type: Literal["gesture.undone"]
    by: Id


class Seat(Frozen):
    """Where a draft would place a child."""

    structure: Id
    section: Id
    slots: tuple[Slot, ...]
    period: Period


class Touched(Frozen):
    """A child whose answer is another; without `before` or `after` it has no place."""

    request: Id
    effect: Effect
    before: Seat | None = None
    after: Seat | None = None


class ForceWeighed(Event):
    """Whom it would touch to place this child. `possible`: the place is there; nobody is placed beyond capacity."""

    type: Literal["force.weighed"]
    campaign: Id
    request: Id
    possible: bool
    touched: tuple[Touched, ...] = ()


class ModePrice(Frozen):
    """How many children a mode places in all, and how many of them of the first tier."""

    mode: str
    children: int
    first_tier: int


class DraftDecided(Event):
    """What the intake would be, in figures; `request.drafted` says each answer that is new or another.

    `prices` are those of each mode, the voted one first. `gone` are requests that the draft before had. `impossible`
    are forced placements for which there is no place any more. `unconfirmed` counts places that nobody has said free
    lately. `displaced` would have a place if the first tier did not go first. `seed_commitment` is the print of the
    campaign's own draw, the same for all of its drafts.
    """

    type: Literal["draft.decided"]
    campaign: Id
    number: int = Field(ge=1)
    requests: int
    placed: int
    forced: int = 0
    held: int = 0
    unconfirmed: int = 0
    prices: tuple[ModePrice, ...] = ()
    broken: tuple[BrokenGuarantee, ...] = ()
    gone: tuple[Id, ...] = ()
    impossible: tuple[Id, ...] = ()
    displaced: tuple[Id, ...] = ()
    engine: str
    policy: Id
    mode: str = ""
    input_hash: str
    outcome_hash: str
    seed_commitment: str = ""


class RequestDrafted(Event):
    """What a draft says of one request. Said when it changed; `touched` tells it from the draft before.

    `also` is where the child spends the other days of a week that two structures share. `forced` is the gesture by
    which a person placed the child. `proof` says in French by what sums nothing better was possible. The other fields
    are those of `request.explained` and `proposal.made`.
    """

    type: Literal["request.drafted"]
    campaign: Id
    draft: Id
    seat: Seat | None = None
    also: Seat | None = None
    touched: Touched | None = None
    forced: Id | None = None
    tier: int
    points: int
    reasons: tuple[CountedPoints, ...] = ()
    rank: int | None = None
    to_prepare: bool = False
    partial: bool = False
    phrases: tuple[str, ...]
    plain_phrases: tuple[str, ...] = ()
    proof: tuple[str, ...] = ()
    reason: dict[str, Any]


class CampaignClosed(Event):
    """The commission's decisions were written: `proposals` of them; of `dropped` something had moved since the draft.

    The draw of the campaign is open from now on: with `seed` anyone recomputes it.
    """

    type: Literal["campaign.closed"]
    draft: Id | None = None
    proposals: int = 0
    dropped: tuple[Id, ...] = ()
    seed: str = ""
    seed_commitment: Sha256 | None = None

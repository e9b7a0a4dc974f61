"""What the matcher decided and the notifier sent, as pages show it. Written by handlers only, read by `queries`.

Handlers may hear of a proposal before it was made, and of anything twice: nothing here fails for it.
"""

from __future__ import annotations

from functools import partial
from types import MappingProxyType

from contracts import campaigns as c
from contracts import messages as m
from contracts import placements as pl
from contracts import proposals as p
from contracts.base import Event
from contracts.rounds import DrawOpened, DrawSealed, RequestExplained, RoundDecided
from contracts.tasks import TaskOpened, TaskSettled
from services.bus.database import Database
from services.bus.delivery import Clock, Handler, Handlers, Reader
from services.ingest import changes
from services.ingest.projection import campaigns, others, proposals

_HANDLERS: dict[type[Event], Handler] = {
    p.ProposalHeld: proposals.on_proposal_held,
    p.ProposalReleased: proposals.on_proposal_released,
    p.ProposalDeadlineSet: proposals.on_proposal_deadline_set,
    p.ProposalReminded: proposals.on_proposal_reminded,
    p.ProposalUndelivered: proposals.on_proposal_undelivered,
    p.ProposalAccepted: proposals.on_proposal_accepted,
    p.ProposalDeclining: proposals.on_proposal_declining,
    p.ProposalRestored: proposals.on_proposal_restored,
    p.ProposalDeclined: proposals.on_proposal_declined,
    p.ProposalExpired: proposals.on_proposal_expired,
    p.ProposalFrozen: proposals.on_proposal_frozen,
    p.ProposalWithdrawn: proposals.on_proposal_withdrawn,
    p.ProposalRefused: proposals.on_proposal_refused,
    p.HalfConfirmed: proposals.on_half_confirmed,
    p.PlaceReopened: proposals.on_place_reopened,
    p.ReplyJudged: proposals.on_reply_judged,
    p.HoldDenied: proposals.on_hold_denied,
    pl.PlacementConfirmed: others.on_placement_confirmed,
    pl.PlacementEnding: others.on_placement_ending,
    pl.PlacementEnded: others.on_placement_ended,
    DrawSealed: others.on_draw_sealed,
    DrawOpened: others.on_draw_opened,
    RoundDecided: others.on_round_decided,
    RequestExplained: others.on_request_explained,
    TaskOpened: others.on_task_opened,
    TaskSettled: others.on_task_settled,
    c.DraftDecided: campaigns.on_draft_decided,
    c.RequestDrafted: campaigns.on_request_drafted,
    c.ForceWeighed: campaigns.on_force_weighed,
    c.CampaignClosed: campaigns.on_campaign_closed,
    m.MessagePlanned: others.on_message_planned,
    m.MessageSent: others.on_message_sent,
    m.MessageDelivered: others.on_message_delivered,
    m.MessageFailed: others.on_message_failed,
    m.MessageUnknown: others.on_message_unknown,
}


def handlers(link_key: bytes) -> Handlers:
    """Every event of `decisions` and `messages` with what ingest makes of it.

    The key derives the family's link of a proposal, which is kept as a fingerprint only.
    """
    every: dict[type[Event], Handler] = {
        p.ProposalMade: partial(proposals.on_proposal_made, link_key=link_key),
        **_HANDLERS,
    }
    return MappingProxyType(every)


def reader_on(database: Database, link_key: bytes, clock: Clock) -> Reader:
    """Ingest as its streams see it. Open pages of a territory learn last of all that something changed there."""
    return Reader("ingest", database, handlers(link_key), clock, last=changes.note)

"""The intake of a campaign: decided on paper as often as it is asked, then written once, as the commission releases it.

A draft is an ordinary round of what waits for the commission: nothing is sent and nothing is held. At the release it is
decided anew on the facts of that instant, and what is the same as on paper is written behind the guards of every round:
whatever else has moved, each of those would be decided so today. The rest is named, and goes on waiting.

When to modify: when a commission may ask one more thing of a round.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime

import sqlalchemy as sa
import structlog

from contracts.campaigns import CampaignClosed, ForceAsked, ForceWeighed
from contracts.vocabulary import Id
from services.bus.database import Database
from services.matcher import campaigns, drafts, draws, paper_words, rounds, store
from services.matcher import tables as t
from services.matcher.beside import Explain, beside_here
from services.matcher.campaigns import Campaign
from services.matcher.drafts import Draft, Paper
from services.matcher.draws import NewSeed
from services.matcher.kept_text import Runs
from services.matcher.leases import Fence, unfenced
from services.matcher.memory import Memory
from services.matcher.offered import Intake
from services.matcher.propose import NoRoom, offer, proposal_id, propose, release
from services.matcher.reading import Loaded, load
from services.matcher.rounds import Decide, Tally
from services.matcher.sentences import news_of, say
from services.matcher.solver.canonical import canonical
from services.matcher.solver.components import merge
from services.matcher.solver.schema import Outcome, Placed, Round
from services.matcher.solver.spelling import Spelling
from services.matcher.solver.what_if import forced_hold, forced_seat, is_free, with_forced
from services.matcher.step import Step
from services.matcher.store import Proposal
from services.matcher.writing import Leave, Moved, check_unmoved, fenced, place, write_part

log = structlog.get_logger()


@dataclass(frozen=True)
class Desk:
    """Where an intake is decided, by whom, and when."""

    database: Database
    territory: str
    now: datetime
    decide: Decide
    fence: Fence
    explain: Explain


@dataclass(frozen=True)
class OnPaper:
    """An intake decided. `whole` are its requests before persons placed some; `parts` what came of each."""

    loaded: Loaded
    whole: Round
    paper: Paper
    parts: tuple[tuple[Round, Outcome], ...]
    impossible: tuple[Id, ...]


async def run(
    database: Database, territory: str, now: datetime, decide: Decide, new_seed: NewSeed, fence: Fence = unfenced,
    explain: Explain = beside_here,
) -> None:  # fmt: skip
    """Do what persons have asked of the territory's campaign. Safe to repeat: what was done is not asked any more."""
    campaign = await database.read(campaigns.current, territory)
    if campaign is None:
        return
    desk = Desk(database, territory, now, decide, fence, explain)
    if campaign.seed is None:
        seed = new_seed(territory, campaign.commission_on)
        await database.write(fenced, fence, _keep_seed, campaign, seed)
        campaign = replace(campaign, seed=seed)
    for force in await database.read(campaigns.forces, campaign.campaign, campaigns.ASKED):
        await _weigh(desk, campaign, force)
    for draft in await database.read(drafts.asked, campaign.campaign):
        await _draft(desk, campaign, draft)
    if campaign.state == campaigns.RELEASING:
        await _release(desk, campaign)


def _keep_seed(tx: sa.Connection, campaign: Campaign, seed: str) -> None:
    own = (t.campaigns.c.campaign == campaign.campaign, t.campaigns.c.seed.is_(None))
    tx.execute(t.campaigns.update().where(*own).values(seed=seed))


async def _draft(desk: Desk, campaign: Campaign, draft: Draft) -> None:
    """Decide the intake as it is now, and say what is new."""
    found = await _on_paper(desk, campaign, draft.draft)
    if found is None:
        return
    prices = await paper_words.prices(found.paper.asked, found.paper, desk.decide)
    before = await desk.database.read(drafts.latest, campaign.campaign)
    beside = await desk.explain(found.paper.asked, found.paper.outcome, found.loaded.names)
    told = paper_words.Telling(
        campaign, draft, found.loaded, found.whole, found.paper, before, found.impossible, beside
    )
    await desk.database.write(fenced, desk.fence, paper_words.tell, told, prices, desk.now)


async def _weigh(desk: Desk, campaign: Campaign, force: ForceAsked) -> None:
    """Whom it would touch to place this child: the intake decided without it, and with it."""
    without = await _on_paper(desk, campaign, force.subject)
    if without is None:
        return
    beside = await _on_paper(desk, campaign, force.subject, force)
    possible = beside is not None and force.request in beside.paper.seats
    touched = paper_words.touched(without.paper, beside.paper) if beside and possible else {}
    others = tuple(row for name, row in sorted(touched.items()) if name != force.request)
    await desk.database.write(fenced, desk.fence, _say_weighed, desk.now, without.loaded, force, possible, others)


def _say_weighed(
    tx: sa.Connection, now: datetime, loaded: Loaded, force: ForceAsked, possible: bool, touched: tuple[object, ...]
) -> None:  # fmt: skip
    state = campaigns.POSSIBLE if possible else campaigns.UNDONE
    asked = (t.gestures.c.gesture == force.subject, t.gestures.c.state == campaigns.ASKED)
    if tx.execute(t.gestures.update().where(*asked).values(state=state)).rowcount:
        step = Step(tx, now, force.id, loaded.policy)
        facts = {"campaign": force.campaign, "request": force.request, "possible": possible, "touched": touched}
        step.say(ForceWeighed, force.subject, force.territory, **facts)


async def _on_paper(desk: Desk, campaign: Campaign, name: str, also: ForceAsked | None = None) -> OnPaper | None:
    """The intake decided as it is now, with the children whom persons have placed, and one more."""
    read = Intake(name, campaign, campaign.seed or "")
    loaded = await desk.database.read(load, desk.territory, desk.now, Memory(), read)
    if loaded is None:
        return None
    given = await desk.database.read(campaigns.forces, campaign.campaign, campaigns.IN_FORCE)
    whole = canonical(loaded.round)
    asked, forced, impossible = _place_by_person(whole, [*given, *([also] if also else [])])
    parts = []
    for part in await rounds.parts_of(asked, desk.decide):
        parts.append((part, await rounds.decided(loaded.aside, part, desk.decide)))
    outcome = merge(asked, [outcome for _, outcome in parts])
    paper = Paper(asked=asked, outcome=outcome, forced=forced)
    return OnPaper(replace(loaded, round=asked), whole, paper, tuple(parts), impossible)


def _place_by_person(
    round: Round, forces: Iterable[ForceAsked]
) -> tuple[Round, dict[Id, Placed], tuple[Id, ...]]:  # fmt: skip
    """The round beside the children whom persons place, where there is a place; their seats, and who has none."""
    forced: dict[Id, Placed] = {}
    impossible: list[Id] = []
    for force in forces:
        asked = next((row for row in round.requests if row.id == force.request), None)
        known = any(row.id == force.section for row in round.sections)
        if asked is None or not known or force.pattern >= len(asked.patterns):
            impossible.append(force.subject)
            continue
        hold = forced_hold(round, asked, force.section, force.pattern)
        if not is_free(round, asked, hold):
            impossible.append(force.subject)
            continue
        forced[force.subject] = forced_seat(round, asked, hold, force.pattern)
        round = canonical(with_forced(round, hold))
    return round, forced, tuple(impossible)


async def _release(desk: Desk, campaign: Campaign) -> None:
    """Write what is the same as on paper; name the rest; and let the others be decided in the rounds to come.

    Parts are written one by one: what a release that was interrupted has written already counts as written.
    """
    draft = await desk.database.read(drafts.latest, campaign.campaign)
    name = proposal_id(campaign.campaign, "release")
    found = await _on_paper(desk, campaign, name)
    if draft is None or draft.paper is None or found is None or draft.draft != campaign.draft:
        log.error("another draft is released than the last one", campaign=campaign.campaign, draft=campaign.draft)
        await desk.database.write(fenced, desk.fence, _reopen, campaign)
        return
    before = await desk.database.read(_made_by, name)
    tally = Tally(asked=found.paper.asked, proposed=len(before))
    written = {*before, *await _write(desk, campaign, found, _as_on_paper(draft.paper, found.paper), tally)}
    dropped = tuple(sorted(draft.paper.seats.keys() - written))
    await desk.database.write(fenced, desk.fence, _close, desk.now, campaign, found.loaded, tally, dropped)


def _made_by(tx: sa.Connection, release: str) -> list[Id]:
    """The request of each proposal that this release has made."""
    return list(tx.scalars(sa.select(t.proposals.c.request).where(t.proposals.c.round == release)))


async def _write(
    desk: Desk, campaign: Campaign, found: OnPaper, same: frozenset[Id], tally: Tally
) -> set[Id]:  # fmt: skip
    """Write each part's proposals that are the `same` as on paper, then those of persons; whose were written."""
    leave, written = _released_by(campaign), set[Id]()
    for part, outcome in found.parts:
        tally.outcomes.append(outcome)
        own = _only(outcome, same)
        news = [row for row, _ in news_of(found.loaded, part, own, Memory()) if row.request in _said(own)]
        try:
            tally.proposed += await desk.database.write(
                fenced, desk.fence, write_part, found.loaded, part, own, news, desk.now, leave
            )
            written |= {row.request for row in own.placed}
        except (NoRoom, Moved):
            tally.dropped += 1
    for gesture, seat in found.paper.forced.items():
        if seat.request in same and await _write_forced(desk, campaign, found, gesture, seat, leave):
            written.add(seat.request)
            tally.proposed += 1
    return written


def _as_on_paper(draft: Paper, now: Paper) -> frozenset[Id]:
    """The requests that have the same place as on paper: siblings all or none, nobody who waits for one who has not."""
    was, is_now = draft.seats, now.seats
    same = {name for name, rows in is_now.items() if _places(rows) == _places(was.get(name, ()))}
    same |= {row.id for row in now.asked.requests if row.id not in is_now and row.id not in was}
    together = [set(row.requests) for row in now.asked.siblings]
    before: set[Id] = set()
    while before != same:
        before = set(same)
        same -= {name for family in together if family - same for name in family}
        same -= {name for name, rows in is_now.items() if any(set(row.after) - same for row in rows)}
    return frozenset(same)


def _places(rows: Iterable[Placed]) -> list[tuple[object, ...]]:
    return sorted((row.section, str(row.slots), str(row.period), row.pattern) for row in rows)


def _only(outcome: Outcome, same: frozenset[Id]) -> Outcome:
    """An outcome without what is not as on paper."""
    placed = tuple(row for row in outcome.placed if row.request in same)
    return outcome.model_copy(
        update={"placed": placed, "reasons": tuple(row for row in outcome.reasons if row.request in same)}
    )


def _said(outcome: Outcome) -> frozenset[Id]:
    return frozenset(row.request for row in outcome.reasons)


def _released_by(campaign: Campaign) -> Leave:
    """Let it leave as the commission's one gesture has it; what still waits for something stays with a person."""

    def leave(step: Step, proposal: Proposal) -> None:
        offer(step, proposal)
        known = store.proposal(step.tx, proposal.proposal)
        if known is not None:
            release(step, known, campaign.released_by or "commission", campaign.note)

    return leave


async def _write_forced(
    desk: Desk, campaign: Campaign, found: OnPaper, gesture: Id, seat: Placed, leave: Leave
) -> bool:  # fmt: skip
    try:
        await desk.database.write(fenced, desk.fence, _propose_forced, desk.now, found, gesture, seat, leave)
    except (NoRoom, Moved):
        return False
    return True


def _propose_forced(
    tx: sa.Connection, now: datetime, found: OnPaper, gesture: Id, seat: Placed, leave: Leave
) -> None:  # fmt: skip
    """The place that a person gave, under the same guards. Raises Moved or NoRoom."""
    store.territory_row(tx, found.loaded.round.territory, lock=True)
    requests = {seat.request: found.loaded.waiting[seat.request].version}
    check_unmoved(tx, t.requests, t.requests.c.request, requests)
    step = Step(tx, now, found.loaded.round.id, found.loaded.policy)
    asked = next(row for row in found.whole.requests if row.id == seat.request)
    given = replace(place(found.loaded, asked, seat, None), by_person=True)
    leave(step, propose(step, given))
    tx.execute(t.gestures.update().where(t.gestures.c.gesture == gesture).values(state=campaigns.DONE))
    say(step, found.loaded, paper_words.by_person(seat, found.loaded.names))


def _reopen(tx: sa.Connection, campaign: Campaign) -> None:
    own = (t.campaigns.c.campaign == campaign.campaign, t.campaigns.c.state == campaigns.RELEASING)
    tx.execute(t.campaigns.update().where(*own).values(state=campaigns.OPEN, draft=None))


def _close(
    tx: sa.Connection, now: datetime, campaign: Campaign, loaded: Loaded, tally: Tally, dropped: tuple[Id, ...]
) -> None:  # fmt: skip
    """The campaign is over: say what became of it, open its draw, and decide the rest as on any day."""
    store.territory_row(tx, campaign.territory, lock=True)
    own = (t.campaigns.c.campaign == campaign.campaign, t.campaigns.c.state == campaigns.RELEASING)
    if not tx.execute(t.campaigns.update().where(*own).values(state=campaigns.OVER)).rowcount:
        return
    step = Step(tx, now, loaded.round.id, loaded.policy)
    text = Runs().text(tally.asked or loaded.round, Spelling())
    rounds.note(step, replace(loaded, trigger="campaign.released"), tally, tally.broken, text)
    seed = campaign.seed or ""
    step.say(
        CampaignClosed, campaign.campaign, campaign.territory,
        draft=campaign.draft, proposals=tally.proposed, dropped=dropped, seed=seed,
        seed_commitment=draws.commitment(seed) or None,
    )  # fmt: skip
    step.mark_due(campaign.territory, CampaignClosed.wire_type())

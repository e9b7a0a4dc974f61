"""What a draft says: figures for all, and of each request the answer that is new, or another than on the draft before.

When to modify: when a commission reads one more thing of a draft.
"""

from __future__ import annotations

import hashlib
import json
from collections import defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa

from contracts.campaigns import DraftDecided, ModePrice, RequestDrafted, Seat, Touched
from contracts.proposals import CountedPoints
from contracts.vocabulary import Id
from services.matcher import drafts, draws, needs, store
from services.matcher import tables as t
from services.matcher.beside import Beside
from services.matcher.campaigns import Campaign
from services.matcher.drafts import Draft, Paper
from services.matcher.offered import is_believed
from services.matcher.reading import Loaded
from services.matcher.rounds import Decide, Tally, parts_of
from services.matcher.sentences import Told, aside, told
from services.matcher.solver.schema import (
    ENGINE,
    FIRST_TIER,
    ORDINARY_TIER,
    Mode,
    Placed,
    Reason,
    Request,
    Round,
    Why,
    WishReason,
)
from services.matcher.solver.what_if import differences
from services.matcher.step import Step

BY_COMMISSION = "place donnée par une décision motivée de la commission."


@dataclass(frozen=True)
class Telling:
    """A draft to be told, beside the one before."""

    campaign: Campaign
    draft: Draft
    loaded: Loaded
    whole: Round
    paper: Paper
    before: Draft | None
    impossible: tuple[Id, ...]
    beside: Beside


async def prices(asked: Round, paper: Paper, decide: Decide) -> tuple[ModePrice, ...]:
    """How many children each mode would place, the voted one first. Children whom persons place count in each."""
    own = {row.id: row.tier for row in asked.requests}
    found = [_price(asked.policy.mode, {row.request for row in paper.outcome.placed}, own, len(paper.forced))]
    for mode in Mode:
        if mode is not asked.policy.mode:
            other = asked.model_copy(update={"policy": asked.policy.model_copy(update={"mode": mode})})
            outcomes = [await decide(part) for part in await parts_of(other, decide)]
            placed = {row.request for outcome in outcomes for row in outcome.placed}
            found.append(_price(mode, placed, own, len(paper.forced)))
    return tuple(found)


def _price(mode: Mode, placed: set[Id], tiers: Mapping[Id, int], forced: int) -> ModePrice:
    first = sum(tiers[name] <= FIRST_TIER for name in placed)
    return ModePrice(mode=mode.value, children=len(placed) + forced, first_tier=first)


def touched(before: Paper, after: Paper) -> dict[Id, Touched]:
    """Each child whose answer is another, by request."""
    return {
        row.request: Touched(
            request=row.request, effect=row.effect,
            before=_seat(row.before) if row.before else None, after=_seat(row.after) if row.after else None,
        )
        for row in differences(before.told, after.told)
    }  # fmt: skip


def _seat(row: Placed) -> Seat:
    return Seat(structure=row.structure, section=row.section, slots=row.slots, period=row.period)


def tell(tx: sa.Connection, telling: Telling, prices: Sequence[ModePrice], now: datetime) -> None:
    """Keep the draft and say it, once."""
    store.territory_row(tx, telling.loaded.round.territory, lock=True)
    waiting = (t.drafts.c.draft == telling.draft.draft, t.drafts.c.decided_at.is_(None))
    if tx.scalar(sa.select(t.drafts.c.draft).where(*waiting)) is None:
        return
    step = Step(tx, now, telling.draft.draft, telling.loaded.policy)
    was = telling.before.paper if telling.before else None
    changes = touched(was, telling.paper) if was else {}
    answers = dict(_answers(telling))
    digests = {name: _digest(facts) for name, facts in answers.items()}
    for name, facts in sorted(answers.items()):
        if name in changes or was is None or was.digests.get(name) != digests[name]:
            own = {"campaign": telling.campaign.campaign, "draft": telling.draft.draft, "touched": changes.get(name)}
            step.say(RequestDrafted, name, telling.campaign.territory, **own, **facts)
    gone = tuple(sorted(set(was.digests) - set(answers))) if was else ()
    drafts.keep(tx, telling.draft, telling.paper, digests, now)
    step.say(
        DraftDecided, telling.draft.draft, telling.campaign.territory,
        gone=gone, prices=tuple(prices), unconfirmed=_unconfirmed(tx, telling, now), **_figures(telling),
    )  # fmt: skip


def _figures(telling: Telling) -> dict[str, Any]:
    asked, outcome = telling.paper.asked, telling.paper.outcome
    return {
        "campaign": telling.campaign.campaign, "number": telling.draft.number, "requests": len(telling.whole.requests),
        "placed": len(telling.paper.seats), "forced": len(telling.paper.forced),
        "held": sum(hold.units for hold in asked.holds if hold.by_person and hold.forced is None),
        "broken": tuple(Tally(asked=asked, outcomes=[outcome]).broken), "impossible": telling.impossible,
        "displaced": telling.beside.displaced,
        "engine": ENGINE, "policy": telling.loaded.policy.id, "mode": asked.policy.mode.value,
        "input_hash": outcome.input_hash, "outcome_hash": outcome.outcome_hash,
        "seed_commitment": draws.commitment(telling.campaign.seed or ""),
    }  # fmt: skip


def _unconfirmed(tx: sa.Connection, telling: Telling, now: datetime) -> int:
    """Places of the campaign that nobody has said free lately: the commission counts on them all the same."""
    rows = store.open_vacancies(tx, t.vacancies.c.territory == telling.campaign.territory)
    return sum(
        row["places"]
        for row in rows
        if telling.campaign.covers_place(row) and not is_believed(row, telling.loaded.policy, now)
    )


def _answers(telling: Telling) -> Iterator[tuple[Id, dict[str, Any]]]:
    """By request, all that the draft says of it."""
    reasons = {row.request: row for row in telling.paper.outcome.reasons}
    placed = defaultdict[Id, list[Placed]](list)
    for row in telling.paper.outcome.placed:
        placed[row.request].append(row)
    forced = {row.request: (gesture, row) for gesture, row in telling.paper.forced.items()}
    for request in telling.whole.requests:
        if request.id in forced:
            gesture, row = forced[request.id]
            yield request.id, _by_person(telling, request, gesture, row)
        elif request.id in reasons:
            yield request.id, _decided(telling, request, placed.get(request.id, []), reasons[request.id])
    for name, why in sorted(telling.loaded.aside.items()):
        yield name, {"tier": ORDINARY_TIER, "points": 0, **_words(aside(name, why))}


def _decided(telling: Telling, request: Request, rows: Sequence[Placed], reason: Reason) -> dict[str, Any]:
    structures = [row.structure for row in rows] or [reason.wishes[0].structure]
    rank = next((wish.rank for wish in reason.wishes if wish.structure == structures[0]), None)
    words = _words(told(request, reason, telling.loaded.names))
    proof = {"proof": telling.beside.proofs.get(request.id, ())}
    return {**_standing(request, *structures), **_places(rows), "rank": rank, **words, **proof}


def _by_person(telling: Telling, request: Request, gesture: Id, row: Placed) -> dict[str, Any]:
    words = _words(by_person(row, telling.loaded.names))
    return {**_standing(request, row.structure), **_places([row]), "forced": gesture, **words}


def _standing(request: Request, *structures: Id) -> dict[str, Any]:
    lines = needs.counted_at(request, *structures)
    counted = tuple(CountedPoints(**line.model_dump()) for line in lines)
    return {"tier": request.tier, "points": sum(line.points for line in lines), "reasons": counted}


def _places(rows: Sequence[Placed]) -> dict[str, Any]:
    """Where the child goes; of a week that two structures share, in both of them."""
    if not rows:
        return {}
    also = {"also": _seat(rows[1])} if len(rows) > 1 else {}
    to_prepare = any(row.to_prepare for row in rows)
    return {"seat": _seat(rows[0]), **also, "to_prepare": to_prepare, "partial": rows[0].partial}


def _words(said: Told) -> dict[str, Any]:
    return {"phrases": said.said, "plain_phrases": said.plain, "reason": said.reason}


def by_person(row: Placed, names: Mapping[Id, str]) -> Told:
    """What a family reads whose child a person placed: the motive stays with those who decided."""
    reason = Reason(request=row.request, placed=True, wishes=(WishReason(structure=row.structure, why=Why.OFFERED),))
    why = f"{names.get(row.structure, row.structure)}\u00a0: {BY_COMMISSION}"
    words, family = ("Reçoit une proposition.", why), ("Vous recevez une proposition.", why)
    return Told(row.request, True, words, words, family, reason.model_dump(mode="json"))


def _digest(facts: Mapping[str, Any]) -> str:
    return hashlib.sha256(json.dumps(facts, sort_keys=True, default=str).encode()).hexdigest()

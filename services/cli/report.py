"""What a stretch of the territory's life came to: each request's fate, messages, places and waiting times."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from statistics import median
from typing import Any

import sqlalchemy as sa

from contracts.vocabulary import ProposalState, RequestKind
from services.cli.place import Place
from services.ingest import store as declared
from services.ingest.projection import tables as seen
from services.matcher import tables as decided
from services.notifier import tables as sent

FIRST_TIER = 1


async def report(town: Place, since: datetime, until: datetime) -> dict[str, Any]:
    """Figures of the time from `since` to `until`, ready for JSON. Times are in hours of the territory's clock."""
    ingest = await town.databases["ingest"].read(_ingest_side)
    matcher = await town.databases["matcher"].read(_matcher_side)
    messages = await town.databases["notifier"].read(_messages)
    return {
        "from": since.isoformat(),
        "until": until.isoformat(),
        "requests": ingest["requests"],
        "fates": dict(Counter(row["fate"] for row in ingest["requests"])),
        "proposals": ingest["proposals"],
        "hours_to_first_proposal": ingest["hours_to_first_proposal"],
        "together": ingest["together"],
        "moves": ingest["moves"],
        "places": matcher["places"],
        "rounds": matcher["rounds"],
        "violations": matcher["violations"],
        "messages": messages,
    }


def _ingest_side(tx: sa.Connection) -> dict[str, Any]:
    proposals = list(
        tx.execute(sa.select(seen.proposals).where(seen.WHOLE).order_by(seen.proposals.c.made_at)).mappings()
    )
    by_request = defaultdict(list)
    for row in proposals:
        by_request[row["request"]].append(row)
    requests = list(tx.execute(sa.select(declared.requests).order_by(declared.requests.c.id)).mappings())
    fates = [_fate(row, by_request[row["id"]]) for row in requests]
    return {
        "requests": fates,
        "together": _together(tx, {row["request"]: row for row in fates}),
        "moves": _moves(fates),
        "proposals": dict(Counter(row["state"] for row in proposals)),
        "hours_to_first_proposal": _waits(requests, by_request),
    }


def _fate(row: sa.RowMapping, proposals: list[sa.RowMapping]) -> dict[str, Any]:
    """Where a request stands at the end: the last state of its last proposal, waiting, or closed by a person."""
    fate = proposals[-1]["state"] if proposals else "waiting"
    if row["state"] == declared.CLOSED and fate != ProposalState.CONFIRMED:
        fate = "closed"
    return {"request": row["id"], "kind": row["kind"], "fate": fate, "proposals": len(proposals)}


def _together(tx: sa.Connection, fates: Mapping[str, Mapping[str, Any]]) -> dict[str, int]:
    """Families whose children are asked for together, their children, and those with an offer, or a place, for each."""
    groups = list(tx.scalars(sa.select(declared.siblings.c.requests).where(declared.siblings.c.parted_at.is_(None))))
    children = [[fates[request] for request in group] for group in groups]
    offered = sum(all(child["proposals"] for child in group) for group in children)
    placed = sum(all(child["fate"] == ProposalState.CONFIRMED for child in group) for group in children)
    return {"families": len(groups), "children": sum(map(len, groups)), "offered": offered, "placed": placed}


def _moves(fates: Sequence[Mapping[str, Any]]) -> dict[str, int]:
    """Children with a place for whom another one is asked, and how many of them got it."""
    asked = [row["fate"] for row in fates if RequestKind(row["kind"]).has_a_place]
    return {"asked": len(asked), "placed": asked.count(ProposalState.CONFIRMED.value)}


def _waits(requests: list[sa.RowMapping], by_request: dict[str, list[sa.RowMapping]]) -> dict[str, Any]:
    """By tier and for urgent requests: how many were offered a place, and the median time from asking to offer."""
    waits: dict[str, list[timedelta]] = defaultdict(list)
    for row in requests:
        offers = by_request[row["id"]]
        if offers:
            wait = offers[0]["made_at"] - row["registered_at"]
            waits[f"tier {max(FIRST_TIER, offers[0]['tier'])}"].append(wait)
            if row["kind"] == RequestKind.URGENT:
                waits["urgent"].append(wait)
    return {
        name: {"offered": len(found), "median_hours": round(median(w.total_seconds() for w in found) / 3600, 2)}
        for name, found in sorted(waits.items())
    }


def _matcher_side(tx: sa.Connection) -> dict[str, Any]:
    rounds = list(tx.execute(sa.select(decided.rounds)).mappings())
    open_ones = decided.vacancies.c.is_open
    offered = tx.scalar(sa.select(sa.func.sum(decided.vacancies.c.places)).where(open_ones)) or 0
    placed = tx.scalar(sa.select(sa.func.count()).select_from(decided.placements)) or 0
    return {
        "places": {
            "offered": int(offered),
            "placed": placed,
            "fill_rate": round(placed / offered, 3) if offered else 0,
        },
        "rounds": {
            "count": len(rounds),
            "proposed": sum(row["proposed"] for row in rounds),
            "dropped": sum(row["dropped"] for row in rounds),
        },
        "violations": [violation for row in rounds for violation in row["violations"]],
    }


def _messages(tx: sa.Connection) -> dict[str, Any]:
    rows = tx.execute(
        sa.select(sent.messages.c.template, sent.messages.c.state, sa.func.count()).group_by(
            sent.messages.c.template, sent.messages.c.state
        )
    )
    counts: dict[str, dict[str, int]] = defaultdict(dict)
    for template, state, number in rows:
        counts[template][state] = number
    return dict(counts)

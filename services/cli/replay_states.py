"""A territory's state as rows that can be compared: what is live, what its events give, and where the two differ.

Both are read the same way, with the columns of `SHOWN` and `DECIDED`. When to modify: with a table that follows from
events. A column that depends on when two services heard of each other is left out, and said so here.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from services.ingest import store as declared
from services.ingest.projection import tables as seen
from services.matcher import tables as decided
from services.matcher.store import CLOSED

State = Mapping[str, Mapping[str, Mapping[str, Any]]]
"""Rows by table and key."""

Read = Callable[[sa.Connection, str], Iterator[dict[str, Any]]]


@dataclass(frozen=True)
class Difference:
    """One column of one row that is not what the events give; `None` for a row that is not there at all."""

    table: str
    key: str
    column: str
    live: Any
    replayed: Any


def _rows(table: sa.Table, mine: Callable[[str], sa.ColumnElement[bool]], without: Sequence[str] = ()) -> Read:
    columns = [column for column in table.c if column.name not in without]

    def read(tx: sa.Connection, territory: str) -> Iterator[dict[str, Any]]:
        yield from map(dict, tx.execute(sa.select(*columns).where(mine(territory))).mappings())

    return read


def _of(table: sa.Table, *without: str) -> Read:
    """The rows that name their territory."""
    return _rows(table, lambda territory: table.c.territory == territory, without)


def _through(table: sa.Table, column: str, owner: sa.Table, *without: str) -> Read:
    """The rows that name something which names its territory."""

    def mine(territory: str) -> sa.ColumnElement[bool]:
        return table.c[column].in_(sa.select(owner.c.id).where(owner.c.territory == territory))

    return _rows(table, mine, without)


SHOWN: Mapping[str, tuple[str, Read]] = MappingProxyType(
    {
        "territories": ("id", _rows(declared.territories, lambda territory: declared.territories.c.id == territory)),
        "structures": ("id", _of(declared.structures)),
        "sections": ("id", _of(declared.sections)),
        "agreements": ("id", _of(declared.agreements)),
        "vacancies": ("id", _of(declared.vacancies, "confirmed_at")),
        "snapshots": ("id", _through(declared.snapshots, "section", declared.sections)),
        "requests": ("id", _of(declared.requests)),
        "siblings": ("id", _of(declared.siblings)),
        "holds": ("id", _of(declared.holds)),
        "proposals": ("id", _of(seen.proposals, "held_reason")),
        "proposal_history": ("event", _through(seen.history, "proposal", seen.proposals, "position")),
        "placements": ("id", _of(seen.placements)),
        "tasks": ("id", _of(seen.tasks)),
        "explanations": ("request", _of(seen.explanations)),
        "rounds": ("id", _of(seen.rounds)),
        "messages": ("id", _of(seen.messages)),
        "verdicts": ("reply", _through(seen.verdicts, "proposal", seen.proposals)),
    }
)
"""What ingest shows, by table with its key. Not compared: `vacancies.confirmed_at`, which a refusal by the structure
and a reconfirmation move in the order in which ingest heard of them, `position`, which numbers that order, and
`proposals.held_reason`: the words of whoever keeps one back, which no event carries."""


def shown(tx: sa.Connection, territory: str) -> State:
    """What ingest shows of `territory`, live or replayed."""
    return {name: {row[key]: row for row in read(tx, territory)} for name, (key, read) in SHOWN.items()}


def decided_by_the_matcher(tx: sa.Connection, territory: str) -> State:
    """The referee's own rows, in the words of `as_decided`."""
    proposals, placements, tasks, requests, rounds = (
        tx.execute(sa.select(table).where(table.c.territory == territory)).mappings().all()
        for table in (decided.proposals, decided.placements, decided.tasks, decided.requests, decided.rounds)
    )
    same = ("request", "family", "structure", "section", "kind", "code", "state", "slots")
    return {
        "proposals": {
            key: {**{name: row[name] for name in same}, "start": row["starts"], "end": row["ends"]}
            for key, row in _with_halves(proposals)
        },
        "placements": {
            row["placement"]: {"request": row["request"], "section": row["section"], "last_day": row["last_day"],
                               "is_over": row["is_over"]}
            for row in placements
        },
        "open_tasks": {row["task"]: {"kind": row["kind"]} for row in tasks if row["settled_at"] is None},
        "requests": {row["request"]: {"family": row["family"], "kind": row["kind"]} for row in requests},
        "closed_requests": {row["request"]: {} for row in requests if row["state"] == CLOSED},
        "rounds": {row["round"]: {name: row[name] for name in _OF_A_ROUND} for row in rounds},
        **_kept(tx, territory),
    }  # fmt: skip


def _with_halves(proposals: Sequence[sa.RowMapping]) -> Iterator[tuple[str, dict[str, Any]]]:
    """Each proposal by its name, and the second structure of a shared week by the name of that half, as ingest shows
    it: with no code of its own."""
    for row in proposals:
        yield row["proposal"], dict(row)
        if (half := row["other_half"]) is not None:
            there = {name: half[name] for name in ("structure", "section", "slots")}
            yield half["half"], {**row, **there, "code": None}


def _kept(tx: sa.Connection, territory: str) -> State:
    """The matcher's places, who holds them and what it waits for, in the words of `replay_held` and `replay_timers`."""
    holds, vacancies, timers = decided.holds.c, decided.vacancies.c, decided.timers.c
    held = sa.select(decided.holds).where(holds.territory == territory, holds.lent_by.is_(None))
    counted = sa.select(decided.vacancies).where(vacancies.territory == territory, vacancies.places > 0)
    due = sa.select(decided.timers).where(timers.territory == territory)
    return {
        "holds": {row["hold"]: _dated(row, _OF_A_HOLD) for row in tx.execute(held).mappings()},
        "vacancies": {row["vacancy"]: _dated(row, _OF_A_VACANCY) for row in tx.execute(counted).mappings()},
        "timers": {f"{row.kind} {row.about}": {"due_at": row.due_at} for row in tx.execute(due)},
    }


def _dated(row: sa.RowMapping, names: Sequence[str]) -> dict[str, Any]:
    return {**{name: row[name] for name in names}, "start": row["starts"], "end": row["ends"]}


_OF_A_HOLD = ("section", "proposal", "is_placement", "slots", "units")
_OF_A_VACANCY = ("structure", "section", "kind", "slots", "places", "audience", "release_at", "agreement", "opened_at",
                 "is_open")  # fmt: skip
_OF_A_ROUND = ("requests", "proposed", "dropped", "input_hash", "outcome_hash")


def as_decided(tx: sa.Connection, territory: str) -> State:
    """The same from the replayed rows: what the matcher said, and what it heard, must give what it has."""
    state = shown(tx, territory)
    same = ("request", "family", "structure", "section", "kind", "code", "state", "slots", "start", "end")
    placed = {row["request"] for row in state["placements"].values()}
    return {
        "proposals": {key: {name: row[name] for name in same} for key, row in state["proposals"].items()},
        "placements": {
            key: {"request": row["request"], "section": row["section"], "last_day": row["last_day"],
                  "is_over": row["ended_at"] is not None}
            for key, row in state["placements"].items()
        },
        "open_tasks": {key: {"kind": row["kind"]} for key, row in state["tasks"].items() if row["settled_at"] is None},
        "requests": {key: {"family": row["family"], "kind": row["kind"]} for key, row in state["requests"].items()},
        "closed_requests": {
            key: {} for key, row in state["requests"].items() if row["state"] == declared.CLOSED and key not in placed
        },
        "rounds": {key: {name: row["facts"][name] for name in _OF_A_ROUND} for key, row in state["rounds"].items()},
    }  # fmt: skip


def digest(state: State) -> str:
    """The hash of a state: equal rows give equal hashes, whatever their order and their database."""
    text = json.dumps(state, sort_keys=True, default=_plain, ensure_ascii=False)
    return hashlib.sha256(text.encode()).hexdigest()


def _plain(value: Any) -> str:
    return value.isoformat() if hasattr(value, "isoformat") else str(value)


def differences(live: State, replayed: State) -> Iterator[Difference]:
    """Each column that differs, in the order of tables, keys and columns."""
    for table in sorted({*live, *replayed}):
        rows, again = live.get(table, {}), replayed.get(table, {})
        for key in sorted({*rows, *again}):
            yield from _of_row(table, key, rows.get(key), again.get(key))


def _of_row(
    table: str, key: str, live: Mapping[str, Any] | None, replayed: Mapping[str, Any] | None
) -> Iterator[Difference]:  # fmt: skip
    if live is None or replayed is None:
        yield Difference(table, key, "", live, replayed)
        return
    for column in sorted(live):
        if live[column] != replayed[column]:
            yield Difference(table, key, column, live[column], replayed[column])

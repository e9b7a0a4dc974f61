"""A campaign's draft as its pages list it: files that are looked for, a page at a time, and structures with counts.

Of a file that is not on the page nothing is read but what was drafted. No order here is made of ranks, but among those
who wait for one structure, and only for whoever may see ranks.

When to modify: when a commission looks for files in one more way.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from types import MappingProxyType
from typing import Any

import sqlalchemy as sa

from services.ingest.access import Seen, Thing, may_see
from services.ingest.actors import Actor
from services.ingest.queries.campaigns import answers_of, drafted_in, places_kept, touched_in
from services.ingest.queries.directory import named_structures
from services.ingest.queries.requests import file_number

Row = dict[str, Any]

AT_ONCE = 20
"""Files on one page: two screens of a phone at most (choice)."""

WAITS = frozenset({"full", "held_by_person", "given_by_person", "too_many_starts"})
"""Why a child goes without a place that another one, or a person, has."""

FIRST_TIER = 1

PLACED, WITHOUT, BY_PERSON = "place", "sans", "decision"
ANSWERS: Mapping[str, Callable[[Row], bool]] = MappingProxyType(
    {
        PLACED: lambda facts: facts["seat"] is not None,
        WITHOUT: lambda facts: facts["seat"] is None,
        BY_PERSON: lambda facts: facts["forced"] is not None,
    }
)


@dataclass(frozen=True)
class Wanted:
    """Which files are looked for; empty means any. `number` is a part of the file's number, `answer` one of `ANSWERS`.

    `structure`: where the child would be placed, or for which it waits. `changed`: another answer than in the draft
    before. A tier is for those who may see it.
    """

    number: str = ""
    structure: str = ""
    tier: str = ""
    answer: str = ""
    changed: bool = False


@dataclass(frozen=True)
class Page:
    """The files of one page, of `number` in all; the page is the `at`-th of `pages`."""

    rows: list[Row]
    number: int
    at: int
    pages: int


def files(tx: sa.Connection, actor: Actor, view: Row, now: datetime, wanted: Wanted, page: int = 1) -> Page:
    """The files that are looked for, by their numbers. A page beyond the last one is the last one."""
    rows = _found(tx, actor, view, wanted)
    pages = max(1, -(-len(rows) // AT_ONCE))
    at = min(max(1, page), pages)
    shown = rows[(at - 1) * AT_ONCE : at * AT_ONCE]
    return Page(answers_of(tx, actor, view, shown, now), len(rows), at, pages)


def all_files(tx: sa.Connection, actor: Actor, view: Row, now: datetime, wanted: Wanted) -> list[Row]:
    """The same without pages."""
    return answers_of(tx, actor, view, _found(tx, actor, view, wanted), now)


def _found(tx: sa.Connection, actor: Actor, view: Row, wanted: Wanted) -> list[Row]:
    sees_tier = may_see(actor, Seen.HEALTH, Thing(actor.territory))
    rows = [row for row in drafted_in(tx, view["campaign"]) if _fits(view, row, wanted, sees_tier)]
    return sorted(rows, key=lambda row: file_number(row["request"]))


def _fits(view: Row, row: Row, wanted: Wanted, sees_tier: bool) -> bool:
    facts = row["facts"]
    tier = "1" if facts["tier"] <= FIRST_TIER else "2"
    return (
        wanted.number.casefold() in file_number(row["request"]).casefold()
        and wanted.structure in ("", *_structures_of(facts))
        and (not wanted.tier or not sees_tier or wanted.tier == tier)
        and (wanted.answer not in ANSWERS or ANSWERS[wanted.answer](facts))
        and (not wanted.changed or touched_in(view, row) is not None)
    )


def _structures_of(facts: Row) -> set[str]:
    """Where a child would be placed, else for which structures it waits."""
    return seated_in(facts) or set(_waits(facts))


def seated_in(facts: Row) -> set[str]:
    """Where a draft would place a child: in one structure, or in the two that share its week."""
    return {seat["structure"] for seat in (facts["seat"], facts.get("also")) if seat}


def _waits(facts: Row) -> dict[str, Row]:
    """By structure, the wish for which a child without a place waits behind others, or behind a person's decision."""
    wishes = (facts["reason"] or {}).get("wishes", ()) if facts["seat"] is None else ()
    return {wish["structure"]: wish for wish in wishes if wish["why"] in WAITS}


def named(tx: sa.Connection, actor: Actor, view: Row, now: datetime, requests: Collection[str]) -> list[Row]:
    """These files of the draft."""
    rows = [row for row in drafted_in(tx, view["campaign"]) if row["request"] in requests] if requests else []
    return answers_of(tx, actor, view, rows, now)


def changed(tx: sa.Connection, view: Row) -> list[str]:
    """The files whose answer is another than in the draft before, by their numbers."""
    found = (row["request"] for row in drafted_in(tx, view["campaign"]) if touched_in(view, row) is not None)
    return sorted(found, key=file_number)


def structures(tx: sa.Connection, view: Row) -> list[Row]:
    """The structures that the intake is about: places that wait, children placed there, files that wait for them."""
    posted, placed, waiting = Counter[str](), Counter[str](), Counter[str]()
    for place in places_kept(tx, view):
        posted[place["structure"]] += place["posted"]
    for row in drafted_in(tx, view["campaign"]):
        placed.update(seated_in(row["facts"]))
        waiting.update(_waits(row["facts"]).keys())
    names = named_structures(tx, {*posted, *placed})
    return [
        {"structure": name, "structure_name": names[name], "posted": posted[name], "placed": placed[name],
         "waiting": waiting[name]}
        for name in names
    ]  # fmt: skip


def structure(tx: sa.Connection, actor: Actor, view: Row, now: datetime, name: str, most: int) -> Row:
    """One structure of the intake: its vacancies, the children placed there, and the first `most` who wait for it.

    Who waits comes by rank for whoever may see ranks, and by file number for the others.
    """
    rows = drafted_in(tx, view["campaign"])
    placed = [row for row in rows if name in seated_in(row["facts"])]
    waiting = _in_turn((row for row in rows if name in _waits(row["facts"])), name, _sees_ranks(actor))
    first = answers_of(tx, actor, view, waiting[:most], now)
    ranks = [_waits(row["facts"])[name].get("rank") if _sees_ranks(actor) else None for row in waiting]
    return {
        "structure": name, "structure_name": named_structures(tx, [name]).get(name, ""),
        "vacancies": [place for place in places_kept(tx, view) if place["structure"] == name],
        "children": answers_of(tx, actor, view, sorted(placed, key=lambda row: file_number(row["request"])), now),
        "next": [{**row, "rank_here": rank} for row, rank in zip(first, ranks, strict=False)],
        "waiting": len(waiting),
    }  # fmt: skip


def _sees_ranks(actor: Actor) -> bool:
    return may_see(actor, Seen.RANK, Thing(actor.territory))


def _in_turn(rows: Iterable[Row], structure: str, by_rank: bool) -> list[Row]:
    def turn(row: Row) -> tuple[int, str]:
        rank = _waits(row["facts"])[structure].get("rank") if by_rank else None
        return (rank or 0, file_number(row["request"]))

    return sorted(rows, key=turn)

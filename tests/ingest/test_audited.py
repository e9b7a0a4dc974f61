"""Who did what and who read what is sensitive: every route that acts, or shows contacts or health, leaves its row."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from services import ingest
from services.bus import audit
from services.ingest import people
from services.ingest.trail import DID
from tests.ingest.doors import EVERYBODY, FAMILY, Doors
from tests.ingest.people import COORDINATOR, COUNSELLOR, DIRECTOR
from tests.ingest.proposals import accepted, made
from tests.ingest.test_rights import ROUTES, Route, address, draft_is_there, furnish

ACTS = [route for route in ROUTES if route.method != "GET"]
LOOKS = [route for route in ROUTES if route.method == "GET"]
ENDS = {"/vacancies/{vacancy}/withdrawal", "/requests/{request}/closing", "/agreements/{agreement}/end"}
"""What ends something that other routes act on goes last."""

AFTER_DRAFT = "/campaigns/{campaign}/release"
AFTER_YES = {"/proposals/{proposal}/confirmation", "/proposals/{proposal}/refusal"}


async def trail(doors: Doors) -> list[audit.Kept]:
    return await doors.guichet.database.read(audit.entries, limit=10_000)


def somebody(route: Route) -> str:
    """Whom the table lets in: the coordinator where it may be."""
    return "coordinator" if "coordinator" in route.allowed else sorted(route.allowed & set(EVERYBODY))[0]


async def act_by_every_route(doors: Doors) -> tuple[list[str], list[str]]:
    """The routes that would not take an act, and those that left no row of who acted."""
    await furnish(doors)
    refused, silent = [], []
    for route in sorted(ACTS, key=lambda route: (route.path in ENDS, route.path in AFTER_YES)):
        if route.path in AFTER_YES:
            await doors.hear(accepted("O-1"))
        if route.path == AFTER_DRAFT:
            await doors.write(draft_is_there)
        who, before = somebody(route), len(await trail(doors))
        answer = await doors.call(route.method, address(route.path), who, route.body)
        newer = (await trail(doors))[: len(await trail(doors)) - before]
        if answer.status_code >= 300:
            refused.append(f"{route.method} {route.path} {answer.text}")
        elif EVERYBODY[who].id not in {kept.who for kept in newer}:
            silent.append(f"{route.method} {route.path}")
    return refused, silent


async def test_every_route_that_acts_leaves_a_row_of_who_acted(doors: Doors) -> None:
    refused, silent = await act_by_every_route(doors)
    assert (refused, silent) == ([], [])
    assert {kept.did for kept in await trail(doors)} <= set(DID)


async def test_the_walk_finds_acts_that_nobody_notes(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin."""
    monkeypatch.setattr(audit, "note", lambda tx, *entries: None)
    _, silent = await act_by_every_route(doors)
    assert len(silent) == len(ACTS)


def test_nothing_is_declared_beside_the_trail() -> None:
    """Whatever somebody declares at a door goes through `audited.declared`, on pages and for partners too."""
    folder = Path(ingest.__file__).parent
    beside = [path.name for path in folder.rglob("*.py") if "outbox.record" in path.read_text(encoding="utf-8")]
    assert beside == ["audited.py"]


async def look_by_every_route(doors: Doors) -> list[tuple[str, str]]:
    """Who was shown contacts or health by which route without a row of it."""
    await furnish(doors)
    await doors.hear(made("O-3", "R-1", needs_person=True, family="F-R-1"), accepted("O-3"))
    unseen = []
    for route in LOOKS:
        for who in sorted(route.allowed & set(EVERYBODY)):
            answer = await doors.get(address(route.path), who)
            noted = {(kept.did, kept.file) for kept in await trail(doors) if kept.who == EVERYBODY[who].id}
            if not shown(answer.json()) <= noted:
                unseen.append((route.path, who))
    return unseen


def shown(answer: Any) -> set[tuple[str, str]]:
    """What of whom an answer shows, wherever it is in it."""
    if isinstance(answer, list):
        return {found for part in answer for found in shown(part)}
    if not isinstance(answer, dict):
        return set()
    found = {found for part in answer.values() for found in shown(part)}
    file = answer.get("request")
    if isinstance(file, str):
        found |= {("contact.read", file)} if "contacts" in answer else set()
        found |= {("health.read", file)} if answer.get("needs_person") else set()
    return found


async def test_every_look_at_contacts_or_health_leaves_a_row_of_who_looked(doors: Doors) -> None:
    assert await look_by_every_route(doors) == []
    did = {(kept.who, kept.did) for kept in await trail(doors)}
    assert (COORDINATOR.id, "health.read") in did
    assert {who for who, what in did if what == "contact.read"} >= {COORDINATOR.id, COUNSELLOR.id, DIRECTOR.id}


async def test_the_walk_finds_looks_that_nobody_notes(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin."""

    async def look_away(*_: Any) -> None: ...

    monkeypatch.setattr(people, "note_reads", look_away)
    assert {path for path, _ in await look_by_every_route(doors)} >= {"/requests", "/proposals", "/tasks"}


async def test_an_act_that_is_refused_leaves_no_row_and_the_same_key_twice_leaves_one(doors: Doors) -> None:
    await furnish(doors)
    before = await trail(doors)
    assert (await doors.post("/vacancies/V-1/withdrawal", "director", {"reason": "priority"})).status_code >= 400
    assert await trail(doors) == before
    for _ in range(2):
        answer = await doors.post("/vacancies/V-1/still-free", "director", {}, key="same")
        assert answer.status_code < 300
    assert [kept.did for kept in await trail(doors)][: -len(before)] == ["vacancy.reconfirmed"]


async def test_an_erasure_says_who_asked_for_it(doors: Doors) -> None:
    request = await doors.register("coordinator")
    answer = await doors.post(f"/requests/{request}/closing", "coordinator", {"reason": "erased"})
    assert answer.status_code < 300
    did = [(kept.who, kept.did) for kept in await trail(doors)]
    assert {(COORDINATOR.id, "family.erased"), (COORDINATOR.id, "request.closed")} <= set(did)


async def test_the_trail_names_nobody(doors: Doors) -> None:
    request = await doors.register("coordinator")
    await doors.get(f"/requests/{request}", "coordinator")
    rows = await trail(doors)
    assert ("contact.read", request) in {(kept.did, kept.file) for kept in rows}
    for word in (FAMILY["child_first_name"], "Ada", "39 98", "3998"):
        assert word not in str(rows)

"""Each page that shows a family's number to somebody of the staff leaves a row of who read whose."""

from __future__ import annotations

import re
from typing import Any

import pytest

from services.bus import audit
from services.ingest import people
from services.ingest.pages import PAGES
from tests.ingest.pages.test_page_rights import ROLES, path_of
from tests.ingest.pages.town import STAFF, Town

NUMBER = re.compile(r"06[\s\u202f\u00a0]?39[\s\u202f\u00a0]?98[\s\u202f\u00a0]?20[\s\u202f\u00a0]?(\d\d)")
"""Family number n has this number with n at its end, and its file is R-n."""

FILES = ["R-1", "R-8", "R-urgent", "R-4"]


async def read_unseen(town: Town) -> tuple[set[str], set[tuple[str, str, str]]]:
    """The pages that showed a number, and who was shown whose without a row of it."""
    showing, unseen = set(), set()
    for who, role in ROLES.items():
        client = await town.signed_in(who)
        for page in [page for page in PAGES if page.method == "GET" and role in page.roles]:
            for path in {path_of(page).replace("R-3", file) for file in FILES}:
                shown = {_file(n) for n in NUMBER.findall((await client.get(path)).text)}
                kept = await town.guichet.database.read(audit.entries, who=STAFF[who][0].id, limit=10_000)
                noted = {entry.file or entry.about for entry in kept if entry.did == "contact.read"}
                showing |= {page.path} if shown else set()
                unseen |= {(who, page.path, file) for file in shown - noted}
    return showing, unseen


def _file(n: str) -> str:
    return "R-urgent" if n == "13" else f"R-{int(n)}"


async def test_every_page_that_shows_a_number_leaves_a_row_of_who_read_whose(town: Town) -> None:
    showing, unseen = await read_unseen(town)
    assert unseen == set()
    assert {"/guichet", "/guichet/dossier/{request}", "/conseil/dossier/{request}"} <= showing


async def test_the_walk_finds_pages_whose_readers_nobody_notes(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    """The twin."""

    async def look_away(*_: Any) -> None: ...

    monkeypatch.setattr(people, "note_reads", look_away)
    showing, unseen = await read_unseen(town)
    assert {path for _, path, _ in unseen} == showing

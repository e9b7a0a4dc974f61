"""Every page with every role: who is not in its table neither reads nor does anything there."""

from __future__ import annotations

import re

import pytest

from services.ingest.actors import Role
from services.ingest.pages import PAGES
from services.ingest.pages.visit import Page
from tests.ingest.pages.town import FIRST_NAMES, STAFF, Town

ROLES = {who: actor.role for who, (actor, _) in STAFF.items()}
PARAMETERS = {"proposal": "O-3", "request": "R-3", "vacancy": "V-1", "placement": "O-9", "task": "A-to_verify"}
PARAMETERS |= {"agreement": "A-1", "gesture": "G-1"}
PARAMETERS |= {"kind": "reguliere", "structure": "S-cailloux", "token": "inconnu"}
GUARDED = [page for page in PAGES if page.roles]


def path_of(page: Page) -> str:
    return re.sub(r"\{(\w+)\}", lambda found: PARAMETERS[found[1]], page.path)


def test_every_act_of_a_page_is_a_post_and_every_post_is_guarded_or_a_link() -> None:
    free = {page.path for page in PAGES if page.method == "POST" and not page.roles}
    links = {"/p/{token}", "/p/{token}/annuler", "/p/demande/{request}/{token}"}
    assert free == links | {"/connexion", "/connexion/{token}"}
    assert {page.method for page in PAGES} == {"GET", "POST"}
    assert len({(page.method, page.path) for page in PAGES}) == len(PAGES)
    assert not any(page.roles & {Role.FAMILY, Role.PUBLIC} for page in PAGES)


async def test_nobody_without_a_session_gets_past_the_door(town: Town) -> None:
    for page in GUARDED:
        answer = await town.client.request(page.method, path_of(page))
        assert (answer.status_code, answer.headers["location"]) == (303, "/connexion?fait=a_connecter"), page.path
    assert await town.said() == []


@pytest.mark.parametrize("who", ROLES)
async def test_a_role_outside_the_table_of_a_page_is_refused(town: Town, who: str) -> None:
    client = await town.signed_in(who)
    foreign = [page for page in GUARDED if ROLES[who] not in page.roles]
    assert foreign or ROLES[who] is Role.COORDINATOR
    for page in foreign:
        answer = await client.request(page.method, path_of(page), data={} if page.method == "POST" else None)
        assert answer.status_code == 403, f"{who} {page.method} {page.path}"
        assert not any(name in answer.text for name in FIRST_NAMES), page.path
    assert await town.said() == []


@pytest.mark.parametrize("who", ["other_director", "other_counsellor", "stranger"])
async def test_the_right_role_of_the_wrong_person_reads_and_does_nothing(town: Town, who: str) -> None:
    client = await town.signed_in(who)
    own = [page for page in GUARDED if ROLES[who] in page.roles and "{" in page.path]
    about = [page for page in own if not page.path.startswith("/creche/publier")]
    assert about
    for page in about:
        answer = await client.request(page.method, path_of(page), data={} if page.method == "POST" else None)
        assert answer.status_code in (403, 404, 422), f"{who} {page.method} {page.path} {answer.status_code}"
        assert not any(name in answer.text for name in FIRST_NAMES), page.path
    assert await town.said() == []


async def test_no_get_of_any_page_writes_anything(town: Town) -> None:
    for who in ROLES:
        client = await town.signed_in(who)
        for page in PAGES:
            if page.method == "GET":
                answer = await client.get(path_of(page))
                assert answer.status_code < 500, f"{who} {page.path}"
    assert await town.said() == []


async def test_a_door_without_its_guard_would_be_seen(town: Town) -> None:
    """The failing twin: with an empty table of roles, the same walk would find the page open."""
    director = await town.signed_in("director")
    open_page = next(page for page in PAGES if page.path == "/creche" and page.method == "GET")
    assert (await director.get(path_of(open_page))).status_code == 200
    counsellor = await town.signed_in("counsellor")
    assert (await counsellor.get(path_of(open_page))).status_code == 403

"""One-time links, sessions and keys: what opens, once, for how long, and what is kept of it."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
import sqlalchemy as sa
from starlette.responses import Response

from contracts.releases import SignInRequested
from services import vault
from services.bus.links import (
    contact_token,
    fingerprint,
    opening,
    proposal_token,
    recognise,
    sign_in_token,
    whose,
)
from services.ingest import credentials, store
from services.ingest.actors import Actor, Role
from services.ingest.declare.persons import PersonBody, register_person, remove_person, request_sign_in
from services.ingest.guichet import Guichet
from services.ingest.problems import Refused
from services.ingest.queries.proposals import family_of_link
from services.ingest.sessions import ask_for_link, open_session
from tests.ingest.doors import Doors
from tests.ingest.people import ADMINISTRATOR, CRECHE, NOW, TERRITORY, TODAY, act, later, register, said
from tests.ingest.proposals import CONTACT, LINK_KEY, hear, made, sent

DIRECTOR = "P-nouvelle"
SIGNING_IN = Actor("sign-in", Role.PUBLIC, "")


def employ(tx: sa.Connection) -> None:
    register_person(tx, act(ADMINISTRATOR), DIRECTOR, PersonBody(role=Role.STRUCTURE, structure=CRECHE))


def link(tx: sa.Connection) -> str:
    """The token of a fresh link, derived as the notifier derives it: from what the event says."""
    assert request_sign_in(tx, act(SIGNING_IN), DIRECTOR, LINK_KEY)
    event = said(tx, SignInRequested)[-1]
    return sign_in_token(LINK_KEY, event.subject)


def test_the_link_that_the_notifier_derives_opens_one_session_once(town: sa.Connection) -> None:
    employ(town)
    token = link(town)
    secret = credentials.open_session(town, token, later(minutes=5))
    assert secret is not None
    actor = credentials.actor_of_session(town, secret, later(hours=1))
    assert actor == Actor(DIRECTOR, Role.STRUCTURE, TERRITORY, structure=CRECHE)
    assert credentials.open_session(town, token, later(minutes=6)) is None, "a link works once"


def test_the_event_of_a_link_names_the_person_and_not_the_token(town: sa.Connection) -> None:
    employ(town)
    token = link(town)
    (event,) = said(town, SignInRequested)
    assert isinstance(event, SignInRequested)
    assert (event.person, event.territory) == (DIRECTOR, TERRITORY)
    assert token not in event.model_dump_json()


@pytest.mark.parametrize(("minutes", "opens"), [(29, True), (30, False)])
def test_a_link_lives_half_an_hour(town: sa.Connection, minutes: int, opens: bool) -> None:
    employ(town)
    assert (credentials.open_session(town, link(town), later(minutes=minutes)) is not None) == opens


def test_a_session_ends_with_the_working_day_or_with_the_job(town: sa.Connection) -> None:
    employ(town)
    secret = credentials.open_session(town, link(town), NOW)
    assert secret is not None
    assert credentials.actor_of_session(town, secret, later(hours=11)) is not None
    assert credentials.actor_of_session(town, secret, later(hours=12)) is None
    remove_person(town, act(ADMINISTRATOR), DIRECTOR)
    assert credentials.actor_of_session(town, secret, later(hours=1)) is None
    assert request_sign_in(town, act(SIGNING_IN), DIRECTOR, LINK_KEY) is None


def test_no_more_than_five_links_live_at_once(town: sa.Connection) -> None:
    employ(town)
    asked = [request_sign_in(town, act(SIGNING_IN), DIRECTOR, LINK_KEY) for _ in range(7)]
    assert [made is not None for made in asked] == [True] * 5 + [False] * 2
    assert request_sign_in(town, act(SIGNING_IN, later(minutes=31)), DIRECTOR, LINK_KEY) is not None


def test_nothing_that_is_kept_opens_anything(town: sa.Connection) -> None:
    employ(town)
    token = link(town)
    secret = credentials.open_session(town, token, NOW)
    assert secret is not None
    kept = [
        str(row)
        for table in (credentials.sign_in_links, credentials.sessions)
        for row in town.execute(sa.select(table))
    ]
    assert not [row for row in kept if token in row or secret in row]
    assert credentials.open_session(town, fingerprint(token), NOW) is None
    assert credentials.actor_of_session(town, fingerprint(secret), NOW) is None


def test_what_no_longer_opens_is_forgotten(town: sa.Connection) -> None:
    employ(town)
    credentials.open_session(town, link(town), NOW)
    assert credentials.forget(town, later(minutes=10)) == 0
    assert credentials.forget(town, later(hours=13)) == 2


@pytest.mark.parametrize(
    ("role", "structure", "code"),
    [
        (Role.FAMILY, None, "not_a_staff_role"),
        (Role.STRUCTURE, None, "structure_and_role"),
        (Role.COUNSELLOR, CRECHE, "structure_and_role"),
        (Role.STRUCTURE, "S-nulle-part", "unknown_structure"),
    ],
)
def test_a_role_and_its_structure_go_together(
    town: sa.Connection, role: Role, structure: str | None, code: str
) -> None:
    with pytest.raises(Refused) as refused:
        register_person(town, act(ADMINISTRATOR), DIRECTOR, PersonBody(role=role, structure=structure))
    assert code in {problem.code for problem in refused.value.problems}


async def test_asking_with_an_address_sends_a_link_to_whoever_it_belongs_to_and_says_nothing(doors: Doors) -> None:
    await doors.write(employ)
    known = vault.Contact(id="P-nouvelle-c1", channel=vault.ContactChannel.EMAIL, email="directrice@exemple.test")
    await doors.guichet.vault.write(
        vault.put_contacts, doors.guichet.keyring, DIRECTOR, [known], TODAY, vault.OwnerKind.STAFF
    )
    for address in ("personne@exemple.test", "n'importe quoi", "Directrice@Exemple.test "):
        await ask_for_link(doors.guichet, address, NOW)
    (event,) = await doors.said(SignInRequested)
    response = Response()
    token = sign_in_token(LINK_KEY, event.subject)
    assert await open_session(doors.guichet, token, NOW, response)
    cookie = response.headers["set-cookie"]
    assert {"HttpOnly", "SameSite=lax", "Path=/"} <= set(cookie.split("; "))
    assert "Secure" not in cookie
    assert not await open_session(doors.guichet, token, NOW, Response())
    answer = await doors.client.get(f"/api/v1/structures/{CRECHE}/places", headers={"cookie": cookie.split(";")[0]})
    assert answer.status_code == 200, "a person who is signed in may also read the JSON door"


async def test_over_https_the_cookie_is_bound_to_this_host_and_to_https(doors: Doors) -> None:
    await doors.write(employ)
    await doors.write(request_sign_in, act(SIGNING_IN), DIRECTOR, LINK_KEY)
    (event,) = await doors.said(SignInRequested)
    parts = doors.guichet
    secure = Guichet(parts.database, parts.vault, parts.keyring, parts.clock, LINK_KEY, "https://guichet.exemple.test")
    response = Response()
    assert await open_session(secure, sign_in_token(LINK_KEY, event.subject), NOW, response)
    assert response.headers["set-cookie"].startswith("__Host-berceau=")
    assert "Secure" in response.headers["set-cookie"]


def test_a_familys_link_is_the_one_that_the_notifier_derives_and_opens_its_proposal_only(town: sa.Connection) -> None:
    register(town)
    hear(town, made(), sent(), made("O-2", "R-2"))
    token = proposal_token(LINK_KEY, "O-1")
    family = family_of_link(town, token)
    assert family == Actor(CONTACT, Role.FAMILY, TERRITORY, family="F-R-1", request="R-1", proposal="O-1")
    assert family_of_link(town, proposal_token(b"x" * 32, "O-1")) is None
    assert family_of_link(town, fingerprint(token)) is None
    row = store.find(town, store.metadata.tables["proposals"], "O-1")
    assert token not in str(row)


def test_tokens_are_short_and_differ_by_use_key_and_subject() -> None:
    tokens = {proposal_token(LINK_KEY, "O-1"), proposal_token(LINK_KEY, "O-2"), proposal_token(b"x" * 32, "O-1")}
    tokens |= {sign_in_token(LINK_KEY, "O-1")}
    assert len(tokens) == 4
    assert {len(token) for token in tokens} == {22}
    first, second = (contact_token(LINK_KEY, "O-1", contact) for contact in ("C-1", "C-2"))
    assert {len(first), len(second)} == {30} and opening(first)[0] == opening(second)[0]
    assert whose(LINK_KEY, "O-1", opening(second)[1], ["C-1", "C-2"]) == "C-2"
    assert whose(LINK_KEY, "O-2", opening(second)[1], ["C-1", "C-2"]) is None
    assert recognise(proposal_token(LINK_KEY, "O-1"), proposal_token(LINK_KEY, "O-1"))
    assert not recognise("é", proposal_token(LINK_KEY, "O-1"))


def test_a_programs_key_is_shown_once_and_kept_as_a_fingerprint(town: sa.Connection) -> None:
    facts = {"id_": "K-1", "territory": TERRITORY, "role": Role.STRUCTURE, "structure": CRECHE, "label": "Logiciel"}
    secret = credentials.create_key(town, **facts, now=NOW)  # type: ignore[arg-type]
    assert credentials.actor_of_key(town, secret) == Actor("K-1", Role.STRUCTURE, TERRITORY, structure=CRECHE)
    row = town.execute(sa.select(credentials.api_keys)).one()
    assert secret not in str(row)
    assert credentials.use_is_old(_noted(town, secret), NOW)
    credentials.note_use(town, "K-1", NOW)
    assert not credentials.use_is_old(_noted(town, secret), NOW + timedelta(minutes=59))
    assert credentials.use_is_old(_noted(town, secret), NOW + timedelta(minutes=61))


def _noted(town: sa.Connection, secret: str) -> datetime | None:
    """When the last use of the key was noted."""
    found = credentials.program_of_key(town, secret)
    assert found is not None
    return found[1]

"""Who may sign in: persons, one-time links, sessions and the keys of programs. Secrets are kept as fingerprints only.

A person's e-mail address and phone are in the vault, under the person's id; here there is no name.
"""

from __future__ import annotations

import secrets
from collections.abc import Collection
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa

from services.bus import audit
from services.bus.audit import Entry
from services.bus.links import fingerprint
from services.bus.tables import Instant
from services.ingest import store
from services.ingest.actors import Actor, Role
from services.ingest.store import key, metadata, named

LINK_LIFE = timedelta(minutes=30)
"""Long enough for a mail to arrive, short enough that an old mailbox opens nothing."""

SESSION_LIFE = timedelta(hours=12)
"""A working day: the next morning asks for a new link (OWASP ASVS 5.0, chapter 7: a stated absolute limit)."""

LINKS_AT_ONCE = 5
"""Links that are alive at once for one person: more would be somebody else's insistence."""

USES_NOTED_EVERY = timedelta(hours=1)

BY_LINK, BY_ACCOUNT = "session.opened", "session.vouched"
"""How somebody signed in, as the audit trail has it: by a link to open once, or by the account of one's employer."""

_SECRET_BYTES = 32

persons = sa.Table(
    "persons",
    metadata,
    key(),
    named("territory"),
    sa.Column("role", sa.String(16), nullable=False),
    named("structure", nullable=True),
    sa.Column("registered_at", Instant, nullable=False),
    sa.Column("left_at", Instant),
)

api_keys = sa.Table(
    "api_keys",
    metadata,
    key(),
    named("territory"),
    sa.Column("role", sa.String(16), nullable=False),
    named("structure", nullable=True),
    sa.Column("label", sa.String(120), nullable=False),
    sa.Column("fingerprint", sa.String(64), nullable=False, unique=True),
    sa.Column("created_at", Instant, nullable=False),
    sa.Column("last_used_at", Instant),
    sa.Column("revoked_at", Instant),
)

sign_in_links = sa.Table(
    "sign_in_links",
    metadata,
    key(),
    named("person"),
    sa.Column("fingerprint", sa.String(64), nullable=False, unique=True),
    sa.Column("expires_at", Instant, nullable=False),
    sa.Column("used_at", Instant),
    sa.Index("links_of_person", "person", "expires_at"),
)

sessions = sa.Table(
    "sessions",
    metadata,
    key("fingerprint"),
    named("person"),
    sa.Column("opened_at", Instant, nullable=False),
    sa.Column("expires_at", Instant, nullable=False),
)


def person_named(tx: sa.Connection, person: str) -> dict[str, Any] | None:
    """The person of that id who has not left."""
    row = store.find(tx, persons, person)
    return row if row is not None and row["left_at"] is None else None


def keep_link(
    tx: sa.Connection, *, link: str, person: str, token: str, now: datetime, life: timedelta = LINK_LIFE
) -> bool:
    """Keep a one-time link. False if the person has too many that still work."""
    alive = (
        sign_in_links.c.person == person,
        sign_in_links.c.expires_at > now,
        sign_in_links.c.used_at.is_(None),
    )
    if (tx.scalar(sa.select(sa.func.count()).select_from(sign_in_links).where(*alive)) or 0) >= LINKS_AT_ONCE:
        return False
    row = {"id": link, "person": person, "fingerprint": fingerprint(token), "expires_at": now + life}
    tx.execute(sign_in_links.insert().values(row))
    return True


def open_session(tx: sa.Connection, token: str, now: datetime, life: timedelta = SESSION_LIFE) -> str | None:
    """Use a one-time link: the session's secret, shown once, or None where the link is unknown, used or too old."""
    used = tx.execute(
        sa.update(sign_in_links)
        .where(
            sign_in_links.c.fingerprint == fingerprint(token),
            sign_in_links.c.used_at.is_(None),
            sign_in_links.c.expires_at > now,
        )
        .values(used_at=now)
        .returning(sign_in_links.c.person)
    ).first()
    return open_session_of(tx, used.person, now, life, BY_LINK) if used else None


def open_session_of(tx: sa.Connection, person: str, now: datetime, life: timedelta, how: str) -> str | None:
    """The session's secret for a person who proved `how` who it is, shown once; None where it may not sign in any
    more."""
    row = person_named(tx, person)
    if row is None:
        return None
    secret = secrets.token_urlsafe(_SECRET_BYTES)
    session = {"fingerprint": fingerprint(secret), "person": person, "opened_at": now, "expires_at": now + life}
    tx.execute(sessions.insert().values(session))
    audit.note(tx, Entry(now, person, row["role"], how, person, row["territory"]))
    return secret


def who_may_sign_in(tx: sa.Connection, persons_: Collection[str]) -> list[str]:
    """Those of these persons who have not left, in order."""
    return [person for person in sorted(persons_) if person_named(tx, person)]


def close_session(tx: sa.Connection, secret: str) -> None:
    tx.execute(sa.delete(sessions).where(sessions.c.fingerprint == fingerprint(secret)))


def actor_of_session(tx: sa.Connection, secret: str, now: datetime) -> Actor | None:
    """Who is signed in with this secret, or None."""
    alive = (sessions.c.fingerprint == fingerprint(secret), sessions.c.expires_at > now)
    person = tx.scalar(sa.select(sessions.c.person).where(*alive))
    row = person_named(tx, person) if person else None
    return _actor(row) if row else None


def actors_of_sessions(tx: sa.Connection, fingerprints: Collection[str], now: datetime) -> dict[str, Actor]:
    """Who is signed in with each of these sessions; those that opened nothing any more are left out."""
    alive = (sessions.c.fingerprint.in_(sorted(fingerprints)), sessions.c.expires_at > now, persons.c.left_at.is_(None))
    query = sa.select(sessions.c.fingerprint, persons).join(persons, persons.c.id == sessions.c.person).where(*alive)
    return {row["fingerprint"]: _actor(dict(row)) for row in tx.execute(query).mappings()}


def create_key(
    tx: sa.Connection, *, id_: str, territory: str, role: Role, structure: str | None, label: str, now: datetime
) -> str:
    """Keep a program's key. The secret is returned once and never kept."""
    secret = f"berceau_{secrets.token_urlsafe(_SECRET_BYTES)}"
    row = {"id": id_, "territory": territory, "role": role.value, "structure": structure, "label": label}
    tx.execute(api_keys.insert().values(**row, fingerprint=fingerprint(secret), created_at=now))
    return secret


def actor_of_key(tx: sa.Connection, secret: str) -> Actor | None:
    """Which program has this key, or None where it is unknown or revoked."""
    found = program_of_key(tx, secret)
    return found[0] if found else None


def program_of_key(tx: sa.Connection, secret: str) -> tuple[Actor, datetime | None] | None:
    """The same with when its last use was noted, in one statement: every request of a program asks."""
    row = tx.execute(_BY_KEY, {"mark": fingerprint(secret)}).mappings().first()
    return None if row is None else (_actor(dict(row)), row["last_used_at"])


_BY_KEY = sa.select(api_keys).where(
    api_keys.c.fingerprint == sa.bindparam("mark"), api_keys.c.revoked_at.is_(None)
)  # fmt: skip


def programs_of_keys(tx: sa.Connection, fingerprints: Collection[str]) -> dict[str, Actor]:
    """Which program each of these keys is of; those that are unknown or revoked are left out."""
    rows = tx.execute(_BY_KEYS, {"marks": sorted(fingerprints)}).mappings() if fingerprints else ()
    return {row["fingerprint"]: _actor(dict(row)) for row in rows}


_K = api_keys.c
_BY_KEYS = sa.select(_K.fingerprint, _K.id, _K.role, _K.territory, _K.structure).where(
    _K.fingerprint.in_(sa.bindparam("marks", expanding=True)), _K.revoked_at.is_(None)
)


def use_is_old(noted_at: datetime | None, now: datetime) -> bool:
    """True if a key's last use was not noted lately: a write for each read would cost more than it tells."""
    return noted_at is None or noted_at < now - USES_NOTED_EVERY


def note_use(tx: sa.Connection, key_id: str, now: datetime) -> None:
    tx.execute(sa.update(api_keys).where(api_keys.c.id == key_id).values(last_used_at=now))


def forget(tx: sa.Connection, now: datetime) -> int:
    """Drop links and sessions that no longer open anything. Returns how many."""
    gone = [tx.execute(sa.delete(table).where(table.c.expires_at < now)) for table in (sign_in_links, sessions)]
    return sum(result.rowcount for result in gone)


def _actor(row: dict[str, Any]) -> Actor:
    return Actor(id=row["id"], role=Role(row["role"]), territory=row["territory"], structure=row["structure"])

"""What `berceau doctor` sees of the work itself: whether it goes on, and whether what is kept fits what is set.

A service that stands still says so at its own door; whoever finds none of them running reads here what waits for whom.
When to modify: with a kind of work that is a row with a date, or a secret on which rows rest.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta

import sqlalchemy as sa

from contracts.topics import TOPICS
from services.bus import tables as bus
from services.bus.database import Database
from services.bus.delivery import read_up_to
from services.bus.health import OLDEST_OUTBOX_S
from services.bus.links import fingerprint, proposal_token
from services.bus.settings import Settings
from services.calendar import counted
from services.cli.assembly import clock_of
from services.cli.checks import MOST_DRIFT, Check, failed
from services.cli.failures import NBSP
from services.cli.french import age
from services.ingest.projection.tables import proposals
from services.matcher.leases import database_now
from services.matcher.tables import leases, territories, timers
from services.notifier.store import State
from services.notifier.tables import messages

LATE = timedelta(minutes=5)
"""What is due is done within a second or two, and within seconds of a process that takes over."""

Look = Callable[[sa.Connection, Settings, datetime], Iterator[Check]]


async def work(settings: Settings) -> list[Check]:
    """What is late in each service, and what keeps rows from being what they were written for."""
    looks: dict[str, tuple[Look, ...]] = {
        "ingest": (_clock_went_back, _strange_links), "matcher": (_late_rounds,), "notifier": (_late_texts,),
    }  # fmt: skip
    found = await asyncio.gather(*(_looked(settings, name, each) for name, each in looks.items()))
    unread = [] if settings.database else await _unread(settings)
    return [check for checks in (*found, unread) for check in checks]


async def _looked(settings: Settings, name: str, looks: tuple[Look, ...]) -> list[Check]:
    database = _there(settings, name)
    if database is None:
        return []

    def look(tx: sa.Connection) -> list[Check]:
        return [check for each in looks for check in each(tx, settings, clock_of(settings)())]

    try:
        return await database.read(look)
    except (sa.exc.SQLAlchemyError, OSError):
        return []  # said already of the database
    finally:
        await database.close()


def _there(settings: Settings, name: str) -> Database | None:
    """None for a file that is not made yet: to look would make it."""
    from services.bus.wiring import database_at  # with Kafka's client, which one process does not need

    if not settings.database and not (settings.data / f"{name}.sqlite").exists():
        return None
    return database_at(settings, name)


def _start(settings: Settings, name: str) -> str:
    """The command that does the work of a service."""
    return f"«{NBSP}berceau worker {name}{NBSP}»" if settings.database else f"«{NBSP}berceau serve{NBSP}»"


def _clock_went_back(tx: sa.Connection, settings: Settings, now: datetime) -> Iterator[Check]:
    last = tx.scalar(sa.select(bus.outbox.c.recorded_at).order_by(bus.outbox.c.position.desc()).limit(1))
    if last is not None and last > now + MOST_DRIFT:
        ahead = (last - now).total_seconds()
        detail = f"le dernier événement noté a {ahead:.0f} s d'avance{NBSP}: cette horloge a reculé"
        yield failed("horloge", detail, "Réglez-la par NTP (timedatectl set-ntp true).")


def _strange_links(tx: sa.Connection, settings: Settings, now: datetime) -> Iterator[Check]:
    """A link that was sent opens nothing under another key."""
    newest = sa.select(proposals.c.id, proposals.c.link).where(
        proposals.c.link.is_not(None), proposals.c.made_at.is_not(None)
    )
    row = tx.execute(newest.order_by(proposals.c.made_at.desc()).limit(1)).first()
    if row is not None and row.link != fingerprint(proposal_token(settings.key("link_key"), row.id)):
        remedy = "Remettez la clé BERCEAU_LINK_KEY avec laquelle ils sont partis."
        yield failed("liens", "les liens déjà envoyés n'ouvrent plus rien", remedy)


def _late_rounds(tx: sa.Connection, settings: Settings, now: datetime) -> Iterator[Check]:
    """A territory whose round or timer is long due: nobody holds it, or its holder stands still."""
    rounds = sa.select(territories.c.territory, territories.c.due_at)
    due = rounds.union_all(sa.select(timers.c.territory, timers.c.due_at)).subquery()
    late = sa.select(due.c.territory, sa.func.min(due.c.due_at).label("since")).where(due.c.due_at < now - LATE)
    for row in tx.execute(late.group_by(due.c.territory).order_by(due.c.territory)):
        detail = f"le territoire {row.territory} attend une décision depuis {age(now - row.since)}"
        yield failed("attribution", detail, _remedy_of_late(settings, _holder(tx, row.territory)))


def _holder(tx: sa.Connection, territory: str) -> str | None:
    """The process whose lease of the territory is not over, by the database's clock."""
    held = sa.select(leases.c.member).where(leases.c.territory == territory, leases.c.until > database_now(tx))
    return tx.scalar(held)


def _remedy_of_late(settings: Settings, holder: str | None) -> str:
    start = _start(settings, "matcher")
    if holder is None:
        return f"Aucun processus ne le tient{NBSP}: démarrez {start}."
    return f"Le processus {holder} le tient sans avancer{NBSP}: lisez son journal, puis redémarrez {start}."


def _late_texts(tx: sa.Connection, settings: Settings, now: datetime) -> Iterator[Check]:
    late = (messages.c.state == State.PLANNED.value, messages.c.send_at < now - LATE)
    count, since = tx.execute(sa.select(sa.func.count(), sa.func.min(messages.c.send_at)).where(*late)).one()
    if count:
        texts = counted(count, "SMS devait partir", "SMS devaient partir")
        remedy = f"Démarrez {_start(settings, 'notifier')}{NBSP}; s'il tourne, lisez son journal."
        yield failed("envoi", f"{texts}, le premier depuis {age(now - since)}", remedy)


async def _unread(settings: Settings) -> list[Check]:
    """In one process: what a reader has not passed by its cursor."""
    ways = [(topic.writer, reader, topic.name) for topic in TOPICS for reader in topic.readers]
    return [check for way in ways for check in await _unread_of(settings, *way)]


async def _unread_of(settings: Settings, writer: str, reader: str, stream: str) -> list[Check]:
    said, heard = _there(settings, writer), _there(settings, reader)
    if said is None or heard is None:
        return []
    try:
        done = await heard.read(read_up_to, stream)
        first = await said.read(_first_after, done)
    except (sa.exc.SQLAlchemyError, OSError):
        return []  # said already of the database
    finally:
        for database in (said, heard):
            await database.close()
    waited = clock_of(settings)() - first if first else timedelta(0)
    if waited.total_seconds() <= OLDEST_OUTBOX_S:
        return []
    remedy = f"Démarrez {_start(settings, reader)}{NBSP}; s'il tourne, lisez son journal."
    return [failed(f"lecture {reader}", f"un événement de {writer} attend d'être lu depuis {age(waited)}", remedy)]


def _first_after(tx: sa.Connection, position: int) -> datetime | None:
    behind = sa.select(bus.outbox.c.recorded_at).where(bus.outbox.c.position > position)
    return tx.scalar(behind.order_by(bus.outbox.c.position).limit(1))

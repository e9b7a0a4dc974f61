"""What `berceau doctor` looks at on the machine and in the databases.

When to modify: a check says what it found in one sentence, and a remedy only where there is something to do.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Literal
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

import sqlalchemy as sa

from services.bus import dead_letters, outbox
from services.bus.causes import REMEDIES, in_words
from services.bus.database import Database
from services.bus.health import OLDEST_OUTBOX_S
from services.bus.migrations import SERVICES, pending
from services.bus.settings import Settings
from services.calendar import counted, system_clock
from services.cli.failures import NBSP
from services.vault import Keyring, tables

State = Literal["ok", "warning", "failed"]

OLDEST_PYTHON = (3, 11)
SMALLEST_FREE = 1_000_000_000
MOST_DRIFT = timedelta(seconds=2)
"""Deadlines are compared with instants that other machines wrote: two seconds stay within the grace."""

SHORTEST_SECRET = 16
LOOPBACK = ("http://127.0.0.1", "http://localhost", "http://[::1]")
ZONE = "Europe/Paris"


_OF_RIGHTS = "Donnez le dossier BERCEAU_DATA au compte de Berceau, sur un disque monté en écriture."
_OF_A_FILE = f"Vérifiez les droits. Si le fichier est abîmé, remettez-le{NBSP}: «{NBSP}berceau restore{NBSP}»."


@dataclass(frozen=True)
class Check:
    """One thing that was looked at. A warning does not keep anything from working."""

    name: str
    state: State
    detail: str
    remedy: str = ""


def ok(name: str, detail: str) -> Check:
    return Check(name, "ok", detail)


def warning(name: str, detail: str, remedy: str) -> Check:
    return Check(name, "warning", detail, remedy)


def failed(name: str, detail: str, remedy: str) -> Check:
    return Check(name, "failed", detail, remedy)


def python(version: tuple[int, int] = sys.version_info[:2]) -> Check:
    said = ".".join(map(str, version))
    if version < OLDEST_PYTHON:
        return failed("Python", said, "Installez Python 3.11 ou plus récent.")
    return ok("Python", said)


async def clock(settings: Settings) -> list[Check]:
    """The French clock, and whether somebody moved ours."""
    try:
        there = system_clock().astimezone(ZoneInfo(ZONE))
    except ZoneInfoNotFoundError:
        return [failed("horloge", f"le fuseau {ZONE} manque", "Installez le paquet tzdata.")]
    if settings.clock_file is not None:
        remedy = "Retirez BERCEAU_CLOCK_FILE : il ne sert qu'aux répétitions."
        return [failed("horloge", "elle est déplacée pour une répétition", remedy)]
    return [ok("horloge", f"{there:%d/%m/%Y %H:%M:%S} ({ZONE})")]


async def secrets(settings: Settings) -> list[Check]:
    return list(_secrets(settings))


def _secrets(settings: Settings) -> Iterator[Check]:
    if settings.key("vault_key") == settings.key("link_key"):
        remedy = f"Donnez-leur deux valeurs{NBSP}: «{NBSP}berceau key new --all{NBSP}»."
        yield failed("secrets", "la clé du coffre et celle des liens sont la même", remedy)
        return
    if settings.gateway != "phone" and len(settings.inbound_secret.get_secret_value()) < SHORTEST_SECRET:
        remedy = f"Donnez BERCEAU_INBOUND_SECRET{NBSP}: «{NBSP}berceau key new --all{NBSP}»."
        yield failed("secrets", "les SMS des familles ne peuvent pas entrer", remedy)
        return
    yield ok("secrets", "clé du coffre et clé des liens présentes, et différentes")


async def databases(settings: Settings) -> list[Check]:
    """Each service's database: there, up to date, and with nothing that waits for a person."""
    found = await asyncio.gather(*(_database(settings, name) for name in SERVICES))  # one that hangs takes seconds
    return [check for checks in found for check in checks]


def _opened(settings: Settings, name: str) -> Database:
    from services.bus.wiring import database_at  # with Kafka's client, which one process does not need

    return database_at(settings, name)


async def _database(settings: Settings, name: str) -> list[Check]:
    if not settings.database and not (settings.data / f"{name}.sqlite").exists():
        return [warning(f"base {name}", "pas encore créée", "Elle le sera au premier démarrage de Berceau.")]
    if not settings.database and not os.access(settings.data / f"{name}.sqlite", os.W_OK):
        return [failed(f"base {name}", "ce compte ne peut pas y écrire", _OF_RIGHTS)]
    database = _opened(settings, name)
    try:
        return await database.read(_state, name, database.kind)
    except (sa.exc.SQLAlchemyError, OSError) as error:
        why = in_words(error)
        of_server = "Vérifiez que PostgreSQL tourne, et BERCEAU_DATABASE." if settings.database else _OF_A_FILE
        return [failed(f"base {name}", f"injoignable, {why}", REMEDIES.get(why, of_server))]
    finally:
        await database.close()


def _state(tx: sa.Connection, name: str, kind: str) -> list[Check]:
    if pending(tx, name):
        return [failed(f"base {name}", "ses tables ne sont pas à jour", "Démarrez le service : il les met à jour.")]
    if _is_read_only(tx, kind):
        remedy = "Si c'est une copie (standby), promouvez-la. Sinon, remettez default_transaction_read_only à off."
        return [failed(f"base {name}", "répond, et refuse d'écrire", remedy)]
    found = [ok(f"base {name}", f"joignable, à jour ({kind})"), *_drift(tx, name, kind)]
    return found if name == "vault" else [*found, *_waiting(tx, name)]


def _is_read_only(tx: sa.Connection, kind: str) -> bool:
    """Whether every page can be read and nothing kept: a standby, or a server told to take nothing."""
    if kind != "postgresql":
        return False
    refuses = sa.func.current_setting("default_transaction_read_only") == "on"
    return bool(tx.scalar(sa.select(sa.or_(sa.func.pg_is_in_recovery(), refuses))))


def _drift(tx: sa.Connection, name: str, kind: str) -> Iterator[Check]:
    """A server's clock against ours; a file has none."""
    if kind != "postgresql":
        return
    theirs: datetime = tx.execute(sa.select(sa.func.clock_timestamp())).scalar_one()
    drift = abs(theirs - system_clock())
    if drift > MOST_DRIFT:
        detail = f"son horloge diffère de {drift.total_seconds():.0f} s de celle de cette machine"
        yield failed(f"base {name}", detail, "Réglez les deux par NTP (timedatectl set-ntp true).")


def _waiting(tx: sa.Connection, name: str) -> Iterator[Check]:
    letters = dead_letters.count_waiting(tx)
    if letters:
        remedy = f"Regardez-les{NBSP}: «{NBSP}berceau dead-letters{NBSP}»."
        yield warning(f"messages {name}", f"{counted(letters, 'message')} à regarder", remedy)


async def vault(settings: Settings) -> list[Check]:
    """Whether the key opens what the vault holds."""
    if not settings.database and not (settings.data / "vault.sqlite").exists():
        return []
    database = _opened(settings, "vault")
    try:
        masters = await database.read(_masters)
    except (sa.exc.SQLAlchemyError, OSError):
        return []  # said already of the database
    finally:
        await database.close()
    strange = masters - {Keyring(settings.key("vault_key")).name}
    if strange:
        detail = f"{counted(len(strange), 'clé maîtresse inconnue', 'clés maîtresses inconnues')}"
        return [failed("coffre", detail, "Remettez la clé BERCEAU_VAULT_KEY avec laquelle il a été rempli.")]
    return [ok("coffre", "la clé ouvre ce qu'il contient" if masters else "vide")]


def _masters(tx: sa.Connection) -> set[str]:
    return set(tx.scalars(sa.select(tables.keys.c.master).distinct()))


async def oldest_waiting(database: Database) -> float:
    """Seconds that the oldest event has waited for its broker."""
    oldest = await database.read(outbox.oldest_unpublished)
    return max(0.0, (system_clock() - oldest).total_seconds()) if oldest else 0.0


def is_stuck(seconds: float) -> bool:
    return seconds > OLDEST_OUTBOX_S


async def addresses(settings: Settings) -> list[Check]:
    """What people see of us: over https, except on this very machine."""
    if settings.public_url.startswith("https://"):
        return [ok("adresse", settings.public_url)]
    remedy = "Donnez BERCEAU_PUBLIC_URL en https, derrière un serveur web."
    if settings.public_url.startswith(LOOPBACK):
        return [warning("adresse", f"{settings.public_url} ne se voit que d'ici", remedy)]
    return [failed("adresse", f"{settings.public_url} circule en clair", remedy)]


async def disk(settings: Settings) -> list[Check]:
    folder = settings.data if settings.data.exists() else settings.data.absolute().parent
    while not folder.exists():
        folder = folder.parent
    free = shutil.disk_usage(folder).free
    detail = f"{free / SMALLEST_FREE:.1f} Go libres sous {folder}".replace(".", ",", 1)
    if free < SMALLEST_FREE:
        return [failed("disque", detail, "Libérez de la place : les bases refuseraient d'écrire.")]
    return [ok("disque", detail)]

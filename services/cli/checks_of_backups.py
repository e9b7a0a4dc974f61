"""What `berceau doctor` and the metrics say of the last backup."""

from __future__ import annotations

import asyncio
from datetime import timedelta

from prometheus_client import Gauge

from services.bus.settings import Settings
from services.bus.waits import first_of
from services.calendar import system_clock
from services.cli.backup_manifest import newest
from services.cli.checks import Check, failed, ok, warning
from services.cli.failures import NBSP
from services.cli.french import age

OLDEST = timedelta(hours=36)
"""A backup each night, and half a day to notice that one is missing."""

LOOK_EVERY_S = 300.0
LAST_BACKUP = Gauge("berceau_last_backup_timestamp_seconds", "When the last backup was made; 0 if there is none")


async def backups(settings: Settings) -> list[Check]:
    """When the last backup was made."""
    if settings.backups is None:
        remedy = f"Donnez BERCEAU_BACKUPS, puis chaque nuit{NBSP}: «{NBSP}berceau backup{NBSP}»."
        return [warning("sauvegarde", "aucun dossier n'est réglé", remedy)]
    found = await asyncio.to_thread(newest, settings.backups)
    if found is None:
        return [
            failed(
                "sauvegarde", f"aucune sous {settings.backups}", f"Faites-en une{NBSP}: «{NBSP}berceau backup{NBSP}»."
            )
        ]
    path, made_at = found
    since = system_clock() - made_at
    if since > OLDEST:
        remedy = f"Regardez pourquoi{NBSP}: «{NBSP}journalctl -u berceau-backup{NBSP}»."
        return [failed("sauvegarde", f"la dernière a {age(since)} ({path.name})", remedy)]
    return [ok("sauvegarde", f"la dernière a {age(since)} ({path.name})")]


async def watch_backups(settings: Settings, stop: asyncio.Event) -> None:
    """Measure when the last backup was made, until `stop`. Nothing is measured where no folder is set."""
    while settings.backups is not None and not stop.is_set():
        found = await asyncio.to_thread(newest, settings.backups)
        LAST_BACKUP.set(found[1].timestamp() if found else 0)
        await first_of((stop,), LOOK_EVERY_S)

"""`berceau backup` and `berceau restore`: the databases of an installation at one instant, and back again.

The keys are never in a backup: without the vault's key what it says of people is noise, which is why the two are kept
apart. A restore throws nothing away: what was there stays under another name.
"""

from __future__ import annotations

import json
import os
import time
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli import installation
from services.cli.failures import NBSP, CommandFailed, Exit, of_file

if TYPE_CHECKING:
    from datetime import datetime

    from services.bus.settings import Settings
    from services.cli.backup_manifest import Manifest

SEE = "docs/exploitation.md"
Json = Annotated[bool, typer.Option("--json", help="En JSON.")]


@dataclass(frozen=True)
class Saved:
    """Where a backup is, how large, and how long it took."""

    backup: str
    bytes: int
    seconds: float
    territories: dict[str, dict[str, str]]


@dataclass(frozen=True)
class Restored:
    """How long it took to have the same state again, replay included, and where what was there is now."""

    backup: str
    made_at: str
    seconds: float
    same: dict[str, bool]
    published_again: int
    aside: str


def backup(
    folder: Annotated[
        Path | None, typer.Argument(metavar="DOSSIER", help="Le dossier des sauvegardes, sinon BERCEAU_BACKUPS.")
    ] = None,
    as_json: Json = False,
) -> None:
    """Sauvegarder les bases, sans arrêter Berceau. Les clés n'y sont pas : gardez-les ailleurs."""
    found = installation.settings()
    where = folder or found.backups
    if where is None:
        raise CommandFailed("Aucun dossier de sauvegarde.", "Donnez-le, ou réglez BERCEAU_BACKUPS.", SEE, Exit.USAGE)
    saved = installation.run(_save(found, where))
    if as_json:
        typer.echo(json.dumps(asdict(saved), indent=2))
    else:
        size, seconds = (f"{value:.1f}".replace(".", ",") for value in (saved.bytes / 1e6, saved.seconds))
        typer.echo(f"{saved.backup}{NBSP}: {size} Mo en {seconds} s. Les clés n'y sont pas.")


async def _save(found: Settings, where: Path) -> Saved:
    """All of a backup, or nothing that looks like one: the folder gets its name at the end."""
    from services.bus.migrations import SERVICES
    from services.cli import backup_manifest, backup_postgresql, backup_sqlite
    from services.cli.assembly import clock_of

    begun, now = time.monotonic(), clock_of(found)()
    final = where / f"berceau-{backup_manifest.stamp(now)}"
    unfinished = where / f".{final.name}.{os.getpid()}"
    _check_there(found)
    try:
        unfinished.mkdir(parents=True, mode=0o700)
    except OSError as error:
        raise of_file(where, error, "s'écrit", SEE) from error
    async with installation.opened(found, *SERVICES):
        pass  # a service that never started has its tables all the same
    if found.database:
        states = await backup_postgresql.copy(found.database, unfinished)
    else:
        states = backup_sqlite.copy(found.data, unfinished)
    written = backup_manifest.manifest_of(found, unfinished, states, now)
    size = sum(path.stat().st_size for path in unfinished.iterdir())
    (unfinished / backup_manifest.FILE).write_text(written.model_dump_json(indent=2), encoding="utf-8")
    unfinished.rename(final)
    await _keep_trace(found, final.name, now)
    return Saved(str(final), size, time.monotonic() - begun, states)


async def _keep_trace(found: Settings, name: str, now: datetime) -> None:
    """Whoever copies the databases takes everybody's requests along: the audit trail says when. Not in the copy."""
    from services.bus import audit

    entry = audit.Entry(now, installation.COMMAND, audit.TECHNICIAN, "backup.made", name, "")
    async with installation.opened(found, "ingest") as databases:
        await databases["ingest"].write(audit.note, entry)


def _check_there(found: Settings) -> None:
    from services.cli import backup_sqlite

    if not found.database and not backup_sqlite.is_there(found.data):
        raise CommandFailed(f"Il n'y a rien sous {found.data}.", "Vérifiez BERCEAU_DATA.", SEE)


def restore(
    saved: Annotated[Path, typer.Argument(metavar="SAUVEGARDE", help="Le dossier d'une sauvegarde.")],
    replace: Annotated[bool, typer.Option("--replace", help="Mettre de côté ce qui est là.")] = False,
    as_json: Json = False,
) -> None:
    """Remettre les bases d'une sauvegarde, les rejouer, et dire si l'état est le même. Berceau est arrêté."""
    done = installation.run(restored(installation.settings(), saved, replace))
    if as_json:
        typer.echo(json.dumps(asdict(done), indent=2, ensure_ascii=False))
    else:
        _show(done)
    raise typer.Exit(Exit.DONE if all(done.same.values()) else Exit.FOUND)


async def restored(found: Settings, saved: Path, replace: bool) -> Restored:
    """Bring back, replay, compare. Raises CommandFailed before anything is touched."""
    from services.cli import backup_manifest

    begun = time.monotonic()
    manifest = backup_manifest.read(saved)
    backup_manifest.check_fits(manifest, found)
    await _check_stopped(found)
    aside = await _put_aside(found, replace)
    again = await _bring_back(found, saved)
    same = await _same_states(found, manifest)
    seconds = round(time.monotonic() - begun, 2)
    return Restored(str(saved), manifest.made_at.isoformat(), seconds, same, again, aside)


async def _check_stopped(found: Settings) -> None:
    from services.cli import backup_postgresql, backup_sqlite

    database = found.database
    running = await backup_postgresql.is_running(database) if database else backup_sqlite.is_running(found.data)
    if running:
        raise CommandFailed(
            "Berceau tourne encore.", f"Arrêtez-le{NBSP}: «{NBSP}systemctl stop 'berceau*'{NBSP}».", SEE
        )
    if found.kafka and holds_events(found):
        cause = "Le courtier garde des événements d'après la sauvegarde."
        raise CommandFailed(
            cause, f"Donnez un nouveau BERCEAU_KAFKA_PREFIX, puis «{NBSP}berceau topics --create{NBSP}».", SEE
        )


def holds_events(found: Settings) -> bool:
    """Whether a topic of this installation holds anything."""
    from services.bus.topics import admin, hold_events

    with admin(found) as client:
        return hold_events(client, found)


async def _put_aside(found: Settings, replace: bool) -> str:
    from services.cli import backup_postgresql, backup_sqlite
    from services.cli.assembly import clock_of
    from services.cli.backup_manifest import stamp

    database = found.database
    there = await backup_postgresql.is_there(database) if database else backup_sqlite.is_there(found.data)
    if not there:
        return ""
    if not replace:
        remedy = f"Ajoutez --replace{NBSP}: ce qui est là sera gardé à part."
        raise CommandFailed("Il y a déjà des bases à cet endroit.", remedy, SEE)
    name = stamp(clock_of(found)())
    if database:
        return await backup_postgresql.put_aside(database, name)
    return str(backup_sqlite.put_aside(found.data, name))


async def _bring_back(found: Settings, saved: Path) -> int:
    """The databases in place; how many events the relays will publish again."""
    from services.cli import backup_postgresql, backup_sqlite
    from services.ingest.projection import handlers
    from services.matcher.handlers import HANDLERS as MATCHER
    from services.notifier.handlers import HANDLERS as NOTIFIER

    if not found.database:
        backup_sqlite.bring_back(saved, found.data)
        return 0
    await backup_postgresql.bring_back(saved, found.database)
    readers = {"ingest": handlers(found.key("link_key")), "matcher": MATCHER, "notifier": NOTIFIER}
    return await backup_postgresql.publish_again(found.database, readers)


async def _same_states(found: Settings, manifest: Manifest) -> dict[str, bool]:
    """For each territory: the live hash is that of the backup, and its events give it again."""
    from services.cli.replay import compared

    same = {}
    for territory, expected in manifest.states.items():
        replayed = (await compared(found, territory)).services
        same[territory] = all(one.live == one.replayed and one.as_it_is == expected[one.service] for one in replayed)
    return same


def _show(done: Restored) -> None:
    from datetime import datetime

    from services.calendar import instant_in_full

    seconds, made_at = f"{done.seconds:.1f}".replace(".", ","), instant_in_full(datetime.fromisoformat(done.made_at))
    typer.echo(f"Restauré et rejoué en {seconds}{NBSP}s{NBSP}: {done.backup}, du {made_at}.")
    for territory, same in done.same.items():
        words = "même état qu'à la sauvegarde" if same else "état différent, voyez «\u00a0berceau replay --check\u00a0»"
        typer.echo(f"{territory}{NBSP}: {words}")
    if done.aside:
        typer.echo(f"Ce qui était là est gardé{NBSP}: {done.aside}")
    if done.published_again:
        typer.echo(f"{done.published_again} événements seront publiés de nouveau au démarrage.")

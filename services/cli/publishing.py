"""`berceau publish-again`: let the relays give the broker once more what a broker lost, from the services' own logs."""

from __future__ import annotations

import json
from datetime import datetime
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli import installation
from services.cli.failures import NBSP, CommandFailed, Exit

if TYPE_CHECKING:
    from services.bus.settings import Settings

SEE = "docs/exploitation.md"
WRITERS = ("ingest", "matcher", "notifier")
SINCE = f"Le début de la perte, heure de cette machine{NBSP}: 2026-11-22T08:00."


def publish_again(
    since: Annotated[str, typer.Option("--since", help=SINCE)],
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Compter seulement, sans rien changer.")] = False,
    yes: Annotated[bool, typer.Option("--yes", help="Ne pas demander de confirmation.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="En JSON (avec --dry-run ou --yes).")] = False,
) -> None:
    """Publier de nouveau ce que le courtier a perdu. Qui l'a déjà entendu n'en tient pas compte."""
    from services.calendar import instant_in_full

    start, found = _instant(since), _with_broker()
    if as_json and not (dry_run or yes):
        raise typer.BadParameter("Ajoutez --dry-run ou --yes : en JSON, rien n'est demandé.", param_hint="--json")
    counts = installation.run(_count(found, start))
    if not as_json:
        typer.echo(f"Depuis le {instant_in_full(start, with_year=True)}{NBSP}:")
        _show(counts)
    if not (dry_run or yes) and any(counts.values()):
        _ask()
    if not dry_run:
        counts = installation.run(_again(found, start))
    if as_json:
        facts = {"since": start.isoformat(), "dry_run": dry_run, "events": counts}
        typer.echo(json.dumps(facts, indent=2, ensure_ascii=False))
    elif not dry_run and any(counts.values()):
        typer.echo("Les relais les publient au fur et à mesure.")


def _ask() -> None:
    """Raises Abort unless the technician says so in full."""
    if typer.prompt(f"Tapez «{NBSP}oui{NBSP}» pour les publier", default="non").strip().lower() != "oui":
        raise typer.Abort


def _instant(text: str) -> datetime:
    """An instant; without a zone it is this machine's, as whoever types it reads it on the wall."""
    try:
        return datetime.fromisoformat(text).astimezone()
    except ValueError as error:
        raise typer.BadParameter("Écrivez-le ainsi : 2026-11-22T08:00.", param_hint="--since") from error


def _with_broker() -> Settings:
    found = installation.settings()
    if not found.kafka:
        cause = "Cette installation n'a pas de courtier, qui pourrait perdre quelque chose."
        raise CommandFailed(cause, "Donnez BERCEAU_KAFKA et BERCEAU_DATABASE.", SEE, Exit.SETTINGS)
    return found


async def _count(found: Settings, since: datetime) -> dict[str, int]:
    from services.bus import outbox

    async with installation.opened(found, *WRITERS) as databases:
        return {name: await databases[name].read(outbox.count_published, since) for name in WRITERS}


async def _again(found: Settings, since: datetime) -> dict[str, int]:
    from services.bus import outbox

    async with installation.opened(found, *WRITERS) as databases:
        return {name: await databases[name].write(outbox.publish_again, since) for name in WRITERS}


def _show(counts: dict[str, int]) -> None:
    from services.calendar import counted

    for name, count in counts.items():
        typer.echo(f"{name}{NBSP}: {counted(count, 'événement')} à publier de nouveau.")

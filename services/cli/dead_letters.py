"""`berceau dead-letters`: what a service could not handle, for a person to look at, handle again or discard."""

from __future__ import annotations

import json
from enum import StrEnum
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.calendar.days import local
from services.cli import installation
from services.cli.failures import NBSP, CommandFailed, Exit
from services.cli.french import FrenchCommand, FrenchGroup, age

if TYPE_CHECKING:
    from datetime import datetime

    from services.bus.database import Database
    from services.bus.dead_letters import Letter
    from services.bus.delivery import Reader
    from services.bus.settings import Settings

SEE = "docs/commande.md"
app = typer.Typer(cls=FrenchGroup, help="Les messages qu'une personne doit regarder.")


class Service(StrEnum):
    INGEST = "ingest"
    MATCHER = "matcher"
    NOTIFIER = "notifier"


Whose = Annotated[Service, typer.Argument(metavar="SERVICE", help="Le service qui n'a pas su le traiter.")]
Number = Annotated[int, typer.Argument(metavar="NUMÉRO", help="Le numéro du message.")]
Json = Annotated[bool, typer.Option("--json", help="En JSON.")]
Settled = Annotated[bool, typer.Option("--settled", help="Ceux qu'une personne a réglés, avec leur note.")]
Most = Annotated[int, typer.Option("--limit", min=1, max=10_000, help="Combien au plus pour chaque service.")]

REASONS = {"wrong": "données fausses", "other": "échec répété", "away": "panne"}
"""`services.bus.retries.Failure`, in words."""


@app.callback(invoke_without_command=True)
def listed(ctx: typer.Context, settled: Settled = False, limit: Most = 100, as_json: Json = False) -> None:
    """Lister les messages mis de côté, service par service, le plus ancien d'abord."""
    if ctx.invoked_subcommand is not None:
        return
    found, now = installation.run(_found(installation.settings(), settled, limit))
    if as_json:
        rows = [{"service": name, **_facts(letter, now)} for name, letters in found.items() for letter in letters]
        typer.echo(json.dumps(rows, indent=2, ensure_ascii=False))
    else:
        _show_list(found, now, settled)
    raise typer.Exit(Exit.FOUND if any(found.values()) and not settled else Exit.DONE)


async def _found(found: Settings, settled: bool, limit: int) -> tuple[dict[str, list[Letter]], datetime]:
    from services.bus import dead_letters
    from services.cli.assembly import clock_of

    ask = dead_letters.settled if settled else dead_letters.waiting
    async with installation.opened(found, *Service) as databases:
        return {name: await databases[name].read(ask, limit) for name in Service}, clock_of(found)()


def _show_list(found: dict[str, list[Letter]], now: datetime, settled: bool) -> None:
    for name, letters in found.items():
        for letter in letters:
            typer.echo(_line(name, letter, now))
    if not any(found.values()):
        typer.echo("Aucun message n'a été réglé." if settled else "Aucun message n'est mis de côté.")


def _line(name: str, letter: Letter, now: datetime) -> str:
    what = f"{name} {letter.id}{NBSP}: {letter.type or 'illisible'}, {REASONS.get(letter.reason, letter.reason)}"
    if letter.settled_at is not None:
        return f"{what}, réglé il y a {age(now - letter.settled_at)} par {letter.settled_by}{NBSP}: {letter.note}"
    return f"{what}, de côté depuis {age(now - letter.parked_at)}. {letter.error} ({letter.origin})"


@app.command(cls=FrenchCommand)
def show(service: Whose, number: Number, as_json: Json = False) -> None:
    """Montrer un message entier, même réglé."""
    found = installation.settings()
    letter, now = installation.run(_one(found, service, number))
    if as_json:
        facts = {**_facts(letter, now), "body": letter.body.decode(errors="replace")}
        typer.echo(json.dumps(facts, indent=2, ensure_ascii=False))
    else:
        shown = _shown(service, letter, now)
        typer.echo("\n".join(f"{name}{NBSP}: {value}" for name, value in shown.items() if value))


def _shown(service: Service, letter: Letter, now: datetime) -> dict[str, str]:
    """The letter for a person; a line without anything to say is empty."""
    settled = letter.settled_at
    return {
        "Message": f"{service.value} {letter.id}",
        "Type": letter.type or "illisible",
        "Flux": letter.stream,
        "Origine": letter.origin,
        "Motif": REASONS.get(letter.reason, letter.reason),
        "Erreur": letter.error,
        "Essais": str(letter.tries),
        "Mis de côté": f"le {local(letter.parked_at):%d/%m/%Y à %H:%M}, il y a {age(now - letter.parked_at)}",
        "Réglé": f"le {local(settled):%d/%m/%Y à %H:%M}, il y a {age(now - settled)}" if settled else "",
        "Réglé par": letter.settled_by or "",
        "Note": letter.note or "",
        "Contenu": letter.body.decode(errors="replace"),
    }


async def _one(found: Settings, service: Service, number: int) -> tuple[Letter, datetime]:
    from services.bus import dead_letters
    from services.cli.assembly import clock_of

    async with installation.opened(found, service) as databases:
        letter = await databases[service].read(dead_letters.letter, number)
    if letter is None:
        raise _unknown(service, number)
    return letter, clock_of(found)()


async def _letter(database: Database, service: Service, number: int) -> Letter:
    """The letter of that number, if it still waits."""
    from services.bus import dead_letters

    letter = await database.read(dead_letters.letter, number)
    if letter is None or letter.settled_at is not None:
        raise _unknown(service, number)
    return letter


def _unknown(service: Service, number: int) -> CommandFailed:
    cause = f"Aucun message {number} n'attend chez {service.value}."
    return CommandFailed(cause, f"«{NBSP}berceau dead-letters{NBSP}» liste ceux qui attendent.", SEE)


@app.command(cls=FrenchCommand)
def redrive(
    service: Whose, number: Number, note: Annotated[str, typer.Option(help="Ce qui a été réparé.")] = ""
) -> None:
    """Traiter de nouveau un message tel qu'il est ; il reste de côté si cela échoue encore."""
    outcome = installation.run(_redrive(installation.settings(), service, number, note))
    words = {"handled": "traité", "repeated": "déjà traité auparavant", "skipped": "sans objet pour ce service"}
    typer.echo(f"Message {number}{NBSP}: {words.get(outcome, outcome)}.")


async def _redrive(found: Settings, service: Service, number: int, note: str) -> str:
    from services.bus.retries import Failure, brief, failure_of

    async with installation.opened(found, service) as databases:
        letter = await _letter(databases[service], service, number)
        reader = _reader(found, service, databases[service])
        try:
            return await databases[service].write(reader.redrive, letter, installation.COMMAND, note)
        except Exception as error:
            if failure_of(error) is Failure.AWAY:
                raise
            cause = f"Le message échoue encore{NBSP}: {brief(error)}"
            remedy = "Corrigez la cause, ou écartez-le avec «\u00a0berceau dead-letters discard\u00a0»."
            raise CommandFailed(cause, remedy, SEE) from error


def _reader(found: Settings, service: Service, database: Database) -> Reader:
    """The service's own handlers, as its process has them."""
    from services.bus.delivery import Reader
    from services.cli.assembly import clock_of
    from services.ingest.projection import reader_on
    from services.matcher.handlers import HANDLERS as MATCHER
    from services.notifier.handlers import HANDLERS as NOTIFIER

    if service is Service.INGEST:
        return reader_on(database, found.key("link_key"), clock_of(found))
    return Reader(service, database, {Service.MATCHER: MATCHER, Service.NOTIFIER: NOTIFIER}[service], clock_of(found))


@app.command(cls=FrenchCommand)
def discard(
    service: Whose, number: Number, note: Annotated[str, typer.Option(help="Pourquoi il ne sera jamais traité.")]
) -> None:
    """Écarter un message pour toujours, avec une note. Le message et la note sont gardés."""
    if not note.strip():
        raise typer.BadParameter("Dites pourquoi : la note est gardée avec le message.", param_hint="--note")
    installation.run(_discard(installation.settings(), service, number, note))
    typer.echo(f"Message {number}{NBSP}: écarté.")


async def _discard(found: Settings, service: Service, number: int, note: str) -> None:
    from services.bus import dead_letters
    from services.cli.assembly import clock_of

    async with installation.opened(found, service) as databases:
        letter = await _letter(databases[service], service, number)
        facts = {"by": installation.COMMAND, "note": note, "now": clock_of(found)()}
        await databases[service].write(dead_letters.settle, letter.id, **facts)  # type: ignore[arg-type]


def _facts(letter: Letter, now: datetime) -> dict[str, Any]:
    """Everything but the body; ages in seconds."""
    ended = letter.settled_at
    return {
        "id": letter.id,
        "stream": letter.stream,
        "origin": letter.origin,
        "type": letter.type,
        "reason": letter.reason,
        "error": letter.error,
        "tries": letter.tries,
        "parked_at": letter.parked_at.isoformat(),
        "age_seconds": round((now - letter.parked_at).total_seconds()),
        "settled_at": ended.isoformat() if ended else None,
        "settled_by": letter.settled_by,
        "note": letter.note,
    }

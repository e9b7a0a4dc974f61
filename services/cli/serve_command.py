"""`berceau serve` and `berceau worker`."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import Coroutine
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.panel import Panel

from services.bus.delivery import TooManyBadMessages
from services.bus.logs import configure_logs
from services.bus.members import MemberTaken
from services.bus.settings import PREFIX, Settings
from services.cli.failures import NBSP, CommandFailed, require_ports
from services.cli.installation import causes_of, halted, settings

console = Console(stderr=True)


class Name(StrEnum):
    INGEST = "ingest"
    MATCHER = "matcher"
    NOTIFIER = "notifier"


def serve(
    data: Annotated[Path | None, typer.Option(help="Dossier des données (profil embarqué).")] = None,
    database: Annotated[str | None, typer.Option(help="PostgreSQL : postgresql+asyncpg://…")] = None,
    kafka: Annotated[str | None, typer.Option(help="Apache Kafka : hôte:port,…")] = None,
    host: Annotated[str | None, typer.Option(help="Adresse d'écoute.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65_535, help="Premier port des pages.")] = None,
) -> None:
    """Tout Berceau dans un seul processus."""
    found = _settings(data=data, database=database, kafka=kafka, host=host, port=port)
    configure_logs()
    _trace(found, "serve")
    _announce(found)
    if found.kafka:
        from services.cli.workers import serve_on_kafka

        require_ports(found.host, found.port, len(Name))
        _run(serve_on_kafka(found))
    else:
        from services.cli.serve import serve_embedded

        _run(serve_embedded(found))


def worker(
    name: Annotated[Name, typer.Argument(metavar="SERVICE", help="Le service.")],
    host: Annotated[str | None, typer.Option(help="Adresse d'écoute.")] = None,
    port: Annotated[int | None, typer.Option(min=1, max=65_535, help="Port de ses pages.")] = None,
) -> None:
    """Un service de Berceau, sur Apache Kafka et sa base."""
    found = _settings(host=host, port=port)
    configure_logs()
    if not found.kafka:
        raise typer.BadParameter("Donnez BERCEAU_KAFKA et BERCEAU_DATABASE : un service seul a besoin des deux.")
    _trace(found, name.value)
    _announce(found)
    from services.cli.workers import run_worker

    require_ports(found.host, found.port)
    _run(run_worker(name.value, found))


def _run(work: Coroutine[Any, Any, None]) -> None:
    """Until it is asked to stop, which it may be before it has begun. Raises CommandFailed where another process is
    this one already, or where a reader stopped rather than put everything aside."""
    try:
        with contextlib.suppress(asyncio.CancelledError):
            asyncio.run(work)
    except (MemberTaken, TooManyBadMessages, ExceptionGroup) as error:
        causes = causes_of(error)
        taken = next((cause for cause in causes if isinstance(cause, MemberTaken)), None)
        failure = halted(causes) if taken is None else CommandFailed(taken.cause, taken.remedy)
        if failure is None:
            raise
        raise failure from error


def _settings(**given: Any) -> Settings:
    """The environment's settings with what the command line says instead. Raises CommandFailed if they can not do."""
    from services.cli.assembly import refuse_deaf_gateway

    own = {PREFIX + name.upper(): str(value) for name, value in given.items() if value is not None}
    found = settings({**os.environ, **own})
    refuse_deaf_gateway(found)
    return found


def _trace(found: Settings, service: str) -> None:
    """Send traces, where the settings say to whom. Nothing is loaded for it otherwise."""
    if found.traces:
        from services.bus import traces

        try:
            traces.configure(found.traces, service)
        except traces.TracingMissing as missing:
            cause = f"BERCEAU_TRACES est réglé, et OpenTelemetry manque{NBSP}: {missing}"
            remedy = f"Voyez «{NBSP}Suivre une affaire de bout en bout{NBSP}», ou retirez ce réglage."
            raise CommandFailed(cause, remedy, "docs/exploitation.md") from missing


def _announce(settings: Settings) -> None:
    """Which adapters carry events and keep data, and what they promise."""
    if settings.kafka:
        words = f"Courtier : Apache Kafka ({settings.kafka}). Base : {_without_password(settings.database)}."
    else:
        words = f"Courtier : aucun, tout est dans ce processus. Base : SQLite dans {settings.data}."
    promise = "Un événement accepté est livré au moins une fois et prend effet une fois."
    lines = [words, promise, f"Pages : {settings.public_url}"]
    if settings.clock_file:
        lines.append("ATTENTION : horloge déplacée pour une répétition. Ne servez personne ainsi.")
    if settings.gateway == "phone":
        lines.append("SMS : téléphones simulés. Aucun SMS ne part.")
    console.print(Panel("\n".join(lines), title="Berceau", border_style="cyan"))


def _without_password(url: str | None) -> str:
    return (url or "").rsplit("@", 1)[-1]

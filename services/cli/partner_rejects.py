"""`berceau partner-rejects`: what the partners' door gave back to crèche software, for whoever answers its supplier."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli import installation
from services.cli.failures import NBSP, CommandFailed, Exit

if TYPE_CHECKING:
    from services.bus.last_messages import Kept
    from services.bus.settings import Settings

SEE = "docs/formats.md"
UNSIGNED = "sans clé"


def partner_rejects(
    last: Annotated[int, typer.Option(min=1, max=10_000, help="Combien au plus, les derniers.")] = 20,
    key: Annotated[str | None, typer.Option(help="Ceux d'une seule clé (K-…).")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="En JSON, avec le message lui-même.")] = False,
) -> None:
    """Lister les messages de partenaires qui ont été rejetés, avec leurs raisons, le dernier à la fin."""
    rejects = installation.call(_rejects, _with_broker(), last)
    rejects = [reject for reject in rejects if key in (None, reject["key"])]
    if as_json:
        typer.echo(json.dumps(rejects, indent=2, ensure_ascii=False))
    else:
        _show(rejects)
    raise typer.Exit(Exit.FOUND if rejects else Exit.DONE)


def _with_broker() -> Settings:
    found = installation.settings()
    if not found.kafka:
        cause = "Cette installation n'a pas de courtier, donc pas de sujet pour les partenaires."
        raise CommandFailed(cause, "Donnez BERCEAU_KAFKA et BERCEAU_DATABASE.", SEE, Exit.SETTINGS)
    return found


def _rejects(found: Settings, last: int) -> list[dict[str, Any]]:
    """Each with the instant at which it was rejected. Where it came from twice it is shown once."""
    from services.bus.last_messages import last_messages
    from services.ingest.partners import REJECTS

    rejects = [_read(kept) for kept in last_messages(found, REJECTS, last)]
    return list({reject["origin"]: reject for reject in rejects}.values())


def _read(kept: Kept) -> dict[str, Any]:
    facts: dict[str, Any] = json.loads(kept.body)
    return {"rejected_at": kept.at.isoformat(), **facts}


def _show(rejects: list[dict[str, Any]]) -> None:
    from datetime import datetime

    from services.calendar import instant_in_full

    for reject in rejects:
        at = instant_in_full(datetime.fromisoformat(reject["rejected_at"]))
        typer.echo(f"{reject['origin']}, {reject['key'] or UNSIGNED}, {at}{NBSP}:")
        for problem in reject["problems"]:
            where = f"{problem['field']}{NBSP}: " if problem["field"] else ""
            typer.echo(f"  {where}{problem['rule']} {problem['remedy']}")
    if not rejects:
        typer.echo("Aucun message de partenaire n'a été rejeté.")

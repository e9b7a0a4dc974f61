"""`berceau doctor`: everything that an installation needs, looked at one by one, each fault with its remedy.

When to modify: with every new thing that an installation may get wrong. A check is a function that yields `Check`s.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.failures import NBSP, CommandFailed, Exit

if TYPE_CHECKING:
    from services.bus.settings import Settings
    from services.cli.checks import Check

PROFILES = {"embedded": "profil embarqué (SQLite, un processus)", "cluster": "profil réparti (PostgreSQL, Kafka)"}
MARKS = {"ok": "✓", "warning": "!", "failed": "✗"}


def doctor(as_json: Annotated[bool, typer.Option("--json", help="Chaque contrôle en JSON.")] = False) -> None:
    """Vérifier l'installation, avec un remède pour chaque défaut."""
    import asyncio

    found = asyncio.run(examined())
    if as_json:
        typer.echo(json.dumps([asdict(check) for check in found], indent=2, ensure_ascii=False))
    else:
        for check in found:
            typer.echo(_line(check))
    raise typer.Exit(Exit.FOUND if any(check.state == "failed" for check in found) else Exit.DONE)


async def examined(environment: Mapping[str, str] | None = None) -> list[Check]:
    """Every check, in the order in which one repairs an installation."""
    import os

    from services.cli import checks, installation

    found = [checks.python()]
    try:
        settings = installation.settings(os.environ if environment is None else environment)
    except CommandFailed as failure:
        return [*found, checks.failed("réglages", failure.cause, failure.remedy)]
    found.append(checks.ok("réglages", PROFILES[settings.profile]))
    for check in _all():
        found += await check(settings)
    return found


def _all() -> tuple[Callable[[Settings], Awaitable[list[Check]]], ...]:
    from services.cli import checks, checks_of_backups, checks_of_carriers, checks_of_work

    return (
        checks.clock, checks.secrets, checks.databases, checks.vault, checks_of_carriers.broker,
        checks_of_carriers.delivery, checks_of_work.work, checks_of_carriers.gateway, checks.addresses, checks.disk,
        checks_of_backups.backups,
    )  # fmt: skip


def _line(check: Any) -> str:
    remedy = f"\n    Remède{NBSP}: {check.remedy}" if check.remedy else ""
    return f"{MARKS[check.state]} {check.name}{NBSP}: {check.detail}{remedy}"

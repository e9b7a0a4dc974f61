"""`berceau doctor`: everything that an installation needs, looked at one by one, each fault with its remedy.

When to modify: with every new thing that an installation may get wrong. A check is a function that yields `Check`s.
"""

from __future__ import annotations

import json
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

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

    found = asyncio.run(examined(tell=(lambda check: None) if as_json else _tell))
    if as_json:
        typer.echo(json.dumps([asdict(check) for check in found], indent=2, ensure_ascii=False))
    raise typer.Exit(Exit.FOUND if any(check.state == "failed" for check in found) else Exit.DONE)


async def examined(tell: Callable[[Check], None]) -> list[Check]:
    """Every check, in the order in which one repairs an installation; each is told as soon as those before it are."""
    found = []
    async for check in _known_in_turn():
        tell(check)
        found.append(check)
    return found


async def _known_in_turn() -> AsyncIterator[Check]:
    """All are looked at side by side: a database that hangs is found out by each look in the same seconds."""
    import asyncio

    from services.cli import checks, installation

    yield checks.python()
    try:
        settings = installation.settings()
    except CommandFailed as failure:
        yield checks.failed("réglages", failure.cause, failure.remedy)
        return
    yield checks.ok("réglages", PROFILES[settings.profile])
    for looked in [asyncio.ensure_future(look(settings)) for look in _all()]:
        for check in await looked:
            yield check


def _all() -> tuple[Callable[[Settings], Awaitable[list[Check]]], ...]:
    from services.cli import checks, checks_of_backups, checks_of_carriers, checks_of_identity, checks_of_work

    return (
        checks.clock, checks.secrets, checks.databases, checks.vault, checks_of_carriers.broker,
        checks_of_carriers.delivery, checks_of_work.work, checks_of_carriers.gateway,
        checks_of_identity.identity, checks.addresses, checks.disk, checks_of_backups.backups,
    )  # fmt: skip


def _tell(check: Check) -> None:
    remedy = f"\n    Remède{NBSP}: {check.remedy}" if check.remedy else ""
    typer.echo(f"{MARKS[check.state]} {check.name}{NBSP}: {check.detail}{remedy}")

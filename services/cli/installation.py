"""The installation that a command works on: its settings, its databases, its only territory.

A command fails fast where a service would wait: whoever typed it is there to read why.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator, Callable, Coroutine, Mapping, Sequence
from typing import TYPE_CHECKING, Any, ParamSpec, TypeVar

from services.cli.failures import NBSP, CommandFailed, Exit

if TYPE_CHECKING:
    from services.bus.database import Database
    from services.bus.settings import Settings
    from services.ingest.actors import Role
    from services.ingest.guichet import Guichet
    from services.ingest.problems import Problem

P = ParamSpec("P")
T = TypeVar("T")
COMMAND = "berceau"
"""Who acts where a technician types a command: what events and rows carry."""


def settings(environment: Mapping[str, str] = os.environ) -> Settings:
    """The settings of this process. Raises CommandFailed naming each variable that is missing or wrong."""
    from pydantic import ValidationError

    from services.bus.settings import PREFIX, from_environment

    try:
        return from_environment(environment)
    except ValidationError as error:
        names = [f"{PREFIX}{str(problem['loc'][0]).upper()}" for problem in error.errors()]
        cause = f"Réglages manquants ou faux{NBSP}: {', '.join(sorted(set(names)))}."
        remedy = (
            "Chargez les réglages de l'installation (/etc/berceau), et gardez ses clés. "
            f"Pour une première installation{NBSP}: «{NBSP}berceau key new --all{NBSP}»."
        )
        raise CommandFailed(cause, remedy, code=Exit.SETTINGS) from error


def run(work: Coroutine[Any, Any, T]) -> T:
    """Run `work`; what is away, or stopped rather than put everything aside, becomes a CommandFailed with its code."""
    return call(asyncio.run, work)


def call(work: Callable[P, T], *args: P.args, **kwargs: P.kwargs) -> T:
    """The same for a plain function."""
    from services.bus.causes import REMEDIES, in_words
    from services.bus.retries import Failure, failure_of

    try:
        return work(*args, **kwargs)
    except Exception as error:
        causes = causes_of(error)
        if (stopped := halted(causes)) is not None:
            raise stopped from error
        ours = (each for each in causes if not isinstance(each, PermissionError))
        if any(isinstance(cause, CommandFailed) or failure_of(cause) is not Failure.AWAY for cause in ours):
            raise
        why = in_words(causes[0])
        if why in REMEDIES:
            cause = f"Berceau ne peut pas écrire ou lire{NBSP}: {why}"
            raise CommandFailed(cause, REMEDIES[why], code=Exit.AWAY) from error
        cause = f"La base ou le courtier ne répond pas{NBSP}: {why}"
        remedy = f"Vérifiez qu'ils tournent, puis «{NBSP}berceau doctor{NBSP}»."
        raise CommandFailed(cause, remedy, code=Exit.AWAY) from error


def halted(causes: Sequence[Exception]) -> CommandFailed | None:
    """Where a reader stopped because nearly nothing could be handled: what a person does about it."""
    from services.bus.delivery import TooManyBadMessages

    why = next((cause for cause in causes if isinstance(cause, TooManyBadMessages)), None)
    if why is None:
        return None
    remedy = (
        f"«{NBSP}berceau dead-letters{NBSP}» dit lesquels et pourquoi. Réparez la cause, ou signalez-la à l'éditeur, "
        "puis relancez. Une démonstration ne les garde qu'avec --keep."
    )
    return CommandFailed(f"Berceau s'est arrêté{NBSP}: {why}.", remedy, "docs/exploitation.md", Exit.FOUND)


def causes_of(error: Exception) -> list[Exception]:
    """What went wrong in each task, however deep their groups have wrapped it."""
    if isinstance(error, ExceptionGroup):
        return [cause for part in error.exceptions for cause in causes_of(part)]
    return [error]


@contextlib.asynccontextmanager
async def opened(found: Settings, *names: str) -> AsyncIterator[dict[str, Database]]:
    """The databases of these services, brought to the present, closed at the end."""
    from services.bus.migrations import upgrade
    from services.bus.wiring import database_at

    databases = {name: database_at(found, str(name)) for name in names}  # asyncpg takes no member of an enum
    try:
        for name, database in databases.items():
            await upgrade(database, name)
        yield databases
    finally:
        for database in databases.values():
            await database.close()


@contextlib.asynccontextmanager
async def guichet_of(found: Settings) -> AsyncIterator[Guichet]:
    """The guichet's databases and keys, as its doors have them."""
    from services.cli.assembly import clock_of, knows_policy
    from services.ingest.guichet import Guichet
    from services.vault import Keyring

    async with opened(found, "ingest", "vault") as databases:
        keyring = Keyring(found.key("vault_key"))
        clock, links = clock_of(found), found.key("link_key")
        kept = databases["ingest"], databases["vault"]
        yield Guichet(*kept, keyring, clock, links, found.public_url, knows_policy=knows_policy)


async def territory_of(guichet: Guichet, given: str | None) -> str:
    """The territory that is meant: the one that is named, or the only one. Raises CommandFailed."""
    if given is not None:
        return given
    names = await territories_of(guichet)
    if len(names) == 1:
        return names[0]
    cause = "Plusieurs territoires sont publiés." if names else "Aucun territoire n'est publié."
    raise CommandFailed(cause, f"Nommez le vôtre{NBSP}: --territory montlucon.")


async def territories_of(guichet: Guichet) -> list[str]:
    """The territories that are published, by name."""
    import sqlalchemy as sa

    from services.ingest import store

    query = sa.select(store.territories.c.id).order_by(store.territories.c.id)
    return await guichet.database.read(lambda tx: list(tx.scalars(query)))


def act_as(guichet: Guichet, role: Role, territory: str) -> Any:
    """An act of the technician, in this role, now."""
    from services.ingest.actors import Act, Actor

    return Act(Actor(COMMAND, role, territory), guichet.clock())


def refused(problems: tuple[Problem, ...]) -> CommandFailed:
    """What ingest refuses, as the end of a command."""
    cause = " ".join(f"{problem.rule} ({problem.field})" if problem.field else problem.rule for problem in problems)
    return CommandFailed(cause, " ".join(dict.fromkeys(problem.remedy for problem in problems)))

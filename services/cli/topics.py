"""`berceau topics` and `berceau lag`: the broker as an administrator sees it."""

from __future__ import annotations

import json
import time
from dataclasses import asdict
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli import installation
from services.cli.failures import NBSP, CommandFailed, Exit

if TYPE_CHECKING:
    from services.bus.settings import Settings
    from services.bus.topics import Lag, TopicState

PAUSES_S = (0.5, 1.0, 2.0, 4.0)
Json = Annotated[bool, typer.Option("--json", help="En JSON.")]


def topics(
    create: Annotated[bool, typer.Option("--create", help="Créer les sujets qui manquent.")] = False,
    partitions: Annotated[
        int, typer.Option(min=1, max=1000, help="Partitions d'un sujet créé ; ne change plus ensuite.")
    ] = 48,
    replicas: Annotated[int, typer.Option(min=1, max=9, help="Copies d'un sujet créé.")] = 3,
    as_json: Json = False,
) -> None:
    """Montrer les sujets du courtier, tels qu'il les a."""
    found = _settings_with_broker()
    made, states = installation.call(_topics, found, create, partitions, replicas)
    if as_json:
        typer.echo(json.dumps({"created": made, "topics": [asdict(state) for state in states]}, indent=2))
    else:
        _show_topics(made, states)
    raise typer.Exit(Exit.DONE if all(state.partitions for state in states) else Exit.FOUND)


def _topics(found: Settings, create: bool, partitions: int, replicas: int) -> tuple[list[str], list[TopicState]]:
    from kafka.errors import InvalidReplicationFactorError

    from services.bus.topics import OF_THE_TABLE, admin, create_topics, describe_topics
    from services.ingest.partners import TOPICS

    wanted = {**OF_THE_TABLE, **TOPICS}
    with admin(found) as client:
        try:
            made = (
                create_topics(client, found, partitions=partitions, replicas=replicas, retention_days=wanted)
                if create
                else []
            )
        except InvalidReplicationFactorError as error:
            cause = f"Il y a moins de courtiers que de copies demandées ({replicas}). Aucun sujet n'est créé."
            remedy = f"Démarrez les autres courtiers. Pour un seul, à l'essai{NBSP}: --replicas 1."
            raise CommandFailed(cause, remedy, "docs/exploitation.md") from error
        return made, describe_topics(client, found, wanted)


def _show_topics(made: list[str], states: list[TopicState]) -> None:
    for name in made:
        typer.echo(f"Créé{NBSP}: {name}")
    for state in states:
        typer.echo(_line(state))
    if not all(state.partitions for state in states):
        typer.echo(f"Des sujets manquent. Remède{NBSP}: «{NBSP}berceau topics --create{NBSP}».")


def _line(state: TopicState) -> str:
    from services.calendar import counted

    if not state.partitions:
        return f"{state.name}{NBSP}: n'existe pas"
    copies = counted(state.replicas, "copie")
    kept = "sans limite" if state.retention_days is None else counted(int(state.retention_days), "jour")
    return f"{state.name}{NBSP}: {counted(state.partitions, 'partition')}, {copies}, gardé {kept}"


def lag(
    every: Annotated[bool, typer.Option("--all", help="Chaque partition, même à jour.")] = False, as_json: Json = False
) -> None:
    """Dire combien d'événements chaque service n'a pas encore lus."""
    lags = installation.call(_lags, _settings_with_broker())
    if as_json:
        typer.echo(json.dumps([{**asdict(one), "behind": one.behind} for one in lags], indent=2))
        return
    for (group, topic), behind in _by_topic(lags).items():
        typer.echo(f"{group} sur {topic}{NBSP}: {_left(behind)}")
    for one in lags if every else ():
        typer.echo(f"  {one.group} {one.topic}/{one.partition}{NBSP}: {one.done} sur {one.end}")


def _lags(found: Settings) -> list[Lag]:
    """A broker that was just started is still making its own topics: it is asked again. One that is away is not."""
    from kafka.errors import KafkaError

    from services.bus.topics import READERS, admin, lags
    from services.ingest.partners import GROUP, TOPIC

    readers = {**READERS, TOPIC: (GROUP,)}
    with admin(found) as client:
        for pause in PAUSES_S:
            try:
                return lags(client, found, readers)
            except KafkaError as error:
                if not error.retriable:
                    raise
                time.sleep(pause)
        return lags(client, found, readers)


def _by_topic(lags: list[Lag]) -> dict[tuple[str, str], int]:
    behind: dict[tuple[str, str], int] = {}
    for one in lags:
        behind[one.group, one.topic] = behind.get((one.group, one.topic), 0) + one.behind
    return behind


def _left(behind: int) -> str:
    from services.calendar import counted

    return "à jour" if not behind else f"{counted(behind, 'événement')} à lire"


def _settings_with_broker() -> Settings:
    found = installation.settings()
    if not found.kafka:
        cause = "Cette installation n'a pas de courtier (profil embarqué)."
        raise CommandFailed(cause, "Donnez BERCEAU_KAFKA et BERCEAU_DATABASE.", code=Exit.SETTINGS)
    return found

"""`berceau demo`: the living territory on a terminal, with the addresses of its screens."""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import os
from collections import deque
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import sqlalchemy as sa
import typer
from rich.console import Console, Group
from rich.live import Live
from rich.panel import Panel
from rich.table import Table

from contracts.vocabulary import MessageTemplate, ProposalState
from services.bus.logs import configure_logs
from services.bus.web import stop_on_signals
from services.calendar import ScaledClock, counted, instant_in_full
from services.cli.demo import SIZES, Plan, empty_town, everybody_else, first_morning, populate, run_headless
from services.cli.failures import NBSP, require_port
from services.cli.installation import run
from services.cli.place import Place
from services.cli.players import Players
from services.cli.report import report
from services.cli.screens import Door, doors
from services.cli.serve import run_with_site
from services.notifier.gateways import phone_threads

LOOK_EVERY_S = 0.1
DRAW_EVERY_S = 0.5
LAST_TEXTS = 8
HEAD_START_S = 2.0

console = Console()


def demo(
    days: Annotated[int, typer.Option(min=1, max=28, help="Nombre de jours à vivre.")] = 7,
    headless: Annotated[bool, typer.Option(help="Sans écran : aussi vite que la machine le peut.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Le bilan en JSON, avec le sort de chaque demande.")] = False,
    speed: Annotated[float, typer.Option(min=1, max=20_000, help="Combien de fois plus vite que l'horloge.")] = 300.0,
    size: Annotated[str, typer.Option(help="« full » (tout le territoire) ou « small ».")] = "full",
    seed: Annotated[int, typer.Option(help="La même graine donne la même semaine.")] = 7,
    port: Annotated[int, typer.Option(min=1, max=65_535, help="Le port des pages.")] = 8080,
    keep: Annotated[Path | None, typer.Option(help="Garder les données dans ce dossier.")] = None,
    cluster: Annotated[bool, typer.Option(help="Sur Kafka et PostgreSQL (make cluster-demo les démarre).")] = False,
) -> None:
    """Voir vivre un territoire inventé : places, demandes, SMS, réponses."""
    _refuse_what_cannot_be(size, keep if cluster else None, cluster=cluster)
    configure_logs(logging.ERROR)
    plan = Plan(days=days, seed=seed, size=SIZES[size], speed=speed, keep=keep, port=port)
    figures = run(_live(plan, headless=headless, cluster=cluster))
    if as_json:
        typer.echo(json.dumps(figures, ensure_ascii=False, indent=2))
    else:
        console.print(summary(figures))
    if figures["violations"]:
        console.print("[red]Le contrôle a trouvé des règles non respectées : voir « violations » avec --json.[/red]")
        raise typer.Exit(1)


def _refuse_what_cannot_be(size: str, keep: Path | None, *, cluster: bool) -> None:
    """Raise BadParameter: `keep` is what was asked of a cluster, whose data are not in a folder."""
    missing = [name for name in ("BERCEAU_KAFKA", "BERCEAU_DATABASE") if cluster and not os.environ.get(name)]
    if missing:
        raise typer.BadParameter(
            f"Il manque {' et '.join(missing)} : lancez plutôt make cluster-demo.", param_hint="--cluster"
        )
    if keep is not None:
        raise typer.BadParameter("Avec --cluster, les données sont dans PostgreSQL.", param_hint="--keep")
    if size not in SIZES:
        raise typer.BadParameter("Choisissez « full » ou « small ».", param_hint="--size")


async def _live(plan: Plan, *, headless: bool, cluster: bool) -> dict[str, Any]:
    if cluster:
        from services.cli.cluster_demo import run_on_cluster  # loads Kafka's client, which one process does not need

        return await run_on_cluster(plan, os.environ["BERCEAU_KAFKA"], os.environ["BERCEAU_DATABASE"])
    return await (run_headless(plan) if headless else run_on_screen(plan))


async def run_on_screen(plan: Plan) -> dict[str, Any]:
    """Live the days in front of whoever watches. Ends with the last day, or by Ctrl-C. Raises CommandFailed."""
    require_port(plan.host, plan.port)
    start = first_morning()
    clock = ScaledClock(start, plan.speed)
    stop = asyncio.Event()
    stop_on_signals(stop)
    async with empty_town(plan, clock) as town:
        async with asyncio.TaskGroup() as parts:
            parts.create_task(run_with_site(town, town.settings, stop))
            lived = parts.create_task(watch(town, plan, stop))
        return {**await report(town, start, clock()), "refused_gestures": lived.result()}


async def watch(town: Place, plan: Plan, stop: asyncio.Event) -> dict[str, int]:
    """Let people move in and live until the last day, or until `stop`, and draw what happens.

    Returns how often Berceau refused a gesture, by the code of the problem.
    """
    end = first_morning() + timedelta(days=plan.days)
    players = await populate(town, plan, first_morning())
    ways_in = await doors(players)
    async with asyncio.TaskGroup() as parts:
        parts.create_task(_the_others(players, plan))
        parts.create_task(_play(players, end, stop))
        parts.create_task(_draw(players, plan, ways_in, stop))
    return dict(players.refused)


async def _the_others(players: Players, plan: Plan) -> None:
    """Families who wait for a regular place come once the urgent ones have been heard."""
    await asyncio.sleep(HEAD_START_S)
    await everybody_else(players, plan, first_morning())


async def _play(players: Players, end: Any, stop: asyncio.Event) -> None:
    while not stop.is_set() and players.town.clock() < end:
        await players.act(players.town.clock())
        await asyncio.sleep(LOOK_EVERY_S)
    stop.set()


async def _draw(players: Players, plan: Plan, ways_in: list[Door], stop: asyncio.Event) -> None:
    if not console.is_terminal:
        console.print(_box(players, plan, ways_in))
        await stop.wait()
        return
    with Live(console=console, refresh_per_second=2, transient=False) as live:
        while not stop.is_set():
            with contextlib.suppress(OSError, sa.exc.DBAPIError):  # a database that is away leaves what was drawn
                live.update(await _screen(players, plan, ways_in))
            await asyncio.sleep(DRAW_EVERY_S)
        live.update(await _screen(players, plan, ways_in))


async def _screen(players: Players, plan: Plan, ways_in: list[Door]) -> Group:
    now = players.town.clock()
    figures = await report(players.town, now, now)
    texts = await players.town.databases["notifier"].read(_last_texts)
    return Group(_box(players, plan, ways_in), _figures(figures, instant_in_full(now)), _texts(texts))


def _box(players: Players, plan: Plan, ways_in: list[Door]) -> Panel:
    lines = [f"{door.label:<13} {door.url}" for door in ways_in]
    warning = f"Territoire inventé, aucun SMS réel. {players.town.carried_by} : une démonstration, pas un service."
    stay = (
        f"Les données et leurs clés restent dans {plan.keep}."
        if plan.keep
        else "Tout disparaît à la fin (Ctrl-C pour arrêter)."
    )
    return Panel("\n".join([*lines, "", warning, stay]), title="Berceau", border_style="cyan")


def _figures(figures: dict[str, Any], now: str) -> Table:
    table = Table(title=f"{now}, Montluçon Communauté (synthétique)", show_header=False, expand=False)
    states = figures["proposals"]
    places = figures["places"]
    told = sum(sum(by_state.values()) for by_state in figures["messages"].values())
    table.add_row("Attributions", counted(figures["rounds"]["count"], "calcul"))
    table.add_row("Propositions", "\n".join(f"{ProposalState(s).label} : {n}" for s, n in sorted(states.items())))
    table.add_row("SMS", str(told))
    confirmed = counted(places["placed"], "confirmée")
    table.add_row("Places", f"{confirmed} sur {places['offered']} ({places['fill_rate'] * 100:.0f}{NBSP}%)")
    for name, wait in figures["hours_to_first_proposal"].items():
        label = {"tier 1": "Priorité 1", "tier 2": "Autres", "urgent": "Urgences"}[name]
        offered = counted(wait["offered"], "demande")
        table.add_row(label, f"{offered}, première proposition en {_duration(wait['median_hours'])} (médiane)")
    return table


def _duration(hours: float) -> str:
    """ "8 min", "3,5 h"."""
    return f"{hours * 60:.0f}{NBSP}min" if hours < 1 else f"{hours:.1f}{NBSP}h".replace(".", ",")


def _texts(texts: list[str]) -> Panel:
    return Panel("\n".join(texts) or "Le premier SMS part dans un instant.", title="Derniers SMS", border_style="green")


def _last_texts(tx: sa.Connection) -> list[str]:
    """The last texts, without the numbers: a terminal is seen by everybody in the room."""
    table = phone_threads.texts
    rows = tx.execute(sa.select(table).order_by(table.c.position.desc()).limit(LAST_TEXTS)).all()
    last = deque[str]()
    for row in rows:
        arrow = "→" if row.direction == phone_threads.Direction.TO_PHONE else "←"
        last.appendleft(f"{arrow} {row.text}")
    return list(last)


_SMS: dict[str, str | tuple[str, str]] = {
    "planned": "à envoyer",
    "sending": "en cours d'envoi",
    "sent": "sans accusé",
    "delivered": ("reçu", "reçus"),
    "failed": ("échoué", "échoués"),
    "unknown": "à vérifier",
    "cancelled": ("annulé", "annulés"),
    "doubted": "à vérifier",
}
"""What became of a text, in the words of the table at the end."""


def _sms(state: str, number: int) -> str:
    words = _SMS[state]
    one, many = (words, words) if isinstance(words, str) else words
    return counted(number, one, many)


def _together(together: dict[str, int]) -> str:
    families, children = counted(together["families"], "famille"), counted(together["children"], "enfant")
    offered = f"Une proposition pour chacun\u00a0: {counted(together['offered'], 'famille')}"
    placed = f"Une place confirmée pour chacun\u00a0: {counted(together['placed'], 'famille')}"
    return "\n".join([f"{families}, {children}", offered, placed])


def _moved(moves: dict[str, int]) -> str:
    return f"{counted(moves['asked'], 'demande')}, {counted(moves['placed'], 'obtenue')}"


def summary(figures: dict[str, Any]) -> Table:
    """The end of the stretch on one screen."""
    table = Table(title="Bilan", show_header=False)
    for fate, number in sorted(figures["fates"].items()):
        state = next((state.label for state in ProposalState if state.value == fate), None)
        table.add_row(f"Demandes : {state or {'waiting': 'En attente', 'closed': 'Closes'}[fate]}", str(number))
    for template, by_state in sorted(figures["messages"].items()):
        table.add_row(f"SMS : {MessageTemplate(template).label}", ", ".join(_sms(*of) for of in by_state.items()))
    table.add_row("Fratries demandées ensemble", _together(figures["together"]))
    table.add_row("Enfants placés qui demandent une autre place", _moved(figures["moves"]))
    table.add_row("Places confirmées", f"{figures['places']['placed']} sur {figures['places']['offered']}")
    table.add_row("Règles non respectées", str(len(figures["violations"])))
    return table

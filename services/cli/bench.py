"""`berceau bench`: how long a decision takes, part by part, beside its floor and beside other programs.

Times are CPU seconds and ratios, on this machine and in this run. A benchmark never fails on a time.
"""

from __future__ import annotations

import json
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli.french import FrenchCommand, FrenchGroup

if TYPE_CHECKING:
    from services.territory.rounds import RoundPlan

app = typer.Typer(cls=FrenchGroup, help="Mesurer l'attribution, à côté d'autres programmes.", no_args_is_help=True)


class Mode(StrEnum):
    STABLE = "stable"
    STRICT = "strict"
    MOST_CHILDREN = "most_children"


class Ties(StrEnum):
    DRAW = "draw"
    TOGETHER = "together"


class Against(StrEnum):
    """Programs that decide the same round."""

    HIGHS = "highs"
    SCIP = "scip"
    CP_SAT = "cp_sat"
    MATCHING = "matching"
    ALGMATCH = "algmatch"
    CHILMAI = "chilmai"


Requests = Annotated[int, typer.Option(min=1, max=100_000, help="Demandes.")]
Structures = Annotated[int, typer.Option(min=1, max=5_000, help="Structures.")]
Bands = Annotated[int, typer.Option(min=0, help="Niveaux de points différents (0 : un par demande).")]
Modes = Annotated[Mode, typer.Option(help="Le mode d'équité.")]
TieRule = Annotated[Ties, typer.Option(help="Les égalités : tirage, ou servies ensemble.")]
Seeds = Annotated[int, typer.Option(min=1, max=100, help="Combien de territoires tirés.")]
Flexible = Annotated[float, typer.Option(min=0, max=1, help="Part des familles à vœux égaux ou à jours souples.")]
PointsAt = Annotated[float, typer.Option(min=0, max=1, help="Part des familles aux points propres à une structure.")]
Elsewhere = Annotated[float, typer.Option(min=0, max=1, help="Part des familles avec un vœu dans une autre ville.")]
Support = Annotated[float, typer.Option(min=0, max=1, help="Part des structures qui disent l'accueil préparé.")]
Siblings = Annotated[float, typer.Option(min=0, max=1, help="Part des enfants demandés en fratrie.")]
WholeWeeks = Annotated[bool, typer.Option("--whole-weeks", help="Semaines entières, une section par structure.")]
OwnLists = Annotated[bool, typer.Option("--own-lists", help="Chaque structure a sa propre liste de priorités.")]
Wishes = Annotated[int, typer.Option(min=0, help="Vœux par famille (0 : comme les familles en font).")]
Rivals = Annotated[list[Against] | None, typer.Option("--against", help="Un programme à mesurer aussi (répétable).")]
Limit = Annotated[float, typer.Option("--limit", min=1, help="Secondes laissées à chaque autre programme.")]
Python = Annotated[
    Path, typer.Option("--python", envvar="BERCEAU_BENCH_PYTHON", help="Le Python qui a les autres programmes.")
]
Json = Annotated[bool, typer.Option("--json", help="Les mesures en JSON.")]


@app.command("match", cls=FrenchCommand)
def match(
    requests: Requests = 1_500,
    structures: Structures = 100,
    bands: Bands = 60,
    mode: Modes = Mode.STABLE,
    ties: TieRule = Ties.DRAW,
    seeds: Seeds = 4,
    flexible: Flexible = 0.0,
    points_at: PointsAt = 0.0,
    elsewhere: Elsewhere = 0.0,
    support: Support = 0.0,
    siblings: Siblings = 0.0,
    whole_weeks: WholeWeeks = False,
    own_lists: OwnLists = False,
    wishes: Wishes = 0,
    against: Rivals = None,
    limit: Limit = 60.0,
    python: Python = Path(".venv-bench/bin/python"),
    as_json: Json = False,
) -> None:
    """Mesurer une attribution tirée au hasard, partie par partie."""
    from services.cli.bench_report import compared, planned

    shares = {"flexible": flexible, "points_at": points_at, "elsewhere": elsewhere, "support": support}
    shares |= {"siblings": siblings}
    sides = {"whole_weeks": whole_weeks, "own_lists": own_lists, "wishes": wishes}
    plan = planned(mode.value, ties.value, requests=requests, structures=structures, bands=bands, **shares, **sides)
    rows = compared(plan, range(1, seeds + 1), [rival.value for rival in against or []], limit, python)
    _show(plan, rows, as_json=as_json)


def _show(plan: RoundPlan, rows: list[dict[str, object]], *, as_json: bool) -> None:
    from dataclasses import asdict

    from services.cli.bench_report import show

    if as_json:
        typer.echo(json.dumps({"plan": asdict(plan), "rows": rows}, indent=2, ensure_ascii=False))
    else:
        show(plan, rows)


@app.command("country", cls=FrenchCommand)
def country(
    share: Annotated[float, typer.Option(min=0.0001, max=1, help="La part des territoires du pays.")] = 0.01,
    processes: Annotated[int, typer.Option(min=1, max=64, help="Processus à la fois.")] = 2,
    as_json: Json = False,
) -> None:
    """Décider toutes les attributions d'un pays : 1 254 territoires, 1 000 000 de demandes."""
    from services.cli.bench_country import decided_everywhere, show

    figures = decided_everywhere(share, processes)
    if as_json:
        typer.echo(json.dumps(figures, indent=2, ensure_ascii=False))
    else:
        show(figures)


@app.command("again", cls=FrenchCommand)
def again(
    requests: Requests = 6_000,
    structures: Structures = 300,
    flexible: Flexible = 0.0,
    events: Annotated[int, typer.Option(min=1, max=10_000, help="Événements, l'un après l'autre.")] = 100,
    lived: Annotated[bool, typer.Option("--lived", help="Séance entière, base lue et écrite.")] = False,
    as_json: Json = False,
) -> None:
    """Mesurer une attribution reprise après un seul événement."""
    from services.cli import bench_lived
    from services.cli.bench_again import decided_again, show
    from services.territory.rounds import RoundPlan

    plan = RoundPlan(requests=requests, structures=structures, flexible=flexible)
    figures = bench_lived.lived(plan, 1, events) if lived else decided_again(plan, 1, events)
    if as_json:
        typer.echo(json.dumps(figures, indent=2))
    else:
        show(figures)


@app.command("way", cls=FrenchCommand)
def way(
    events: Annotated[int, typer.Option(min=10, max=1_000_000, help="Événements à chaque tour.")] = 2_000,
    turns: Annotated[int, typer.Option(min=1, max=100, help="Tours, le plancher et Berceau l'un après l'autre.")] = 3,
    texts: Annotated[int, typer.Option(min=1, max=10_000, help="Places suivies jusqu'au SMS, une à une.")] = 60,
    burst: Annotated[int, typer.Option(min=0, max=9_000, help="Places publiées en rafale (0 : aucune).")] = 500,
    bus_only: Annotated[bool, typer.Option("--bus-only", help="Publier et lire seulement, sans les services.")] = False,
    as_json: Json = False,
) -> None:
    """Mesurer le chemin d'un événement sur Kafka et PostgreSQL, à côté de son plancher."""
    from services.cli import installation
    from services.cli.failures import CommandFailed, Exit

    found = installation.settings()
    if not found.kafka or not found.database:
        cause = "Cette mesure demande un courtier et une base PostgreSQL."
        raise CommandFailed(cause, "Donnez BERCEAU_KAFKA et BERCEAU_DATABASE.", "docs/mesures.md", Exit.SETTINGS)
    from services.cli.bench_way import Sizes, as_rows, measured, shown

    figures = installation.run(measured(found, Sizes(events, turns, texts, burst), bus_only=bus_only))
    typer.echo(json.dumps(as_rows(figures), indent=2) if as_json else "\n".join(shown(figures)))

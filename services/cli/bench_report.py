"""The rows of a benchmark, gathered one after the other and shown as a table with ratios.

When to modify: when a measure gains a column or a program to compare with.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Sequence
from pathlib import Path
from statistics import median
from typing import Any

from rich.console import Console
from rich.progress import track
from rich.table import Table

from services.cli.bench_peers import instance_of, solved_by
from services.cli.bench_rows import PARTS, alone, descended, floor, measured
from services.cli.failures import NBSP, CommandFailed
from services.matcher.solver.canonical import RoundRefused
from services.matcher.solver.schema import Mode, Ties
from services.territory.rounds import RoundPlan, drawn_round

GENERAL = ("highs", "scip", "cp_sat")
TITLES = {
    "reading": "lecture",
    "problem": "problème",
    "matching": "attribution",
    "draw": "tirage",
    "reasons": "raisons",
    "checks": "contrôles",
    "hashes": "empreintes",
    "rest": "reste",
}

Rows = list[dict[str, Any]]


def planned(mode: str, ties: str, **sizes: Any) -> RoundPlan:
    """The plan of a measure; `sizes` are the other fields of `RoundPlan`."""
    return RoundPlan(mode=Mode(mode), ties=Ties(ties), **sizes)


def compared(plan: RoundPlan, seeds: Iterable[int], rivals: Sequence[str], limit: float, python: Path) -> Rows:
    """One row for each seed: ours, the floor, and each rival on the same round, in turn, each in its own process."""
    seeds = list(seeds)
    console = Console(stderr=True)
    rows = []
    for seed in track(seeds, "Mesures", console=console, transient=True):
        try:
            row = alone(measured, plan, seed)
        except RoundRefused as refused:
            raise CommandFailed(str(refused), "Choisissez un autre mode.") from refused
        row["floor"] = alone(floor, plan, seed)
        row["ratio_to_floor"] = (row["cpu"]["matching"] + row["cpu"]["draw"]) / max(row["floor"]["solving"], 1e-9)
        row["rivals"] = [_rival(plan, seed, rival, limit, python, row) for rival in rivals]
        rows.append(row)
    return rows


def _rival(plan: RoundPlan, seed: int, rival: str, limit: float, python: Path, ours: dict[str, Any]) -> dict[str, Any]:
    if rival in GENERAL:
        found = alone(descended, plan, seed, rival, limit)
    else:
        found = {"peer": rival, **solved_by(rival, [instance_of(drawn_round(plan, seed))], python, limit)[0]}
        found["placed"] = len(found.pop("matching", ()))
    own = sum(ours["cpu"][part] for part in ("problem", "matching", "draw"))
    return {**found, "times_ours": found["cpu"] / own if "cpu" in found else None}


def show(plan: RoundPlan, rows: Rows) -> None:
    """The table in French, with the median of the seeds where there are several."""
    console = Console(width=max(Console().width, 150))
    console.print(_title(plan), highlight=False)
    table = Table(*("graine", *TITLES.values(), "total", "Mio", "placés", "prouvés", "plancher", "rapport"))
    for row in rows:
        table.add_row(*_cells(row))
    if len(rows) > 1:
        table.add_section()
        table.add_row("médiane", *_medians(rows))
    console.print(table)
    for row in rows:
        for rival in row["rivals"]:
            console.print(f"graine {row['seed']}{NBSP}: {_told(rival)}", highlight=False)
    for row in rows:
        if row["unproven"]:
            console.print(f"graine {row['seed']}, sans preuve{NBSP}: {', '.join(row['unproven'])}", highlight=False)
    console.print(_legend(), highlight=False)


def _title(plan: RoundPlan) -> str:
    claims = f"{plan.bands} niveaux" if plan.bands else "un niveau par demande"
    return (
        f"{plan.requests} demandes, {plan.structures} structures, {claims}, mode {plan.mode}, égalités {plan.ties}, "
        f"souples {plan.flexible:.0%}, points par structure {plan.points_at:.0%}, ailleurs {plan.elsewhere:.0%}, "
        f"fratries {plan.siblings:.0%}"
    )


def _legend() -> str:
    return (
        (
            "Secondes de processeur. Plancher : la relaxation linéaire de « placer chacun », résolue par GLOP ; "
            "rapport : attribution et tirage, divisés par elle.\n"
            f"Charge de la machine : {os.getloadavg()[0]:.1f}. Une mesure ne réussit ni n'échoue."
        )
        .replace(" :", f"{NBSP}:")
        .replace(" ;", f"{NBSP};")
        .replace("« ", f"«{NBSP}")
        .replace(" »", f"{NBSP}»")
    )


def _cells(row: dict[str, Any]) -> list[str]:
    cpu = row["cpu"]
    return [
        str(row["seed"]),
        *(f"{cpu[part]:.3f}" for part in PARTS),
        f"{sum(cpu.values()):.2f}",
        f"{row['peak_mib']:.0f}",
        str(row["placed"]),
        f"{row['proven']}/{row['requests']}",
        f"{row['floor']['solving']:.3f}",
        f"{row['ratio_to_floor']:.2f}",
    ]


def _medians(rows: Rows) -> list[str]:
    def of(values: Iterable[float], digits: int) -> str:
        return f"{median(values):.{digits}f}"

    return [
        *(of((row["cpu"][part] for row in rows), 3) for part in PARTS),
        of((sum(row["cpu"].values()) for row in rows), 2),
        of((row["peak_mib"] for row in rows), 0),
        of((row["placed"] for row in rows), 0),
        "",
        of((row["floor"]["solving"] for row in rows), 3),
        of((row["ratio_to_floor"] for row in rows), 2),
    ]


def _told(rival: dict[str, Any]) -> str:
    if "failed" in rival:
        return f"{rival['peer']} n'a pas fini ({rival['failed']})"
    so_far = f", {rival['settled']} demandes réglées sur {rival['of']}" if "settled" in rival else ""
    return (
        f"{rival['peer']}{NBSP}: {rival['cpu']:.2f}{NBSP}s, {rival['placed']} placés{so_far}, "
        f"soit {rival['times_ours']:.1f} fois le temps de Berceau (problème, attribution, tirage)"
    )

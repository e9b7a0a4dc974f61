"""Every round of a country, one after the other: how long a night of September is.

When to modify: when the sizes of territories are known better than `services.territory.rounds.country` assumes.
"""

from __future__ import annotations

import multiprocessing
import os
import resource
import time
from collections.abc import Iterable, Iterator
from concurrent.futures import ProcessPoolExecutor
from typing import Any

from rich.console import Console
from rich.progress import track

from services.cli.bench_rows import PARTS, measured, peak_mib
from services.cli.failures import NBSP
from services.territory.rounds import RoundPlan, Share, country

BANDS = 60


def decided_everywhere(share: float, processes: int) -> dict[str, Any]:
    """The figures of a drawn `share` of the territories: every so manieth, the largest included.

    Drawing the rounds and writing them as JSON is counted apart: a town hall does not draw its families.
    """
    places = country()
    chosen = places[:: max(1, round(1 / share))]
    start = time.monotonic()
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        work = pool.map(_measured, chosen, range(1, len(chosen) + 1), chunksize=1)
        rows = list(_watched(work, len(chosen)))
    return {**_summed(rows), "territories": len(chosen), "wall": time.monotonic() - start, "processes": processes}


def _watched(rows: Iterable[dict[str, Any]], total: int) -> Iterator[dict[str, Any]]:
    return iter(track(rows, "Territoires", total=total, console=Console(stderr=True), transient=True))


def _measured(share: Share, seed: int) -> dict[str, Any]:
    start = time.process_time()
    row = measured(RoundPlan(share.requests, share.structures, BANDS), seed)
    return row | {"whole": time.process_time() - start, "peak_mib": peak_mib()}


def _summed(rows: list[dict[str, Any]]) -> dict[str, Any]:
    cpu = {part: sum(row["cpu"][part] for row in rows) for part in PARTS}
    return {
        "requests": sum(row["requests"] for row in rows),
        "placed": sum(row["placed"] for row in rows),
        "violations": sum(row["violations"] for row in rows),
        "unproven": sum(len(row["unproven"]) for row in rows),
        "cpu": cpu,
        "cpu_total": sum(cpu.values()),
        "cpu_drawing": sum(row["whole"] for row in rows) - sum(cpu.values()),
        "largest": max((sum(row["cpu"].values()), row["requests"]) for row in rows),
        "peak_mib_of_a_process": max(row["peak_mib"] for row in rows),
        "peak_mib_of_the_parent": resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024,
        "load": os.getloadavg()[0],
    }


def show(figures: dict[str, Any]) -> None:
    """The figures in French."""
    console = Console()
    parts = ", ".join(f"{part} {seconds:.1f}" for part, seconds in figures["cpu"].items())
    lines = [
        f"{figures['territories']} territoires, {figures['requests']} demandes, {figures['placed']} propositions",
        f"{figures['cpu_total']:.1f}{NBSP}s de processeur pour décider ({parts})",
        f"{figures['wall']:.1f}{NBSP}s d'horloge à {figures['processes']} processus, tirage des territoires compris "
        f"({figures['cpu_drawing']:.1f}{NBSP}s de processeur)",
        f"{figures['peak_mib_of_a_process']:.0f}{NBSP}Mio au plus dans un processus",
        f"{figures['violations']} règles non respectées, {figures['unproven']} demandes sans preuve",
    ]
    console.print("\n".join(lines), highlight=False)

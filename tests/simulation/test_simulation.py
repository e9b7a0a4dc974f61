"""Twenty-two runs, each from its seed: nothing is lost, nothing double, and every rare branch was reached."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Iterable, Sequence
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass, field
from multiprocessing import get_context

import pytest

from tests.connected import torture
from tests.simulation.branches import LONG, RARE
from tests.simulation.plants import PLANTS
from tests.simulation.run import run

SEEDS = (3, 4, 26, 27, 36, 52, 56, 67, 70, 78, 86, 89, 93, 101, 105, 106, 124, 125, 133, 136, 145, 148)
"""Of the first 150, few and quick ones by which each rare branch is reached three times or more: a step that asks the
database less moves what befalls a seed. `python -m tests.simulation 0..149` counts the branches. From 101 on, each town
has a habit."""

TORTURE_SEEDS = range(int(os.environ.get("BERCEAU_SIMULATED_SEEDS", "300")))
"""The table asks for 300 in each long run; ten thousand once before a release."""

AT_A_TIME = 25
"""Seeds that a process of the long run lives before it tells of them."""


@dataclass
class Lived:
    """What many runs were like."""

    faults: list[str] = field(default_factory=list)
    branches: Counter[str] = field(default_factory=Counter)
    cpu_s: float = 0.0

    def add(self, others: Lived) -> None:
        self.faults += others.faults
        self.branches.update(others.branches)
        self.cpu_s += others.cpu_s


def live(seeds: Iterable[int]) -> Lived:
    lived = Lived()
    for seed in seeds:
        told = run(seed)
        lived.cpu_s += told.cpu_s
        lived.branches.update(told.simulation.hostility.seen)
        lived.faults += [f"python -m tests.simulation {seed}: {fault}" for fault in told.faults]
    return lived


def live_on_every_core(seeds: Sequence[int]) -> Lived:
    """The same in as many processes as there are cores: a seed lives the same run in any. Told as it goes on."""
    parts, lived = [seeds[n : n + AT_A_TIME] for n in range(0, len(seeds), AT_A_TIME)], Lived()
    with ProcessPoolExecutor(mp_context=get_context("spawn")) as processes:
        for part, told in zip(parts, processes.map(live, parts), strict=True):
            lived.add(told)
            print(
                f"seeds {part[0]} to {part[-1]}, {lived.cpu_s:.0f} s of CPU so far", *told.faults, sep="\n", flush=True
            )
    return lived


@pytest.fixture(scope="module")
def some() -> Lived:
    """The runs of `make test`, lived once for all tests."""
    return live(SEEDS)


@pytest.mark.timeout(1200)
def test_in_twenty_two_runs_nothing_is_lost_doubled_or_left_to_nobody(some: Lived) -> None:
    assert some.faults == []


@pytest.mark.timeout(1200)
def test_the_runs_reach_every_rare_branch(some: Lived) -> None:
    assert [branch for branch in RARE if not some.branches[branch]] == []


def test_a_seed_lives_the_same_run_in_another_process() -> None:
    command = [sys.executable, "-m", "tests.simulation", "7"]
    told = [
        subprocess.run(command, env={**os.environ, "PYTHONHASHSEED": seed}, capture_output=True, text=True).stdout
        for seed in ("1", "2")
    ]
    first, second = (text.rsplit("\n", 2)[0] for text in told)  # the last line says how long it took
    assert first == second
    assert len(first.splitlines()) > 50


@pytest.mark.torture
@pytest.mark.timeout(8 * 3600)
def test_in_many_runs_nothing_is_lost_and_every_branch_is_reached() -> None:
    begun, count = time.monotonic(), len(TORTURE_SEEDS)
    lived = live_on_every_core(TORTURE_SEEDS)
    assert lived.faults == []
    assert [branch for branch in (*RARE, *LONG) if not lived.branches[branch]] == []
    torture.record(
        "T5", f"simulation sur un fil, {count} graines, {lived.cpu_s / count:.1f} s de processeur chacune",
        f"0 perdu, 0 doublé, {len(RARE) + len(LONG)} branches rares toutes atteintes", begun=begun, on=torture.sqlite(),
        twin=f"{len(PLANTS)} fautes semées, chacune trouvée en 300 graines au plus (test_planted_bugs.py)",
    )  # fmt: skip

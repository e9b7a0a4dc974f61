"""The same round has the same outcome in any number of processes, under other settings, in environments made anew."""

from __future__ import annotations

import hashlib
import multiprocessing
import os
import subprocess
import sys
from concurrent.futures import ProcessPoolExecutor
from pathlib import Path

import pytest

from services.matcher.solver.canonical import canonical
from services.matcher.solver.components import components, merge
from services.matcher.solver.solve import decide
from services.matcher.solver_process import decide as decide_live
from tests.matcher.solver.drawn_rounds import Size, large
from tests.matcher.solver.outcomes_of_all_kinds import QUICK, hashes

ROOT = Path(__file__).resolve().parents[3]
LOCK = ROOT / "requirements" / "base.txt"
OTHER_PLACES = (
    {"PYTHONHASHSEED": "1", "TZ": "Asia/Tokyo", "LC_ALL": "C"},
    {"PYTHONHASHSEED": "2", "TZ": "America/Cayenne", "LC_ALL": "C.UTF-8", "LANG": "fr_FR.UTF-8"},
)


def hashes_in(python: Path, **settings: str) -> list[str]:
    """What a process of its own finds, with this interpreter and these settings."""
    environment = {**os.environ, "PYTHONPATH": str(ROOT), **settings}
    command = [str(python), "-m", "tests.matcher.solver.outcomes_of_all_kinds"]
    done = subprocess.run(command, env=environment, cwd=ROOT, check=True, capture_output=True, text=True)
    return done.stdout.split()


def test_other_hash_seeds_time_zones_and_languages_find_the_same_outcomes() -> None:
    here = hashes()
    assert len(set(here)) == len(here)  # a mode and a rule for ties are written in the outcome: no two are alike
    for settings in OTHER_PLACES:
        assert hashes_in(Path(sys.executable), **settings) == here


@pytest.mark.parametrize("processes", [2, *(pytest.param(n, marks=pytest.mark.torture) for n in (1, 4))])
def test_parts_decided_in_any_number_of_processes_make_the_same_outcome(processes: int) -> None:
    round = large(3, Size(requests=60, structures=40))
    parts = components(round)
    assert len(parts) > processes
    with ProcessPoolExecutor(processes, mp_context=multiprocessing.get_context("spawn")) as pool:
        decided = list(pool.map(decide_live, reversed(parts)))
    assert merge(canonical(round), decided).outcome_hash == decide(round, QUICK).outcome_hash


@pytest.mark.torture
@pytest.mark.timeout(3600)
def test_two_fresh_environments_made_from_the_lock_find_the_same_outcomes(tmp_path: Path) -> None:
    """Needs the package index: every package comes again, by the hashes of the lock, without any cache."""
    made = [fresh_environment(tmp_path / name) for name in ("one", "two")]
    for python in made:
        assert str(python.parents[1]) in said_by(python, "import ortools; print(ortools.__file__)")
    assert [hashes_in(python, **OTHER_PLACES[n]) for n, python in enumerate(made)] == [hashes()] * 2


def said_by(python: Path, code: str) -> str:
    return subprocess.run([str(python), "-I", "-c", code], check=True, capture_output=True, text=True).stdout


def fresh_environment(folder: Path) -> Path:
    """The interpreter of a new virtual environment with what the lock names, and nothing else."""
    subprocess.run([sys.executable, "-m", "venv", str(folder)], check=True)
    python = folder / "bin" / "python"
    command = [str(python), "-m", "pip", "install", "--quiet", "--no-cache-dir", "--require-hashes", "-r", str(LOCK)]
    done = subprocess.run(command, check=False, capture_output=True, text=True)
    assert done.returncode == 0, (
        f"{LOCK.name} (sha256 {hashlib.sha256(LOCK.read_bytes()).hexdigest()[:12]}) could not be installed. Give this "
        f"machine a package index (PIP_INDEX_URL), then run `make torture` again.\n{done.stderr[-2000:]}"
    )
    return python

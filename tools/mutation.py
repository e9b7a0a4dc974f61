"""Would a test see it if a rule, a check or a reason were wrong? Each mutant is one small fault, and a test must fail.

mutmut makes the mutants (`mutants.py`); here each meets, in a fork of one pytest session, the tests that reach its
function, the quickest first, and the first failure ends it. So nothing is imported or collected twice, and no file is
copied. A mutant that all of them pass has survived: `docs/mutation.md` says of each why it may, with the figures.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import signal
import sys
import threading
import time
from collections import Counter, defaultdict
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from fnmatch import fnmatch
from pathlib import Path

import pytest
from _pytest.runner import runtestprotocol
from hypothesis import Phase, settings

from tools.mutants import TRIAL, Finder, Function, diff, function_of

TIMES, SECONDS_MORE = 10, 5
"""A mutant may take so many times the processor time of a test without it, and so many seconds more."""
WALL_SECONDS = 300
"""What waits for ever takes no processor time: unless told otherwise, a mutant that still waits then is too long."""
TOO_LONG = 2
SECONDS_BETWEEN_WRITES = 5.0
VERDICTS = {0: "survived", 1: "killed"}

Verdicts = dict[str, dict[str, str]]
"""For each mutant: verdict, the lines it changes, how many tests it met and the one that ended it."""


@dataclass
class Tries:
    """The pytest plugin: runs every test on what is written, then each mutant on those that reach it.

    `budget` is the most seconds of tests for one mutant. What was killed `before`, and is still the same fault, is not
    tried again.
    """

    out: Path
    named: str
    jobs: int
    budget: float
    wall: int
    before: Verdicts
    cost: dict[str, float] = field(default_factory=dict)
    reaching: dict[Function, set[str]] = field(default_factory=lambda: defaultdict(set))
    killers: dict[Function, list[str]] = field(default_factory=lambda: defaultdict(list))
    found: Verdicts = field(default_factory=dict)
    written: float = 0.0

    @pytest.hookimpl(wrapper=True)
    def pytest_runtest_protocol(self, item: pytest.Item) -> Iterator[None]:
        TRIAL.reached = set()
        began = time.process_time()
        result = yield
        self.cost[item.nodeid] = time.process_time() - began
        for function in TRIAL.reached:
            self.reaching[function].add(item.nodeid)
        return result

    @pytest.hookimpl(wrapper=True)
    def pytest_runtestloop(self, session: pytest.Session) -> Iterator[None]:
        result = yield
        if session.testsfailed:
            raise pytest.UsageError("a test fails without any mutant: nothing can be said of those")
        self._try_all({item.nodeid: item for item in session.items})
        return result

    def _try_all(self, items: Mapping[str, pytest.Item]) -> None:
        running: dict[int, tuple[str, str, int]] = {}
        gc.freeze()  # or each fork copies what it collects
        for module, mutant in self._mutants():
            if len(running) == self.jobs:
                self._note(running)
            reader, writer = os.pipe()
            pid = os.fork()
            if not pid:
                os.close(reader)
                _end_within(self.wall)
                _try(module, mutant, [(items[name], self.cost[name]) for name in self._tests(module, mutant)], writer)
            os.close(writer)
            running[pid] = module, mutant, reader
        while running:
            self._note(running)
        self._write()

    def _mutants(self) -> Iterator[tuple[str, str]]:
        for module, file in sorted(TRIAL.files.items()):
            for mutant in file.mutant_names:
                name = f"{module}.{mutant}"
                row = self.before.get(name)
                if row is not None and row["verdict"] == "killed" and row["diff"] == diff(module, mutant):
                    self.found[name] = row
                elif fnmatch(name, self.named):
                    yield module, mutant

    def _tests(self, module: str, mutant: str) -> list[str]:
        """Those that reach the function, as many as the budget allows and one at least.

        First those that ended another mutant of the function, the last one before the others, then the quickest.
        """
        function = module, function_of(mutant)
        quickest = sorted(self.reaching[function], key=self.cost.__getitem__)
        names = list(dict.fromkeys([*reversed(self.killers[function]), *quickest]))
        spent = 0.0
        within: list[str] = []
        for name in names:
            spent += self.cost[name]
            if within and spent > self.budget:
                break
            within.append(name)
        return within

    def _note(self, running: dict[int, tuple[str, str, int]]) -> None:
        pid, status = os.wait()
        module, mutant, reader = running.pop(pid)
        with os.fdopen(reader) as told:
            tests = told.read().splitlines()
        ended = os.waitstatus_to_exitcode(status)
        if ended and tests:
            self.killers[module, function_of(mutant)].append(tests[-1])
        self.found[f"{module}.{mutant}"] = {
            "verdict": VERDICTS.get(ended, "timeout") if tests else "no test",
            "by": tests[-1] if ended and tests else "",
            "tests": str(len(tests)),
            "diff": diff(module, mutant),
        }
        if time.monotonic() > self.written + SECONDS_BETWEEN_WRITES:
            self._write()

    def _write(self) -> None:
        """All of it, so that a run that is cut leaves what it found; not at each mutant, which took as long as it."""
        self.out.write_text(json.dumps(self.found, indent=1, ensure_ascii=False, sort_keys=True), encoding="utf-8")
        self.written = time.monotonic()


def _end_within(seconds: int) -> None:
    """A thread, as the alarm of the process is what bounds its tests."""
    watch = threading.Timer(seconds, os._exit, (TOO_LONG,))
    watch.daemon = True
    watch.start()


def _try(module: str, mutant: str, tests: Sequence[tuple[pytest.Item, float]], told: int) -> None:
    """In a process of its own: names each test before it runs, and ends with 1 at the first that fails, else with 0."""
    null = os.open(os.devnull, os.O_WRONLY)
    for stream in (1, 2):
        os.dup2(null, stream)
    TRIAL.module, TRIAL.mutant = module, mutant
    ended = 1
    try:
        ended = int(not all(_passes(item, seconds, told) for item, seconds in tests))
    finally:
        os._exit(ended)


def _passes(item: pytest.Item, seconds: float, told: int) -> bool:
    os.write(told, f"{item.nodeid}\n".encode())
    signal.setitimer(signal.ITIMER_VIRTUAL, TIMES * seconds + SECONDS_MORE)
    return not any(report.failed for report in runtestprotocol(item, log=False, nextitem=None))


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m tools.mutation",
        description="Tries the mutants of some files. What is not named here goes to pytest.",
    )
    parser.add_argument("files", nargs="+", type=Path)
    parser.add_argument("--tests", nargs="+", required=True, help="the tests that are to see the faults")
    parser.add_argument("--out", type=Path, required=True, help="the verdicts (JSON)")
    parser.add_argument("--named", default="*", help="only mutants of this name, with * for anything")
    parser.add_argument("--before", type=Path, help="verdicts of another run: what was killed there is not tried again")
    parser.add_argument("--budget", type=float, default=60.0, help="seconds of tests for one mutant at most")
    parser.add_argument("--wall", type=int, default=WALL_SECONDS, help="seconds on the clock for one mutant at most")
    parser.add_argument("--jobs", type=int, default=2, help="how many at a time")
    return parser


def main() -> int:
    """Write the verdicts, and print how many there are of each for each file."""
    given, to_pytest = _parser().parse_known_args()
    before = json.loads(given.before.read_text(encoding="utf-8")) if given.before else {}
    phases = [Phase.explicit, Phase.generate]  # the first failure is enough: no smaller one is looked for
    settings.register_profile(
        "mutation", phases=phases, report_multiple_bugs=False, derandomize=True, database=None, deadline=None
    )
    settings.load_profile("mutation")
    sys.meta_path.insert(0, Finder(given.files))
    tries = Tries(given.out, given.named, given.jobs, given.budget, given.wall, before)
    code = pytest.main(["-q", "--tb=native", "--assert=plain", *given.tests, *to_pytest], plugins=[tries])
    counts = Counter((name.rpartition(".")[0], row["verdict"]) for name, row in tries.found.items())
    for (module, verdict), count in sorted(counts.items()):
        sys.stdout.write(f"{module} {verdict} {count}\n")
    return int(code)


if __name__ == "__main__":
    sys.exit(main())

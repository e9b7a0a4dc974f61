"""Processes of Berceau forked from one that has loaded all of it: loading takes two thirds of a start.

The kill tests start a hundred processes, and nothing that a kill could hit happens while a program loads.
"""

from __future__ import annotations

import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Sequence
from multiprocessing import resource_tracker
from multiprocessing.process import BaseProcess
from pathlib import Path

LOADED = ("tests.journey.counted", "services.cli.serve_command", "services.cli.serve", "services.cli.workers")
OF_ONE = ("services.ingest.app", "services.ingest.pages", "services.ingest.partner_door", "services.matcher.app")
"""What a service loads for itself alone."""

FORKS = multiprocessing.get_context("forkserver")
FORKS.set_forkserver_preload([*LOADED, *OF_ONE])


class Forked:
    """One process, with what `subprocess.Popen` has of it."""

    def __init__(self, arguments: Sequence[str], environment: dict[str, str], log: Path) -> None:
        self._process: BaseProcess = FORKS.Process(target=_live, args=(list(arguments), environment, log))
        self._process.start()

    @property
    def pid(self) -> int:
        assert self._process.pid is not None
        return self._process.pid

    def poll(self) -> int | None:
        return self._process.exitcode

    def send_signal(self, sign: signal.Signals) -> None:
        if self.poll() is None:
            os.kill(self.pid, sign)

    def wait(self, timeout: float) -> int:
        self._process.join(timeout)
        code = self.poll()
        assert code is not None, f"process {self.pid} has not ended within {timeout:.0f} s"
        return code


def _live(arguments: list[str], environment: dict[str, str], log: Path) -> None:
    """As `python -m tests.journey.counted` with these arguments, this environment and its output in `log`."""
    from tests.journey import counted

    resource_tracker._resource_tracker._fd = None  # type: ignore[attr-defined]  # one of its own, as a started one has
    os.environ.clear()
    os.environ.update(environment)
    output = os.open(log, os.O_WRONLY | os.O_APPEND | os.O_CREAT)
    for stream in (sys.stdout, sys.stderr):
        os.dup2(output, stream.fileno())
    sys.argv = ["berceau", *arguments]
    try:
        counted.run()
    finally:
        # As a started program ends: first the threads that feed the solver's queue, then the queue. The other way
        # round, as multiprocessing does in a child, a solver that was just starting is never told to end.
        threading._shutdown()  # type: ignore[attr-defined]

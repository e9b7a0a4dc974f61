"""The demo as whoever types `berceau demo` has it: a real process, its screens, its first SMS, and nothing left."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any, cast

import pytest

from contracts.base import Event
from contracts.vacancies import VacancyOpened
from services.bus.delivery import Handler
from services.bus.retries import WrongEvent
from services.cli.demo_command import _figures, summary
from services.cli.failures import Exit
from services.matcher.handlers import HANDLERS
from services.notifier.store import State
from tests.cli.command import Command

ROOT = Path(__file__).resolve().parents[2]
LONGEST_S = 90
"""Generous, for a machine that has other things to do; what it took is printed."""


class Demo:
    """A demo on a port of its own, its data under `scratch`."""

    def __init__(self, scratch: Path) -> None:
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.began = time.monotonic()
        self.process = subprocess.Popen(
            [sys.executable, "-m", "services.cli", "demo", "--port", str(self.port), "--json"],
            cwd=ROOT, env={**os.environ, "TMPDIR": str(scratch)}, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
        )  # fmt: skip

    @property
    def seconds(self) -> float:
        return time.monotonic() - self.began

    @property
    def of_processor(self) -> float:
        """Seconds of processor that the demo's own process has had."""
        after_name = Path(f"/proc/{self.process.pid}/stat").read_text().rsplit(")", 1)[1].split()
        return (int(after_name[11]) + int(after_name[12])) / os.sysconf("SC_CLK_TCK")

    def page(self, path: str) -> bytes | None:
        """What the site shows there; None while it is not up."""
        try:
            with urllib.request.urlopen(f"http://127.0.0.1:{self.port}{path}", timeout=10) as answer:
                body: bytes = answer.read()
                return body
        except (urllib.error.URLError, ConnectionError, TimeoutError):
            return None

    def wait_for(self, look: Callable[[], Any]) -> Any:
        while not (found := look()):
            assert self.process.poll() is None, "the demo has ended"
            assert self.seconds < LONGEST_S
            time.sleep(0.02)
        return found


@pytest.fixture
def demo(tmp_path: Path) -> Iterator[Demo]:
    running = Demo(tmp_path)
    yield running
    running.process.kill()
    running.process.wait()


def test_the_demo_shows_its_screens_sends_a_first_sms_and_leaves_nothing(
    demo: Demo, tmp_path: Path, figure: Callable[[str], None]
) -> None:
    demo.wait_for(lambda: demo.page("/"))
    up = demo.seconds
    phones = demo.wait_for(lambda: json.loads(demo.page("/telephones.json") or b"[]"))
    figure(f"demo: pages after {up:.1f} s, first SMS after {demo.seconds:.1f} s ({demo.of_processor:.1f} of processor)")
    assert phones[0]
    demo.process.send_signal(signal.SIGINT)
    out, err = demo.process.communicate(timeout=LONGEST_S)
    assert demo.process.returncode == 0, err.decode()
    shown, _, figures = out.decode().partition("\n{")
    assert f"http://127.0.0.1:{demo.port}/telephones" in shown and "aucun SMS réel" in shown
    assert json.loads("{" + figures)["violations"] == []
    assert list(tmp_path.iterdir()) == [], "nothing stays behind"


@pytest.mark.parametrize("command", ["demo", "serve"])
def test_a_port_that_is_taken_is_said_with_what_to_do(berceau: Command, command: str) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = berceau(command, "--port", taken.getsockname()[1])
    assert said.code == Exit.SETTINGS
    assert "un autre programme l'occupe" in said.err
    assert "Choisissez-en un autre avec --port." in said.err
    assert "Traceback" not in said.err


@pytest.mark.parametrize("command", [("worker", "ingest"), ("worker", "matcher"), ("worker", "notifier"), ("serve",)])
def test_on_kafka_a_port_that_is_taken_is_said_before_anything_is_waited_for(
    berceau: Command, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]
) -> None:
    """Neither the broker nor the database is there: the port is looked at first."""
    monkeypatch.setenv("BERCEAU_KAFKA", "127.0.0.1:1")
    monkeypatch.setenv("BERCEAU_DATABASE", "postgresql+asyncpg://nobody@127.0.0.1:1/none")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        said = berceau(*command, "--port", port)
    assert (said.code, f"Le port {port} de 127.0.0.1 ne s'ouvre pas" in said.err) == (Exit.SETTINGS, True)
    assert "Choisissez-en un autre avec --port." in said.err
    assert "Traceback" not in said.err


def test_the_third_port_of_three_services_counts_too(berceau: Command, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("BERCEAU_KAFKA", "127.0.0.1:1")
    with socket.create_server(("127.0.0.1", 0)) as taken:
        said = berceau("serve", "--port", taken.getsockname()[1] - 2)
    assert said.code == Exit.SETTINGS
    beyond = berceau("serve", "--port", 65_535)
    assert (beyond.code, "le dernier est 65535" in beyond.err) == (Exit.SETTINGS, True)


NOTHING = {"fates": {}, "messages": {}, "violations": [], "places": {"placed": 0, "offered": 0}}
NOBODY = {"together": {"families": 0, "children": 0, "offered": 0, "placed": 0}, "moves": {"asked": 0, "placed": 0}}


def ended(figures: dict[str, Any]) -> dict[str, Any]:
    """The end of a demo in which nothing else happened."""
    return {**NOTHING, **NOBODY, **figures}


def test_a_demo_that_nothing_can_be_handled_in_ends_with_a_sentence_and_the_same_code(
    berceau: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A fault of ours once ended in the lines of a traceback, which say nothing to whoever tries Berceau."""

    def broken(*_: object) -> None:
        raise WrongEvent("un défaut")

    monkeypatch.setitem(cast("dict[type[Event], Handler]", HANDLERS), VacancyOpened, broken)
    said = berceau("demo", "--headless", "--size", "small", "--days", "1")
    assert said.code == Exit.FOUND == 1
    assert "Berceau s'est arrêté\u00a0: 21 messages mis de côté sur les" in said.err
    assert "--keep" in said.err and "Traceback" not in said.err


def test_the_end_tells_siblings_who_asked_together_and_children_who_asked_for_another_place() -> None:
    asked = {"together": {"families": 3, "children": 6, "offered": 2, "placed": 1}, "moves": {"asked": 3, "placed": 2}}
    told = [str(cell) for cell in summary(ended(asked)).columns[1].cells]
    siblings = ["3\u00a0familles, 6\u00a0enfants"]
    siblings += [
        "Une proposition pour chacun\u00a0: 2\u00a0familles",
        "Une place confirmée pour chacun\u00a0: 1\u00a0famille",
    ]
    assert "\n".join(siblings) in told
    assert "3\u00a0demandes, 2\u00a0obtenues" in told


@pytest.mark.parametrize("state", list(State))
def test_what_became_of_each_text_is_told_in_french(state: State) -> None:
    table = summary(ended({"messages": {"proposal": {state.value: 2}}}))
    told = str(next(iter(table.columns[1].cells)))
    assert told.startswith("2\u00a0")
    assert state.value not in told


def test_figures_while_the_demo_runs_are_french_and_a_wait_of_minutes_is_told_in_minutes() -> None:
    waits = {"tier 1": {"offered": 4, "median_hours": 0.13}, "urgent": {"offered": 1, "median_hours": 3.5}}
    places = {"placed": 1, "offered": 11, "fill_rate": 1 / 11}
    figures = {"rounds": {"count": 1}, "proposals": {}, "messages": {}, "places": places}
    table = _figures({**figures, "hours_to_first_proposal": waits}, "lundi")
    told = " ".join(map(str, table.columns[1].cells))
    assert "1\u00a0confirmée sur 11 (9\u00a0%)" in told
    assert "première proposition en 8\u00a0min (médiane)" in told
    assert "première proposition en 3,5\u00a0h (médiane)" in told

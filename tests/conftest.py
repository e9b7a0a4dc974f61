"""Fixtures that every folder of tests may use: real servers, one per run, and a private corner of them per test."""

from __future__ import annotations

import os
import secrets
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from tests import servers
from tests.compiled import share_what_is_compiled
from tests.desk import AT_DESK, Desk

MARKED_BY_FIXTURE = {"kafka_bootstrap": "connected", "postgres_url": "connected", "chromium_path": "browser"}

TESTS = Path(__file__).resolve().parent
LONGEST = (
    "journey/test_kills.py",
    "journey/test_journey.py",
    "browser/test_accessibility.py",
    "connected/test_overbooking.py",
    "matcher/solver/test_oracle.py",
    "matcher/solver/test_modes.py",
    "simulation/test_simulation.py",
    "connected/test_relay.py",
    "journey/test_races.py",
    "ingest/files/test_ten_thousand.py",
    "journey/test_gestures.py",
    "matcher/solver/test_same_outcome.py",
)
"""The files by which a run begins, as a process takes a file whole: the others would wait for one that came late."""


share_what_is_compiled()


DESK = pytest.StashKey[Desk]()


def pytest_configure(config: pytest.Config) -> None:
    """A run in several processes shares its servers."""
    hands_out = bool(getattr(config.option, "numprocesses", None)) and not hasattr(config, "workerinput")
    if hands_out:
        config.stash[DESK] = Desk()
        os.environ[AT_DESK] = config.stash[DESK].address


def pytest_unconfigure(config: pytest.Config) -> None:
    if DESK in config.stash:
        config.stash[DESK].close()


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """The longest files first. A test that asks for a real server or browser carries the marker by itself."""
    turn = {TESTS / name: n for n, name in enumerate(LONGEST)}
    items.sort(key=lambda item: turn.get(item.path, len(turn)))
    for item in items:
        for fixture in getattr(item, "fixturenames", ()):
            if fixture in MARKED_BY_FIXTURE:
                item.add_marker(MARKED_BY_FIXTURE[fixture])


FIGURE = "figure"


@pytest.fixture
def figure(record_property: Callable[[str, object], None]) -> Callable[[str], None]:
    """Say a measured figure: it is printed at the end of the run, whichever process measured it."""
    return lambda text: record_property(FIGURE, text)


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter) -> None:
    reports = [report for group in ("passed", "failed") for report in terminalreporter.getreports(group)]
    told = [str(text) for report in reports for name, text in report.user_properties if name == FIGURE]
    if told:
        terminalreporter.section("figures")
        terminalreporter.line("\n".join(sorted(told)))


@pytest.fixture(scope="session")
def kafka_bootstrap() -> Iterator[str]:
    """`host:port` of a real Apache Kafka that never makes a topic by itself; shared by the whole run."""
    with servers.kafka_for_tests(os.environ) as bootstrap:
        yield bootstrap


@pytest.fixture(scope="session")
def postgres_url() -> Iterator[str]:
    """SQLAlchemy URL of a real PostgreSQL, shared by the whole run; a test takes `database_url` instead."""
    with servers.postgres_for_tests(os.environ) as url:
        yield url


@pytest.fixture
def database_url(postgres_url: str) -> Iterator[str]:
    """SQLAlchemy URL (asyncpg) of an empty PostgreSQL database that only this test sees."""
    with servers.fresh_database(postgres_url) as url:
        yield url


@pytest.fixture
def topic_prefix() -> str:
    """What this test puts before its topics and consumer groups, so that tests share a broker and never meet."""
    return f"t{secrets.token_hex(6)}."


@pytest.fixture(scope="session")
def chromium_path() -> str:
    """Path of the real Chromium that the browser tests drive."""
    with servers.failing_with_the_remedy():
        return servers.find_chromium()

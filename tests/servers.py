"""The real servers of a test run: started once when first asked for, or those that the environment names.

`BERCEAU_TEST_KAFKA=host:port` and `BERCEAU_TEST_DATABASE=postgresql://...` (an account that may create databases)
point the same tests to servers that already run. A machine that lacks a part fails the test with the command that
installs it: a test that quietly does not run shows nothing.
"""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import shutil
from collections.abc import Coroutine, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import asyncpg
import pytest
from sqlalchemy.engine import URL, make_url

from deploy.servers import MissingPart
from tests import desk


@contextlib.contextmanager
def failing_with_the_remedy() -> Iterator[None]:
    """A missing part fails the test, with the command that installs it and no trace to scroll through."""
    try:
        yield
    except MissingPart as missing:
        pytest.fail(str(missing), pytrace=False)


@contextlib.contextmanager
def kafka_for_tests(environment: Mapping[str, str]) -> Iterator[str]:
    """Bootstrap address of the broker to test on."""
    if named := environment.get("BERCEAU_TEST_KAFKA"):
        yield named
        return
    with failing_with_the_remedy(), _of_this_run(environment, desk.KAFKA) as bootstrap:
        yield bootstrap


@contextlib.contextmanager
def postgres_for_tests(environment: Mapping[str, str]) -> Iterator[str]:
    """SQLAlchemy URL (asyncpg) of an account that may create databases on the server to test on."""
    if named := environment.get("BERCEAU_TEST_DATABASE"):
        yield make_url(named).set(drivername="postgresql+asyncpg").render_as_string(hide_password=False)
        return
    with failing_with_the_remedy(), _of_this_run(environment, desk.POSTGRES) as url:
        yield url


@contextlib.contextmanager
def _of_this_run(environment: Mapping[str, str], server: str) -> Iterator[str]:
    """The one that all processes of the run share; a run in one process starts its own."""
    if address := environment.get(desk.AT_DESK):
        yield desk.ask(address, server)
        return
    with desk.STARTED[server]() as own:
        yield own


@contextlib.contextmanager
def fresh_database(server_url: str) -> Iterator[str]:
    """A new empty database on a server, dropped at the end even if sessions are still open on it."""
    name = f"berceau_{secrets.token_hex(6)}"
    server = make_url(server_url)
    run_apart(_execute(server, f'CREATE DATABASE "{name}"'))
    try:
        yield server.set(database=name).render_as_string(hide_password=False)
    finally:
        run_apart(_execute(server, f'DROP DATABASE IF EXISTS "{name}" WITH (FORCE)'))


def plain_dsn(url: str) -> str:
    """The same database as asyncpg and psql write it, without SQLAlchemy's driver."""
    return make_url(url).set(drivername="postgresql").render_as_string(hide_password=False)


def find_chromium() -> str:
    """The Chromium that the browser tests drive: Debian's. Raises MissingPart."""
    found = shutil.which("chromium") or shutil.which("chromium-browser")
    if found is None:
        raise MissingPart("Chromium is missing; install it with: sudo apt-get install -y chromium")
    return found


def run_apart(work: Coroutine[Any, Any, None]) -> None:
    """Run a coroutine on a thread of its own, so that a fixture never touches the event loop of its test."""
    with ThreadPoolExecutor(max_workers=1) as pool:
        pool.submit(asyncio.run, work).result()


async def _execute(server: URL, statement: str) -> None:
    connection = await asyncpg.connect(plain_dsn(server.render_as_string(hide_password=False)))
    try:
        await connection.execute(statement)
    finally:
        await connection.close()

"""A real PostgreSQL from Debian's package, as an unprivileged account, on a free loopback port."""

from __future__ import annotations

import contextlib
import os
import pwd
import re
import secrets
import shutil
import signal
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from deploy.servers.processes import (
    Account,
    Child,
    MissingPart,
    children_of,
    free_ports,
    run_once,
    start_child,
    wait_for_end,
    wait_until_ready,
)

OLDEST_POSTGRES = 15
SUPERUSER = "berceau"

# Commits stay synchronous, so what was acknowledged survives a kill -9 of the server; only the flush to the disk is
# left out, which matters when the machine itself loses power, and no test can show that.
QUICK = {"fsync": "off", "full_page_writes": "off"}


@dataclass
class Postgres:
    """A server with its folder; `start`, `stop`, `kill` and `start` again keep port, password and data."""

    home: Path
    port: int
    password: str = field(repr=False)
    binaries: Path
    account: Account
    child: Child | None = field(default=None, repr=False)

    def url(self, database: str = "postgres") -> str:
        """An SQLAlchemy URL for asyncpg, with the superuser of this throw-away server."""
        return f"postgresql+asyncpg://{SUPERUSER}:{self.password}@127.0.0.1:{self.port}/{database}"

    @property
    def log(self) -> Path:
        return self.home / "postgres.log"

    def start(self) -> None:
        """Start on the data at hand and return once a connection is accepted. Raises ServerDown."""
        command = [str(self.binaries / "postgres"), "-D", str(self.home / "data")]
        self.child = start_child(command, self.log, self.account)
        wait_until_ready(self.child, self.answers, self.log)

    def answers(self) -> bool:
        """Whether the server takes connections now; after a kill it replays its log first and says no."""
        command = [str(self.binaries / "pg_isready"), "-q", "-h", "127.0.0.1", "-p", str(self.port)]
        return subprocess.run(command, check=False).returncode == 0

    def stop(self) -> None:
        """An orderly end ("fast": sessions are cut, transactions rolled back)."""
        self._end(signal.SIGINT)

    def kill(self) -> None:
        """kill -9 of the postmaster; returns once its children noticed, as a new one may not start before."""
        children = [] if self.child is None else children_of(self.child.pid)
        self._end(signal.SIGKILL)
        wait_for_end(children, patience=10)

    @contextlib.contextmanager
    def frozen(self) -> Iterator[None]:
        """Meanwhile the server and all its sessions hang: connections stay open, and nobody answers (SIGSTOP)."""
        pids = [] if self.child is None else [self.child.pid, *children_of(self.child.pid)]
        for pid in pids:
            os.kill(pid, signal.SIGSTOP)
        try:
            yield
        finally:
            for pid in reversed(pids):
                os.kill(pid, signal.SIGCONT)

    def _end(self, sign: signal.Signals) -> None:
        if self.child is not None:
            self.child.end(sign, patience=15)
            self.child = None


def new_postgres(home: Path, **more: str) -> Postgres:
    """Make a cluster in `home` (made if absent), with `more` settings; it is not started.

    Raises MissingPart, ServerDown.
    """
    binaries, account = find_binaries(), unprivileged_account()
    home.mkdir(parents=True, exist_ok=True)
    account.own(home)
    server = Postgres(home, free_ports(1)[0], secrets.token_hex(16), binaries, account)
    _initialise(server)
    with (home / "data" / "postgresql.conf").open("a") as settings:
        settings.writelines(f"{name} = '{value}'\n" for name, value in {**_settings(server.port), **more}.items())
    return server


@contextlib.contextmanager
def running_postgres(**more: str) -> Iterator[Postgres]:
    """A started server in a temporary folder, with `more` settings, stopped and removed at the end."""
    home = Path(tempfile.mkdtemp(prefix="berceau-postgres-"))
    try:
        server = new_postgres(home, **more)
        try:
            server.start()
            yield server
        finally:
            server.stop()
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _initialise(server: Postgres) -> None:
    word = server.home / "password"
    word.write_text(server.password)
    word.chmod(0o600)
    server.account.own(word)
    options = ["-D", str(server.home / "data"), "-U", SUPERUSER, f"--pwfile={word}", "--auth=scram-sha-256"]
    words = ["-E", "UTF8", "--locale=C.UTF-8", "--no-sync"]
    run_once([str(server.binaries / "initdb"), *options, *words], server.home / "initdb.log", server.account)
    word.unlink()


def _settings(port: int) -> dict[str, str]:
    place = {"listen_addresses": "127.0.0.1", "port": str(port), "unix_socket_directories": ""}
    return {**place, "max_connections": "500", "timezone": "UTC", **QUICK}


def find_binaries() -> Path:
    """The newest PostgreSQL on this machine, on the path or where Debian keeps it. Raises MissingPart."""
    on_path = shutil.which("initdb")
    found = [*Path("/usr/lib/postgresql").glob("*/bin"), *([Path(on_path).resolve().parent] if on_path else [])]
    usable = [(version, folder) for folder in found if (version := postgres_version(folder)) >= OLDEST_POSTGRES]
    if not usable:
        raise MissingPart(
            f"PostgreSQL {OLDEST_POSTGRES} or later is missing; install it with: sudo apt-get install -y postgresql"
        )
    return max(usable)[1]


def postgres_version(folder: Path) -> int:
    """The major version of the server in a folder of binaries, 0 if there is none."""
    program = folder / "postgres"
    if not program.exists():
        return 0
    answer = subprocess.run([str(program), "--version"], capture_output=True, text=True, check=False).stdout
    found = re.search(r"(\d+)", answer)
    return int(found.group(1)) if found else 0


def unprivileged_account() -> Account:
    """PostgreSQL refuses to run as root: root hands it to `postgres` (Debian's package makes it), else to `nobody`."""
    if os.geteuid() != 0:
        return Account()
    for name in ("postgres", "nobody"):
        with contextlib.suppress(KeyError):
            entry = pwd.getpwnam(name)
            return Account(entry.pw_uid, entry.pw_gid)
    raise MissingPart("no unprivileged account for PostgreSQL; make one with: useradd --system postgres")

"""Child processes that are ready when they say so, and that never outlive their parent."""

from __future__ import annotations

import contextlib
import os
import random
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

# Below the range that Linux gives to outgoing connections (32768 and up): a port in that range may be taken by a
# client while its server is down, and the server could then not come back on it.
SERVER_PORTS = range(15000, 32000)
READY_POLL = 0.02


class MissingPart(RuntimeError):
    """A program or file that the machine lacks; the message ends with the command that installs it."""


class ServerDown(RuntimeError):
    """A server that did not come up or did not stop; the message carries the end of its log."""


@dataclass(frozen=True)
class Account:
    """The system account a server runs under; all None means the present one."""

    user: int | None = None
    group: int | None = None

    def own(self, path: Path) -> None:
        """Give a file or folder to this account."""
        if self.user is not None and self.group is not None:
            os.chown(path, self.user, self.group)


@dataclass(frozen=True)
class Child:
    """A running server and the guard that ends it should the parent vanish."""

    process: subprocess.Popen[bytes]
    guard: subprocess.Popen[bytes]

    @property
    def pid(self) -> int:
        return self.process.pid

    def running(self) -> bool:
        return self.process.poll() is None

    def end(self, sign: signal.Signals, patience: float) -> None:
        """Send a signal and wait; a child that is still there after `patience` seconds is killed."""
        with contextlib.suppress(ProcessLookupError):
            self.process.send_signal(sign)
        try:
            self.process.wait(patience)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
        self.guard.communicate(b"done\n")


def free_ports(count: int) -> list[int]:
    """Distinct loopback ports on which nothing listens now, outside the range of outgoing connections."""
    found: list[int] = []
    with contextlib.ExitStack() as held:
        for port in random.SystemRandom().sample(SERVER_PORTS, len(SERVER_PORTS)):
            if len(found) == count:
                break
            probe = held.enter_context(socket.socket())
            with contextlib.suppress(OSError):
                probe.bind(("127.0.0.1", port))
                found.append(port)
    return found


def start_child(command: Sequence[str], log: Path, account: Account | None = None) -> Child:
    """Start a server in a session of its own, so that Ctrl-C reaches its parent only; output goes to `log`."""
    run_as = account or Account()
    with log.open("ab") as output:
        process = subprocess.Popen(
            command,
            cwd=log.parent,
            stdin=subprocess.DEVNULL,
            stdout=output,
            stderr=subprocess.STDOUT,
            start_new_session=True,
            user=run_as.user,
            group=run_as.group,
            extra_groups=None if run_as.group is None else [run_as.group],
        )
    return Child(process, _guard_of(process.pid))


def _guard_of(pid: int) -> subprocess.Popen[bytes]:
    """A shell that waits for one line: the end of its input without it means that the parent died, so kill the child.

    The kernel's parent-death signal would not do: it follows the thread that forked, and a pool's threads end early.
    """
    script = 'read -r word || kill -9 "$0"'
    return subprocess.Popen(
        ["/bin/sh", "-c", script, str(pid)],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def wait_until_ready(child: Child, ready: Callable[[], bool], log: Path, seconds: float = 60.0) -> None:
    """Poll until the server answers. Raises ServerDown with the end of the log if it ends or takes too long."""
    deadline = time.monotonic() + seconds
    while not ready():
        if not child.running():
            raise ServerDown(f"the server ended with code {child.process.returncode}; {log} ends:\n{tail(log)}")
        if time.monotonic() > deadline:
            child.end(signal.SIGKILL, patience=5)
            raise ServerDown(f"the server was not ready within {seconds:.0f} s; {log} ends:\n{tail(log)}")
        time.sleep(READY_POLL)


def port_open(port: int) -> bool:
    """Whether something accepts connections on this loopback port."""
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex(("127.0.0.1", port)) == 0


def children_of(pid: int) -> list[int]:
    """The processes that this one started and that still run (Linux)."""
    listed = Path(f"/proc/{pid}/task/{pid}/children")
    return [int(child) for child in listed.read_text().split()] if listed.exists() else []


def wait_for_end(pids: Sequence[int], patience: float) -> None:
    """Wait until none of these processes is left; those that linger past `patience` seconds are killed."""
    deadline = time.monotonic() + patience
    while (left := [pid for pid in pids if _alive(pid)]) and time.monotonic() < deadline:
        time.sleep(READY_POLL)
    for pid in left:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)


def _alive(pid: int) -> bool:
    """Whether a process still runs; one that ended and that nobody has collected yet (state Z) does not."""
    try:
        status = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return False
    return status.rpartition(")")[2].split()[0] != "Z"


def run_once(command: Sequence[str], log: Path, account: Account | None = None) -> None:
    """Run a preparing command to its end; raises ServerDown with its output if it fails."""
    child = start_child(command, log, account)
    code = child.process.wait()
    child.end(signal.SIGTERM, patience=1)
    if code != 0:
        raise ServerDown(f"{command[0]} ended with code {code}:\n{tail(log)}")


def tail(log: Path, lines: int = 20) -> str:
    """The last lines of a log, or a word that there is none."""
    if not log.exists():
        return "(no log)"
    return "\n".join(log.read_text(errors="replace").splitlines()[-lines:])

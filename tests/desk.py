"""The one Kafka and the one PostgreSQL of a run that several processes share, started when the first of them asks.

The process that hands the tests out owns the servers: one that runs tests may be through before the others. Tests have
topics, groups and databases of their own, so that they never meet; who kills a server starts one for itself.
"""

from __future__ import annotations

import contextlib
import shutil
import tempfile
import threading
import time
from collections.abc import Iterator
from multiprocessing.connection import Client, Listener
from pathlib import Path

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from deploy.servers import MissingPart, ServerDown
from deploy.servers.kafka import running_kafka
from deploy.servers.postgres import running_postgres

AT_DESK = "BERCEAU_TEST_DESK"
"""The variable that tells the processes of a run where to ask."""

KAFKA, POSTGRES = "kafka", "postgres"
CLOSING = "closing"
GROUPS_WITHIN_S = 60.0
NOBODY = [f"nobody-{n}" for n in range(16)]
"""Groups enough for each partition of the topic of groups to be asked."""


class Desk:
    """Answers which address a server has. Whoever asks for one that runs not yet waits until it does."""

    def __init__(self) -> None:
        self._home = Path(tempfile.mkdtemp(prefix="berceau-desk-"))
        self.address = str(self._home / "desk")
        self._listener = Listener(self.address, backlog=32)
        self._running = contextlib.ExitStack()
        self._known: dict[str, str] = {}
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def close(self) -> None:
        """Stop the servers and remove what they held."""
        with Client(self.address) as desk:
            desk.send(CLOSING)
        self._thread.join()
        self._listener.close()
        self._running.close()
        shutil.rmtree(self._home)

    def _serve(self) -> None:
        asked = ""
        while asked != CLOSING:
            with self._listener.accept() as caller, contextlib.suppress(EOFError, ConnectionError):
                asked = caller.recv()
                if asked != CLOSING:
                    caller.send(self._answer(asked))

    def _answer(self, server: str) -> str | Exception:
        if server not in self._known:
            try:
                self._known[server] = self._running.enter_context(STARTED[server]())
            except (MissingPart, ServerDown) as fault:
                return fault
        return self._known[server]


def ask(address: str, server: str) -> str:
    """The address of a server of this run. Raises MissingPart, ServerDown."""
    with Client(address) as desk:
        desk.send(server)
        answer: str | Exception = desk.recv()
    if isinstance(answer, Exception):
        raise answer
    return answer


@contextlib.contextmanager
def started_kafka() -> Iterator[str]:
    with running_kafka() as node:
        wait_for_groups(node.bootstrap)
        yield node.bootstrap


def wait_for_groups(bootstrap: str) -> None:
    """A broker makes the topic of its groups when somebody first asks for one, and knows none until it has."""
    deadline = time.monotonic() + GROUPS_WITHIN_S
    with contextlib.closing(KafkaAdminClient(bootstrap_servers=bootstrap)) as client:
        while True:
            try:
                client.list_group_offsets(dict.fromkeys(NOBODY))
            except KafkaError as error:
                if not error.retriable or time.monotonic() > deadline:
                    raise
                time.sleep(0.05)
            else:
                return


@contextlib.contextmanager
def started_postgres() -> Iterator[str]:
    with running_postgres() as server:
        yield server.url()


STARTED = {KAFKA: started_kafka, POSTGRES: started_postgres}

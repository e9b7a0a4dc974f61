"""`python -m deploy.servers [COMMAND …]`: Kafka and PostgreSQL for as long as a command, or Ctrl-C, lasts.

Without a command it prints the two addresses as shell lines to paste into another terminal. With one, the command
runs with BERCEAU_KAFKA and BERCEAU_DATABASE set, and its exit code is returned. The data go with the servers.
"""

from __future__ import annotations

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Sequence

from deploy.servers.kafka import running_kafka
from deploy.servers.postgres import running_postgres
from deploy.servers.processes import MissingPart, ServerDown


def main(command: Sequence[str]) -> int:
    """Start both servers, run the command or wait, stop both; 1 if a part is missing or a server does not start."""
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))  # an orderly end removes the data, as Ctrl-C does
    try:
        with running_postgres() as database, running_kafka() as broker:
            return serve(command, broker.bootstrap, database.url())
    except (MissingPart, ServerDown) as fault:
        print(fault, file=sys.stderr)
        return 1


def serve(command: Sequence[str], kafka: str, database: str) -> int:
    """Run the command on these two servers, or wait for Ctrl-C."""
    if command:
        addresses = {"BERCEAU_KAFKA": kafka, "BERCEAU_DATABASE": database}
        return _wait_for(subprocess.Popen(command, env={**os.environ, **addresses}))
    print(f"export BERCEAU_TEST_KAFKA={kafka}\nexport BERCEAU_TEST_DATABASE={database}", flush=True)
    print("Kafka and PostgreSQL run until Ctrl-C; what they hold is then removed.", file=sys.stderr)
    with contextlib.suppress(KeyboardInterrupt):
        signal.pause()
    return 0


def _wait_for(process: subprocess.Popen[bytes]) -> int:
    """Ctrl-C reaches the command as well: it ends in its own order, and its servers stay until it has."""
    while True:
        with contextlib.suppress(KeyboardInterrupt):
            return process.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))

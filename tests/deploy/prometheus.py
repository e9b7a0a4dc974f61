"""A Prometheus from Debian's package, watching one real Berceau."""

from __future__ import annotations

import contextlib
import json
import shutil
import signal
import urllib.parse
import urllib.request
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from deploy.servers.processes import MissingPart, free_ports, start_child, wait_until_ready

RECIPE = Path(__file__).resolve().parents[2] / "deploy" / "prometheus"


@dataclass(frozen=True)
class Prometheus:
    url: str

    def query(self, expression: str) -> list[dict[str, Any]]:
        """The samples that an expression gives now. Raises urllib.error.HTTPError where it is not PromQL."""
        found = self._get(f"/api/v1/query?query={urllib.parse.quote(expression)}")
        assert found["status"] == "success"
        result: list[dict[str, Any]] = found["data"]["result"]
        return result

    def ready(self) -> bool:
        with contextlib.suppress(OSError), urllib.request.urlopen(f"{self.url}/-/ready", timeout=1) as answer:
            return bool(answer.status == 200)
        return False

    def _get(self, path: str) -> Any:
        with urllib.request.urlopen(self.url + path, timeout=10) as answer:
            return json.load(answer)


def find(program: str) -> str:
    """Raises MissingPart with the command that installs it."""
    path = shutil.which(program)
    if path is None:
        raise MissingPart(f"{program} is missing; install it with: sudo apt-get install -y prometheus")
    return path


@contextlib.contextmanager
def watching(home: Path, target: str) -> Iterator[Prometheus]:
    """Our own configuration and rules, looking at `target` every second."""
    program = find("prometheus")
    config = (RECIPE / "prometheus.yml").read_text().replace("127.0.0.1:8080", target).replace("15s", "1s")
    (home / "prometheus.yml").write_text(config)
    shutil.copy(RECIPE / "alerts.yml", home / "alerts.yml")
    (port,) = free_ports(1)
    command = [
        program, f"--config.file={home / 'prometheus.yml'}", f"--storage.tsdb.path={home / 'data'}",
        f"--web.listen-address=127.0.0.1:{port}",
    ]  # fmt: skip
    log = home / "prometheus.log"
    child = start_child(command, log)
    try:
        here = Prometheus(f"http://127.0.0.1:{port}")
        wait_until_ready(child, here.ready, log)
        yield here
    finally:
        child.end(signal.SIGTERM, patience=10)

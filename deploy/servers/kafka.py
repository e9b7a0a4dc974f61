"""One real Apache Kafka node in KRaft mode: broker and controller in one process, on loopback."""

from __future__ import annotations

import base64
import contextlib
import re
import shutil
import signal
import subprocess
import tempfile
import uuid
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from pathlib import Path

from kafka.admin import KafkaAdminClient
from kafka.errors import KafkaError

from deploy.servers.processes import (
    Child,
    MissingPart,
    free_ports,
    port_open,
    run_once,
    start_child,
    wait_until_ready,
)

RECIPE = Path(__file__).resolve().parent.parent / "kafka"
LIBS = RECIPE / "libs"
OLDEST_JAVA = 17  # Apache Kafka 4 brokers need Java 17 (its release notes, "Java 17 for brokers")


@dataclass
class Kafka:
    """A node with its folder; `start`, `stop`, `kill` and `start` again keep port and data."""

    home: Path
    port: int
    controller_port: int
    child: Child | None = field(default=None, repr=False)

    @property
    def bootstrap(self) -> str:
        """What a client is given: `host:port`."""
        return f"127.0.0.1:{self.port}"

    @property
    def log(self) -> Path:
        return self.home / "broker.log"

    def start(self) -> None:
        """Start on the data at hand and return once the broker answers a request. Raises ServerDown."""
        self.child = start_child(_java("kafka.Kafka", str(self.home / "server.properties")), self.log)
        wait_until_ready(self.child, self.answers, self.log)

    def answers(self) -> bool:
        """Whether the broker answers a metadata request; an open port alone comes before that."""
        if not port_open(self.port):
            return False
        try:
            client = KafkaAdminClient(bootstrap_servers=self.bootstrap, bootstrap_timeout_ms=2000)
        except KafkaError:
            return False
        with contextlib.closing(client):
            return bool(client.describe_cluster()["brokers"])

    def stop(self) -> None:
        """An orderly end: logs flushed, group state kept."""
        self._end(signal.SIGTERM)

    def kill(self) -> None:
        """kill -9: what a power cut of the process looks like."""
        self._end(signal.SIGKILL)

    def pause(self) -> None:
        """SIGSTOP: alive and silent, as a machine that swaps is."""
        self._signal(signal.SIGSTOP)

    def resume(self) -> None:
        self._signal(signal.SIGCONT)

    def empty(self) -> None:
        """Stop, and start again as a new node that knows no topic, no message and no reader."""
        self.kill()
        shutil.rmtree(self.home / "data")
        _format(self.home, _cluster_id())
        self.start()

    def _signal(self, sign: signal.Signals) -> None:
        if self.child is not None:
            self.child.process.send_signal(sign)

    def _end(self, sign: signal.Signals) -> None:
        if self.child is not None:
            self.child.end(sign, patience=15)
            self.child = None


def new_kafka(home: Path) -> Kafka:
    """Configure and format a node in `home` (made if absent); it is not started. Raises MissingPart, ServerDown."""
    return new_cluster(home, 1)[0]


def new_cluster(home: Path, size: int) -> list[Kafka]:
    """As many nodes that make one cluster, each in a folder of its own; none is started. Raises as `new_kafka`."""
    _check_parts()
    ports = free_ports(2 * size)
    folders = [home / str(n + 1) if size > 1 else home for n in range(size)]
    nodes = [Kafka(folder, ports[2 * n], ports[2 * n + 1]) for n, folder in enumerate(folders)]
    voters = ",".join(f"{n}@127.0.0.1:{node.controller_port}" for n, node in enumerate(nodes, start=1))
    cluster = _cluster_id()
    for n, node in enumerate(nodes, start=1):
        node.home.mkdir(parents=True, exist_ok=True)
        _configure(node, n, voters, copies=min(3, size))
        _format(node.home, cluster)
    return nodes


def start_cluster(nodes: list[Kafka]) -> None:
    """All at once: none answers before the others are there to agree with it."""
    with ThreadPoolExecutor(len(nodes)) as pool:
        list(pool.map(Kafka.start, nodes))


def _configure(node: Kafka, number: int, voters: str, copies: int) -> None:
    settings = (RECIPE / "server.properties").read_text()
    filled = {
        "node": number, "voters": voters, "port": node.port, "controller_port": node.controller_port,
        "data": node.home / "data", "copies": copies, "in_sync": max(1, copies - 1),
    }  # fmt: skip
    for name, value in filled.items():
        settings = settings.replace(f"{{{name}}}", str(value))
    (node.home / "server.properties").write_text(settings)


def _format(home: Path, cluster: str) -> None:
    command = ["format", "-t", cluster, "-c", str(home / "server.properties")]
    run_once(_java("kafka.tools.StorageTool", *command), home / "format.log")


@contextlib.contextmanager
def running_kafka() -> Iterator[Kafka]:
    """A started node in a temporary folder, stopped and removed at the end."""
    home = Path(tempfile.mkdtemp(prefix="berceau-kafka-"))
    try:
        node = new_kafka(home)
        try:
            node.start()
            yield node
        finally:
            node.kill()  # the data go too: nothing is worth an orderly end
    finally:
        shutil.rmtree(home, ignore_errors=True)


def _java(main: str, *arguments: str) -> list[str]:
    """A small quick JVM: half a gigabyte, one collector thread, first compiler only (measured: up in two seconds)."""
    jvm = ["java", "-Xmx512m", "-XX:+UseSerialGC", "-XX:TieredStopAtLevel=1"]
    logging = f"-Dlog4j2.configurationFile={RECIPE / 'log4j2.properties'}"
    return [*jvm, logging, "-cp", f"{LIBS}/*", main, *arguments]


def _cluster_id() -> str:
    """A cluster id as Kafka writes it: 16 random bytes, URL-safe base64 without padding, never a leading dash."""
    text = base64.urlsafe_b64encode(uuid.uuid4().bytes).decode().rstrip("=")
    return text.replace("-", "A", 1) if text.startswith("-") else text


def _check_parts() -> None:
    if java_version() < OLDEST_JAVA:
        raise MissingPart(
            f"Java {OLDEST_JAVA} or later is missing; install it with: sudo apt-get install -y default-jre-headless"
        )
    if not any(LIBS.glob("kafka_*.jar")):
        raise MissingPart("Apache Kafka's jars are missing; fetch them with: make kafka")


def java_version() -> int:
    """The major version of the `java` on the path, 0 if there is none."""
    if shutil.which("java") is None:
        return 0
    answer = subprocess.run(["java", "-version"], capture_output=True, text=True, check=False).stderr
    found = re.search(r'version "(\d+)', answer)
    return int(found.group(1)) if found else 0

"""The real servers that the connected tests stand on: they start, hold what they acknowledged, and go away."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import asyncpg
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer
from aiokafka.errors import KafkaError
from kafka.admin import KafkaAdminClient, NewTopic
from sqlalchemy.engine import make_url

from deploy.servers import MissingPart, ServerDown
from deploy.servers import kafka as kafka_server
from deploy.servers import postgres as postgres_server
from deploy.servers.processes import free_ports, port_open, start_child, wait_until_ready
from tests import desk
from tests.servers import failing_with_the_remedy, find_chromium, kafka_for_tests, plain_dsn, postgres_for_tests

ROOT = Path(__file__).resolve().parent.parent


def declare(bootstrap: str, topic: str) -> None:
    client = KafkaAdminClient(bootstrap_servers=bootstrap)
    try:
        client.create_topics([NewTopic(topic, num_partitions=1, replication_factor=1)])
    finally:
        client.close()


async def send(bootstrap: str, topic: str, words: list[bytes], *, patience_ms: int = 30_000) -> None:
    """Sends the words; raises what the broker says when it does not know the topic after that long."""
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all", request_timeout_ms=patience_ms) as producer:
        for word in words:
            await producer.send_and_wait(topic, word)


async def read(bootstrap: str, topic: str, group: str, count: int) -> list[bytes]:
    consumer = AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, group_id=group, auto_offset_reset="earliest")
    async with consumer:
        return [(await consumer.getone()).value for _ in range(count)]


async def test_a_message_sent_to_the_real_broker_comes_back(kafka_bootstrap: str, topic_prefix: str) -> None:
    topic, words = f"{topic_prefix}words", [b"un", b"deux", b"trois"]
    declare(kafka_bootstrap, topic)
    await send(kafka_bootstrap, topic, words)
    assert await read(kafka_bootstrap, topic, f"{topic_prefix}reader", 3) == words


async def test_a_topic_that_nobody_declared_is_refused(kafka_bootstrap: str, topic_prefix: str) -> None:
    with pytest.raises(KafkaError):
        await send(kafka_bootstrap, f"{topic_prefix}undeclared", [b"perdu"], patience_ms=2000)


async def test_a_message_acknowledged_before_a_kill_of_the_broker_is_there_after_it(tmp_path: Path) -> None:
    with failing_with_the_remedy():
        node = kafka_server.new_kafka(tmp_path / "node")
    node.start()
    try:
        declare(node.bootstrap, "survivors")
        await send(node.bootstrap, "survivors", [b"garde"])
        node.kill()
        assert not node.answers()
        node.start()
        assert await read(node.bootstrap, "survivors", "readers", 1) == [b"garde"]
    finally:
        node.kill()


async def test_each_test_has_an_empty_database_of_its_own(database_url: str, postgres_url: str) -> None:
    connection = await asyncpg.connect(plain_dsn(database_url))
    try:
        await connection.execute("CREATE TABLE mine (word text)")
        tables = await connection.fetch("SELECT tablename FROM pg_tables WHERE schemaname = 'public'")
    finally:
        await connection.close()
    assert [row["tablename"] for row in tables] == ["mine"]
    assert database_url != postgres_url


async def test_a_row_committed_before_a_kill_of_postgresql_is_there_after_it() -> None:
    with failing_with_the_remedy(), postgres_server.running_postgres() as server:
        connection = await asyncpg.connect(plain_dsn(server.url()))
        await connection.execute("CREATE TABLE kept (word text)")
        await connection.execute("INSERT INTO kept VALUES ('garde')")
        server.kill()
        assert not server.answers()
        server.start()
        again = await asyncpg.connect(plain_dsn(server.url()))
        assert await again.fetchval("SELECT word FROM kept") == "garde"
        await again.close()


async def test_postgresql_keeps_synchronous_commits_and_asks_for_a_password(postgres_url: str) -> None:
    connection = await asyncpg.connect(plain_dsn(postgres_url))
    assert await connection.fetchval("SHOW synchronous_commit") == "on"
    await connection.close()
    with pytest.raises(asyncpg.InvalidPasswordError):
        await asyncpg.connect(plain_dsn(postgres_url), password="un autre mot")


def test_servers_named_by_the_environment_are_used_as_they_are() -> None:
    named = {"BERCEAU_TEST_KAFKA": "127.0.0.1:9", "BERCEAU_TEST_DATABASE": "postgresql://me:word@127.0.0.1:9/postgres"}
    with kafka_for_tests(named) as bootstrap, postgres_for_tests(named) as url:
        assert bootstrap == "127.0.0.1:9"
        assert url == "postgresql+asyncpg://me:word@127.0.0.1:9/postgres"


def test_a_missing_java_fails_the_test_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(pytest.fail.Exception, match="apt-get install -y default-jre-headless"), kafka_for_tests({}):
        pass


def test_missing_jars_fail_the_test_with_the_command_that_fetches_them(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setattr(kafka_server, "LIBS", tmp_path)
    with pytest.raises(pytest.fail.Exception, match="make kafka"), kafka_for_tests({}):
        pass


def test_a_missing_postgresql_fails_the_test_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_server, "OLDEST_POSTGRES", 999)
    with pytest.raises(pytest.fail.Exception, match="apt-get install -y postgresql"), postgres_for_tests({}):
        pass


def test_a_missing_chromium_is_named_with_its_remedy(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", "/nonexistent")
    with pytest.raises(MissingPart, match="apt-get install -y chromium"):
        find_chromium()


def test_the_chromium_of_this_machine_is_found(chromium_path: str) -> None:
    assert os.access(chromium_path, os.X_OK)


def test_a_server_that_ends_at_once_is_reported_with_its_log(tmp_path: Path) -> None:
    log = tmp_path / "server.log"
    child = start_child(["/bin/sh", "-c", "echo mauvais reglage; exit 3"], log)
    with pytest.raises(ServerDown, match=r"code 3[\s\S]*mauvais reglage"):
        wait_until_ready(child, lambda: False, log, seconds=10)
    child.end(signal.SIGKILL, patience=1)


def test_a_server_that_is_never_ready_is_killed_and_reported(tmp_path: Path) -> None:
    child = start_child(["/bin/sleep", "60"], tmp_path / "server.log")
    with pytest.raises(ServerDown, match="not ready within"):
        wait_until_ready(child, lambda: False, tmp_path / "server.log", seconds=0.1)
    assert not child.running()


PARENT = """
import sys, time
from pathlib import Path
from deploy.servers.processes import start_child
print(start_child(["/bin/sleep", "60"], Path(sys.argv[1])).pid, flush=True)
time.sleep(60)
"""


def test_a_server_does_not_outlive_a_parent_that_is_killed(tmp_path: Path) -> None:
    command = [sys.executable, "-c", PARENT, str(tmp_path / "server.log")]
    parent = subprocess.Popen(command, stdout=subprocess.PIPE, cwd=ROOT)
    assert parent.stdout is not None
    child = int(parent.stdout.readline())
    os.kill(child, 0)  # it runs: this would raise otherwise
    parent.kill()
    parent.communicate()
    assert gone_within(child, seconds=5)


def gone_within(pid: int, seconds: float) -> bool:
    deadline = time.monotonic() + seconds
    while time.monotonic() < deadline:
        stat = Path(f"/proc/{pid}/stat")
        if not stat.exists() or ") Z " in stat.read_text():
            return True
        time.sleep(0.02)
    return False


def test_free_ports_are_distinct_closed_and_outside_the_range_of_outgoing_connections() -> None:
    ports = free_ports(5)
    assert len(set(ports)) == 5
    assert all(port < 32768 and not port_open(port) for port in ports)


def test_all_who_ask_at_the_desk_get_one_server_which_goes_with_it() -> None:
    shared = desk.Desk()
    try:
        with failing_with_the_remedy(), ThreadPoolExecutor(3) as askers:
            first, *others = askers.map(desk.ask, [shared.address] * 3, [desk.POSTGRES] * 3)
        assert set(others) == {first}
        with postgres_for_tests({desk.AT_DESK: shared.address}) as url:
            assert url == first
        assert port_open(make_url(first).port or 0)
    finally:
        shared.close()
    assert not port_open(make_url(first).port or 0)


def test_the_desk_hands_on_what_is_missing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(postgres_server, "OLDEST_POSTGRES", 999)
    shared = desk.Desk()
    try:
        with pytest.raises(pytest.fail.Exception, match="apt-get install -y postgresql"):
            postgres_for_tests({desk.AT_DESK: shared.address}).__enter__()
    finally:
        shared.close()

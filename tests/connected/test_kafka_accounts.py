"""A broker that asks who one is, and lets each account do only what it may: real Apache Kafka with SASL and ACLs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from typing import Any

import pytest

from deploy.servers.kafka import Kafka, new_kafka
from deploy.servers.processes import free_ports
from services.bus.database import Database
from services.bus.retries import BrokerAway
from services.bus.settings import Settings
from services.bus.topics import admin, create_topics
from services.cli import checks_of_carriers
from services.cli.all_topics import ALL_TOPICS
from tests.bus import harness
from tests.bus.harness import handled, many, reader_of, say, until
from tests.connected.carriers import has_handled, reading, relaying

pytestmark = pytest.mark.connected

ACCOUNTS = """
sasl.enabled.mechanisms=PLAIN
listener.name.guarded.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \\
  user_owner="invented-1" user_stranger="invented-2";
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:owner
"""
"""`owner` may do everything, `stranger` nothing. The plain listener is the test's own way in."""


@pytest.fixture(scope="module")
def guarded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """`host:port` at which the broker asks for an account."""
    node = new_kafka(tmp_path_factory.mktemp("guarded"))
    (port,) = free_ports(1)
    _guard(node, port)
    node.start()
    yield f"127.0.0.1:{port}"
    node.kill()


def _guard(node: Kafka, port: int) -> None:
    path = node.home / "server.properties"
    text = path.read_text()
    for listeners in ("listeners=CLIENTS://", "advertised.listeners=CLIENTS://"):
        text = text.replace(f"\n{listeners}", f"\n{listeners.partition('=')[0]}=GUARDED://127.0.0.1:{port},CLIENTS://")
    text = text.replace("CLIENTS:PLAINTEXT,", "CLIENTS:PLAINTEXT,GUARDED:SASL_PLAINTEXT,")
    path.write_text(text + ACCOUNTS)


def signed_in(guarded: str, user: str, password: str, **given: Any) -> Settings:
    account = {"kafka_user": user, "kafka_password": password, "kafka_mechanism": "PLAIN"}
    return harness.settings(kafka=guarded, kafka_protocol="SASL_PLAINTEXT", **account, **given)


@pytest.fixture
async def heard(database_url: str) -> AsyncIterator[Database]:
    database = await harness.postgres_database(database_url, "matcher")
    yield database
    await database.close()


@pytest.fixture
async def writer(database_url: str) -> AsyncIterator[Database]:
    database = await harness.postgres_database(database_url, "ingest")
    yield database
    await database.close()


async def test_events_go_their_way_with_an_account_that_may(
    guarded: str, topic_prefix: str, writer: Database, heard: Database
) -> None:
    settings = signed_in(guarded, "owner", "invented-1", kafka_prefix=topic_prefix)
    with admin(settings) as client:
        create_topics(client, settings, partitions=2, replicas=1)
    async with relaying(settings, writer), reading(settings, reader_of(heard)):
        await say(writer, *many(20))
        await until(lambda: has_handled(heard, 20))
    assert len(await heard.read(handled)) == 20


def test_a_wrong_password_is_away_and_says_so(guarded: str) -> None:
    with pytest.raises(BrokerAway), admin(signed_in(guarded, "owner", "wrong")):
        pass


async def test_doctor_tells_a_wrong_password_and_missing_rights_with_their_remedies(
    guarded: str, topic_prefix: str, database_url: str
) -> None:
    given = {"kafka_prefix": topic_prefix, "database": database_url}
    owner = signed_in(guarded, "owner", "invented-1", **given)
    with admin(owner) as client:
        create_topics(client, owner, partitions=2, replicas=1, retention_days=ALL_TOPICS)
    (refused,) = await checks_of_carriers.broker(signed_in(guarded, "owner", "wrong", **given))
    assert refused.remedy is not None and "BERCEAU_KAFKA_PASSWORD" in refused.remedy
    of_owner = {check.name: check for check in await checks_of_carriers.broker(owner)}
    assert "ce compte suffit" in of_owner["droits"].detail
    of_stranger = await checks_of_carriers.broker(signed_in(guarded, "stranger", "invented-2", **given))
    hidden = [check for check in of_stranger if check.name.startswith("sujet ")]
    assert len(hidden) == len(ALL_TOPICS)
    assert all(check.state == "failed" and "kafka-acls" in check.remedy for check in hidden)


def test_who_is_to_sign_in_without_a_password_is_told_at_once(guarded: str) -> None:
    with pytest.raises(ValueError, match="BERCEAU_KAFKA_PASSWORD"):
        signed_in(guarded, "owner", "")

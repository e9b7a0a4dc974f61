"""A broker that asks who one is, and lets each account do only what it may: real Apache Kafka with SASL and ACLs."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from kafka.admin import UserScramCredentialUpsertion

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
from tests.connected.certificates import write_certificate

pytestmark = pytest.mark.connected

ACCOUNTS = """
listener.name.guarded.sasl.enabled.mechanisms=PLAIN
listener.name.guarded.plain.sasl.jaas.config=org.apache.kafka.common.security.plain.PlainLoginModule required \\
  user_owner="invented-1" user_stranger="invented-2";
listener.name.sealed.sasl.enabled.mechanisms=SCRAM-SHA-512,SCRAM-SHA-256
listener.name.sealed.scram-sha-512.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sealed.scram-sha-256.sasl.jaas.config=org.apache.kafka.common.security.scram.ScramLoginModule required;
listener.name.sealed.ssl.keystore.type=PEM
listener.name.sealed.ssl.keystore.location={keystore}
authorizer.class.name=org.apache.kafka.metadata.authorizer.StandardAuthorizer
super.users=User:ANONYMOUS;User:owner
"""
"""`owner` may do everything, `stranger` nothing. The plain listener is the test's own way in."""


@dataclass(frozen=True)
class Doors:
    """`host:port` at which the broker asks for an account: in clear, and behind TLS with a certificate of `ca`."""

    guarded: str
    sealed: str
    ca: Path


@pytest.fixture(scope="module")
def guarded(doors: Doors) -> str:
    return doors.guarded


@pytest.fixture(scope="module")
def doors(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Doors]:
    node = new_kafka(tmp_path_factory.mktemp("guarded"))
    guarded, sealed = free_ports(2)
    keystore, ca = write_certificate(node.home)
    _guard(node, guarded, sealed, keystore)
    node.start()
    _give_passwords(node)
    yield Doors(f"127.0.0.1:{guarded}", f"127.0.0.1:{sealed}", ca)
    node.kill()


def _guard(node: Kafka, guarded: int, sealed: int, keystore: Path) -> None:
    path = node.home / "server.properties"
    text = path.read_text()
    doors = f"GUARDED://127.0.0.1:{guarded},SEALED://127.0.0.1:{sealed},"
    for listeners in ("listeners=", "advertised.listeners="):
        text = text.replace(f"\n{listeners}CLIENTS://", f"\n{listeners}{doors}CLIENTS://")
    text = text.replace("CLIENTS:PLAINTEXT,", "CLIENTS:PLAINTEXT,GUARDED:SASL_PLAINTEXT,SEALED:SASL_SSL,")
    path.write_text(text + ACCOUNTS.replace("{keystore}", str(keystore)))


def _give_passwords(node: Kafka) -> None:
    """SCRAM's passwords live in the cluster: `owner` has one of each kind."""
    with admin(harness.settings(kafka=node.bootstrap)) as client:
        for mechanism in ("SCRAM-SHA-256", "SCRAM-SHA-512"):
            told = client.alter_user_scram_credentials([UserScramCredentialUpsertion("owner", mechanism, "invented-3")])
            assert told == {"owner": None}


def sealed_for(doors: Doors, mechanism: str, **given: Any) -> Settings:
    account = {"kafka_user": "owner", "kafka_password": "invented-3", "kafka_mechanism": mechanism}
    return harness.settings(
        **{"kafka": doors.sealed, "kafka_protocol": "SASL_SSL", "kafka_ca": doors.ca, **account, **given}
    )


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


@pytest.mark.parametrize("mechanism", ["SCRAM-SHA-512", "SCRAM-SHA-256"])
async def test_events_go_their_way_behind_tls_with_a_password_that_never_travels(
    doors: Doors, mechanism: str, topic_prefix: str, writer: Database, heard: Database
) -> None:
    settings = sealed_for(doors, mechanism, kafka_prefix=topic_prefix)
    with admin(settings) as client:
        create_topics(client, settings, partitions=2, replicas=1)
    async with relaying(settings, writer), reading(settings, reader_of(heard)):
        await say(writer, *many(20))
        await until(lambda: has_handled(heard, 20))
    assert len(await heard.read(handled)) == 20


@pytest.mark.parametrize("wrong", [{"kafka_password": "wrong"}, {"kafka_ca": None}], ids=str)
def test_a_wrong_password_or_a_certificate_of_a_stranger_opens_nothing(doors: Doors, wrong: dict[str, Any]) -> None:
    """The twin: the same account with one thing taken away."""
    with pytest.raises(BrokerAway), admin(sealed_for(doors, "SCRAM-SHA-512", **wrong)):
        pass


@pytest.mark.parametrize(
    ("wrong", "remedy"),
    [({"kafka_password": "wrong"}, "BERCEAU_KAFKA_PASSWORD"), ({"kafka_ca": None}, "BERCEAU_KAFKA_CA")],
)
async def test_doctor_tells_a_wrong_password_from_a_certificate_of_a_stranger(
    doors: Doors, database_url: str, wrong: dict[str, Any], remedy: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("services.bus.topics.BOOTSTRAP_TIMEOUT_MS", 500)  # neither ever opens
    (check,) = await checks_of_carriers.broker(sealed_for(doors, "SCRAM-SHA-512", database=database_url, **wrong))
    assert check.state == "failed" and remedy in check.remedy
    assert ("son certificat est refusé" in check.detail) == ("kafka_ca" in wrong)

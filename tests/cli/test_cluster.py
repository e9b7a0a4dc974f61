"""The commands of an administrator on the real broker and database."""

from __future__ import annotations

import asyncio

import pytest
from kafka import KafkaProducer

from services.bus import outbox
from services.bus import topics as bus_topics
from services.ingest.partners import GROUP, KEY_HEADER, REJECTS, TOPIC, TOPICS, reject_of
from services.ingest.problems import Problem, Refused
from tests.bus import harness
from tests.cli.command import Command

SMALL = ("--partitions", "2", "--replicas", "1")


@pytest.fixture
def cluster(
    berceau: Command, kafka_bootstrap: str, topic_prefix: str, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> Command:
    monkeypatch.setenv("BERCEAU_KAFKA", kafka_bootstrap)
    monkeypatch.setenv("BERCEAU_KAFKA_PREFIX", topic_prefix)
    monkeypatch.setenv("BERCEAU_DATABASE", database_url)
    return berceau


def test_topics_are_missing_then_made_then_there(cluster: Command, topic_prefix: str) -> None:
    before = cluster("topics", "--json")
    assert (before.code, {topic["partitions"] for topic in before.json["topics"]}) == (1, {0})
    made = cluster("topics", "--create", *SMALL, "--json")
    names = {f"{topic_prefix}{name}" for name in ("declarations", "decisions", "messages", *TOPICS)}
    assert (made.code, set(made.json["created"])) == (0, names)
    again = cluster("topics", "--create", *SMALL, "--json")
    assert (again.code, again.json["created"]) == (0, [])
    assert "2\u00a0partitions" in cluster("topics").out


def test_lag_is_said_for_each_reader_of_each_topic(cluster: Command) -> None:
    cluster("topics", "--create", *SMALL)
    said = cluster("lag", "--json")
    assert (said.code, said.err) == (0, "")
    rows = said.json
    assert {row["behind"] for row in rows} == {0}
    assert len({(row["group"], row["topic"]) for row in rows}) == 7
    assert any(row["group"].endswith("ingest.partners") and row["topic"].endswith("partners") for row in rows)
    assert "à jour" in cluster("lag").out


def say_to(bootstrap: str, topic: str, *bodies: bytes) -> None:
    producer = KafkaProducer(bootstrap_servers=bootstrap, acks="all")
    for body in bodies:
        producer.send(topic, body)
    producer.flush()
    producer.close()


def test_a_partner_that_is_not_heard_shows_in_the_lag(
    cluster: Command, kafka_bootstrap: str, topic_prefix: str
) -> None:
    cluster("topics", "--create", *SMALL)
    say_to(kafka_bootstrap, f"{topic_prefix}{TOPIC}", b"{}", b"{}")
    rows = cluster("lag", "--json").json
    assert sum(row["behind"] for row in rows if row["group"].endswith(GROUP)) == 2
    assert "2\u00a0événements à lire" in cluster("lag").out


def test_the_rejects_of_partners_are_listed_each_once_with_their_reasons(
    cluster: Command, kafka_bootstrap: str, topic_prefix: str
) -> None:
    cluster("topics", "--create", *SMALL)
    assert (cluster("partner-rejects").code, cluster("partner-rejects", "--json").json) == (0, [])
    refused = Refused([Problem("data.places", "greater_than", "Il y a une place au moins.", "Corrigez le nombre.")])
    first = reject_of(refused, "partners/0/1", {KEY_HEADER: "K-1"}, b'{"id": "a"}')
    other = reject_of(refused, "partners/1/0", {}, b"not json")
    say_to(kafka_bootstrap, f"{topic_prefix}{REJECTS}", first, first, other)
    said = cluster("partner-rejects")
    assert said.code == 1
    assert said.out.count("data.places\u00a0: Il y a une place au moins. Corrigez le nombre.") == 2
    assert "partners/0/1, K-1" in said.out and "partners/1/0, sans clé" in said.out
    (row,) = cluster("partner-rejects", "--key", "K-1", "--json").json
    assert (row["origin"], row["message"]) == ("partners/0/1", '{"id": "a"}')
    assert len(cluster("partner-rejects", "--last", 1, "--json").json) == 1


def test_the_doctor_looks_at_the_real_carriers(cluster: Command) -> None:
    found = {check["name"]: check for check in cluster("doctor", "--json").json}
    assert found["courtier"]["state"] == found["livraison"]["state"] == "ok"
    assert found["base ingest"]["state"] == "failed", "its tables are not there yet"
    topics = [check for name, check in found.items() if name.startswith("sujet ")]
    assert {check["state"] for check in topics} == {"failed"}
    cluster("topics", "--create", *SMALL)
    found = {check["name"]: check for check in cluster("doctor", "--json").json}
    topics = [check for name, check in found.items() if name.startswith("sujet ")]
    assert {check["state"] for check in topics} == {"warning"}, "one copy only"
    assert found["droits"]["state"] == "warning", "this broker controls nobody"


def test_the_doctor_sees_that_a_broker_was_emptied_until_it_is_filled_again(
    cluster: Command, database_url: str, kafka_bootstrap: str, topic_prefix: str
) -> None:
    """Topics made anew hold less than the log says that they were given."""
    cluster("topics", "--create", *SMALL)
    asyncio.run(publish(database_url, 3))
    say_to(kafka_bootstrap, f"{topic_prefix}declarations", b"{}")
    (check,) = emptied(cluster)
    assert "il a été vidé" in check["detail"] and "berceau publish-again" in check["remedy"]
    say_to(kafka_bootstrap, f"{topic_prefix}declarations", b"{}", b"{}")
    assert emptied(cluster) == []


def emptied(cluster: Command) -> list[dict[str, str]]:
    checks = cluster("doctor", "--json").json
    return [check for check in checks if check["name"].endswith("declarations") and check["state"] == "failed"]


async def publish(database_url: str, count: int) -> None:
    """So many events that a broker acknowledged, says the log."""
    ingest = await harness.postgres_database(database_url, "ingest")
    await harness.say(ingest, *harness.many(count))
    await ingest.write(outbox.mark_published, list(range(1, count + 1)), harness.NOW)
    await ingest.close()


def test_a_broker_that_is_away_has_the_exit_code_of_what_is_away(
    cluster: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BERCEAU_KAFKA", "127.0.0.1:9")
    monkeypatch.setattr(bus_topics, "BOOTSTRAP_TIMEOUT_MS", 300)
    assert cluster("lag").code == 4
    assert cluster("partner-rejects").code == 4
    assert cluster("topics", "--json").error["exit_code"] == 4


def test_without_a_broker_there_are_no_partners(berceau: Command) -> None:
    assert berceau("partner-rejects", "--json").error["exit_code"] == 3

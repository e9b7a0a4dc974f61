"""The commands of an administrator on the real broker and database."""

from __future__ import annotations

import pytest

from services.ingest.partners import TOPICS
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
    assert len({(row["group"], row["topic"]) for row in rows}) == 6
    assert "à jour" in cluster("lag").out


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


def test_a_broker_that_is_away_has_the_exit_code_of_what_is_away(
    cluster: Command, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BERCEAU_KAFKA", "127.0.0.1:9")
    assert cluster("lag").code == 4
    assert cluster("topics", "--json").error["exit_code"] == 4

"""The broker's topics are made from the table, once, and described as they are."""

from __future__ import annotations

import pytest

from contracts.topics import TOPICS
from services.bus.retries import BrokerAway
from services.bus.settings import Settings
from services.bus.topics import admin, create_topics, describe_topics, lags
from services.cli import installation
from services.cli.failures import CommandFailed
from services.cli.topics import _topics
from tests.bus import harness


def test_topics_are_made_from_the_table_with_their_retention_and_only_once(
    kafka_bootstrap: str, topic_prefix: str
) -> None:
    settings = harness.settings(kafka=kafka_bootstrap, kafka_prefix=topic_prefix)
    with admin(settings) as client:
        assert {topic.partitions for topic in describe_topics(client, settings)} == {0}
        assert lags(client, settings) == []
        made = create_topics(client, settings, partitions=6, replicas=1)
        assert made == sorted(topic_prefix + topic.name for topic in TOPICS)
        assert create_topics(client, settings, partitions=12, replicas=1) == []
        found = {topic.name: topic for topic in describe_topics(client, settings)}
    for topic in TOPICS:
        state = found[topic_prefix + topic.name]
        assert (state.partitions, state.replicas, state.min_insync_replicas) == (6, 1, 1)
        assert state.retention_days == topic.retention_days


def test_fewer_brokers_than_copies_are_named_with_what_to_do_and_nothing_is_made(
    kafka_bootstrap: str, topic_prefix: str
) -> None:
    """The first command of an installation on one broker: it was told that the broker does not answer."""
    settings = harness.settings(kafka=kafka_bootstrap, kafka_prefix=topic_prefix)
    with pytest.raises(CommandFailed, match="moins de courtiers que de copies") as refused:
        installation.call(_topics, settings, True, 6, 3)
    assert "--replicas 1" in refused.value.remedy
    with admin(settings) as client:
        assert {topic.partitions for topic in describe_topics(client, settings)} == {0}


def test_every_reader_of_the_table_has_a_lag_for_each_partition(settings: Settings) -> None:
    with admin(settings) as client:
        found = lags(client, settings)
    pairs = sum(len(topic.readers) for topic in TOPICS)
    assert len(found) == pairs * 6
    assert {(lag.done, lag.end, lag.behind) for lag in found} == {(None, 0, 0)}


def test_a_broker_that_is_not_there_is_said_to_be_away() -> None:
    with pytest.raises(BrokerAway), admin(harness.settings(kafka="127.0.0.1:9")):
        pass

"""The events alone give the state that the services have; where they do not, the difference is named."""

from __future__ import annotations

import asyncio
import shutil
import sqlite3
from datetime import UTC, datetime
from pathlib import Path

import pytest

from contracts.tasks import TaskOpened
from contracts.vocabulary import TaskKind
from services.bus import outbox
from services.bus.settings import from_environment
from services.bus.wiring import database_at
from services.cli.replay_states import differences, digest
from tests.cli.command import Command, Said
from tests.cli.conftest import KEYS
from tests.cli.lived import TERRITORY, live


@pytest.fixture(scope="module")
def town(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder of data in which people asked, were offered places, answered, and were forgotten by some messages."""
    folder = tmp_path_factory.mktemp("lived")
    asyncio.run(live(from_environment({"BERCEAU_DATA": str(folder), **KEYS})))
    return folder


@pytest.fixture
def replay(berceau: Command, environment: dict[str, str], town: Path) -> Command:
    shutil.copytree(town, environment["BERCEAU_DATA"])
    return berceau


def change(environment: dict[str, str], service: str, statement: str) -> None:
    with sqlite3.connect(Path(environment["BERCEAU_DATA"]) / f"{service}.sqlite") as database:
        assert database.execute(statement).rowcount > 0
    database.close()


def services(said: Said) -> dict[str, dict[str, object]]:
    return {one["service"]: one for one in said.json["services"]}


def test_the_events_alone_give_the_state_that_the_services_have(replay: Command) -> None:
    said = replay("replay", "--check", "--json")
    assert said.json["territory"] == TERRITORY and said.json["events"] > 50
    assert {name: (one["differences"], one["equal"]) for name, one in services(said).items()} == {
        "ingest": ([], True),
        "matcher": ([], True),
    }
    assert said.code == 0
    assert "même état" in replay("replay", "--check").out


@pytest.mark.parametrize(
    ("service", "statement", "named"),
    [
        ("ingest", "UPDATE proposals SET code = '0000'", "proposals"),
        ("ingest", "UPDATE requests SET state = 'closed' WHERE state = 'open'", "requests"),
        ("ingest", "DELETE FROM proposal_history", "proposal_history"),
        ("matcher", "UPDATE proposals SET state = 'expired'", "proposals"),
        ("matcher", "UPDATE rounds SET outcome_hash = 'x'", "rounds"),
        ("matcher", "UPDATE holds SET slots = '[]' WHERE hold = (SELECT min(hold) FROM holds)", "holds"),
        ("matcher", "UPDATE holds SET proposal = 'another' WHERE hold = (SELECT max(hold) FROM holds)", "holds"),
        ("matcher", "DELETE FROM holds WHERE hold = (SELECT min(hold) FROM holds)", "holds"),
        ("matcher", "UPDATE vacancies SET places = places + 1 WHERE places > 0", "vacancies"),
        ("matcher", "UPDATE timers SET due_at = '2031-01-01 00:00:00.000000' WHERE kind = 'expiry'", "timers"),
        ("matcher", "UPDATE timers SET due_at = '2020-01-01 00:00:00.000000' WHERE kind = 'lapse'", "timers"),
        ("matcher", "DELETE FROM timers WHERE kind IN ('receipt', 'confirmation', 'undo')", "timers"),
        ("matcher", "UPDATE timers SET about = about || '-' WHERE kind = 'expiry'", "timers"),
    ],
)
def test_a_row_that_no_event_explains_is_named(
    replay: Command, environment: dict[str, str], service: str, statement: str, named: str
) -> None:
    """The twin: what the events say and what the service has are made to differ."""
    change(environment, service, statement)
    said = replay("replay", "--check", "--json")
    found = services(said)
    other = {"ingest": "matcher", "matcher": "ingest"}[service]
    assert said.code == 1
    assert {difference["table"] for difference in found[service]["differences"]} == {named}  # type: ignore[attr-defined]
    assert (found[service]["equal"], found[other]["equal"]) == (False, True)


def test_an_event_that_a_running_service_has_not_heard_yet_is_no_difference(replay: Command) -> None:
    task = TaskOpened.say(
        "T-new", cause="1", source="matcher", territory=TERRITORY, time=datetime(2026, 12, 1, tzinfo=UTC),
        kind=TaskKind.SHORTFALL,
    )  # fmt: skip

    async def say() -> None:
        matcher = database_at(from_environment(), "matcher")
        await matcher.write(outbox.record, task)
        await matcher.close()

    asyncio.run(say())
    found = services(replay("replay", "--check", "--json"))
    assert found["ingest"]["equal"], "ingest has not heard of it"
    assert not found["matcher"]["equal"], "the matcher said it without doing it"


def test_a_log_that_was_shortened_is_said(replay: Command, environment: dict[str, str]) -> None:
    change(environment, "ingest", "DELETE FROM outbox WHERE position = 1")
    said = replay("replay", "--check").out
    assert "Le journal commence le" in said
    assert "guichet\u00a0: 1\u00a0différence" in said and "aucun événement ne le dit" in said


def test_replaying_without_saying_what_for_is_refused(replay: Command) -> None:
    assert replay("replay").code == 2


def test_a_hash_does_not_depend_on_the_order_of_rows_and_changes_with_any_of_them() -> None:
    one, other = {"a": {"1": {"x": 1}, "2": {"x": 2}}}, {"a": {"2": {"x": 2}, "1": {"x": 1}}}
    assert digest(one) == digest(other)
    assert digest(one) != digest({"a": {"1": {"x": 1}, "2": {"x": 3}}})
    assert [d.column for d in differences(one, {"a": {"1": {"x": 1}, "2": {"x": 3}}})] == ["x"]

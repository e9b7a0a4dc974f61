"""The keys of `Idempotency-Key`, row by row: what is claimed, kept, given up and forgotten."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
import sqlalchemy as sa

from services.bus.database import sqlite_engine
from services.ingest import idempotency
from services.ingest.idempotency import ABANDONED, KEPT_FOR, Answered, Claim
from services.ingest.problems import Problem, Refused

NOW = datetime(2026, 11, 30, 9, tzinfo=UTC)
SOON = NOW + timedelta(seconds=1)
CLAIM = Claim("P-directrice", "one", "POST /vacancies", "hash")
OTHER = replace(CLAIM, key="two")


@pytest.fixture
def tx() -> Iterator[sa.Connection]:
    engine = sqlite_engine(durability="OFF")
    with engine.begin() as connection:
        idempotency.keys.create(connection)
        yield connection


def refused(tx: sa.Connection, claim: Claim, now: datetime) -> Problem:
    with pytest.raises(Refused) as caught:
        idempotency.reserve(tx, claim, now)
    (problem,) = caught.value.problems
    return problem


def test_who_comes_too_early_or_with_another_body_reads_what_to_do(tx: sa.Connection) -> None:
    idempotency.reserve(tx, CLAIM, NOW)
    early = refused(tx, CLAIM, SOON)
    assert (early.field, early.code) == ("Idempotency-Key", "key_in_flight")
    assert early.rule == "Le premier envoi de cette clé est en cours."
    assert early.remedy == "Attendez une seconde, puis envoyez de nouveau."
    reused = refused(tx, replace(CLAIM, body_hash="another"), SOON)
    assert (reused.field, reused.code) == ("Idempotency-Key", "key_reused")
    assert (reused.rule, reused.remedy) == (
        "Une clé d'idempotence sert pour un seul envoi.", "Prenez une nouvelle clé.",
    )  # fmt: skip


def test_a_try_is_given_up_at_the_minute_and_its_key_kept_to_the_end_of_the_day(tx: sa.Connection) -> None:
    cause = idempotency.reserve(tx, CLAIM, NOW)
    assert refused(tx, CLAIM, NOW + ABANDONED - timedelta(seconds=1)).code == "key_in_flight"
    assert idempotency.reserve(tx, CLAIM, NOW + ABANDONED) == cause, "the same ids as the first try"
    idempotency.finish(tx, CLAIM, 202, "done")
    assert idempotency.reserve(tx, CLAIM, NOW + KEPT_FOR) == Answered(202, "done")
    assert idempotency.reserve(tx, CLAIM, NOW + KEPT_FOR + timedelta(seconds=1)) != cause


def test_a_refusal_is_kept_and_no_other_key_answers_for_it(tx: sa.Connection) -> None:
    for claim in (OTHER, CLAIM):
        idempotency.reserve(tx, claim, NOW)
    idempotency.finish(tx, OTHER, 202, "done")
    assert idempotency.refuse(tx, CLAIM, 409, "there already") == Answered(409, "there already")
    assert idempotency.reserve(tx, CLAIM, SOON) == Answered(409, "there already")
    assert idempotency.refuse(tx, OTHER, 409, "there already") == Answered(202, "done")


def test_a_key_whose_act_decided_nothing_may_be_tried_at_once_and_no_answer_is_lost(tx: sa.Connection) -> None:
    for claim in (CLAIM, OTHER, replace(CLAIM, key="three")):
        idempotency.reserve(tx, claim, NOW)
    idempotency.finish(tx, OTHER, 202, "done")
    for claim in (CLAIM, OTHER):
        idempotency.release(tx, claim)
    assert isinstance(idempotency.reserve(tx, CLAIM, SOON), str)
    assert idempotency.reserve(tx, OTHER, SOON) == Answered(202, "done")
    assert refused(tx, replace(CLAIM, key="three"), SOON).code == "key_in_flight"


def test_a_key_is_forgotten_behind_its_day_and_not_before(tx: sa.Connection) -> None:
    idempotency.reserve(tx, CLAIM, NOW)
    idempotency.reserve(tx, OTHER, NOW + timedelta(hours=1))
    assert idempotency.forget(tx, NOW + KEPT_FOR) == 0
    assert idempotency.forget(tx, NOW + KEPT_FOR + timedelta(seconds=1)) == 1
    assert idempotency.reserve(tx, OTHER, NOW + KEPT_FOR).startswith("two/")  # type: ignore[union-attr]

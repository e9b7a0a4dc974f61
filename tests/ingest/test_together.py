"""Places that many programs post at one moment: one transaction, and each is answered as if it were alone."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.vacancies import VacancyOpened
from services.bus.pulse import DatabaseSilent
from services.bus.retries import Failure, failure_of
from services.bus.tables import audit
from services.ingest import credentials, idempotency
from services.ingest.actors import Actor
from services.ingest.api import places
from services.ingest.declare.vacancies import Post, open_vacancies
from services.ingest.turns import PATIENCE_ALONE_MS, PATIENCE_MS, TooManyWait, Turns
from tests.ingest.doors import Doors
from tests.ingest.people import DIRECTOR, later, vacancy_body
from tests.ingest.test_on_postgresql import cluster  # noqa: F401 - the same doors on PostgreSQL

VACANCY = vacancy_body().model_dump(mode="json")
TOO_MANY = {**VACANCY, "places": 15}
ONE_PLACE = {**VACANCY, "places": 1}


@pytest.fixture
def groups(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """How many places each transaction was given."""
    given: list[int] = []

    def counted(tx: sa.Connection, posts: Sequence[Post]) -> Any:
        given.append(len(posts))
        return open_vacancies(tx, posts)

    monkeypatch.setattr(places, "open_vacancies", counted)
    return given


async def posted(doors: Doors, *sent: tuple[str, Any, str | None]) -> list[Any]:
    """All at once: by whom, what, under which key."""
    posts = [doors.post("/vacancies", who, body, key) for who, body, key in sent]
    return await asyncio.gather(*posts, return_exceptions=True)


def told(answer: Any) -> tuple[int, str]:
    body = answer.json()
    return answer.status_code, body["errors"][0]["code"] if answer.status_code >= 400 else body["id"]


async def test_places_posted_at_one_moment_share_a_transaction_and_keep_their_own_answers(
    doors: Doors, groups: list[int]
) -> None:
    answers = await posted(doors, *[("director", VACANCY, f"k-{n}") for n in range(12)], ("director", VACANCY, None))
    assert {answer.status_code for answer in answers} == {202}
    made = [answer.json()["id"] for answer in answers]
    assert sorted(made) == sorted(event.subject for event in await doors.said(VacancyOpened))
    assert sum(groups) == 13
    assert len(groups) < 13
    noted = await doors.write(
        lambda tx: tx.scalars(sa.select(audit.c.about).where(audit.c.did == "vacancy.opened")).all()
    )
    assert sorted(noted) == sorted(made), "each act has its own row of the audit trail"


async def test_each_is_refused_for_itself_and_its_answer_kept(doors: Doors) -> None:
    sent = [
        ("director", VACANCY, "good"), ("director", TOO_MANY, "many"), ("other_director", VACANCY, "not theirs"),
        ("stranger", VACANCY, "elsewhere"), ("counsellor", VACANCY, "no right"), ("director", ONE_PLACE, "other"),
    ]  # fmt: skip
    sent = [(who, body, key.replace(" ", "-")) for who, body, key in sent]
    first = [told(answer) for answer in await posted(doors, *sent)]
    assert [status for status, _ in first] == [202, 422, 403, 404, 403, 202]
    assert first[1][1] == "more_than_section"
    assert [told(answer) for answer in await posted(doors, *sent)] == first, "refusals too are kept with their key"
    assert len(await doors.said(VacancyOpened)) == 2


async def test_one_key_beside_itself_counts_once_and_with_another_body_is_refused(doors: Doors) -> None:
    sent = [("director", VACANCY, "one")] * 5 + [("director", ONE_PLACE, "one"), ("coordinator", VACANCY, "one")]
    for _ in range(2):
        found = [told(answer) for answer in await posted(doors, *sent)]
        assert len(set(found[:5])) == 1
        assert [found[0][0], found[5], found[6][0]] == [202, (422, "key_reused"), 202]
    assert len(await doors.said(VacancyOpened)) == 2, "one of each program"


async def test_twenty_processes_worth_of_keys_cross_each_other_on_postgresql(cluster: Doors) -> None:  # noqa: F811
    keys = [f"k-{n}" for n in range(10)]
    for order in (keys, keys[::-1]):
        answers = await posted(cluster, *[("director", VACANCY, key) for key in order * 2])
        assert {answer.status_code for answer in answers} == {202}
    assert len(await cluster.said(VacancyOpened)) == 10


async def _revoked_in_another_process(doors: Doors) -> None:
    assert (await doors.post("/vacancies", "director", VACANCY)).status_code == 202
    await doors.write(
        lambda tx: tx.execute(
            sa.update(credentials.api_keys)
            .where(credentials.api_keys.c.id == DIRECTOR.id)
            .values(revoked_at=later(seconds=1))
        )
    )


async def test_a_key_revoked_in_another_process_opens_nothing_here(doors: Doors) -> None:
    await _revoked_in_another_process(doors)
    answers = await posted(doors, ("director", VACANCY, "one"), ("coordinator", VACANCY, "two"))
    assert [answer.status_code for answer in answers] == [401, 202]
    assert (await doors.post("/vacancies", "director", VACANCY)).status_code == 401
    assert [event.said_by for event in await doors.said(VacancyOpened)][1:] == ["P-coordinatrice"]


async def test_without_the_second_look_a_revoked_key_would_still_open(
    doors: Doors, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: what is remembered of a key is not enough."""
    await _revoked_in_another_process(doors)
    believed: dict[str, Actor] = {mark: actor for mark, (actor, _) in doors.guichet.programs.items()}
    monkeypatch.setattr(credentials, "programs_of_keys", lambda _tx, _marks: believed)
    assert (await doors.post("/vacancies", "director", VACANCY)).status_code == 202


async def test_the_use_of_a_key_is_noted_every_hour_all_the_same(doors: Doors) -> None:
    for hours in (0, 2):
        doors.clock.set(later(hours=hours))
        await doors.post("/vacancies", "director", VACANCY)
        used = await doors.write(
            lambda tx: tx.scalar(
                sa.select(credentials.api_keys.c.last_used_at).where(credentials.api_keys.c.id == DIRECTOR.id)
            )
        )
        assert used == later(hours=hours)


async def test_the_fault_of_one_is_not_the_others(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    def faulty(tx: sa.Connection, posts: Sequence[Post]) -> Any:
        opened = open_vacancies(tx, posts)
        return 1 / 0 if any(post.body.places == 1 for post in posts) else opened

    monkeypatch.setattr(places, "open_vacancies", faulty)
    sent = [("director", VACANCY, f"k-{n}") for n in range(6)]
    sent.insert(3, ("director", ONE_PLACE, "faulty"))
    answers = await posted(doors, *sent)
    assert isinstance(answers.pop(3), ZeroDivisionError)
    assert {answer.status_code for answer in answers} == {202}
    assert len(await doors.said(VacancyOpened)) == 6


async def test_where_the_database_is_away_nothing_is_tried_twice(
    doors: Doors, groups: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    """Whether it was committed is not known: a place without a key would be posted twice."""
    tried = 0
    write = type(doors.guichet.database).write

    async def committed_and_lost(self: Any, *args: Any) -> Any:
        nonlocal tried
        tried += 1
        await write(self, *args)
        raise ConnectionError

    monkeypatch.setattr(type(doors.guichet.database), "write", committed_and_lost)
    doors.guichet.programs.update({
        credentials.fingerprint(doors.keys["director"]): (DIRECTOR, doors.clock()),
    })  # fmt: skip
    answers = await posted(doors, *[("director", VACANCY, None)] * 5)
    monkeypatch.undo()
    assert all(isinstance(answer, ConnectionError) for answer in answers)
    assert len(await doors.said(VacancyOpened)) == sum(groups)
    assert tried == len(groups)


@dataclass
class Hangs:
    """A server that answers nobody, which is found out after a while. `fails` are its first transactions."""

    fails: Sequence[Callable[[], Exception]]
    given: list[list[int]] = field(default_factory=list)
    patience: list[int] = field(default_factory=list)

    async def write(self, do: Any, asked: list[int], patience_ms: int) -> list[int]:
        self.given.append(asked)
        self.patience.append(patience_ms)
        await asyncio.sleep(0.001)
        if len(self.given) <= len(self.fails):
            raise self.fails[len(self.given) - 1]()
        answers: list[int] = do(None, asked, patience_ms)
        return answers


def _same(_tx: object, asked: list[int], _patience_ms: int) -> list[int]:
    return asked


@pytest.mark.parametrize(
    ("fails", "given"),
    [
        ([DatabaseSilent], [[*range(50)], [200]]),
        ([ZeroDivisionError, ZeroDivisionError, DatabaseSilent], [[*range(50)], [0], [1], [200]]),
    ],
)
async def test_who_waits_while_the_database_hangs_is_told_with_the_others(
    fails: Sequence[type[Exception]], given: list[list[int]]
) -> None:
    """Group after group would wait for it anew, and ever more of them."""
    turns, database = Turns(), Hangs(fails)
    asked: Any = [turns.take(database, _same, n) for n in range(200)]  # type: ignore[arg-type]
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(one) for one in found[1:]} == {DatabaseSilent}
    assert await turns.take(database, _same, 200) == 200  # type: ignore[arg-type]
    assert database.given == given


class TakenBack(Exception):
    """What PostgreSQL says of the one of two transactions that it ends so that the other may go on."""

    sqlstate = "40P01"


class LockHeld(Exception):
    """What it says of a lock that was waited for in vain."""

    sqlstate = "55P03"


def _locked() -> sa.exc.DBAPIError:
    return sa.exc.DBAPIError("INSERT", None, LockHeld())


def _deadlock() -> sa.exc.DBAPIError:
    return sa.exc.DBAPIError("INSERT", None, TakenBack())


async def test_a_group_that_a_deadlock_takes_back_is_done_again_one_by_one() -> None:
    """Nothing of it stays, and the database answers: nobody is told that it is away, least of all those behind."""
    turns, database = Turns(), Hangs([_deadlock, _deadlock])  # the first alone meets the same one again
    asked: Any = [turns.take(database, _same, n) for n in range(60)]  # type: ignore[arg-type]
    first, *found = await asyncio.gather(*asked, return_exceptions=True)
    assert isinstance(first, sa.exc.DBAPIError)
    assert found == list(range(1, 60))
    assert database.given == [[*range(50)], *([n] for n in range(50)), [*range(50, 60)]]


async def test_those_behind_one_lock_do_not_each_wait_as_long_as_their_group_did() -> None:
    """Fifty times two seconds, one after the other, and all who come meanwhile behind them."""
    turns, database = Turns(), Hangs([_locked] * 51)
    asked: Any = [turns.take(database, _same, n) for n in range(60)]  # type: ignore[arg-type]
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert {type(one) for one in found[:50]} == {sa.exc.DBAPIError}
    assert found[50:] == list(range(50, 60))
    assert database.patience == [PATIENCE_MS, *[PATIENCE_ALONE_MS] * 50, PATIENCE_MS]
    assert 50 * PATIENCE_ALONE_MS <= 5_000


async def test_behind_another_fault_each_waits_for_a_lock_as_long_as_its_group_would_have() -> None:
    """A tenth of a second was too short for those whose group had failed by somebody's own fault; once one has waited
    in vain, those behind it wait no more."""
    turns, database = Turns(), Hangs([ZeroDivisionError, ZeroDivisionError, _locked])
    asked: Any = [turns.take(database, _same, n) for n in range(50)]  # type: ignore[arg-type]
    await asyncio.gather(*asked, return_exceptions=True)
    assert database.patience == [*[PATIENCE_MS] * 3, *[PATIENCE_ALONE_MS] * 48]


async def test_who_comes_when_too_many_wait_is_told_at_once_to_come_back(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("services.ingest.turns.MOST_WAITING", 60)
    turns, database = Turns(), Hangs([])
    asked: Any = [turns.take(database, _same, n) for n in range(70)]  # type: ignore[arg-type]
    found = await asyncio.gather(*asked, return_exceptions=True)
    assert found[:60] == list(range(60))
    assert {(type(one), failure_of(one)) for one in found[60:]} == {(TooManyWait, Failure.AWAY)}
    assert await turns.take(database, _same, 70) == 70  # type: ignore[arg-type]


async def test_a_key_that_a_frozen_process_holds_keeps_only_its_own_program_waiting(
    cluster: Doors,  # noqa: F811
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr("services.ingest.turns.PATIENCE_MS", 200)
    sent = [("director", VACANCY, "held"), ("coordinator", VACANCY, "held"), ("director", ONE_PLACE, "free")]
    async with cluster.guichet.database.writes.begin() as frozen:
        row = {"actor": DIRECTOR.id, "key": "held", "route": "r", "body_hash": "b"}
        await frozen.execute(sa.insert(idempotency.keys), {**row, "claimed_at": later(), "tried_at": later()})
        answers = await asyncio.wait_for(posted(cluster, *sent), 30)
        await frozen.rollback()
    assert failure_of(answers[0]) is Failure.AWAY
    assert [answer.status_code for answer in answers[1:]] == [202, 202]
    assert [told(answer)[0] for answer in await posted(cluster, *sent)] == [202, 202, 202]
    assert len(await cluster.said(VacancyOpened)) == 3


async def test_a_program_that_hangs_up_leaves_the_others_their_answers(doors: Doors) -> None:
    leaving = asyncio.create_task(doors.post("/vacancies", "director", VACANCY, "gone"))
    staying = [asyncio.create_task(doors.post("/vacancies", "director", VACANCY, f"k-{n}")) for n in range(4)]
    await asyncio.sleep(0.01)
    leaving.cancel()
    assert {answer.status_code for answer in await asyncio.gather(*staying)} == {202}

"""Many messages in one request: each counts by itself, once, whichever door it came by before."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.vacancies import VacancyChanged, VacancyOpened, VacancyReconfirmed
from services.bus import inbox
from services.bus.tables import audit, outbox
from services.ingest import store
from services.ingest.actors import Actor, Role
from services.ingest.api.door import Door
from services.ingest.guichet import BATCHES_AT_ONCE
from services.ingest.partner_batches import MOST_MESSAGES, Became, take_many
from services.ingest.partners import REJECTED, REPEATED, TAKEN, take, vacancy_of
from tests.ingest import people
from tests.ingest.doors import Doors
from tests.ingest.partner_software import Software, free_tuesday, software
from tests.ingest.people import DIRECTOR, said
from tests.ingest.proposals import LINK_KEY
from tests.ingest.test_on_postgresql import cluster  # noqa: F401 - the same doors on PostgreSQL

TOO_MANY = 19
"""More places than the section has."""


def opens(id_: str, **changes: Any) -> dict[str, Any]:
    return {"id": id_, "kind": "vacancy.open", "sent_at": people.NOW.isoformat(), "data": free_tuesday(**changes)}


def about(id_: str, kind: str, opened_by: str, data: dict[str, Any] | None = None) -> dict[str, Any]:
    facts = {"id": id_, "kind": kind, "sent_at": people.NOW.isoformat(), "opened_by": opened_by}
    return {**facts, "data": data or {}}


def taken(tx: sa.Connection, *messages: dict[str, Any], actor: Actor = DIRECTOR) -> list[Became]:
    return take_many(tx, actor, messages, people.NOW)


def outcomes(found: list[Became]) -> list[str]:
    return [one.outcome for one in found]


def codes(one: Became) -> list[tuple[str, str]]:
    return [(problem.field, problem.code) for problem in one.refused.problems] if one.refused else []


def test_what_is_right_is_taken_and_what_is_wrong_is_told_each_in_its_place(town: sa.Connection) -> None:
    found = taken(
        town, opens("a"), opens("b", places=0), {"kind": "vacancy.open"}, opens("c", section="S-none"),
        {**opens("d"), "kind": "vacancy.shut"}, opens("e", places=TOO_MANY), opens("f"),
    )  # fmt: skip
    assert outcomes(found) == [TAKEN, *[REJECTED] * 5, TAKEN]
    assert [one.id for one in found] == ["a", "b", "", "c", "d", "e", "f"]
    assert codes(found[1]) == [("data.places", "greater_than_equal")]
    assert {("id", "missing"), ("sent_at", "missing")} <= set(codes(found[2]))
    assert [codes(found[n]) for n in (3, 4, 5)] == [
        [("data.section", "unknown")], [("kind", "unknown_kind")], [("data.places", "more_than_section")],
    ]  # fmt: skip
    assert [event.subject for event in said(town, VacancyOpened)] == [found[0].made, found[6].made]


def test_a_place_of_a_batch_is_kept_said_and_noted_as_one_that_is_sent_alone(town: sa.Connection) -> None:
    (one,) = taken(town, opens("a"))
    row = store.find(town, store.vacancies, one.made)
    assert row is not None
    assert (row["section"], row["places"], row["said_by"]) == (people.GRANDS, 2, DIRECTOR.id)
    noted = town.execute(sa.select(audit.c.who, audit.c.did).where(audit.c.about == one.made)).all()
    assert [tuple(entry) for entry in noted] == [(DIRECTOR.id, "vacancy.opened")]


def test_a_batch_that_is_sent_again_takes_effect_once(town: sa.Connection) -> None:
    first = taken(town, opens("a"), opens("b"))
    again = taken(town, opens("b"), opens("c"), opens("a"))
    assert outcomes(again) == [REPEATED, TAKEN, REPEATED]
    assert [again[2].made, again[0].made] == [one.made for one in first]
    assert len(said(town, VacancyOpened)) == 3


def test_without_the_inbox_a_batch_that_is_sent_again_would_say_its_places_again(
    town: sa.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: what holds a second effect back is the inbox, and behind it only the log's own unique ids."""
    taken(town, opens("a"))
    monkeypatch.setattr(inbox, "first_times", lambda _tx, ids, _now: sorted(ids))
    with pytest.raises(sa.exc.IntegrityError), town.begin_nested():
        taken(town, opens("a"))


def test_the_topic_and_a_batch_know_the_same_message_by_its_id(town: sa.Connection) -> None:
    theirs = software(town)
    headers, body = theirs.says("vacancy.open", free_tuesday(), id="m-1")
    assert take(town, LINK_KEY, headers, body, people.NOW) == TAKEN
    (again,) = taken(town, json.loads(body), actor=of(theirs))
    assert (again.outcome, again.made) == (REPEATED, vacancy_of(theirs.key, "m-1"))
    (other,) = taken(town, opens("m-1", places=1), actor=of(theirs))
    assert codes(other) == [("id", "id_reused")]
    assert len(said(town, VacancyOpened)) == 1


def of(theirs: Software) -> Actor:
    return Actor(theirs.key, Role.STRUCTURE, people.TERRITORY, structure=people.CRECHE)


def test_a_message_sees_what_one_before_it_did(town: sa.Connection) -> None:
    found = taken(
        town, opens("a"), about("b", "vacancy.change", "a", {"places": 1}), opens("c"),
        about("d", "vacancy.still_free", "c"), about("e", "vacancy.still_free", "nothing"),
    )  # fmt: skip
    assert outcomes(found) == [TAKEN] * 4 + [REJECTED]
    assert codes(found[4]) == [("vacancy", "unknown")]
    assert [type(event) for event in said(town)[-4:]] == [
        VacancyOpened, VacancyChanged, VacancyOpened, VacancyReconfirmed,
    ]  # fmt: skip


def test_a_refused_message_leaves_nothing_and_may_come_back_under_its_id(
    town: sa.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    taken(town, opens("a"))
    before = len(said(town))
    change = about("b", "vacancy.withdraw", "a", {"reason": "no_show"})
    assert outcomes(taken(town, change, opens("c", places=TOO_MANY))) == [REJECTED, REJECTED]
    assert len(said(town)) == before
    right = about("b", "vacancy.withdraw", "a", {"reason": "closure"})
    assert outcomes(taken(town, right, opens("c"))) == [TAKEN, TAKEN]
    monkeypatch.setattr(inbox, "forget", lambda *_: None)
    assert outcomes(taken(town, opens("d", places=TOO_MANY))) == [REJECTED]
    assert outcomes(taken(town, opens("d"))) == [REJECTED]  # the twin: its id would be lost


def test_one_id_twice_in_a_batch_counts_once(town: sa.Connection) -> None:
    found = taken(town, opens("a"), opens("a"), opens("a", places=1), opens("b", places=TOO_MANY), opens("b"))
    assert outcomes(found) == [TAKEN, REPEATED, REJECTED, REJECTED, REJECTED]
    assert (found[1].made, codes(found[2])) == (found[0].made, [("id", "id_reused")])
    assert outcomes(taken(town, opens("a"), opens("b"))) == [REPEATED, TAKEN]


async def test_over_http_each_result_is_what_the_message_alone_would_be_answered(doors: Doors) -> None:
    answer = await doors.post("/messages", "director", [opens("a"), opens("b", places=0)])
    body = answer.json()
    assert (answer.status_code, body["taken"], body["repeated"], body["rejected"]) == (202, 1, 0, 1)
    good, bad = body["results"]
    assert (good["status"], good["errors"], good["made"][:2]) == (202, [], "V-")
    assert (bad["status"], bad["made"], bad["errors"][0]["code"]) == (422, None, "greater_than_equal")


async def test_the_rights_of_a_program_hold_for_each_message(doors: Doors) -> None:
    body = (await doors.post("/messages", "other_director", [opens("a")])).json()
    assert [(one["status"], one["errors"][0]["code"]) for one in body["results"]] == [(403, "forbidden")]
    assert (await doors.post("/messages", None, [opens("a")])).status_code == 401


async def test_a_batch_has_a_size(doors: Doors) -> None:
    assert (await doors.post("/messages", "director", [])).status_code == 422
    many = [{"id": "x"}] * (MOST_MESSAGES + 1)
    assert (await doors.post("/messages", "director", many)).status_code == 422


@pytest.mark.parametrize("name", [r"\ud800", r"a\u0000b", "x" * 70_000, r"\u202e\ufeff"])
@pytest.mark.parametrize("key", [None, "one"])
async def test_a_name_that_is_none_takes_nobodys_answer_with_it(
    cluster: Doors,  # noqa: F811
    name: str,
    key: str | None,
) -> None:
    nameless = json.dumps({**opens("x"), "id": "NAME"}).replace("NAME", name)
    raw = f"[{json.dumps(opens('before'))}, {nameless}, {json.dumps(opens('after'))}]"
    headers = {"Authorization": f"Bearer {cluster.keys['director']}", "Content-Type": "application/json"}
    headers |= {"Idempotency-Key": key} if key else {}
    answer = await cluster.client.post("/api/v1/messages", headers=headers, content=raw)
    assert answer.status_code == 202, answer.text
    assert [one["outcome"] for one in answer.json()["results"]] == [TAKEN, REJECTED, TAKEN]
    assert answer.json()["results"][1]["errors"][0]["field"] == "id"


async def test_one_batch_sent_by_ten_at_once_takes_effect_once(cluster: Doors) -> None:  # noqa: F811
    batch = [opens(f"m-{n}") for n in range(20)]
    answers = await asyncio.gather(*[cluster.post("/messages", "director", batch[::step]) for step in (1, -1) * 5])
    counts = [answer.json() for answer in answers]
    assert (sum(one["taken"] for one in counts), sum(one["repeated"] for one in counts)) == (20, 180)
    assert {one["made"] for body in counts for one in body["results"]} == {
        event.subject for event in await cluster.said(VacancyOpened)
    }


async def test_two_batches_are_computed_at_once_and_no_more(doors: Doors, monkeypatch: pytest.MonkeyPatch) -> None:
    """Each takes the process for a tenth of a second and more: pages, and the database's pulse, come in between."""
    at_once, most, perform = 0, 0, Door.perform

    async def counted(self: Door, *args: Any) -> Any:
        nonlocal at_once, most
        at_once += 1
        most = max(most, at_once)
        answer = await perform(self, *args)
        at_once -= 1
        return answer

    monkeypatch.setattr(Door, "perform", counted)
    await asyncio.gather(*[doors.post("/messages", "director", [opens(f"m-{n}")]) for n in range(8)])
    assert most == BATCHES_AT_ONCE


async def test_a_batch_whose_commit_is_lost_leaves_nothing(cluster: Doors) -> None:  # noqa: F811
    """The process dies before the commit: no place, no event, no note; the same batch then takes effect."""

    def dies(tx: sa.Connection) -> None:
        taken(tx, opens("a"), opens("b"))
        raise ConnectionError

    before = await cluster.write(_events)
    with pytest.raises(ConnectionError):
        await cluster.write(dies)
    assert await cluster.write(_events) == before
    body = (await cluster.post("/messages", "director", [opens("a"), opens("b")])).json()
    assert (body["taken"], await cluster.write(_events)) == (2, before + 2)


def _events(tx: sa.Connection) -> int:
    return tx.scalar(sa.select(sa.func.count()).select_from(outbox)) or 0

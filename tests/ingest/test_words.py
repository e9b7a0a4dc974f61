"""What somebody writes in free text beside an act stays in ingest: no event carries it, and an erasure reaches it."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import pytest
import sqlalchemy as sa

from contracts.proposals import ProposalHeld
from contracts.tasks import TaskOpened
from contracts.vocabulary import ClosingReason, RefusalReason, TaskKind
from services.bus.tables import outbox
from services.cli.replay_states import shown
from services.ingest import store
from services.ingest.app import Tidying
from services.ingest.declare import campaigns, releases, tasks
from services.ingest.declare.confirmations import RefusalBody, refuse_admission
from services.ingest.declare.requests import ClosingBody, close_request
from services.ingest.inbound import inbound
from services.ingest.queries.campaigns import standing
from services.ingest.queries.proposals import proposal
from services.ingest.queries.requests import request
from services.ingest.queries.tasks import task, to_release
from services.ingest.words import ERASED, erase_words
from tests.ingest.doors import Doors
from tests.ingest.people import COMMITTEE, COORDINATOR, CRECHE, DIRECTOR, GRANDS, NOW, TERRITORY, TODAY, act, register
from tests.ingest.proposals import accepted, event, hear, made, released
from tests.ingest.test_declared_decisions import open_task
from tests.ingest.test_rights import _campaign

NAMED = "La mère d'Ada Exemple ne répond plus au 06 39 98 00 11."
SOON = TODAY + timedelta(days=5)


def _ready(tx: sa.Connection) -> None:
    """One of each thing that somebody may write beside."""
    for name in ("R-1", "R-2"):
        register(tx, name)
    hear(tx, made(), made("O-2", "R-2"), released("O-2"), accepted("O-2"))
    open_task(tx)
    _campaign(tx)


def _hold(tx: sa.Connection) -> None:
    releases.suspend_release(tx, act(COMMITTEE), "O-1", releases.SuspensionBody(reason=NAMED, until=SOON))


ACTS: dict[str, Callable[[sa.Connection], object]] = {
    "a proposal kept back": _hold,
    "proposals let leave": lambda tx: releases.give_release(
        tx, act(COMMITTEE), releases.ReleaseBody(proposals=("O-1",), note=NAMED)
    ),
    "an admission refused": lambda tx: refuse_admission(
        tx, act(DIRECTOR), "O-2", RefusalBody(reason=RefusalReason.FILE_INCOMPLETE, note=NAMED)
    ),
    "a task put off": lambda tx: tasks.handle_task(
        tx, act(COORDINATOR), "K-1", tasks.HandledBody(note=NAMED, again_in_hours=2)
    ),
    "a campaign given up": lambda tx: campaigns.end_campaign(
        tx, act(COORDINATOR), "C-1", campaigns.EndingBody(reason=NAMED)
    ),
    "a campaign released": lambda tx: campaigns.release_campaign(
        tx, act(COMMITTEE), "C-1", campaigns.ReleasedBody(draft="D-1", note=NAMED)
    ),
    "a child placed by decision": lambda tx: campaigns.ask_force(
        tx, act(COMMITTEE), "C-1", campaigns.ForceBody(request="R-2", section=GRANDS, reason=NAMED)
    ),
}


@pytest.mark.parametrize("name", list(ACTS))
def test_free_words_are_kept_here_and_no_event_carries_them(town: sa.Connection, name: str) -> None:
    _ready(town)
    before = len(town.execute(sa.select(outbox)).all())
    ACTS[name](town)
    bodies = list(town.scalars(sa.select(outbox.c.body).order_by(outbox.c.position)))
    assert len(bodies) == before + 1
    assert not [body for body in bodies if "Exemple" in body.decode() or "98 00 11" in body.decode()]
    kept = [*town.scalars(sa.select(store.notes.c.text)), *town.scalars(sa.select(store.gestures.c.reason))]
    assert NAMED in kept


def test_why_a_proposal_is_kept_back_is_read_where_it_was_written(town: sa.Connection) -> None:
    _ready(town)
    _hold(town)
    hear(town, event(ProposalHeld, "O-1", until=SOON, by=COMMITTEE.id))
    assert [row["held_reason"] for row in to_release(town, COMMITTEE, NOW) if row["proposal"] == "O-1"] == [NAMED]
    assert [note["text"] for note in proposal(town, COORDINATOR, "O-1", NOW)["notes"]] == [NAMED]
    hear(town, event(ProposalHeld, "O-1", until=SOON, by=COMMITTEE.id, reason="Écrit avant"))
    assert [row["held_reason"] for row in to_release(town, COMMITTEE, NOW) if row["proposal"] == "O-1"] == [
        "Écrit avant"
    ]


def test_the_guichet_alone_reads_what_is_written_beside_a_campaign_a_request_or_a_task(town: sa.Connection) -> None:
    _ready(town)
    hear(town, event(TaskOpened, "K-8", kind=TaskKind.SHORTFALL, structure=CRECHE))
    ACTS["a campaign given up"](town)
    _about_request(town)
    tasks.handle_task(town, act(COORDINATOR), "K-8", tasks.HandledBody(note=NAMED))
    views = (standing(town, COORDINATOR), request(town, COORDINATOR, "R-1", NOW), task(town, COORDINATOR, "K-8", NOW))
    assert [[note["text"] for note in view["notes"]] for view in views if view] == [[NAMED]] * 3
    committee, director = standing(town, COMMITTEE), task(town, DIRECTOR, "K-8", NOW)
    assert committee is not None and not committee["notes"]
    assert "notes" not in director | request(town, COMMITTEE, "R-1", NOW)


def test_a_replay_which_knows_events_only_finds_no_difference_in_the_words(town: sa.Connection) -> None:
    _ready(town)
    held = event(ProposalHeld, "O-1", until=SOON, by=COMMITTEE.id)
    hear(town, held)
    without_words = shown(town, TERRITORY)
    _hold(town)
    hear(town, held)
    assert proposal(town, COORDINATOR, "O-1", NOW)["held_reason"] == NAMED
    assert shown(town, TERRITORY)["proposals"] == without_words["proposals"]


def test_words_about_a_family_that_is_erased_go_with_it_and_no_others(town: sa.Connection) -> None:
    _ready(town)
    for name in ("a proposal kept back", "an admission refused", "a child placed by decision", "a campaign given up"):
        ACTS[name](town)
    hear(town, event(ProposalHeld, "O-1", until=SOON, by=COMMITTEE.id))
    family = town.scalar(sa.select(store.requests.c.family).where(store.requests.c.id == "R-1"))
    assert family is not None
    erase_words(town, family)
    about = set(town.scalars(sa.select(store.notes.c.about)))
    assert about == {"O-2", "C-1"}
    assert proposal(town, COORDINATOR, "O-1", NOW)["held_reason"] is None
    other = town.scalar(sa.select(store.requests.c.family).where(store.requests.c.id == "R-2"))
    erase_words(town, str(other))
    assert set(town.scalars(sa.select(store.notes.c.about))) == {"C-1"}
    assert ERASED in set(town.scalars(sa.select(store.gestures.c.reason)))


def _about_request(tx: sa.Connection) -> None:
    """A task that no proposal stands behind: a child may be born by now."""
    hear(tx, event(TaskOpened, "K-9", kind=TaskKind.BIRTH_TO_CONFIRM, request="R-1"))
    tasks.handle_task(tx, act(COORDINATOR), "K-9", tasks.HandledBody(note=NAMED))


def test_words_beside_a_task_that_no_proposal_stands_behind_go_with_the_family_too(town: sa.Connection) -> None:
    register(town, "R-1")
    _about_request(town)
    assert town.scalar(sa.select(store.notes.c.about)) == "R-1"
    erase_words(town, "F-R-1")
    assert not town.execute(sa.select(store.notes)).all()


async def test_what_is_written_of_a_family_after_its_erasure_goes_within_the_hour(doors: Doors) -> None:
    """The message to a family promises a call, and whoever calls writes beside it."""
    for name in ("R-1", "R-2"):
        await doors.write(register, name)
    await doors.hear(made(), made("O-2", "R-2"))
    erased = await doors.post("/requests/R-1/closing", "coordinator", {"reason": "erased"})
    assert erased.status_code == 202
    await doors.write(_about_request)
    await doors.write(open_task)
    await doors.write(lambda tx: tasks.handle_task(tx, act(COORDINATOR), "K-1", tasks.HandledBody(note=NAMED)))
    held = releases.SuspensionBody(reason="Luc", until=SOON)
    await doors.write(lambda tx: releases.suspend_release(tx, act(COMMITTEE), "O-2", held))
    await Tidying(doors.guichet).tick(NOW)
    kept = await doors.guichet.database.read(lambda tx: tx.scalars(sa.select(store.notes.c.about)).all())
    assert kept == ["O-2"], "those of the other family stay"


@pytest.mark.parametrize("died", [False, True])
async def test_what_a_family_wrote_by_sms_goes_with_it_and_waits_for_no_call(doors: Doors, died: bool) -> None:
    """`died`: the process ended between the closing and the rest, and the tidying does it."""
    unclear = {"territory": TERRITORY, "outcome": "unclear", "received_at": NOW}
    for name in ("R-1", "R-2"):
        await doors.write(register, name)
        text = {**unclear, "id": f"in-{name}", "owner": f"F-{name}", "words": NAMED}
        await doors.write(lambda tx, row=text: tx.execute(inbound.insert().values(row)) and None)
    if died:
        closing = ClosingBody(reason=ClosingReason.ERASED)
        await doors.write(lambda tx: close_request(tx, act(COORDINATOR), "R-1", closing))
        await Tidying(doors.guichet).tick(NOW)
    else:
        await doors.post("/requests/R-1/closing", "coordinator", {"reason": "erased"})
    rows = await doors.guichet.database.read(lambda tx: tx.execute(sa.select(inbound).order_by(inbound.c.id)).all())
    assert [(row.words, row.handled_at is None) for row in rows] == [(None, False), (NAMED, True)]

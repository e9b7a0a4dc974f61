"""What pages show follows what the matcher and the notifier say, in any order in which it may arrive."""

from __future__ import annotations

import random
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.base import Event
from contracts.placements import PlacementEnded, PlacementEnding
from contracts.proposals import HoldDenied, ProposalDeadlineSet, ProposalHeld, ProposalRefused, ReplyJudged, Verdict
from contracts.rounds import RequestExplained
from contracts.tasks import TaskOpened, TaskSettled
from contracts.topics import DECISIONS, MESSAGES, parse
from contracts.vocabulary import (
    Answer,
    Channel,
    DepartureReason,
    ProposalState,
    RefusalReason,
    TaskKind,
    VacancyKind,
)
from services.ingest import store
from services.ingest.declare import holds, replies, vacancies
from services.ingest.declare.holds import HoldBody
from services.ingest.projection import tables as t
from tests.ingest.people import (
    COORDINATOR,
    COUNSELLOR,
    CRECHE,
    DIRECTOR,
    GRANDS,
    NOW,
    act,
    later,
    open_on_call,
    register,
    urgent_need,
    vacancy_body,
)
from tests.ingest.proposals import HANDLERS, accepted, delivered, event, hear, made, placed, released, sent

EXAMPLES = Path(__file__).parents[2] / "contracts" / "examples"


def golden() -> list[Event]:
    """Every golden example that ingest reads, oldest first."""
    files = sorted([*(EXAMPLES / "decisions").glob("*.json"), *(EXAMPLES / "messages").glob("*.json")])
    events = [parse(file.read_bytes()) for file in files]
    return sorted((e for e in events if e is not None), key=lambda e: (e.time, e.id))


def state(tx: sa.Connection, proposal: str) -> str | None:
    row = store.find(tx, t.proposals, proposal)
    return row["state"] if row else None


def test_ingest_hears_every_decision_and_every_message() -> None:
    assert set(HANDLERS) == {*DECISIONS.events, *MESSAGES.events}


def test_the_golden_story_ends_as_it_is_told(tx: sa.Connection) -> None:
    hear(tx, *golden())
    assert state(tx, "O-0001") == ProposalState.CONFIRMED
    assert {state(tx, f"O-000{n}") for n in (3, 4, 5, 7, 8)} == {
        ProposalState.DECLINED,
        ProposalState.EXPIRED,
        ProposalState.FROZEN,
        ProposalState.WITHDRAWN,
        ProposalState.REFUSED,
    }
    placement = store.find(tx, t.placements, "L-0001")
    assert placement is not None
    assert (placement["end"], placement["departure_reason"]) == (date(2027, 3, 31), "moved")
    task = store.find(tx, t.tasks, "K-0001")
    assert task is not None
    assert task["settled_by"] == "P-coordinatrice"


@pytest.mark.parametrize("seed", range(5))
def test_events_in_any_order_and_twice_stop_nothing_and_lose_no_history(tx: sa.Connection, seed: int) -> None:
    events = golden()
    shuffled = random.Random(seed).sample(events * 2, len(events) * 2)
    hear(tx, *shuffled)
    lines = tx.scalar(sa.select(sa.func.count()).select_from(t.history))
    noted = [e for e in events if e.type.startswith(("proposal.", "half.", "place.", "placement.confirmed", "reply."))]
    assert lines == len({e.id for e in noted})


def test_a_message_heard_before_its_release_still_counts(tx: sa.Connection) -> None:
    hear(tx, made(), sent(), delivered())
    assert state(tx, "O-1") == ProposalState.PREPARED
    hear(tx, released())
    assert state(tx, "O-1") == ProposalState.DELIVERED


def test_a_late_receipt_does_not_take_an_answer_back(tx: sa.Connection) -> None:
    hear(tx, made(), released(), sent(), accepted(), delivered())
    assert state(tx, "O-1") == ProposalState.ACCEPTED


def test_a_message_never_goes_back_to_an_earlier_step(tx: sa.Connection) -> None:
    hear(tx, made(), released(), delivered(), sent())
    row = store.find(tx, t.messages, "M-O-1")
    assert row is not None
    assert (row["state"], row["sent_at"], row["delivered_at"]) == ("delivered", NOW, NOW)


def test_the_deadline_follows_the_matcher(tx: sa.Connection) -> None:
    hear(tx, made(), released(), event(ProposalDeadlineSet, "O-1", counted_from=NOW, deadline=later(hours=44)))
    row = store.find(tx, t.proposals, "O-1")
    assert row is not None
    assert (row["state"], row["deadline"]) == (ProposalState.DELIVERED, later(hours=44))


def test_a_reply_waits_for_its_verdict_and_gets_it(town: sa.Connection) -> None:
    register(town)
    hear(town, made(), released())
    reply = replies.record_reply(town, act(COORDINATOR, channel=Channel.PHONE), "O-1", Answer.OUI)
    waiting = town.execute(sa.select(t.verdicts)).mappings().one()
    assert (waiting["reply"], waiting["verdict"], waiting["received_at"]) == (reply, None, NOW)
    said: dict[str, Any] = {
        "proposal": "O-1",
        "answer": Answer.OUI,
        "answered_by": "P-coordinatrice",
        "channel": Channel.PHONE,
    }
    hear(town, event(ReplyJudged, reply, verdict=Verdict.TAKEN, **said))
    judged = town.execute(sa.select(t.verdicts)).mappings().one()
    assert (judged["verdict"], judged["received_at"]) == ("taken", NOW)


def test_a_hold_is_given_to_whoever_asked_or_denied_with_its_reason(town: sa.Connection) -> None:
    open_on_call(town)
    register(town, actor=COUNSELLOR, need=urgent_need())
    body = HoldBody(request="R-1", section=GRANDS)
    first = holds.request_hold(town, act(COUNSELLOR), body)
    second = holds.request_hold(town, act(COUNSELLOR, later(minutes=1)), body)
    hear(town, made(kind=VacancyKind.ON_CALL, round=None, held_by=COUNSELLOR.id))
    hear(town, event(HoldDenied, second, request="R-1", reason="La place vient d'être prise."))
    given, denied = store.find(town, store.holds, first), store.find(town, store.holds, second)
    assert given is not None
    assert denied is not None
    assert (given["proposal"], given["denied"]) == ("O-1", None)
    assert (denied["proposal"], denied["denied"]) == (None, "La place vient d'être prise.")


def test_a_refusal_for_want_of_staff_leaves_the_place_in_doubt(town: sa.Connection) -> None:
    id_ = vacancies.open_vacancy(town, act(DIRECTOR), vacancy_body())
    hear(town, made(), released(), accepted(), event(ProposalRefused, "O-1", reason=RefusalReason.AGE))
    sure = store.find(town, store.vacancies, id_)
    hear(town, event(ProposalRefused, "O-1", reason=RefusalReason.STAFF_SHORTAGE))
    doubtful = store.find(town, store.vacancies, id_)
    assert sure is not None
    assert doubtful is not None
    assert (sure["confirmed_at"], doubtful["confirmed_at"]) == (NOW, None)


def test_a_placement_ends_on_the_day_that_was_announced(tx: sa.Connection) -> None:
    hear(tx, made(), accepted(), placed())
    last_day = date(2027, 3, 30)
    ending: dict[str, Any] = {"structure": CRECHE, "last_day": last_day, "reason": DepartureReason.MOVED}
    hear(tx, event(PlacementEnding, "L-1", section=GRANDS, **ending))
    hear(tx, event(PlacementEnded, "L-1", **ending))
    row = store.find(tx, t.placements, "L-1")
    assert row is not None
    assert (row["end"], row["ended_at"], row["proposal"]) == (last_day + timedelta(days=1), NOW, "O-1")


def test_tasks_open_once_and_stay_settled(tx: sa.Connection) -> None:
    opened = event(TaskOpened, "K-1", kind=TaskKind.CALL_BACK, proposal="O-1", request="R-1")
    hear(tx, opened, event(TaskSettled, "K-1", by="P-coordinatrice"), opened)
    row = store.find(tx, t.tasks, "K-1")
    assert row is not None
    assert row["settled_by"] == "P-coordinatrice"


def test_what_was_held_back_waits_for_its_release_again_once_its_task_is_open(tx: sa.Connection) -> None:
    until = (NOW + timedelta(days=2)).date()
    hear(tx, made(), event(ProposalHeld, "O-1", reason="À vérifier", until=until, by="P-coordinatrice"))
    hear(tx, event(TaskOpened, "K-1", kind=TaskKind.TO_PREPARE, proposal="O-1"))
    assert state(tx, "O-1") == "held"
    hear(tx, event(TaskOpened, "K-2", kind=TaskKind.RELEASE, proposal="O-1"))
    assert state(tx, "O-1") == "prepared"


def test_the_last_explanation_of_a_request_is_the_one_shown(tx: sa.Connection) -> None:
    for n, phrase in enumerate(("Aucune place libre.", "Une place est proposée.")):
        said = event(
            RequestExplained, "R-1", later(hours=n), round=f"T-{n}", placed=bool(n), phrases=(phrase,), reason={}
        )
        hear(tx, said)
    row = tx.execute(sa.select(t.explanations)).mappings().one()
    assert (row["phrases"], row["placed"]) == (["Une place est proposée."], True)

"""What structures, coordinators and commissions decide about proposals, placements and tasks."""

from __future__ import annotations

from datetime import date
from typing import Any

import pytest
import sqlalchemy as sa

from contracts.confirmations import AdmissionConfirmed, AdmissionRefused, DepartureAnnounced
from contracts.releases import ReleaseGiven, ReleaseSuspended, WithdrawalGiven
from contracts.tasks import TaskHandled, TaskOpened
from contracts.vocabulary import DepartureReason, RefusalReason, TaskKind, WithdrawalReason
from services.ingest import store
from services.ingest.declare import confirmations, releases, tasks
from services.ingest.declare.confirmations import ConfirmationBody, DepartureBody, RefusalBody
from services.ingest.declare.releases import ReleaseBody, SuspensionBody, TakingBackBody
from services.ingest.declare.tasks import HandledBody
from services.ingest.problems import Refused, Why
from services.ingest.queries.proposals import proposal, to_confirm
from services.ingest.queries.tasks import task, to_handle, to_release
from tests.ingest.people import (
    COMMITTEE,
    COORDINATOR,
    COUNSELLOR,
    CRECHE,
    DIRECTOR,
    NOW,
    OTHER_COUNSELLOR,
    OTHER_DIRECTOR,
    act,
    later,
    register,
    said,
    urgent_need,
)
from tests.ingest.proposals import accepted, event, hear, made, placed, released
from tests.ingest.test_declared_places import codes

DATES = {"adaptation_start": date(2026, 11, 10), "first_full_day": date(2026, 11, 17)}


def confirmation(**changes: Any) -> ConfirmationBody:
    return ConfirmationBody(**{**DATES, **changes})


@pytest.fixture
def asked(town: sa.Connection) -> sa.Connection:
    """A family said OUI."""
    register(town)
    hear(town, made(), released(), accepted())
    return town


def test_a_structure_confirms_with_its_dates(asked: sa.Connection) -> None:
    confirmations.confirm_admission(asked, act(DIRECTOR), "O-1", confirmation(appointment=later(days=2)))
    (said_so,) = said(asked, AdmissionConfirmed)
    assert isinstance(said_so, AdmissionConfirmed)
    assert (said_so.subject, said_so.first_full_day, said_so.said_by) == ("O-1", date(2026, 11, 17), DIRECTOR.id)


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"adaptation_start": date(2026, 10, 1)}, "in_the_past"),
        ({"first_full_day": date(2026, 11, 9)}, "before_adaptation"),
        ({"first_full_day": date(2027, 8, 1)}, "after_end"),
        ({"appointment": later(hours=-1)}, "in_the_past"),
    ],
)
def test_dates_that_cannot_be_are_refused(asked: sa.Connection, changes: dict[str, Any], code: str) -> None:
    with pytest.raises(Refused) as refused:
        confirmations.confirm_admission(asked, act(DIRECTOR), "O-1", confirmation(**changes))
    assert code in codes(refused)
    assert said(asked, AdmissionConfirmed) == []


def test_only_the_own_structure_confirms_and_only_after_the_oui(town: sa.Connection) -> None:
    register(town)
    hear(town, made(), released())
    with pytest.raises(Refused) as early:
        confirmations.confirm_admission(town, act(DIRECTOR), "O-1", confirmation())
    assert codes(early) == {"not_accepted"}
    hear(town, accepted())
    with pytest.raises(Refused) as foreign:
        confirmations.confirm_admission(town, act(OTHER_DIRECTOR), "O-1", confirmation())
    assert foreign.value.why is Why.FORBIDDEN


def test_words_beside_a_refusal_go_to_the_coordinator_only(asked: sa.Connection) -> None:
    body = RefusalBody(reason=RefusalReason.FILE_INCOMPLETE, note="Il manque le livret de famille.")
    confirmations.refuse_admission(asked, act(DIRECTOR), "O-1", body)
    (said_so,) = said(asked, AdmissionRefused)
    assert "livret" not in said_so.model_dump_json()
    assert [note["text"] for note in proposal(asked, COORDINATOR, "O-1", NOW)["notes"]] == [body.note]
    assert "notes" not in proposal(asked, DIRECTOR, "O-1", NOW)


def test_a_departure_is_announced_for_a_day_of_the_placement(asked: sa.Connection) -> None:
    hear(asked, placed())
    for last_day, code in ((date(2026, 9, 1), "too_old"), (date(2027, 8, 1), "outside_placement")):
        with pytest.raises(Refused) as refused:
            body = DepartureBody(last_day=last_day, reason=DepartureReason.MOVED)
            confirmations.announce_departure(asked, act(DIRECTOR), "L-1", body)
        assert code in codes(refused)
    body = DepartureBody(last_day=date(2026, 11, 9), reason=DepartureReason.NO_SHOW)
    confirmations.announce_departure(asked, act(DIRECTOR), "L-1", body)
    assert [e.subject for e in said(asked, DepartureAnnounced)] == ["L-1"]


def test_one_gesture_releases_all_that_is_prepared_and_nothing_else(town: sa.Connection) -> None:
    register(town)
    hear(town, made(), made("O-2", "R-2"), made("O-3", "R-3"), released("O-3"))
    assert len(to_release(town, COMMITTEE, NOW)) == 2
    with pytest.raises(Refused) as refused:
        releases.give_release(town, act(COMMITTEE), ReleaseBody(proposals=("O-1", "O-3")))
    assert [problem.field for problem in refused.value.problems] == ["proposals.1"]
    releases.give_release(town, act(COMMITTEE), ReleaseBody(proposals=("O-1", "O-2", "O-1"), note="Commission"))
    (said_so,) = said(town, ReleaseGiven)
    assert isinstance(said_so, ReleaseGiven)
    assert said_so.proposals == ("O-1", "O-2")


def test_a_proposal_is_kept_back_with_a_reason_for_three_months_at_most(town: sa.Connection) -> None:
    hear(town, made())
    for until in (date(2026, 11, 1), date(2027, 3, 1)):
        with pytest.raises(Refused) as refused:
            releases.suspend_release(town, act(COORDINATOR), "O-1", SuspensionBody(reason="À revoir", until=until))
        assert codes(refused) == {"suspension_dates"}
    body = SuspensionBody(reason="À revoir", until=date(2026, 11, 10))
    releases.suspend_release(town, act(COORDINATOR), "O-1", body)
    assert len(said(town, ReleaseSuspended)) == 1


def test_a_proposal_is_taken_back_for_a_reason_of_ones_own_list(asked: sa.Connection) -> None:
    by_guichet = TakingBackBody(reason=WithdrawalReason.BY_GUICHET)
    with pytest.raises(Refused) as refused:
        releases.withdraw_proposal(asked, act(DIRECTOR), "O-1", by_guichet)
    assert codes(refused) == {"reason_not_listed"}
    releases.withdraw_proposal(asked, act(COORDINATOR), "O-1", by_guichet)
    hear(asked, placed())
    with pytest.raises(Refused) as late:
        releases.withdraw_proposal(asked, act(COORDINATOR), "O-1", by_guichet)
    assert codes(late) == {"not_live"}
    assert len(said(asked, WithdrawalGiven)) == 1


def open_task(tx: sa.Connection, id_: str = "K-1", kind: TaskKind = TaskKind.CALL_BACK) -> None:
    hear(tx, event(TaskOpened, id_, kind=kind, proposal="O-1", request="R-1", structure=CRECHE, detail="Rappeler"))


def test_a_task_leaves_the_list_when_somebody_says_it_is_done(asked: sa.Connection) -> None:
    open_task(asked)
    (row,) = to_handle(asked, COORDINATOR, NOW)[TaskKind.CALL_BACK]
    assert (row["task"], row["about"]["proposal"], row["detail"]) == ("K-1", "O-1", "Rappeler")
    tasks.handle_task(asked, act(COORDINATOR), "K-1", HandledBody(note="Rappelée"))
    assert to_handle(asked, COORDINATOR, NOW) == {}
    assert [e.subject for e in said(asked, TaskHandled)] == ["K-1"]
    with pytest.raises(Refused) as refused:
        tasks.handle_task(asked, act(COORDINATOR), "K-1", HandledBody())
    assert codes(refused) == {"already_handled"}


def test_tasks_are_grouped_by_kind_and_shown_to_whom_they_concern(town: sa.Connection) -> None:
    register(town, actor=COUNSELLOR, need=urgent_need())
    hear(town, made(), released())
    open_task(town)
    open_task(town, "K-2", TaskKind.TO_PREPARE)
    assert set(to_handle(town, COORDINATOR, NOW)) == {TaskKind.CALL_BACK, TaskKind.TO_PREPARE}
    assert set(to_handle(town, COUNSELLOR, NOW)) == {TaskKind.CALL_BACK, TaskKind.TO_PREPARE}
    assert to_handle(town, OTHER_COUNSELLOR, NOW) == {}
    assert to_handle(town, COMMITTEE, NOW) == {}
    seen = to_handle(town, DIRECTOR, NOW)[TaskKind.TO_PREPARE][0]
    assert "detail" not in seen
    assert "first_name" not in seen["about"]
    with pytest.raises(Refused):
        task(town, OTHER_DIRECTOR, "K-1", NOW)


def test_the_most_urgent_confirmation_comes_first(asked: sa.Connection) -> None:
    register(asked, "R-2")
    hear(asked, made("O-2", "R-2"), released("O-2"), accepted("O-2", later(hours=-5)))
    assert [row["proposal"] for row in to_confirm(asked, DIRECTOR, NOW)] == ["O-2", "O-1"]
    assert to_confirm(asked, OTHER_DIRECTOR, NOW) == []
    assert store.find(asked, store.requests, "R-2") is not None

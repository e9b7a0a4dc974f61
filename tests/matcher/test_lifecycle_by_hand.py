"""Each step of a proposal towards its answer, by all that it writes and says and nothing else. People are invented."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from typing import Any

import pytest

from contracts.vocabulary import LIVE, Answer, Channel, ProposalState, TaskKind
from services.calendar import at, confirmation_due, local_day, reminder_at
from services.matcher import lifecycle, moves, tasks
from services.matcher import tables as t
from services.matcher.lifecycle import MORNING
from services.matcher.moves import CONFIRMATION, EXPIRY, RECEIPT, REMINDER, RESUME, UNDO, WAITING_FOR_ANSWER
from services.matcher.policy import policy_in_force
from tests.matcher.scene import GONE, Do, Scene, two_proposals
from tests.matcher.test_steps_by_hand import settled, settlings, timers_gone
from tests.matcher.world import CRECHE, now_at

S = ProposalState
NOW = now_at(9)
SOON, LATER = NOW + timedelta(hours=20), NOW + timedelta(days=3)
POLICY = policy_in_force("montlucon-modele", local_day(NOW))


@pytest.fixture
def scene() -> Scene:
    return two_proposals()


def timer(kind: str, due: datetime) -> dict[str, Any]:
    """That one was there already, for another day: it is moved."""
    return {f"timers {kind}/one": {"due_at": due}}


def state(after: ProposalState, **values: Any) -> dict[str, Any]:
    return {"proposals one": {"state": after.value, **values}}


def told(wire: str, **facts: Any) -> dict[str, Any]:
    return {"type": wire, "subject": "one", **facts}


def task_opened(kind: TaskKind) -> dict[str, Any]:
    return {
        "type": "task.opened", "subject": "a task", "kind": kind, "proposal": "one", "request": "r-1",
        "structure": CRECHE, "due": None, "detail": "",
    }  # fmt: skip


def no_task(scene: Scene, kind: TaskKind) -> None:
    """A person has seen to it before; the other proposal's is still open."""
    scene.change(t.tasks, (t.tasks.c.kind == kind.value) & (t.tasks.c.proposal == scene.one), settled_at=NOW)


def without_tasks(changed: dict[str, Any]) -> dict[str, Any]:
    return {name: value for name, value in changed.items() if not name.startswith("tasks ")}


def release(step: Any, read: Any) -> bool:
    return lifecycle.release(step, read, SOON, "coordinator", "à appeler")


def keep_back(step: Any, read: Any) -> bool:
    return lifecycle.keep_back(step, read, "à vérifier", date(2026, 9, 20), "coordinator")


def accept(step: Any, read: Any) -> bool:
    return lifecycle.accept(step, read, "parent-1", Channel.SMS, SOON, at_once=False)


def decline_later(step: Any, read: Any) -> bool:
    return lifecycle.decline_later(step, read, "parent-1", Channel.LINK, SOON)


def not_reached(step: Any, read: Any) -> bool:
    return lifecycle.not_reached(step, read, TaskKind.WRONG_NUMBER)


def reached(step: Any, read: Any) -> bool:
    return lifecycle.reached(step, read, NOW, LATER)


STEPS: dict[str, Do] = {
    "release": release,
    "resume": lifecycle.resume,
    "keep_back": keep_back,
    "reached": reached,
    "not_reached": not_reached,
    "accept": accept,
    "decline_later": decline_later,
    "restore": lifecycle.restore,
    "freeze": lifecycle.freeze,
}


@pytest.mark.parametrize("name", STEPS)
def test_what_is_over_goes_no_further_and_says_nothing(scene: Scene, name: str) -> None:
    scene.set(S.WITHDRAWN)
    assert scene.act(STEPS[name]) == (False, {}, [])


def test_what_leaves_says_by_when_and_by_whom_and_is_looked_at_then_if_no_receipt_came(scene: Scene) -> None:
    returned, changed, said = scene.act(release, urgent=True)
    assert returned is True
    assert changed == {
        **state(S.RELEASED, answer_by=SOON), **settled(scene, TaskKind.RELEASE), **timers_gone(RESUME),
        **timer(RECEIPT, SOON),
    }  # fmt: skip
    assert said == [
        *settlings("coordinator", TaskKind.RELEASE),
        told("proposal.released", answer_by=SOON, by="coordinator", note="à appeler", urgent=True),
    ]


def test_a_release_needs_no_note(scene: Scene) -> None:
    _, _, said = scene.act(lambda step, read: lifecycle.release(step, read, SOON, "coordinator"))
    assert (said[-1]["note"], said[-1]["urgent"]) == ("", False)


def test_what_was_held_back_waits_for_its_release_again(scene: Scene) -> None:
    no_task(scene, TaskKind.RELEASE)
    scene.set(S.HELD)
    returned, changed, said = scene.act(lifecycle.resume)
    assert returned is True
    assert without_tasks(changed) == state(S.PREPARED)
    assert said == [task_opened(TaskKind.RELEASE)]


def test_what_waits_for_another_childs_departure_is_nobodys_task_meanwhile(scene: Scene) -> None:
    no_task(scene, TaskKind.RELEASE)
    scene.set(S.HELD)
    with scene.world.engine.begin() as tx:
        tx.execute(t.awaited.insert().values(proposal=scene.one, departs="another"))
    assert scene.act(lifecycle.resume) == (False, {}, [])


@pytest.mark.parametrize("before", sorted(LIVE - {S.HELD}))
def test_only_what_was_held_back_comes_back_to_be_released(scene: Scene, before: ProposalState) -> None:
    scene.set(before)
    assert scene.act(lifecycle.resume) == (False, {}, [])


def test_what_a_person_holds_back_comes_back_in_the_morning_of_its_day(scene: Scene) -> None:
    until = date(2026, 9, 20)
    returned, changed, said = scene.act(keep_back)
    assert returned is True
    assert changed == {
        **state(S.HELD, held_until=until), **settled(scene, TaskKind.RELEASE), **timer(RESUME, at(until, MORNING)),
    }  # fmt: skip
    assert said == [
        *settlings("coordinator", TaskKind.RELEASE),
        told("proposal.held", reason="à vérifier", until=until, by="coordinator"),
    ]


def test_what_left_is_sent_and_its_family_may_know_of_it(scene: Scene) -> None:
    scene.set(S.RELEASED)
    assert scene.act(lifecycle.sent) == (None, state(S.SENT, was_sent=True), [])


def test_whatever_became_of_what_left_meanwhile_its_family_may_know_of_it(scene: Scene) -> None:
    scene.set(S.ACCEPTED)
    assert scene.act(lifecycle.sent) == (None, {"proposals one": {"was_sent": True}}, [])
    scene.set(S.WITHDRAWN, was_sent=False)
    assert scene.act(lifecycle.sent) == (None, {}, [])


@pytest.mark.parametrize("before", [S.RELEASED, S.SENT, S.UNDELIVERED])
def test_a_family_that_was_reached_has_its_delay_and_a_reminder_at_half_time(
    scene: Scene, before: ProposalState
) -> None:
    scene.set(before)
    returned, changed, said = scene.act(reached)
    half = reminder_at(NOW, LATER, POLICY.delays)
    assert returned is True and half is not None
    assert changed == {
        **state(S.DELIVERED, was_sent=True, counted_from=NOW, deadline=LATER),
        **settled(scene, TaskKind.UNDELIVERED), **timers_gone(RECEIPT), **timer(EXPIRY, LATER + POLICY.grace),
        **timer(REMINDER, half),
    }  # fmt: skip
    assert said == [
        *settlings("matcher", TaskKind.UNDELIVERED), told("proposal.deadline_set", counted_from=NOW, deadline=LATER),
    ]  # fmt: skip


def test_a_reminder_whose_hour_has_passed_is_not_sent(scene: Scene) -> None:
    scene.set(S.SENT)
    began = NOW - timedelta(days=3)
    half = reminder_at(began, SOON, POLICY.delays)
    assert half is not None and half < NOW
    _, changed, _ = scene.act(lambda step, read: lifecycle.reached(step, read, began, SOON))
    assert "timers reminder/one" not in changed
    scene.world.now = half
    scene.set(S.SENT)
    _, changed, _ = scene.act(lambda step, read: lifecycle.reached(step, read, began, SOON))
    assert "timers reminder/one" not in changed, "nor one that is due at this very moment"


def test_a_reminder_keeps_to_the_delays_that_the_territory_voted(scene: Scene, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[tuple[Any, ...]] = []
    monkeypatch.setattr(lifecycle, "reminder_at", lambda *given: asked.append(given))
    scene.set(S.SENT)
    scene.act(reached)
    assert asked == [(NOW, LATER, POLICY.delays)]


def test_a_delay_too_short_for_a_reminder_has_none(scene: Scene) -> None:
    scene.set(S.SENT)
    limit = NOW + timedelta(minutes=10)
    assert reminder_at(NOW, limit, POLICY.delays) is None
    _, changed, _ = scene.act(lambda step, read: lifecycle.reached(step, read, NOW, limit))
    assert "timers reminder/one" not in changed


@pytest.mark.parametrize("before", [S.PREPARED, S.HELD, S.DELIVERED, S.ACCEPTED])
def test_what_was_not_released_reaches_nobody(scene: Scene, before: ProposalState) -> None:
    scene.set(before)
    assert scene.act(reached) == (False, {}, [])


def test_a_counsellors_hold_is_known_at_once_was_not_sent_and_needs_no_reminder(scene: Scene) -> None:
    scene.set(S.RELEASED, held_by="counsellor")
    assert scene.act(reached) == (False, {}, [])
    scene.set(S.PREPARED)
    _, changed, _ = scene.act(reached)
    assert changed == {
        **state(S.DELIVERED, counted_from=NOW, deadline=LATER), **settled(scene, TaskKind.UNDELIVERED),
        **timers_gone(RECEIPT), **timer(EXPIRY, LATER + POLICY.grace),
    }  # fmt: skip


def test_a_deadline_that_was_learnt_late_leaves_the_grace_from_now_on(scene: Scene) -> None:
    past = NOW - timedelta(days=1)
    _, changed, said = scene.act(lambda step, read: lifecycle.set_expiry(step, read, past))
    assert (changed, said) == (timer(EXPIRY, NOW + POLICY.grace), [])


def test_a_call_asked_for_stops_the_clock_and_keeps_the_deadline_that_was(scene: Scene) -> None:
    scene.set(S.DELIVERED, deadline=SOON, counted_from=NOW)
    _, changed, said = scene.act(lambda step, read: lifecycle.stop_clock(step, read, NOW, LATER))
    assert changed == {
        "proposals one": {"deadline": LATER, "deadline_before_call": SOON, "call_asked_at": NOW},
        **timer(EXPIRY, LATER + POLICY.grace),
    }
    assert said == [told("proposal.deadline_set", counted_from=NOW, deadline=LATER)]


def test_a_call_that_came_lets_the_clock_run_again(scene: Scene) -> None:
    scene.set(S.DELIVERED, deadline=SOON, counted_from=NOW, deadline_before_call=SOON, call_asked_at=NOW)
    _, changed, said = scene.act(lambda step, read: lifecycle.run_clock(step, read, LATER))
    assert changed == {
        "proposals one": {"deadline": LATER, "deadline_before_call": None}, **timer(EXPIRY, LATER + POLICY.grace),
    }  # fmt: skip
    assert said == [told("proposal.deadline_set", counted_from=NOW, deadline=LATER)]


def test_a_delay_that_counts_from_nowhere_is_moved_without_a_word(scene: Scene) -> None:
    scene.set(S.DELIVERED, deadline=SOON)
    _, changed, said = scene.act(lambda step, read: lifecycle.run_clock(step, read, LATER))
    assert changed == {"proposals one": {"deadline": LATER}, **timer(EXPIRY, LATER + POLICY.grace)}
    assert said == []


@pytest.mark.parametrize("before", sorted(LIVE - {S.DELIVERED}))
def test_only_a_clock_that_runs_is_stopped_or_started(scene: Scene, before: ProposalState) -> None:
    scene.set(before)
    assert scene.act(lambda step, read: lifecycle.stop_clock(step, read, NOW, LATER)) == (None, {}, [])


def test_whom_nobody_reached_is_called_and_nothing_runs_meanwhile(scene: Scene) -> None:
    no_task(scene, TaskKind.WRONG_NUMBER)
    scene.set(S.DELIVERED, deadline=SOON, counted_from=NOW)
    returned, changed, said = scene.act(not_reached)
    assert returned is True
    assert without_tasks(changed) == {
        **state(S.UNDELIVERED, deadline=None, counted_from=None), **timers_gone(EXPIRY, REMINDER, RECEIPT),
    }  # fmt: skip
    assert said == [told("proposal.undelivered"), task_opened(TaskKind.WRONG_NUMBER)]


ANSWERED = {"answered_by": "parent-1", "answered_at": SOON, "was_sent": True}
NO_MORE = tuple(kind for kind in WAITING_FOR_ANSWER)


def test_a_oui_waits_for_the_structure_and_says_by_when(scene: Scene) -> None:
    scene.set(S.DELIVERED)
    confirm_by = confirmation_due(NOW, POLICY.delays)
    returned, changed, said = scene.act(accept)
    assert returned is True
    assert changed == {
        **state(S.ACCEPTED, answer="oui", **ANSWERED), **settled(scene, *tasks.ANSWERED), **timers_gone(*NO_MORE),
        **timer(CONFIRMATION, confirm_by),
    }  # fmt: skip
    accepted = told(
        "proposal.accepted", answered_by="parent-1", channel=Channel.SMS, received_at=SOON, confirm_by=confirm_by,
        confirmed_at_once=False,
    )  # fmt: skip
    assert said == [*settlings("parent-1", *tasks.ANSWERED), accepted]


def test_the_structure_has_the_time_to_confirm_that_the_territory_voted(
    scene: Scene, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[tuple[Any, ...]] = []

    def due(*given: Any) -> datetime:
        asked.append(given)
        return LATER

    monkeypatch.setattr(lifecycle, "confirmation_due", due)
    scene.set(S.DELIVERED)
    scene.act(accept)
    assert asked == [(NOW, POLICY.delays)]


def test_a_oui_to_a_place_that_was_agreed_before_is_confirmed_at_once(scene: Scene) -> None:
    scene.set(S.DELIVERED)
    _, changed, said = scene.act(
        lambda step, read: lifecycle.accept(step, read, "parent-1", Channel.SMS, SOON, at_once=True)
    )
    assert changed["proposals one"] == {"state": "confirmed", "answer": "oui", **ANSWERED}
    assert changed["holds one"] == {"is_placement": True}
    assert changed["timers confirmation/one"] == GONE
    assert [event["type"] for event in said][-2:] == ["proposal.accepted", "placement.confirmed"]
    assert said[-2]["confirmed_at_once"] is True


def test_the_first_oui_of_a_wave_takes_its_place_and_is_the_end_for_the_others(scene: Scene) -> None:
    scene.change(t.proposals, t.proposals.c.round.is_not(None), wave="w", state="delivered", was_sent=True)
    with scene.world.engine.begin() as tx:
        tx.execute(t.holds.delete().where(t.holds.c.hold == scene.two))
    scene.change(t.holds, t.holds.c.hold == scene.one, hold="w", proposal="w")
    _, changed, said = scene.act(accept)
    assert (changed["holds w"], changed["holds one"]["proposal"]) == (GONE, "one")
    assert changed["proposals two"] == {"state": "withdrawn", "ended_at": NOW, "withdrawn_for": "taken"}
    assert [event["subject"] for event in said if event["type"] == "proposal.withdrawn"] == ["two"]


def test_a_no_can_be_taken_back_for_a_while(scene: Scene) -> None:
    scene.set(S.DELIVERED)
    until = SOON + POLICY.undo
    returned, changed, said = scene.act(decline_later)
    assert returned is True
    gone = timers_gone(*(kind for kind in NO_MORE if kind != UNDO), CONFIRMATION)
    assert changed == {**state(S.DECLINING, answer="non", **ANSWERED), **gone, **timer(UNDO, until)}
    assert said == [told("proposal.declining", undo_until=until, answered_by="parent-1", channel=Channel.LINK)]


@pytest.mark.parametrize(
    ("deadline", "answer_by", "answered_at", "then"),
    [
        (LATER, None, NOW, LATER),
        (LATER, SOON, NOW, LATER),
        (None, LATER, NOW, LATER),
        (SOON, LATER, NOW, SOON),
        (NOW - timedelta(days=1), None, NOW, NOW + POLICY.undo),
        (None, None, NOW, NOW + POLICY.undo),
        (LATER, None, None, LATER),
        (None, None, None, None),
    ],
)
def test_a_no_that_was_taken_back_has_the_limit_it_had_or_that_of_taking_it_back(
    scene: Scene, deadline: datetime | None, answer_by: datetime | None, answered_at: datetime | None,
    then: datetime | None,
) -> None:  # fmt: skip
    had = {"deadline": deadline, "answer_by": answer_by, "answered_at": answered_at}
    scene.set(S.DECLINING, answered_by="parent-1", answer=Answer.NON.value, **had)
    returned, changed, said = scene.act(lifecycle.restore)
    assert returned is True
    values = {"deadline": then} if then != deadline else {}
    values |= {"answered_at": None, "counted_from": answered_at} if answered_at else {}
    expiry = {} if then is None else timer(EXPIRY, then + POLICY.grace)
    gone = timers_gone(*(kind for kind in NO_MORE if then is None or kind != EXPIRY))
    assert changed == {**state(S.DELIVERED, answered_by=None, answer=None, **values), **gone, **expiry}
    assert said == [told("proposal.restored", deadline=then)]


def test_a_no_that_was_taken_back_counts_from_where_it_counted(scene: Scene) -> None:
    began = NOW - timedelta(days=1)
    scene.set(S.DECLINING, deadline=LATER, counted_from=began, answered_at=NOW)
    _, changed, _ = scene.act(lifecycle.restore)
    assert "counted_from" not in changed["proposals one"]
    assert scene.world.proposal(scene.one).counted_from == began


def test_only_a_no_can_be_taken_back(scene: Scene) -> None:
    scene.set(S.UNDELIVERED)
    assert scene.act(lifecycle.restore) == (False, {}, [])


def test_two_who_contradict_each_other_stop_everything_until_a_person_has_called(scene: Scene) -> None:
    no_task(scene, TaskKind.CONTRADICTION)
    scene.set(S.ACCEPTED)
    returned, changed, said = scene.act(lifecycle.freeze)
    assert returned is True
    assert without_tasks(changed) == {**state(S.FROZEN), **timers_gone(*NO_MORE, CONFIRMATION)}
    assert said == [told("proposal.frozen"), task_opened(TaskKind.CONTRADICTION)]


def test_the_days_of_care_pass_whatever_is_answered() -> None:
    assert moves.LAPSE not in NO_MORE

"""Each end of a proposal, by all that it writes and says and nothing else. People are invented."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from contracts.vocabulary import (
    Answer,
    ProposalState,
    RefusalReason,
    Slot,
    TaskKind,
    VacancyKind,
    Weekday,
    WithdrawalReason,
)
from services.matcher import endings, store, tasks
from services.matcher import tables as t
from services.matcher.handlers.territory import step_for
from tests.matcher.scene import GONE, KINDS, ONE_MORE, TWO_MORE, Scene, two_proposals
from tests.matcher.world import CRECHE, FROM_OCTOBER, MORNINGS, SECTION, TERRITORY, on_weekday

S = ProposalState
SLOTS = [slot.model_dump(mode="json") for slot in MORNINGS]
PERIOD = FROM_OCTOBER.model_dump()
TOLD_SLOTS = tuple(slot.model_dump() for slot in MORNINGS)


@pytest.fixture
def scene() -> Scene:
    return two_proposals()


def timers_gone(*kinds: str) -> dict[str, str]:
    return {f"timers {kind}/one": GONE for kind in kinds or KINDS}


def settled(scene: Scene, *kinds: TaskKind) -> dict[str, Any]:
    return {f"tasks {kind}/one": {"settled_at": scene.world.now} for kind in kinds}


def settlings(by: str, *kinds: TaskKind) -> list[dict[str, Any]]:
    return [{"type": "task.settled", "subject": "a task", "by": by} for _ in kinds]


def round_due(scene: Scene, because: str) -> dict[str, Any]:
    due = {"due_at": scene.world.now, "due_because": because, "due_marks": ONE_MORE}
    return {f"territories {TERRITORY}": due}


def given_back(scene: Scene, because: str = "place.reopened") -> dict[str, Any]:
    """The hours are free and a round looks at them."""
    return {"holds one": GONE, f"sections {SECTION}": {"version": ONE_MORE}, **round_due(scene, because)}


REOPENED = {
    "type": "place.reopened", "subject": "one", "section": SECTION, "slots": TOLD_SLOTS, "period": PERIOD,
}  # fmt: skip


def test_a_confirmation_turns_what_was_held_into_a_placement(scene: Scene) -> None:
    scene.set(S.ACCEPTED)
    first = date(2026, 10, 5)
    returned, changed, said = scene.act(lambda step, read: endings.confirm(step, read, adaptation_start=first))
    assert returned is True
    assert changed == {
        "proposals one": {"state": "confirmed"},
        "requests r-1": {"state": store.PLACED, "goes_first": False, "version": ONE_MORE},
        "holds one": {"is_placement": True},
        f"sections {SECTION}": {"version": ONE_MORE},
        "placements one": {
            "placement": "one", "territory": TERRITORY, "request": "r-1", "structure": CRECHE, "section": SECTION,
            "slots": SLOTS, "starts": FROM_OCTOBER.start, "ends": FROM_OCTOBER.end, "last_day": None, "reason": None,
            "is_over": False,
        },
        **settled(scene, TaskKind.LATE_CONFIRMATION),
        **timers_gone(),
    }  # fmt: skip
    assert said == [
        *settlings("matcher", TaskKind.LATE_CONFIRMATION),
        {
            "type": "placement.confirmed", "subject": "one", "proposal": "one", "request": "r-1", "structure": CRECHE,
            "section": SECTION, "slots": TOLD_SLOTS, "period": PERIOD, "appointment": None, "adaptation_start": first,
            "first_full_day": None, "partial": False, "replaces": None,
        },
    ]  # fmt: skip


@pytest.mark.parametrize("differently", [{"partial": True}, {"replaces": "an-older-one"}])
def test_a_placement_that_leaves_days_open_or_frees_another_has_the_next_round_look(
    scene: Scene, differently: dict[str, Any]
) -> None:
    scene.set(S.ACCEPTED)
    _, changed, said = scene.act(endings.confirm, **differently)
    assert {name: changed[name] for name in changed if "territories" in name} == round_due(scene, "placement.confirmed")
    state = {"state": store.PLACED} if "replaces" in differently else {}  # for the days that are missing it waits on
    assert changed["requests r-1"] == {"goes_first": False, "version": ONE_MORE, **state}
    assert {name: said[-1][name] for name in ("partial", "replaces")} == {
        "partial": False, "replaces": None, **differently,
    }  # fmt: skip


def test_a_no_gives_the_hours_back_and_settles_what_an_answer_makes_pointless(scene: Scene) -> None:
    scene.set(S.DECLINING, was_sent=True)
    returned, changed, said = scene.act(lambda step, read: endings.decline(step, read, Answer.NON, "parent-1"))
    assert returned is True
    answer = {"answered_by": "parent-1", "answer": "non"}
    assert changed == {
        "proposals one": {"state": "declined", "ended_at": scene.world.now, **answer},
        "requests r-1": {"goes_first": False, "version": TWO_MORE},
        **given_back(scene), **settled(scene, *tasks.ANSWERED), **timers_gone(),
    }  # fmt: skip
    after = [kind for kind in tasks.ANSWERED if kind not in tasks.ENDED]
    assert said == [
        *settlings("matcher", *tasks.ENDED), *settlings("parent-1", *after),
        {"type": "proposal.declined", "subject": "one", "answer": Answer.NON, "answered_by": "parent-1"}, REOPENED,
    ]  # fmt: skip


def test_silence_gives_the_hours_back_and_leaves_who_asked_for_a_call_to_be_called(scene: Scene) -> None:
    deadline = scene.world.now - timedelta(hours=1)
    scene.set(S.DELIVERED, deadline=deadline)
    returned, changed, said = scene.act(endings.expire)
    assert returned is True
    assert changed == {
        "proposals one": {"state": "expired", "ended_at": scene.world.now},
        "requests r-1": {"goes_first": False, "version": TWO_MORE},
        **given_back(scene), **settled(scene, *tasks.ENDED), **timers_gone(),
    }  # fmt: skip
    assert said == [
        *settlings("matcher", *tasks.ENDED),
        {"type": "proposal.expired", "subject": "one", "deadline": deadline}, REOPENED,
    ]  # fmt: skip


@pytest.mark.parametrize("was_sent", [False, True])
@pytest.mark.parametrize("state", [S.PREPARED, S.DELIVERED, S.ACCEPTED])
@pytest.mark.parametrize("reason", WithdrawalReason)
def test_a_withdrawal_says_who_knew_and_promises_a_call_only_where_one_is_wanted(
    scene: Scene, reason: WithdrawalReason, state: ProposalState, was_sent: bool
) -> None:
    scene.set(state, was_sent=was_sent)
    scene.change(t.requests, t.requests.c.request == "r-1", goes_first=False)
    scene.change(t.tasks, t.tasks.c.kind == "call_back", settled_at=scene.world.now)
    returned, changed, said = scene.act(lambda step, read: endings.withdraw(step, read, reason))
    assert returned is True
    yes = state is S.ACCEPTED
    knew = was_sent or yes
    gone = reason in {
        WithdrawalReason.REQUEST_CLOSED, WithdrawalReason.REQUEST_CHANGED, WithdrawalReason.FAMILY_UNREACHABLE,
    }  # fmt: skip
    request = {"goes_first": True, "version": TWO_MORE} if yes and not gone else {"version": ONE_MORE}
    no_call = {WithdrawalReason.REQUEST_CLOSED, WithdrawalReason.FAMILY_UNREACHABLE, WithdrawalReason.TAKEN}
    calls = knew and reason not in no_call
    assert {name: value for name, value in changed.items() if "call_back" not in name} == {
        "proposals one": {"state": "withdrawn", "ended_at": scene.world.now, "withdrawn_for": reason.value},
        "requests r-1": request,
        **given_back(scene), **settled(scene, *tasks.ENDED), **timers_gone(),
    }  # fmt: skip
    call = {
        "type": "task.opened", "subject": "a task", "kind": TaskKind.CALL_BACK, "proposal": "one", "request": "r-1",
        "structure": CRECHE, "due": None, "detail": reason.label,
    }  # fmt: skip
    withdrawn = {"reason": reason, "after_yes": yes, "family_knew": knew}
    assert said == [
        *settlings("matcher", *tasks.ENDED), {"type": "proposal.withdrawn", "subject": "one", **withdrawn},
        *([call] if calls else []), REOPENED,
    ]  # fmt: skip


@pytest.mark.parametrize("reason", RefusalReason)
def test_a_refusal_opens_a_task_and_doubts_the_place_only_where_there_is_none(
    scene: Scene, reason: RefusalReason
) -> None:
    scene.set(S.ACCEPTED)
    scene.change(t.requests, t.requests.c.request == "r-1", goes_first=False)
    scene.change(t.tasks, t.tasks.c.kind == "structure_refused", settled_at=scene.world.now)
    scene.world.publish("creche-B", "creche-B-petits")
    scene.world.open_place("v-B", structure="creche-B", section="creche-B-petits")
    scene.change(t.territories, t.territories.c.territory == TERRITORY, due_at=None, due_because=None)
    returned, changed, said = scene.act(lambda step, read: endings.refuse(step, read, reason))
    assert returned is True
    no_place = reason in {RefusalReason.STAFF_SHORTAGE, RefusalReason.ALREADY_FILLED}
    request = {"goes_first": True} if no_place else {"state": store.WITH_PERSON}
    doubt = {"vacancies v-1": {"confirmed_at": None}} if no_place else {}
    assert {name: value for name, value in changed.items() if "structure_refused" not in name} == {
        "proposals one": {"state": "refused", "ended_at": scene.world.now},
        "requests r-1": {**request, "version": TWO_MORE}, **doubt,
        **given_back(scene), **settled(scene, *tasks.ENDED), **timers_gone(),
    }  # fmt: skip
    task = {
        "type": "task.opened", "subject": "a task", "kind": TaskKind.STRUCTURE_REFUSED, "proposal": "one",
        "request": "r-1", "structure": CRECHE, "due": None, "detail": reason.label,
    }  # fmt: skip
    assert said == [
        *settlings("matcher", *tasks.ENDED),
        {"type": "proposal.refused", "subject": "one", "reason": reason, "structure": None}, task,
        REOPENED,
    ]  # fmt: skip


@pytest.mark.parametrize(("kind", "wait"), [(VacancyKind.REGULAR, 60), (VacancyKind.ON_CALL, 0)])
def test_hours_that_come_back_wait_for_the_quiet_of_the_territory_unless_they_are_for_soon(
    scene: Scene, kind: VacancyKind, wait: int
) -> None:
    scene.set(S.DECLINING)
    scene.change(t.territories, t.territories.c.territory == TERRITORY, quiet_seconds=60)
    _, changed, _ = scene.act(lambda step, read: endings.decline(step, read, Answer.NON, "parent-1"), kind=kind)
    assert changed[f"territories {TERRITORY}"]["due_at"] == scene.world.now + timedelta(seconds=wait)


def waits_for(scene: Scene, proposal: str, departs: str) -> None:
    with scene.world.engine.begin() as tx:
        tx.execute(t.awaited.insert().values(proposal=proposal, departs=departs))


def test_who_was_to_follow_a_child_that_stays_has_its_own_proposal_taken_back(scene: Scene) -> None:
    scene.set(S.DECLINING)
    waits_for(scene, scene.two, scene.one)
    _, changed, said = scene.act(lambda step, read: endings.decline(step, read, Answer.NON, "parent-1"))
    withdrawn = {"state": "withdrawn", "ended_at": scene.world.now, "withdrawn_for": "no_departure"}
    assert changed["proposals two"] == withdrawn
    assert (changed["holds two"], changed["awaited two/one"]) == (GONE, GONE)
    assert [event["subject"] for event in said if event["type"] == "place.reopened"] == ["one", "two"]


def test_a_proposal_that_ends_waits_for_no_departure_any_more_and_takes_nobody_with_it(scene: Scene) -> None:
    scene.set(S.DECLINING)
    waits_for(scene, scene.one, "a-third")
    waits_for(scene, scene.two, "a-third")
    waits_for(scene, "nobody-knows-it", scene.one)
    _, changed, _ = scene.act(lambda step, read: endings.decline(step, read, Answer.NON, "parent-1"))
    assert [name for name in changed if "awaited" in name or "two" in name] == ["awaited one/a-third"]


@pytest.mark.parametrize("was_sent", [False, True])
def test_of_siblings_who_were_to_leave_together_both_stay_unless_the_family_has_read_of_one(
    scene: Scene, was_sent: bool
) -> None:
    scene.change(t.proposals, t.proposals.c.round.is_not(None), siblings="b-1", was_sent=was_sent)
    _, changed, said = scene.act(lambda step, read: endings.withdraw(step, read, WithdrawalReason.CLOSURE))
    other = {"state": "withdrawn", "ended_at": scene.world.now, "withdrawn_for": "siblings_apart"}
    assert changed.get("proposals two") == (None if was_sent else other)
    assert [event["subject"] for event in said if event["type"] == "proposal.withdrawn"] == (
        ["one"] if was_sent else ["one", "two"]
    )


def a_wave(scene: Scene, *slots: tuple[Slot, ...]) -> None:
    """Both are asked for one place, held in the name of the wave over the hours of either."""
    for name, own in zip((scene.one, scene.two), slots, strict=True):
        scene.change(t.proposals, t.proposals.c.proposal == name, wave="w", slots=store.slots_json(own))
    together = store.slots_json(tuple(dict.fromkeys(slot for own in slots for slot in own)))
    with scene.world.engine.begin() as tx:
        tx.execute(t.holds.delete().where(t.holds.c.hold == scene.two))
    scene.change(t.holds, t.holds.c.hold == scene.one, hold="w", proposal="w", slots=together)


def test_who_leaves_a_wave_gives_back_the_hours_that_nobody_else_of_it_asks_for(scene: Scene) -> None:
    wednesday = on_weekday(Weekday.WED)
    a_wave(scene, (*MORNINGS, *wednesday), MORNINGS)
    scene.set(S.DECLINING)
    _, changed, said = scene.act(lambda step, read: endings.decline(step, read, Answer.NON, "parent-1"))
    assert changed["holds w"] == {"slots": SLOTS}
    assert said[-1] == {**REOPENED, "slots": tuple(slot.model_dump() for slot in wednesday)}
    assert changed[f"territories {TERRITORY}"]["due_because"] == "place.reopened"


def test_the_next_of_the_list_is_asked_at_once_where_a_wave_that_someone_leaves_goes_on(scene: Scene) -> None:
    a_wave(scene, MORNINGS, MORNINGS)
    scene.set(S.DECLINING)
    scene.change(t.territories, t.territories.c.territory == TERRITORY, quiet_seconds=60)
    _, changed, said = scene.act(lambda step, read: endings.decline(step, read, Answer.NON, "parent-1"))
    assert {name: changed[name] for name in changed if "territories" in name} == round_due(scene, "wave.left")
    assert "place.reopened" not in {event["type"] for event in said}
    assert not any("holds" in name for name in changed)


def test_nobody_is_asked_for_a_place_that_another_of_the_wave_has_taken(scene: Scene) -> None:
    a_wave(scene, MORNINGS, MORNINGS)
    scene.change(t.holds, t.holds.c.hold == "w", hold=scene.two, proposal=scene.two)
    scene.set(S.DECLINING)
    _, changed, said = scene.act(lambda step, read: endings.decline(step, read, Answer.NON, "parent-1"))
    assert not any("territories" in name or "holds" in name for name in changed)
    assert said[-1]["type"] == "proposal.declined"


def test_what_a_step_marks_at_once_is_not_put_off_by_what_it_marks_afterwards(scene: Scene) -> None:
    world = scene.world
    cause = world.said[0]
    with world.engine.begin() as tx:
        tx.execute(t.territories.update().values(quiet_seconds=600, due_at=None))
        step = step_for(tx, cause, world.now)
        step.mark_due(TERRITORY, "urgent", at_once=True)
        step.mark_due(TERRITORY, "not urgent")
    (row,) = world.rows(t.territories)
    assert (row["due_at"], row["due_because"]) == (world.now, "urgent")

"""What a round remembers of the rounds before is what it would read anew, whatever has happened in between."""

from __future__ import annotations

import gc
from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from weakref import ref

import sqlalchemy as sa

from contracts.requests import RequestClosed
from contracts.siblings import SiblingsAsked, SiblingsParted, Together
from contracts.vacancies import SnapshotDeclared, VacancyReconfirmed, VacancyWithdrawn
from contracts.vocabulary import (
    Answer,
    ClosingReason,
    Criterion,
    Period,
    RefusalReason,
    RequestKind,
    Weekday,
    WithdrawalReason,
)
from services.matcher import store
from services.matcher import tables as t
from services.matcher.memory import MANY_REQUESTS, Lately, Memories, Memory
from services.matcher.reading import Loaded, load
from services.matcher.sentences import digest, told
from services.matcher.solver.canonical import canonical, round_hash
from services.matcher.solver.collector import RARELY
from services.matcher.solver.components import components
from services.matcher.solver.solve import decide
from tests.matcher.solver.golden import round_of
from tests.matcher.world import MONDAY, MORNINGS, SECTION, TERRITORY, World, days, need, on, on_weekday


def _loaded(world: World, memory: Memory | None) -> Loaded:
    with world.engine.connect() as tx:
        found = load(tx, TERRITORY, world.now, memory)
    assert found is not None
    return found


def _close(world: World) -> None:
    world.hear(RequestClosed, "r-3", reason=ClosingReason.FOUND_ELSEWHERE, said_by="counsellor")


def _declare(world: World) -> None:
    world.hear(
        SnapshotDeclared, "snapshot", structure="creche-A", section=SECTION, free=(), as_of=world.now, said_by="d"
    )


def _a_refused_admission(world: World) -> None:
    proposal = world.live("r-1")
    world.release(proposal)
    world.delivered(proposal)
    world.answer(proposal, Answer.OUI)
    world.refuse(proposal, RefusalReason.STAFF_SHORTAGE)


def _a_day_later(world: World) -> None:
    day = MONDAY + timedelta(days=1)
    world.ask("r-9", slots=on(day), period=days(day), kind=RequestKind.OCCASIONAL)
    world.now += timedelta(hours=23)
    world.round()
    world.now += timedelta(hours=2)  # the hours that were asked for have begun


def _a_place_and_a_better_one(world: World) -> None:
    world.open_place("v-4", places=2, slots=on_weekday(Weekday.FRI))
    place = world.proposed("r-4", slots=on_weekday(Weekday.FRI))
    world.release(place)
    world.delivered(place)
    world.answer(place, Answer.OUI)
    world.confirm(place)
    days = on_weekday(Weekday.TUE, Weekday.FRI)
    world.ask("m-4", kind=RequestKind.TRANSFER, child="c-r-4", current=place, slots=days)


def _two_together(world: World) -> None:
    for name in ("r-5", "r-6"):
        world.ask(name, family="f-5")
    world.hear(SiblingsAsked, "b-5", family="f-5", requests=("r-5", "r-6"), together=(Together.SAME_STRUCTURE,))


HAPPENINGS: tuple[Callable[[World], object], ...] = (
    lambda world: world.ask("r-3"),
    World.round,
    lambda world: world.amend("r-3", Criterion.INSERTION),
    lambda world: world.amend(
        "r-3", Criterion.INSERTION, slots=on(MONDAY + timedelta(days=30)), period=days(MONDAY, 60)
    ),
    lambda world: world.change_place("v-1", 3),
    lambda world: world.hear(VacancyReconfirmed, "v-1", said_by="director"),
    lambda world: world.open_place("v-2", places=2),
    World.round,
    _close,
    _a_refused_admission,
    lambda world: world.hear(VacancyWithdrawn, "v-2", reason=WithdrawalReason.CLOSURE, said_by="director"),
    World.round,
    lambda world: world.publish("creche-A", SECTION, f"{SECTION}-2"),
    _declare,
    _a_place_and_a_better_one,
    _two_together,
    World.round,
    lambda world: world.hear(SiblingsParted, "b-5", said_by="counsellor"),
    _a_day_later,
    lambda world: setattr(world, "now", world.now + timedelta(days=9)),  # places are not believed any more
)


def _lived(world: World) -> Iterator[World]:
    world.open_place()
    world.ask("r-1")
    world.ask("r-2", Criterion.SINGLE_PARENT)
    world.tick()
    for happen in HAPPENINGS:
        yield world
        happen(world)
    yield world


def test_whatever_happens_a_round_reads_what_it_would_read_without_a_memory(world: World) -> None:
    memory, seen = Memory(), []
    for lived in _lived(world):
        seen.append(_loaded(lived, memory))
        assert seen[-1] == _loaded(lived, None)
        asked = canonical(seen[-1].round, memory.once)
        assert asked == canonical(seen[-1].round)
        cut = memory.cutter.cut(seen[-1].round)
        assert cut.asked == asked
        assert sorted((part.round for part in cut.parts), key=str) == sorted(components(asked), key=str)
        assert memory.spelling.round_hash(asked) == round_hash(asked)
    assert len({str(replace(loaded, marks=0)) for loaded in seen}) > len(HAPPENINGS) - 3  # most of it was to be seen


def test_a_request_that_changes_behind_the_only_door_would_not_be_seen(world: World) -> None:
    memory = Memory()
    world.ask("r-1")
    _loaded(world, memory)
    changed = need("r-1", slots=MORNINGS, travel_minutes=15)
    with world.engine.begin() as tx:
        row = tx.scalar(sa.select(t.requests.c.need).where(t.requests.c.request == "r-1"))
        said = {**(row or {}), "travel_minutes": changed["travel_minutes"]}
        tx.execute(t.requests.update().where(t.requests.c.request == "r-1").values(need=said))
    assert _loaded(world, memory) != _loaded(world, None)


def test_a_reason_is_put_into_words_again_only_where_something_new_is_said(world: World) -> None:
    world.ask("r-1")
    world.tick()
    before = len(world.events("request.explained"))
    world.ask("r-2")
    world.tick()
    assert [event.subject for event in world.events("request.explained")[before:]] == ["r-2"]


def test_a_reason_is_put_into_words_again_where_a_structure_has_another_name() -> None:
    asked, memory = round_of(ONE_IS_LEFT), Memory()
    (request, reason) = next((asked.requests[1], row) for row in decide(asked).reasons if row.request == "B")
    names, other = {"X": "Les Lilas"}, {"X": "Les Tilleuls"}
    first = digest(request, reason, names, memory)
    assert digest(request, reason, names, memory) == first
    assert digest(request, reason, other, memory) == told(request, reason, other).digest != first
    turned = request.model_copy(
        update={"wishes": tuple(row.model_copy(update={"rank": row.rank + 1}) for row in request.wishes)}
    )
    assert digest(turned, reason, other, memory) == told(turned, reason, other).digest, "it names the rank of a wish"
    for _ in range(3):  # rounds in which nobody asked for it
        memory.turn()
        memory.rest()
    assert len(memory.told) == 1
    del reason
    memory.rest()
    assert len(memory.told) == 0


ONE_IS_LEFT = {
    "places": {"X": {"week": 1}},
    "requests": {name: {"points": points, "wishes": ["X"], "days": [["mon"]]} for name, points in (("A", 2), ("B", 1))},
}


def test_requests_are_read_again_where_they_are_read_against_something_else() -> None:
    memory = Memory()
    for against, made, read in (("a day", 1, 1), ("a day", 2, 1), ("the next day", 3, 3)):
        memory.read_against(against)
        assert memory.asked.get("r-1", lambda made=made: made) == read  # type: ignore[misc]


def test_hours_that_have_begun_meanwhile_are_seen_within_the_day(world: World) -> None:
    world.ask("r-1", slots=on(MONDAY, 15, 17), period=days(MONDAY), kind=RequestKind.OCCASIONAL)
    memory, seen = Memory(), []
    for hour in (11, 14):
        world.now = world.now.replace(hour=hour)
        seen.append(_loaded(world, memory))
        assert seen[-1] == _loaded(world, None)
    assert seen[0].round.requests != seen[1].round.requests


def test_a_hold_that_changes_under_its_name_is_read_again_once_its_section_was_locked(world: World) -> None:
    world.open_place()
    world.ask("r-1")
    world.tick()
    memory = Memory()
    before = _loaded(world, memory)
    with world.engine.begin() as tx:
        tx.execute(t.holds.update().values(ends=MONDAY + timedelta(days=90)))
    assert _loaded(world, memory) != _loaded(world, None)  # behind the only door it is not seen
    with world.engine.begin() as tx:
        store.lock_section(tx, SECTION)
    after = _loaded(world, memory)
    assert after == _loaded(world, None) and after.round.holds != before.round.holds


def test_what_has_not_changed_in_a_section_that_has_is_the_same_row(world: World) -> None:
    for name in ("v-1", "v-2"):
        world.open_place(name)
    memory = Memory()
    before = {row.id: row for row in _loaded(world, memory).round.vacancies}
    world.change_place("v-2", 3)
    after = {row.id: row for row in _loaded(world, memory).round.vacancies}
    assert after["v-1"] is before["v-1"] and after["v-2"].places == 3


def test_a_refusal_that_is_long_enough_ago_is_forgotten_within_the_day(world: World) -> None:
    world.open_place()
    world.ask("r-1")
    world.tick()
    proposal = world.live("r-1")
    world.release(proposal)
    world.delivered(proposal)
    world.answer(proposal, Answer.FIN)
    memory, seen, refused = Memory(), [], world.now
    for hours in (-1, 1):
        world.now = refused + _loaded(world, None).policy.not_again_for + timedelta(hours=hours)
        seen.append(_loaded(world, memory))
        assert seen[-1] == _loaded(world, None)
    assert [bool(row.not_again) for loaded in seen for row in loaded.round.requests] == [True, False]


def test_what_neither_this_round_nor_the_last_has_asked_for_is_forgotten() -> None:
    kept = Lately[str, int]()
    for number in range(3):
        kept.turn()
        assert kept.get("often", lambda number=number: number) == 0  # type: ignore[misc]
    assert kept.get("once", lambda: 1) == 1
    kept.turn()
    kept.turn()
    assert kept.get("once", lambda: 2) == 2


def test_what_a_round_did_not_ask_for_is_forgotten_as_it_ends() -> None:
    memory, row = Memory(), Period(start=MONDAY)
    gone = ref(row)
    memory.asked.get("r-1", [row].pop)
    memory.turn()
    memory.asked.get("r-2", lambda: MONDAY)
    del row
    assert gone() is not None, "the round may still ask"
    memory.rest()
    assert gone() is None
    assert memory.asked.get("r-2", lambda: None) == MONDAY


def test_only_the_territories_decided_last_are_remembered() -> None:
    memories = Memories(most=2)
    first = memories.of("one")
    first.waiting.get(("r-1", 1), lambda: "kept")
    assert memories.of("one") is first
    for number in range(3):
        memories.of("other").waiting.get((f"r-{number}", 1), lambda: "kept")
    assert memories.of("other") is not None
    assert memories.of("one") is not first


def test_after_another_has_had_the_territory_nothing_is_remembered() -> None:
    memories = Memories()
    first = memories.of("one", 1)
    assert memories.of("one", 1) is first
    assert memories.of("one", 2) is not first
    assert memories.of("one", 1) is not first


def test_the_collector_leaves_alone_what_a_large_territory_has_just_read() -> None:
    frozen, thresholds = gc.get_freeze_count(), gc.get_threshold()
    try:
        for requests in (MANY_REQUESTS - 1, MANY_REQUESTS):
            memory = Memory()
            for number in range(requests):
                memory.asked.get(number, lambda number=number: (number,))  # type: ignore[misc]
            memory.rest()
            assert (gc.get_freeze_count() > frozen) is (requests >= MANY_REQUESTS)
            assert gc.get_threshold() == (RARELY if requests >= MANY_REQUESTS else thresholds)
        for is_the_next in (True, False):  # the next one finds most of its answers anew
            memory.turn()
            memory.asked.get(0, lambda: ("not made again",))
            gc.unfreeze()
            memory.rest()
            assert (gc.get_freeze_count() > 0) is is_the_next
    finally:
        gc.set_threshold(*thresholds)
        gc.unfreeze()

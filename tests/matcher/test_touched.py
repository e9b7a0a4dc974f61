"""A round after an event comes to what a round from nothing would come to, whatever has happened in between."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from random import Random
from typing import Any

import pytest
import sqlalchemy as sa

from services.cli.bench_lived import A_WHILE
from services.cli.bench_town import TERRITORY as TOWN
from services.cli.bench_town import Declared, Happening, declared
from services.matcher import rounds, rows_read, store
from services.matcher import tables as t
from services.matcher.handlers import HANDLERS
from services.matcher.memory import Memory
from services.matcher.quiet import QuietParts
from services.matcher.remembered import Remembered
from services.matcher.solver.canonical import Once, canonical, round_hash
from services.matcher.solver.components import Reached, components, sealed
from services.matcher.solver.schema import Outcome, Round, Support
from services.matcher.solver.spelling import Spelling
from services.matcher.solver_process import decide
from services.matcher.touched import Cutter
from services.territory.chance import seeded
from services.territory.rounds import RoundPlan, drawn_round
from tests.matcher.solver.drawn_rounds import Taste, tiny
from tests.matcher.test_remembered import _lived, _some_have_a_place
from tests.matcher.world import TERRITORY, World


def _cut_as_from_nothing(lived: Iterator[Round]) -> tuple[int, int]:
    """How many parts were the same objects as before, and how many there were."""
    cutter, same, parts, before = Cutter(Once()), 0, 0, set[int]()
    for read in lived:
        cut = cutter.cut(read)
        assert cut.asked == canonical(read)
        assert {part.round.requests: part.round for part in cut.parts} == {
            part.requests: part for part in components(read)
        }
        now = {id(part.round.requests) for part in cut.parts}
        same, parts, before = same + len(now & before), parts + len(now), now
    return same, parts


def _with_a_section_less(lived: Iterator[Round], draw: Random) -> Iterator[Round]:
    """In some of these rounds a structure has closed a section that nobody holds, or takes other ages there."""
    for round in lived:
        held = {row.section for row in (*round.holds, *round.vacancies)}
        empty = [row for row in round.sections if row.id not in held]
        yield round
        if empty:
            gone = draw.choice(empty).id
            yield round.model_copy(update={"sections": tuple(row for row in round.sections if row.id != gone)})
        other = draw.choice(round.sections)
        ages = other.model_copy(update={"age_to_months": other.age_to_months + 6})
        sections = tuple(ages if row is other else row for row in round.sections)
        yield round.model_copy(update={"sections": sections})


def test_what_is_cut_from_the_round_before_is_what_is_cut_from_nothing() -> None:
    same, parts = 0, 0
    for seed in range(4):
        draw = Random(seed)
        plan = RoundPlan(requests=80, structures=24, flexible=0.2, points_at=0.1, siblings=0.1 * (seed % 2))
        town = _some_have_a_place(drawn_round(plan, seed), draw, 0.1)
        town = town.model_copy(update={"support": _support(town) if seed > 1 else ()})
        found = _cut_as_from_nothing(_with_a_section_less(_lived(town, draw, 8), draw))
        same, parts = same + found[0], parts + found[1]
    assert parts / 4 < same < parts, "most parts stay, and some do not"


def _support(town: Round) -> tuple[Support, ...]:
    structures = sorted({row.structure for row in town.sections})
    return tuple(Support(structure=name, children=1) for name in structures[::3])


def test_the_smallest_rounds_are_cut_alike() -> None:
    tastes = (Taste(on_call=1.0), Taste(siblings=1.0), Taste(movers=0.5), Taste())
    for seed in range(40):
        assert _cut_as_from_nothing(_lived(tiny(seed, tastes[seed % 4]), Random(seed), 6))[1] > 0


def test_a_cutter_that_does_not_look_around_a_change_is_found(monkeypatch: pytest.MonkeyPatch) -> None:
    alone = "services.matcher.touched._is_near"
    monkeypatch.setattr(alone, lambda part, change, *_: not part.requests.isdisjoint(change.requests))
    with pytest.raises(AssertionError):
        test_what_is_cut_from_the_round_before_is_what_is_cut_from_nothing()


def _known_after_others(events: int) -> tuple[int, int]:
    """Of how many requests sections are known, and how many there are, where one leaves and one comes at each event."""
    town, cutter = drawn_round(RoundPlan(requests=20, structures=6), 1), Cutter(Once())
    for number in range(events):
        cutter.cut(town)
        came = town.requests[0].model_copy(update={"id": f"came-{number}"})
        town = town.model_copy(update={"id": f"round-{number}", "requests": (*town.requests[1:], came)})
    return len(cutter.reached._known), len(town.requests)


def test_of_requests_that_are_gone_nothing_is_known_in_the_end() -> None:
    known, there = _known_after_others(60)
    assert known <= 2 * there


def test_a_cutter_that_lets_no_request_go_knows_all_that_ever_were(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Reached, "let_go", lambda *_: None)
    known, there = _known_after_others(60)
    assert known == there + 59


async def _life(forgets: bool, seed: int, events: int) -> tuple[list[dict[str, Any]], list[str]]:
    """What every round of a drawn town kept of itself, and all that was said. One that forgets begins from nothing."""
    world = World()
    town = drawn_round(RoundPlan(requests=40, structures=12, flexible=0.2), seed)
    happening = Happening(town, drawn_round(RoundPlan(requests=20, structures=12), seed + 1).requests, seeded(seed))
    _hear(world, *declared(town, seeded(seed)))
    remembered = Remembered(decide_here)
    for number in range(events + 2):
        world.now += A_WHILE
        world.decide = decide_here if forgets else remembered.decide
        world.memory = Memory() if forgets else world.memory
        await rounds.run_round(world.database, TOWN, world.now, world.decide, world.new_seed, memory=world.memory)
        live = _rows(world, t.proposals.select().where(t.IS_LIVE).order_by(t.proposals.c.proposal))
        _hear(world, happening.next(number, [(row["proposal"], row["request"]) for row in live]))
    kept = _rows(world, t.rounds.select().order_by(t.rounds.c.at))
    return [dict(row) for row in kept], [event.model_dump_json() for event in world.said]


def _rows(world: World, query: sa.Select[Any]) -> list[sa.RowMapping]:
    with world.engine.connect() as tx:
        return list(tx.execute(query).mappings())


def _hear(world: World, *told: Declared) -> None:
    with world.engine.begin() as tx:
        for event, subject, facts in told:
            cause = f"world/{next(world.numbers)}"
            said = event.say(subject, cause=cause, source="ingest", territory=TOWN, time=world.now, **facts)
            HANDLERS[event](tx, said, world.now)


def test_a_life_with_a_memory_is_the_life_in_which_every_round_begins_from_nothing() -> None:
    kept, said = asyncio.run(_life(False, 0, 14))
    assert (kept, said) == asyncio.run(_life(True, 0, 14))
    assert sum(int(row["proposed"]) > 0 for row in kept) > 2


def test_a_memory_that_misses_what_has_changed_leads_another_life(monkeypatch: pytest.MonkeyPatch) -> None:
    honest = asyncio.run(_life(True, 0, 4))
    fresh = rows_read.stocks
    monkeypatch.setattr(rows_read, "stocks", lambda tx, before, *rest: before or fresh(tx, before, *rest))
    assert asyncio.run(_life(False, 0, 4)) != honest


def test_what_another_has_told_a_family_meanwhile_is_told_right_again(world: World) -> None:
    world.ask("r-1")
    world.ask("r-2")
    world.tick()
    with world.engine.begin() as tx:
        tx.execute(t.explanations.update().where(t.explanations.c.request == "r-1").values(hash="another"))
        store.mark_due(tx, TERRITORY, world.now, "test")
    before = len(world.events("request.explained"))
    world.tick()
    assert [event.subject for event in world.events("request.explained")[before:]] == ["r-1"]


def test_a_part_that_nothing_has_touched_is_neither_decided_nor_read_again() -> None:
    town = drawn_round(RoundPlan(requests=60, structures=24), 1)
    first, *others = components(town)
    quiet, spelling = QuietParts(), Spelling()
    assert first.requests and others
    nobody = decide(first).model_copy(update={"placed": ()})
    quiet.turn({}, {})
    quiet.note(first, nobody, {}, spelling)
    for number, (told, names, is_quiet) in enumerate((({}, {}, True), ({first.requests[0].id: "x"}, {}, False))):
        quiet.turn(told, names)
        later = first.model_copy(update={"id": f"later-{number}", "instant": first.instant + timedelta(minutes=1)})
        found = quiet.of(later)
        assert (found is not None) is is_quiet
        if found is not None:
            assert found == sealed(nobody.model_copy(update={"round": later.id, "input_hash": round_hash(later)}))
    quiet.note(first, nobody, {}, spelling)
    quiet.turn({first.requests[0].id: "x"}, {"X": "Les Lilas"})
    assert quiet.of(first) is None  # structures are called otherwise


async def decide_here(part: Round) -> Outcome:
    return decide(part)

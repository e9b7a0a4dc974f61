"""A part that nothing has touched is not decided again, and comes to what it would have come to."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from datetime import timedelta
from random import Random

from services.matcher.remembered import Remembered, is_same
from services.matcher.solver.components import components
from services.matcher.solver.schema import Hold, Outcome, Round, Violation
from services.matcher.solver.spelling import Spelling
from services.matcher.solver_process import decide
from services.territory.rounds import RoundPlan, drawn_round
from tests.matcher.solver.drawn_rounds import Taste, tiny


class Deciding:
    """Decides, and counts how often it was asked."""

    def __init__(self) -> None:
        self.asked = 0

    async def __call__(self, part: Round) -> Outcome:
        self.asked += 1
        return decide(part)


def _lived(round: Round, draw: Random, events: int) -> Iterator[Round]:
    """The round again and again: later, with a request or a family gone or back, or with other places.

    Of a child who has a place the request goes, or the place with it.
    """
    requests = list(round.requests)
    together = {row.id: set(row.requests) for row in round.siblings}
    units = [{row.id} for row in requests if not any(row.id in names for names in together.values())]
    units += [*together.values()] * 3
    for number in range(events):
        away = draw.choice(units) if draw.random() < 0.6 else set[str]()
        left = {row.current for row in requests if row.id in away} if draw.random() < 0.5 else set()
        vacancies = list(round.vacancies)
        if draw.random() < 0.4:
            place = draw.randrange(len(vacancies))
            vacancies[place] = vacancies[place].model_copy(update={"places": draw.choice((0, 1, 2, 3))})
        yield round.model_copy(
            update={
                "id": f"{round.id}-{number}",
                "instant": round.instant + timedelta(minutes=90 * number),
                "requests": tuple(row for row in requests if row.id not in away),
                "siblings": tuple(row for row in round.siblings if away.isdisjoint(row.requests)),
                "holds": tuple(row for row in round.holds if row.id not in left),
                "vacancies": tuple(vacancies),
            }
        )


def _some_have_a_place(round: Round, draw: Random, share: float) -> Round:
    """The same round in which some of the children asked for alone sit somewhere and would rather go elsewhere."""
    together = {name for row in round.siblings for name in row.requests}
    requests, holds, vacancies = list(round.requests), list(round.holds), list(round.vacancies)
    for number, request in enumerate(requests):
        if request.id not in together and draw.random() < share:
            place = draw.choice(round.vacancies)
            hours = {"section": place.section, "slots": place.slots, "period": place.period}
            holds.append(Hold(id=f"had-{request.id}", **hours))
            vacancies.append(place.model_copy(update={"id": f"had-{request.id}", "places": 1}))
            requests[number] = request.model_copy(update={"current": f"had-{request.id}"})
    rows = {"requests": tuple(requests), "holds": tuple(holds), "vacancies": tuple(vacancies)}
    return round.model_copy(update=rows)


def _all_as_if_decided_now(rounds: Iterator[Round], remembered: Remembered) -> int:
    parts = 0
    for round in rounds:
        for part in components(round):
            parts += 1
            assert asyncio.run(remembered.decide(part)) == decide(part)
    return parts


def test_whatever_happens_a_remembered_outcome_is_the_one_of_a_full_round() -> None:
    deciding, parts = Deciding(), 0
    for seed in range(2):
        town = drawn_round(RoundPlan(requests=60, structures=16, flexible=0.2, points_at=0.1, siblings=0.1), seed)
        parts += _all_as_if_decided_now(_lived(town, Random(seed), 6), Remembered(deciding))
    assert deciding.asked < parts / 2


def test_among_siblings_and_children_who_move_a_remembered_outcome_is_the_one_of_a_full_round() -> None:
    deciding, parts, moved = Deciding(), 0, 0
    for seed in range(2):
        draw = Random(seed)
        town = drawn_round(RoundPlan(requests=60, structures=16, flexible=0.2, siblings=0.3), seed)
        lived = list(_lived(_some_have_a_place(town, draw, 0.1), draw, 6))
        parts += _all_as_if_decided_now(iter(lived), Remembered(deciding))
        moved += sum(row.replaces is not None for row in decide(lived[0]).placed)
        assert len({len(round.siblings) for round in lived}) > 1, "a family came or went"
    assert moved and deciding.asked < parts * 2 / 3


def test_places_released_meanwhile_are_decided_again() -> None:
    tastes = (Taste(on_call=1.0), Taste(on_call=1.0, siblings=1.0), Taste(on_call=1.0, movers=0.5))
    for seed in range(12):
        lived = _lived(tiny(seed, tastes[seed % 3]), Random(seed), 6)
        assert _all_as_if_decided_now(lived, Remembered(Deciding())) > 0


def test_an_hour_that_releases_a_place_makes_another_part_and_any_other_hour_does_not() -> None:
    round = next(row for row in map(tiny, range(50)) if any(v.release_at for v in row.vacancies))
    release = max(row.release_at for row in round.vacancies if row.release_at)
    before, at, after = (round.model_copy(update={"instant": release + timedelta(minutes=m)}) for m in (-1, 0, 1))
    assert not is_same(before, at)
    assert is_same(at, after)


def test_another_day_makes_another_part_since_places_wait_some_weeks_from_it() -> None:
    round = tiny(1)
    assert not is_same(round, round.model_copy(update={"instant": round.instant + timedelta(days=1)}))


def test_rows_that_are_spelled_alike_are_known_and_others_are_not() -> None:
    round, spelling = tiny(1), Spelling()
    copied = tuple(row.model_copy() for row in round.requests)
    again, other = (round.model_copy(update={"requests": rows}) for rows in (copied, copied[1:]))
    moved = round.model_copy(update={"requests": (*copied[:-1], copied[-1].model_copy(update={"points": 99}))})
    assert not is_same(round, again)
    assert is_same(round, again, spelling)
    assert not is_same(round, other, spelling)
    assert not is_same(round, moved, spelling)


def test_what_a_check_found_fault_with_is_decided_again() -> None:
    async def faulty(part: Round) -> Outcome:
        deciding.asked += 1
        found = Violation(guarantee="G1", sentence="planted")
        return decide(part).model_copy(update={"violations": (found,)})

    deciding, part = Deciding(), components(tiny(1))[0]
    remembered = Remembered(faulty)
    for _ in range(2):
        asyncio.run(remembered.decide(part))
    assert deciding.asked == 2


def test_only_the_territories_that_had_a_round_last_are_remembered() -> None:
    deciding, part = Deciding(), components(tiny(1))[0]
    remembered = Remembered(deciding, most=len(part.requests))
    for territory in ("one", "other", "one"):
        asyncio.run(remembered.decide(part.model_copy(update={"territory": territory})))
    assert deciding.asked == 3

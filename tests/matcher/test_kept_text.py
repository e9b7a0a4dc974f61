"""What a round decided on is kept as anybody would spell and pack it, however much of it is known already."""

from __future__ import annotations

import hashlib
import zlib
from collections.abc import Iterator
from random import Random

from services.matcher.kept_text import ROWS_A_RUN, Runs
from services.matcher.solver.canonical import canonical
from services.matcher.solver.schema import Round
from services.matcher.solver.spelling import Spelling
from services.territory.rounds import RoundPlan, drawn_round
from tests.matcher.solver.drawn_rounds import tiny


def _lived(round: Round, draw: Random, events: int) -> Iterator[Round]:
    """The same round with rows that go and come back."""
    for number in range(events):
        away = {draw.choice(round.requests).id, draw.choice(round.vacancies).id}
        rows = {
            "requests": tuple(row for row in round.requests if row.id not in away),
            "vacancies": tuple(row for row in round.vacancies if row.id not in away),
        }
        yield round.model_copy(update={"id": f"{round.id}-{number}", **rows})


def _is_the_text(round: Round, runs: Runs, spelling: Spelling) -> bool:
    kept, text = runs.text(round, spelling), Spelling().text(round)
    return zlib.decompress(kept.body) == text and kept.sha256 == hashlib.sha256(text).hexdigest()


def test_whatever_comes_and_goes_the_kept_text_is_the_text_of_the_round() -> None:
    town = canonical(drawn_round(RoundPlan(requests=4 * ROWS_A_RUN, structures=20, siblings=0.1), 1))
    runs, spelling = Runs(), Spelling()
    for round in (town, town, *_lived(town, Random(1), 6), town):
        assert _is_the_text(round, runs, spelling)


def test_the_smallest_rounds_are_kept_whole_too() -> None:
    for seed in range(10):
        assert _is_the_text(canonical(tiny(seed)), Runs(), Spelling())


def test_a_row_that_goes_changes_its_own_run_only() -> None:
    town = canonical(drawn_round(RoundPlan(requests=8 * ROWS_A_RUN, structures=20), 1))
    runs, spelling = Runs(), Spelling()
    runs.text(town, spelling)
    asked = list[int]()
    row = spelling.row
    spelling.row = lambda one: (asked.append(id(one)), row(one))[1]  # type: ignore[method-assign]
    gone = town.requests[len(town.requests) // 2].id
    runs.text(town.model_copy(update={"requests": tuple(r for r in town.requests if r.id != gone)}), spelling)
    assert 0 < len(asked) < len(town.requests) / 2


def test_a_text_that_is_not_that_of_the_round_would_be_seen() -> None:
    town, other = canonical(tiny(1)), canonical(tiny(2))
    assert zlib.decompress(Runs().text(town, Spelling()).body) != Spelling().text(other)

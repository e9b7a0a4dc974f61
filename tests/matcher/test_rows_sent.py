"""Parts go to the process that solves and outcomes come back, each row once, and nothing is lost when something is."""

from __future__ import annotations

import asyncio
import pickle
from collections import defaultdict
from collections.abc import Iterable, Iterator
from concurrent.futures import Future
from concurrent.futures.process import BrokenProcessPool
from random import Random

import pytest

from services.matcher import solver_process
from services.matcher.rows_sent import Parcel, Receiving, Sending, UnknownRow
from services.matcher.solver.canonical import Once
from services.matcher.solver.desks import MOST_OF_ONE
from services.matcher.solver.schema import Outcome, Round
from services.matcher.solver_process import Deciding, SolverProcess, decide
from services.matcher.touched import Cutter
from services.territory.rounds import RoundPlan, drawn_round
from tests.matcher.test_remembered import _lived


def _parts(seed: int, events: int = 4) -> list[Round]:
    town, cutter = drawn_round(RoundPlan(requests=40, structures=12), seed), Cutter(Once())
    return [part.round for lived in _lived(town, Random(seed), events) for part in cutter.cut(lived).parts]


def _carried(parcel: Parcel[Round]) -> Parcel[Round]:
    carried: Parcel[Round] = pickle.loads(pickle.dumps(parcel))  # noqa: S301
    return carried


def test_a_part_arrives_as_it_was_and_its_rows_are_sent_once() -> None:
    sending, receiving, sent, named = Sending[Round](), Receiving[Round](), 0, 0
    for part in _parts(1):
        parcel = _carried(sending.parcel(part))
        sent, named = sent + len(parcel.new), named + sum(map(len, parcel.names.values()))
        assert receiving.whole(parcel) == part
    assert sent < named / 2


def test_a_row_that_is_named_again_is_the_same_object_there() -> None:
    part = _parts(1)[0]
    sending, receiving = Sending[Round](), Receiving[Round]()
    first, again = (receiving.whole(_carried(sending.parcel(part))) for _ in range(2))
    assert all(one is other for one, other in zip(first.requests, again.requests, strict=True))


def test_what_was_lost_on_its_way_is_missed_and_sent_again() -> None:
    part = _parts(1)[0]
    sending, receiving = Sending[Round](), Receiving[Round]()
    sending.parcel(part)  # nobody receives it
    with pytest.raises(UnknownRow):
        receiving.whole(sending.parcel(part))
    sending.forget()
    assert receiving.whole(sending.parcel(part)) == part


def test_names_are_never_used_twice_even_where_everything_is_forgotten_in_between() -> None:
    sending, receiving, seen = Sending[Round](), Receiving[Round](), set[int]()
    for part in _parts(2):
        sending.forget()
        parcel = sending.parcel(part)
        assert parcel.new and seen.isdisjoint(parcel.new)
        seen |= parcel.new.keys()
        assert receiving.whole(parcel) == part


ANEW = 12


def _read_anew() -> Iterator[Round]:
    """One part again and again, in which each row is another one that says the same."""
    part = max(_parts(1), key=lambda part: len(part.requests))
    return (Round.model_validate_json(part.model_dump_json()) for _ in range(ANEW))


def _known_at_last(keeps_all: bool) -> tuple[int, int, int]:
    """The rows of one part, and those known here and there after it was sent as other rows again and again."""
    sending, receiving, kept = Sending[Round](), Receiving[Round](), list[Round]()
    for part in _read_anew():
        kept = [*kept, part] if keeps_all else [part]
        assert receiving.whole(_carried(sending.parcel(part))) == part
    return sum(map(len, sending.parcel(part).names.values())), len(sending._known), receiving.rows


def test_a_row_that_nobody_keeps_for_other_ends_is_known_on_neither_side() -> None:
    rows, here, there = _known_at_last(keeps_all=False)
    assert rows > 5
    assert here == there == rows


def test_rows_that_somebody_keeps_for_ever_are_known_for_ever() -> None:
    rows, here, there = _known_at_last(keeps_all=True)
    assert here == there == ANEW * rows


def _kept_beside(parts: Iterable[Round], keeps_all: bool = False) -> tuple[int, dict[str, int]]:
    """Parts sent and answered, as by two processes: how many rows may be named in the end, and of how many the process
    that solves knows its text, its order, and what was found there of a request."""
    sending, receiving, deciding, kept = Sending[Round](), Receiving[Outcome](), Deciding(), list[Round]()
    for part in parts:
        kept = [*kept, part] if keeps_all else [part]
        assert receiving.whole(_carried(deciding.decide(_carried(sending.parcel(part))))) == decide(part)
    (there,) = deciding._there.values()
    before, known = there.before.begin(), dict[str, int]()
    for kind in (before.once, before.reached, before.stated, before.kept):
        known |= {f"{type(kind).__name__}{name}": len(getattr(kind, name)) for name in OF_ROWS & vars(kind).keys()}
    return there.receiving.rows, {**known, "texts": there.rows}


OF_ROWS = {"_rows", "_from", "_cares", "_units", "_claims", "_choices", "_reasons"}
BESIDE = 10
"""Texts that are of no row that is sent: the policy, and what the last outcome counts."""


def test_beside_the_solver_no_more_is_kept_than_the_territory_has_rows() -> None:
    rows, kept = _kept_beside(_read_anew())
    assert len(kept) == len(OF_ROWS) + 1
    assert kept.pop("texts") <= (MOST_OF_ONE + 1) * rows + BESIDE, "and those that structures were made of lately"
    assert 0 < min(kept.values()) <= max(kept.values()) <= rows


def test_beside_the_solver_more_is_kept_of_rows_that_somebody_keeps_for_ever() -> None:
    once, for_ever = (_kept_beside(_read_anew(), keeps_all) for keeps_all in (False, True))
    assert all(kept == ANEW * once[1][name] for name, kept in for_ever[1].items() if name != "texts")
    assert for_ever[1]["texts"] > ANEW * once[0]


def test_beside_the_solver_more_is_kept_where_nobody_hears_what_is_gone(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Once, "let_go", lambda _: [])
    rows, kept = _kept_beside(_read_anew())
    assert max(kept.values()) > 2 * rows


def test_whoever_decides_one_part_after_the_other_comes_to_what_each_alone_comes_to() -> None:
    deciding, ways = Deciding(most=1), defaultdict[str, Sending[Round]](Sending)
    for part in _parts(3):
        for one in (part, part.model_copy(update={"territory": "elsewhere"})):
            sending = ways[one.territory]
            try:
                answer = deciding.decide(sending.parcel(one))
            except UnknownRow:  # the other territory was the last one
                sending.forget()
                answer = deciding.decide(sending.parcel(one))
            assert Receiving[Outcome]().whole(answer) == decide(one)
            assert list(deciding._there) == [one.territory]


def test_the_process_that_solves_answers_the_same_though_parts_or_answers_are_lost() -> None:
    async def lived() -> None:
        process = SolverProcess()
        try:
            for number, part in enumerate(_parts(4)):
                way = process._ways.get(part.territory)
                if way and number % 3 == 1:
                    way.sending.parcel(part)  # asked, and ended before it was sent
                if way and number % 3 == 2:
                    way.receiving = Receiving[Outcome]()  # answered, and nobody heard it
                assert await process.decide(part) == decide(part)
        finally:
            await process.close()

    asyncio.run(lived())


class Dies:
    """A process that ends before it has answered anybody."""

    def submit(self, *_: object) -> Future[None]:
        never = Future[None]()
        never.set_exception(BrokenProcessPool())
        return never


def test_of_several_who_waited_for_a_process_that_ended_one_begins_anew(monkeypatch: pytest.MonkeyPatch) -> None:
    """Else rows would be sent to one process that another one has heard of."""
    begun: list[Dies] = []

    def begin() -> Dies:
        begun.append(Dies())
        return begun[-1]

    async def asked() -> list[object]:
        monkeypatch.setattr(solver_process, "_one_process", begin)
        process = SolverProcess()
        return await asyncio.gather(*(process.decide(_parts(4)[0]) for _ in range(3)), return_exceptions=True)

    assert {type(one) for one in asyncio.run(asked())} == {solver_process.SolverDied}
    assert len(begun) == 2

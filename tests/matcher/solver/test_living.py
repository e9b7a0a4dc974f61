"""What was made of a row is known for as long as somebody keeps the row, and never taken for that of another one."""

from __future__ import annotations

from contracts.vocabulary import Period
from services.matcher.solver.living import Living
from services.matcher.solver.spelling import Spelling, spelled
from services.territory.rounds import MONDAY


def test_what_was_made_of_a_row_is_made_once_and_let_go_with_it() -> None:
    living, made, row = Living[str](), list[Period](), Period(start=MONDAY)

    def make(one: Period) -> str:
        made.append(one.model_copy())
        return str(one)

    assert living.of(row, make) is living.of(row, make)
    assert len(made) == len(living) == 1 and living.let_go() == []
    del row
    assert living.let_go() == [str(made[0])]
    assert len(living) == 0 and living.let_go() == []


def test_a_row_where_another_one_was_is_not_taken_for_it() -> None:
    spelling, where = Spelling(), set[int]()
    for year in range(2000, 2100):
        row = Period(start=MONDAY.replace(year=year))
        where.add(id(row))
        assert spelling.row(row) == spelled(row.model_dump(mode="json"))
        del row
    assert len(where) < 100, "some stood where others had been"
    assert spelling.rows == 0

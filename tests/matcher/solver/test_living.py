"""What was made of a row is known for as long as somebody keeps the row, and never taken for that of another one."""

from __future__ import annotations

from contracts.vocabulary import Period
from services.matcher.solver.living import AT_ONCE, Living
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


def test_of_thousands_of_rows_that_leave_at_once_a_quarter_goes_each_time() -> None:
    living = Living[int]()
    rows = [Period(start=MONDAY.replace(year=2000 + n)) for n in range(8 * AT_ONCE)]
    for row in rows:
        living.of(row, lambda row: row.start.year)
    del row
    rows.clear()
    gone = list[list[int]]()
    while len(living):
        gone.append(living.let_go())
    assert [len(some) for some in gone[:2]] == [2 * AT_ONCE, 6 * AT_ONCE // 4]
    assert min(map(len, gone[:-1])) >= AT_ONCE, "and the few that are left go soon"
    assert sorted(year for some in gone for year in some) == [2000 + n for n in range(8 * AT_ONCE)]


def test_a_row_where_another_one_was_is_not_taken_for_it() -> None:
    spelling, where = Spelling(), set[int]()
    for year in range(2000, 2100):
        row = Period(start=MONDAY.replace(year=year))
        where.add(id(row))
        assert spelling.row(row) == spelled(row.model_dump(mode="json"))
        del row
    assert len(where) < 100, "some stood where others had been"
    assert spelling.rows == 0


def test_a_row_where_another_one_was_stays_known_when_that_one_is_let_go() -> None:
    known, where = Living[int](), set[int]()
    for year in range(2000, 2100):
        row = Period(start=MONDAY.replace(year=year))
        where.add(known.of(row, id))
    assert len(where) < 100, "some stood where others had been"
    known.let_go()
    assert len(known) == 1

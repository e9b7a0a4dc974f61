"""Many rows of one table in one statement: on PostgreSQL a list of values for each column, on SQLite a row each.

PostgreSQL's driver asks for many rows one by one, each bound and planned for itself. Lists are read as a table is
(`unnest`): 500 rows cost its server half of that. One row alone is asked for as it always was.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from functools import cache
from typing import Any

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

Rows = Sequence[Mapping[str, Any]]
ServerInsert = postgresql.Insert | sqlite.Insert

RANK = "_rank"
"""Beside the lists, the number of each row, from 1: what PostgreSQL numbers itself, it numbers in this order."""


class Known(Enum):
    """What becomes of a row whose primary key is taken."""

    REFUSED = "refused"
    LEFT = "left"
    REPLACED = "replaced"


def insert_rows(tx: sa.Connection, table: sa.Table, rows: Rows, known: Known = Known.REFUSED) -> None:
    """Insert `rows`, which all name the same columns, as if one came behind the other.

    Raises sqlalchemy.exc.IntegrityError where a key is taken and `known` refuses it.
    """
    if not rows:
        return
    columns, server = tuple(rows[0]), tx.dialect.name
    if server != "postgresql" or len(rows) == 1:
        tx.execute(_insert_each(table, server, columns, known), [dict(row) for row in rows])
    else:
        lists = _lists(columns, _last_of_each_key(table, rows) if known is Known.REPLACED else rows)
        tx.execute(_insert_lists(table, columns, known), lists)


def change_rows(tx: sa.Connection, table: sa.Table, keys: tuple[str, ...], rows: Rows) -> None:
    """Change the rows that `keys` name, each of them once; what changes are the other columns of `rows`."""
    if not rows:
        return
    columns = tuple(rows[0])
    if tx.dialect.name != "postgresql" or len(rows) == 1:
        tx.execute(_change_each(table, keys, columns), [{f"_{name}": row[name] for name in columns} for row in rows])
    else:
        tx.execute(_change_lists(table, keys, columns), _lists(columns, rows))


def _lists(columns: Iterable[str], rows: Rows) -> dict[str, list[Any]]:
    return {f"_{name}": [row[name] for row in rows] for name in columns}


def _last_of_each_key(table: sa.Table, rows: Rows) -> Rows:
    """One statement replaces no row twice."""
    keys = [column.name for column in table.primary_key]
    return list({tuple(row[key] for key in keys): row for row in rows}.values())


@cache
def _insert_each(table: sa.Table, server: str, columns: tuple[str, ...], known: Known) -> sa.Insert:
    """Built once, as all below: a statement costs more to build than to run."""
    insert = (postgresql if server == "postgresql" else sqlite).insert(table)
    return _unless_known(insert, columns, known)


@cache
def _insert_lists(table: sa.Table, columns: tuple[str, ...], known: Known) -> sa.Insert:
    given = _given(table, columns)
    chosen = sa.select(*(given.c[name] for name in columns)).order_by(given.c[RANK])
    return _unless_known(postgresql.insert(table).from_select(list(columns), chosen), columns, known)


@cache
def _change_each(table: sa.Table, keys: tuple[str, ...], columns: tuple[str, ...]) -> sa.Update:
    given = {name: sa.bindparam(f"_{name}", type_=table.c[name].type) for name in columns}
    return _changed(table, keys, given)


@cache
def _change_lists(table: sa.Table, keys: tuple[str, ...], columns: tuple[str, ...]) -> sa.Update:
    given = _given(table, columns)
    return _changed(table, keys, {name: given.c[name] for name in columns})


def _given(table: sa.Table, columns: Iterable[str]) -> sa.TableValuedAlias:
    """The lists as a table of their own, its rows numbered."""
    types = {name: _unlimited(table.c[name].type) for name in columns}
    lists = [sa.bindparam(f"_{name}", type_=postgresql.ARRAY(type_, dimensions=1)) for name, type_ in types.items()]
    read = [sa.column(name, type_) for name, type_ in types.items()]
    return sa.func.unnest(*lists).table_valued(*read, with_ordinality=RANK).render_derived()


def _unlimited(type_: sa.types.TypeEngine[Any]) -> sa.types.TypeEngine[Any]:
    """A list is given its type by a cast, and a cast to so many letters cuts a longer text without a word: the column
    itself is to refuse it."""
    return sa.String() if isinstance(type_, sa.String) else type_


def _changed(table: sa.Table, keys: tuple[str, ...], given: Mapping[str, sa.ColumnElement[Any]]) -> sa.Update:
    values = {name: value for name, value in given.items() if name not in keys}
    return sa.update(table).values(values).where(*(table.c[key] == given[key] for key in keys))


def _unless_known(insert: ServerInsert, columns: tuple[str, ...], known: Known) -> ServerInsert:
    keys = [column.name for column in insert.table.primary_key]
    changed = {name: insert.excluded[name] for name in sorted(set(columns).difference(keys))}
    if known is Known.REFUSED:
        return insert
    if known is Known.LEFT or not changed:
        return insert.on_conflict_do_nothing(index_elements=keys)
    return insert.on_conflict_do_update(index_elements=keys, set_=changed)

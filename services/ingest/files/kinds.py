"""The three kinds of files: which columns, how a row is read, how it is declared, and in which column a rule hurts.

When to modify: for a fourth file.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa

from services.ingest.actors import Act
from services.ingest.duplicates import Newcomer
from services.ingest.files import requests, structures, vacancies
from services.ingest.files.columns import REQUEST_COLUMNS, STRUCTURE_COLUMNS, VACANCY_COLUMNS, Columns
from services.ingest.files.row import Row
from services.ingest.problems import Refused

Read = Callable[[list[Row], Act], Any]
Take = Callable[[sa.Connection, Act, str, Any], None]
Check = Callable[[sa.Connection, Act, Mapping[str, Any]], Mapping[str, Refused]]


def _first_row(_path: str) -> int | None:
    return None


@dataclass(frozen=True)
class Kind:
    """`read` makes a body of the rows of one key and leaves what is wrong in the rows, or raises Refused.

    `check` looks at many bodies before contacts are written, and says which it refuses; `take` declares one. `row_of`
    says which row a path of the body is about.
    """

    name: str
    columns: Columns
    read: Read
    take: Take
    column_of: Callable[[Any, str], str]
    check: Check | None = None
    newcomer: Callable[[str, Any], Newcomer] | None = None
    grouped_by: str | None = None
    row_of: Callable[[str], int | None] = _first_row


KINDS = {
    kind.name: kind
    for kind in (
        Kind(
            "structures", STRUCTURE_COLUMNS, structures.read_structure, structures.take_structure,
            structures.column_of, grouped_by="Nom", row_of=structures.section_of,
        ),
        Kind("vacancies", VACANCY_COLUMNS, vacancies.read_vacancy, vacancies.take_vacancy, vacancies.column_of),
        Kind(
            "requests", REQUEST_COLUMNS, requests.read_request, requests.take_request, requests.column_of,
            check=requests.check_requests,
            newcomer=requests.newcomer,
        ),
    )
}  # fmt: skip
"""By name, in the order in which a town hall imports them: a place names its structure, a request its wishes."""

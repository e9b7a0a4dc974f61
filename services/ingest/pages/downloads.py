"""A list of a page as a file for French spreadsheets: a table of columns, each with the right that opens it.

Nothing is in a file that its page does not show to the same person; that the list left as a file is noted each time.
When to modify: a list that people take along is a table of `Column`s beside its page, and a deed of the trail.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from fastapi.responses import Response

from services.ingest.access import Seen, Thing, visible_groups
from services.ingest.audited import did
from services.ingest.pages.screen import HEADERS
from services.ingest.pages.visit import Visit
from services.ingest.pages.wording import in_order
from services.ingest.spreadsheet import Cell, as_csv


@dataclass(frozen=True)
class Column:
    """A heading, what stands below it for one row, and which group of facts it is of.

    `unless`: whoever sees that group has another column instead.
    """

    title: str
    cell: Callable[[Mapping[str, Any]], Cell]
    group: Seen
    unless: Seen | None = None


async def download(
    visit: Visit, name: str, deed: tuple[str, str], columns: Sequence[Column], rows: Sequence[Mapping[str, Any]]
) -> Response:
    """The rows as a file `name-territory-day.csv`, in the columns that the visitor may see.

    `deed` is what the trail keeps of it: a word of `trail.DID`, and what the list is of.
    """
    await visit.write(did, visit.act(), *deed)
    groups = visible_groups(visit.actor, Thing(visit.actor.territory))
    seen = [column for column in columns if column.group in groups and column.unless not in groups]
    cells = ([column.cell(row) for column in seen] for row in rows)
    said = f'attachment; filename="{name}-{_plain(visit.town["name"])}-{visit.today}.csv"'
    body = as_csv([column.title for column in seen], cells)
    return Response(body, media_type="text/csv; charset=utf-8", headers={**HEADERS, "Content-Disposition": said})


def _plain(name: str) -> str:
    """A name as every disk takes it: "montlucon-communaute"."""
    return re.sub(r"[^a-z0-9]+", "-", in_order(name)).strip("-")

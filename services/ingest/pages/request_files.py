"""The open requests of the guichet as a file: those that its list shows, all of them."""

from __future__ import annotations

from typing import Any

from fastapi.responses import Response

from contracts.vocabulary import RequestKind
from services.calendar import local_day
from services.ingest.access import Seen
from services.ingest.actors import Role
from services.ingest.pages.downloads import Column, download
from services.ingest.pages.family_files import listed
from services.ingest.pages.public import commune_options
from services.ingest.pages.visit import Visit, get
from services.ingest.pages.wording import age_or_unborn
from services.ingest.people import with_people
from services.ingest.queries.requests import file_number, requests_of

AT_ONCE = 500
"""Requests read in one transaction, so that others get their turn (choice)."""


async def downloaded(visit: Visit) -> Response:
    """All that are open, by their ids as on the page."""
    communes = dict(commune_options(visit))
    rows: list[dict[str, Any]] = []
    after = ""
    while found := await visit.read(requests_of, visit.actor, visit.now, state="open", after=after, limit=AT_ONCE):
        after = found[-1]["request"]
        rows += await with_people(visit.guichet, visit.actor, visit.now, listed(found))
    named = [{**row, "commune": communes.get(row["child_commune"], row["child_commune"])} for row in rows]
    return await download(visit, "demandes", ("requests.downloaded", visit.actor.territory), COLUMNS, named)


COLUMNS = (
    Column("Dossier", lambda row: file_number(row["request"]), Seen.NEEDS),
    Column("Prénom", lambda row: row["first_name"] or "", Seen.CHILD),
    Column("Âge", lambda row: age_or_unborn(row["age_months"]), Seen.NEEDS),
    Column("Commune", lambda row: row["commune"], Seen.NEEDS),
    Column("Demande", lambda row: RequestKind(row["request_kind"]).label, Seen.NEEDS),
    Column("Enregistrée le", lambda row: f"{local_day(row['registered_at']):%d/%m/%Y}", Seen.NEEDS),
)

PAGES = (get("/guichet/demandes.csv", downloaded, Role.COORDINATOR),)

"""The files of a campaign as the commission takes them along: those that its page lists, all of them in one file."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from fastapi.responses import Response

from services.ingest.access import Seen
from services.ingest.pages.campaign_review import BOTH, FILES, campaign_of, filters, wanted_of
from services.ingest.pages.downloads import Column, download
from services.ingest.pages.visit import Visit, get
from services.ingest.pages.wording import NBSP, age_or_unborn, week
from services.ingest.people import with_people
from services.ingest.queries import campaign_lists as lists
from services.ingest.queries.requests import file_number

Row = Mapping[str, Any]


async def downloaded(visit: Visit) -> Response:
    """What the address asks for, as the page finds it, without its pages."""
    view = await campaign_of(visit)
    found = await visit.read(lists.all_files, visit.actor, view, visit.now, wanted_of(filters(visit)))
    rows = await with_people(visit.guichet, visit.actor, visit.now, found)
    return await download(visit, "campagne", ("draft.downloaded", view["campaign"]), COLUMNS, rows)


def _seats(row: Row) -> list[Row]:
    """Where the child is placed; of a week that two structures share, both."""
    return [seat for seat in (row if row["placed"] else None, row.get("also")) if seat]


def _joined(seats: list[Row], field: str) -> str:
    return " + ".join(seat[field] for seat in seats)


def _days(seats: list[Row]) -> str:
    return " + ".join(f"{NBSP}; ".join(week(seat["slots"])) for seat in seats)


def _before(row: Row) -> str:
    """Where the child was in the draft before."""
    seat = row["before"]
    parts = (seat["structure_name"], seat["section_name"], _days([seat])) if seat else ()
    return ", ".join(part for part in parts if part)


def _counted(row: Row) -> str:
    return " | ".join(f"{line['label']}{NBSP}: {line['points']:+d}" for line in row["reasons"])


def _proof(row: Row) -> str:
    return " | ".join(line.removeprefix("- ") for line in row["proof"])


def _tier(row: Row) -> int:
    return 1 if row["tier"] <= lists.FIRST_TIER else 2


def _yes_no(fact: object) -> str:
    return "oui" if fact else "non"


COLUMNS = (
    Column("Dossier", lambda row: file_number(row["request"]), Seen.NEEDS),
    Column("Prénom", lambda row: row["first_name"] or "", Seen.CHILD),
    Column("Âge", lambda row: age_or_unborn(row["age_months"]), Seen.NEEDS),
    Column("Urgente", lambda row: _yes_no(row["request_kind"] == "urgent"), Seen.NEEDS),
    Column("Réponse", lambda row: "Avec une place" if row["placed"] else "Sans place", Seen.RELEASE),
    Column("Structure", lambda row: _joined(_seats(row), "structure_name"), Seen.PLACES),
    Column("Section", lambda row: _joined(_seats(row), "section_name"), Seen.PLACES),
    Column("Jours", lambda row: _days(_seats(row)), Seen.PLACES),
    Column("Par décision", lambda row: _yes_no(row["forced"]), Seen.RELEASE),
    Column("Une partie des jours", lambda row: _yes_no(row["partial"]), Seen.PROPOSAL),
    Column("Priorité", _tier, Seen.HEALTH),
    Column("Points", lambda row: row["points"], Seen.HEALTH),
    Column("Points hors santé", lambda row: row["points"], Seen.POINTS, unless=Seen.HEALTH),
    Column("Rang", lambda row: (row["rank"] or "") if row["placed"] else "", Seen.RANK),
    Column("Ce qui change", lambda row: row["effect"].label if row["effect"] else "", Seen.RELEASE),
    Column("Avant", _before, Seen.RELEASE),
    Column("Raisons", lambda row: " ".join(row["phrases"]), Seen.REASON),
    Column("Pourquoi rien de mieux", _proof, Seen.REASON),
    Column("Points comptés", _counted, Seen.POINTS),
)
"""What the page shows of a file, in its order as far as columns have one."""

PAGES = (get(f"{FILES}.csv", downloaded, *BOTH),)

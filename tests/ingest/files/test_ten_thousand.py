"""The figure of the work list: 10,000 vacancies and requests with one bad row in a hundred; time and memory printed.

`make torture` takes them all, every run of the tests a quarter of them.
"""

from __future__ import annotations

import resource
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from contracts.base import Event
from contracts.requests import RequestRegistered
from contracts.vacancies import VacancyOpened
from services.ingest.files import Summary, import_file
from services.ingest.guichet import Guichet
from services.territory import TEN_THOUSAND_ROWS, Size, Territory
from services.territory.faults import Fault, with_faults
from services.territory.files import EXCEL, TownFile, requests_csv, structures_csv
from tests.ingest.files import town
from tests.ingest.people import said

SHARE = 0.01
A_QUARTER = Size(scale=3, waiting=0.3, many_vacancies=8)


async def timed(guichet: Guichet, kind: str, file: TownFile) -> tuple[Summary, str]:
    began, worked = time.monotonic(), time.process_time()
    summary = await import_file(guichet, town.act(), kind, file.encoded(EXCEL))
    seconds, of_processor = time.monotonic() - began, time.process_time() - worked
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    spent = f"{seconds:.1f} s ({of_processor:.1f} s of processor), the process at {peak} MB"
    return summary, f"import of {kind}: {summary.read} rows, {len(summary.rejected)} of them bad, in {spent}"


def is_exact(summary: Summary, faults: tuple[Fault, ...]) -> bool:
    """Every bad row came back, and nothing but the bad rows."""
    back = {rejected.line.number for rejected in summary.rejected}
    return back == {fault.line for fault in faults} and summary.taken == summary.read - len(faults)


def subjects(told: list[Event], event: type[Event]) -> set[str]:
    return {one.subject for one in told if isinstance(one, event)}


def good(file: TownFile, faults: tuple[Fault, ...]) -> set[str]:
    bad = {fault.line - 2 for fault in faults}
    return {row[0] for n, row in enumerate(file.rows) if n not in bad}


@pytest.mark.timeout(400)  # a minute of two processors at most, and others may want them
@pytest.mark.parametrize(
    ("size", "rows"), [(A_QUARTER, 2_500), pytest.param(TEN_THOUSAND_ROWS, 10_000, marks=pytest.mark.torture)]
)
async def test_thousands_of_rows_are_taken_and_the_bad_ones_all_come_back(
    tmp_path: Path, figure: Callable[[str], None], size: Size, rows: int
) -> None:
    large: Territory = town.town(size)
    async with town.opened(tmp_path) as guichet:
        await town.move_in(guichet.database, large)
        await import_file(guichet, town.act(), "structures", structures_csv(large).encoded())
        agreements = await town.sign_agreements(guichet.database, large)
        places, bad_places = with_faults(town.places_file(large, agreements), SHARE, 7)
        asked, bad_asked = with_faults(requests_csv(large), SHARE, 7)
        assert len(places.rows) + len(asked.rows) >= rows
        for_places, first = await timed(guichet, "vacancies", places)
        for_asked, second = await timed(guichet, "requests", asked)
        figure(first)
        figure(second)
        assert is_exact(for_places, bad_places)
        assert is_exact(for_asked, bad_asked)
        told = await guichet.database.read(said)
        assert subjects(told, VacancyOpened) == good(places, bad_places)
        assert subjects(told, RequestRegistered) == good(asked, bad_asked)

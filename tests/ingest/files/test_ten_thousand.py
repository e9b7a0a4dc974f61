"""The figure of the work list: 10,000 vacancies and requests with one bad row in a hundred; time and memory printed."""

from __future__ import annotations

import resource
import time
from pathlib import Path

import pytest

from contracts.requests import RequestRegistered
from contracts.vacancies import VacancyOpened
from services.ingest.files import Summary, import_file
from services.ingest.guichet import Guichet
from services.territory import TEN_THOUSAND_ROWS, Territory
from services.territory.faults import Fault, with_faults
from services.territory.files import EXCEL, TownFile, requests_csv, structures_csv
from tests.ingest.files import town
from tests.ingest.people import said

SHARE = 0.01


async def timed(guichet: Guichet, kind: str, file: TownFile) -> tuple[Summary, str]:
    began = time.monotonic()
    summary = await import_file(guichet, town.act(), kind, file.encoded(EXCEL))
    seconds = time.monotonic() - began
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return summary, f"{kind}: {summary.read} rows in {seconds:.1f} s, {len(summary.rejected)} bad, peak {peak} MB"


def is_exact(summary: Summary, faults: tuple[Fault, ...]) -> bool:
    """Every bad row came back, and nothing but the bad rows."""
    back = {rejected.line.number for rejected in summary.rejected}
    return back == {fault.line for fault in faults} and summary.taken == summary.read - len(faults)


async def kept(guichet: Guichet, event: type[object]) -> set[str]:
    return {told.subject for told in await guichet.database.read(said, event)}  # type: ignore[arg-type]


def good(file: TownFile, faults: tuple[Fault, ...]) -> set[str]:
    bad = {fault.line - 2 for fault in faults}
    return {row[0] for n, row in enumerate(file.rows) if n not in bad}


@pytest.mark.torture
@pytest.mark.timeout(600)
async def test_ten_thousand_rows_are_taken_and_the_bad_ones_all_come_back(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    large: Territory = town.town(TEN_THOUSAND_ROWS)
    async with town.opened(tmp_path) as guichet:
        await town.move_in(guichet.database, large)
        await import_file(guichet, town.act(), "structures", structures_csv(large).encoded())
        agreements = await town.sign_agreements(guichet.database, large)
        places, bad_places = with_faults(town.places_file(large, agreements), SHARE, 7)
        asked, bad_asked = with_faults(requests_csv(large), SHARE, 7)
        assert len(places.rows) + len(asked.rows) >= 10_000
        for_places, first = await timed(guichet, "vacancies", places)
        for_asked, second = await timed(guichet, "requests", asked)
        with capsys.disabled():
            print(f"\n{first}\n{second}")
        assert is_exact(for_places, bad_places)
        assert is_exact(for_asked, bad_asked)
        assert await kept(guichet, VacancyOpened) == good(places, bad_places)
        assert await kept(guichet, RequestRegistered) == good(asked, bad_asked)

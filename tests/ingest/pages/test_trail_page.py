"""The journal: who did or read what, found by whom, what, which file and when; and whether anybody meddled with it."""

from __future__ import annotations

from datetime import timedelta

import pytest
import sqlalchemy as sa

from services.bus import audit, audit_chain
from services.bus.audit import Entry
from services.bus.tables import audit as rows
from services.ingest.trail import PER_PAGE
from tests.ingest.pages.reading import faults, read, words
from tests.ingest.pages.town import FIRST_NAMES, Town
from tests.ingest.people import NOW, TERRITORY

HERE = "/guichet/journal"


def entry(n: int, **changes: str) -> Entry:
    """The n-th act of an invented person, an hour before the one before it."""
    facts = {"who": "P-noor", "role": "counsellor", "did": "contact.read", "about": f"R-{n}", "territory": TERRITORY}
    return Entry(at=NOW - timedelta(hours=n), **{**facts, **changes})


@pytest.fixture
async def noted(town: Town) -> Town:
    """Sixty acts beside those that made the town, all sealed, and one of another territory."""
    elsewhere = entry(1, who="P-stranger-there", territory="elsewhere")
    await town.write(lambda tx: audit.note(tx, *(entry(n) for n in range(1, 61)), elsewhere))
    await seal(town)
    return town


async def seal(town: Town) -> None:
    key = audit_chain.chain_key(town.guichet.link_key)
    while await town.guichet.database.write(audit_chain.seal, key):
        pass


async def shown(town: Town, query: str = "", who: str = "coordinator", status: int = 200) -> str:
    answer = await (await town.signed_in(who)).get(f"{HERE}{query}")
    assert answer.status_code == status
    return answer.text


def count(html: str) -> int:
    return html.count("Tout ce que ")


async def test_the_journal_shows_twenty_five_a_page_and_leads_to_the_older_ones(noted: Town) -> None:
    first = await shown(noted, "?qui=P-noor")
    assert count(first) == PER_PAGE
    (older,) = [target for target in read(first).targets if "page=2" in target]
    assert "qui=P-noor" in older
    assert count(await shown(noted, older.removeprefix(HERE))) == PER_PAGE
    last = await shown(noted, "?qui=P-noor&page=3")
    assert count(last) == 10
    assert "Plus récents" in last and "Plus anciens" not in last


async def test_each_filter_finds_what_it_names(noted: Town) -> None:
    assert "R-7" in words(await shown(noted, "?dossier=R-7&qui=P-noor"))
    assert count(await shown(noted, "?dossier=R-7&qui=P-noor")) == 1
    assert count(await shown(noted, "?qui=P-noor&geste=health.read")) == 0
    day = (NOW - timedelta(hours=30)).date().isoformat()
    of_a_day = await shown(noted, f"?qui=P-noor&du={day}&au={day}")
    assert 20 <= count(of_a_day) <= 24, "a French day of one act an hour"


async def test_nobody_is_named_and_another_territory_is_not_there(noted: Town) -> None:
    for who in ("coordinator", "administrator"):
        text = await shown(noted, who=who)
        assert "P-noor" in text and "P-stranger-there" not in text
        assert not any(name in text for name in FIRST_NAMES)


async def test_a_whole_chain_is_said_to_its_last_line(noted: Town) -> None:
    last = await noted.guichet.database.read(lambda tx: tx.scalar(sa.select(sa.func.max(rows.c.link))))
    assert f"Chaîne vérifiée jusqu'à la ligne {last}" in words(await shown(noted))


async def test_a_changed_row_is_told_to_whoever_opens_the_journal(noted: Town) -> None:
    def meddle(tx: sa.Connection) -> None:
        tx.execute(rows.update().where(rows.c.link == 5).values(who="P-nobody"))

    await noted.write(meddle)
    text = words(await shown(noted))
    assert "Le journal a été touché" in text and "La ligne 5 a été modifiée." in text
    assert "Chaîne vérifiée" not in text


async def test_what_is_not_found_says_how_to_see_all(noted: Town) -> None:
    text = words(await shown(noted, "?qui=P-personne"))
    assert "Aucun geste ne correspond." in text and "Revoir tout le journal" in text


@pytest.mark.parametrize("wrong", ["?du=hier", "?du=2026-12-02&au=2026-12-01"])
async def test_a_date_that_can_not_be_read_is_told_beside_its_field(noted: Town, wrong: str) -> None:
    assert faults(await shown(noted, wrong, status=422)) == ["du" if "hier" in wrong else "au"]


@pytest.mark.parametrize("page", ["0", "-1", "x", "²", "99999"])
async def test_a_page_that_is_no_page_is_the_first(noted: Town, page: str) -> None:
    assert "Les derniers gestes" in words(await shown(noted, f"?page={page}"))


async def test_a_program_reads_the_same_with_the_state_of_the_chain(noted: Town) -> None:
    client = await noted.signed_in("administrator")
    said = (await client.get("/api/v1/trail", params={"who": "P-noor", "page": 3})).json()
    assert (len(said["entries"]), said["has_more"], said["chain"]["whole"]) == (10, False, True)
    assert set(said["entries"][0]) == {"at", "who", "role", "did", "about", "territory", "file", "id", "link"}


@pytest.mark.parametrize("query", ["?du=0001-01-01", "?au=9999-12-31"])
async def test_a_date_at_the_end_of_the_calendar_is_told_beside_its_field(noted: Town, query: str) -> None:
    assert faults(await shown(noted, query, status=422)) == [query[1:3]]


@pytest.mark.parametrize("asked", ["since=0001-01-01T00:00:00%2B02:00", "before=9999-12-31T23:59:59-02:00"])
async def test_software_is_told_of_an_instant_at_the_end_of_the_calendar(noted: Town, asked: str) -> None:
    answer = await (await noted.signed_in("coordinator")).get(f"/api/v1/trail?{asked}")
    assert (answer.status_code, answer.json()["errors"][0]["field"]) == (422, asked.split("=")[0])

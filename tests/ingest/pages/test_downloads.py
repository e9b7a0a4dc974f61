"""The lists that coordinator and commission take along: the page's rows, in the columns of their rights."""

from __future__ import annotations

import csv
import io
from collections.abc import Mapping
from typing import Any

import httpx2
import pytest

from contracts.campaigns import Touched
from contracts.vocabulary import Effect
from services import vault
from services.bus import audit
from services.ingest import audited
from services.ingest.pages import downloads, request_files
from services.ingest.queries import campaign_lists
from services.ingest.spreadsheet import as_csv, as_typed
from tests.ingest.pages.reading import read, words
from tests.ingest.pages.test_campaign_pages import SEAT, begin, decided, drafted
from tests.ingest.pages.town import FIRST_NAMES, STATES, Town
from tests.ingest.people import COMMITTEE, COORDINATOR, TODAY

FILES, REQUESTS = "/campagne/dossiers.csv", "/guichet/demandes.csv"


def lines(answer: httpx2.Response) -> list[dict[str, str]]:
    """The file as a spreadsheet opens it, a line by its headings."""
    assert answer.status_code == 200
    text = answer.content.decode("utf-8-sig")
    assert answer.content.startswith(b"\xef\xbb\xbf") and text.endswith("\r\n")
    return list(csv.DictReader(io.StringIO(text, newline=""), delimiter=";"))


async def noted(town: Town, who: str) -> list[tuple[str, str]]:
    return [(row.did, row.about) for row in await town.guichet.database.read(audit.entries, who=who)]


async def test_the_file_of_a_campaign_says_what_its_page_shows(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(campaign_lists, "AT_ONCE", 1)
    draft = await begin(town)
    gains = Touched(request="R-3", effect=Effect.GAINS, after=SEAT)
    proof = ("Preuve à Les Lutins\u00a0: 2 moments sont comptés ensemble.", "- Les Lutins, le lundi")
    again = (drafted("R-3", draft, SEAT, touched=gains), drafted("R-4", draft, None, tier=1, proof=proof))
    await town.hear(*again, decided(draft))
    coordinator = await town.signed_in("coordinator")
    placed, waiting = lines(await coordinator.get(FILES))
    assert placed == {
        "Dossier": "R-3", "Prénom": "Inès", "Âge": "21\u00a0mois", "Urgente": "non", "Réponse": "Avec une place",
        "Structure": "Les Petits Cailloux (synthétique)", "Section": "Grands",
        "Jours": "le mardi, de\u00a08\u00a0h\u00a0à\u00a017\u00a0h",
        "Par décision": "non", "Une partie des jours": "non", "Priorité": "2", "Points": "60", "Rang": "2",
        "Ce qui change": "Gagne une place", "Avant": "", "Raisons": "Attend au vœu 1, rang 2.",
        "Pourquoi rien de mieux": "", "Points comptés": "Parent isolé\u00a0: +30",
    }  # fmt: skip
    assert (waiting["Réponse"], waiting["Structure"], waiting["Rang"], waiting["Priorité"]) == (
        "Sans place",
        "",
        "",
        "1",
    )
    assert waiting["Pourquoi rien de mieux"].endswith("comptés ensemble. | Les Lutins, le lundi")
    for n, row in enumerate((placed, waiting), start=1):
        page = words((await coordinator.get(f"/campagne/dossiers?page={n}")).text)
        for name in ("Dossier", "Prénom", "Âge", "Structure", "Section", "Jours", "Ce qui change", "Raisons"):
            assert row[name] in page, name


async def test_the_file_of_a_campaign_holds_what_is_looked_for_and_is_named_by_town_and_day(town: Town) -> None:
    await begin(town)
    coordinator = await town.signed_in("coordinator")
    page = (await coordinator.get("/campagne/dossiers?reponse=sans")).text
    (address,) = [target for target in read(page).targets if target.startswith(FILES)]
    answer = await coordinator.get(address)
    assert [row["Dossier"] for row in lines(answer)] == ["R-4"]
    assert answer.headers["content-type"] == "text/csv; charset=utf-8"
    assert answer.headers["cache-control"] == "no-store"
    name = answer.headers["content-disposition"]
    assert name == f'attachment; filename="campagne-montlucon-communaute-synthetique-{TODAY}.csv"'
    assert lines(await coordinator.get(f"{FILES}?reponse=decision")) == []


async def test_the_commission_takes_no_name_no_rank_and_no_health_along(town: Town) -> None:
    draft = await begin(town)
    await town.hear(drafted("R-4", draft, None, tier=1))
    answer = await (await town.signed_in("committee")).get(f"{FILES}?priorite=1")
    rows = lines(answer)
    assert [row["Dossier"] for row in rows] == ["R-3", "R-4"]
    assert rows[0]["Points hors santé"] == "30" and rows[0]["Raisons"] == "Attend au vœu 1."
    assert not {"Prénom", "Priorité", "Rang", "Points"} & set(rows[0])
    assert not any(word in answer.text for word in (*FIRST_NAMES, "rang", "60"))


async def test_each_file_that_leaves_is_noted_with_whose_health_it_shows(town: Town) -> None:
    draft = await begin(town)
    health: Any = ({"criterion": "disability", "label": "Handicap", "points": 30},)
    await town.hear(drafted("R-4", draft, None, reasons=health))
    for who in ("coordinator", "committee"):
        browser = await town.signed_in(who)
        assert [(await browser.get(FILES)).status_code for _ in range(2)] == [200, 200]
    mine, theirs = await noted(town, COORDINATOR.id), await noted(town, COMMITTEE.id)
    assert mine.count(("draft.downloaded", "C-1")) == theirs.count(("draft.downloaded", "C-1")) == 2
    assert ("health.read", "R-4") in mine and ("health.read", "R-4") not in theirs


async def test_no_file_leaves_that_is_not_noted(town: Town, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(*_: object) -> None:
        raise OSError("disque plein")

    coordinator = await town.signed_in("coordinator")
    monkeypatch.setattr(downloads, "did", full)
    with pytest.raises(OSError, match="disque plein"):
        await coordinator.get(REQUESTS)
    monkeypatch.setattr(downloads, "did", audited.did)
    assert (await coordinator.get(REQUESTS)).status_code == 200


async def test_the_file_of_requests_says_what_its_list_shows_and_neither_reads_a_contact(
    town: Town, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(request_files, "AT_ONCE", 5)
    coordinator = await town.signed_in("coordinator")
    answer = await coordinator.get(REQUESTS)
    rows = lines(answer)
    assert len(rows) == len({row["Dossier"] for row in rows}) == len(STATES) + 1
    found = {row["Dossier"]: row for row in rows}
    assert found["R-3"] == {
        "Dossier": "R-3", "Prénom": "Inès", "Âge": "21\u00a0mois", "Commune": "Désertines",
        "Demande": "Demande régulière", "Enregistrée le": f"{TODAY:%d/%m/%Y}",
    }  # fmt: skip
    assert (found["R-5"]["Âge"], found["urgent"]["Demande"]) == ("à naître", "Demande urgente (insertion)")
    page = await coordinator.get("/guichet/demandes")
    trail = await noted(town, COORDINATOR.id)
    assert trail.count(("requests.downloaded", COORDINATOR.territory)) == 1
    assert not {audited.READ_CONTACT, audited.READ_HEALTH} & {did for did, _ in trail}
    assert REQUESTS in read(page.text).targets
    shown = words(page.text)
    for row in rows:
        for name in ("Prénom", "Âge", "Commune", "Demande"):
            assert row[name] in shown, row


async def test_an_empty_list_is_a_line_of_headings_and_no_campaign_is_no_file(quiet_town: Town) -> None:
    coordinator = await quiet_town.signed_in("coordinator")
    empty = await coordinator.get(REQUESTS)
    assert lines(empty) == [] and empty.text.count("\r\n") == 1 and "Prénom" in empty.text
    assert "Télécharger" not in (await coordinator.get("/guichet/demandes")).text
    none = await coordinator.get(FILES)
    assert none.status_code == 404 and "content-disposition" not in none.headers


@pytest.mark.parametrize("name", ["=1+2", "+33", "-2", "@SUM(A1)", "\t=1", "\r=1", "\n=1", " =1+2", "\u00a0=1"])
def test_no_text_is_a_formula(name: str) -> None:
    assert one_cell(name) == f"'{name}"
    assert as_typed(one_cell(name)) == name


@pytest.mark.parametrize("cell", ["Zoé", "Anne-Lise", "a=b", 'de 8 h; le "mardi"\r\n', ""])
def test_other_texts_stay_as_they_are(cell: str) -> None:
    assert as_typed(one_cell(cell)) == one_cell(cell) == cell


def test_a_number_below_nothing_stays_a_number() -> None:
    assert as_csv(["Points"], [[-10]]) == "Points\r\n-10\r\n".encode("utf-8-sig")


def one_cell(cell: str) -> str:
    text = as_csv(["Prénom", "Âge"], [[cell, 3]]).decode("utf-8-sig")
    _, row = csv.reader(io.StringIO(text, newline=""), delimiter=";")
    return row[0]


async def test_a_name_that_is_a_formula_reaches_the_file_as_a_text(town: Town) -> None:
    formula = '=HYPERLINK("http://exemple.fr";"Lina")'
    keep = vault.put_child_first_name
    await town.guichet.vault.write(keep, town.guichet.keyring, "F-R-3", "R-3", formula, TODAY)
    rows: list[Mapping[str, str]] = lines(await (await town.signed_in("coordinator")).get(REQUESTS))
    assert next(row["Prénom"] for row in rows if row["Dossier"] == "R-3") == f"'{formula}"

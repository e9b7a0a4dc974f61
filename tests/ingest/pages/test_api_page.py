"""The API's own page: complete, true, in French, and without a script."""

from __future__ import annotations

import json
import re
from typing import Any

import pytest

from services.ingest.pages import api_docs
from tests.ingest.doors import Doors
from tests.ingest.pages.reading import read, words
from tests.ingest.pages.town import Town


@pytest.fixture
async def document(town: Town) -> dict[str, Any]:
    return dict((await town.client.get("/openapi.json")).json())


async def test_every_address_and_every_object_is_on_the_page_with_its_links(
    town: Town, document: dict[str, Any]
) -> None:
    page = await town.client.get("/api/docs")
    shown, reader = words(page.text), read(page.text)
    there = [(method.upper(), path) for path, acts in document["paths"].items() for method in acts]
    assert all(f"{method} {path}" in shown for method, path in there)
    assert {f"objet-{name}" for name in document["components"]["schemas"]} <= set(reader.ids)
    inner = {target[1:] for target in reader.targets if target.startswith("#")}
    assert inner - {"contenu"} <= set(reader.ids)
    assert len(reader.ids) == len(set(reader.ids))


async def test_the_page_runs_no_script_and_loads_from_nowhere_else(town: Town) -> None:
    page = await town.client.get("/api/docs")
    assert "script" not in read(page.text).tags
    assert "script-src" not in page.headers["content-security-policy"]
    assert not re.findall(r'(?:src|href)="https?:', page.text)


async def test_no_value_is_without_words_and_no_group_without_a_heading(document: dict[str, Any]) -> None:
    known = set(api_docs.TAGS.values())
    assert {title for title, _ in api_docs.groups(document)} <= known
    lines = [line for row in api_docs.objects(document) for line in row.fields]
    assert all(line.parts and all(part.text for part in line.parts) for line in lines)
    labelled = {"Criterion", "VacancyKind", "Weekday", "Role", "Answer"}
    values = [pair for row in api_docs.objects(document) if row.name in labelled for pair in row.values]
    assert values
    assert all(label for _, label in values)


async def test_texts_of_operations_are_french_sentences(document: dict[str, Any]) -> None:
    texts = [row.text for _, rows in api_docs.groups(document) for row in rows]
    assert all(text.endswith((".", "…")) for text in texts), [text for text in texts if not text.endswith(".")]


async def test_the_example_of_the_page_is_taken_as_it_stands(doors: Doors) -> None:
    answer = await doors.post("/vacancies", "director", json.loads(api_docs.EXAMPLE), key="grands-1")
    assert answer.status_code == 202, answer.text

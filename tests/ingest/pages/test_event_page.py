"""The streams' own page: complete, in French, without a script, and beside it the document for tools."""

from __future__ import annotations

import json
import re

from contracts.asyncapi import document
from contracts.topics import EVENTS, TOPICS
from services.ingest.pages import event_docs
from tests.ingest.pages.reading import read, words
from tests.ingest.pages.town import Town

ADDRESS = "/api/evenements"


async def test_every_stream_and_every_event_is_on_the_page_with_its_links(town: Town) -> None:
    page = await town.client.get(ADDRESS)
    shown, reader = words(page.text), read(page.text)
    assert all(topic.name in shown for topic in TOPICS) and all(name in shown for name in EVENTS)
    assert {f"objet-{event.__name__}" for event in EVENTS.values()} <= set(reader.ids)
    assert {target[1:] for target in reader.targets if target.startswith("#")} - {"contenu"} <= set(reader.ids)
    assert len(reader.ids) == len(set(reader.ids))


async def test_the_page_runs_no_script_and_loads_from_nowhere_else(town: Town) -> None:
    page = await town.client.get(ADDRESS)
    assert page.status_code == 200
    assert "script" not in read(page.text).tags
    assert not re.findall(r'(?:src|href)="https?:', page.text)


async def test_tools_get_the_document_that_is_in_the_checkout(town: Town) -> None:
    answer = await town.client.get("/asyncapi.json")
    assert answer.headers["content-type"] == "application/json"
    assert answer.json() == json.loads(json.dumps(document()))


def test_each_stream_says_who_writes_and_who_reads_it_in_french() -> None:
    found = {row.name: row for row in event_docs.streams(document())}
    assert found["declarations"].writer == "le guichet"
    assert found["declarations"].readers == ("l'attribution", "les messages")
    assert {row.days for row in found.values()} == {topic.retention_days for topic in TOPICS}
    assert all(line.parts for row in event_docs.objects(document()) for line in row.fields)

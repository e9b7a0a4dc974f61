"""One trace goes from a page to the gateway, through every outbox and handler on its way."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa

from contracts.base import Event
from contracts.vocabulary import ProposalState
from services.bus import traces
from services.bus.tables import outbox
from tests.journey.conftest import MONDAY
from tests.journey.embedded import EmbeddedProfile, open_profile
from tests.journey.test_journey import click, offered, read_by_family
from tests.journey.town import ask, open_town, open_tuesdays
from tests.journey.world import World
from tests.traced import traced, ways

FROM_A_FREE_PLACE = [
    "POST /api/v1/vacancies",
    "matcher vacancy.opened",
    "matcher round",
    "notifier proposal.released",
    "notifier send",
    "gateway phone",
]
FROM_A_FAMILY = [
    "POST /p/{token}",
    "matcher reply.received",
    "notifier proposal.accepted",
    "notifier send",
    "gateway phone",
]


@pytest.fixture
async def here(tmp_path: Path) -> AsyncIterator[World]:
    """In one process, so that one memory has every span."""
    profile = await open_profile(tmp_path, MONDAY)
    yield World(profile, "t1")
    await profile.api.aclose()
    await profile.town.close()


async def test_a_free_place_is_one_trace_from_the_api_to_the_gateway(here: World) -> None:
    await open_town(here, automatic_release=True)
    request, _ = await ask(here)
    await here.profile.settle()
    with traced() as spans:
        await open_tuesdays(here)
        await here.until(lambda: read_by_family(here, request), "the family to read its text")
        assert FROM_A_FREE_PLACE in ways(spans)


async def test_a_click_is_one_trace_from_the_page_to_the_gateway_and_holds_nothing_of_the_family(here: World) -> None:
    await open_town(here)
    await open_tuesdays(here)
    request, phone = await ask(here)
    await offered(here, request, phone)
    text = await here.text(phone, "place proposée")
    with traced() as spans:
        await click(here, text, "oui")
        await here.proposal_of(request, ProposalState.ACCEPTED)
        await here.text(phone, "noté")
        assert FROM_A_FAMILY in ways(spans)
        written = " ".join(span.to_json() for span in spans.get_finished_spans())
    token = text.split("/p/")[1].split()[0]
    assert not any(secret in written for secret in (token, phone, phone.removeprefix("+33"), "Personne inventée"))


async def test_while_traces_are_off_no_event_carries_one(here: World) -> None:
    await open_town(here)
    assert isinstance(here.profile, EmbeddedProfile)
    bodies = await here.profile.ingest.read(lambda tx: list(tx.scalars(sa.select(outbox.c.body))))
    assert bodies and {Event.model_validate_json(body).traceparent for body in bodies} == {None}
    assert not traces.are_on() and traces.current() is None


def test_traces_go_to_a_collector_where_the_extra_is_installed() -> None:
    """In a process of its own: its last spans leave at its end."""
    code = (
        "from services.bus import traces\n"
        "traces.configure('http://127.0.0.1:9/v1/traces', 'test')\n"
        "with traces.span('alone'): print(traces.current())\n"
        "import os, sys; sys.stdout.flush(); os._exit(0)"
    )
    said = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout
    assert said.startswith("00-")

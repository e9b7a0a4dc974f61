"""The campaign from the machine itself: opened, drafted, written out for `verify`, released."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from pathlib import Path

import pytest

from contracts.vocabulary import Period
from services.bus.settings import from_environment
from services.calendar import FixedClock, local_day, system_clock
from services.cli.embedded import open_embedded
from services.ingest.declare.campaigns import HeldBody, hold_place
from services.ingest.declare.requests import register_request
from services.ingest.declare.structures import publish_structure
from services.ingest.declare.territories import publish_territory
from services.ingest.declare.vacancies import open_vacancy
from services.matcher.app import decide_here
from tests.cli.command import Command
from tests.ingest.people import (
    COORDINATOR,
    CRECHE,
    act,
    need_body,
    structure_body,
    territory_body,
    vacancy_body,
)

NOW = system_clock()
TODAY = local_day(NOW)
STARTS = Period(start=TODAY + timedelta(days=30), end=TODAY + timedelta(days=400))
DATES = (
    *("--first", STARTS.start, "--last", STARTS.start + timedelta(days=30)),
    *("--requests-until", TODAY + timedelta(days=5), "--commission", TODAY + timedelta(days=9)),
)


async def live(environment: dict[str, str]) -> None:
    """What is due is done, on the files of this installation."""
    town = await open_embedded(from_environment(environment), FixedClock(NOW), decide=decide_here, limits=())
    try:
        await town.settle()
    finally:
        await town.close()


async def begin(environment: dict[str, str]) -> None:
    """Two places from next month on, one of them held; two families who ask for them."""
    town = await open_embedded(from_environment(environment), FixedClock(NOW), decide=decide_here, limits=())
    write = town.databases["ingest"].write
    try:
        now = act(COORDINATOR, NOW)
        await write(publish_territory, now, territory_body(policy="montlucon-modele"))
        await write(publish_structure, now, CRECHE, structure_body())
        place = await write(open_vacancy, now, vacancy_body(places=2, period=STARTS))
        await write(hold_place, now, HeldBody(vacancy=place, until=TODAY + timedelta(days=20), reason="Travaux"))
        for name in ("R-1", "R-2"):
            need = need_body(period=Period(start=STARTS.start), born=TODAY - timedelta(days=700))
            await write(register_request, now, need, request=name, family=f"F-{name}", child=f"E-{name}")
    finally:
        await town.close()


@pytest.fixture
def town(environment: dict[str, str]) -> dict[str, str]:
    asyncio.run(begin(environment))
    return environment


def test_a_campaign_is_opened_drafted_checked_and_released(
    berceau: Command, town: dict[str, str], tmp_path: Path
) -> None:
    campaign = berceau("campaign", "open", *DATES, "--json").json["campaign"]
    draft = berceau("campaign", "draft", "--json").json["draft"]
    assert "Aucun brouillon." in berceau("campaign", "show").out
    asyncio.run(live(town))
    shown = berceau("campaign", "show", "--out", tmp_path / "paper")
    assert f"Campagne {campaign}, ouverte." in shown.out and "1\u00a0enfant placé, 2\u00a0demandes." in shown.out
    assert berceau("verify", tmp_path / "paper/round.json", tmp_path / "paper/outcome.json").code == 0
    assert berceau("campaign", "release", draft, "--note", "Vu").code == 0
    asyncio.run(live(town))
    view = berceau("campaign", "show", "--json").json
    assert (view["state"], view["closed"]["proposals"], view["closed"]["dropped"]) == ("over", 1, [])
    assert berceau("replay", "--check").code == 0, "its events give the state that there is"


def test_what_ingest_refuses_ends_the_command_with_its_remedy(berceau: Command, town: dict[str, str]) -> None:
    assert berceau("campaign", "show").code == 5
    assert berceau("campaign", "draft").code == 5
    berceau("campaign", "open", *DATES)
    assert "Une campagne est déjà ouverte." in berceau("campaign", "open", *DATES).err
    assert berceau("campaign", "release", "D-autre").code == 5
    assert berceau("campaign", "end", "--reason", "Autre date").code == 0

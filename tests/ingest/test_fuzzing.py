"""T13 of reliability.md: no answer in 5xx, no way past a guard, nothing that the description does not say.

Whether somebody reaches another's files is asked of real files, person by person, in `test_rights`: the fuzzer probes
it only with what it made itself, and seldom makes a request that is taken.
"""

from __future__ import annotations

import time
from pathlib import Path

import pytest
from fastapi import APIRouter, FastAPI
from starlette.routing import BaseRoute

from services.ingest.access import MAY_SEE, Reach, Seen
from services.ingest.actors import Role
from services.ingest.api import add_api, door
from tests.connected import torture
from tests.ingest.doors import Doors
from tests.ingest.fuzzer import LONG, fuzz
from tests.ingest.test_rights import MORE_NAMES, NAMES, furnish

THERE = NAMES | MORE_NAMES


@pytest.mark.timeout(900)
async def test_every_operation_keeps_to_its_description(doors: Doors, tmp_path: Path) -> None:
    await furnish(doors)
    run = await fuzz(doors, tmp_path, THERE)
    assert (run.code, run.found) == (0, []), run.words


def unguarded(app: FastAPI) -> list[BaseRoute]:
    """The doors that heed what this application replaces. Its own are those of every application of the process."""
    careless = APIRouter(dependency_overrides_provider=app)
    add_api(careless)
    return careless.routes


@pytest.mark.filterwarnings("ignore:Duplicate Operation ID")  # the doors with their guard stand behind the others
async def test_a_route_without_its_guard_is_found(
    doors: Doors, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The twin: nobody in particular is let in, as whoever asks first."""
    await furnish(doors)
    app = doors.service.app
    app.dependency_overrides[door.open_door_of_somebody] = door.open_door
    app.router.routes[:0] = unguarded(app)
    monkeypatch.setitem(MAY_SEE, Seen.PLACES, dict.fromkeys(Role, Reach.TERRITORY))
    run = await fuzz(doors, tmp_path, THERE, "/api/v1/structures/{structure}/places")
    assert "ST401" in run.found, run.words


@pytest.mark.torture
@pytest.mark.timeout(3 * 3600)
async def test_two_hundred_tries_of_each_operation_keep_to_its_description(doors: Doors, tmp_path: Path) -> None:
    await furnish(doors)
    begun = time.monotonic()
    run = await fuzz(doors, tmp_path, THERE, phases=LONG, examples=200)
    assert (run.code, run.found) == (0, []), run.words
    torture.record(
        "T13", "200 essais de chaque opération de l'API (schemathesis)", "0 réponse 5xx, 0 contournement", begun=begun,
        on=torture.sqlite(), twin="une route sans sa garde : trouvée (à chaque `make test`)",
    )  # fmt: skip

"""Before a territory is published no door takes anything about it: the matcher could only set it aside unseen."""

from __future__ import annotations

import pytest
import sqlalchemy as sa

from contracts.structures import StructurePublished
from services.ingest import store
from services.ingest.declare.requests import check_registration
from services.ingest.declare.structures import publish_structure
from services.ingest.files import import_file
from services.ingest.guichet import Guichet
from services.ingest.partners import take
from services.ingest.problems import Refused, Why
from services.territory import Territory
from services.territory.files import requests_csv, structures_csv
from tests.ingest import people
from tests.ingest.doors import Doors
from tests.ingest.files import town
from tests.ingest.partner_software import free_tuesday, software
from tests.ingest.people import COUNSELLOR, CRECHE, DIRECTOR, act, said
from tests.ingest.proposals import LINK_KEY

UNPUBLISHED = ("territory", "territory_unpublished")


def unpublish(tx: sa.Connection) -> None:
    for table in (store.sections, store.structures, store.territories):
        tx.execute(table.delete())


async def test_the_api_refuses_a_structure_and_a_request_with_the_remedy(doors: Doors) -> None:
    await doors.write(unpublish)
    structure = people.structure_body().model_dump(mode="json")
    answer = await doors.call("PUT", f"/structures/{CRECHE}", "director", structure)
    assert answer.status_code == 409
    assert answer.headers["content-type"] == "application/problem+json"
    (error,) = answer.json()["errors"]
    assert (error["field"], error["code"]) == UNPUBLISHED
    assert "Publiez d'abord le territoire" in error["remedy"]
    need = people.urgent_need().model_dump(mode="json")
    assert (await doors.post("/requests", "counsellor", need)).status_code == 409


def test_nothing_is_said_of_a_structure_before_its_territory(tx: sa.Connection) -> None:
    with pytest.raises(Refused) as caught:
        publish_structure(tx, act(DIRECTOR), CRECHE, people.structure_body())
    assert caught.value.why is Why.CONFLICT
    assert said(tx, StructurePublished) == []
    with pytest.raises(Refused, match="territory_unpublished"):
        check_registration(tx, act(COUNSELLOR), people.urgent_need())
    people.publish_all(tx)
    assert len(said(tx, StructurePublished)) == 2


def test_a_partners_place_goes_to_its_rejects_with_that_reason(tx: sa.Connection) -> None:
    people.publish_all(tx)
    theirs = software(tx)
    unpublish(tx)
    headers, body = theirs.says("vacancy.open", free_tuesday())
    with pytest.raises(Refused) as caught:
        take(tx, LINK_KEY, headers, body, people.NOW)
    assert [(problem.field, problem.code) for problem in caught.value.problems] == [UNPUBLISHED]


@pytest.mark.parametrize("kind", ["structures", "requests"])
async def test_every_row_of_a_file_comes_back_with_that_reason(empty: Guichet, tiny: Territory, kind: str) -> None:
    await empty.database.write(unpublish)
    file = structures_csv(tiny) if kind == "structures" else requests_csv(tiny)
    summary = await import_file(empty, town.act(), kind, file.encoded(), dry_run=True)
    assert summary.taken == 0 and summary.rejected
    codes = {problem.code for row in summary.rejected for problem in row.problems}
    assert UNPUBLISHED[1] in codes <= {UNPUBLISHED[1], "belongs_together"}

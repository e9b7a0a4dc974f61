"""Many acts of a program in one request: the messages of the partner topic, for whoever has no broker."""

from __future__ import annotations

from collections import Counter
from typing import Annotated, Any, Literal

import sqlalchemy as sa
from fastapi import APIRouter, Body
from fastapi.responses import JSONResponse
from pydantic import BaseModel

from services.ingest.actors import Act
from services.ingest.api.door import ACCEPTED, Somebody
from services.ingest.api.errors import STATUS, ProblemLine, details
from services.ingest.partner_batches import MOST_MESSAGES, Became, take_many
from services.ingest.partners import MESSAGES, REJECTED, REPEATED, TAKEN

routes = APIRouter(tags=["logiciels"])


class Result(BaseModel):
    """What became of one message. `status` and `errors` are what it would have been answered alone."""

    id: str
    outcome: Literal["taken", "repeated", "rejected"]
    status: int
    made: str | None
    errors: list[ProblemLine]


class Results(BaseModel):
    """One result for each message, in the order in which they were sent."""

    taken: int
    repeated: int
    rejected: int
    results: list[Result]


@routes.post("/messages", status_code=ACCEPTED, response_model=Results)
async def post_messages(
    door: Somebody,
    messages: Annotated[list[dict[str, Any]], Body(min_length=1, max_length=MOST_MESSAGES)],
) -> JSONResponse:
    """Envoyer plusieurs messages à la fois, ceux du sujet `partners`. Les bons sont pris, les mauvais sont dits.

    Un message compte une fois, par son `id`\u00a0: en cas de doute, renvoyez le lot.
    """

    def do(tx: sa.Connection, act: Act) -> dict[str, Any]:
        return _told(take_many(tx, act.actor, messages, act.now))

    async with door.guichet.batches:
        return await door.perform(do)


def _told(found: list[Became]) -> dict[str, Any]:
    counts = Counter(one.outcome for one in found)
    for outcome, number in counts.items():
        MESSAGES.labels(outcome).inc(number)
    return {**{name: counts[name] for name in (TAKEN, REPEATED, REJECTED)}, "results": [_result(one) for one in found]}


def _result(one: Became) -> dict[str, Any]:
    facts = {"id": one.id, "outcome": one.outcome, "made": one.made or None}
    if one.refused is None:
        return {**facts, "status": ACCEPTED, "errors": []}
    status = STATUS[one.refused.why]
    return {**facts, "status": status, "errors": details(status, one.refused.problems)["errors"]}

"""Who stands at the JSON door, and one act of theirs: done once, answered the same when it is repeated."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Annotated, Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa
from fastapi import Depends, Header, Request
from fastapi.responses import JSONResponse
from fastapi.security import HTTPAuthorizationCredentials, HTTPBearer
from pydantic_core import to_jsonable_python

from contracts.vocabulary import Channel
from services.ingest import credentials, idempotency
from services.ingest.actors import Act, Actor, Role, public
from services.ingest.api.errors import MEDIA_TYPE, STATUS, NotIdentified, details
from services.ingest.guichet import Guichet
from services.ingest.idempotency import Answered, Claim
from services.ingest.people import with_people
from services.ingest.problems import Refused
from services.ingest.queries.directory import territory
from services.ingest.sessions import cookie_name

P = ParamSpec("P")
T = TypeVar("T")
Do = Callable[[sa.Connection, Act], dict[str, Any]]
Prepare = Callable[[Act], Awaitable[Do]]

bearer = HTTPBearer(auto_error=False, description="Clé d'un logiciel, créée par l'administration du territoire")
ACCEPTED, CREATED, DONE = 202, 201, 200


@dataclass(frozen=True)
class Door:
    """One request: by whom, when, and with which idempotency key."""

    guichet: Guichet
    actor: Actor
    now: datetime
    claim: Claim | None

    async def read(self, do: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.guichet.database.read(do, *args, **kwargs)

    async def people(self, *views: dict[str, Any]) -> list[dict[str, Any]]:
        """Views with the names and contacts that the actor may see."""
        return await with_people(self.guichet, self.actor, self.now, views)

    async def perform(self, do: Do, status: int = ACCEPTED, channel: Channel = Channel.API) -> JSONResponse:
        """Do it in one transaction and answer what it returns, once for each key."""
        act = Act(self.actor, self.now, channel)
        if self.claim is None:
            return response(status, await self.guichet.database.write(_do_and_keep, do, act, None, status))
        try:
            kept = await self.guichet.database.write(_claim_and_do, do, act, self.claim, status)
        except Refused as refused:
            status = STATUS[refused.why]
            body = details(status, refused.problems)
            kept = await self.guichet.database.write(_claim_and_refuse, self.claim, self.now, status, body)
        return response(kept.status, kept.body)

    async def perform_prepared(
        self, prepare: Prepare, status: int = ACCEPTED, channel: Channel = Channel.API
    ) -> JSONResponse:
        """The same where something comes before the transaction: contacts go to the vault. The key is claimed first."""
        if self.claim is None:
            return await self._once(prepare, Act(self.actor, self.now, channel), status)
        claimed = await self.guichet.database.write(idempotency.reserve, self.claim, self.now)
        if isinstance(claimed, Answered):
            return response(claimed.status, claimed.body)
        try:
            return await self._once(prepare, Act(self.actor, self.now, channel, cause=claimed), status)
        except Refused as refused:
            return await self._keep_refusal(self.claim, refused)
        except BaseException:
            await self.guichet.database.write(idempotency.release, self.claim)
            raise

    async def _once(self, prepare: Prepare, act: Act, status: int) -> JSONResponse:
        do = await prepare(act)
        body = await self.guichet.database.write(_do_and_keep, do, act, self.claim, status)
        return response(status, body)

    async def _keep_refusal(self, claim: Claim, refused: Refused) -> JSONResponse:
        status = STATUS[refused.why]
        body = details(status, refused.problems)
        kept = await self.guichet.database.write(idempotency.refuse, claim, status, body)
        return response(kept.status, kept.body)


def _do_and_keep(tx: sa.Connection, do: Do, act: Act, claim: Claim | None, status: int) -> Any:
    body = to_jsonable_python(do(tx, act))
    if claim is not None:
        idempotency.finish(tx, claim, status, body)
    return body


def _claim_and_do(tx: sa.Connection, do: Do, act: Act, claim: Claim, status: int) -> Answered:
    """What the key was answered before, else what the act is answered now. Nothing is claimed by an act that fails."""
    claimed = idempotency.reserve(tx, claim, act.now)
    if isinstance(claimed, Answered):
        return claimed
    return Answered(status, _do_and_keep(tx, do, replace(act, cause=claimed), claim, status))


def _claim_and_refuse(tx: sa.Connection, claim: Claim, now: datetime, status: int, body: Any) -> Answered:
    claimed = idempotency.reserve(tx, claim, now)
    if isinstance(claimed, Answered):
        return claimed
    idempotency.finish(tx, claim, status, body)
    return Answered(status, body)


def response(status: int, body: Any) -> JSONResponse:
    """An answer, or a refusal, as it is kept with its key."""
    is_problem = status >= 400
    return JSONResponse(body, status, media_type=MEDIA_TYPE if is_problem else None)


Given = Annotated[HTTPAuthorizationCredentials | None, Depends(bearer)]
Once = Annotated[
    str | None,
    Header(
        alias="Idempotency-Key",
        min_length=1,
        max_length=255,
        pattern=r"^[\x21-\x7e]+$",
        description="Réessayer sans doubler",
    ),
]


async def open_door(request: Request, given: Given = None, idempotency_key: Once = None) -> Door:
    """Who asks: a program by its key, a person by its session, or anybody. Raises NotIdentified for a wrong key."""
    guichet: Guichet = request.app.state.guichet
    now = guichet.clock()
    cookie = request.cookies.get(cookie_name(guichet))
    actor, is_to_note = await guichet.database.read(_who, given.credentials if given else None, cookie, now)
    if actor is None:
        raise NotIdentified
    if is_to_note:
        await guichet.database.write(credentials.note_use, actor.id, now)
    claim = await claim_of(request, actor, idempotency_key) if idempotency_key else None
    return Door(guichet, actor, now, claim)


async def open_door_of_somebody(door: Annotated[Door, Depends(open_door)]) -> Door:
    """The same where nobody in particular has nothing to do. Raises NotIdentified."""
    if door.actor.role is Role.PUBLIC:
        raise NotIdentified
    return door


Anybody = Annotated[Door, Depends(open_door)]
Somebody = Annotated[Door, Depends(open_door_of_somebody)]


def _who(tx: sa.Connection, key: str | None, cookie: str | None, now: datetime) -> tuple[Actor | None, bool]:
    """Who asks, and whether the use of its key is to be noted."""
    if key is None:
        signed_in = credentials.actor_of_session(tx, cookie, now) if cookie else None
        return signed_in or _public(tx), False
    found = credentials.program_of_key(tx, key)
    return (None, False) if found is None else (found[0], credentials.use_is_old(found[1], now))


def _public(tx: sa.Connection) -> Actor:
    try:
        return public(territory(tx)["territory"])
    except Refused:
        return public("")


async def claim_of(request: Request, actor: Actor, key: str) -> Claim:
    """The body counts by what it says, not by its blanks; the route by what it names."""
    try:
        said = json.dumps(await request.json(), sort_keys=True).encode()  # read once, by the route and by us
    except ValueError:
        said = await request.body()
    route = hashlib.sha256(f"{request.method} {request.url.path}".encode()).hexdigest()
    return Claim(actor.id, key, route, hashlib.sha256(said).hexdigest())

"""What people do at the guichet's doors: each act is tried until it is answered, and is done once for all tries."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from fastapi.responses import JSONResponse

from contracts.vocabulary import Answer, Channel
from services.ingest.actors import Act, Actor
from services.ingest.api.door import Do, Door
from services.ingest.declare.requests import amend_request, register_request
from services.ingest.families import (
    AmendmentBody,
    RegistrationBody,
    prepare_amendment,
    prepare_registration,
    suspend_if_wrong,
)
from services.ingest.guichet import Guichet
from services.ingest.idempotency import Claim
from services.ingest.problems import Refused

Says = Callable[[sa.Connection, Act, Any], Any]
"""Does the act; the third argument is what `first` made ready."""
LEAST_REFUSAL = 300
RETRY_AFTER = timedelta(seconds=90)
"""Longer than a claimed key stays in flight after its process died."""


@dataclass
class Errand:
    """One act of somebody. `says` is the event that it makes, once, if it is taken; `first` goes before it, `then`
    behind it, once more for each answer that was lost."""

    actor: Actor
    name: str
    says: str
    do: Says
    channel: Channel = Channel.API
    first: Callable[[Guichet, Act], Any] | None = None
    then: Callable[[Guichet, Act], Any] | None = None
    key: str = ""
    not_before: datetime | None = None
    answer: tuple[int, Any] | None = None
    was_lost: bool = False

    @property
    def is_taken(self) -> bool:
        return self.answer is not None and self.answer[0] < LEAST_REFUSAL

    async def go(self, guichet: Guichet, now: datetime) -> tuple[int, Any] | None:
        """Knock at the door. None if it is to be tried again."""
        digest = hashlib.sha256(self.key.encode()).hexdigest()
        door = Door(guichet, self.actor, now, Claim(self.actor.id, self.key, digest, digest))
        try:
            response = await door.perform_prepared(self._prepared(guichet), channel=self.channel)
        except Refused as refused:
            if refused.problems[0].code != "key_in_flight":
                raise
            self.not_before = now + RETRY_AFTER
            return None
        told = _told(response)
        if self.then is not None and told[0] < LEAST_REFUSAL:
            await self.then(guichet, Act(self.actor, now))
        return told

    def _prepared(self, guichet: Guichet) -> Any:
        async def prepare(act: Act) -> Do:
            ready = await self.first(guichet, act) if self.first else None

            def do(tx: sa.Connection, a: Act) -> dict[str, Any]:
                return {"id": self.do(tx, a, ready)}

            return do

        return prepare


def _told(response: JSONResponse) -> tuple[int, Any]:
    return response.status_code, json.loads(bytes(response.body))


def registration(actor: Actor, body: RegistrationBody) -> Errand:
    def first(guichet: Guichet, act: Act) -> Any:
        return prepare_registration(guichet, act, body)

    def do(tx: sa.Connection, act: Act, ready: Any) -> str:
        return register_request(tx, act, ready.need, **ready.ids)

    return Errand(actor, "register", "request.registered", do, first=first)


def amendment(actor: Actor, request: str, body: AmendmentBody) -> Errand:
    def first(guichet: Guichet, act: Act) -> Any:
        return prepare_amendment(guichet, act, request, body)

    def do(tx: sa.Connection, act: Act, need: Any) -> None:
        amend_request(tx, act, request, need)

    return Errand(actor, "amend", "request.amended", do, first=first)


def reply(actor: Actor, proposal: str, answer: Answer, do: Says, channel: Channel) -> Errand:
    """An answer that a person of the guichet writes down, or that a family gives behind its link."""

    async def first(guichet: Guichet, act: Act) -> None:
        await suspend_if_wrong(guichet, act, proposal, answer)

    return Errand(actor, f"reply {answer.value} by {channel.value}", "reply.received", do, channel, first)


@dataclass
class Errands:
    """All acts of a run, in their order. `open` are those that nobody has answered yet."""

    done: list[Errand] = field(default_factory=list)
    open: list[Errand] = field(default_factory=list)

    def add(self, errand: Errand) -> None:
        errand.key = f"errand-{len(self.done) + len(self.open)}"
        self.open.append(errand)

    def ready(self, now: datetime) -> list[Errand]:
        return [errand for errand in self.open if errand.not_before is None or errand.not_before <= now]

    def answered(self, errand: Errand, answer: tuple[int, Any]) -> None:
        errand.answer = answer
        self.open.remove(errand)
        self.done.append(errand)

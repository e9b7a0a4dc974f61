"""A small real SMS provider on a loopback port, which misbehaves as providers do.

It can answer late, say 500 before or after it took the message, cut the answer, refuse, or ask for patience. `taken`
is what would have reached a phone. With `honours_keys` off it forgets idempotency keys: the failing twin.
"""

from __future__ import annotations

import socket
import threading
import time
from collections import deque
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Annotated

import anyio
import uvicorn
from fastapi import FastAPI, Header
from fastapi.responses import JSONResponse, Response, StreamingResponse
from pydantic import BaseModel

LATE_BY = 0.6  # seconds; the clients of the tests wait for less


class Fault(StrEnum):
    """What goes wrong with one request."""

    NONE = "none"
    LATE = "late"  # taken, and answered after the client has gone
    ERROR_BEFORE = "error_before"
    ERROR_AFTER = "error_after"  # taken, then 500
    CUT = "cut"  # taken, and the connection closed in the middle of the answer
    BUSY = "busy"
    REFUSED = "refused"
    NOT_OURS = "not_ours"  # our credentials
    GARBLED = "garbled"  # taken, and answered with what is no JSON


class Message(BaseModel):
    reference: str
    to: str
    text: str
    encoding: str
    sender: str


@dataclass
class Provider:
    """State of the provider; `faults` are used up one a request, then all goes well."""

    honours_keys: bool = True
    faults: deque[Fault] = field(default_factory=deque)
    taken: list[Message] = field(default_factory=list)
    tokens: list[str] = field(default_factory=list)
    url: str = ""

    def take(self, message: Message, key: str | None) -> None:
        known = self.honours_keys and key is not None and any(old.reference == key for old in self.taken)
        if not known:
            self.taken.append(message)

    @property
    def doubles(self) -> int:
        return len(self.taken) - len({message.reference for message in self.taken})


def app_of(provider: Provider) -> FastAPI:
    app = FastAPI()

    @app.post("/messages")
    async def post(
        message: Message,
        authorization: Annotated[str, Header()],
        idempotency_key: Annotated[str | None, Header()] = None,
    ) -> Response:
        provider.tokens.append(authorization)
        fault = provider.faults.popleft() if provider.faults else Fault.NONE
        if fault in REFUSALS:
            return REFUSALS[fault](message)
        provider.take(message, idempotency_key)
        return await answered(fault, message)

    @app.get("/messages")
    async def get(reference: str) -> Response:
        if any(message.reference == reference for message in provider.taken):
            return JSONResponse({"id": f"p-{reference}", "status": "accepted"})
        return JSONResponse({}, status_code=404)

    return app


REFUSALS = {
    Fault.ERROR_BEFORE: lambda message: JSONResponse({}, status_code=500),
    Fault.BUSY: lambda message: JSONResponse({"code": "slow_down"}, status_code=429, headers={"Retry-After": "7"}),
    # a provider that repeats the number: it must not get into our reasons
    Fault.REFUSED: lambda message: JSONResponse({"code": "blacklisted", "to": message.to}, status_code=400),
    Fault.NOT_OURS: lambda message: JSONResponse({"code": message.to}, status_code=401),
}


async def answered(fault: Fault, message: Message) -> Response:
    body = {"id": f"p-{message.reference}", "status": "accepted"}
    if fault is Fault.LATE:
        await anyio.sleep(LATE_BY)
    if fault is Fault.ERROR_AFTER:
        return JSONResponse({}, status_code=503)
    if fault is Fault.CUT:
        return StreamingResponse(half(), headers={"Content-Length": "1000"})
    if fault is Fault.GARBLED:
        return Response("<html>", status_code=200)
    return JSONResponse(body, status_code=201)


async def half() -> AsyncIterator[bytes]:
    yield b'{"id": "'
    raise ConnectionAbortedError("the line went dead")


@contextmanager
def running(provider: Provider) -> Iterator[Provider]:
    """The provider on a free port of this machine, in a thread of its own."""
    # asyncio only turns Nagle's delay off (40 ms an answer) on sockets that name their protocol
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP) as listener:
        listener.bind(("127.0.0.1", 0))
        port = listener.getsockname()[1]
        server = uvicorn.Server(uvicorn.Config(app_of(provider), log_level="critical", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [listener]}, daemon=True)
        thread.start()
        while not server.started:
            time.sleep(0.01)
        provider.url = f"http://127.0.0.1:{port}"
        yield provider
        server.should_exit = True
        thread.join()

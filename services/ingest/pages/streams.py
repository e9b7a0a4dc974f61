"""The stream behind an open list: server-sent events that say only that something changed.

Its door is that of the pages: the session, and a role that has a list to follow. A browser that is refused asks for
its list now and then instead.
"""

from __future__ import annotations

from fastapi.responses import Response, StreamingResponse
from starlette.requests import Request
from starlette.types import Receive, Scope, Send

from services.ingest import credentials
from services.ingest.actors import Role
from services.ingest.live import Stopping, Stream, Streams, TooManyStreams
from services.ingest.pages.visit import Pages
from services.ingest.sessions import cookie_name

FOLLOW = frozenset({Role.STRUCTURE, Role.COUNSELLOR, Role.COMMITTEE, Role.COORDINATOR})
"""Who has a list that moves by itself."""

_HEADERS = {
    "Cache-Control": "no-store",
    "X-Accel-Buffering": "no",  # a proxy that collects an answer before it passes it on would hold everything back
}


class _Told(StreamingResponse):
    """The stream as an answer: however it ends, it is left."""

    def __init__(self, streams: Streams, stream: Stream) -> None:
        super().__init__(streams.lines(stream), media_type="text/event-stream", headers=_HEADERS)
        self._streams, self._stream = streams, stream

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        try:
            await super().__call__(scope, receive, send)
        finally:
            self._streams.leave(self._stream)


async def follow(pages: Pages, request: Request) -> Response:
    """The stream of whoever is signed in, from the number that the page knows on."""
    guichet = pages.guichet
    secret = request.cookies.get(cookie_name(guichet), "")
    actor = await guichet.database.read(credentials.actor_of_session, secret, guichet.clock())
    if actor is None:
        return _refused(401, "Connectez-vous pour suivre cette liste.")
    if actor.role not in FOLLOW:
        return _refused(403, "Cette liste ne vous est pas ouverte.")
    try:
        return _Told(guichet.streams, guichet.streams.open(secret, actor, _since(request)))
    except TooManyStreams:
        return _refused(429, "Trop de pages ouvertes à la fois.", {"Retry-After": "60"})
    except Stopping:
        return _refused(503, "Le serveur redémarre.", {"Retry-After": "3"})


def _since(request: Request) -> int | None:
    """The last number that the browser heard, else the one that its page was made with; None where it knows none."""
    said = request.headers.get("last-event-id") or request.query_params.get("depuis", "")
    return int(said) if said.isdecimal() and len(said) < 19 else None


def _refused(status: int, words: str, headers: dict[str, str] | None = None) -> Response:
    return Response(words, status, headers, "text/plain; charset=utf-8")

"""What stands before every door: headers, limits, and no act in a signed-in person's name from another site.

Plain ASGI, so that it also guards what answers in streams. When to modify: with a browser's new protection, or when
the limits of a door are shown to be wrong by its figures.
"""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from services.ingest.api.errors import People
from services.ingest.problems import Problem

SAFE = frozenset({"GET", "HEAD", "OPTIONS"})
PRIVATE_ADDRESSES = ("/p/", "/connexion/")
"""Addresses that are themselves the right to act: nobody may learn of them, and no cookie counts there."""

LARGEST_BODY = 20 * 1024 * 1024
"""A town hall's file of 10,000 rows is 2 MB."""

HEADERS = {
    "Content-Security-Policy": (
        "default-src 'none'; style-src 'self'; img-src 'self'; script-src 'self'; connect-src 'self'; "
        "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
    ),
    "X-Content-Type-Options": "nosniff",
    "Cache-Control": "no-store",
    "Cross-Origin-Opener-Policy": "same-origin",
}
"""For answers that do not say otherwise themselves. No inline script, nothing from another host."""


@dataclass(frozen=True)
class Limit:
    """`burst` at once, then `per_second`, for each client, on paths that begin with one of `paths`."""

    name: str
    paths: tuple[str, ...]
    methods: frozenset[str]
    burst: int
    per_second: float


ANY = frozenset({"GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS"})
LIMITS = (
    Limit("sign_in", ("/connexion",), frozenset({"POST"}), burst=40, per_second=40 / 600),
    Limit("links", PRIVATE_ADDRESSES, ANY, burst=60, per_second=1),
    Limit("inbound", ("/sms/",), ANY, burst=2000, per_second=200),
    Limit("api", ("/api/",), ANY, burst=500, per_second=50),
    Limit("pages", ("/",), ANY, burst=300, per_second=20),
)
"""The first that fits counts. A whole town hall may be one client; a guesser of tokens is stopped long before luck."""

MOST_CLIENTS = 10_000


@dataclass
class Buckets:
    """How much each client may still do. Kept in memory: a restart forgives, and each process counts for itself."""

    limits: Sequence[Limit]
    ticks: Callable[[], float] = time.monotonic
    _left: OrderedDict[tuple[str, str], tuple[float, float]] = field(default_factory=OrderedDict)

    def wait_for(self, client: str, method: str, path: str) -> float:
        """Take one; seconds to wait where nothing is left, else 0."""
        limit = next((x for x in self.limits if method in x.methods and path.startswith(x.paths)), None)
        if limit is None:
            return 0.0
        now = self.ticks()
        tokens, since = self._left.pop((limit.name, client), (float(limit.burst), now))
        tokens = min(float(limit.burst), tokens + (now - since) * limit.per_second)
        taken = tokens >= 1
        self._left[limit.name, client] = (tokens - taken, now)
        if len(self._left) > MOST_CLIENTS:
            self._left.popitem(last=False)
        return 0.0 if taken else (1 - tokens) / limit.per_second


@dataclass
class Protection:
    """The guard around an application. `cookie` is the name of the session's."""

    app: ASGIApp
    buckets: Buckets
    cookie: str
    secure: bool = False
    people: People | None = None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self.app(scope, receive, send)
            return
        guarded = _with_headers(send, scope["path"], self.secure)
        wait = self.buckets.wait_for(_client(scope), scope["method"], scope["path"])
        if wait > 0:
            await self._refuse(scope, guarded, 429, _TOO_MANY, {"Retry-After": str(int(wait) + 1)})
        elif _is_forged(scope, self.cookie):
            await self._refuse(scope, guarded, 403, _FORGED)
        elif _declared_length(scope) > LARGEST_BODY:
            await self._refuse(scope, guarded, 413, _TOO_LARGE)
        else:
            await self.app(scope, _at_most(receive, LARGEST_BODY), guarded)

    async def _refuse(
        self, scope: Scope, send: Send, status: int, words: tuple[str, str, str], headers: dict[str, str] | None = None
    ) -> None:
        """Nothing is read, of the body or of a database: a refusal costs next to nothing."""
        problem = Problem("demande", *words)
        if self.people is not None and self.people.are_meant(scope):
            response = self.people.show(Request(scope), status, [problem])
        else:
            response = JSONResponse(_details(status, problem), status, media_type="application/problem+json")
        response.headers.update(headers or {})
        await response(scope, _nothing, send)


_TOO_MANY = ("too_many_requests", "Trop de demandes en peu de temps.", "Attendez un peu, puis recommencez.")
_FORGED = ("cross_site", "Cette demande vient d'un autre site.", "Ouvrez la page du guichet et recommencez.")
_TOO_LARGE = ("too_large", "L'envoi pèse 20 Mo au plus.", "Faites plusieurs envois.")
_TITLES = {429: "Trop de demandes", 403: "Geste non autorisé", 413: "Envoi trop lourd"}


def _is_forged(scope: Scope, cookie: str) -> bool:
    """True for an act that a browser was led to by another site.

    Browsers say where a request comes from; a request without a word of it is a program's, unless it brings a session's
    cookie. Where the address itself is the right to act, a cookie counts for nothing.
    """
    if scope["method"] in SAFE:
        return False
    headers = Headers(scope=scope)
    site, origin = headers.get("sec-fetch-site"), headers.get("origin")
    if site is not None:
        return site not in ("same-origin", "none")
    if origin is not None and origin != "null":
        return urlsplit(origin).netloc != headers.get("host")
    carries_session = f"{cookie}=" in headers.get("cookie", "")
    return carries_session and not scope["path"].startswith(PRIVATE_ADDRESSES)


def _with_headers(send: Send, path: str, secure: bool) -> Send:
    async def guarded(message: Message) -> None:
        if message["type"] == "http.response.start":
            headers = MutableHeaders(scope=message)
            for name, value in _headers(path, secure).items():
                headers.setdefault(name, value)
        await send(message)

    return guarded


def _headers(path: str, secure: bool) -> dict[str, str]:
    referrer = "no-referrer" if path.startswith(PRIVATE_ADDRESSES) else "same-origin"
    lasting = {"Strict-Transport-Security": "max-age=31536000"} if secure else {}
    return {**HEADERS, "Referrer-Policy": referrer, **lasting}


def _details(status: int, problem: Problem) -> dict[str, Any]:
    detail = f"{problem.rule} {problem.remedy}"
    told = {"type": f"urn:berceau:{problem.code}", "title": _TITLES[status], "status": status, "detail": detail}
    return {**told, "errors": [problem.as_json()]}


async def _nothing() -> Message:
    return {"type": "http.disconnect"}


def _at_most(receive: Receive, most: int) -> Receive:
    """A body without a declared length is cut off where it grows too large: what is left of it parses as nothing."""
    taken = 0

    async def counted() -> Message:
        nonlocal taken
        message = await receive()
        taken += len(message.get("body", b""))
        if taken > most:
            return {"type": "http.disconnect"}
        return message

    return counted


def _declared_length(scope: Scope) -> int:
    length = Headers(scope=scope).get("content-length", "0")
    return int(length) if length.isdecimal() else 0


def _client(scope: Scope) -> str:
    client = scope.get("client")
    return str(client[0]) if client else "local"

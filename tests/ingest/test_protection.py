"""What stands before every door: other sites, too many at once, too much at once, and what browsers are told."""

from __future__ import annotations

from collections.abc import AsyncIterator
from typing import Any

import httpx2
import pytest
from starlette.types import Message, Receive, Scope, Send

from services.ingest.protection import LARGEST_BODY, LIMITS, Buckets, Limit, Protection

GUICHET = "http://guichet.test"


async def echo(_scope: Scope, receive: Receive, send: Send) -> None:
    """An application that reads everything and does what it is asked."""
    more = True
    while more:
        message: Message = await receive()
        more = message.get("more_body", False)
    await send({"type": "http.response.start", "status": 200, "headers": []})
    await send({"type": "http.response.body", "body": b"done"})


def client(limits: tuple[Limit, ...] = (), secure: bool = False, **clock: Any) -> httpx2.AsyncClient:
    app = Protection(echo, Buckets(limits, **clock), "berceau", secure)
    return httpx2.AsyncClient(transport=httpx2.ASGITransport(app), base_url=GUICHET)


COOKIE = {"cookie": "autre=1; berceau=secret"}


@pytest.mark.parametrize(
    ("path", "headers", "status"),
    [
        ("/guichet", {"sec-fetch-site": "same-origin", **COOKIE}, 200),
        ("/guichet", {"sec-fetch-site": "none", **COOKIE}, 200),
        ("/guichet", {"sec-fetch-site": "cross-site", **COOKIE}, 403),
        ("/guichet", {"sec-fetch-site": "same-site", **COOKIE}, 403),
        ("/guichet", {"origin": GUICHET, **COOKIE}, 200),
        ("/guichet", {"origin": "https://ailleurs.test", **COOKIE}, 403),
        ("/guichet", {"origin": "https://ailleurs.test"}, 403),
        ("/guichet", {"origin": "null", **COOKIE}, 403),
        ("/guichet", COOKIE, 403),
        ("/api/v1/vacancies", {"authorization": "Bearer x"}, 200),
        ("/p/jeton", {"origin": "null"}, 200),
        ("/p/jeton", {"origin": "null", **COOKIE}, 200),
        ("/p/jeton", {"sec-fetch-site": "cross-site"}, 403),
        ("/connexion/jeton", {"origin": "null", **COOKIE}, 200),
    ],
)
async def test_another_site_never_acts_in_the_name_of_who_is_signed_in(
    path: str, headers: dict[str, str], status: int
) -> None:
    async with client() as browser:
        assert (await browser.post(path, headers=headers)).status_code == status
        assert (await browser.get(path, headers=headers)).status_code == 200, "reading changes nothing"


async def test_a_refusal_says_what_to_do() -> None:
    async with client() as browser:
        said = (await browser.post("/guichet", headers={"sec-fetch-site": "cross-site"})).json()
    assert said["errors"][0]["code"] == "cross_site"
    assert said["errors"][0]["remedy"] == "Ouvrez la page du guichet et recommencez."


@pytest.mark.parametrize(
    ("path", "referrer"),
    [("/p/jeton", "no-referrer"), ("/connexion/jeton", "no-referrer"), ("/guichet", "same-origin")],
)
async def test_an_address_that_opens_something_is_told_to_nobody(path: str, referrer: str) -> None:
    async with client() as browser:
        headers = (await browser.get(path)).headers
    assert headers["referrer-policy"] == referrer
    assert headers["cache-control"] == "no-store"
    assert "unsafe-inline" not in headers["content-security-policy"]
    assert headers["content-security-policy"].startswith("default-src 'none'")
    assert "strict-transport-security" not in headers


async def test_over_https_browsers_are_told_to_stay_there() -> None:
    async with client(secure=True) as browser:
        assert "max-age" in (await browser.get("/")).headers["strict-transport-security"]


class Ticks:
    now = 0.0

    def __call__(self) -> float:
        return self.now


async def test_after_the_burst_one_waits_and_is_told_how_long() -> None:
    ticks = Ticks()
    limit = Limit("door", ("/",), frozenset({"GET"}), burst=3, per_second=0.5)
    async with client((limit,), ticks=ticks) as browser:
        assert [(await browser.get("/")).status_code for _ in range(4)] == [200, 200, 200, 429]
        refused = await browser.get("/")
        assert (refused.headers["retry-after"], refused.json()["errors"][0]["code"]) == ("3", "too_many_requests")
        ticks.now += 2
        assert [(await browser.get("/")).status_code for _ in range(2)] == [200, 429]


def test_clients_do_not_take_from_each_other_and_doors_are_counted_apart() -> None:
    buckets = Buckets(LIMITS, Ticks())
    for _ in range(LIMITS[0].burst):
        assert buckets.wait_for("a", "POST", "/connexion") == 0
    assert buckets.wait_for("a", "POST", "/connexion") > 0
    assert buckets.wait_for("b", "POST", "/connexion") == 0
    assert buckets.wait_for("a", "GET", "/connexion") == 0
    assert buckets.wait_for("a", "POST", "/api/v1/vacancies") == 0


def test_guessing_a_familys_link_is_hopeless() -> None:
    links = next(limit for limit in LIMITS if limit.name == "links")
    years = 2**128 / links.per_second / (365 * 86_400)
    assert years > 1e20


async def endless(chunks: int) -> AsyncIterator[bytes]:
    for _ in range(chunks):
        yield b"x" * 1024 * 1024


async def test_too_much_is_refused_or_cut_off() -> None:
    async with client() as browser:
        declared = await browser.post("/", headers={"content-length": str(LARGEST_BODY + 1)}, content=b"x")
        assert declared.status_code == 413
        assert (await browser.post("/", content=endless(2))).status_code == 200


async def test_a_body_without_a_length_is_cut_off() -> None:
    taken = 0

    async def count(_scope: Scope, receive: Receive, send: Send) -> None:
        nonlocal taken
        message = await receive()
        while message["type"] == "http.request":
            taken += len(message.get("body", b""))
            message = await receive()
        await send({"type": "http.response.start", "status": 400, "headers": []})
        await send({"type": "http.response.body", "body": b""})

    transport = httpx2.ASGITransport(Protection(count, Buckets(()), "berceau"))
    async with httpx2.AsyncClient(transport=transport, base_url=GUICHET) as browser:
        await browser.post("/", content=endless(30))
    assert taken <= LARGEST_BODY

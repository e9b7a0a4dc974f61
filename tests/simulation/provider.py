"""An SMS provider over HTTP, without a socket: it takes texts under our reference, fails as providers do, and reports.

`taken` is what reached the operator: the truth about what a family got, whatever anybody was answered.
"""

from __future__ import annotations

import json
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from http import HTTPStatus

import httpx2

from services.notifier.gateways.gateway import Idempotency, Receipt
from tests.simulation.databases import Life, kill
from tests.simulation.hostility import Hostility
from tests.simulation.virtual import VirtualClock

Rest = Callable[[str], Awaitable[None]]


@dataclass(frozen=True)
class Text:
    """One SMS that reached the operator."""

    reference: str
    to: str
    text: str
    at: datetime

    @property
    def message(self) -> str:
        return self.reference.rpartition("-")[0]


@dataclass
class Provider:
    """`silent` numbers never report, `dead` ones are reported as not assigned. `arrived` is told of each new text."""

    hostility: Hostility
    clock: VirtualClock
    ability: Idempotency
    rest: Rest
    arrived: Callable[[Text], None] = lambda text: None
    silent: set[str] = field(default_factory=set)
    dead: set[str] = field(default_factory=set)
    taken: list[Text] = field(default_factory=list)
    reports: list[tuple[datetime, Receipt]] = field(default_factory=list)
    given: dict[str, bool] = field(default_factory=dict)

    async def answer(self, life: Life, request: httpx2.Request) -> httpx2.Response:
        """What the provider answers to one request of a process."""
        if self.hostility.is_away("gateway", self.clock()):
            self.hostility.note("away: gateway")
            raise httpx2.ConnectError("nobody there")
        if request.method == "GET":
            return self._known(request.url.params["reference"])
        self._may_die(life, "before the call")
        refused = self._refused()
        if refused is not None:
            return refused
        return await self._take(life, json.loads(request.content))

    def due_reports(self) -> list[Receipt]:
        """Receipts whose time has come; they stay until somebody has taken them."""
        return [receipt for at, receipt in self.reports if at <= self.clock()]

    def drop(self, receipt: Receipt) -> None:
        self.reports = [(at, other) for at, other in self.reports if other is not receipt]

    async def _take(self, life: Life, said: dict[str, str]) -> httpx2.Response:
        await self.rest("gateway")
        if life.is_over:
            raise httpx2.ReadError("the process that asked is gone")
        text = Text(said["reference"], said["to"], said["text"], self.clock())
        known = any(old.reference == text.reference for old in self.taken)
        if not (known and self.ability is Idempotency.KEY):
            self._deliver(text)
        if known:
            self.hostility.note("gateway: asked twice")
        self._may_die(life, "after the call")
        return self._accepted(text.reference)

    def _deliver(self, text: Text) -> None:
        self.taken.append(text)
        self.arrived(text)
        if text.to in self.silent:
            self.hostility.note("gateway: no receipt")
            return
        after = timedelta(seconds=self.hostility.one((2, 20, 300, 3 * 3600)))
        at = self.clock() + after
        reached = text.to not in self.dead
        self.given[text.reference] = reached
        reason = "" if reached else "absent_subscriber"
        self.reports.append((at, Receipt(reference=text.reference, delivered=reached, at=at, reason=reason)))

    def _accepted(self, reference: str) -> httpx2.Response:
        if self.hostility.happens(self.hostility.rates.lose_answer):
            self.hostility.note("gateway: answer lost")
            raise httpx2.ReadTimeout("no answer")
        if self.hostility.happens(self.hostility.rates.lose_answer / 4):
            self.hostility.note("gateway: answer garbled")
            return httpx2.Response(HTTPStatus.OK, text="<html>")
        return httpx2.Response(HTTPStatus.CREATED, json={"id": f"p-{reference}", "status": "accepted"})

    def _refused(self) -> httpx2.Response | None:
        if not self.hostility.happens(self.hostility.rates.refuse):
            return None
        status = self.hostility.one((HTTPStatus.INTERNAL_SERVER_ERROR, HTTPStatus.TOO_MANY_REQUESTS))
        self.hostility.note(f"gateway: {status.value}")
        return httpx2.Response(status, json={"code": "slow_down"}, headers={"Retry-After": "30"})

    def _known(self, reference: str) -> httpx2.Response:
        if any(text.reference == reference for text in self.taken):
            self.hostility.note("gateway: looked up and found")
            return httpx2.Response(HTTPStatus.OK, json={"id": f"p-{reference}", "status": "accepted"})
        self.hostility.note("gateway: looked up in vain")
        return httpx2.Response(HTTPStatus.NOT_FOUND, json={})

    def _may_die(self, life: Life, where: str) -> None:
        if self.hostility.happens(self.hostility.rates.crash * 10):
            kill(life, self.hostility, f"gateway: {where}")


@dataclass
class Line(httpx2.AsyncBaseTransport):
    """The wire between one process and the provider."""

    provider: Provider
    life: Life

    async def handle_async_request(self, request: httpx2.Request) -> httpx2.Response:
        return await self.provider.answer(self.life, request)

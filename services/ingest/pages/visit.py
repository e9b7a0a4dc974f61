"""One visit of one person to one page: who, when, what was asked, and the ways to answer.

A module of pages is a table of `Page`s and one handler for each; whoever may open a page is written in the table, and
what may be done there is asked of `declare`, what may be seen of `queries`.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from datetime import date, datetime
from http import HTTPStatus
from typing import Any, Concatenate, ParamSpec, TypeVar
from urllib.parse import urlencode

import sqlalchemy as sa
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from starlette.requests import Request

from contracts.vocabulary import Channel
from services.calendar import local_day
from services.ingest.actors import Act, Actor, Role
from services.ingest.guichet import Guichet
from services.ingest.pages import screen
from services.ingest.pages.forms import Form, typed
from services.ingest.problems import unknown

P = ParamSpec("P")
T = TypeVar("T")


@dataclass(frozen=True)
class RulesLine:
    """One line of the grid as it is published."""

    label: str
    points: int
    note: str = ""
    from_health: bool = False


@dataclass(frozen=True)
class PublishedRules:
    """The grid in force as the public may read it. `is_model`: nobody voted it. `voted`: limits beside the grid."""

    title: str
    source: str
    valid_from: date
    lines: tuple[RulesLine, ...]
    first_tier: tuple[str, ...] = ()
    is_model: bool = False
    mode: str = ""
    voted: tuple[str, ...] = ()
    siblings: str = ""


RulesOn = Callable[[str, date], PublishedRules | None]
"""The rules that a policy names on a day. The grid is the matcher's: whoever assembles the services hands it over."""


def no_rules(_policy: str, _day: date) -> PublishedRules | None:
    """Where nobody handed the grid over, the page says where to ask for it."""
    return None


@dataclass(frozen=True)
class Pages:
    """What every page needs. `territory` is the one that visitors see, the first published if none is named."""

    guichet: Guichet
    territory: str | None = None
    rules: RulesOn = no_rules


@dataclass(frozen=True)
class Visit:
    """`town` is what the actor's territory published, empty before it did; `sequence` how far it has come."""

    pages: Pages
    request: Request
    actor: Actor
    now: datetime
    town: dict[str, Any]
    sequence: int = 0

    @property
    def today(self) -> date:
        return local_day(self.now)

    @property
    def guichet(self) -> Guichet:
        return self.pages.guichet

    def path(self, name: str) -> str:
        """One part of the address. No id holds a NUL, which PostgreSQL does not even compare. Raises Refused."""
        part = str(self.request.path_params[name])
        if "\0" in part:
            raise unknown("", "cette adresse")
        return part

    def asked(self, name: str) -> str:
        """What the address asks for after its question mark."""
        return typed(self.request.query_params.get(name, ""))

    async def form(self) -> Form:
        return Form.read(await self.request.form())

    def act(self, channel: Channel = Channel.COUNTER, cause: str | None = None) -> Act:
        return Act(self.actor, self.now, channel, cause)

    async def read(self, do: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.guichet.database.read(do, *args, **kwargs)

    async def write(self, do: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs) -> T:
        return await self.guichet.database.write(do, *args, **kwargs)

    def show(self, template: str, status: int = 200, **data: Any) -> HTMLResponse:
        """A page. It is never kept by a browser or a proxy: what it shows changes and may be personal."""
        frame = {"actor": self.actor, "now": self.now, "today": self.today, "town": self.town, "here": self.here}
        return screen.page(template, status, **{**frame, "notice": self.asked(NOTICE), "live": "", **data})

    def show_live(self, template: str, status: int = 200, **data: Any) -> HTMLResponse:
        """A page whose list follows what happens elsewhere; a form with faults in it stays as it was sent."""
        live = f"{STREAM}?depuis={self.sequence}" if status == HTTPStatus.OK else ""
        return self.show(template, status, live=live, **data)

    @property
    def here(self) -> str:
        return self.request.url.path

    def go(self, path: str, notice: str = "", **query: str) -> Response:
        """POST, redirect, GET: reloading or going back repeats nothing. `notice` names what was done."""
        asked = {**query, **({NOTICE: notice} if notice else {})}
        return RedirectResponse(f"{path}?{urlencode(asked)}" if asked else path, 303)


NOTICE = "fait"

STREAM = "/direct"
"""Where open pages hear that something changed."""

Handler = Callable[[Visit], Awaitable[Response]]


@dataclass(frozen=True)
class Page:
    """One line of a module's table. Without `roles` anybody may open it, and its handler decides what to show."""

    method: str
    path: str
    handler: Handler
    roles: frozenset[Role] = frozenset()


def get(path: str, handler: Handler, *roles: Role) -> Page:
    return Page("GET", path, handler, frozenset(roles))


def post(path: str, handler: Handler, *roles: Role) -> Page:
    return Page("POST", path, handler, frozenset(roles))

"""The screens of people.md, made on the server, in French, for use without a script: one module and one folder an
audience. The lists of professionals also follow by themselves what happens elsewhere (`streams`).

`pages_router(Pages(guichet, …))` gives the router to include in ingest's application.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from functools import partial

from fastapi import APIRouter
from fastapi.responses import Response
from starlette.requests import Request

from services.ingest.pages import screen
from services.ingest.pages.doors import answer
from services.ingest.pages.routes import PAGES
from services.ingest.pages.streams import follow
from services.ingest.pages.visit import STREAM, Page, Pages, PublishedRules, RulesLine

__all__ = ["PAGES", "Pages", "PublishedRules", "RulesLine", "pages_router"]


def pages_router(pages: Pages) -> APIRouter:
    """All pages and the files they need. Include it in the application after the API, without a prefix."""
    router = APIRouter(include_in_schema=False)
    for page in PAGES:
        router.add_route(page.path, _endpoint(pages, page), methods=[page.method], include_in_schema=False)
    router.add_route(STREAM, partial(follow, pages), methods=["GET"], include_in_schema=False)
    router.add_route("/static/{name}", _asset, methods=["GET"], include_in_schema=False)
    return router


def _endpoint(pages: Pages, page: Page) -> Callable[[Request], Awaitable[Response]]:
    async def endpoint(request: Request) -> Response:
        return await answer(pages, page, request)

    return endpoint


async def _asset(request: Request) -> Response:
    return screen.asset_response(request.path_params["name"], request.headers.get("accept-encoding", ""))

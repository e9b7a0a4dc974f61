"""What the notifier's doors answer when they can not do their work: the cause, and when to ask again.

An operator tries a receipt again after a 503; after a 500 some do not.
"""

from __future__ import annotations

from pathlib import PurePath
from traceback import extract_tb
from typing import Any

import httpx2
import structlog
from fastapi import Request
from fastapi.responses import HTMLResponse, JSONResponse, Response

from services.bus.retries import Failure, failure_of

log = structlog.get_logger()

RETRY_AFTER_S = 30
"""As ingest's doors have it: a database that is restarted takes less (a choice)."""

AWAY = ("unavailable", "Le service ne répond pas pour l'instant.", "Réessayez dans un instant.")
FAULT = ("server_error", "Le serveur a rencontré une erreur.", "Réessayez plus tard, puis prévenez l'exploitant.")
TITLES = {500: "Erreur du serveur", 503: "Service indisponible"}
_PAGE = """<!doctype html><html lang="fr"><head><meta charset="utf-8"><title>{title} · Berceau</title>
<meta name="viewport" content="width=device-width"></head><body><h1>{title}</h1><p>{rule} {remedy}</p></body></html>"""
"""Without a style: nothing of the service may be there to give one."""


async def on_fault(request: Request, error: Exception) -> Response:
    """The answer to whatever no door expects. Nothing that was sent enters the log."""
    last = extract_tb(error.__traceback__)[-1]
    log.error("request.failed", error=type(error).__name__, at=f"{PurePath(last.filename).name}:{last.lineno}")
    if isinstance(error, httpx2.HTTPError) or failure_of(error) is Failure.AWAY:
        return _answer(request, 503, *AWAY, headers={"Retry-After": str(RETRY_AFTER_S)})
    return _answer(request, 500, *FAULT, headers={})


def _answer(
    request: Request, status: int, code: str, rule: str, remedy: str, headers: dict[str, str]
) -> Response:  # fmt: skip
    headers = {**headers, "Cache-Control": "no-store"}
    if "text/html" in request.headers.get("accept", ""):
        return HTMLResponse(_PAGE.format(title=TITLES[status], rule=rule, remedy=remedy), status, headers)
    line = {"field": "demande", "code": code, "rule": rule, "remedy": remedy}
    told: dict[str, Any] = {"type": f"urn:berceau:{code}", "title": TITLES[status], "status": status}
    body = {**told, "detail": f"{rule} {remedy}", "errors": [line]}
    return JSONResponse(body, status, headers, "application/problem+json")

"""Refusals as RFC 9457 problem details: French for people, a stable code for programs."""

from __future__ import annotations

import traceback
import uuid
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import partial
from pathlib import PurePath
from typing import Any, Protocol

import structlog
from fastapi import FastAPI, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from pydantic import BaseModel
from starlette.exceptions import HTTPException
from starlette.requests import ClientDisconnect
from starlette.routing import Match
from starlette.types import Scope

from services.bus.retries import Failure, failure_of
from services.ingest.problems import Problem, Refused, Why
from services.ingest.wording import problems_of

log = structlog.get_logger()

MEDIA_TYPE = "application/problem+json"
STATUS = {Why.INVALID: 422, Why.FORBIDDEN: 403, Why.UNKNOWN: 404, Why.CONFLICT: 409}
TITLES = {
    400: "Demande illisible",
    401: "Identification nécessaire",
    403: "Geste non autorisé",
    404: "Introuvable",
    405: "Méthode non prévue",
    409: "Conflit",
    413: "Envoi trop lourd",
    422: "Données refusées",
    500: "Erreur du serveur",
    503: "Service indisponible",
}

RETRY_AFTER_S = 30
"""When to ask again while a database is away: a restart takes less, and nobody is kept waiting for long (a choice)."""

_PARSER_LIMITS = ("exceeded maximum size", "Too many f")
"""What the framework says, with a 400, of a form with a field too long or with too many of them."""


class ProblemLine(BaseModel):
    """One thing to put right."""

    field: str
    code: str
    rule: str
    remedy: str


class ProblemDetails(BaseModel):
    """RFC 9457, with one line for each problem."""

    type: str
    title: str
    status: int
    detail: str
    errors: list[ProblemLine]


RESPONSES: dict[int | str, dict[str, Any]] = {
    status: {"description": TITLES[status], "model": ProblemDetails} for status in (400, 401, 403, 404, 409, 422)
}


class NotIdentified(Exception):
    """The key or the session opens nothing."""


def details(status: int, problems: Sequence[Problem]) -> dict[str, Any]:
    """The body of a refusal. Its type is the first problem's code."""
    first = problems[0]
    return {
        "type": f"urn:berceau:{first.code}",
        "title": TITLES.get(status, "Demande refusée"),
        "status": status,
        "detail": f"{first.rule} {first.remedy}",
        "errors": [problem.as_json() | {"field": problem.field or "demande"} for problem in problems],
    }


def answer(status: int, problems: Sequence[Problem]) -> JSONResponse:
    headers = {"WWW-Authenticate": "Bearer"} if status == 401 else None
    return JSONResponse(details(status, problems), status, headers, MEDIA_TYPE)


def refusal(refused: Refused) -> JSONResponse:
    return answer(STATUS[refused.why], refused.problems)


class Show(Protocol):
    """How a failure is shown to people."""

    def __call__(self, request: Request, status: int, problems: Sequence[Problem], incident: str = "") -> Response: ...


@dataclass(frozen=True)
class People:
    """Who is shown a page instead of problem details, and what is read of the visit first."""

    are_meant: Callable[[Scope], bool]
    read_frame: Callable[[Request], Awaitable[None]]
    show: Show


def speak_french(app: FastAPI, people: People | None = None) -> None:
    """Turn every error of the framework, too, into a problem that a person can act on; for people, into a page."""
    app.add_exception_handler(Refused, _on_refused)
    app.add_exception_handler(NotIdentified, _on_not_identified)
    app.add_exception_handler(RequestValidationError, _on_invalid)
    app.add_exception_handler(HTTPException, partial(_on_http, people))
    app.add_exception_handler(ClientDisconnect, partial(_on_cut_off, people))
    app.add_exception_handler(Exception, partial(_on_fault, people))


async def _on_refused(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, Refused)  # noqa: S101 - registered for this type only
    return refusal(error)


async def _on_not_identified(_request: Request, _error: Exception) -> JSONResponse:
    rule, remedy = "Cette adresse demande une clé.", "Envoyez une clé valable\u00a0: Authorization: Bearer …"
    return answer(401, [Problem("Authorization", "not_identified", rule, remedy)])


async def _on_invalid(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)  # noqa: S101 - registered for this type only
    return answer(422, problems_of(error.errors()))


_LONG_FIELD = Problem(
    "demande", "too_large", "Un champ du formulaire est trop long.", "Raccourcissez-le, puis recommencez."
)


async def _on_http(people: People | None, request: Request, error: Exception) -> Response:
    assert isinstance(error, HTTPException)  # noqa: S101 - registered for this type only
    if error.status_code == 400 and any(limit in str(error.detail) for limit in _PARSER_LIMITS):
        return _too_large(people, request, _LONG_FIELD)
    rule = {404: "Cette adresse n'existe pas.", 405: "Cette adresse ne prévoit pas ce geste."}
    remedies = {404: "Vérifiez l'adresse dans /openapi.json.", 405: "Vérifiez la méthode dans /openapi.json."}
    problem = Problem(
        "demande",
        f"http_{error.status_code}",
        rule.get(error.status_code, "La demande n'a pas pu être lue."),
        remedies.get(error.status_code, "Vérifiez le contenu envoyé."),
    )
    response: Response = answer(error.status_code, [problem])
    if people is not None and people.are_meant(request.scope):
        await people.read_frame(request)
        response = people.show(request, error.status_code, [problem])
    response.headers.update(error.headers or {})
    if error.status_code == 405:
        response.headers["Allow"] = ", ".join(sorted(_methods_at(request)))
    return response


async def _on_cut_off(people: People | None, request: Request, _error: Exception) -> Response:
    """A body that grew too large is cut off (`protection`); whoever has really gone reads no answer."""
    problem = Problem("demande", "too_large", "L'envoi pèse 20 Mo au plus.", "Faites plusieurs envois.")
    return _too_large(people, request, problem)


def _too_large(people: People | None, request: Request, problem: Problem) -> Response:
    if people is not None and people.are_meant(request.scope):
        return people.show(request, 413, [problem])
    return answer(413, [problem])


async def _on_fault(people: People | None, request: Request, error: Exception) -> Response:
    """A fault of ours. Its number is in the log too, beside the place in the code: nothing that was sent is written."""
    incident = uuid.uuid4().hex[:8].upper()
    last = traceback.extract_tb(error.__traceback__)[-1]
    where = {
        "route": _pattern(request),
        "method": request.method,
        "at": f"{PurePath(last.filename).name}:{last.lineno}",
    }
    log.error("request.failed", incident=incident, error=type(error).__name__, **where)
    if failure_of(error) is Failure.AWAY:
        return _on_away(people, request)
    remedy = f"Réessayez plus tard, ou signalez l'incident {incident}."
    problem = Problem("demande", "server_error", "Le serveur a rencontré une erreur.", remedy)
    if people is not None and people.are_meant(request.scope):
        return people.show(request, 500, [problem], incident)
    body = details(500, [problem]) | {"instance": f"urn:berceau:incident:{incident}"}
    return JSONResponse(body, 500, {"Cache-Control": "no-store"}, MEDIA_TYPE)


def _on_away(people: People | None, request: Request) -> Response:
    """A database that is away or hangs: nothing to report, but a time to ask again. What was under way may be there."""
    rule, remedy = "Le service ne répond pas pour l'instant.", "Vérifiez si votre geste est noté, puis réessayez."
    problem = Problem("demande", "unavailable", rule, remedy)
    response: Response = answer(503, [problem])
    if people is not None and people.are_meant(request.scope):
        response = people.show(request, 503, [problem])
    response.headers.update({"Retry-After": str(RETRY_AFTER_S), "Cache-Control": "no-store"})
    return response


def _pattern(request: Request) -> str:
    """The address without what stands in it: a family's link is a secret. Nothing of one that no route answers."""
    if "endpoint" not in request.scope:
        return "none"
    names = {str(value): f"{{{name}}}" for name, value in request.path_params.items()}
    return "/".join(names.get(part, part) for part in request.scope["path"].split("/"))


def _methods_at(request: Request) -> set[str]:
    """What the address knows: each of its routes answers for its own method only."""
    found: set[str] = set()
    for route in request.app.routes:
        if route.matches(request.scope)[0] is not Match.NONE:
            found |= getattr(route, "methods", None) or set()
    return found

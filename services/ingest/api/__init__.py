"""The JSON door: `/api/v1` for programs of structures and partners, described by `/openapi.json` (OpenAPI 3.1)."""

from __future__ import annotations

from fastapi import APIRouter

from services.ingest.api import (
    campaigns,
    keys,
    messages,
    places,
    proposals,
    requests,
    siblings,
    structures,
    tasks,
    trail,
)
from services.ingest.api.errors import RESPONSES

PREFIX = "/api/v1"


def add_api(doors: APIRouter) -> None:
    """Every route of the JSON door. One below another, the framework would look for a route again at each."""
    for noun in (structures, places, messages, requests, siblings, proposals, campaigns, tasks, trail, keys):
        doors.include_router(noun.routes, prefix=PREFIX, responses=RESPONSES)

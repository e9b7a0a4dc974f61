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


def api_router() -> APIRouter:
    """Every route of the JSON door."""
    router = APIRouter(prefix=PREFIX, responses=RESPONSES)
    for noun in (structures, places, messages, requests, siblings, proposals, campaigns, tasks, trail, keys):
        router.include_router(noun.routes)
    return router

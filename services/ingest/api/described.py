"""What `/openapi.json` says beyond the framework: how refusals are written, and what needs no key.

A test lets a fuzzer hold every operation to this description.
"""

from __future__ import annotations

from typing import Any

from fastapi import FastAPI

from services.ingest.api.errors import MEDIA_TYPE

FOR_ANYBODY: dict[str, Any] = {"security": [{}]}
"""For `openapi_extra`: a key opens more here, and none is needed."""


def describe(app: FastAPI) -> None:
    """Let the description of `app` give the media type of problems, which the framework takes for plain JSON."""
    generated = app.openapi

    def described() -> dict[str, Any]:
        if app.openapi_schema is None:
            for operation in _operations(generated()):
                _name_problems(operation)
        return generated()

    app.openapi = described  # type: ignore[method-assign]  # the way that FastAPI documents


def _operations(schema: dict[str, Any]) -> list[dict[str, Any]]:
    return [operation for path in schema["paths"].values() for operation in path.values()]


def _name_problems(operation: dict[str, Any]) -> None:
    for status, response in operation["responses"].items():
        if int(status) >= 400 and "application/json" in response.get("content", {}):
            response["content"] = {MEDIA_TYPE: response["content"]["application/json"]}

"""What an act is answered: the id of what it made, and where to follow it."""

from __future__ import annotations

from typing import Annotated, Any

from fastapi import Path
from pydantic import BaseModel

from contracts.vocabulary import Id

PathId = Annotated[Id, Path()]


class Taken(BaseModel):
    """The act is recorded. What follows from it is decided elsewhere and shows up at `follow`."""

    id: str
    follow: str


class Warned(BaseModel):
    """Something to look at: nothing was refused for it. `requests` are the ones that it is about."""

    code: str
    rule: str
    remedy: str
    requests: list[str]


class Registered(Taken):
    """The request is recorded. `warnings` are there where the child seems to be registered already."""

    warnings: list[Warned] = []


def taken(id_: str, follow: str) -> dict[str, Any]:
    return {"id": id_, "follow": f"/api/v1/{follow}"}

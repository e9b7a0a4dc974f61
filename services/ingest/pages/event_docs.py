"""The event streams in French for who makes software, and as AsyncAPI for its tools: no script, no other host.

Every stream, event and field is read from the AsyncAPI document. When to modify: with a kind of schema that `api_docs`
has no words for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fastapi.responses import JSONResponse, Response

from contracts.asyncapi import document
from services.ingest.pages.api_docs import objects
from services.ingest.pages.visit import Visit, get

SERVICES = {"ingest": "le guichet", "matcher": "l'attribution", "notifier": "les messages"}
WHAT = {
    "declarations": "Ce que des personnes ont dit.",
    "decisions": "Ce qui en a été décidé.",
    "messages": "Ce qui a été envoyé aux familles.",
}
MS_A_DAY = 86_400_000


@dataclass(frozen=True)
class Stream:
    """One stream: who writes it, who reads it, how many days the broker keeps it, and its events with their objects."""

    name: str
    text: str
    writer: str
    readers: tuple[str, ...]
    days: int
    events: tuple[tuple[str, str], ...]


async def described(visit: Visit) -> Response:
    """The page for who connects a program to the broker."""
    shown = document()
    return visit.show("public/events.html", streams=streams(shown), objects=objects(shown))


async def as_asyncapi(_visit: Visit) -> Response:
    """The document itself, for tools."""
    return JSONResponse(document())


def streams(shown: Mapping[str, Any]) -> list[Stream]:
    """Every stream in the table's order."""
    return [_stream(name, channel, shown) for name, channel in shown["channels"].items()]


def _stream(name: str, channel: Mapping[str, Any], shown: Mapping[str, Any]) -> Stream:
    def who(verb: str) -> tuple[str, ...]:
        names = (act.removesuffix(f".{verb}.{name}") for act in shown["operations"] if act.endswith(f".{verb}.{name}"))
        return tuple(SERVICES[service] for service in names)

    messages = shown["components"]["messages"]
    events = tuple((event, messages[event]["title"]) for event in channel["messages"])
    kept = channel["bindings"]["kafka"]["topicConfiguration"]["retention.ms"] // MS_A_DAY
    return Stream(name, WHAT[name], who("says")[0], who("hears"), kept, events)


PAGES = (get("/api/evenements", described), get("/asyncapi.json", as_asyncapi))

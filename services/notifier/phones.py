"""The page of simulated phones: what each family's phone shows, and a line to answer with.

For the demo and for training. A reply goes to ingest by the same door as an operator's, so nothing is simulated past
the radio. There is no such page where a real gateway sends.

The pages follow by themselves: one small file of ours asks for the page again every three seconds and replaces the
texts, never the field in which somebody types. A stream would save nothing here: a demonstration has one visitor, and
its texts carry no sequence that a stream could start from.
"""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from importlib import resources
from typing import Annotated, Any

import httpx2
import sqlalchemy as sa
from fastapi import APIRouter, Form, HTTPException
from fastapi.responses import HTMLResponse, RedirectResponse, Response
from jinja2 import Environment, PackageLoader, select_autoescape

from services.bus.database import Database
from services.bus.delivery import Clock
from services.calendar import hour_in_full, instant_in_full, local
from services.notifier.gateways import phone_threads
from services.notifier.gateways.phone_threads import Phone, PhoneState
from services.vault import is_fiction, phone_for_people

LONGEST_REPLY = 459
"""Three segments: longer than anybody types on a phone."""
SHOWN = 60
KEPT = {"Cache-Control": "no-cache", "X-Content-Type-Options": "nosniff"}
"""Asked for again each time: the page that names these files carries no version of theirs."""

TEMPLATES = Environment(
    loader=PackageLoader("services.notifier", "pages"),
    autoescape=select_autoescape(),
    trim_blocks=True,
    lstrip_blocks=True,
)
TEMPLATES.filters.update(
    phone=phone_for_people, at=instant_in_full, hour=lambda instant: hour_in_full(local(instant).time())
)


@dataclass(frozen=True)
class Inbound:
    """Where replies go: ingest's door for operators."""

    client: httpx2.AsyncClient
    path: str

    async def pass_on(self, message: str, number: str, text: str, received_at: str) -> None:
        """Hand a reply over as an operator does, under an id of its own. Raises httpx2.HTTPError if it is not taken."""
        body = {"message_id": message, "from": number, "to": "", "text": text, "received_at": received_at}
        (await self.client.post(self.path, json=body)).raise_for_status()


def phone_routes(database: Database, clock: Clock, inbound: Inbound) -> APIRouter:
    """`/telephones`: the phones, one phone, what it answers, and whether it is on."""
    routes = APIRouter(include_in_schema=False)
    _to_look_at(routes, database, clock)
    _to_answer_with(routes, database, clock, inbound)
    return routes


def _to_look_at(routes: APIRouter, database: Database, clock: Clock) -> None:
    @routes.get("/telephones")
    async def phones() -> HTMLResponse:
        shown = sorted(await database.read(phone_threads.all_phones), key=_latest, reverse=True)
        return _page("phones.html", phones=shown[:SHOWN], hidden=max(0, len(shown) - SHOWN), now=clock())

    @routes.get("/telephones.json")
    async def as_data() -> list[dict[str, Any]]:
        return [phone.model_dump(mode="json") for phone in await database.read(phone_threads.all_phones)]

    @routes.get("/telephones/style.css")
    async def style() -> Response:
        return Response(_asset("phones.css"), media_type="text/css", headers=KEPT)

    @routes.get("/telephones/follow.js")
    async def script() -> Response:
        return Response(_asset("follow.js"), media_type="text/javascript", headers=KEPT)

    @routes.get("/telephones/{number}")
    async def one(number: str) -> HTMLResponse:
        phone = await database.read(phone_threads.phone, _fiction(number))
        return _page("phone.html", phone=phone, states=PhoneState, longest=LONGEST_REPLY)


def _to_answer_with(routes: APIRouter, database: Database, clock: Clock, inbound: Inbound) -> None:
    @routes.post("/telephones/{number}")
    async def answer(number: str, text: Annotated[str, Form(max_length=LONGEST_REPLY)] = "") -> Response:
        phone, words = _fiction(number), text.strip()
        if words:
            message, now = f"phone-{secrets.token_hex(8)}", clock()
            await inbound.pass_on(message, phone, words, now.isoformat())
            await database.write(phone_threads.write_reply, message, phone, words, now)
        return RedirectResponse(f"/telephones/{number}", 303)

    @routes.post("/telephones/{number}/etat")
    async def switch(number: str, state: Annotated[str, Form()]) -> Response:
        wanted = next((known for known in PhoneState if known.value == state), None)
        if wanted is None:
            raise HTTPException(422, "Cet état n'existe pas.")
        await database.write(_switch, _fiction(number), wanted, clock())
        return RedirectResponse(f"/telephones/{number}", 303)


def _switch(tx: sa.Connection, number: str, state: PhoneState, now: Any) -> None:
    phone_threads.switch(tx, number, state, now)


def _fiction(number: str) -> str:
    phone = f"+{number.lstrip('+ ')}"
    if not is_fiction(phone):
        raise HTTPException(404, "Ce numéro n'est pas un téléphone simulé.")
    return phone


def _latest(phone: Phone) -> tuple[str, str]:
    return (phone.thread[-1].at.isoformat() if phone.thread else "", phone.number)


def _page(name: str, **data: Any) -> HTMLResponse:
    return HTMLResponse(
        TEMPLATES.get_template(name).render(**data),
        headers={
            "Content-Security-Policy": (
                "default-src 'none'; style-src 'self'; script-src 'self'; connect-src 'self'; img-src data:; "
                "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
            ),
            "Cache-Control": "no-store",
            "Referrer-Policy": "no-referrer",
            "X-Content-Type-Options": "nosniff",
        },
    )


def _asset(name: str) -> str:
    return resources.files("services.notifier").joinpath("pages", name).read_text(encoding="utf-8")

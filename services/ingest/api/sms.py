"""The door of the SMS operator: a secret path, each message once."""

from __future__ import annotations

from typing import Any

from fastapi import APIRouter, Request
from starlette.exceptions import HTTPException

from services.bus.links import recognise
from services.ingest.guichet import Guichet
from services.ingest.inbound import InboundSms, receive_sms

routes = APIRouter(include_in_schema=False)


@routes.post("/sms/inbound/{secret}")
async def post_inbound(request: Request, secret: str, sms: InboundSms) -> dict[str, Any]:
    """Take a family's text. The operator learns nothing but that it may stop repeating."""
    guichet: Guichet = request.app.state.guichet
    if not guichet.inbound_secret or not recognise(secret, guichet.inbound_secret):
        raise HTTPException(404)
    await receive_sms(guichet, sms)
    return {"status": "ok"}

"""A provider over HTTP: our reference is its idempotency key, and may be looked up.

The dialect is plain: `POST <url>/messages` with `{reference, to, text, encoding, sender}` and the header
`Idempotency-Key`, answered by `{id, status}`; `GET <url>/messages?reference=` answered by the same, or 404. Once the
phone has the text, or will not get it, the provider posts `{reference, id, status, at, code}` to our door for receipts.
A provider that speaks otherwise gets a file beside this one, and passes the same tests.

When to modify: a status code turns out to mean something else.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from datetime import timedelta
from http import HTTPStatus

import httpx2
from pydantic import AwareDatetime, Field, SecretStr, ValidationError

from contracts.vocabulary import Frozen
from services.notifier.gateways.gateway import SETTLING, Idempotency, Outcome, Receipt, SendResult
from services.notifier.gsm7 import Encoding
from services.notifier.sending_hours import QuietHours

TIMEOUTS = httpx2.Timeout(10.0, connect=3.0)
"""Seconds. An answer that takes longer is lost, and its message doubtful."""

NEVER_REACHED = (httpx2.ConnectError, httpx2.ConnectTimeout, httpx2.PoolTimeout)
OURS_TO_MEND = frozenset({HTTPStatus.UNAUTHORIZED, HTTPStatus.PAYMENT_REQUIRED, HTTPStatus.FORBIDDEN})
"""Our key or our credit, not this family's number: every text waits, none is given up."""

TRY_AGAIN = OURS_TO_MEND | {HTTPStatus.CONFLICT, HTTPStatus.TOO_EARLY, HTTPStatus.TOO_MANY_REQUESTS}
_CODE = re.compile(r"[a-z][a-z_-]{0,39}")


class Accepted(Frozen):
    """What the provider says of a message that it took."""

    id: str
    status: str = "accepted"


class DeliveryReport(Frozen):
    """What the provider posts back once the operator knows: `delivered`, `failed`, or a status on the way."""

    reference: str = Field(pattern=r"^[\x21-\x7e]{1,128}$")
    id: str = ""
    status: str
    at: AwareDatetime
    code: str = ""


@dataclass(frozen=True)
class HttpGateway:
    """One provider's account. `url` without a slash at its end."""

    client: httpx2.AsyncClient
    url: str
    token: SecretStr
    sender: str
    idempotency: Idempotency
    name: str = "http"
    can_reply: bool = True
    can_link: bool = False
    quiet_hours: QuietHours | None = None
    replies_read_for: timedelta | None = timedelta(hours=48)
    timeouts: httpx2.Timeout = field(default_factory=lambda: TIMEOUTS)

    async def send(self, reference: str, to: str, text: str, encoding: Encoding) -> SendResult:
        body = {"reference": reference, "to": to, "text": text, "encoding": encoding.value, "sender": self.sender}
        headers = self._headers()
        if self.idempotency is Idempotency.KEY:
            headers["Idempotency-Key"] = reference
        try:
            answer = await self.client.post(
                f"{self.url}/messages", json=body, headers=headers, timeout=self.timeouts, follow_redirects=False
            )
        except NEVER_REACHED as error:
            return SendResult(outcome=Outcome.LATER, reason=f"opérateur injoignable ({type(error).__name__})")
        except httpx2.TransportError as error:
            return await self._doubtful(reference, f"réponse perdue ({type(error).__name__})")
        return await self._read(reference, answer)

    async def look_up(self, reference: str) -> SendResult | None:
        """What the provider knows of `reference`; None if it knows nothing. UNKNOWN if it cannot be asked now."""
        try:
            answer = await self.client.get(
                f"{self.url}/messages",
                params={"reference": reference},
                headers=self._headers(),
                timeout=self.timeouts,
                follow_redirects=False,
            )
        except httpx2.TransportError as error:
            return SendResult(
                outcome=Outcome.UNKNOWN, reason=f"recherche impossible ({type(error).__name__})", retry_after=SETTLING
            )
        if answer.status_code == HTTPStatus.NOT_FOUND:
            return None
        if not answer.is_success:
            return SendResult(
                outcome=Outcome.UNKNOWN, reason=f"recherche impossible ({answer.status_code})", retry_after=SETTLING
            )
        unreadable = SendResult(outcome=Outcome.UNKNOWN, reason="réponse illisible", retry_after=SETTLING)
        return _accepted(answer) or unreadable

    async def _read(self, reference: str, answer: httpx2.Response) -> SendResult:
        status = answer.status_code
        if answer.is_success:
            return _accepted(answer) or await self._doubtful(reference, "réponse illisible")
        if status in TRY_AGAIN:
            return SendResult(outcome=Outcome.LATER, reason=_reason(answer), retry_after=_retry_after(answer))
        if HTTPStatus.BAD_REQUEST <= status < HTTPStatus.INTERNAL_SERVER_ERROR and status != HTTPStatus.REQUEST_TIMEOUT:
            return SendResult(outcome=Outcome.FAILED, reason=_reason(answer))
        return await self._doubtful(reference, _reason(answer), _retry_after(answer))

    async def _doubtful(self, reference: str, reason: str, wait: timedelta | None = None) -> SendResult:
        """It may have left. With a key it is safe to send again; else a look-up tells, or nobody can.

        That a look-up finds nothing proves nothing yet, since a slow request may still arrive: UNKNOWN until settled.
        """
        if self.idempotency is Idempotency.KEY:
            return SendResult(outcome=Outcome.LATER, reason=reason, retry_after=wait, in_doubt=True)
        if self.idempotency is Idempotency.NEITHER:
            return SendResult(outcome=Outcome.UNKNOWN, reason=reason)
        found = await self.look_up(reference)
        return found or SendResult(outcome=Outcome.UNKNOWN, reason=reason, retry_after=SETTLING)

    def _headers(self) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.token.get_secret_value()}"}


def receipt_of(report: DeliveryReport) -> Receipt | None:
    """The provider's report as a receipt; None while the message is still under way."""
    if report.status not in {"delivered", "failed"}:
        return None
    return Receipt(
        reference=report.reference,
        provider_id=report.id,
        delivered=report.status == "delivered",
        at=report.at,
        reason=_code(report.code),
    )


def _accepted(answer: httpx2.Response) -> SendResult | None:
    """What the provider says; None if it cannot be read."""
    try:
        accepted = Accepted.model_validate_json(answer.content)
    except ValidationError:
        return None
    if accepted.status == "failed":
        return SendResult(outcome=Outcome.FAILED, provider_id=accepted.id, reason="refusé par l'opérateur")
    return SendResult(outcome=Outcome.SENT, provider_id=accepted.id)


def _reason(answer: httpx2.Response) -> str:
    """The status and the provider's own code. Never its words: they may repeat the number or the text."""
    try:
        said = answer.json()
    except ValueError:
        said = None
    code = _code(str(said.get("code", ""))) if isinstance(said, dict) else ""
    return f"refusé par l'opérateur ({' '.join(filter(None, (str(answer.status_code), code)))})"


def _code(text: str) -> str:
    return text if _CODE.fullmatch(text) else ""


def _retry_after(answer: httpx2.Response) -> timedelta | None:
    seconds = answer.headers.get("Retry-After", "")
    return timedelta(seconds=int(seconds)) if seconds.isdecimal() else None

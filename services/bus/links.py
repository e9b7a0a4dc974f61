"""Links that are their own right: derived by the notifier that sends them, recognised by ingest that opens them.

A token is an HMAC of what it opens, so that it never travels on the bus and is stored nowhere but as a fingerprint.
When to modify: never while links are out; another length or word makes every link that was sent a dead one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable

_BYTES = 16
"""128 bits: nobody guesses one, and 22 characters still fit in an SMS."""

_LENGTH = 22
_MARK_BYTES = 6
"""48 bits, 8 characters: a mark opens nothing by itself, it only tells whose link it is that opens."""


def proposal_token(key: bytes, proposal_id: str) -> str:
    """What a family's link to its proposal ends with: 22 characters, safe in an address."""
    return _token(key, "proposal", proposal_id)


def contact_token(key: bytes, proposal_id: str, contact: str) -> str:
    """The same link as one contact gets it: with a mark behind it, so that an answer is that contact's own."""
    return proposal_token(key, proposal_id) + _mark(key, proposal_id, contact)


def opening(token: str) -> tuple[str, str]:
    """The part of a link that opens its proposal, and the mark of the contact it was sent to, "" for none."""
    return token[:_LENGTH], token[_LENGTH:]


def whose(key: bytes, proposal_id: str, mark: str, contacts: Iterable[str]) -> str | None:
    """The contact that `mark` is of, among `contacts`."""
    return next((c for c in sorted(contacts) if recognise(mark, _mark(key, proposal_id, c))), None)


def request_token(key: bytes, request: str) -> str:
    """What a family's link to its own request ends with. The guichet hands it over; no message carries it."""
    return _token(key, "request", request)


def sign_in_token(key: bytes, link_id: str) -> str:
    """What a professional's one-time link ends with. `link_id` is the subject of `SignInRequested`."""
    return _token(key, "sign_in", link_id)


def recognise(presented: str, expected: str) -> bool:
    """True if both are the same token; takes as long whether they nearly are or not at all."""
    return hmac.compare_digest(presented.encode(), expected.encode())


def fingerprint(token: str) -> str:
    """What is stored of a token: enough to find it again, not enough to use it."""
    return hashlib.sha256(token.encode()).hexdigest()


def _mark(key: bytes, proposal_id: str, contact: str) -> str:
    return _token(key, "contact", f"{proposal_id}/{contact}", _MARK_BYTES)


def _token(key: bytes, use: str, subject: str, length: int = _BYTES) -> str:
    digest = hmac.new(key, f"{use}:{subject}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:length]).rstrip(b"=").decode()

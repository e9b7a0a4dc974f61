"""Links that are their own right: derived by the notifier that sends them, recognised by ingest that opens them.

A token is an HMAC of what it opens, so that it never travels on the bus and is stored nowhere but as a fingerprint.
When to modify: never while links are out; another length or word makes every link that was sent a dead one.
"""

from __future__ import annotations

import base64
import hashlib
import hmac

_BYTES = 16
"""128 bits: nobody guesses one, and 22 characters still fit in an SMS."""


def proposal_token(key: bytes, proposal_id: str) -> str:
    """What a family's link to its proposal ends with: 22 characters, safe in an address."""
    return _token(key, "proposal", proposal_id)


def sign_in_token(key: bytes, link_id: str) -> str:
    """What a professional's one-time link ends with. `link_id` is the subject of `SignInRequested`."""
    return _token(key, "sign_in", link_id)


def recognise(presented: str, expected: str) -> bool:
    """True if both are the same token; takes as long whether they nearly are or not at all."""
    return hmac.compare_digest(presented.encode(), expected.encode())


def fingerprint(token: str) -> str:
    """What is stored of a token: enough to find it again, not enough to use it."""
    return hashlib.sha256(token.encode()).hexdigest()


def _token(key: bytes, use: str, subject: str) -> str:
    digest = hmac.new(key, f"{use}:{subject}".encode(), hashlib.sha256).digest()
    return base64.urlsafe_b64encode(digest[:_BYTES]).rstrip(b"=").decode()

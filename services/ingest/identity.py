"""Signing in with the account that one's employer gave: ProConnect, or a town hall's own OpenID Connect provider.

The provider only says whose address this is; who may sign in, and as what, stays Berceau's. How it is asked is in
`openid`, which only a process with a provider loads.

When to modify: with what a person may be told of an identity.
"""

from __future__ import annotations

import re
import secrets
from dataclasses import astuple, dataclass
from typing import Protocol

_SECRET_BYTES = 32
"""ProConnect wants a state and a nonce of 32 characters at least."""


class ProviderAway(Exception):
    """The provider does not answer, or not as OpenID Connect says."""


class NotVouchedFor(Exception):
    """What came back proves nobody's address."""


def code_in(error: object) -> str:
    """The code of a fault that is one ("invalid_client"); "" for anything longer, which could quote somebody."""
    return error if isinstance(error, str) and _CODE.fullmatch(error) else ""


_CODE = re.compile("[a-z_]{1,40}")


@dataclass(frozen=True)
class Leaving:
    """What a browser keeps from leaving for the provider until it comes back. Each part is URL-safe base64."""

    state: str
    nonce: str
    verifier: str

    def __str__(self) -> str:
        return ".".join(astuple(self))

    @classmethod
    def read(cls, text: str) -> Leaving | None:
        """What `str` wrote; None for anything else."""
        parts = text.split(".")
        return cls(*parts) if len(parts) == 3 and all(parts) else None

    @classmethod
    def fresh(cls) -> Leaving:
        return cls(*(secrets.token_urlsafe(_SECRET_BYTES) for _ in range(3)))


@dataclass(frozen=True)
class Vouched:
    """`email` as the provider wrote it. `id_token` is what the provider wants to read when the person leaves."""

    email: str
    id_token: str


class IdentityProvider(Protocol):
    """Whoever knows the professionals by their address. `name` is what they know it by."""

    name: str

    async def way_in(self, leaving: Leaving) -> str:
        """Where to send the browser. Raises ProviderAway."""

    async def vouched(self, code: str, leaving: Leaving) -> Vouched:
        """Whose address the code that came back stands for. Raises ProviderAway, NotVouchedFor."""

    async def way_out(self, id_token: str) -> str:
        """Where a person ends its session with the provider too; "" without such a place. Raises ProviderAway."""

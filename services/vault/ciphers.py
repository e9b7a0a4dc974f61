"""How the vault seals: AES-256-GCM, a random data key per owner, wrapped by the master key.

Every ciphertext is bound (associated data) to its owner and field: moved to another row it does not open.

When to modify: a change of format needs a new version in `_bound_to` and a re-sealing of what is stored.
"""

from __future__ import annotations

import hashlib
import hmac
import os
from collections.abc import Iterator
from dataclasses import dataclass

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM

KEY_BYTES = 32
_NONCE_BYTES = 12  # NIST SP 800-38D: 96 random bits
_NAME_BYTES = 8


class Unreadable(Exception):
    """A sealed value does not open: its key was erased, or it was moved or altered."""

    def __init__(self, what: str) -> None:
        super().__init__(f"Ces coordonnées ne peuvent pas être lues ({what}).")


class WrongMasterKey(Unreadable):
    """The data key was wrapped by a master key that this process does not have."""


@dataclass(frozen=True, repr=False)
class Keyring:
    """The master key, 32 bytes, and during a rotation the earlier ones, which only open."""

    current: bytes
    previous: tuple[bytes, ...] = ()

    def __post_init__(self) -> None:
        if any(len(key) != KEY_BYTES for key in self):
            raise ValueError(f"a master key has {KEY_BYTES} bytes")

    def __iter__(self) -> Iterator[bytes]:
        yield self.current
        yield from self.previous

    @property
    def name(self) -> str:
        """The name of the current master key, which tells nothing about it."""
        return key_name(self.current)

    def named(self, name: str) -> bytes:
        """The master key of that name. Raises WrongMasterKey if it is not on the ring."""
        for key in self:
            if key_name(key) == name:
                return key
        raise WrongMasterKey(f"la clé maîtresse {name} manque")


def key_name(key: bytes) -> str:
    """A short public name for a key."""
    return hmac.new(key, b"berceau/vault/key-name", hashlib.sha256).hexdigest()[: 2 * _NAME_BYTES]


def new_key() -> bytes:
    return os.urandom(KEY_BYTES)


def seal(key: bytes, text: str, *place: str) -> bytes:
    """`text` sealed for one place (kind of owner, owner, row, field): nonce and ciphertext."""
    return seal_bytes(key, text.encode(), *place)


def unseal(key: bytes, sealed: bytes, *place: str) -> str:
    """What was sealed for this very place. Raises Unreadable otherwise."""
    return unseal_bytes(key, sealed, *place).decode()


def seal_bytes(key: bytes, data: bytes, *place: str) -> bytes:
    nonce = os.urandom(_NONCE_BYTES)
    return nonce + AESGCM(key).encrypt(nonce, data, _bound_to(place))


def unseal_bytes(key: bytes, sealed: bytes, *place: str) -> bytes:
    nonce, ciphertext = sealed[:_NONCE_BYTES], sealed[_NONCE_BYTES:]
    try:
        return AESGCM(key).decrypt(nonce, ciphertext, _bound_to(place))
    except InvalidTag as error:
        raise Unreadable(f"champ {place[-1]}") from error


def fingerprint(key: bytes, field: str, value: str) -> bytes:
    """A blind index: equal for equal values, and nobody without the key can try phone numbers one by one."""
    return hmac.new(key, _bound_to(("lookup", field, value)), hashlib.sha256).digest()


def _bound_to(place: tuple[str, ...]) -> bytes:
    """The parts joined without ambiguity: ids hold no NUL."""
    return "\0".join(("berceau/vault/1", *place)).encode()

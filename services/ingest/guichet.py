"""What every door of ingest needs: its databases, its clock and its keys. Handed around, never global."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from datetime import datetime, timedelta

from services.bus.database import Database
from services.bus.delivery import Clock
from services.ingest import changes
from services.ingest.actors import Actor
from services.ingest.credentials import SESSION_LIFE
from services.ingest.declare.territories import KnowsPolicy, any_policy
from services.ingest.identity import IdentityProvider
from services.ingest.live import Streams
from services.ingest.turns import Turns
from services.vault import Keyring

BATCHES_AT_ONCE = 2
"""One is computed while the database writes another. Sixteen at once on a busy machine kept everybody else in the
process waiting for seconds, and whoever feels the database's pulse took it for dead."""


@dataclass(frozen=True)
class Guichet:
    """`public_url` begins every address that people see; over https cookies are marked so.

    Without an `inbound_secret` no SMS comes in over HTTP. `session_life` is longer only where the clock runs faster.
    `streams` are the pages that are open now, `batches` the turns of programs that send many messages at once, `turns`
    those of acts that are done together, and `programs` whose key each was that acted so lately, by its fingerprint.
    `knows_policy`: whether a territory's rules exist. `identity` is where professionals may sign in with the account of
    their employer, if there is such a place.
    """

    database: Database
    vault: Database
    keyring: Keyring
    clock: Clock
    link_key: bytes
    public_url: str = "http://127.0.0.1:8080"
    inbound_secret: str = ""
    session_life: timedelta = SESSION_LIFE
    knows_policy: KnowsPolicy = any_policy
    identity: IdentityProvider | None = None
    streams: Streams = field(init=False)
    batches: asyncio.Semaphore = field(default_factory=lambda: asyncio.Semaphore(BATCHES_AT_ONCE))
    turns: Turns = field(default_factory=Turns)
    programs: dict[str, tuple[Actor, datetime]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        """Whatever is said through this guichet moves the number that open pages follow."""
        object.__setattr__(self, "streams", Streams(self.database, self.clock))
        if changes.note not in self.database.with_said:
            self.database.with_said.append(changes.note)

    @property
    def is_secure(self) -> bool:
        return self.public_url.startswith("https://")

"""Where a demo's people live: a Berceau in this process, or one that runs in others."""

from __future__ import annotations

from typing import Protocol

from services.bus.database import Database
from services.bus.delivery import Clock
from services.ingest.guichet import Guichet


class Place(Protocol):
    """Its doors (`guichet`), what its screens show (`databases`, by service), what time it is there, where its
    simulated phones are, and which adapters carry it, in French for the box of the demo."""

    @property
    def guichet(self) -> Guichet: ...
    @property
    def databases(self) -> dict[str, Database]: ...
    @property
    def clock(self) -> Clock: ...
    @property
    def phones_url(self) -> str: ...
    @property
    def carried_by(self) -> str: ...

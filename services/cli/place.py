"""Where a demo's people live: a Berceau in this process, or one that runs in others."""

from __future__ import annotations

from typing import Protocol

from services.bus.database import Database
from services.bus.delivery import Clock
from services.ingest.guichet import Guichet


class Place(Protocol):
    """Its doors (`guichet`), what its screens show (`databases`, by service), and what time it is there."""

    @property
    def guichet(self) -> Guichet: ...
    @property
    def databases(self) -> dict[str, Database]: ...
    @property
    def clock(self) -> Clock: ...

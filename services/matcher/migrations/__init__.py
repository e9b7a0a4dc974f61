"""The history of the matcher's tables; `services.bus.migrations` runs it."""

from __future__ import annotations

from services.bus import tables as bus
from services.matcher import tables

METADATA = (bus.metadata, tables.metadata)

"""The history of the notifier's tables; `services.bus.migrations` runs it."""

from __future__ import annotations

from services.bus import tables as bus
from services.notifier import tables

METADATA = (bus.metadata, tables.metadata)

"""The history of ingest's tables; `services.bus.migrations` runs it."""

from __future__ import annotations

from services.bus import tables as bus
from services.ingest import schema

METADATA = (bus.metadata, schema.metadata)

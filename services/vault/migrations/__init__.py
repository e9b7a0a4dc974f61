"""The history of the vault's tables; `services.bus.migrations` runs it. No event enters or leaves the vault."""

from __future__ import annotations

from services.vault import tables

METADATA = (tables.metadata,)

"""Which rows each service drops beside its work, the same for one process and for a cluster."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from types import MappingProxyType

from services.bus.audit_chain import chain_key, keep_sealed
from services.bus.retention import HEARD, Purge, run_purges
from services.bus.service import Service
from services.bus.settings import Settings
from services.ingest import retention as ingest
from services.matcher import drafts, past_rounds

OF_THE_SERVICE = MappingProxyType(
    {"ingest": ingest.PURGES, "matcher": (*past_rounds.PURGES, drafts.PURGE), "notifier": ()}
)


async def run_audit(service: Service, settings: Settings, stop: asyncio.Event) -> None:
    """Seal what people did and read at `service`, and drop what is old, until `stop`."""
    key = chain_key(settings.key("link_key"))
    await keep_sealed(service.database, key, service.reader.clock, service.reader.troubles, stop)


async def run_retention(service: Service, said: Callable[[], Awaitable[Purge]], stop: asyncio.Event) -> None:
    """Drop old rows of `service` until `stop`. `said`: what may go of its log, which depends on what carries it."""

    async def purges() -> Sequence[Purge]:
        return (await said(), *HEARD, *OF_THE_SERVICE[service.name])

    await run_purges(service.database, purges, service.reader.clock, service.reader.troubles, stop)

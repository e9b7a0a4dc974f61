"""Waiting for one of several things at once."""

from __future__ import annotations

import asyncio
from collections.abc import Iterable


async def first_of(events: Iterable[asyncio.Event], timeout_s: float) -> None:
    """Return when one of `events` is set, or after `timeout_s`."""
    waits = [asyncio.ensure_future(event.wait()) for event in events]
    try:
        await asyncio.wait(waits, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for wait in waits:
            wait.cancel()

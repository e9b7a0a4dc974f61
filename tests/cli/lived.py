"""A small invented territory that lived some hours on an installation, for tests that look at what is left of it."""

from __future__ import annotations

from datetime import timedelta

from services.bus.settings import Settings
from services.calendar import FixedClock
from services.cli import demo
from services.cli.embedded import open_embedded
from services.matcher.app import decide_here
from services.territory import Size
from tests.ingest.files.town import TINY

TERRITORY = demo.NAME


async def live(settings: Settings, hours: int = 8, size: Size = TINY) -> None:
    """The first hours of a demo, as fast as they go, on the keys and in the folder of `settings`."""
    start = demo.first_morning()
    clock = FixedClock(start)
    town = await open_embedded(settings, clock, durability="OFF", decide=decide_here, limits=())
    try:
        plan = demo.Plan(days=max(1, hours // 24), size=size)
        players = await demo.populate(town, plan, start)
        await demo.everybody_else(players, plan, start)
        end = start + timedelta(hours=hours)
        while clock() < end:
            await demo._do_everything(town, players, clock())
            clock.set(min(end, max(clock() + timedelta(seconds=1), await demo._next(town, players, end))))
        await demo._do_everything(town, players, end)
    finally:
        await town.close()

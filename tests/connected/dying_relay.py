"""A relay that is killed while the broker is away, as a process of its own: `python -m tests.connected.dying_relay`.

`after` is ours: marks what the broker acknowledged. `before` is the twin: marks what its client has taken.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys

from services.bus import outbox
from services.bus.database import open_postgresql
from services.bus.retries import BrokerAway
from services.bus.settings import Settings
from tests.bus.harness import clock
from tests.connected.carriers import sending


async def run(marks: str, settings: Settings, url: str) -> None:
    writer = open_postgresql(url, "ingest")
    async with sending(settings, writer) as relay:
        assert await relay.publish_waiting() == 20
        print("connected", flush=True)
        await asyncio.to_thread(sys.stdin.readline)  # the test kills the broker meanwhile
        relay.ack_patience_s = 0.5
        if marks == "after":
            try:
                await relay.publish_waiting()
            except BrokerAway:
                print("not acknowledged", flush=True)
        else:
            rows = await writer.read(outbox.unpublished, 1_000)
            for row in rows:
                await relay.send(row)
            await writer.write(outbox.mark_published, [row.position for row in rows], clock())
        os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], Settings.model_validate_json(sys.argv[2]), sys.argv[3]))

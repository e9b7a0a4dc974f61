"""A matcher that stops itself (SIGSTOP) with a decision in hand.

    python -m tests.connected.stale_owner URL fenced|not

It owns what it finds due, decides, stops before it writes, and once woken tries to write. What it says on its output:
`decided TERRITORY`, and after each round `ended lost` or `ended written`. `not` is the twin: no token checked.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

from services.bus.database import open_postgresql, open_sqlite
from services.bus.service import Share
from services.calendar import FixedClock
from services.matcher import leases, rounds
from services.matcher.app import decide_here
from services.matcher.draws import fresh_seed
from services.matcher.leases import Holder, LeaseLost, Tenure
from services.matcher.solver.schema import Outcome, Round
from tests.matcher.world import now_at

LEASE_S = 0.3


async def decide_and_stop(part: Round) -> Outcome:
    outcome = await decide_here(part)
    print(f"decided {part.territory}", flush=True)
    os.kill(os.getpid(), signal.SIGSTOP)
    return outcome


async def run(url: str, *, fenced: bool) -> None:
    database = open_postgresql(url, "matcher") if "://" in url else open_sqlite(Path(url), "OFF")
    clock, given = FixedClock(now_at(9)), set[str]()
    tenure = Tenure(database, Share(has=lambda name: name in given), Holder("sleepy"), LEASE_S)
    for territory in await database.read(rounds.due_territories, clock()):
        given |= {territory}
        tenure._renew_at = 0.0
        lease = (await tenure.look(clock()))[territory]
        fence = lease.fence if fenced else leases.unfenced
        try:
            await rounds.run_round(database, territory, clock(), decide_and_stop, fresh_seed, fence)
        except LeaseLost:
            print("ended lost", flush=True)
        else:
            print("ended written", flush=True)
    await database.close()


if __name__ == "__main__":
    asyncio.run(run(sys.argv[1], fenced=sys.argv[2] == "fenced"))

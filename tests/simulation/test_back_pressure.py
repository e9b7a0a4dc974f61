"""What others need may be away for hours: nothing is lost, nothing piles up in memory, and order is kept."""

from __future__ import annotations

import asyncio
from collections import Counter
from datetime import time, timedelta

import pytest

from contracts.vacancies import VacancyReconfirmed
from services.bus import outbox
from services.bus.relay import BATCH
from services.calendar import at
from services.notifier.gateways.gateway import Idempotency
from tests.bus.harness import said
from tests.matcher.world import MONDAY
from tests.simulation.broker import Broker
from tests.simulation.databases import fresh_engines
from tests.simulation.hostility import Hostility
from tests.simulation.processes import House, Process, begin
from tests.simulation.provider import Provider
from tests.simulation.run import run
from tests.simulation.virtual import VirtualClock, loop_on

EVENTS = 3 * BATCH + 7
HOURS = {"gateway": 30, "broker": 7, "database ingest": 7, "database matcher": 7, "database notifier": 7}
SEEDS = (1001, 1006, 1008)
"""Of eight tried, those where something is sent, said and read while each of the five is away."""
NOON = at(MONDAY, time(12))


@pytest.mark.timeout(900)
@pytest.mark.parametrize("what", HOURS)
def test_what_is_away_for_hours_loses_nothing(what: str) -> None:
    lived = [run(seed, errands=25, outage=(what, timedelta(hours=HOURS[what]))) for seed in SEEDS]
    assert [(told.seed, told.faults) for told in lived if told.faults] == []
    assert any(told.simulation.hostility.seen[f"away: {what}"] for told in lived)


def house_at_noon() -> House:
    """Everything that processes stand on, and nothing that goes wrong by itself."""
    dice, clock = Hostility(0), VirtualClock(NOON)
    dice.calm()
    house = House(dice, clock, fresh_engines(clock), Broker(dice, clock), None)  # type: ignore[arg-type]
    house.provider = Provider(dice, clock, Idempotency.KEY, house.rest)
    return house


def events(count: int) -> list[VacancyReconfirmed]:
    return [said(n, "montlucon") for n in range(count)]


async def wait_for_the_broker(house: House, ingest: Process, hours: int) -> None:
    """The relay tries again and again, as it does in a process, while the broker is away."""
    until = house.clock() + timedelta(hours=hours)
    house.hostility.away["broker"] = until
    while house.clock() < until:
        await ingest.do("relay", ingest.relay.publish_waiting())
        await asyncio.sleep(5)
    house.broker.come_back()
    while await ingest.do("relay", ingest.relay.publish_waiting()):
        pass


def test_a_broker_that_is_away_holds_one_batch_in_memory_and_gets_everything_in_order() -> None:
    house = house_at_noon()
    ingest = begin("ingest", house)
    with loop_on(house.clock) as loop:
        loop.run_until_complete(ingest.service.database.write(outbox.record, *events(EVENTS)))
        loop.run_until_complete(wait_for_the_broker(house, ingest, hours=3))
    carried = [event.body for event in house.broker.logs["declarations", "montlucon"]]
    times = Counter(carried)
    assert house.broker.most_waiting <= BATCH
    assert list(dict.fromkeys(carried)) == [event.model_dump_json().encode() for event in events(EVENTS)]
    assert max(times.values()) <= 2  # what the client held, and once more since nobody had noted it

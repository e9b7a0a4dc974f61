"""The scales of the long soak: a process that leaks is found, one that only breathes is not."""

from __future__ import annotations

import asyncio
import sys

import pytest

from tests.journey.memory import HOUR_S, Scales, Slope, slope_of, weighing

LEAKS = "import time\nkept = []\nwhile True:\n    {}\n    time.sleep(0.005)\n"
KEEPS, DROPS = "kept.append(bytearray(64_000))", "kept = [bytearray(64_000)]"


def over_an_hour(held: list[int]) -> Slope:
    return slope_of([(n * HOUR_S / len(held), size) for n, size in enumerate(held)], warm_up_s=0.0)


def test_a_process_that_takes_a_little_more_each_minute_grows() -> None:
    slope = over_an_hour([10**8 + n * 50_000 for n in range(120)])
    assert slope.percent_an_hour == pytest.approx(6, rel=0.1) and slope.give_or_take < 0.1
    assert slope.grows_by(1)


def test_a_process_that_takes_and_gives_back_does_not() -> None:
    breath = [10**8 + n % 7 * 2_000_000 for n in range(120)]
    assert not over_an_hour(breath).grows_by(1)
    assert str(over_an_hour(breath)).startswith("95 Mo, +0.0 % par heure")


def test_what_a_start_takes_is_not_growth() -> None:
    warm = [(float(n), 10**6 * min(n, 60)) for n in range(120)]
    assert slope_of(warm, warm_up_s=0.0).grows_by(1) and not slope_of(warm, warm_up_s=60.0).grows_by(1)


@pytest.mark.parametrize(("does", "grows"), [(KEEPS, True), (DROPS, False)])
async def test_a_real_process_that_leaks_is_told_from_one_that_does_not(does: str, grows: bool) -> None:
    process = await asyncio.create_subprocess_exec(sys.executable, "-c", LEAKS.format(does))
    scales = Scales(lambda: {"it": process.pid}, every_s=0.02)
    async with weighing(scales):
        await asyncio.sleep(1.5)
    process.kill()
    await process.wait()
    assert scales.slopes(warm_up_s=0.5)["it"].grows_by(1) is grows

"""A process that lives long gives its large pieces of memory back, however small the things that lie between them."""

from __future__ import annotations

import subprocess
import sys

LIFE = """
import sys
from services.bus.allocator import give_large_pieces_back

def held_mib():
    return int(open("/proc/self/statm").read().split()[1]) * 4 // 1024

if sys.argv[1] == "guarded":
    assert give_large_pieces_back()
begun, small, waiting = held_mib(), [], []
bytearray(1 << 24)  # glibc takes this for the size of pieces to come
for turn in range(300):
    waiting.append(bytearray(b"x") * (150_000 + 100 * turn))
    small.append(bytearray(600))
    if len(waiting) > 100:
        waiting.pop(0)
del waiting
print(held_mib() - begun)
"""
"""Large pieces come and go, each a little larger than the one before, and a small thing stays after each."""


def grown_mib(guard: str) -> int:
    told = subprocess.run([sys.executable, "-c", LIFE, guard], capture_output=True, text=True, check=True)
    return int(told.stdout)


def test_large_pieces_go_back_to_the_system_though_small_things_lie_between_them() -> None:
    assert grown_mib("guarded") <= 4


def test_without_the_guard_the_same_life_keeps_its_holes() -> None:
    """The twin."""
    assert grown_mib("unguarded") >= 15

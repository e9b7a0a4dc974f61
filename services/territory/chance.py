"""Draws that depend on a seed and on names, and on nothing else: no state, no order, no process.

Adding a draw moves no other draw, so a territory of one seed keeps its families when it gains a feature.
"""

from __future__ import annotations

import hashlib
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import TypeVar

T = TypeVar("T")

_BITS = 53  # what a float holds exactly


@dataclass(frozen=True)
class Chance:
    """A source of draws for one thing, named by its path ("7/request/R-0042")."""

    path: str

    def of(self, *names: object) -> Chance:
        """The draws of a thing within this one."""
        return Chance("/".join([self.path, *map(str, names)]))

    def share(self, name: str) -> float:
        """A number in [0, 1), each as likely."""
        digest = hashlib.blake2b(f"{self.path}/{name}".encode(), digest_size=8).digest()
        return (int.from_bytes(digest, "big") >> (64 - _BITS)) / (1 << _BITS)

    def happens(self, name: str, probability: float) -> bool:
        return self.share(name) < probability

    def whole(self, name: str, low: int, high: int) -> int:
        """A whole number from `low` to `high`, both included."""
        return low + int(self.share(name) * (high - low + 1))

    def pick(self, name: str, options: Sequence[T]) -> T:
        return options[self.whole(name, 0, len(options) - 1)]

    def weighted(self, name: str, weights: Mapping[T, float]) -> T:
        """One of the keys, as often as its weight says; weights need not add up to one."""
        left = self.share(name) * sum(weights.values())
        for option, weight in weights.items():
            left -= weight
            if left < 0:
                return option
        return next(reversed(list(weights)))

    def shuffled(self, name: str, options: Sequence[T]) -> list[T]:
        """All of the options, in a drawn order."""
        order = sorted(range(len(options)), key=lambda n: self.share(f"{name}/{n}"))
        return [options[n] for n in order]

    def sample(self, name: str, weights: Mapping[T, float], count: int) -> list[T]:
        """Up to `count` different keys, the weightier the earlier (Efraimidis and Spirakis, 2006)."""
        keys = [(self.share(f"{name}/{option}") ** (1 / weight), option) for option, weight in weights.items()]
        return [option for _, option in sorted(keys, key=lambda pair: -pair[0])[:count]]


def seeded(seed: int) -> Chance:
    """The root of all draws of `seed`."""
    return Chance(str(seed))

"""The communes as a drawing, and where a number stands in each: plain geometry, made on the server.

A map asks for no script, no tile and no other host. Where one commune has no outline there is no map at all: it would
hide that commune's places.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from math import cos, radians
from typing import Any

from services.ingest.pages.wording import in_order

Ring = Sequence[Sequence[float]]
Spot = tuple[int, int]

WIDTH, HEIGHT = 656, 880
"""The drawing fits in here: two units to a pixel on a phone that is 360 wide."""

RADIUS = 32
"""Of the disc behind a number: 28 px across at 320 px, more than the 24 that WCAG 2.2 asks of a target (2.5.8)."""

ROWS = 12
"""At how many heights a place for the number is looked for."""

_MARGIN = 4
_FIELD = (WIDTH - 2 * _MARGIN, HEIGHT - 2 * _MARGIN)


@dataclass(frozen=True)
class Shape:
    """One commune: its outline as an SVG path, and a point inside it."""

    code: str
    name: str
    path: str
    at: Spot


@dataclass(frozen=True)
class Ground:
    """All communes, in one drawing of `width` by `height` units."""

    width: int
    height: int
    shapes: tuple[Shape, ...]


def ground(communes: Iterable[Mapping[str, Any]]) -> Ground | None:
    """The drawing of a territory's communes, or None where one of them has no outline."""
    known = tuple((commune["code"], commune["name"], _frozen(commune.get("outline") or ())) for commune in communes)
    return _drawn(known) if known and all(rings for _, _, rings in known) else None


def _frozen(rings: Iterable[Ring]) -> tuple[Ring, ...]:
    return tuple(tuple((x, y) for x, y in ring) for ring in rings)


@lru_cache(maxsize=8)
def _drawn(known: tuple[tuple[str, str, tuple[Ring, ...]], ...]) -> Ground:
    """Made once for each publication: a visit to the page costs a look-up."""
    place = _Projection.of([point for _, _, rings in known for ring in rings for point in ring])
    shapes = [_shape(code, name, [place.ring(ring) for ring in rings]) for code, name, rings in known]
    width, height = place.size
    return Ground(width, height, tuple(sorted(shapes, key=lambda shape: in_order(shape.name))))


@dataclass(frozen=True)
class _Projection:
    """Degrees to units. Over some tens of kilometres a degree of longitude is as long as in the middle."""

    west: float
    north: float
    across: float
    scale: float
    size: Spot

    @classmethod
    def of(cls, points: Sequence[Sequence[float]]) -> _Projection:
        xs, ys = [point[0] for point in points], [point[1] for point in points]
        across = cos(radians((min(ys) + max(ys)) / 2))
        wide, high = (max(xs) - min(xs)) * across, max(ys) - min(ys)
        scale = min(_FIELD[0] / wide, _FIELD[1] / high)
        size = (round(wide * scale) + 2 * _MARGIN, round(high * scale) + 2 * _MARGIN)
        return cls(min(xs), max(ys), across, scale, size)

    def ring(self, ring: Ring) -> list[Spot]:
        """The ring in whole units; neighbours share their points, so no gap opens between them."""
        return [
            (
                round((x - self.west) * self.across * self.scale) + _MARGIN,
                round((self.north - y) * self.scale) + _MARGIN,
            )
            for x, y in ring
        ]


def _shape(code: str, name: str, rings: Sequence[Sequence[Spot]]) -> Shape:
    return Shape(code, name, "".join(_path(ring) for ring in rings), _inside(rings))


def _path(ring: Sequence[Spot]) -> str:
    """A closed line, each step from the last point on: half as long as with whole coordinates."""
    steps = [f"{x1 - x0},{y1 - y0}" for (x0, y0), (x1, y1) in pairwise(ring[:-1])]
    return f"M{ring[0][0]},{ring[0][1]}l{' '.join(steps)}z"


def _inside(rings: Sequence[Sequence[Spot]]) -> Spot:
    """A point well inside: of the middles of some rows, the one with most room across and up and down."""
    ys = [y for ring in rings for _, y in ring]
    heights = [min(ys) + (max(ys) - min(ys)) * n / ROWS for n in range(1, ROWS)]
    _, x, y = max(_room(rings, y) for y in heights)
    return round(x), round(y)


def _room(rings: Sequence[Sequence[Spot]], y: float) -> tuple[float, float, float]:
    """How much room there is around the middle of the widest stretch inside the outline at `y`, and that middle."""
    start, end = max(_stretches(rings, y, along=0), key=lambda stretch: stretch[1] - stretch[0], default=(0.0, 0.0))
    x = (start + end) / 2
    free = [min(y - low, high - y) for low, high in _stretches(rings, x, along=1)]
    return min((end - start) / 2, max(free, default=0.0)), x, y


def _stretches(rings: Sequence[Sequence[Spot]], at: float, along: int) -> list[tuple[float, float]]:
    """The stretches inside the outline on the line where the other coordinate is `at`."""
    cuts = sorted(cut for ring in rings for one, other in pairwise(ring) for cut in _cut(one, other, at, along))
    return list(zip(cuts[::2], cuts[1::2], strict=True))


def _cut(one: Spot, other: Spot, at: float, along: int) -> Iterable[float]:
    """Where the line from `one` to `other` crosses `at`; a point on it counts for one of its two lines only."""
    low, high = one[1 - along], other[1 - along]
    if (low <= at) != (high <= at):
        yield one[along] + (at - low) / (high - low) * (other[along] - one[along])

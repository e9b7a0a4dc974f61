"""How long one drives between the communes of the synthetic territory: an estimate, and one that says so."""

from __future__ import annotations

import math
from collections.abc import Iterator
from itertools import combinations

from contracts.territories import Point, Ring, TravelTime
from services.territory import figures
from services.territory.outlines import OUTLINES_SOURCE, outlines

TRAVEL_SOURCE = (
    f"Estimation de démonstration : ligne droite entre communes ({OUTLINES_SOURCE}), "
    f"+{round((figures.DETOUR.value - 1) * 100)} %, {figures.ROAD_SPEED_KMH.value:g} km/h"
)
KM_A_DEGREE = 111.2
"""Of latitude: a 360th of the Earth's circumference of 40 030 km."""


def travel_times() -> tuple[TravelTime, ...]:
    """Minutes between each two communes, rounded up."""
    return tuple(_travel_times())


def _travel_times() -> Iterator[TravelTime]:
    centres = {code: _centre(rings[0]) for code, rings in outlines().items()}
    for one, other in combinations(sorted(centres), 2):
        by_road = _km(centres[one], centres[other]) * figures.DETOUR.value
        yield TravelTime(one=one, other=other, minutes=math.ceil(by_road / figures.ROAD_SPEED_KMH.value * 60))


def _centre(ring: Ring) -> Point:
    """The middle of what the border spans: near enough for an estimate."""
    longitudes, latitudes = zip(*ring, strict=True)
    return (min(longitudes) + max(longitudes)) / 2, (min(latitudes) + max(latitudes)) / 2


def _km(one: Point, other: Point) -> float:
    """Between two points a few dozen kilometres apart, the Earth taken as flat there."""
    north = (other[1] - one[1]) * KM_A_DEGREE
    east = (other[0] - one[0]) * KM_A_DEGREE * math.cos(math.radians((one[1] + other[1]) / 2))
    return math.hypot(north, east)

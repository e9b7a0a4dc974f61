"""The borders of the real communes: whole, once from each side, and no commune apart."""

from __future__ import annotations

from collections import Counter
from itertools import pairwise

from contracts.territories import Commune, Point
from services.territory.territory import communes

Line = tuple[Point, Point]


def lines(known: tuple[Commune, ...]) -> Counter[Line]:
    return Counter(line for commune in known for ring in commune.outline for line in pairwise(ring))


def outer(known: tuple[Commune, ...]) -> dict[Point, Point]:
    """The lines that no neighbour has in the other direction, as steps from point to point."""
    there = lines(known)
    return {one: other for one, other in there if (other, one) not in there}


def rounds(steps: dict[Point, Point]) -> list[int]:
    """The lengths of the closed ways that the steps make."""
    found, left = [], set(steps)
    while left:
        at, length = min(left), 0
        while at in left:
            left.discard(at)
            at, length = steps[at], length + 1
        found.append(length)
    return found


def test_each_of_the_communes_has_one_closed_outline() -> None:
    assert len(communes()) == 21
    assert all(len(commune.outline) == 1 for commune in communes())
    assert all(ring[0] == ring[-1] for commune in communes() for ring in commune.outline)


def test_every_inner_border_is_there_once_from_each_side_and_the_territory_is_in_one_piece() -> None:
    assert set(lines(communes()).values()) == {1}
    assert len(rounds(outer(communes()))) == 1


def test_a_point_that_was_moved_would_be_seen() -> None:
    """The failing twin: one corner of one commune slips, and a second way around appears."""
    first, *others = communes()
    (ring,) = first.outline
    slipped = first.model_copy(update={"outline": ((ring[0], (ring[1][0] + 0.001, ring[1][1]), *ring[2:]),)})
    steps = outer((slipped, *others))
    assert len(rounds(steps)) != 1 or len(steps) != len(outer(communes()))

"""Invented brothers and sisters who ask together: twins, and some families whose elder child waits as well."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta

from pydantic import Field

from contracts.siblings import Together
from contracts.vocabulary import Id, RequestKind
from services.territory import figures, names
from services.territory.chance import Chance
from services.territory.people import Child, Family
from services.territory.requests import Request
from services.territory.said import Said

OLDEST = timedelta(days=940)
"""An elder of thirty-one months still waits for a crèche; beyond, school is near (assumed)."""

FEWEST_DAYS_APART, MOST_DAYS_APART = 340, 700
"""Between two births of one family, both under three (assumed)."""


class AskedTogether(Said):
    """Fields as `SiblingsAsked` says them."""

    family: Id
    requests: tuple[Id, ...] = Field(min_length=2)
    together: tuple[Together, ...] = Field(min_length=1)


def with_elder(family: Family, on: date, draw: Chance) -> Family:
    """The family with an elder child who waits as well, as often as the figure says; twins have none."""
    younger = family.children[0]
    born = younger.born - timedelta(days=draw.whole("apart", FEWEST_DAYS_APART, MOST_DAYS_APART))
    asks = draw.happens("elder", figures.ELDER_ASKS_TOO.value) and len(family.children) == 1
    if not asks or on - born > OLDEST:
        return family
    name = next(each for each in draw.shuffled("elder_name", names.FIRST_NAMES) if each != younger.first_name)
    elder = Child(id=f"E-{family.id.removeprefix('F-')}-2", first_name=name, born=born)
    return family.model_copy(update={"children": (younger, elder)})


def asked_together(family: Family, requests: Sequence[Request], draw: Chance) -> AskedTogether | None:
    """What the family asks of its children's places, all of them together; None where each is asked for alone."""
    if len(requests) < 2 or any(request.kind is not RequestKind.REGULAR for request in requests):
        return None
    return AskedTogether(
        id=f"B-{family.id.removeprefix('F-')}",
        family=family.id,
        requests=tuple(request.id for request in requests),
        together=draw.weighted("together", figures.TOGETHER.weights),
    )

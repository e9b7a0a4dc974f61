"""A whole synthetic territory, drawn from a seed and a date: the same two give the same territory, anywhere."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import date, timedelta
from functools import cache
from typing import Literal

from pydantic import Field

from contracts.territories import Commune, TravelTime
from contracts.vocabulary import Frozen, Id, RequestKind, StructureKind
from services.territory import figures, names
from services.territory.calendars import read_csv
from services.territory.chance import Chance, seeded
from services.territory.outlines import OUTLINES_SOURCE, outlines
from services.territory.people import DAYS_A_MONTH, Child, Family, JobKind, Person, contact_count, contacts, staff
from services.territory.requests import YOUNGEST, Request, Surroundings, is_single, request
from services.territory.roads import TRAVEL_SOURCE, travel_times
from services.territory.said import Said
from services.territory.siblings import AskedTogether, asked_together, with_elder
from services.territory.structures import Structure, structures
from services.territory.vacancies import Agreement, Vacancy, agreements, on_call_places, vacancies

COUNSELLORS = 6


class Size(Frozen):
    """How large: `scale` multiplies structures and children, `waiting` is the share of the children who ask for a
    place, `many_vacancies` multiplies free places."""

    scale: float = Field(default=1.0, gt=0)
    waiting: float = Field(default=figures.WAITING.value, gt=0, le=1)
    many_vacancies: float = Field(default=1.0, ge=0)


MONTLUCON_SIZE = Size()
SMALL = Size(scale=0.3, waiting=0.15)
"""For a test or a first look: about 16 structures and 65 requests."""
TEN_THOUSAND_ROWS = Size(scale=12, waiting=0.3, many_vacancies=8)
"""For imports: more than 10,000 vacancies and requests."""


class CommuneChildren(Frozen):
    """How many children under three live in a commune (synthetic: shared out by population)."""

    code: str
    children: int


class Guichet(Said):
    """Fields as `TerritoryPublished` says them."""

    name: str
    guichet_name: str
    guichet_phone: str
    communes: tuple[Commune, ...]
    policy: Id
    outlines_source: str
    travel: tuple[TravelTime, ...]
    travel_source: str


class Territory(Frozen):
    """Everything is synthetic except the communes with their populations, and the calendar."""

    synthetic: Literal[True] = True
    seed: int
    on: date
    guichet: Guichet
    children_under_three: tuple[CommuneChildren, ...]
    people: tuple[Person, ...]
    structures: tuple[Structure, ...]
    agreements: tuple[Agreement, ...]
    vacancies: tuple[Vacancy, ...]
    families: tuple[Family, ...]
    requests: tuple[Request, ...]
    siblings: tuple[AskedTogether, ...]

    @property
    def counsellors(self) -> tuple[Id, ...]:
        return tuple(person.id for person in self.people if person.job is JobKind.COUNSELLOR)

    @property
    def coordinator(self) -> Id:
        return next(person.id for person in self.people if person.job is JobKind.COORDINATOR)


def synthesise(seed: int, on: date, size: Size = MONTLUCON_SIZE) -> Territory:
    """The territory of `seed` as it would be on the morning of `on`.

    Raises ValueError where the size needs more phone numbers than fiction has.
    """
    chance = seeded(seed)
    homes = children_by_commune(round(figures.CHILDREN_UNDER_THREE.value * size.scale))
    places = structures(on, size.scale, chance)
    people = tuple(_people(places, seed, chance))
    counsellors = tuple(person.id for person in people if person.job is JobKind.COUNSELLOR)
    asking = round(sum(home.children for home in homes) * size.waiting)
    signed = agreements(places, on, chance.of("agreements"))
    around = Surroundings(places, signed, counsellors, on)
    free = vacancies(places, on, size.many_vacancies, chance.of("vacancies"))
    families = tuple(_families(asking, homes, len(people), seed, on, chance))
    requests = {family.id: tuple(_requests(family, around, chance)) for family in families}
    return Territory(
        seed=seed,
        on=on,
        guichet=_guichet(),
        children_under_three=homes,
        people=people,
        structures=places,
        agreements=signed,
        vacancies=free + on_call_places(signed, places, on),
        families=families,
        requests=tuple(found for of_family in requests.values() for found in of_family),
        siblings=tuple(_siblings(families, requests, chance)),
    )


@cache
def communes() -> tuple[Commune, ...]:
    """The 21 communes with their municipal population (Insee) and their outlines (IGN)."""
    drawn = outlines()
    return tuple(
        Commune(
            code=line["code_insee"],
            name=line["nom"],
            population=int(line["population_municipale"]),
            outline=drawn[line["code_insee"]],
        )
        for line in read_csv("communes.csv")
    )


def children_by_commune(children: int) -> tuple[CommuneChildren, ...]:
    """`children` shared out over the communes by population, by largest remainders."""
    known = communes()
    total = sum(commune.population for commune in known)
    exact = [children * commune.population / total for commune in known]
    most_cut = sorted(range(len(known)), key=lambda n: -(exact[n] % 1))
    extra = set(most_cut[: children - sum(map(int, exact))])
    return tuple(
        CommuneChildren(code=commune.code, children=int(exact[n]) + (n in extra)) for n, commune in enumerate(known)
    )


def _guichet() -> Guichet:
    return Guichet(
        id="montlucon",
        name="Montluçon Communauté (données synthétiques)",
        guichet_name="Guichet enfance",
        guichet_phone="04 65 71 99 10",  # a fixed line that is kept for fiction
        communes=communes(),
        policy="montlucon-modele",
        outlines_source=OUTLINES_SOURCE,
        travel=travel_times(),
        travel_source=TRAVEL_SOURCE,
    )


def _people(places: Sequence[Structure], seed: int, chance: Chance) -> Iterator[Person]:
    for number, structure in enumerate(places):
        job = JobKind.CHILDMINDER if structure.kind is StructureKind.CHILDMINDER else JobKind.DIRECTOR
        yield staff(structure.person, job, number, seed, chance.of(structure.person), structure=structure.id)
    others = [("P-coordination", JobKind.COORDINATOR, ""), ("P-accueil", JobKind.AGENT, "")]
    others += [(f"P-conseil-{n + 1}", JobKind.COUNSELLOR, names.OFFICES[n]) for n in range(COUNSELLORS)]
    for number, (identity, job, office) in enumerate(others, start=len(places)):
        yield staff(identity, job, number, seed, chance.of(identity), office=office)


def _families(
    asking: int, homes: Sequence[CommuneChildren], first_phone: int, seed: int, on: date, chance: Chance
) -> Iterator[Family]:
    """Families until `asking` children ask, the elder ones not counted."""
    living = {home.code: float(home.children) for home in homes if home.children}
    children, number = 0, 0
    while children < asking:
        number += 1
        identity = f"F-{number:04}"
        draw = chance.of(identity)
        expected = draw.happens("expected", figures.EXPECTED_BIRTH.value)
        born = on + timedelta(days=draw.whole("due", 14, 170)) if expected else birth(on, draw)
        family = new_family(identity, first_phone, living, seed, born, draw, is_born=not expected)
        yield with_elder(family, on, draw)
        children += len(family.children)
        first_phone += len(family.contacts)


def new_family(
    identity: Id,
    first_phone: int,
    living: dict[str, float],
    seed: int,
    born: date,
    draw: Chance,
    *,
    is_born: bool = True,
) -> Family:
    """A family in one of the communes of `living`, whose contacts take phones from the `first_phone`th on.

    `born` is the day its child, or its twins, were born or are due.
    """
    return Family(
        id=identity,
        commune=draw.weighted("commune", living),
        contacts=contacts(identity, first_phone, contact_count(draw, single=is_single(draw)), seed, draw),
        children=tuple(_children(identity, born, draw, is_born=is_born)),
    )


def _children(family: Id, born: date, draw: Chance, *, is_born: bool) -> Iterator[Child]:
    """The child who asks for a place, or twins."""
    count = 2 if draw.happens("twins", figures.TWINS.value) else 1
    first_names = draw.shuffled("first_names", names.FIRST_NAMES)
    for n in range(count):
        name = first_names[n] if is_born else ""
        yield Child(id=f"E-{family.removeprefix('F-')}-{n + 1}", first_name=name, born=born, is_born=is_born)


def birth(on: date, draw: Chance) -> date:
    """When a child was born who waits on `on`: most are young, as they have not been placed since birth."""
    low, high = draw.weighted("age", figures.AGE_MONTHS.weights)
    days = draw.whole("days", round(low * DAYS_A_MONTH) + 10, round((high + 1) * DAYS_A_MONTH) - 1)
    return on - timedelta(days=days)


def _requests(family: Family, around: Surroundings, chance: Chance) -> Iterator[Request]:
    """One request a child; brothers and sisters ask for the same. Before ten weeks it is for a regular place."""
    draw = chance.of(family.id)
    drawn = RequestKind(draw.weighted("kind", figures.REQUEST_KINDS.weights))
    for child in family.children:
        old_enough = around.on - child.born >= YOUNGEST
        yield request(family, child, drawn if old_enough else RequestKind.REGULAR, around, draw)


def _siblings(
    families: Sequence[Family], requests: Mapping[Id, tuple[Request, ...]], chance: Chance
) -> Iterator[AskedTogether]:
    for family in families:
        found = asked_together(family, requests[family.id], chance.of(family.id))
        if found is not None:
            yield found

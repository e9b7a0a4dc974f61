"""A drawn round as its families and structures would declare it to the matcher, and what may happen to it afterwards.

When to modify: when a declaration says one more thing that a round reads.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import Any

from contracts.base import Event
from contracts.releases import WithdrawalGiven
from contracts.requests import (
    AcceptedPattern,
    DeclaredCriterion,
    RequestAmended,
    RequestClosed,
    RequestRegistered,
    WishedStructure,
)
from contracts.structures import SectionFacts, StructurePublished
from contracts.territories import TerritoryPublished
from contracts.vacancies import VacancyChanged, VacancyOpened
from contracts.vocabulary import ClosingReason, Criterion, Period, RequestKind, StructureKind, WithdrawalReason
from services.matcher.solver.schema import Request, Round, Section, Vacancy
from services.territory.chance import Chance
from services.territory.rounds import INSTANT, MONDAY
from services.territory.weeks import WHOLE_WEEK

Declared = tuple[type[Event], str, dict[str, Any]]
"""An event, what it is about, and what it says."""

TERRITORY, POLICY, COMMUNE = "drawn", "montlucon-modele", "03185"
CLAIMS = (
    Criterion.BOTH_PARENTS_WORK,
    Criterion.SINGLE_PARENT,
    Criterion.NO_SOLUTION,
    Criterion.TWINS,
    Criterion.ADOPTION,
    Criterion.MEDICO_SOCIAL,
    Criterion.ONE_WORKS,
    Criterion.ELDER_NEVER_PLACED,
)
"""What families may have had validated, each of them one in three: points of some forty values."""


def declared(town: Round, chance: Chance) -> Iterator[Declared]:
    """Everything that is said before a first round."""
    names = {"name": "Territoire tiré", "guichet_name": "Guichet", "guichet_phone": "04 65 71 00 00"}
    yield TerritoryPublished, TERRITORY, {**names, "communes": (), "policy": POLICY, "round_quiet_seconds": 0}
    for structure in sorted({section.structure for section in town.sections}):
        own = [section for section in town.sections if section.structure == structure]
        facts = {"name": structure, "kind": StructureKind.CRECHE, "commune": COMMUNE, "capacity": 60, "opening": ()}
        yield StructurePublished, structure, {**facts, "sections": tuple(map(_section, own))}
    structures = {section.id: section.structure for section in town.sections}
    for vacancy in town.vacancies:
        yield VacancyOpened, vacancy.id, _place(vacancy, structures[vacancy.section])
    for request in town.requests:
        yield RequestRegistered, request.id, _need(request, chance.of(request.id))


def _section(row: Section) -> SectionFacts:
    ages = {"age_from_months": row.age_from_months, "age_to_months": row.age_to_months}
    return SectionFacts(section=row.id, name=row.id, **ages)


def _place(vacancy: Vacancy, structure: str) -> dict[str, Any]:
    named = {"structure": structure, "section": vacancy.section, "kind": vacancy.kind, "said_by": "director"}
    return {**named, "slots": vacancy.slots, "places": vacancy.places, "period": vacancy.period}


def _need(request: Request, draw: Chance) -> dict[str, Any]:
    claims = [criterion for criterion in CLAIMS if draw.happens(criterion.value, 0.33)]
    return {
        "family": f"f-{request.id}",
        "child": f"c-{request.id}",
        "kind": RequestKind.REGULAR,
        "born": request.born,
        "is_born": request.born <= INSTANT.date(),
        "commune": "",
        "wishes": tuple(WishedStructure(structure=wish.structure, rank=wish.rank) for wish in request.wishes),
        "patterns": tuple(AcceptedPattern(slots=pattern.slots, rank=pattern.rank) for pattern in request.patterns),
        "period": request.period,
        "criteria": tuple(DeclaredCriterion(criterion=claim, validated=True) for claim in claims),
        "since": date(2027, 1, 1) + timedelta(days=draw.whole("since", 0, 120)),
        "file_complete": True,
    }


@dataclass
class Happening:
    """What happens to a drawn territory, one thing after the other, each kind in its turn."""

    town: Round
    newcomers: tuple[Request, ...]
    chance: Chance
    closed: set[str] = field(default_factory=set)

    def next(self, number: int, live: list[tuple[str, str]]) -> Declared:
        """The thing of this number. `live` are the proposals on their way, each with its request."""
        draw = self.chance.of("event", number)
        kinds = (self._newcomer, self._other_wish, self._closed, self._more, self._fewer, self._opened)
        if number % 7 == 6 and live:
            proposal, _ = draw.pick("live", live)
            given = {"proposal": proposal, "reason": WithdrawalReason.FAMILY_UNREACHABLE, "by": "coordinator"}
            return WithdrawalGiven, proposal, given
        return kinds[number % 7 % 6](draw, number)

    def _newcomer(self, draw: Chance, number: int) -> Declared:
        row = self.newcomers[number // 7 % len(self.newcomers)]
        name = f"N{number:06}"
        return RequestRegistered, name, _need(row.model_copy(update={"id": name}), draw)

    def _other_wish(self, draw: Chance, number: int) -> Declared:
        """A family turns its wishes round."""
        row = self._waiting(draw)
        turned = [wish.model_copy(update={"rank": rank}) for rank, wish in enumerate(reversed(row.wishes), 1)]
        changed = row.model_copy(update={"wishes": tuple(turned)})
        return RequestAmended, row.id, _need(changed, self.chance.of(row.id))

    def _closed(self, draw: Chance, number: int) -> Declared:
        name = self._waiting(draw).id
        self.closed.add(name)
        return RequestClosed, name, {"reason": ClosingReason.FOUND_ELSEWHERE, "said_by": "counsellor"}

    def _more(self, draw: Chance, number: int) -> Declared:
        row = draw.pick("vacancy", self.town.vacancies)
        return VacancyChanged, row.id, {"places": 1, "said_by": "director"}

    def _fewer(self, draw: Chance, number: int) -> Declared:
        row = draw.pick("vacancy", self.town.vacancies)
        return VacancyChanged, row.id, {"places": 0, "said_by": "director"}

    def _opened(self, draw: Chance, number: int) -> Declared:
        section = draw.pick("section", self.town.sections)
        row = Vacancy(id=f"V{number}", section=section.id, slots=WHOLE_WEEK, places=1, period=Period(start=MONDAY))
        return VacancyOpened, row.id, _place(row, section.structure)

    def _waiting(self, draw: Chance) -> Request:
        return draw.pick("request", [row for row in self.town.requests if row.id not in self.closed])

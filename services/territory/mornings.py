"""One place of the next morning, and families who need just that one: what a wave is made for. All is invented."""

from __future__ import annotations

from datetime import date, timedelta

from contracts.requests import AcceptedPattern, DeclaredCriterion, WishedStructure
from contracts.vocabulary import Criterion, Period, VacancyKind
from services.territory.calendars import ONE_DAY
from services.territory.chance import Chance
from services.territory.requests import MORNING, Request
from services.territory.structures import Structure, slot
from services.territory.vacancies import Vacancy

DAYS_A_MONTH = 30


def one_morning(structure: Structure, day: date) -> Vacancy:
    """One place of a morning in the section of the youngest, as its director posts it the day before."""
    section = min(structure.sections, key=lambda section: (section.age_from_months, section.section))
    return Vacancy(
        id=f"V-{section.section.removeprefix('S-')}-{day:%Y%m%d}-matin",
        structure=structure.id,
        section=section.section,
        kind=VacancyKind.OCCASIONAL,
        slots=(slot(day, *MORNING),),
        places=1,
        period=Period(start=day, end=day + ONE_DAY),
        said_by=structure.person,
    )


def for_one_morning(asked: Request, structure: Structure, free: Vacancy, chance: Chance) -> Request:
    """The same family, which needs the hours of this very place, for a child of the section's age."""
    (hours,) = free.slots
    day = free.period.start
    section = next(each for each in structure.sections if each.section == free.section)
    months = chance.whole("months", section.age_from_months + 1, section.age_to_months)
    return asked.model_copy(
        update={
            "born": day - timedelta(days=months * DAYS_A_MONTH + 10), "is_born": True, "since": day,
            "wishes": (WishedStructure(structure=structure.id, rank=1),), "period": free.period,
            "patterns": (AcceptedPattern(slots=(hours,), rank=1),), "needs_support": False, "file_complete": True,
            "criteria": (DeclaredCriterion(criterion=Criterion.RESIDENT, validated=True),), "travel_minutes": 0,
        }
    )  # fmt: skip

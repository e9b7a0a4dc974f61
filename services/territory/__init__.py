"""A synthetic Montluçon Communauté: structures, families, requests, a week of life, and the files of a town hall.

Pure: no bus, no database, no clock. Only the communes and the calendar are real; every person, structure and number is
invented. The same seed and date give the same territory in any process.
"""

from __future__ import annotations

from services.territory.actions import (
    Action,
    AnnounceDeparture,
    AskForPlace,
    AskToMove,
    ChangePlaces,
    ChangeRequest,
    CloseRequest,
    PostVacancy,
    ReleasePrepared,
    SayStillFree,
    TimedAction,
    WithdrawVacancy,
)
from services.territory.behaviour import (
    Confirmation,
    FamilyAnswer,
    ProposalFacts,
    answers_of,
    confirmation_of,
)
from services.territory.moves import Move, move_of
from services.territory.people import Child, Contact, Family, JobKind, Person
from services.territory.requests import Request
from services.territory.siblings import AskedTogether
from services.territory.structures import Structure
from services.territory.territory import (
    MONTLUCON_SIZE,
    SMALL,
    TEN_THOUSAND_ROWS,
    CommuneChildren,
    Guichet,
    Size,
    Territory,
    synthesise,
)
from services.territory.vacancies import Agreement, Vacancy
from services.territory.week import week_of_events

__all__ = [
    "MONTLUCON_SIZE",
    "SMALL",
    "TEN_THOUSAND_ROWS",
    "Action",
    "Agreement",
    "AnnounceDeparture",
    "AskForPlace",
    "AskToMove",
    "AskedTogether",
    "ChangePlaces",
    "ChangeRequest",
    "Child",
    "CloseRequest",
    "CommuneChildren",
    "Confirmation",
    "Contact",
    "Family",
    "FamilyAnswer",
    "Guichet",
    "JobKind",
    "Move",
    "Person",
    "PostVacancy",
    "ProposalFacts",
    "ReleasePrepared",
    "Request",
    "SayStillFree",
    "Size",
    "Structure",
    "Territory",
    "TimedAction",
    "Vacancy",
    "WithdrawVacancy",
    "answers_of",
    "confirmation_of",
    "move_of",
    "synthesise",
    "week_of_events",
]

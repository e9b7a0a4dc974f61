"""What people do at the doors of the guichet: a page, a phone call, the counter.

Each action is a gesture and not an event: whoever plays it says the events, or refuses it. What only the running
system knows (which proposals are prepared, who is placed) is named by its place in a sorted list.
"""

from __future__ import annotations

from datetime import date

from pydantic import AwareDatetime

from contracts.vocabulary import ClosingReason, DepartureReason, Frozen, Id, WithdrawalReason
from services.territory.people import Family
from services.territory.requests import Request
from services.territory.vacancies import Vacancy


class Action(Frozen):
    """Somebody (`by`) does something at an instant."""

    at: AwareDatetime
    by: Id


class PostVacancy(Action):
    vacancy: Vacancy


class SayStillFree(Action):
    """One tap on "Toujours libre"."""

    vacancy: Id


class ChangePlaces(Action):
    vacancy: Id
    places: int


class WithdrawVacancy(Action):
    vacancy: Id
    reason: WithdrawalReason


class AskForPlace(Action):
    """A new request with its family. An urgent one is asked by a counsellor, who then holds an on-call place if
    `hold` is true."""

    family: Family
    request: Request
    hold: bool = False


class ChangeRequest(Action):
    """The whole request as it is now."""

    request: Request


class CloseRequest(Action):
    request: Id
    reason: ClosingReason


class AnnounceDeparture(Action):
    """A child placed in `structure` leaves: the `pick`th of its placements by id, counted round; nothing if none."""

    structure: Id
    pick: int
    last_day: date
    reason: DepartureReason


class AskToMove(Action):
    """The family of a child placed in `structure` asks for another place: the `pick`th of the placements that nobody
    asks to leave, by id, counted round; nothing if none."""

    structure: Id
    pick: int


class ReleasePrepared(Action):
    """The coordinator releases everything that is prepared, in one gesture."""


TimedAction = (
    PostVacancy
    | SayStillFree
    | ChangePlaces
    | WithdrawVacancy
    | AskForPlace
    | ChangeRequest
    | CloseRequest
    | AnnounceDeparture
    | AskToMove
    | ReleasePrepared
)

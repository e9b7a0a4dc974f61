"""What the first place of all asks of the database and of the solver, asked once about nobody: no family waits while
statements are built and the solver begins.

A territory that is nowhere, with one structure, one request and one place, lives in two transactions that are taken
back. When to modify: with what a round asks. A rehearsal that misses something costs the first family a moment, no
more; one that fails is told, and nothing else comes of it.
"""

from __future__ import annotations

import contextlib
import uuid
from collections.abc import Sequence
from datetime import date, datetime, time, timedelta

import sqlalchemy as sa
import structlog

from contracts.base import Event
from contracts.requests import AcceptedPattern, RequestRegistered, WishedStructure
from contracts.structures import SectionFacts, StructurePublished
from contracts.territories import TerritoryPublished
from contracts.vacancies import VacancyOpened
from contracts.vocabulary import Period, RequestKind, Slot, StructureKind, VacancyKind, Weekday
from services.bus import inbox
from services.bus.database import Database
from services.bus.delivery import Clock
from services.bus.retries import Failure, brief, failure_of
from services.calendar import local_day
from services.matcher import leases, rounds
from services.matcher.draws import fresh_seed
from services.matcher.handlers import HANDLERS
from services.matcher.leases import Holder, Lease
from services.matcher.memory import Memory
from services.matcher.reading import Loaded, load
from services.matcher.rounds import Decide, Tally
from services.matcher.solver.canonical import canonical
from services.matcher.solver.schema import Outcome, Round
from services.matcher.writing import write_part

log = structlog.get_logger()

COMMUNE = "03185"
HOURS = (Slot(day=Weekday.MON, start=time(8), end=time(18)),)
SOON = timedelta(days=30)
A_YEAR = timedelta(days=365)


class _TakenBack(Exception):
    """The transaction of a rehearsal is not to be committed."""


async def rehearse(database: Database, decide: Decide, clock: Clock) -> None:
    """Live one place and take it back. Raises what is away."""
    try:
        await _rehearse(database, decide, clock(), f"nowhere-{uuid.uuid4().hex}")
    except Exception as error:
        if failure_of(error) is Failure.AWAY:
            raise
        log.warning("not rehearsed", cause=brief(error))


async def _rehearse(database: Database, decide: Decide, now: datetime, nowhere: str) -> None:
    loaded = await database.read(_loaded, nowhere, now)
    asked = canonical(loaded.round)
    outcome = await decide(asked)
    with contextlib.suppress(_TakenBack):
        await database.write(_write, loaded, asked, outcome, now)


def _loaded(tx: sa.Connection, nowhere: str, now: datetime) -> Loaded:
    _live(tx, nowhere, now)
    found = load(tx, nowhere, now)
    assert found is not None  # noqa: S101 - published just above
    return found


def _write(tx: sa.Connection, loaded: Loaded, asked: Round, outcome: Outcome, now: datetime) -> None:
    nowhere = loaded.round.territory
    inbox.first_time(tx, nowhere, now)
    token = leases.hold(tx, nowhere, Holder(nowhere))
    _live(tx, nowhere, now)
    Lease(nowhere, token, now).fence(tx)
    made = write_part(tx, loaded, asked, outcome, list(outcome.reasons), now)
    rounds.finish(tx, loaded, Tally(proposed=made, asked=asked, outcomes=[outcome]), now, Memory())
    raise _TakenBack


def _live(tx: sa.Connection, nowhere: str, now: datetime) -> None:
    rounds.keep_draws(tx, nowhere, now, fresh_seed)
    for event in _events(nowhere, now):
        HANDLERS[type(event)](tx, event, now)


def _events(nowhere: str, now: datetime) -> Sequence[Event]:
    """What is said of a territory, a structure, a request and a place that all bear the same name."""
    said = {"source": "matcher", "time": now, "territory": nowhere}
    today = local_day(now)
    facts = {"name": nowhere, "guichet_name": nowhere, "guichet_phone": "", "communes": ()}
    section = SectionFacts(section=nowhere, name=nowhere, age_from_months=0, age_to_months=72, places=1)
    whole = {"structure": nowhere, "section": nowhere, "slots": HOURS, "period": Period(start=today + SOON)}
    return (
        TerritoryPublished.say(
            nowhere, cause=nowhere, policy="montlucon-modele", automatic_release=True, round_quiet_seconds=0,
            **facts, **said,
        ),
        StructurePublished.say(
            nowhere, cause=nowhere, name=nowhere, kind=StructureKind.CRECHE, commune=COMMUNE, capacity=1,
            sections=(section,), opening=(), **said,
        ),
        RequestRegistered.say(nowhere, cause=nowhere, **_need(nowhere, today), **said),
        VacancyOpened.say(nowhere, cause=nowhere, kind=VacancyKind.REGULAR, places=1, said_by=nowhere, **whole, **said),
    )  # fmt: skip


def _need(nowhere: str, today: date) -> dict[str, object]:
    return {
        "family": nowhere, "child": nowhere, "kind": RequestKind.REGULAR, "born": today - A_YEAR, "commune": COMMUNE,
        "wishes": (WishedStructure(structure=nowhere, rank=1),),
        "patterns": (AcceptedPattern(slots=HOURS, rank=1),),
        "period": Period(start=today + SOON), "since": today,
    }  # fmt: skip

"""What the matcher waits for, rebuilt from the events alone, and where its own timers may lawfully differ from that.

Most timers end with a word: what fired them is said. Three things are not said, and no other difference is let pass:

- a timer that fired and changed nothing, as the end of a reservation or a reminder that a birth keeps back;
- one that ends something by silence and was put off, for the length of the grace, while answers waited on their stream
  or news of a birth was awaited;
- whether a family's request was closed before or after its place was confirmed, which keeps the question of its birth.

What the events give depends on the events alone; it is the live rows that are read with that in mind (`settled`).
When to modify: with a kind of timer in `services/matcher/moves.py`.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import UTC, datetime, time, timedelta
from types import MappingProxyType
from typing import Any

from contracts.base import Event
from contracts.campaigns import CampaignOpened, GestureUndone, PlaceHeld
from contracts.placements import PlacementConfirmed, PlacementEnded, PlacementEnding
from contracts.proposals import (
    ProposalAccepted,
    ProposalDeadlineSet,
    ProposalDeclined,
    ProposalDeclining,
    ProposalExpired,
    ProposalFrozen,
    ProposalHeld,
    ProposalMade,
    ProposalRefused,
    ProposalReleased,
    ProposalReminded,
    ProposalRestored,
    ProposalUndelivered,
    ProposalWithdrawn,
)
from contracts.requests import NeedFacts, RequestAmended, RequestClosed, RequestRegistered
from contracts.tasks import TaskHandled, TaskOpened, TaskSettled
from contracts.territories import TerritoryPublished
from contracts.vacancies import VacancyOpened
from contracts.vocabulary import ClosingReason, TaskKind
from services.calendar import at, local_day, reminder_at
from services.matcher import moves
from services.matcher.days_of_care import care_begins, days_are_counted, last_hour
from services.matcher.handlers.needs import BIRTH_CHECK
from services.matcher.lifecycle import back_at
from services.matcher.policy import Policy, policy_in_force
from services.matcher.timers import BY_SILENCE

Rows = Mapping[str, Mapping[str, Any]]
_ONE_DAY = timedelta(days=1)


@dataclass(frozen=True)
class Timer:
    """When something is due by the events. `in_silence`: it may have fired without a word; `unsure`: or not be there.

    Without a word it may also have been moved: to `or_at`, or where there is a `grace`, until a grace from now.
    """

    due_at: datetime
    in_silence: bool = False
    unsure: bool = False
    or_at: datetime | None = None
    grace: timedelta | None = None

    def row(self) -> dict[str, Any]:
        return {"due_at": self.due_at}

    def may_be_over(self, now: datetime) -> bool:
        return self.unsure or (self.in_silence and self.due_at <= now)

    def may_be_at(self, instant: datetime, now: datetime) -> bool:
        """True if it may be due at `instant` instead: put off at the latest until a grace from now."""
        put_off = self.grace is not None and self.due_at < instant <= now + self.grace
        return put_off or instant == self.or_at


def settled(live: Rows, said: Mapping[str, Timer], now: datetime) -> Rows:
    """The live timers, those that differ lawfully at `now` as the events give them."""
    rows = dict(live)
    for key, timer in said.items():
        own = rows.get(key)
        if timer.may_be_over(now) if own is None else timer.may_be_at(own["due_at"], now):
            rows[key] = timer.row()
    return rows


@dataclass
class _Due:
    """Instants by subject and kind, and what has to be known of proposals to read the next event."""

    policies: list[tuple[datetime, str]]
    at: dict[str, dict[str, datetime]] = field(default_factory=dict)
    made: dict[str, ProposalMade] = field(default_factory=dict)
    delivered: set[str] = field(default_factory=set)
    awaited: dict[str, set[str]] = field(default_factory=dict)
    unborn: set[str] = field(default_factory=set)
    placed: set[str] = field(default_factory=set)
    closed: set[str] = field(default_factory=set)

    def set(self, kind: str, about: str, due_at: datetime) -> None:
        self.at.setdefault(about, {})[kind] = due_at.astimezone(UTC)

    def drop(self, about: str, *kinds: str) -> None:
        """Those of these kinds; all of them where none is named."""
        own = self.at.get(about, {})
        for kind in kinds or tuple(own):
            own.pop(kind, None)

    def policy(self, now: datetime) -> Policy:
        """The territory's rules at that instant."""
        before = [name for since, name in self.policies if since <= now]
        return policy_in_force(before[-1] if before else self.policies[0][1], local_day(now))


def timers(declarations: Iterable[Event], decisions: Iterable[Event]) -> dict[str, Timer]:
    """What is due after these events, by kind and subject."""
    declared, decided = list(declarations), list(decisions)
    due = _Due([(event.time, event.policy) for event in declared if isinstance(event, TerritoryPublished)])
    if not due.policies:
        return {}  # a log that does not say under which rules: every timer is one that no event says
    for event in decided:
        if (apply := _DECIDED.get(type(event))) is not None:
            apply(due, event)
    settlements = {event.id for event in decided if isinstance(event, TaskSettled)}
    for event in declared:
        _hear(due, event, settlements)
    return {f"{kind} {about}": _timer(due, kind, about) for about, own in due.at.items() for kind in own}


def _timer(due: _Due, kind: str, about: str) -> Timer:
    made, when = due.made.get(about), due.at[about][kind]
    kept_back = made is not None and made.request in due.unborn and kind in (moves.EXPIRY, moves.REMINDER)
    awaiting = made is not None and bool(made.after) and kind == moves.RESUME
    return Timer(
        when,
        in_silence=kind in _IN_SILENCE or kept_back or awaiting,
        unsure=kind == moves.BIRTH and about in due.closed,
        or_at=last_hour(made) if made is not None and kind == moves.LAPSE else None,
        grace=due.policy(when).grace if kind in BY_SILENCE else None,
    )


_IN_SILENCE = frozenset({moves.LAPSE, moves.ROUND, moves.BIRTH, moves.FREED, moves.AGAIN})
"""Timers that may find nothing to do any more, or only mark a round as due."""


def _hear(due: _Due, event: Event, settlements: Collection[str]) -> None:
    """What a declaration makes due by itself, whatever was decided meanwhile."""
    match event:
        case VacancyOpened(release_at=release) if release is not None and release > event.time:
            due.set(moves.ROUND, event.subject, release)
        case CampaignOpened(requests_until=until) | PlaceHeld(until=until):
            due.set(moves.ROUND, event.subject, at(until + _ONE_DAY, time()))
        case GestureUndone():
            due.drop(event.subject, moves.ROUND)
        case RequestRegistered() | RequestAmended():
            _watch_birth(due, event)
        case RequestClosed(reason=reason):
            if event.subject in due.placed and reason is not ClosingReason.ERASED:
                due.closed.add(event.subject)
            else:
                due.drop(event.subject, moves.BIRTH)
        case TaskHandled(again_at=again) if again is not None:
            # only who settled the task put it off: the settlement's id follows from this event
            settlement = TaskSettled.say(
                event.subject, cause=event.id, source="matcher", territory=event.territory, time=event.time, by=event.by
            )
            if settlement.id in settlements:
                due.set(moves.AGAIN, event.subject, again)
        case _:
            pass


def _watch_birth(due: _Due, event: NeedFacts) -> None:
    due.drop(event.subject, moves.BIRTH)
    if not event.is_born:
        due.unborn.add(event.subject)
        due.set(moves.BIRTH, event.subject, at(event.born + _ONE_DAY, BIRTH_CHECK))


def _made(due: _Due, event: ProposalMade) -> None:
    due.made[event.subject] = event
    if event.after:
        due.awaited[event.subject] = set(event.after)
    counted = days_are_counted(event)
    lapse = care_begins(event) + due.policy(event.time).grace if counted else last_hour(event)
    if lapse is not None:
        due.set(moves.LAPSE, event.subject, lapse)


def _released(due: _Due, event: ProposalReleased) -> None:
    due.drop(event.subject, moves.RESUME)
    due.set(moves.RECEIPT, event.subject, event.answer_by)


def _held(due: _Due, event: ProposalHeld) -> None:
    due.set(moves.RESUME, event.subject, back_at(event.until, event.time))


def _deadline_set(due: _Due, event: ProposalDeadlineSet) -> None:
    """The first since it left: the family was reached. A later one moves the deadline, and the reminder stays."""
    due.set(moves.EXPIRY, event.subject, _expiry(due, event.deadline, event.time))
    if event.subject in due.delivered:
        return
    due.delivered.add(event.subject)
    due.drop(event.subject, moves.RECEIPT)
    half = reminder_at(event.counted_from, event.deadline, due.policy(event.time).delays)
    made = due.made.get(event.subject)
    if half is not None and half > event.time and made is not None and made.held_by is None:
        due.set(moves.REMINDER, event.subject, half)


def _expiry(due: _Due, deadline: datetime, now: datetime) -> datetime:
    return max(deadline, now) + due.policy(now).grace


def _reminded(due: _Due, event: ProposalReminded) -> None:
    due.drop(event.subject, moves.REMINDER)


def _undelivered(due: _Due, event: ProposalUndelivered) -> None:
    due.delivered.discard(event.subject)
    due.drop(event.subject, moves.EXPIRY, moves.REMINDER, moves.RECEIPT)


def _stopped(due: _Due, event: ProposalAccepted | ProposalDeclining | ProposalFrozen) -> None:
    """An answer, or two that contradict each other: nothing that waited for one is due any more."""
    due.delivered.discard(event.subject)
    due.drop(event.subject, *moves.WAITING_FOR_ANSWER, moves.CONFIRMATION)
    if isinstance(event, ProposalDeclining):
        due.set(moves.UNDO, event.subject, event.undo_until)
    elif isinstance(event, ProposalAccepted) and not event.confirmed_at_once:
        due.set(moves.CONFIRMATION, event.subject, event.confirm_by)


def _restored(due: _Due, event: ProposalRestored) -> None:
    due.delivered.add(event.subject)
    due.drop(event.subject, *moves.WAITING_FOR_ANSWER)
    if event.deadline is not None:
        due.set(moves.EXPIRY, event.subject, _expiry(due, event.deadline, event.time))


def _closed(due: _Due, event: Event) -> None:
    due.drop(event.subject)
    due.awaited.pop(event.subject, None)


def _confirmed(due: _Due, event: PlacementConfirmed) -> None:
    """The child has its place; whoever waited for nobody but this child is looked at again."""
    due.drop(event.subject)
    due.placed.add(event.request)
    for proposal, departs in due.awaited.items():
        if event.subject in departs:
            departs.remove(event.subject)
            if not departs:
                due.set(moves.FREED, proposal, event.time)


def _ending(due: _Due, event: PlacementEnding) -> None:
    due.set(moves.DEPARTURE, event.subject, at(event.last_day + _ONE_DAY, time()))


def _ended(due: _Due, event: PlacementEnded) -> None:
    due.drop(event.subject, moves.DEPARTURE)


def _opened(due: _Due, event: TaskOpened) -> None:
    """A timer that fired, where the task is its word."""
    fired = {TaskKind.LATE_CONFIRMATION: moves.CONFIRMATION, TaskKind.RELEASE: moves.RESUME}.get(event.kind)
    if fired is not None and event.proposal is not None:
        due.drop(event.proposal, fired)


_DECIDED: Mapping[type[Event], Callable[[_Due, Any], None]] = MappingProxyType(
    {
        ProposalMade: _made,
        ProposalReleased: _released,
        ProposalHeld: _held,
        ProposalDeadlineSet: _deadline_set,
        ProposalReminded: _reminded,
        ProposalUndelivered: _undelivered,
        **dict.fromkeys((ProposalAccepted, ProposalDeclining, ProposalFrozen), _stopped),
        ProposalRestored: _restored,
        **dict.fromkeys((ProposalDeclined, ProposalExpired, ProposalWithdrawn, ProposalRefused), _closed),
        PlacementConfirmed: _confirmed,
        PlacementEnding: _ending,
        PlacementEnded: _ended,
        TaskOpened: _opened,
    }
)

"""When care begins and ends: until when an answer, a call or a confirmation is still of use.

When to modify: with another way to say the days of care.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from contracts.proposals import ProposalMade
from contracts.vocabulary import Slot
from services.calendar import at
from services.matcher.store import Proposal


def last_hour(proposal: Proposal | ProposalMade) -> datetime | None:
    """When care would end; None where no end is set."""
    if days_are_counted(proposal):
        return max(at(slot.day, slot.end) for slot in proposal.slots if isinstance(slot.day, date))
    return at(proposal.period.end, time()) if proposal.period.end else None


def before_care(proposal: Proposal, deadline: datetime) -> datetime:
    """`deadline`, or the beginning of single days of care where that is earlier."""
    useless = useless_from(proposal)
    return deadline if useless is None else min(deadline, useless)


def still_before_care(proposal: Proposal, due: datetime, now: datetime) -> datetime:
    """`due`, or the beginning of the next single day of care where that is earlier; once the last one has begun, its
    end. Whoever is to be told by when something comes is not told an hour that has passed."""
    if not days_are_counted(proposal):
        return due
    begins = [at(slot.day, slot.start) for slot in proposal.slots if isinstance(slot.day, date)]
    ends = [at(slot.day, slot.end) for slot in proposal.slots if isinstance(slot.day, date)]
    return min(due, *([hour for hour in (*begins, max(ends)) if hour > now] or [due]))


def useless_from(proposal: Proposal) -> datetime | None:
    """From when on an answer comes too late to be of use; None for weeks on end."""
    return care_begins(proposal) if days_are_counted(proposal) else None


def days_are_counted(proposal: Proposal | ProposalMade) -> bool:
    """True for single days, which pass; a place for weeks on end is as good a week later."""
    return all(isinstance(slot.day, date) for slot in proposal.slots)


def care_begins(proposal: Proposal | ProposalMade) -> datetime:
    """When the child would first come."""
    first = min(_first_day(slot, proposal.period.start) for slot in proposal.slots)
    hour = min(slot.start for slot in proposal.slots if _first_day(slot, proposal.period.start) == first)
    return at(first, hour)


def _first_day(slot: Slot, start: date) -> date:
    if isinstance(slot.day, date):
        return slot.day
    return start + timedelta(days=(slot.day.number - start.weekday()) % 7)

"""When an SMS may leave: by day on ordinary days; earlier and later only where it is urgent and the family agreed.

No law sets these hours for a public service; they are the guichet's choice, dated, with its source.

When to modify: hours change by a new dated entry.
"""

from __future__ import annotations

from datetime import UTC, date, datetime, time

from contracts.vocabulary import Frozen
from services.calendar import ORDINARY_HOURS, DayWindow, at, local, next_allowed
from services.calendar.days import ONE_DAY

QuietHours = tuple[time, time]
"""Local hours `[from, until)` in which a gateway sends nothing, over midnight where `until` is earlier."""


class SendingRules(Frozen):
    """`urgent` holds for on-call places and families that agreed to be reached for them."""

    valid_from: date
    source: str
    ordinary: DayWindow
    urgent: DayWindow


DEFAULT_SENDING = SendingRules(
    valid_from=date(2026, 1, 1),
    source="Choix du guichet, à voter par le territoire",
    ordinary=ORDINARY_HOURS,
    urgent=DayWindow(
        valid_from=date(2026, 1, 1),
        source="Accord de la famille pour les places d'astreinte : tous les jours, jamais la nuit",
        opens=time(6),
        closes=time(22),
        every_day=True,
    ),
)


def next_sending_time(
    now: datetime, urgent: bool, rules: SendingRules = DEFAULT_SENDING, quiet: QuietHours | None = None
) -> datetime:
    """The first instant from `now` on at which the text may leave, in UTC; `quiet` is what the gateway declares.

    Raises ValueError where the gateway is quiet at every hour of ours: such settings are refused at the start.
    """
    window = rules.urgent if urgent else rules.ordinary
    if first_hour(window, quiet) is None:
        raise ValueError("the gateway sends nothing at any hour of ours")
    allowed = next_allowed(now, window)
    while quiet is not None and is_quiet(local(allowed).time(), quiet):
        allowed = next_allowed(_end_of(allowed, quiet), window)
    return allowed


def first_hour(window: DayWindow, quiet: QuietHours | None) -> time | None:
    """The first local hour of a suitable day at which a text may leave; None where the gateway's silence covers all."""
    if quiet is None:
        return window.opens
    candidates = (window.opens, quiet[1])
    open_ones = [hour for hour in candidates if window.opens <= hour < window.closes and not is_quiet(hour, quiet)]
    return min(open_ones, default=None)


def is_quiet(hour: time, quiet: QuietHours) -> bool:
    """True if a gateway sends nothing at this local hour; from an hour to itself is the whole day."""
    start, end = quiet
    return start <= hour < end if start < end else hour >= start or hour < end


def _end_of(instant: datetime, quiet: QuietHours) -> datetime:
    then, (_, end) = local(instant), quiet
    return at(then.date() if then.time() < end else then.date() + ONE_DAY, end).astimezone(UTC)

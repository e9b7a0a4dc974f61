"""Who answers by when: delays as voted, moved to hours in which a person can answer.

A delay is elapsed time (44 hours are 44 hours on 29 March too); only the end is moved to suitable hours.

When to modify: a delay changes by a new dated `DelayRules` with its source, never in place.
"""

from __future__ import annotations

from datetime import date, datetime, time, timedelta

from contracts.vocabulary import Frozen, VacancyKind, Weekday
from services.calendar.days import (
    DEFAULT_OFFICE,
    ORDINARY_HOURS,
    DayWindow,
    OfficeHours,
    add_working_days,
    at,
    last_allowed,
    local,
    next_allowed,
    next_opening_day,
    utc,
)


class Delay(Frozen):
    """How long a family has. `at_least`: the deadline is moved earlier only if this much remains.

    `rounded_to`: a deadline is a clock time that fits in an SMS; it is rounded down, so what is said never outlasts
    what is meant.
    """

    within: timedelta
    at_least: timedelta
    rounded_to: timedelta


class DelayRules(Frozen):
    """A territory's delays from a day on, with their source.

    `replies_read_for`: SMS replies that arrive later are not read by the operator; None means they always are.
    `last_departure`: where replies are not always read, no regular proposal leaves later in the week than this.
    """

    valid_from: date
    source: str
    regular: Delay
    occasional: Delay
    on_call: Delay
    answers: DayWindow = ORDINARY_HOURS
    replies_read_for: timedelta | None
    last_departure: tuple[Weekday, time]
    reminder_over: timedelta
    callback_working_days: int
    confirmation_working_days: int

    def delay(self, kind: VacancyKind) -> Delay:
        return {
            VacancyKind.REGULAR: self.regular,
            VacancyKind.OCCASIONAL: self.occasional,
            VacancyKind.ON_CALL: self.on_call,
        }[kind]


DEFAULT_DELAYS = DelayRules(
    valid_from=date(2026, 1, 1),
    source="Modèle pour Montluçon Communauté, à voter : moins de 48 h, durée pendant laquelle un numéro court lit les "
    "réponses (documentation OVHcloud) ; les autres durées sont des choix par défaut",
    regular=Delay(within=timedelta(hours=44), at_least=timedelta(hours=24), rounded_to=timedelta(hours=1)),
    occasional=Delay(within=timedelta(hours=4), at_least=timedelta(hours=1), rounded_to=timedelta(hours=1)),
    on_call=Delay(within=timedelta(minutes=45), at_least=timedelta(minutes=15), rounded_to=timedelta(minutes=5)),
    replies_read_for=timedelta(hours=48),
    last_departure=(Weekday.FRI, time(12)),
    reminder_over=timedelta(hours=12),
    callback_working_days=1,
    confirmation_working_days=2,
)


def answer_by(
    start: datetime,
    kind: VacancyKind,
    rules: DelayRules = DEFAULT_DELAYS,
    *,
    any_hour: bool = False,
    before: datetime | None = None,
) -> datetime:
    """When a delay that starts at `start` (delivery receipt, or a recorded call) ends, in UTC.

    It never falls on a Sunday, a public holiday or outside the hours for answers, unless the family agreed to be
    reached at `any_hour`. `before` is when an answer becomes useless: the start of care, say. Where the end must be
    moved, it moves later if the answer is still read and useful then, else earlier if `at_least` remains, else later.
    """
    start, delay = utc(start), rules.delay(kind)
    wanted = _earliest(start + delay.within, before)
    if any_hour:
        return _rounded_down(wanted, delay.rounded_to)
    end = _suitable_end(start, wanted, rules, delay, before)
    if end is None:
        end = _earliest(next_allowed(wanted, rules.answers), before)
    return _rounded_down(end, delay.rounded_to)


def planned_answer_by(released_at: datetime, kind: VacancyKind, rules: DelayRules = DEFAULT_DELAYS) -> datetime:
    """The deadline to print in the SMS of a proposal released at `released_at`: it leaves when it may, not before."""
    return answer_by(next_departure(released_at, kind, rules), kind, rules)


def next_departure(
    released_at: datetime,
    kind: VacancyKind,
    rules: DelayRules = DEFAULT_DELAYS,
    office: OfficeHours = DEFAULT_OFFICE,
) -> datetime:
    """When a proposal released at `released_at` may leave.

    A regular one waits for ordinary hours; where replies are read for a time only, it also waits out the week's end
    from Friday noon, and any eve of closed days after which no suitable deadline would be left.
    """
    if kind is not VacancyKind.REGULAR:
        return utc(released_at)
    departure = next_allowed(released_at, rules.answers)
    while rules.replies_read_for is not None and not _may_leave(departure, rules):
        departure = at(_next_departure_day(departure, office), rules.answers.opens)
    return departure


def reminder_at(start: datetime, deadline: datetime, rules: DelayRules = DEFAULT_DELAYS) -> datetime | None:
    """Half time, moved to ordinary hours; None where the delay is too short for a reminder to help."""
    start, deadline = utc(start), utc(deadline)
    if deadline - start <= rules.reminder_over:
        return None
    half = next_allowed(start + (deadline - start) / 2, rules.answers)
    return half if half < deadline else None


def callback_by(
    asked_at: datetime, rules: DelayRules = DEFAULT_DELAYS, office: OfficeHours = DEFAULT_OFFICE
) -> datetime:
    """Until when a family that wrote RAPPEL is to be called: the clock stands still until then at most."""
    return add_working_days(asked_at, rules.callback_working_days, office)


def answer_by_after_callback(
    deadline: datetime,
    asked_at: datetime,
    called_at: datetime | None,
    *,
    already_stopped: bool,
    rules: DelayRules = DEFAULT_DELAYS,
    office: OfficeHours = DEFAULT_OFFICE,
) -> datetime:
    """The new deadline after RAPPEL: later by the wait, `called_at` None meaning that nobody has called yet.

    RAPPEL stops the clock once: if it was `already_stopped` before, or came after the deadline, nothing moves. The
    moved end falls in the hours for answers. After 48 hours an SMS reply may not be read any more: whoever calls
    records the answer.
    """
    deadline, asked_at = utc(deadline), utc(asked_at)
    if already_stopped or asked_at >= deadline:
        return deadline
    resumed = _earliest(callback_by(asked_at, rules, office), called_at)
    moved = deadline + max(resumed - asked_at, timedelta(0))
    return moved if rules.answers.holds(moved) else next_allowed(moved, rules.answers)


def confirmation_due(
    accepted_at: datetime, rules: DelayRules = DEFAULT_DELAYS, office: OfficeHours = DEFAULT_OFFICE
) -> datetime:
    """By when the structure confirms or declines; later is a task for a person."""
    return add_working_days(accepted_at, rules.confirmation_working_days, office)


def _suitable_end(
    start: datetime, wanted: datetime, rules: DelayRules, delay: Delay, before: datetime | None
) -> datetime | None:
    """The end in ordinary hours that is still read and useful and leaves the family time; None if there is none."""
    if rules.answers.holds(wanted):
        return wanted
    later = next_allowed(wanted, rules.answers)
    if (before is None or later <= before) and _is_read(start, later, rules):
        return later
    earlier = last_allowed(wanted, rules.answers)
    return earlier if earlier - start >= delay.at_least else None


def _is_read(start: datetime, end: datetime, rules: DelayRules) -> bool:
    return rules.replies_read_for is None or end - start < rules.replies_read_for


def _may_leave(departure: datetime, rules: DelayRules) -> bool:
    delay = rules.regular
    end = _suitable_end(departure, departure + delay.within, rules, delay, None)
    return not _is_week_over(departure, rules) and end is not None


def _is_week_over(departure: datetime, rules: DelayRules) -> bool:
    then, (weekday, hour) = local(departure), rules.last_departure
    return (then.weekday(), then.time()) > (weekday.number, hour)


def _next_departure_day(departure: datetime, office: OfficeHours) -> date:
    return next_opening_day(local(departure).date(), office)


def _earliest(one: datetime, other: datetime | None) -> datetime:
    return one if other is None else min(one, utc(other))


def _rounded_down(instant: datetime, step: timedelta) -> datetime:
    """`instant` on a round hour or minute of the French clock (its offset is a whole hour, so UTC rounds alike)."""
    seconds = int(step.total_seconds())
    return instant - timedelta(seconds=instant.timestamp() % seconds)

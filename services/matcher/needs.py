"""A declared need seen as the matcher uses it: what a round asks for it, with which claim, and why.

Eligibility and points are the rules' (`rules/`); this only brings them what was declared.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from types import MappingProxyType

from contracts.replies import HoldRequested
from contracts.requests import AcceptedPattern, NeedFacts
from contracts.structures import AgreementSigned
from contracts.vocabulary import Audience, Criterion, Id, Period, RequestKind, Slot, VacancyKind
from services.calendar import at, local_day
from services.matcher.near import NOTHING_NEAR, Near
from services.matcher.policy import Policy
from services.matcher.rules.eligibility import care_period, fits_ages
from services.matcher.rules.on_call import may_use_on_call_place
from services.matcher.rules.priority_grid import Grid, grid_in_force, points, tier
from services.matcher.solver.facts import care_hours
from services.matcher.solver.schema import NotAgain, Pattern, PointsReason, Request, StructurePoints, Wish

FIRST_TIER = 0
"""A child whose accepted place was taken back goes before everybody in the next round (people.md)."""


@dataclass(frozen=True)
class Context:
    """What a need is read against: the policy, the instant, on-call agreements, each structure's commune, and what is
    near."""

    policy: Policy
    now: datetime
    agreements: Sequence[AgreementSigned]
    communes: Mapping[str, str]
    near: Near = NOTHING_NEAR

    @property
    def grid(self) -> Grid:
        return grid_in_force(self.policy.grid, local_day(self.now))


Answered = Mapping[Id, Sequence[tuple[datetime, NotAgain]]]
"""By request, hours that its family refused or let pass, and when it did."""

NOTHING_ANSWERED: Answered = MappingProxyType({})


@dataclass(frozen=True)
class CurrentPlace:
    """The place that a child has. `rest_of`: days that it has already of what this very request asks for, else none."""

    hold: Id
    rest_of: int = 0


def as_request(
    request: Id, need: NeedFacts, goes_first: bool, context: Context, answered: Answered = NOTHING_ANSWERED,
    current: CurrentPlace | None = None, *, has_place: bool = False,
) -> Request | None:  # fmt: skip
    """The request of a round; None where nothing of it can be served any more, or something is missing.

    What was answered before the need was last declared counts no more: the family asks anew. A child who has a part of
    its days takes part with that place: it keeps it until it is offered more of them. `has_place`: it has one, though
    perhaps not in a section of the round (`current`), and shares no week between two more.
    """
    period = _period(need, local_day(context.now))
    patterns = _patterns(need, context.now)
    if period is None or not patterns or missing(need, context.now):
        return None
    wishes = context.near.wishes(need)
    base, reasons, points_at = _claims(need, wishes, context)
    own_tier = FIRST_TIER if goes_first else tier(validated(need), context.grid)
    return Request(
        id=request, born=need.born, kind=need.kind, tier=own_tier, points=base,
        points_at=points_at, reasons=reasons, since=need.since,
        wishes=wishes, patterns=patterns, period=period, travel_minutes=need.travel_minutes, entitled_to=entitled(need),
        on_call_sections=_on_call_sections(need, patterns, context), needs_support=need.needs_support,
        not_again=tuple(hours for at, hours in answered.get(request, ()) if at >= need.time),
        tolerance_days=need.tolerance_days, accepts_partial=need.accepts_partial,
        min_days=max(need.min_days, current.rest_of + 1 if current else 1), current=current.hold if current else None,
        accepts_split=need.accepts_split and not has_place and _asks_weeks(patterns),
    )  # fmt: skip


def _asks_weeks(patterns: Sequence[Pattern]) -> bool:
    """Only weeks are shared by two structures: of single days, each may be asked for by itself."""
    return not any(isinstance(slot.day, date) for pattern in patterns for slot in pattern.slots)


def missing(need: NeedFacts, now: datetime) -> str:
    """What a person has to see to before the request can be served, in French; empty if nothing."""
    if is_birth_unsure(need, local_day(now)):
        return "La date prévue de naissance est passée : le guichet attend que la naissance soit confirmée."
    if need.kind is RequestKind.OCCASIONAL and not need.file_complete:
        return "Une place ponctuelle demande un dossier complet : il manque des pièces."
    return ""


def is_birth_unsure(need: NeedFacts, today: date) -> bool:
    """The due date is past, and nobody has said that the child is born."""
    return not need.is_born and need.born < today


def validated(need: NeedFacts, structure: Id | None = None) -> frozenset[Criterion]:
    """The criteria that count: validated ones, and those of `structure` where one is given."""
    return frozenset(c.criterion for c in need.criteria if c.validated and c.structure in (None, structure))


def _period(need: NeedFacts, today: date) -> Period | None:
    """From the wanted start, or today once that is past, to the end of the need or the default end of care."""
    last = need.period.end - timedelta(days=1) if need.period.end else None
    return care_period(need.born, max(need.period.start, today), last)


def _patterns(need: NeedFacts, now: datetime) -> tuple[Pattern, ...]:
    return tuple(_pattern(pattern) for n, pattern in enumerate(need.patterns) if is_to_come(need, n, now))


def is_to_come(need: NeedFacts, pattern: int, now: datetime) -> bool:
    """True for weeks, and for single days none of which has begun."""
    travel = timedelta(minutes=need.travel_minutes)
    return all(
        at(slot.day, slot.start) - travel > now for slot in need.patterns[pattern].slots if isinstance(slot.day, date)
    )


def _pattern(pattern: AcceptedPattern) -> Pattern:
    return Pattern(slots=pattern.slots, rank=pattern.rank)


def entitled(need: NeedFacts) -> Audience:
    """Whom the child counts as where places are kept for some."""
    if Criterion.INSERTION not in validated(need):
        return Audience.EVERYBODY
    return Audience.URGENT_INSERTION if need.kind is RequestKind.URGENT else Audience.INSERTION


def _on_call_sections(need: NeedFacts, patterns: Sequence[Pattern], context: Context) -> tuple[Id, ...]:
    """The sections with an agreement that covers the child at every pattern."""
    if entitled(need) is not Audience.URGENT_INSERTION:
        return ()
    slots = tuple(slot for pattern in patterns for slot in pattern.slots)
    fitting = {a.section for a in context.agreements if may_use_on_call_place(a, need.born, slots, context.now)}
    return tuple(sorted(fitting))


def _points(need: NeedFacts, structure: Id | None, context: Context) -> tuple[int, tuple[PointsReason, ...]]:
    criteria = set(validated(need, structure))
    if structure is not None and context.communes.get(structure) == need.commune:
        criteria.add(Criterion.SAME_COMMUNE)
    return points(criteria, context.grid)


def _claims(
    need: NeedFacts, wishes: Sequence[Wish], context: Context
) -> tuple[int, tuple[PointsReason, ...], tuple[StructurePoints, ...]]:  # fmt: skip
    """The points, why, and where they differ. Of a family whose week may be shared, wishes that all count the same
    beside the ordinary points are one claim."""
    base, reasons = _points(need, None, context)
    found = _points_at(need, wishes, base, context)
    same = len(found) == len(wishes) and len({(row.points, row.reasons) for row in found}) == 1
    if need.accepts_split and same:
        return found[0].points, found[0].reasons, ()
    return base, reasons, found


def _points_at(
    need: NeedFacts, wishes: Sequence[Wish], base: int, context: Context
) -> tuple[StructurePoints, ...]:  # fmt: skip
    """The points at each wished structure where they differ from the ordinary ones."""
    found = []
    for wish in wishes:
        total, reasons = _points(need, wish.structure, context)
        if total != base:
            found.append(StructurePoints(structure=wish.structure, points=total, reasons=reasons))
    return tuple(found)


def counted_at(request: Request, *structures: Id) -> tuple[PointsReason, ...]:
    """The lines of the grid that counted for this request there; of two that share its week, where they are less."""
    known = {row.structure: row.reasons for row in request.points_at}
    each = [known.get(structure, request.reasons) for structure in structures]
    return min(each, key=lambda lines: sum(line.points for line in lines))


def criteria_behind(need: NeedFacts, lines: Sequence[PointsReason]) -> frozenset[Criterion]:
    """Every criterion that gave a proposal its rank: those of its points, and those of its tier."""
    counted = {Criterion(line.criterion) for line in lines}
    return frozenset(counted | (validated(need) & {Criterion.INSERTION, Criterion.DISABILITY}))


def kind_of(slots: Sequence[Slot]) -> VacancyKind:
    """Single days are an occasional place, weeks a regular one."""
    return VacancyKind.OCCASIONAL if all(isinstance(slot.day, date) for slot in slots) else VacancyKind.REGULAR


def still_suits(need: NeedFacts, offered: Offered, ages: tuple[int, int], near: Near = NOTHING_NEAR) -> bool:
    """True if the need as it is now would still be offered this: wish, hours, days, age and audience."""
    return (
        any(wish.structure == offered.structure for wish in near.wishes(need))
        and any(_are_enough(offered, hours_of_care(need, n), need) for n in range(len(need.patterns)))
        and _is_accepted(offered.period, need, offered.offered_on)
        and fits_ages(need.born, offered.period.start, *ages)
        and offered.entitled_to.level <= entitled(need).level
    )


def _are_enough(offered: Offered, asked: Sequence[Slot], need: NeedFacts) -> bool:
    """Of a week that two structures share, all of it and no part."""
    if offered.elsewhere:
        return need.accepts_split and {*offered.slots, *offered.elsewhere} == set(asked)
    return _is_enough_of(offered.slots, asked, need)


def _is_enough_of(offered: Sequence[Slot], asked: Sequence[Slot], need: NeedFacts) -> bool:
    """True for all the hours that are asked for, or for as many whole days of them as the family says would help."""
    days = {slot.day for slot in offered}
    if {slot.day for slot in asked} == days:
        return tuple(offered) == tuple(asked)
    return (
        need.accepts_partial
        and len(days) >= need.min_days
        and tuple(offered) == tuple(slot for slot in asked if slot.day in days)
    )


def _is_accepted(period: Period, need: NeedFacts, today: date) -> bool:
    """True for the days of care that the family asks for, or later ones within its tolerance."""
    asked = _period(need, today)
    if asked is None or period.end != asked.end:
        return False
    return timedelta(0) <= period.start - asked.start <= timedelta(days=need.tolerance_days)


@dataclass(frozen=True)
class Offered:
    """What a live proposal offers, and the day on which it was found. `entitled_to`: whose places it may sit on.

    `elsewhere`: the hours that a second structure gives, with which this one shares the week.
    """

    structure: Id
    slots: tuple[Slot, ...]
    period: Period
    entitled_to: Audience
    offered_on: date
    elsewhere: tuple[Slot, ...] = ()


def hours_of_care(need: NeedFacts, pattern: int) -> tuple[Slot, ...]:
    """The hours of one accepted pattern, with travel time on both sides."""
    patterns = tuple(Pattern(slots=accepted.slots, rank=accepted.rank) for accepted in need.patterns)
    asked = Request(
        id=need.subject, born=need.born, wishes=(), patterns=patterns, period=need.period,
        travel_minutes=need.travel_minutes,
    )  # fmt: skip
    return care_hours(asked, pattern)


class CannotHold(Exception):
    """A counsellor may not keep this place. The message says why, in French."""


def check_hold(event: HoldRequested, need: NeedFacts, agreements: Sequence[AgreementSigned], context: Context) -> None:
    """Raise CannotHold unless an agreement of the section opens it to this child at these hours."""
    if entitled(need) is not Audience.URGENT_INSERTION:
        raise CannotHold("Les places d'astreinte vont aux demandes urgentes d'insertion validées.")
    if event.pattern >= len(need.patterns):
        raise CannotHold("Ces horaires ne sont pas dans la demande.")
    slots = need.patterns[event.pattern].slots
    own = [agreement for agreement in agreements if agreement.section == event.section]
    if not own:
        raise CannotHold("Cette section n'a pas d'accord d'astreinte en cours.")
    if not any(may_use_on_call_place(agreement, need.born, slots, context.now) for agreement in own):
        raise CannotHold("L'accord d'astreinte ne couvre pas cet âge, ce délai ou ces jours.")

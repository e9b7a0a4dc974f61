"""A round as it goes in and comes out: facts only, canonically sorted, with ids and never indices.

`Round` and `Outcome` are also the file formats of `berceau match`; their JSON Schemas are published. Nothing here
decides anything.

When to modify: when a round needs a new fact. Give it a default, so that older files still read the same, and
mention it in `services/matcher/README.md`.
"""

from __future__ import annotations

from datetime import date, datetime
from enum import StrEnum

from pydantic import Field

from contracts.vocabulary import Audience, Frozen, Id, Period, RequestKind, Slot, VacancyKind
from services.matcher.solver.certificate import Bound as Bound
from services.matcher.solver.certificate import Certificate as Certificate
from services.matcher.solver.certificate import GoalPrice as GoalPrice
from services.matcher.solver.certificate import Level as Level
from services.matcher.solver.certificate import LimitPrice as LimitPrice
from services.matcher.solver.certificate import Price as Price
from services.matcher.solver.certificate import Proof as Proof
from services.matcher.solver.certificate import Refusal as Refusal
from services.matcher.solver.reason import Reason as Reason
from services.matcher.solver.reason import Why as Why
from services.matcher.solver.reason import WishReason as WishReason
from services.matcher.solver.reason import is_unsaid
from services.matcher.solver.vote import FIRST_TIER as FIRST_TIER
from services.matcher.solver.vote import LEAST_SHARE as LEAST_SHARE
from services.matcher.solver.vote import ORDINARY_TIER as ORDINARY_TIER
from services.matcher.solver.vote import Goal as Goal
from services.matcher.solver.vote import Mode as Mode
from services.matcher.solver.vote import Policy as Policy
from services.matcher.solver.vote import Quota as Quota
from services.matcher.solver.vote import Rounding as Rounding
from services.matcher.solver.vote import SiblingsClaim as SiblingsClaim
from services.matcher.solver.vote import Ties as Ties

MOST_DAYS_TO_CHOOSE_FROM = 7
"""Of a longer list of single days no part is offered: too many ways to choose some of them."""

ENGINE = "berceau-1"
"""Changes whenever the same input may give another outcome; written in every outcome."""


class Section(Frozen):
    """Children of one age in one structure: months completed at the start of care, both ends included.

    `starts_per_week`: how many children may begin there in one week, since each needs its days of adaptation.
    """

    id: Id
    structure: Id
    age_from_months: int = 0
    age_to_months: int = 71
    starts_per_week: int | None = Field(default=None, ge=1)


class Vacancy(Frozen):
    """`places` free at each of `slots`, on the days of `period`, kept for `audience` until `release_at`."""

    id: Id
    section: Id
    kind: VacancyKind = VacancyKind.REGULAR
    slots: tuple[Slot, ...]
    places: int
    period: Period
    audience: Audience = Audience.EVERYBODY
    release_at: datetime | None = None

    def audience_at(self, instant: datetime) -> Audience:
        """Whom the places are for at `instant`: everybody once they are released."""
        released = self.release_at is not None and instant >= self.release_at
        return Audience.EVERYBODY if released else self.audience


class Hold(Frozen):
    """Hours of a section that a placement, a live proposal or a person already holds. A round never takes them.

    `by_person`: a person keeps the place back and says why; whoever could have had it reads so. `forced`: a person has
    given it to this request, which is not in the round any more; the `reason` stays with those who decide.
    """

    id: Id
    section: Id
    slots: tuple[Slot, ...]
    period: Period
    units: int = 1
    entitled_to: Audience = Audience.EVERYBODY
    reason: str = ""
    by_person: bool = False
    forced: Id | None = Field(default=None, exclude_if=is_unsaid)


class Support(Frozen):
    """How many children who need adapted care a structure has prepared for at once. A preference, never a refusal."""

    structure: Id
    children: int


class Wish(Frozen):
    """A structure a family would accept; equal ranks are allowed, 1 is the best."""

    structure: Id
    rank: int


class Pattern(Frozen):
    """One week (or set of single days) a family would accept, before travel time; 1 is the best rank."""

    slots: tuple[Slot, ...]
    rank: int


class PointsReason(Frozen):
    """One line of the grid that counted, with its French label."""

    criterion: str
    label: str
    points: int


class StructurePoints(Frozen):
    """Points that a request has at one structure, where they differ from its ordinary ones."""

    structure: Id
    points: int
    reasons: tuple[PointsReason, ...] = ()


class NotAgain(Frozen):
    """Hours of a section that the family refused or let pass: the next family is asked, not the same one again."""

    section: Id
    slots: tuple[Slot, ...]


class Request(Frozen):
    """A child who waits.

    `tier` 1 is looked at first. `since` is the seniority that settles equal points: the wanted entry date.
    `period` is the days of care: from the wanted start, up to the end of the need or the default end.
    `on_call_sections` are the sections whose on-call agreement fits this request (notice, age, days).
    `not_again` are hours of care, travel included, that are not offered to this request.
    With `tolerance_days` care may begin later, on a day within so many on which a place comes free: behind an earlier
    start at the same wish and pattern, before the next wish. With `accepts_partial`, `min_days` or more days of a
    pattern of seven at most would help: more days first, then the wishes, and all of them behind every whole pattern.
    Neither counts for siblings asked together. With `accepts_split` a whole pattern of seven days at most may be shared
    by two wished structures, each day in one of them, from the wanted start: behind all that one structure could give.
    Each half counts at the points of its structure; where one claim stands for the whole week (the numbers of the freer
    modes), it is the lower. Not for siblings asked together, or for a child who has a place.
    `current` is the hold of the place that the child has now, and keeps unless it gets one that is asked here.
    `sent_behind`: of the first tier, and beyond its share, so that it ranks with the others.
    """

    id: Id
    born: date
    kind: RequestKind = RequestKind.REGULAR
    tier: int = 2
    points: int = 0
    points_at: tuple[StructurePoints, ...] = ()
    reasons: tuple[PointsReason, ...] = ()
    since: date | None = None
    wishes: tuple[Wish, ...]
    patterns: tuple[Pattern, ...]
    period: Period
    travel_minutes: int = 0
    entitled_to: Audience = Audience.EVERYBODY
    on_call_sections: tuple[Id, ...] = ()
    needs_support: bool = False
    not_again: tuple[NotAgain, ...] = ()
    current: Id | None = None
    tolerance_days: int = Field(default=0, ge=0)
    accepts_partial: bool = False
    min_days: int = Field(default=1, ge=1)
    accepts_split: bool = False
    sent_behind: bool = False

    def may_be_offered(self, section: Id, slots: tuple[Slot, ...]) -> bool:
        """False for hours that the family has answered already."""
        return not self.not_again or not any(row.section == section and row.slots == slots for row in self.not_again)


class Together(StrEnum):
    """What a family asks of the places of its children: one structure, the same days, or places near each other."""

    SAME_STRUCTURE = "same_structure"
    SAME_DAYS = "same_days"
    NEAR = "near"


class Assigned(Frozen):
    """Where one child goes in a combination; no structure: it stays without a place."""

    request: Id
    structure: Id | None = None


class Combination(Frozen):
    """Where a family's children would go together, 1 the best rank. A child that is not named stays without a place."""

    seats: tuple[Assigned, ...]
    rank: int


class Siblings(Frozen):
    """Children who are asked for together: all of them are placed as is asked here, or none.

    Each condition of `together` holds between all who are placed; `near_minutes` says what is near. With
    `combinations`, only those count, in their order, and a child may be left out. Without them, the better
    arrangement has the lower sum of the ranks of the wishes, then of the patterns, counted from the best of each child.
    """

    id: Id
    requests: tuple[Id, ...]
    together: tuple[Together, ...] = ()
    near_minutes: int = 15
    combinations: tuple[Combination, ...] = ()


class Travel(Frozen):
    """Minutes from one structure to another, in either direction. Places whose distance is not known are not near."""

    one: Id
    other: Id
    minutes: int


class Round(Frozen):
    """One territory at one instant."""

    id: Id
    territory: Id
    instant: datetime
    policy: Policy
    sections: tuple[Section, ...]
    vacancies: tuple[Vacancy, ...]
    requests: tuple[Request, ...]
    holds: tuple[Hold, ...] = ()
    support: tuple[Support, ...] = ()
    siblings: tuple[Siblings, ...] = ()
    travel: tuple[Travel, ...] = ()
    quotas: tuple[Quota, ...] = ()


class Placed(Frozen):
    """What a round offers one child: one row, or two marked `split` for a week in two structures.

    `pattern` is the position of the chosen pattern in the request, from 0.
    `slots` are the hours of care: the pattern's with travel time on both sides, those that touch joined. `level` is
    how good the offer is to the family, 1 the best: the place of (wish rank, pattern rank) among all of its pairs.
    `partial`: a part of the days of the pattern; the child stays listed for the rest.
    `replaces` is the hold that the child gives up, from the first day of `period` on. `after` are children whose move
    frees hours that this place needs: it is theirs until they have said yes.
    """

    request: Id
    structure: Id
    section: Id
    pattern: int
    slots: tuple[Slot, ...]
    period: Period
    wish_rank: int
    level: int
    on_call: bool = False
    to_prepare: bool = False
    partial: bool = False
    split: bool = False
    replaces: Id | None = None
    after: tuple[Id, ...] = ()


class Violation(Frozen):
    """A guarantee that an outcome breaks, and the requests and sections that it touches."""

    guarantee: str
    sentence: str
    requests: tuple[Id, ...] = ()
    sections: tuple[Id, ...] = ()


class Envy(Frozen):
    """A child who could take a preferred place back from strictly lower claims, where no stable outcome was found.

    It arises only where claims differ from one structure to another and weeks overlap; each case is listed.
    """

    request: Id
    section: Id
    pattern: int


class TierCount(Frozen):
    tier: int
    children: int


class PriceOfMode(Frozen):
    """How many children another mode would have placed, by tier; `proven` if no limit of the search counted."""

    mode: Mode
    tiers: tuple[TierCount, ...]
    proven: bool


class Outcome(Frozen):
    """What a round decided, sorted by request, with a reason for every request and what recomputes it.

    `unproven`: requests that a limit of the search kept at a lower level, or without a place, without a proof.
    `withheld`: requests whose answer the checks held back, with everything connected to it.
    `levels`: what each goal reached; where the lists of the structures contradict each other in `stable`, the
    certificate has them.
    `prices`: what the other modes would have placed, unless that was not asked.
    `behind`: requests of the first tier that ranked with the others, since its share was reached before them.
    `displaced`: requests of other tiers that would have a place if the first did not go first; None if not asked.
    `certificate`: short proofs that nobody could have had more, which the hash leaves aside; None if not asked.
    """

    round: Id
    engine: str = ENGINE
    policy: Policy
    placed: tuple[Placed, ...]
    reasons: tuple[Reason, ...]
    violations: tuple[Violation, ...] = ()
    envies: tuple[Envy, ...] = ()
    unproven: tuple[Id, ...] = ()
    withheld: tuple[Id, ...] = ()
    levels: tuple[Level, ...] = ()
    prices: tuple[PriceOfMode, ...] = ()
    behind: tuple[Id, ...] = ()
    displaced: tuple[Id, ...] | None = None
    certificate: Certificate | None = None
    input_hash: str
    outcome_hash: str

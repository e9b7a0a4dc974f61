"""Everything that a round may look at, read in one snapshot and put in canonical order."""

from __future__ import annotations

import operator
import uuid
from collections import defaultdict
from collections.abc import Hashable, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from functools import cached_property

import sqlalchemy as sa

from contracts.base import EVENT_IDS
from contracts.structures import AgreementSigned
from contracts.vocabulary import LIVE, AwardMode, ProposalState, WithdrawalReason
from services.bus.tables import Instant
from services.calendar import local_day
from services.matcher import campaigns, draws, needs, rows_read, store
from services.matcher import tables as t
from services.matcher.campaigns import Campaign
from services.matcher.guaranteed import guaranteed
from services.matcher.memory import Memory
from services.matcher.near import Near, near_of
from services.matcher.offered import Intake, places
from services.matcher.policy import Policy, policy_in_force
from services.matcher.published import communes, names, structures_of, support
from services.matcher.rows_read import Waiting
from services.matcher.solver import schema
from services.matcher.solver.schema import NotAgain, Request, Round, Section
from services.matcher.standing import Standing, standing_places
from services.matcher.together import Families, asked_together, nearby


@dataclass(frozen=True)
class Loaded:
    """What one snapshot said, and the versions by which a later change is seen.

    `aside` are requests that take no part, each with the reason in French. `current` is the placement that each child
    who has one would give up. `told` are the hashes of what was said last to those who wait. In the sections of
    `waves` several families are asked at once: whoever leaves makes room for the next, whatever was said before.
    """

    round: Round
    policy: Policy
    waiting: dict[str, Waiting]
    sections: dict[str, int]
    aside: dict[str, str]
    current: dict[str, str]
    names: dict[str, str]
    told: dict[str, str]
    waves: frozenset[str]
    marks: int
    trigger: str


def load(
    tx: sa.Connection, territory: str, now: datetime, memory: Memory | None = None, intake: Intake | None = None
) -> Loaded | None:  # fmt: skip
    """Everything that a round of `territory` may look at, in canonical order. `memory` is that of its rounds. What a
    campaign covers waits for its `intake`, and is all that this one decides.
    """
    if (row := store.territory_row(tx, territory)) is None:
        return None
    (memory := memory or Memory()).turn()
    policy = policy_in_force(row["policy"], local_day(now))
    sections, versions = _sections(tx, territory, memory)
    everybody, told = _waiting(tx, territory, memory)
    there = _territory(tx, territory, intake)
    waiting, later = _taking_part(tx, everybody, there.campaign, intake)
    asking = _asking(tx, there, policy, now, waiting, versions.keys(), memory, later)
    return Loaded(
        round=_round(tx, row, there, policy, now, sections, versions, asking, memory, intake),
        policy=policy,
        waiting=asking.waiting,
        sections=versions,
        aside=asking.aside(now),
        current=asking.standing.placements,
        names=names(there.structures),
        told=told,
        waves=_waves(tx, territory),
        marks=row["due_marks"],
        trigger=row["due_because"] or "asked",
    )


@dataclass(frozen=True)
class Territory:
    """A territory with its structures and its campaign, as the snapshot has them."""

    name: str
    structures: Sequence[sa.RowMapping]
    campaign: Campaign | None

    near: Near

    @cached_property
    def communes(self) -> dict[str, str]:
        return communes(self.structures)


def _territory(tx: sa.Connection, name: str, intake: Intake | None) -> Territory:
    campaign = intake.campaign if intake else campaigns.current(tx, name)
    structures = structures_of(tx, name)
    return Territory(name, structures, campaign, near_of(tx, name, structures))


def _taking_part(
    tx: sa.Connection, waiting: list[Waiting], campaign: Campaign | None, intake: Intake | None
) -> tuple[list[Waiting], dict[str, str]]:  # fmt: skip
    """The requests that are looked at, and of those the ones that wait for a commission, each with what it reads."""
    if campaign is None:
        return waiting, {}
    if intake is not None:
        heard = campaigns.heard(tx, campaign, waiting)
        return [row for row in waiting if row.request in heard], {}
    return waiting, dict.fromkeys(sorted(campaigns.members(tx, campaign, waiting)), campaign.waits)


@dataclass(frozen=True)
class Asking:
    """Who waits: each request as it was read, and as a round sees it, or None; the places that they have; who is asked
    for together.

    `awaiting` are those that a commission decides.
    """

    waiting: dict[str, Waiting]
    asked: dict[str, Request | None]
    standing: Standing
    families: Families
    awaiting: tuple[str, ...] = ()

    def aside(self, now: datetime) -> dict[str, str]:
        """Why each of those who take no part does not, in French."""
        why = {**self.standing.unclear, **self.families.waits}
        out = (name for name, asks in self.asked.items() if asks is None)
        return {name: why.get(name) or needs.missing(self.waiting[name].need, now) or DATES_OVER for name in out}


def _asking(
    tx: sa.Connection, there: Territory, policy: Policy, now: datetime, waiting: list[Waiting], sections: Set[str],
    memory: Memory, later: dict[str, str],
) -> Asking:  # fmt: skip
    own = dict(zip(map(_request, waiting), waiting, strict=True))
    needed = dict(zip(own, map(_need, waiting), strict=True))
    have_one = {r.request for r in waiting if r.names_a_place}
    standing = standing_places(tx, there.name, local_day(now), needed, have_one, sections)
    standing.unclear.update(later)
    asked = _asked(tx, there, policy, now, waiting, standing, memory)
    incomplete = [r.request for r in waiting if not r.is_complete and needs.missing(r.need, now)]
    families = asked_together(tx, there.name, asked, incomplete)
    return Asking(own, asked | dict.fromkeys(families.waits), standing, families, tuple(later))


def _round(
    tx: sa.Connection, row: sa.RowMapping, there: Territory, policy: Policy, now: datetime,
    sections: list[Section], versions: dict[str, int], asking: Asking, memory: Memory, intake: Intake | None,
) -> Round:  # fmt: skip
    territory = row["territory"]
    name = str(uuid.uuid5(EVENT_IDS, f"round/{territory}/{now.isoformat()}/{row['due_marks']}"))
    seed = intake.seed if intake else draws.seed_of(tx, territory, now)
    return Round(
        id=intake.name if intake else name, territory=territory, instant=now, policy=_with_the_draw(policy, seed),
        sections=tuple(sections),
        requests=tuple(filter(None, asking.asked.values())),
        support=support(tx, there.structures, local_day(now)),
        quotas=guaranteed(there.structures, policy),
        siblings=tuple(asking.families.siblings),
        travel=tuple(nearby(asking.families.siblings, asking.asked, there.communes)),
        **places(
            tx, territory, versions, policy, now, memory, intake,
            None if intake else there.campaign, [asking.waiting[name].need for name in asking.awaiting], there.near,
        ),
    )  # fmt: skip


def _with_the_draw(policy: Policy, seed: str) -> schema.Policy:
    return policy.rules.model_copy(update={"seed": seed, "seed_commitment": draws.commitment(seed)})


def _asked(
    tx: sa.Connection, there: Territory, policy: Policy, now: datetime, waiting: list[Waiting], standing: Standing,
    memory: Memory,
) -> dict[str, Request | None]:  # fmt: skip
    """Each waiting request as a round sees it, or None where it takes no part."""
    read_against = needs.Context(policy, now, agreements_of(tx, there.name), there.communes, there.near)
    memory.read_against((policy, local_day(now), read_against.communes, read_against.near))
    answered = _answered(tx, there.name, now - policy.not_again_for)

    def asked(row: Waiting) -> Request | None:
        place = standing.current.get(row.request)
        placed = row.request in standing.placements
        return needs.as_request(
            row.request, row.need, row.goes_first, read_against, answered, place, has_place=placed
        )  # fmt: skip

    def made(keys: list[Hashable]) -> dict[Hashable, tuple[Waiting, Request | None]]:
        return {key: (rows[key], asked(rows[key])) for key in keys}

    same = [row for row in waiting if row.reads_the_same_all_day]
    rows = dict(zip(_keys(same, answered, standing), same, strict=True))
    read = memory.asked.all(list(rows), made)
    found = dict(zip(map(_request, same), map(_last, read), strict=True))
    if len(same) < len(waiting) or standing.unclear:
        found |= {row.request: asked(row) for row in waiting if not row.reads_the_same_all_day}
        found |= dict.fromkeys(standing.unclear)
        found = {row.request: found[row.request] for row in waiting}
    return found


def _keys(rows: list[Waiting], answered: needs.Answered, standing: Standing) -> list[Hashable]:
    """By id, which stays theirs while kept, since rows are slow to hash; some with what is known beside them."""
    keys: list[Hashable] = list(map(id, rows))
    beside = answered.keys() | standing.placements.keys()
    for n, name in enumerate(map(_request, rows)) if beside else ():
        if name in beside:
            place, placed = standing.current.get(name), name in standing.placements
            keys[n] = (keys[n], place, placed, tuple(answered.get(name, ())))
    return keys


_request, _need, _last = operator.attrgetter("request"), operator.attrgetter("need"), operator.itemgetter(1)
DATES_OVER = "Les dates demandées sont passées : indiquez de nouvelles dates au guichet."


def context(tx: sa.Connection, territory: str, policy: Policy, now: datetime) -> needs.Context:
    """What the territory's needs are read against."""
    structures = structures_of(tx, territory)
    near = near_of(tx, territory, structures)
    return needs.Context(policy, now, agreements_of(tx, territory), communes(structures), near)


def _answered(tx: sa.Connection, territory: str, since: datetime) -> needs.Answered:
    """What families refused, let pass, or could not be reached for since then: when that was, and which hours, by
    request.

    The end counts, not the offer: a proposal may outlive an amendment of its need, or be made in the very instant in
    which the need is declared.
    """
    found: dict[str, list[tuple[datetime, NotAgain]]] = defaultdict(list)
    for row in tx.execute(_ANSWERED, {"_territory": territory, "_since": since}):
        other = [(row.other_half["section"], row.other_half["slots"])] if row.other_half else []
        for section, slots in ((row.section, row.slots), *other):
            hours = NotAgain(section=section, slots=store.SLOTS.validate_python(slots))
            found[row.request].append((row.ended_at, hours))
    return found


_P = t.proposals.c
_NO = (ProposalState.DECLINED.value, ProposalState.EXPIRED.value)
_ANSWERED = (
    sa.select(_P.request, _P.ended_at, _P.section, _P.slots, _P.other_half)
    .where(
        _P.territory == sa.bindparam("_territory"),
        _P.state.in_(_NO) | (_P.withdrawn_for == WithdrawalReason.FAMILY_UNREACHABLE.value),
        _P.ended_at >= sa.bindparam("_since", type_=Instant),
    )
    .order_by(_P.proposal)
)


def _sections(tx: sa.Connection, territory: str, memory: Memory) -> tuple[list[Section], dict[str, int]]:
    """Open sections of the structures whose places are awarded, and the version of each."""
    rows = tx.execute(_SECTIONS, {"_territory": territory}).all()
    found = memory.rows.all([row[1:] for row in rows], lambda new: {key: _section(key) for key in new})
    return found, {row[1]: row[0] for row in rows}


def _section(row: tuple[object, ...]) -> Section:
    return Section.model_validate(dict(zip(_FACTS, row, strict=True)))


_TERRITORY = sa.bindparam("_territory", type_=sa.String)
_AWARDED = sa.select(t.structures.c.structure).where(
    t.structures.c.territory == _TERRITORY, t.structures.c.award_mode == AwardMode.AWARDED.value
)
_C = t.sections.c
_FACTS = ("id", "structure", "age_from_months", "age_to_months", "starts_per_week")
_SECTIONS = (
    sa.select(_C.version, _C.section, _C.structure, _C.age_from_months, _C.age_to_months, _C.starts_per_week)
    .where(t.sections.c.structure.in_(_AWARDED), t.sections.c.is_open)
    .order_by(t.sections.c.section)
)
"""Built once, like those below: each round asks these, and to build one costs as much as to ask it."""


def _waiting(tx: sa.Connection, territory: str, memory: Memory) -> tuple[list[Waiting], dict[str, str]]:
    """Requests that wait and have no live proposal, and the hash of what each was told last.

    A request's version grows with every change of it.
    """
    rows = tx.execute(_WAITING, {"_territory": territory}).all()

    def read(keys: list[tuple[str, int]]) -> dict[tuple[str, int], Waiting]:
        found = rows_read.waiting(tx, [name for name, _ in keys])
        return {(name, version): found[name] for name, version in keys}

    if not rows:
        return [], {}
    names, versions, told = zip(*rows, strict=True)
    waiting = memory.waiting.all(list(zip(names, versions, strict=True)), read)
    return waiting, {name: said for name, said in zip(names, told, strict=True) if said is not None}


_WAITING = (
    sa.select(t.requests.c.request, t.requests.c.version, t.explanations.c.hash)
    .select_from(t.requests.outerjoin(t.explanations, t.explanations.c.request == t.requests.c.request))
    .where(
        t.requests.c.territory == sa.bindparam("_territory"),
        t.requests.c.state == store.WAITING,
        t.requests.c.request.not_in(sa.select(t.proposals.c.request).where(t.IS_LIVE)),
    )
    .order_by(t.requests.c.request)
)


def _waves(tx: sa.Connection, territory: str) -> frozenset[str]:
    return frozenset(tx.scalars(_WAVES, {"_territory": territory}))


_ASKED = sorted(LIVE - {ProposalState.ACCEPTED})
_WAVES = sa.select(_P.section).where(_P.territory == _TERRITORY, _P.wave.is_not(None), _P.state.in_(_ASKED))


def agreements_of(tx: sa.Connection, territory: str) -> list[AgreementSigned]:
    return [AgreementSigned.model_validate(facts) for facts in tx.scalars(_AGREEMENTS, {"_territory": territory})]


_AGREEMENTS = (
    sa.select(t.agreements.c.facts)
    .where(t.agreements.c.territory == _TERRITORY, ~t.agreements.c.ended)
    .order_by(t.agreements.c.agreement)
)

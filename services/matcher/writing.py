"""What a round decided becomes proposals and reasons, part by part, while nothing that it read has moved.

When to modify: when a round writes one more thing for a child.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime
from functools import cache
from typing import Any, Concatenate, ParamSpec, TypeVar

import sqlalchemy as sa

from contracts.proposals import CountedPoints
from contracts.vocabulary import Audience, VacancyKind
from services.matcher import asked_at_once, needs, store
from services.matcher import tables as t
from services.matcher.codes import free_codes
from services.matcher.declared_capacity import staffed_among
from services.matcher.leases import Fence
from services.matcher.moving import Departure
from services.matcher.propose import OtherPlace, Place, offer, proposal_id, propose, propose_wave
from services.matcher.reading import Loaded
from services.matcher.rules.waves import Wave
from services.matcher.sentences import say, told
from services.matcher.sheet import Sheet, read_shelves
from services.matcher.solver.schema import Outcome, Placed, PointsReason, Reason, Request, Round
from services.matcher.step import Step
from services.matcher.store import Proposal
from services.matcher.waves import going_on

P = ParamSpec("P")
T = TypeVar("T")

Leave = Callable[[Step, Proposal], object]
"""What becomes of a proposal that was just made: it leaves, or waits for a person."""


def fenced(
    tx: sa.Connection, fence: Fence, do: Callable[Concatenate[sa.Connection, P], T], *args: P.args, **kwargs: P.kwargs
) -> T:  # fmt: skip
    """Do it behind the fence, in its transaction."""
    fence(tx)
    return do(tx, *args, **kwargs)


class Moved(Exception):
    """A row that the round had read has changed since."""


def write_part(
    tx: sa.Connection, loaded: Loaded, part: Round, outcome: Outcome, news: list[Reason], now: datetime,
    leave: Leave = offer,
) -> int:  # fmt: skip
    """Turn one part's outcome into proposals and reasons. Raises Moved or NoRoom, and then writes nothing.

    `leave` is what becomes of a proposal once all are there.
    """
    territory = store.territory_row(tx, loaded.round.territory, lock=True)
    touched = sections_of(part)
    check_unmoved(tx, t.sections, t.sections.c.section, {name: loaded.sections[name] for name in touched})
    check_unmoved(tx, t.requests, t.requests.c.request, {r.id: loaded.waiting[r.id].version for r in part.requests})
    waves = asked_at_once.waves(loaded, part, outcome, going_on(tx, touched & loaded.waves))
    step = Step(tx, now, loaded.round.id, loaded.policy, _sheet(tx, loaded, outcome, waves, territory))
    asked = {request.id: request for request in part.requests}
    made = _made(step, loaded, asked, outcome, waves)
    for proposal in made:  # once all are there: siblings leave together
        leave(step, proposal)
    first = asked_at_once.sentences(waves, loaded.names)
    reasons = [*news, *(row for row in outcome.reasons if row.request in first and row not in news)]
    said = (told(asked[row.request], row, loaded.names).after(first.get(row.request)) for row in reasons)
    say(step, loaded, *said)
    step.done()
    return len(made)


def _made(
    step: Step, loaded: Loaded, asked: Mapping[str, Request], outcome: Outcome, waves: Sequence[Wave]
) -> list[Proposal]:  # fmt: skip
    """What the outcome proposes, held: first in waves, then to each alone."""
    reasons = {reason.request: reason for reason in outcome.reasons}
    departures, made = _departures(loaded, outcome), list[Proposal]()
    for wave in waves:
        places = [place(loaded, asked[row.request], row, reasons.get(row.request)) for row in wave.new]
        made += propose_wave(step, places, wave.as_hold(), wave.name, wave.before, wave.gone)
    for rows in asked_at_once.alone(outcome, waves):
        own = place(loaded, asked[rows[0].request], rows[0], reasons.get(rows[0].request))
        after = tuple(departures[name] for name in sorted({name for row in rows for name in row.after}))
        made.append(propose(step, shared(loaded, replace(own, after=after), asked[rows[0].request], rows[1:])))
    return made


def _sheet(
    tx: sa.Connection, loaded: Loaded, outcome: Outcome, waves: Sequence[Wave], territory: sa.RowMapping | None
) -> Sheet:  # fmt: skip
    """What all proposals of a part need, read once. The sections of those proposed alone are locked."""
    alone = [row for rows in asked_at_once.alone(outcome, waves) for row in rows]
    rows = [*(row for wave in waves for row in wave.new), *alone]
    if not rows:
        return Sheet(gathers=True)
    names = list(dict.fromkeys(proposal_id(row.request, loaded.round.id) for row in rows))
    known = store.lock_sections(tx, sorted({row.section for row in alone}))
    return Sheet(
        gathers=True,
        codes=free_codes(tx, loaded.round.territory, names),
        needs={row.request: loaded.waiting[row.request].need for row in rows},
        shelves=read_shelves(tx, known),
        releases={loaded.round.territory: territory is not None and territory["automatic_release"]},
        staffed=staffed_among(tx, {row.structure for row in rows}),
    )


def sections_of(part: Round) -> set[str]:
    """Those with places or holds in it; others are there as facts only."""
    return {v.section for v in part.vacancies} | {h.section for h in part.holds}


def _departures(loaded: Loaded, outcome: Outcome) -> dict[str, Departure]:
    """By request, the place that a child would leave, and by which proposal."""
    return {
        row.request: Departure(proposal_id(row.request, loaded.round.id), row.replaces, row.period.start)
        for row in outcome.placed
        if row.replaces is not None
    }


def check_unmoved(tx: sa.Connection, table: sa.Table, key: sa.Column[str], read: dict[str, int]) -> None:
    """Lock these rows. Raises Moved where one has another version than was read."""
    found = {row[0]: row.version for row in tx.execute(_versions(table, key), {"_names": list(read)})}
    for name, version in sorted(read.items()):
        if found.get(name) != version:
            raise Moved(name)


@cache
def _versions(table: sa.Table, key: sa.Column[str]) -> sa.Select[str, int]:
    """Built once for each table."""
    named = key.in_(sa.bindparam("_names", expanding=True))
    return sa.select(key, table.c.version).where(named).order_by(key).with_for_update()


def place(loaded: Loaded, request: Request, placed: Placed, reason: Reason | None) -> Place:
    """What an outcome offers a child, with what counted for it."""
    row = loaded.waiting[request.id]
    need = row.need
    counted = needs.counted_at(request, placed.structure)
    kind = VacancyKind.ON_CALL if placed.on_call else needs.kind_of(placed.slots)
    wish = next((w for w in reason.wishes if w.structure == placed.structure), None) if reason else None
    return Place(
        territory=loaded.round.territory, round=loaded.round.id, request=request.id,
        family=row.family, structure=placed.structure, section=placed.section, kind=kind,
        slots=placed.slots, period=placed.period, entitled_to=_entitled(request, placed.section), tier=request.tier,
        since=need.since, **_points(counted),
        counted=needs.criteria_behind(need, counted), rank=wish.rank if wish else None,
        urgent=need.urgent_sms_agreed and kind is not VacancyKind.REGULAR, to_prepare=placed.to_prepare,
        partial=placed.partial, replaces=loaded.current.get(request.id),
        siblings=next((row.id for row in loaded.round.siblings if request.id in row.requests), None),
    )  # fmt: skip


def shared(loaded: Loaded, own: Place, request: Request, others: Sequence[Placed]) -> Place:
    """The place with the days that a second structure gives, if one does: by the lower points, for all that counted in
    either. No single rank is true of both then."""
    need = loaded.waiting[request.id].need
    for row in others:
        entitled_to = _entitled(request, row.section)
        other = OtherPlace(row.structure, row.section, row.slots, entitled_to, row.to_prepare)
        lines = needs.counted_at(request, own.structure, row.structure)
        counted = own.counted | needs.criteria_behind(need, needs.counted_at(request, row.structure))
        own = replace(own, rank=None, other=other, counted=counted, **_points(lines))
    return own


def _points(lines: Sequence[PointsReason]) -> dict[str, Any]:
    return {
        "points": sum(line.points for line in lines),
        "reasons": tuple(CountedPoints(**line.model_dump()) for line in lines),
    }


def _entitled(request: Request, section: str) -> Audience:
    """Whom the child counts as in this section: on-call places only where an agreement fits."""
    if request.entitled_to is Audience.URGENT_INSERTION and section not in request.on_call_sections:
        return Audience.INSERTION
    return request.entitled_to

"""A round: load in one snapshot, decide away from the database, write what nobody has touched meanwhile.

Each connected part of the territory is written in a transaction of its own, urgent ones first. A part whose rows have
moved since they were read is dropped and the territory is due again: no decision rests on what is no longer true.
"""

from __future__ import annotations

import hashlib
import operator
from collections.abc import Awaitable, Callable, Collection
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from enum import Enum

import sqlalchemy as sa
import structlog

from contracts.rounds import BrokenGuarantee, RoundDecided
from contracts.vocabulary import TaskKind
from services.bus.database import Database
from services.calendar import local_day
from services.matcher import drafts, draws, metrics, past_rounds, store, tasks
from services.matcher import tables as t
from services.matcher.draws import NewSeed
from services.matcher.kept_text import KeptText
from services.matcher.leases import Fence, unfenced
from services.matcher.memory import Memory
from services.matcher.moving import in_a_circle
from services.matcher.policy import policy_in_force
from services.matcher.propose import NoRoom
from services.matcher.reading import Loaded, load
from services.matcher.sentences import aside, news_of, say
from services.matcher.solver.canonical import RoundRefused, canonical
from services.matcher.solver.components import split
from services.matcher.solver.schema import ENGINE, Outcome, Reason, Round
from services.matcher.solver.share import settling
from services.matcher.solver.verify import share_over_all_parts
from services.matcher.step import Step
from services.matcher.touched import urgent_first
from services.matcher.writing import Moved, fenced, sections_of, write_part

log = structlog.get_logger()

Decide = Callable[[Round], Awaitable[Outcome]]
"""Decides one connected part: in a process of its own in production, in place in a simulation."""


@dataclass
class Tally:
    """What came of a round's parts. `asked` is the round in canonical order, unless it was refused; `no_room` are the
    structures where the places found do not fit, by the count that is taken when hours are held."""

    proposed: int = 0
    dropped: int = 0
    refused: str = ""
    no_room: set[str] = field(default_factory=set)
    asked: Round | None = None
    outcomes: list[Outcome] = field(default_factory=list)

    @property
    def broken(self) -> list[BrokenGuarantee]:
        """Every guarantee that a check or the last look found broken, and why the round was refused as a whole."""
        found = [violation for outcome in self.outcomes for violation in outcome.violations]
        found += share_over_all_parts(self.asked, self.outcomes) if self.asked is not None else ()
        said = [BrokenGuarantee(guarantee=v.guarantee, sentence=v.sentence) for v in found]
        said += [BrokenGuarantee(guarantee="G1", sentence=DOES_NOT_FIT.format(name)) for name in sorted(self.no_room)]
        return [*said, *([BrokenGuarantee(guarantee=REFUSED, sentence=self.refused)] if self.refused else [])]


_turn = operator.attrgetter("turn")
DOES_NOT_FIT = "Les places trouvées ne tiennent pas ensemble\u00a0: {}."
REFUSED = "input"
"""Stands where a guarantee would: what came in contradicts itself."""


def due_territories(tx: sa.Connection, now: datetime) -> list[str]:
    """In turn: a territory whose last round began and did not end waits behind those that were due before it began.

    Else one territory whose round ends its process would keep all others from theirs.
    """
    return list(tx.scalars(_DUE, {"_now": now}))


def begin(tx: sa.Connection, territory: str, now: datetime) -> None:
    """The territory has its turn, whatever becomes of it."""
    tx.execute(t.territories.update().where(t.territories.c.territory == territory).values(begun_at=now))


def next_due(tx: sa.Connection, among: Collection[str] | None = None) -> datetime | None:
    """When the next round is due: of any territory, or of one `among` these."""
    return tx.scalar(_NEXT if among is None else _NEXT_AMONG, {"_among": list(among or ())})


_C = t.territories.c
_DUE = (
    sa.select(_C.territory)
    .where(_C.due_at <= sa.bindparam("_now"))
    .order_by(sa.case((_C.begun_at > _C.due_at, _C.begun_at), else_=_C.due_at), _C.territory)
)
_NEXT = sa.select(_C.due_at).where(_C.due_at.is_not(None)).order_by(_C.due_at).limit(1)
_NEXT_AMONG = _NEXT.where(_C.territory.in_(sa.bindparam("_among", expanding=True)))
"""Built once: every look asks these."""


async def run_round(
    database: Database, territory: str, now: datetime, decide: Decide, new_seed: NewSeed, fence: Fence = unfenced,
    memory: Memory | None = None,
) -> Tally | None:  # fmt: skip
    """Decide `territory` as it is. None if it is not known. Safe to repeat: what was written is seen as held.

    Each part is written behind `fence`. Should two processes decide at once all the same, a part that the other has
    written first is dropped, since its rows have moved. Raises LeaseLost: nothing more of this round may land. `memory`
    is what the rounds of this territory know from each other.
    """
    memory = memory or Memory()
    loaded = await database.read(_load_sealed, territory, now, memory)
    if loaded is Unsealed.UNSEALED:  # its print goes out before the round that uses it, in a transaction of its own
        await database.write(fenced, fence, keep_draws, territory, now, new_seed)
        loaded = await database.read(load, territory, now, memory)
    if loaded is None:
        return None
    with metrics.ROUND_SECONDS.time():
        tally = Tally()
        memory.quiet.turn(loaded.told, loaded.names)
        for part in await _parts(loaded, tally, decide, memory):
            if not _is_quiet(loaded, part, tally, memory):
                await _decide_part(database, loaded, part, decide, tally, now, fence, memory)
        await database.write(fenced, fence, finish, loaded, tally, now, memory)
        memory.rest()
    metrics.ROUNDS.labels("withheld" if tally.broken else "decided").inc()
    return tally


class Unsealed(Enum):
    """The draw of the day is still to be kept."""

    UNSEALED = "unsealed"


def _load_sealed(
    tx: sa.Connection, territory: str, now: datetime, memory: Memory
) -> Loaded | Unsealed | None:  # fmt: skip
    """What a round may look at, unless the draw is to be kept first: one look, since that is rare."""
    return load(tx, territory, now, memory) if draws.is_kept(tx, territory, now) else Unsealed.UNSEALED


def keep_draws(tx: sa.Connection, territory: str, now: datetime, new_seed: NewSeed) -> None:
    row = store.territory_row(tx, territory)
    if row is not None:
        cause = f"draws/{territory}/{local_day(now)}"
        draws.keep(Step(tx, now, cause, policy_in_force(row["policy"], local_day(now))), territory, new_seed)


async def decided_again(asked: Round, decide: Decide) -> str:
    """The hash of what a past round decided, worked out anew from what it had been asked. Raises RoundRefused."""
    return together_hash([await decided({}, part, decide) for part in await parts_of(canonical(asked), decide)])


async def parts_of(asked: Round, decide: Decide) -> list[Round]:
    """The connected parts of a canonical round, urgent ones first."""
    return sorted(split(await _settled(asked, decide)), key=urgent_first)


async def _parts(loaded: Loaded, tally: Tally, decide: Decide, memory: Memory) -> list[Round]:
    """A round that contradicts itself has no parts, and a person is told."""
    try:
        cut = memory.cutter.cut(loaded.round)
        tally.asked = cut.asked
        if cut.asked.policy.first_tier_percent is not None:
            return await parts_of(cut.asked, decide)
        return [part.round for part in sorted(cut.parts, key=_turn)]
    except RoundRefused as refusal:
        log.error("round refused", territory=loaded.round.territory, round=loaded.round.id, because=str(refusal))
        tally.refused = str(refusal)
        return []


async def _settled(round: Round, decide: Decide) -> Round:
    """The round in which it is known up to whom the first tier goes first: one list of the whole territory."""
    steps = settling(round)
    try:
        alone = next(steps)
        while True:
            alone = steps.send({row.request for row in (await decide(alone)).placed})
    except StopIteration as done:
        to_decide: Round = done.value[0]
        return to_decide


def _is_quiet(loaded: Loaded, part: Round, tally: Tally, memory: Memory) -> bool:
    """True for a part of which there is nothing to write, as before. What came of it is counted."""
    if loaded.waves and not loaded.waves.isdisjoint(sections_of(part)):
        return False
    outcome = memory.quiet.of(part)
    tally.outcomes += [outcome] if outcome is not None else []
    return outcome is not None


async def _decide_part(
    database: Database, loaded: Loaded, part: Round, decide: Decide, tally: Tally, now: datetime, fence: Fence,
    memory: Memory,
) -> None:  # fmt: skip
    stay = len(loaded.aside)
    outcome = await decided(loaded.aside, part, decide)
    tally.outcomes.append(outcome)
    news = news_of(loaded, part, outcome, memory)
    reasons = [reason for reason, _ in news]
    try:
        if not _is_all_said(loaded, part, outcome, reasons):
            tally.proposed += await database.write(fenced, fence, write_part, loaded, part, outcome, reasons, now)
        if len(loaded.aside) == stay:  # else the part is not what was decided
            memory.quiet.note(part, outcome, {row.request: said for row, said in news}, memory.spelling)
    except Moved as moved:
        log.info("part dropped", territory=loaded.round.territory, round=loaded.round.id, because=str(moved))
        tally.dropped += 1
    except NoRoom as full:
        _withhold(loaded, full, tally)


def _is_all_said(loaded: Loaded, part: Round, outcome: Outcome, news: Collection[Reason]) -> bool:
    """True if all that it says was said before, and nobody else is to be asked."""
    return not outcome.placed and not news and loaded.waves.isdisjoint(sections_of(part))


def _withhold(loaded: Loaded, full: NoRoom, tally: Tally) -> None:
    """Nothing has moved, and still it does not fit: the round and the last look count otherwise.

    Deciding again would come to the same, second after second, so a person is told instead.
    """
    log.error("part withheld", territory=loaded.round.territory, round=loaded.round.id, because=str(full))
    structures = {row.structure for row in loaded.round.sections if row.id == full.section}
    tally.no_room |= {loaded.names.get(name, name) for name in structures}


EXCHANGE = "Seul un échange de places avec une autre famille irait\u00a0: le guichet peut l'organiser avec elles."


async def decided(aside: dict[str, str], part: Round, decide: Decide) -> Outcome:
    """The outcome of a part in which nobody waits for itself. Who stays for that is noted in `aside`.

    Children who would exchange their places wait for each other for ever: each is sure of the other's place once the
    other has the new one. One of such a circle stays where it is, and the part is decided again.
    """
    outcome = await decide(part)
    while (stays := in_a_circle(outcome)) is not None:
        aside[stays] = EXCHANGE
        part = _without(part, stays)
        outcome = await decide(part)
    return outcome


def _without(part: Round, request: str) -> Round:
    """The same part, in which one child stays where it is."""
    return part.model_copy(update={"requests": tuple(row for row in part.requests if row.id != request)})


def finish(tx: sa.Connection, loaded: Loaded, tally: Tally, now: datetime, memory: Memory) -> None:
    """Note the round, and clear the territory's mark unless something has marked it since."""
    step = Step(tx, now, loaded.round.id, loaded.policy)
    territory = loaded.round.territory
    store.territory_row(tx, territory, lock=True)
    out = [aside(request, why) for request, why in sorted(loaded.aside.items())]
    say(step, loaded, *(row for row in out if loaded.told.get(row.request) != row.digest))
    broken = tally.broken
    note(step, loaded, tally, broken, memory.runs.text(tally.asked or loaded.round, memory.spelling))
    if broken:
        tasks.open_task(step, TaskKind.ROUND_WITHHELD, territory=territory, detail=broken[0].sentence)
    _clear_due(tx, loaded, *_again(tx, territory, tally, now))


def note(step: Step, loaded: Loaded, tally: Tally, broken: list[BrokenGuarantee], text: KeptText) -> None:
    """Keep what a round decided on, and say what came of it."""
    territory = loaded.round.territory
    facts = {"requests": len(loaded.round.requests), "proposed": tally.proposed, "dropped": tally.dropped}
    input_hash = "" if tally.refused else text.sha256
    hashes = {"input_hash": input_hash, "outcome_hash": together_hash(tally.outcomes)}
    found = [violation.model_dump(mode="json") for outcome in tally.outcomes for violation in outcome.violations]
    step.tx.execute(t.rounds.insert(), {
        "round": loaded.round.id, "territory": territory, "at": step.now, "trigger": loaded.trigger,
        "violations": [*found, *(row.model_dump(mode="json") for row in broken[len(found):])], **facts, **hashes,
    })  # fmt: skip
    past_rounds.keep(step.tx, loaded.round, text.body)
    step.say(
        RoundDecided, loaded.round.id, territory,
        trigger=loaded.trigger, engine=ENGINE, policy=loaded.policy.id, broken=tuple(broken),
        seed_commitment=loaded.round.policy.seed_commitment, **facts, **hashes,
    )  # fmt: skip


def together_hash(outcomes: list[Outcome]) -> str:
    """The print of the outcomes of all parts."""
    return hashlib.sha256("".join(sorted(o.outcome_hash for o in outcomes)).encode()).hexdigest()


def _again(tx: sa.Connection, territory: str, tally: Tally, now: datetime) -> tuple[datetime | None, str | None]:
    """When the next round has to be, and why: for a part that was dropped, or for what a commission asked after the
    look at its campaign and before the snapshot of this round, which would be taken for seen."""
    if tally.dropped:
        return now + timedelta(seconds=1), "part.dropped"
    return (now, "draft.asked") if drafts.is_anything_asked(tx, territory) else (None, None)


def _clear_due(tx: sa.Connection, loaded: Loaded, again: datetime | None, because: str | None) -> None:
    """Nothing is due any more, unless a mark came after the snapshot or a round has to be again."""
    marks = loaded.marks + (again is not None)  # a round is named by its instant and its marks
    values = {"due_at": again, "due_because": because, "due_marks": marks}
    tx.execute(_CLEAR, {"_territory": loaded.round.territory, "_marks": loaded.marks, **values})


_CLEAR = t.territories.update().where(
    t.territories.c.territory == sa.bindparam("_territory"), t.territories.c.due_marks == sa.bindparam("_marks")
)
"""What changes is named by the values that it is run with."""

"""One place, proposed to several families at once: held once for all of them, and taken by the first OUI.

The proposals of a wave have one hold together, in the name of the wave, over all the hours that any of them asks for.
Whoever leaves gives back the hours that nobody else of the wave asks for; whoever says OUI first makes the hold its
own, and for the others the place is taken. So what is accepted and placed never exceeds the places, and a live proposal
always holds its hours.

Where a family leaves without having taken the place, the next round asks the next of the list in its stead. The
families of a wave take part in no other round for that request: a family never has two questions open at once, and a
wave is over within hours.

When to modify: when a wave may end in another way. Who is asked is in `rules/waves.py`.
"""

from __future__ import annotations

import uuid
from collections.abc import Collection
from datetime import datetime

import sqlalchemy as sa

from contracts.base import EVENT_IDS
from contracts.vocabulary import Answer, Audience, Slot
from services.matcher import store
from services.matcher import tables as t
from services.matcher.rules.capacity import overfull
from services.matcher.rules.waves import Wave, joined, without
from services.matcher.solver.schema import Hold, Placed
from services.matcher.step import Step
from services.matcher.store import Proposal


class AlreadyTaken(Exception):
    """Another family of the wave was first: whoever judged this OUI must judge again."""


def wave_name(lead: str, cause: str) -> str:
    """The name of the wave that starts with this request's proposal."""
    return str(uuid.uuid5(EVENT_IDS, f"wave/{lead}/{cause}"))


def hold_once(step: Step, territory: str, hold: Hold) -> bool:
    """Hold one place for a whole wave, or more hours of it; False if there is no room by now. It locks the section."""
    step.sheet.shelves.pop(hold.section, None)
    if not store.lock_section(step.tx, hold.section):
        return False
    others = [row for row in store.counted(step.tx, hold.section) if row.id != hold.id]
    if overfull(store.places_in(step.tx, hold.section), others, hold, step.now):
        return False
    step.tx.execute(t.holds.delete().where(t.holds.c.hold == hold.id))
    step.tx.execute(
        t.holds.insert().values(
            hold=hold.id, territory=territory, section=hold.section, proposal=hold.id, is_placement=False,
            slots=store.slots_json(hold.slots), starts=hold.period.start, ends=hold.period.end, units=1,
            entitled_to=hold.entitled_to.value,
        )
    )  # fmt: skip
    return True


def going_on(tx: sa.Connection, sections: Collection[str]) -> list[Wave]:
    """The waves of these sections whose place nobody has taken yet, with the families that are still asked."""
    if not sections:
        return []
    found: dict[str, Wave] = {}
    open_ones = t.holds.join(t.proposals, t.holds.c.hold == t.proposals.c.wave)
    query = sa.select(t.proposals.c.proposal, t.holds.c.entitled_to).select_from(open_ones)
    entitled_to = {row.proposal: row.entitled_to for row in tx.execute(query.where(t.holds.c.section.in_(sections)))}
    for row in store.live_proposals(tx, t.proposals.c.proposal.in_(entitled_to)):
        level = Audience(entitled_to[row.proposal])
        wave = found.setdefault(row.wave or "", Wave([], row.tier, level, name=row.wave))
        wave.asked.append(_as_placed(row))
        wave.before += 1
    for name, families in _ever_asked(tx, found).items():
        found[name].gone = families - found[name].before
    return [found[name] for name in sorted(found)]


def _ever_asked(tx: sa.Connection, waves: Collection[str]) -> dict[str, int]:
    """How many families each of these waves has asked, those who have left among them."""
    own = t.proposals.c.wave
    query = sa.select(own, sa.func.count()).where(own.in_(waves)).group_by(own).order_by(own)
    return {row[0]: row[1] for row in tx.execute(query)} if waves else {}


def _as_placed(row: Proposal) -> Placed:
    return Placed(
        request=row.request, structure=row.structure, section=row.section, pattern=0, slots=row.slots,
        period=row.period, wish_rank=1, level=1,
    )  # fmt: skip


def is_going_on(tx: sa.Connection, wave: str | None) -> bool:
    """True while families are asked and nobody has taken the place."""
    return tx.execute(sa.select(t.holds.c.hold).where(t.holds.c.hold == wave)).first() is not None


def take(step: Step, proposal: Proposal) -> None:
    """The first OUI: the hold of the wave is this proposal's own from now on, with its hours alone.

    Raises AlreadyTaken if another family has it: the database lets one of them have the row.
    """
    store.lock_section(step.tx, proposal.section)
    own = t.holds.update().where(t.holds.c.hold == proposal.wave)
    name = proposal.proposal
    values = {"hold": name, "proposal": name, "slots": store.slots_json(proposal.slots)}
    if step.tx.execute(own.values(**values).returning(t.holds.c.hold)).first() is None and not _has_own(step, name):
        raise AlreadyTaken(name)


def _has_own(step: Step, proposal: str) -> bool:
    """True for who took it before, as a family whose contradiction a person settled."""
    own = sa.select(t.holds.c.hold).where(t.holds.c.hold == proposal)
    return step.tx.execute(own).first() is not None


def others(tx: sa.Connection, proposal: Proposal) -> list[Proposal]:
    """The live proposals of the same wave."""
    if proposal.wave is None:
        return []
    return store.live_proposals(tx, t.proposals.c.wave == proposal.wave, t.proposals.c.proposal != proposal.proposal)


def leave(step: Step, proposal: Proposal) -> tuple[Slot, ...]:
    """Give back what nobody else of the wave asks for: the hours that are free by that, none once it is taken."""
    own = t.holds.c.hold == proposal.wave
    held = step.tx.scalar(sa.select(t.holds.c.slots).where(own).with_for_update()) if proposal.wave else None
    if held is None:
        return ()
    asked = joined(slot for other in others(step.tx, proposal) for slot in other.slots)
    if asked:
        step.tx.execute(t.holds.update().where(own).values(slots=store.slots_json(asked)))
    else:
        step.tx.execute(t.holds.delete().where(own))
    return without(store.SLOTS.validate_python(held), asked)


def was_taken_later(tx: sa.Connection, proposal: Proposal, received_at: datetime) -> bool:
    """True if the OUI that took the wave's place had been received after this one, which was read later."""
    p = t.proposals.c
    winner = (p.wave == proposal.wave, p.answered_at > received_at, p.answer == Answer.OUI.value)
    return proposal.wave is not None and tx.scalar(sa.select(p.proposal).where(*winner).limit(1)) is not None

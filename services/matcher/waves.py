"""One place, proposed to several families at once: held once for all of them, and taken by the first OUI.

The proposals of a wave have one hold together, in the name of the wave, over all the hours that any of them asks for.
Whoever leaves gives back the hours that nobody else of the wave asks for; whoever says OUI first makes the hold its
own, and for the others the place is taken. So what is accepted and placed never exceeds the places, and a live proposal
always holds its hours.

A wave asks nobody anew while it lasts, and its families take part in no other round for that request: a family never
has two questions open at once, and a wave is over within hours. What follows is the next round's.

When to modify: when a wave may end in another way. Who is asked is in `rules/waves.py`.
"""

from __future__ import annotations

import uuid
from datetime import datetime

import sqlalchemy as sa

from contracts.base import EVENT_IDS
from contracts.vocabulary import Answer, Slot
from services.matcher import store
from services.matcher import tables as t
from services.matcher.rules.capacity import overfull
from services.matcher.rules.waves import joined, without
from services.matcher.solver.schema import Hold
from services.matcher.step import Step
from services.matcher.store import Proposal


class AlreadyTaken(Exception):
    """Another family of the wave was first: whoever judged this OUI must judge again."""


def wave_name(lead: str, cause: str) -> str:
    """The name of the wave that starts with this request's proposal."""
    return str(uuid.uuid5(EVENT_IDS, f"wave/{lead}/{cause}"))


def hold_once(step: Step, territory: str, hold: Hold) -> bool:
    """Hold one place for a whole wave; False if there is no room by now. The section's row is locked."""
    if not store.lock_section(step.tx, hold.section):
        return False
    if overfull(store.places_in(step.tx, hold.section), store.counted(step.tx, hold.section), hold, step.now):
        return False
    step.tx.execute(
        t.holds.insert().values(
            hold=hold.id, territory=territory, section=hold.section, proposal=hold.id, is_placement=False,
            slots=store.slots_json(hold.slots), starts=hold.period.start, ends=hold.period.end, units=1,
            entitled_to=hold.entitled_to.value,
        )
    )  # fmt: skip
    return True


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

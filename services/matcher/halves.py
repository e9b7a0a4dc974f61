"""A week that two structures share: one proposal, two places held, and nothing of it without the other.

There is one row, one code, one text, one delay and one answer, so that a race has one winner: whatever ends the
proposal ends both places in the same conditional update. Each structure confirms its own half; the child has its places
once both have. When to modify: when a week may be shared by more.
"""

from __future__ import annotations

import uuid
from collections.abc import Mapping
from typing import Any

import sqlalchemy as sa

from contracts.base import EVENT_IDS
from contracts.proposals import Half, HalfConfirmed
from contracts.vocabulary import ProposalState, TaskKind
from services.matcher import store, tasks, watch
from services.matcher import tables as t
from services.matcher.step import Step
from services.matcher.store import Proposal


def name_of_other(proposal: str) -> str:
    """What the second half of a proposal is called; the first has the proposal's own name."""
    return str(uuid.uuid5(EVENT_IDS, f"half/{proposal}"))


def of(proposal: Proposal) -> tuple[Half, ...]:
    """What a proposal holds: one place, or two that share the week, its own structure's first."""
    own = Half(
        half=proposal.proposal, structure=proposal.structure, section=proposal.section, slots=proposal.slots
    )  # fmt: skip
    return (own,) if proposal.other_half is None else (own, proposal.other_half)


def at(proposal: Proposal, structure: str | None) -> Half:
    """The half in this structure; the first where none is named, or where it has neither."""
    halves = of(proposal)
    return next((half for half in halves if half.structure == structure), halves[0])


def in_section(section: str) -> sa.ColumnElement[bool]:
    """Which proposals hold, or held, a place there."""
    return sa.or_(t.proposals.c.section == section, t.proposals.c.other_section == section)


def holds_of(proposal: Proposal) -> frozenset[str]:
    """The names under which its places are held."""
    return frozenset(half.half for half in of(proposal)) | ({proposal.wave} if proposal.wave else set())


def confirmed(proposal: Proposal, half: Half, dates: Mapping[str, Any]) -> dict[str, Mapping[str, Any]] | None:
    """The dates of each half, by its name; None while the other structure has not confirmed."""
    said = {**(proposal.confirmed_half or {}), half.half: dates}
    return said if len(said) == len(of(proposal)) else None


def who_confirmed(proposal: Proposal) -> str | None:
    """The structure that has confirmed its half, and waits for the other's word."""
    said = proposal.confirmed_half or {}
    return next((half.structure for half in of(proposal) if half.half in said), None)


def note_one(step: Step, proposal: Proposal, half: Half, dates: Mapping[str, Any]) -> bool:
    """One structure takes the child, and the other has not said so yet: from now on it is the one that is late."""
    if proposal.confirmed_half is not None:
        return False
    values = {"confirmed_half": {half.half: dict(dates)}}
    if not store.change_proposal(step.tx, proposal.proposal, [ProposalState.ACCEPTED], **values):
        return False
    step.say(HalfConfirmed, proposal.proposal, proposal.territory, half=half.half, structure=half.structure)
    tasks.settle(step, TaskKind.LATE_CONFIRMATION, proposal, "matcher")
    watch.keep_watch(step, proposal.proposal)
    return True

"""How a proposal changes state: by one conditional update, and with the timers that its state needs."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from types import MappingProxyType

from contracts.vocabulary import ProposalState
from services.matcher import store
from services.matcher.rules.proposals import NEXT
from services.matcher.step import Step
from services.matcher.store import Proposal

EXPIRY, REMINDER, UNDO, RECEIPT, CONFIRMATION = "expiry", "reminder", "undo", "receipt", "confirmation"
RESUME, LAPSE, ROUND, DEPARTURE, BIRTH, FREED = "resume", "lapse", "round", "departure", "birth", "freed"
AGAIN = "again"
"""Kinds of timers. AGAIN is about a task that was put off, the others about a proposal, request or section."""

WAITING_FOR_ANSWER = (EXPIRY, REMINDER, RECEIPT, UNDO, RESUME)
"""Timers that an answer makes pointless. That the days of care pass (LAPSE) matters until the end."""

NOTHING_ELSE: Mapping[str, object] = MappingProxyType({})


def move(
    step: Step,
    proposal: Proposal,
    state: ProposalState,
    values: Mapping[str, object] = NOTHING_ELSE,
    only: Iterable[ProposalState] = tuple(ProposalState),
) -> bool:
    """The one conditional update: from a state that allows it, and from those of `only`.

    What this very step has made and not written yet is changed where it waits.
    """
    allowed = [before for before in only if state in NEXT[before]]
    row = step.sheet.unwritten(proposal.proposal)
    if row is None:
        return store.change_proposal(step.tx, proposal.proposal, allowed, state=state.value, **values)
    may = row["state"] in allowed
    row.update({**values, "state": state.value} if may else {})
    return may

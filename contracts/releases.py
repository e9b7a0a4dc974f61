"""What the coordinator or the commission decides about proposals that are prepared."""

from __future__ import annotations

from datetime import date
from typing import Literal

from pydantic import Field

from contracts.base import Event
from contracts.vocabulary import Id, WithdrawalReason


class ReleaseGiven(Event):
    """These prepared proposals may leave; one gesture for all of a round.

    The `note` is not written any more: free words stay with the guichet.
    """

    type: Literal["release.given"]
    proposals: tuple[Id, ...] = Field(min_length=1)
    by: Id
    note: str = ""


class ReleaseSuspended(Event):
    """A person keeps one prepared proposal back until a date.

    The `reason` is not written any more: free words stay with the guichet.
    """

    type: Literal["release.suspended"]
    proposal: Id
    reason: str = ""
    until: date
    by: Id


class WithdrawalGiven(Event):
    """A person takes a live proposal back. After the family's OUI only with a reason of the list."""

    type: Literal["withdrawal.given"]
    proposal: Id
    reason: WithdrawalReason
    by: Id


class SignInRequested(Event):
    """A professional asked for a one-time link. The link is derived by the notifier and never travels."""

    type: Literal["sign_in.requested"]
    person: Id

"""The rules that a territory voted, read from dated files with their sources.

When to modify: a rule changes by a new entry in `policies/*.yaml`, with its date and its deliberation.
"""

from __future__ import annotations

from datetime import date, timedelta
from functools import lru_cache
from importlib import resources

import yaml
from pydantic import AwareDatetime, Field, TypeAdapter

from contracts.vocabulary import Frozen, Id
from services.calendar import DEFAULT_DELAYS, DelayRules, in_force
from services.matcher.solver import schema


class Sourced(Frozen):
    """A duration of the policy and where it comes from."""

    value: timedelta
    source: str


class SourcedNumber(Frozen):
    """A number, or none, and where that comes from."""

    value: int | None = None
    source: str


class GuaranteedShare(Frozen):
    """Per cent of authorised places that structures keep for families in insertion; without a date, always."""

    percent: int
    rounding: schema.Rounding = schema.Rounding.UP
    kept_until: AwareDatetime | None = None
    source: str


class WaveRule(Frozen):
    """How many families are asked at once for a place whose care begins `within` so long, and where that comes from."""

    families: int = Field(ge=2)
    within: timedelta
    source: str


class PolicyEntry(Frozen):
    """A territory's rules from `valid_from` on."""

    valid_from: date
    deliberation: str
    grid: Id
    mode: schema.Mode
    ties: schema.Ties
    siblings_claim: schema.SiblingsClaim = schema.SiblingsClaim.FIRST
    grace: Sourced
    undo: Sourced
    regular_believed_for: Sourced
    not_again_for: Sourced
    first_tier_percent: SourcedNumber
    wait_weeks: SourcedNumber
    insertion: GuaranteedShare | None = None
    avip: GuaranteedShare | None = None
    wave: WaveRule | None = None


class Policy(Frozen):
    """The entry in force on a day, with the delays that go with it.

    `grace` is how long expiry waits after the deadline, `undo` how long a NON can be taken back, and
    `regular_believed_for` how long a regular vacancy is believed without a confirmation, and `not_again_for` how long
    the same hours are not offered again to a family that refused them or let them pass. `insertion` and `avip` say
    what managers and AVIP structures keep for families in insertion; none: nothing is kept beside reserved places.
    `wave` says when several families are asked at once; none: always one after another.
    """

    id: Id
    grid: Id
    rules: schema.Policy
    delays: DelayRules
    grace: timedelta
    undo: timedelta
    regular_believed_for: timedelta
    not_again_for: timedelta
    insertion: GuaranteedShare | None = None
    avip: GuaranteedShare | None = None
    wave: WaveRule | None = None


@lru_cache
def _entries(policy: str) -> tuple[PolicyEntry, ...]:
    text = resources.files("services.matcher").joinpath("policies", f"{policy}.yaml").read_text(encoding="utf-8")
    return TypeAdapter(tuple[PolicyEntry, ...]).validate_python(yaml.safe_load(text))


def is_in_force(policy: str, day: date) -> bool:
    """True if there are rules of that name that hold on `day`."""
    try:
        policy_in_force(policy, day)
    except (FileNotFoundError, LookupError):
        return False
    return True


@lru_cache
def policy_in_force(policy: str, day: date) -> Policy:
    """The rules named `policy` that hold on `day`. Raises FileNotFoundError or LookupError if there are none."""
    entry = in_force(_entries(policy), day)
    return Policy(
        id=policy,
        grid=entry.grid,
        rules=schema.Policy(
            mode=entry.mode, ties=entry.ties, siblings_claim=entry.siblings_claim, grid=entry.grid,
            deliberation=entry.deliberation,
            first_tier_percent=entry.first_tier_percent.value, wait_weeks=entry.wait_weeks.value,
        ),
        delays=DEFAULT_DELAYS,
        grace=entry.grace.value,
        undo=entry.undo.value,
        regular_believed_for=entry.regular_believed_for.value,
        not_again_for=entry.not_again_for.value,
        insertion=entry.insertion,
        avip=entry.avip,
        wave=entry.wave,
    )  # fmt: skip

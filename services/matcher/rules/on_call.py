"""Who may use an on-call place: what the agreement says, signed before any emergency.

When to modify: when agreements get a new condition; add it to `AgreementSigned` first.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime, timedelta

from contracts.structures import AgreementSigned
from contracts.vocabulary import Slot
from services.calendar import at
from services.matcher.rules.eligibility import fits_ages


def may_use_on_call_place(agreement: AgreementSigned, born: date, slots: Sequence[Slot], now: datetime) -> bool:
    """True if a child born on `born` may come at `slots` under `agreement`, asked for at `now`.

    On-call places are for single days: a weekly pattern is a regular place.
    """
    days = sorted({slot.day for slot in slots if isinstance(slot.day, date)})
    if not days or any(not isinstance(slot.day, date) for slot in slots):
        return False
    first = min(at(slot.day, slot.start) for slot in slots if isinstance(slot.day, date))
    return (
        first - now >= timedelta(hours=agreement.notice_hours)
        and days[-1] <= agreement.valid_until
        and len(days) <= agreement.days_per_child
        and fits_ages(born, days[0], agreement.age_from_months, agreement.age_to_months)
    )

"""Hours of care: local time, the end after the start."""

from __future__ import annotations

from datetime import UTC, time

import pytest
from pydantic import ValidationError

from contracts.vocabulary import Slot


@pytest.mark.parametrize(
    ("start", "end"),
    [
        (time(8, tzinfo=UTC), time(18)),
        (time(8), time(18, tzinfo=UTC)),
        (time(8, tzinfo=UTC), time(18, tzinfo=UTC)),
        ("08:00:00Z", "18:00:00"),
    ],
)
def test_hours_with_a_time_zone_are_refused_with_a_sentence(start: time, end: time) -> None:
    with pytest.raises(ValidationError, match="sans fuseau horaire"):
        Slot.model_validate({"day": "mon", "start": start, "end": end})


def test_an_end_that_is_not_after_the_start_is_refused() -> None:
    with pytest.raises(ValidationError, match="suivre"):
        Slot(day="mon", start=time(8), end=time(8))
    assert Slot(day="mon", start=time(8), end=time(8, 15)).end == time(8, 15)

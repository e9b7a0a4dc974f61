"""No log line holds a person."""

from __future__ import annotations

import pytest

from services.bus.logs import HIDDEN, hidden, without_people


@pytest.mark.parametrize(
    "written", ["+33639980012", "06 39 98 00 12", "0639980012", "06.39.98.00.12", "personne.inventee@exemple.fr"]
)
def test_a_phone_number_or_an_address_is_blotted_out_of_a_line(written: str) -> None:
    line = without_people(None, "info", {"event": "sent", "error": f"refused for {written} today"})
    assert line["error"] == f"refused for {HIDDEN} today"


@pytest.mark.parametrize(
    "written", ["2026-11-30T07:00:00+00:00", "V-0639980012abcdef0123", "declarations/1034567890", "3 places sur 12"]
)
def test_ids_and_instants_stay_readable_in_a_line(written: str) -> None:
    assert hidden(written) == written

"""What a form sent, read: what nobody means is told beside its field, and stops no page."""

from __future__ import annotations

import pytest
from starlette.datastructures import FormData

from services.ingest.pages.forms import Form


@pytest.mark.parametrize("written", ["0001-01-01", "9999-12-31", "31/12/9999", "1/1/1899", "2200-01-01"])
def test_a_year_that_nobody_means_is_no_date(written: str) -> None:
    form = Form.filled(fin=written)
    form.day("fin", "la date de fin")
    assert [(fault.field, fault.code) for fault in form.problems] == [("fin", "date_wanted")]


@pytest.mark.parametrize("written", ["1900-01-01", "31/12/2199"])
def test_a_year_at_either_end_is_a_date(written: str) -> None:
    form = Form.filled(fin=written)
    form.day("fin", "la date de fin")
    assert form.problems == []


def test_a_number_of_many_digits_is_not_read_by_its_first_ones() -> None:
    form = Form.filled(places="0000050000")
    assert form.number("places", "Le nombre de places", 0, 500) == 0
    assert [fault.code for fault in form.problems] == ["number_wanted"]


def test_what_no_keyboard_makes_leaves_what_was_typed() -> None:
    assert Form.read(FormData({"motif": " Tra\0vaux\0 "}))["motif"] == "Travaux"

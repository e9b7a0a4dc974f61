"""No log line holds a person."""

from __future__ import annotations

import subprocess
import sys

import pytest

from services.bus.logs import HIDDEN, hidden, trace_of, without_people


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


FAILS = """
import logging
from services.bus.logs import configure_logs
configure_logs()
try:
    try:
        raise ValueError("Ada Exemple")
    except ValueError as first:
        raise ExceptionGroup("Lou Exemple", [KeyError("Zoé Exemple")]) from first
except ExceptionGroup:
    logging.getLogger("uvicorn.error").exception("Exception in ASGI application")
"""


def test_an_error_that_a_library_logs_says_its_kind_and_its_place_and_none_of_its_words() -> None:
    """As the web server does of what a page raises, whose words may be those of a form."""
    said = subprocess.run([sys.executable, "-c", FAILS], capture_output=True, text=True, check=True).stderr
    assert "Exemple" not in said
    kinds = [said.index(kind) for kind in ("builtins.ValueError", "builtins.ExceptionGroup", "builtins.KeyError")]
    assert kinds == sorted(kinds) and "line 9" in said


def test_an_error_that_hides_what_led_to_it_is_told_alone() -> None:
    try:
        try:
            raise KeyError("Ada Exemple")
        except KeyError:
            raise ValueError from None
    except ValueError as error:
        assert "KeyError" not in trace_of(error)

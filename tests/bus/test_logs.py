"""No log line holds a person."""

from __future__ import annotations

import logging
import subprocess
import sys

import pytest

from services.bus.logs import HIDDEN, MOST_REMEMBERED, hidden, trace_of, unrepeated, without_people


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


AWAY = """
import logging
from services.bus.logs import configure_logs
configure_logs()
for _ in range(200):
    logging.getLogger("aiokafka").error("Unable connect to node with id %s", 1)
logging.getLogger("aiokafka").error("Unable connect to node with id %s", 2)
"""


def test_a_library_that_repeats_itself_while_its_broker_is_away_is_told_once() -> None:
    said = subprocess.run([sys.executable, "-c", AWAY], capture_output=True, text=True, check=True).stderr
    assert [line.split('"')[3][-1] for line in said.splitlines()] == ["1", "2"]


def line(words: str, error: BaseException | None = None) -> logging.LogRecord:
    told = (type(error), error, None) if error else None
    return logging.LogRecord("aiokafka", logging.ERROR, "client.py", 1, words, None, told)


def test_the_same_sentence_is_told_again_a_minute_later_and_an_error_each_time() -> None:
    clock = iter([0.0, 59.0, 60.0, 61.0, 62.0])
    is_told = unrepeated(lambda: next(clock))
    assert [is_told(line("away")) for _ in range(3)] == [True, False, True]
    assert [is_told(line("Exception in ASGI application", ValueError())) for _ in range(2)] == [True, True]


def test_what_was_told_is_not_remembered_without_end() -> None:
    is_told = unrepeated(lambda: 0.0)
    assert all(is_told(line(f"offset {n}")) for n in range(MOST_REMEMBERED + 1))
    assert is_told(line("offset 0")) and not is_told(line("offset 0"))

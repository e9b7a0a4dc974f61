"""What a process writes down about itself: a line of JSON for each thing, on the error stream, without a person in it.

When to modify: when something personal was seen in a log; add its shape to `PERSONAL`, and a test.
"""

from __future__ import annotations

import logging
import re
import sys
import time
import traceback
from collections.abc import Callable, Iterator, MutableMapping
from types import TracebackType
from typing import Any

import structlog

PERSONAL = (
    re.compile(r"(?:\+|00)33[\s.]?\d(?:[\s.]?\d{2}){4}"),
    re.compile(r"\b0[1-9](?:[\s.]?\d{2}){4}\b"),
    re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"),
)
"""French phone numbers and e-mail addresses: the last net under code that logs neither."""

NAMING = frozenset(
    {"name", "first_name", "last_name", "phone", "email", "sender", "recipient", "words", "text", "contact"}
)
"""Fields whose value is about a person, whatever it looks like: a name has no shape. `contact` may be an id, which is
let through."""

REPEATED_AFTER_S = 60.0
"""A client whose broker is away says the same two hundred times a second, two gigabytes a day at 140 bytes: what we say
ourselves of the outage is lost in it."""

MOST_REMEMBERED = 1000

HIDDEN = "[masqué]"
_ID = re.compile(r"[A-Za-z0-9_.-]*\d[A-Za-z0-9_.-]*")
"""Ids hold a digit and no space; names do not."""


def configure_logs(level: int = logging.INFO) -> None:
    """Set how this process logs, its libraries included. People at a terminal get short lines, programs get JSON."""
    at_terminal = sys.stderr.isatty()
    shared: list[Any] = [
        structlog.contextvars.merge_contextvars,
        structlog.processors.add_log_level,
        structlog.processors.TimeStamper(fmt="iso", utc=True),
        structlog.processors.ExceptionRenderer(lambda given: trace_of(given[1])),
        without_people,
    ]
    shown: Any = (
        structlog.dev.ConsoleRenderer() if at_terminal else structlog.processors.JSONRenderer(ensure_ascii=False)
    )
    structlog.configure(
        processors=[*shared, shown],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    theirs = logging.StreamHandler(sys.stderr)
    theirs.addFilter(unrepeated())
    remove = structlog.stdlib.ProcessorFormatter.remove_processors_meta
    theirs.setFormatter(
        structlog.stdlib.ProcessorFormatter(foreign_pre_chain=shared[:-1], processors=[remove, without_people, shown])
    )
    logging.basicConfig(level=max(level, logging.WARNING), handlers=[theirs], force=True)
    sys.excepthook = _last_words


def unrepeated(ticks: Callable[[], float] = time.monotonic) -> Callable[[logging.LogRecord], bool]:
    """What of the lines of libraries is told: the same sentence once a minute, and every error with its trace."""
    told: dict[tuple[str, str], float] = {}

    def is_told(record: logging.LogRecord) -> bool:
        line, now = (record.name, record.getMessage()), ticks()
        if record.exc_info or now - told.get(line, -REPEATED_AFTER_S) >= REPEATED_AFTER_S:
            if len(told) >= MOST_REMEMBERED:
                told.clear()
            told[line] = now
            return True
        return False

    return is_told


def trace_of(error: BaseException) -> str:
    """Where an error passed through the code, of which kind it is, and what led to it: none of its words.

    They may hold what somebody sent. What is ours to say of an error is said beside it (`retries.brief`).
    """
    return "".join(_trace_of(error))


def _trace_of(error: BaseException) -> Iterator[str]:
    before = error.__cause__ or (None if error.__suppress_context__ else error.__context__)
    if before is not None:
        yield from _trace_of(before)
    yield from traceback.format_tb(error.__traceback__)
    yield f"{type(error).__module__}.{type(error).__qualname__}\n"
    for part in error.exceptions if isinstance(error, BaseExceptionGroup) else ():
        yield from _trace_of(part)


def _last_words(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
    """What ends the process is told like everything else: a trace holds the data that it met."""
    if issubclass(kind, KeyboardInterrupt):
        sys.__excepthook__(kind, error, trace)
        return
    sys.stderr.write(hidden("".join(traceback.format_exception(kind, error, trace))))


def without_people(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The line with whatever names a person, or looks like a phone number or an address, blotted out."""
    for key, value in line.items():
        line[key] = _without(key, value)
    return line


def _without(key: str, value: Any) -> Any:
    if isinstance(value, dict):
        return {name: _without(str(name), inner) for name, inner in value.items()}
    if isinstance(value, (list, tuple, set, frozenset)):
        return [_without(key, inner) for inner in value]
    if value is None or isinstance(value, (bool, int, float)):
        return value
    text = str(value)
    return HIDDEN if key in NAMING and not _ID.fullmatch(text) else hidden(text)


def hidden(text: str) -> str:
    """Numbers and addresses blotted out."""
    for shape in PERSONAL:
        text = shape.sub(HIDDEN, text)
    return text

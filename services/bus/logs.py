"""What a process writes down about itself: a line of JSON for each thing, on the error stream, without a person in it.

When to modify: when something personal was seen in a log; add its shape to `PERSONAL`, and a test.
"""

from __future__ import annotations

import logging
import re
import sys
from collections.abc import MutableMapping
from typing import Any

import structlog

PERSONAL = (
    re.compile(r"(?:\+|00)33[\s.]?\d(?:[\s.]?\d{2}){4}"),
    re.compile(r"\b0[1-9](?:[\s.]?\d{2}){4}\b"),
    re.compile(r"[\w.+-]+@[\w-]+\.[\w.-]+"),
)
"""French phone numbers and e-mail addresses: the last net under code that logs neither."""

HIDDEN = "[masqué]"


def configure_logs(level: int = logging.INFO) -> None:
    """Set how this process logs. People at a terminal get short lines, programs get JSON."""
    at_terminal = sys.stderr.isatty()
    structlog.configure(
        processors=[
            structlog.contextvars.merge_contextvars,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            without_people,
            structlog.dev.ConsoleRenderer() if at_terminal else structlog.processors.JSONRenderer(ensure_ascii=False),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(level),
        logger_factory=structlog.PrintLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )
    logging.basicConfig(
        level=max(level, logging.WARNING), stream=sys.stderr, format="%(levelname)s %(name)s %(message)s"
    )


def without_people(_logger: Any, _method: str, line: MutableMapping[str, Any]) -> MutableMapping[str, Any]:
    """The line with whatever looks like a phone number or an address blotted out."""
    for key, value in line.items():
        if isinstance(value, str):
            line[key] = hidden(value)
    return line


def hidden(text: str) -> str:
    for shape in PERSONAL:
        text = shape.sub(HIDDEN, text)
    return text

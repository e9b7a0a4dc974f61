"""What keeps a process from its work right now, for its log, its metrics and whoever asks `/readyz`."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import TypeVar

import structlog

from services.bus import metrics
from services.bus.causes import in_words
from services.bus.retries import Failure, brief, failure_of, wait_before, where
from services.bus.waits import first_of

log = structlog.get_logger()
T = TypeVar("T")

WORDS = MappingProxyType({
    "connecting": "connexion au courtier",
    "handling": "traitement des événements",
    "partners": "lecture des partenaires",
    "publishing": "publication des événements",
    "purging": "ménage des données anciennes",
    "reading": "lecture des événements",
    "sealing": "scellés du journal",
    "ticking": "travail à l'heure dite",
})  # fmt: skip
"""What a person reads beside the name of each part, which programs know it by."""


@dataclass
class Troubles:
    """The causes by the part of the process that suffers them, as the log has them; empty while all is well.
    `words`: the same for a person, where they differ."""

    service: str
    causes: dict[str, str] = field(default_factory=dict)
    words: dict[str, str] = field(default_factory=dict)

    def told(self) -> list[str]:
        """The causes for a person, each behind its part in French words and by its name."""
        named = {part: f"{WORDS[part]} ({part})" if part in WORDS else part for part in sorted(self.causes)}
        return [f"{name}\u00a0: {self.words.get(part) or self.causes[part]}" for part, name in named.items()]

    def begin(self, part: str, cause: str | Exception) -> None:
        """Words as they are; of an error its class goes to the log, and its words in French to whoever asks."""
        self.words[part] = in_words(cause) if isinstance(cause, Exception) else cause
        cause = brief(cause) if isinstance(cause, Exception) else cause
        if self.causes.get(part) != cause:
            log.warning("away", service=self.service, part=part, cause=cause)
        self.causes[part] = cause
        metrics.AWAY.labels(self.service).set(1)

    def end(self, part: str) -> None:
        self.words.pop(part, None)
        if self.causes.pop(part, None) is not None:
            log.info("back", service=self.service, part=part)
        metrics.AWAY.labels(self.service).set(1 if self.causes else 0)


async def until_back(
    work: Callable[[], Awaitable[T]], troubles: Troubles, part: str, stop: asyncio.Event
) -> T | None:  # fmt: skip
    """Run `work` again, ever more slowly, while the infrastructure is away. None if `stop` came first.

    Raises what is not the infrastructure's fault.
    """
    return await _again(work, troubles, part, stop, lambda error: failure_of(error) is Failure.AWAY)


async def until_done(
    work: Callable[[], Awaitable[T]], troubles: Troubles, part: str, stop: asyncio.Event
) -> T | None:  # fmt: skip
    """The same whatever fails: for work that others do not wait for, in a process that has more to do."""
    return await _again(work, troubles, part, stop, lambda error: True)


async def _again(
    work: Callable[[], Awaitable[T]], troubles: Troubles, part: str, stop: asyncio.Event,
    may_pass: Callable[[Exception], bool],
) -> T | None:  # fmt: skip
    attempt = 0
    while not stop.is_set():
        try:
            result = await work()
        except Exception as error:
            if not may_pass(error):
                raise
            if failure_of(error) is not Failure.AWAY:
                log.error("failed", service=troubles.service, part=part, cause=brief(error), where=where(error))
            attempt += 1
            troubles.begin(part, error)
            await first_of((stop,), wait_before(attempt))
        else:
            troubles.end(part)
            return result
    return None

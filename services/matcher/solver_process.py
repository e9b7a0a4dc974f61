"""Solving outside the matcher's process. What solves loads this module, the solver and next to nothing else of Berceau:
it is ready before the first round is.
"""

from __future__ import annotations

import asyncio
import multiprocessing
import os
import signal
import threading
from collections.abc import Callable, Mapping
from concurrent.futures import ProcessPoolExecutor
from concurrent.futures.process import BrokenProcessPool
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, ParamSpec, Protocol, TypeVar

from contracts.vocabulary import Id
from services.bus.allocator import give_large_pieces_back
from services.matcher.beside import Beside, beside
from services.matcher.rows_sent import Parcel, Receiving, Sending, UnknownRow
from services.matcher.solver.schema import Outcome, Round

if TYPE_CHECKING:
    from services.matcher.solver.before import Before

P = ParamSpec("P")
T = TypeVar("T")
MOST_ROWS = 60_000
"""Of how many rows, over all territories, anything is kept on each side: those of the territories decided last."""


class _OfOne(Protocol):
    """What is kept of one territory."""

    @property
    def rows(self) -> int: ...


K = TypeVar("K", bound=_OfOne)


def _keep(known: dict[Id, K], territory: Id, here: K, most: int) -> K:
    """What is kept of the territory looked at last, which stands last. What is too much is forgotten from the front."""
    known.pop(territory, None)
    known[territory] = here
    while len(known) > 1 and sum(kept.rows for kept in known.values()) > most:
        del known[next(iter(known))]
    return here


@dataclass
class _Way:
    """The parts of one territory on their way to the process that solves, and their outcomes on the way back."""

    sending: Sending[Round] = field(default_factory=Sending)
    receiving: Receiving[Outcome] = field(default_factory=Receiving)

    @property
    def rows(self) -> int:
        return self.receiving.rows


class SolverProcess:
    """Solves outside this process, so that a long round never keeps a message waiting.

    The process is spawned: a forked one would inherit database connections and locks.
    """

    def __init__(self) -> None:
        self._begin()

    def _begin(self) -> None:
        self._pool = _one_process()
        self._ways = dict[Id, _Way]()

    async def ready(self) -> None:
        """Return once OR-Tools is loaded there. Raises SolverDied, as `decide` does."""
        await self._done(_load)

    async def decide(self, part: Round) -> Outcome:
        """Raises SolverDied, once the next process is ready: the round is run again."""
        way = _keep(self._ways, part.territory, self._ways.get(part.territory) or _Way(), MOST_ROWS)
        try:
            return await self._asked(part, way)
        except UnknownRow:  # something was lost on its way, or the territory was forgotten there
            way.sending.forget()
            return await self._asked(part, way)

    async def _asked(self, part: Round, way: _Way) -> Outcome:
        return way.receiving.whole(await self._done(_decide_there, way.sending.parcel(part)))

    async def explain(self, asked: Round, outcome: Outcome, names: Mapping[Id, str]) -> Beside:
        """What stands beside a draft, worked out where rounds are. Raises SolverDied as `decide` does."""
        return await self._done(beside, asked, outcome, dict(names))

    async def _done(self, work: Callable[P, T], *args: P.args, **_: P.kwargs) -> T:
        pool = self._pool
        try:
            return await asyncio.get_running_loop().run_in_executor(pool, work, *args)
        except BrokenProcessPool as error:
            if self._pool is pool:  # of several that waited for it, one begins anew
                self._begin()
            raise SolverDied("le processus de calcul s'est arrêté") from error

    async def close(self) -> None:
        self._pool.shutdown(wait=False, cancel_futures=True)


def _one_process() -> ProcessPoolExecutor:
    """Starts at once, beside everything else, and not with the first round."""
    spawn = multiprocessing.get_context("spawn")
    pool = ProcessPoolExecutor(1, mp_context=spawn, initializer=_begin)
    pool.submit(_load)
    return pool


def _begin() -> None:
    give_large_pieces_back()
    _end_with_the_matcher()


def _end_with_the_matcher() -> None:
    """A matcher that is killed can not end its solver, which would wait for work for ever: it looks by itself.

    Ctrl-C reaches both processes; the matcher decides when this one ends.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)
    threading.Thread(target=_end_after_the_parent, daemon=True).start()


def _end_after_the_parent() -> None:
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os._exit(1)


def _load() -> None:
    """OR-Tools, before the first round needs it."""
    from services.matcher.solver import solve  # noqa: F401


def decide(part: Round, before: Before | None = None) -> Outcome:
    """The outcome of one part. Whoever solves loads OR-Tools; the other processes do without it.

    What the other modes would have placed is for whoever compares them (`berceau match`, a commission): here families
    wait for an SMS, and it costs four times the round itself.
    """
    from services.matcher.solver import solve

    return solve.decide(part, replace(solve.DEFAULT, prices=False), before)


@dataclass
class _There:
    """Of one territory, in the process that solves: rows on their way, and what its decisions have in common."""

    before: Before
    receiving: Receiving[Round] = field(default_factory=Receiving)
    sending: Sending[Outcome] = field(default_factory=Sending)

    @property
    def rows(self) -> int:
        return self.before.spelling.rows


class Deciding:
    """Decides parts one after the other, each with what the parts of its territory had in common before.

    It comes to the same as `decide`. The territories decided longest ago are forgotten.
    """

    def __init__(self, most: int = MOST_ROWS) -> None:
        self._most = most
        self._there: dict[Id, _There] = {}

    def decide(self, parcel: Parcel[Round]) -> Parcel[Outcome]:
        """Decides what was sent, and names what was said before. Raises UnknownRow."""
        from services.matcher.solver.before import Before

        known = None if parcel.afresh else self._there.get(parcel.rest.territory)
        there = _keep(self._there, parcel.rest.territory, known or _There(Before()), self._most)
        part = there.receiving.whole(parcel)
        return there.sending.parcel(decide(part, there.before.begin()))


_THERE = Deciding()


def _decide_there(parcel: Parcel[Round]) -> Parcel[Outcome]:
    """In the process that solves."""
    return _THERE.decide(parcel)


class SolverDied(ConnectionError):
    """The process that solves was ended from outside, for want of memory say: away, and tried again."""

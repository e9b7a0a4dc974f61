"""Acts that many programs ask at the same moment: each answered as if it were alone, all in one transaction.

What was true of a program's key a moment ago is believed only to know whom to ask for: in the transaction of the act it
is looked up again. When to modify: with `door.Door.perform`, which promises the same for one act.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Annotated, Any

import sqlalchemy as sa
from fastapi import Depends, Request
from fastapi.responses import JSONResponse
from pydantic_core import to_jsonable_python

from services.bus import traces
from services.bus.links import fingerprint
from services.ingest import credentials, idempotency
from services.ingest.actors import Act
from services.ingest.api.door import ACCEPTED, Door, Given, Once, claim_of, open_door, open_door_of_somebody, response
from services.ingest.api.errors import STATUS, NotIdentified, details
from services.ingest.guichet import Guichet
from services.ingest.idempotency import Answered, Claim
from services.ingest.problems import Refused
from services.ingest.turns import DoMany

DoAll = Callable[[sa.Connection, Sequence[tuple[Act, Any]]], Sequence[dict[str, Any] | Refused]]
"""Does acts with what each says; of each what it is answered, or why it is refused: then nothing of it stays."""

MOST_PROGRAMS = 1_000


@dataclass(frozen=True)
class Asked:
    """One act. `mark`: the fingerprint of the key that was believed without a look."""

    act: Act
    body: Any
    claim: Claim | None
    mark: str | None


DoTogether = DoMany[Asked, Answered | None]


@dataclass(frozen=True)
class SharedDoor:
    """A door whose acts are done with those of others. `mark` as in `Asked`."""

    door: Door
    mark: str | None

    async def perform(self, do: DoTogether, body: Any) -> JSONResponse:
        """`do` is what `together` made, one for each kind of act. Raises NotIdentified."""
        guichet, act = self.door.guichet, Act(self.door.actor, self.door.now, traceparent=traces.current())
        asked = Asked(act, body, self.door.claim, self.mark)
        kept = await guichet.turns.take(guichet.database, do, asked)
        if kept is None:
            guichet.programs.pop(self.mark or "", None)
            raise NotIdentified
        return response(kept.status, kept.body)


def together(do_all: DoAll, status: int = ACCEPTED) -> DoTogether:
    """Acts of one kind, each with its rights, its key and its answer; None for a key that opens nothing any more."""

    def do(tx: sa.Connection, asked: Sequence[Asked], patience_ms: int) -> list[Answered | None]:
        _wait_no_longer(tx, patience_ms)
        return _Group(tx, do_all, status, asked).done()

    return do


class _Group:
    def __init__(self, tx: sa.Connection, do_all: DoAll, status: int, asked: Sequence[Asked]) -> None:
        self.tx, self.do_all, self.status, self.asked = tx, do_all, status, asked
        self.found: dict[int, Answered] = {}

    def done(self) -> list[Answered | None]:
        known = self._identified()
        claimed = [n for n in known if self.asked[n].claim is not None]
        causes = idempotency.reserve_new(self.tx, [(self._claim(n), self.asked[n].act.now) for n in claimed])
        new = {n: causes[rank] for rank, n in enumerate(claimed) if rank in causes}
        self._do({n: new.get(n) for n in known if n in new or self.asked[n].claim is None})
        for n in known:
            if n not in self.found:
                self._do_behind(n)
        return [self.found.get(n) for n in range(len(self.asked))]

    def _identified(self) -> list[int]:
        """The ranks of those whose key, where it was believed, is still that program's."""
        marks = {one.mark for one in self.asked if one.mark is not None}
        actors = credentials.programs_of_keys(self.tx, marks)
        return [n for n, one in enumerate(self.asked) if one.mark is None or actors.get(one.mark) == one.act.actor]

    def _claim(self, n: int) -> Claim:
        claim = self.asked[n].claim
        assert claim is not None  # noqa: S101 - asked of those only that have one
        return claim

    def _do(self, causes: Mapping[int, str | None]) -> None:
        """Do the acts of these ranks, and keep the answers of those that have a key, refusals too."""
        acts = [(replace(self.asked[n].act, cause=cause), self.asked[n].body) for n, cause in causes.items()]
        for n, result in zip(causes, self.do_all(self.tx, acts) if acts else (), strict=True):
            self.found[n] = _refusal(result) if isinstance(result, Refused) else self._answer(result)
        idempotency.finish_many(self.tx, [(self._claim(n), self.found[n]) for n in causes if self.asked[n].claim])

    def _do_behind(self, n: int) -> None:
        """An act whose key somebody has, or had."""
        try:
            claimed = idempotency.reserve(self.tx, self._claim(n), self.asked[n].act.now)
        except Refused as refused:
            self.found[n] = _refusal(refused)
            return
        if isinstance(claimed, Answered):
            self.found[n] = claimed
        else:
            self._do({n: claimed})

    def _answer(self, result: dict[str, Any]) -> Answered:
        return Answered(self.status, to_jsonable_python(result))


def _wait_no_longer(tx: sa.Connection, patience_ms: int) -> None:
    """A SQLite file has one writer, who waits for no row."""
    if tx.dialect.name == "postgresql":
        tx.execute(_PATIENCE, {"patience": str(patience_ms)})


_PATIENCE = sa.select(sa.func.set_config("lock_timeout", sa.bindparam("patience", type_=sa.String), True))


def _refusal(refused: Refused) -> Answered:
    status = STATUS[refused.why]
    return Answered(status, details(status, refused.problems))


async def open_shared_door(request: Request, given: Given = None, idempotency_key: Once = None) -> SharedDoor:
    """Who asks, from memory where a program acted lately. Raises NotIdentified."""
    guichet: Guichet = request.app.state.guichet
    mark, now = fingerprint(given.credentials) if given else None, guichet.clock()
    actor, noted_at = guichet.programs.get(mark or "", (None, now))
    if actor is not None and not credentials.use_is_old(noted_at, now):
        claim = await claim_of(request, actor, idempotency_key) if idempotency_key else None
        return SharedDoor(Door(guichet, actor, now, claim), mark)
    door = await open_door_of_somebody(await open_door(request, given, idempotency_key))
    if mark is not None:
        _remember(guichet, mark, door)
    return SharedDoor(door, None)


def _remember(guichet: Guichet, mark: str, door: Door) -> None:
    if len(guichet.programs) >= MOST_PROGRAMS:
        guichet.programs.clear()
    guichet.programs[mark] = (door.actor, door.now)


Shared = Annotated[SharedDoor, Depends(open_shared_door)]

"""Many messages of a program at once: the same messages as on the partner topic, in one transaction.

What is right is taken and what is wrong is told, each by itself. A message takes effect once, by its id, whichever door
it comes by and however often. Places that open, which programs send by the hundred, are written together; any other
message is done alone, in its turn.

When to modify: with what a message is, in `partners`.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError

from services.bus import inbox
from services.ingest.actors import Actor
from services.ingest.declare.bodies import Body
from services.ingest.declare.vacancies import Post, VacancyBody, open_vacancies
from services.ingest.partners import (
    KINDS,
    REJECTED,
    REPEATED,
    TAKEN,
    PartnerMessage,
    act_of,
    data_of,
    do,
    id_reused,
    notes_of,
    of_a_known_kind,
    within_data,
)
from services.ingest.problems import Refused
from services.ingest.wording import problems_of

MOST_MESSAGES = 500
"""As many as one transaction of the bus takes: others wait for the rows that it locks."""

OPENS = "vacancy.open"


@dataclass(frozen=True)
class Became:
    """What became of one message: `made` is the id of what it made, "" for nothing."""

    id: str
    outcome: str
    made: str = ""
    refused: Refused | None = None


@dataclass(frozen=True)
class Asked:
    """A message that can be read, with what the inbox keeps of it: its id, and its id with what it says."""

    message: PartnerMessage
    data: Body
    of_id: str
    of_content: str

    @property
    def notes(self) -> set[str]:
        return {self.of_id, self.of_content}


@dataclass
class Batch:
    """What becomes of each message, by its rank. `new` are the notes that the inbox did not have before."""

    actor: Actor
    now: datetime
    asked: dict[int, Asked]
    new: frozenset[str]
    found: dict[int, Became] = field(default_factory=dict)

    def settle(self, n: int, result: str | Refused) -> None:
        name = self.asked[n].message.id
        if isinstance(result, Refused):
            self.found[n] = Became(name, REJECTED, refused=result)
        else:
            self.found[n] = Became(name, TAKEN, result)


def take_many(tx: sa.Connection, actor: Actor, given: Sequence[Mapping[str, Any]], now: datetime) -> list[Became]:
    """Take `given` in its order, in the caller's transaction; what became of each. A refusal leaves nothing behind."""
    read = [_read(actor, one) for one in given]
    asked = {n: one for n, one in enumerate(read) if isinstance(one, Asked)}
    notes = {note for one in asked.values() for note in one.notes}
    batch = Batch(actor, now, asked, frozenset(inbox.first_times(tx, notes, now)))
    for n, one in enumerate(read):
        if isinstance(one, Became):
            batch.found[n] = one
    first = _first_of_each_id(asked)
    _do_in_order(tx, batch, [n for n in first.values() if _is_to_do(batch, n)])
    for n in sorted(set(asked) - set(first.values())):
        batch.found[n] = _as_the_first(batch, first[asked[n].message.id], n)
    _forget_refused(tx, batch)
    return [batch.found[n] for n in range(len(given))]


def _read(actor: Actor, given: Mapping[str, Any]) -> Asked | Became:
    try:
        message = of_a_known_kind(PartnerMessage.model_validate(given))
        data = data_of(message)
        return Asked(message, data, *notes_of(actor, message, data))
    except ValidationError as error:
        return Became(_named(given), REJECTED, refused=Refused(problems_of(error.errors())))
    except Refused as refused:
        return Became(_named(given), REJECTED, refused=refused)


def _named(given: Mapping[str, Any]) -> str:
    """What it calls itself, where that is a name: whoever sent it finds it again by its rank anyway.

    Half a character (`\\ud800`) is none that an answer can carry: it would take the answers of the others with it.
    """
    name = given.get("id")
    return name[:64].encode(errors="replace").decode() if isinstance(name, str) else ""


def _first_of_each_id(asked: Mapping[int, Asked]) -> dict[str, int]:
    first: dict[str, int] = {}
    for n, one in asked.items():
        first.setdefault(one.message.id, n)
    return first


def _is_to_do(batch: Batch, n: int) -> bool:
    """True for a message that is new; of another, what became of it is noted."""
    one = batch.asked[n]
    if one.of_id in batch.new:
        return True
    if one.of_content in batch.new:
        batch.settle(n, id_reused())
    else:
        batch.found[n] = Became(one.message.id, REPEATED, _made_before(batch, one))
    return False


def _made_before(batch: Batch, one: Asked) -> str:
    """The same message makes the same: the id of a place follows from it."""
    return act_of(batch.actor, batch.now, one.message.id).new_id("V") if one.message.kind == OPENS else ""


def _as_the_first(batch: Batch, first: int, n: int) -> Became:
    """A message whose id is also that of an earlier one beside it."""
    one, earlier = batch.asked[n], batch.found[first]
    if one.of_content != batch.asked[first].of_content:
        return Became(one.message.id, REJECTED, refused=id_reused())
    return earlier if earlier.outcome == REJECTED else Became(earlier.id, REPEATED, earlier.made)


def _do_in_order(tx: sa.Connection, batch: Batch, to_do: Iterable[int]) -> None:
    for opens, ranks in groupby(to_do, key=lambda n: batch.asked[n].message.kind == OPENS):
        if opens:
            _open_together(tx, batch, list(ranks))
        else:
            for n in ranks:
                batch.settle(n, _alone(tx, batch, n))


def _open_together(tx: sa.Connection, batch: Batch, ranks: Sequence[int]) -> None:
    posts = [_post(batch, batch.asked[n]) for n in ranks]
    for n, opened in zip(ranks, open_vacancies(tx, posts), strict=True):
        batch.settle(n, within_data(KINDS[OPENS], opened) if isinstance(opened, Refused) else opened)


def _post(batch: Batch, one: Asked) -> Post:
    assert isinstance(one.data, VacancyBody)  # noqa: S101 - the body of this kind
    return Post(act_of(batch.actor, batch.now, one.message.id), one.data)


def _alone(tx: sa.Connection, batch: Batch, n: int) -> str | Refused:
    """What a message made, or why it is refused: then nothing of it stays."""
    one = batch.asked[n]
    try:
        with tx.begin_nested():
            return do(tx, act_of(batch.actor, batch.now, one.message.id), one.message, one.data)
    except Refused as refused:
        return refused


def _forget_refused(tx: sa.Connection, batch: Batch) -> None:
    """A refused message may be put right and sent again under its id."""
    kept = {note for n, one in batch.asked.items() if batch.found[n].outcome != REJECTED for note in one.notes}
    inbox.forget(tx, batch.new - kept)

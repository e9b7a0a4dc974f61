"""What a person has to look at is kept once, and is redriven or discarded as it is."""

from __future__ import annotations

from datetime import datetime

import pytest
import sqlalchemy as sa

from contracts.base import Event
from services.bus import dead_letters
from services.bus.database import Database
from services.bus.delivery import Message
from services.bus.retries import WrongEvent
from tests.bus.harness import NOW, count_it, handled, reader_of, said


class Mended:
    """A handler with a fault that somebody mends."""

    def __init__(self) -> None:
        self.is_mended = False

    def __call__(self, tx: sa.Connection, event: Event, now: datetime) -> None:
        count_it(tx, event, now)
        if not self.is_mended:
            raise WrongEvent("not yet")


def message(n: int, origin: str = "declarations/1") -> Message:
    return Message("declarations", origin, said(n).model_dump_json().encode())


async def waiting(database: Database) -> list[dead_letters.Letter]:
    return await database.read(dead_letters.waiting)


async def test_a_letter_redriven_takes_effect_and_is_closed_in_one_transaction(heard: Database) -> None:
    handler = Mended()
    reader = reader_of(heard, handler)
    assert await reader.take(message(1)) == "parked"
    (letter,) = await waiting(heard)
    with pytest.raises(WrongEvent):
        await heard.write(reader.redrive, letter, "P-admin")
    assert await waiting(heard) == [letter]
    assert await heard.read(handled) == []
    handler.is_mended = True
    assert await heard.write(reader.redrive, letter, "P-admin") == "handled"
    assert await waiting(heard) == []
    assert await heard.read(handled) == [said(1).id]


async def test_a_letter_redriven_twice_takes_effect_once(heard: Database) -> None:
    handler = Mended()
    reader = reader_of(heard, handler)
    await reader.take(message(1))
    (letter,) = await waiting(heard)
    handler.is_mended = True
    assert await heard.write(reader.redrive, letter, "P-admin") == "handled"
    assert await heard.write(reader.redrive, letter, "P-admin") == "repeated"
    assert await heard.read(handled) == [said(1).id]


async def test_a_letter_is_discarded_once_with_a_note(heard: Database) -> None:
    await reader_of(heard, Mended()).take(message(1))
    (letter,) = await waiting(heard)
    closed = {"by": "P-admin", "note": "essai du prestataire", "now": NOW}
    assert await heard.write(dead_letters.settle, letter.id, **closed) is True
    assert await heard.write(dead_letters.settle, letter.id, **closed) is False
    assert await waiting(heard) == []


async def test_the_same_message_parked_again_is_one_letter_and_another_of_the_same_origin_is_a_second(
    heard: Database,
) -> None:
    reader = reader_of(heard, Mended())
    for n in (1, 1, 2, 2):  # a broker that was emptied gives its positions again
        await reader.take(message(n))
    letters = await waiting(heard)
    assert [letter.body for letter in letters] == [message(1).body, message(2).body]
    assert len({letter.origin for letter in letters}) == 2

"""How messages enter a service, step by step: what one transaction takes, what is tried again, and what is told."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime
from typing import Any, cast

import pytest
import sqlalchemy as sa
import structlog

from contracts.base import Event
from contracts.vacancies import VacancyReconfirmed, VacancyWithdrawn
from contracts.vocabulary import WithdrawalReason
from services.bus import dead_letters, inbox, metrics
from services.bus import tables as bus
from services.bus.database import Database, sqlite_engine
from services.bus.delivery import (
    HANDLING,
    LONGEST_TRANSACTION_S,
    MOST_AT_ONCE,
    BadMessageLimit,
    Handlers,
    Message,
    Pace,
    Reader,
    TooManyBadMessages,
    Waited,
    advance,
    read_up_to,
)
from services.bus.retries import MAX_TRIES, Failure, WrongEvent, brief, wait_before
from tests.bus.harness import NOW, many, said
from tests.matcher.world import OneThread, run_now

STREAM = "declarations"
SHORT, MIDDLE = LONGEST_TRANSACTION_S / 2, LONGEST_TRANSACTION_S
ENOUGH = 200
"""Who naps or asks more often than that goes round in circles."""


class Heard:
    """A reader on one thread: the subjects it handled, in order, and the pauses it made. `fails` for some subjects."""

    def __init__(self, **options: Any) -> None:
        self.engine = sqlite_engine(durability="OFF")
        with self.engine.begin() as tx:
            bus.metadata.create_all(tx)
        self.effects: list[str] = []
        self.naps: list[float] = []
        self.asked = 0
        self.fails: Callable[[Event], Exception | None] = lambda event: None
        handlers: Handlers = {VacancyReconfirmed: self.handle}
        database = cast(Database, OneThread(self.engine))
        options = {"sleep": self.nap, "stopwatch": lambda: 0.0, "service": "by-hand", **options}
        self.reader = Reader(database=database, handlers=handlers, clock=lambda: NOW, **options)

    def handle(self, tx: sa.Connection, event: Event, now: datetime) -> None:
        assert now == NOW
        if error := self.fails(event):
            raise error
        self.effects.append(event.subject)

    async def nap(self, seconds: float) -> None:
        self.naps.append(seconds)
        assert len(self.naps) < ENOUGH

    def goes_on(self) -> bool:
        self.asked += 1
        assert self.asked < ENOUGH
        return True

    def take(self, *messages: Message) -> list[str]:
        return run_now(self.reader.take_many(messages, self.goes_on))

    def rows(self, table: sa.Table) -> list[dict[str, Any]]:
        with self.engine.connect() as tx:
            return [dict(row) for row in tx.execute(sa.select(table)).mappings()]

    def position(self, stream: str = STREAM) -> int:
        with self.engine.connect() as tx:
            return read_up_to(tx, stream)


def messages(*events: Event) -> list[Message]:
    """At positions 11, 12 and on."""
    return [
        Message(STREAM, f"{STREAM}/0/{n}", event.model_dump_json().encode(), n) for n, event in enumerate(events, 11)
    ]


def counted(outcome: str, type_: str = "vacancy.reconfirmed", service: str = "by-hand") -> float:
    return metrics.EVENTS_IN.labels(service, type_, outcome)._value.get()  # type: ignore[no-any-return]


UNKNOWN = said(1).model_dump_json().replace("vacancy.reconfirmed", "vacancy.imagined").encode()


def test_a_stream_may_have_as_many_bad_messages_among_its_last_ones_as_the_limit_says_and_no_more() -> None:
    limit = BadMessageLimit(bad=2, out_of=3)
    for parked in (True, True, False, True, False, False, True, True):
        limit.note(parked)
    with pytest.raises(TooManyBadMessages, match=r"3 messages mis de côté sur les 3 derniers"):
        limit.note(True)
    assert len(limit._last) == 3


def test_a_good_message_never_stops_a_reader() -> None:
    limit = BadMessageLimit(bad=1, out_of=5)
    limit._last.extend([True] * 4)
    limit.note(parked=False)
    assert sum(limit._last) == 4


def test_by_default_a_hundred_messages_may_have_twenty_bad_ones() -> None:
    limit = BadMessageLimit()
    for n in range(200):
        limit.note(parked=n % 5 == 0)
    assert len(limit._last) == 100
    limit.note(parked=True)  # the oldest of the hundred was one, and goes
    with pytest.raises(TooManyBadMessages):
        limit.note(parked=True)


@pytest.mark.parametrize(
    ("at_once", "messages", "seconds", "then"),
    [
        (8, 8, SHORT * 0.99, 16),
        (8, 8, SHORT, 8),
        (8, 8, MIDDLE, 8),
        (8, 8, MIDDLE * 1.01, 4),
        (9, 9, MIDDLE * 1.01, 4),
        (8, 7, SHORT * 0.7, 8),
        (8, 7, MIDDLE * 1.01, 3),
        (1, 1, MIDDLE * 2, 1),
        (1, 1, 0.0, 2),
        (300, 300, 0.0, MOST_AT_ONCE),
    ],
)
def test_a_transaction_takes_twice_as_many_after_a_quick_one_and_half_after_a_slow_one(
    at_once: int, messages: int, seconds: float, then: int
) -> None:
    pace = Pace(at_once)
    pace.went(messages, seconds)
    assert (pace.at_once, type(pace.at_once)) == (then, int)


@pytest.mark.parametrize(
    ("messages", "kind", "then"), [(9, Failure.OTHER, 4), (9, Failure.AWAY, 1), (2, Failure.WRONG, 1)]
)
def test_a_failure_leaves_half_of_the_messages_to_the_next_try_and_an_absence_one(
    messages: int, kind: Failure, then: int
) -> None:
    pace = Pace(9)
    pace.failed(messages, kind)
    assert pace.at_once == then


def test_a_reader_cares_for_what_it_handles_and_for_what_nobody_knows() -> None:
    reader = Heard().reader
    assert reader.cares_for(VacancyReconfirmed.wire_type())
    assert not reader.cares_for(VacancyWithdrawn.wire_type())
    assert reader.cares_for("vacancy.imagined")


def test_the_pace_of_a_reader_is_that_of_its_transactions() -> None:
    """One, then two, then four: eleven messages in four transactions, each timed by itself."""
    looks: list[int] = []
    heard: Heard = Heard(first=lambda tx, territories: looks.append(len(heard.effects)))
    assert heard.take(*messages(*many(11))) == ["handled"] * 11
    assert looks == [0, 1, 3, 7]
    assert heard.effects == [event.subject for event in many(11)]


@pytest.mark.parametrize(("seconds", "looks"), [(SHORT * 0.9, [0, 1, 3]), (SHORT, [0, 1, 2, 3, 4, 5])])
def test_a_transaction_is_timed_from_its_begin_to_its_commit(seconds: float, looks: list[int]) -> None:
    hours = iter([100 + n // 2 * 50 + n % 2 * seconds for n in range(99)])
    told: list[int] = []
    heard: Heard = Heard(stopwatch=lambda: next(hours), first=lambda tx, territories: told.append(len(heard.effects)))
    heard.take(*messages(*many(6)))
    assert told == looks


def test_what_is_taken_is_counted_by_its_type_and_by_what_became_of_it() -> None:
    heard = Heard(service="counted")
    before = {outcome: counted(outcome, service="counted") for outcome in ("handled", "repeated")}
    event = said(1)
    foreign = VacancyWithdrawn.say("V-1", cause="1", source="ingest", territory="t", time=NOW, said_by="P",
                                   reason=WithdrawalReason.CLOSURE)  # fmt: skip
    outcomes = heard.take(*messages(event, event, foreign), Message(STREAM, "x", UNKNOWN))
    assert outcomes == ["handled", "repeated", "skipped", "skipped"]
    assert {outcome: counted(outcome, service="counted") - before[outcome] for outcome in before} == {
        "handled": 1,
        "repeated": 1,
    }
    assert counted("skipped", "vacancy.withdrawn", "counted") == 1
    assert counted("skipped", "unknown", "counted") == 1
    assert [row["received_at"] for row in heard.rows(bus.inbox)] == [NOW]


def test_each_stream_is_read_up_to_the_last_position_that_it_had() -> None:
    heard = Heard(pace=Pace(9))
    one, two, three = messages(*many(3))
    heard.take(one, Message("decisions", "d", two.body, 5), three, Message("messages", "m", UNKNOWN))
    assert (heard.position(), heard.position("decisions"), heard.position("messages")) == (13, 5, 0)


def test_a_cursor_is_moved_and_no_other() -> None:
    heard = Heard()
    with heard.engine.begin() as tx:
        for stream, position in ((STREAM, 3), ("decisions", 4), (STREAM, 9)):
            advance(tx, stream, position)
    assert {row["stream"]: row["position"] for row in heard.rows(bus.cursors)} == {STREAM: 9, "decisions": 4}


def test_what_is_wrong_is_put_aside_at_its_first_try_with_why_and_the_stream_goes_on() -> None:
    heard = Heard()
    heard.fails = lambda event: WrongEvent("no such place")
    with structlog.testing.capture_logs() as log:
        assert heard.take(*messages(said(1))) == ["parked"]
    (letter,) = heard.rows(bus.dead_letters)
    error = brief(WrongEvent("no such place"))
    told = {key: letter[key] for key in ("stream", "origin", "type", "reason", "error", "tries", "parked_at")}
    assert told == {
        "stream": STREAM, "origin": f"{STREAM}/0/11", "type": "vacancy.reconfirmed", "reason": "wrong",
        "error": error, "tries": 1, "parked_at": NOW,
    }  # fmt: skip
    assert letter["body"] == messages(said(1))[0].body
    assert heard.position() == 11
    assert heard.naps == []
    assert log == [
        {
            "event": "parked", "log_level": "error", "reason": "wrong", "service": "by-hand",
            "origin": f"{STREAM}/0/11", "tries": 1, "error": error,
        }
    ]  # fmt: skip


def test_what_fails_without_a_known_cause_is_tried_five_times_with_longer_and_longer_pauses() -> None:
    heard = Heard()
    heard.fails = lambda event: LookupError("nobody knows")
    with structlog.testing.capture_logs() as log:
        assert heard.take(*messages(said(1))) == ["parked"]
    assert heard.naps == [wait_before(n) for n in range(1, MAX_TRIES)]
    assert [line["event"] for line in log] == ["retry"] * (MAX_TRIES - 1) + ["parked"]
    assert [line["tries"] for line in log] == list(range(1, MAX_TRIES + 1))
    assert {(line["service"], line["origin"]) for line in log} == {("by-hand", f"{STREAM}/0/11")}
    (letter,) = heard.rows(bus.dead_letters)
    assert (letter["reason"], letter["tries"]) == ("other", MAX_TRIES)


def test_what_no_reader_can_read_is_put_aside_without_a_type_and_without_a_cursor() -> None:
    heard = Heard()
    before = counted("parked", "undecodable")
    assert heard.take(Message(STREAM, "x", b"\xff")) == ["parked"]
    (letter,) = heard.rows(bus.dead_letters)
    assert (letter["type"], letter["reason"]) == (None, "wrong")
    assert heard.rows(bus.cursors) == []
    assert counted("parked", "undecodable") == before + 1


def test_what_is_away_is_told_while_it_lasts_and_waited_for_longer_and_longer() -> None:
    heard = Heard()
    failures = [ConnectionResetError("gone")] * 4
    seen: list[dict[str, str]] = []

    def away(event: Event) -> Exception | None:
        seen.append(dict(heard.reader.troubles.causes))
        return failures.pop() if failures else None

    heard.fails = away
    assert heard.take(*messages(said(1))) == ["handled"]
    assert seen == [{}] + [{HANDLING: brief(ConnectionResetError("gone"))}] * 4
    assert heard.reader.troubles.causes == {}
    assert heard.reader.troubles.service == "by-hand"
    assert heard.naps == [wait_before(1)] * 4, "none of them is a second yet"


def test_the_longer_the_infrastructure_is_away_the_longer_is_the_pause() -> None:
    heard = Heard(away_patience_s=20.0)
    heard.fails = lambda event: ConnectionResetError("gone")
    with pytest.raises(ConnectionResetError):
        heard.take(*messages(said(1)))
    waited, pauses = 0.0, []
    while waited < 20.0:
        pauses.append(wait_before(1 + int(waited)))
        waited += pauses[-1]
    assert heard.naps == pauses


def test_what_waited_as_long_as_it_may_waits_no_more() -> None:
    heard = Heard(away_patience_s=3.0)
    with pytest.raises(ConnectionResetError):
        run_now(heard.reader._wait_for_infrastructure(ConnectionResetError(), Waited(3.0)))
    assert heard.naps == []


@pytest.mark.parametrize(("seconds", "naps"), [(5.0, 1), (9.0, 1), (10.0, 0)])
def test_the_time_of_a_try_that_hung_counts_as_waiting_and_no_other_time(seconds: float, naps: int) -> None:
    """Two tries of 5 or 9 seconds are as long as a reader that waits ten has patience; one of ten is."""
    hours = iter([1000 + n // 2 * 50 + n % 2 * seconds for n in range(99)])
    heard = Heard(stopwatch=lambda: next(hours), away_patience_s=10.0)
    heard.fails = lambda event: ConnectionResetError("gone")
    with pytest.raises(ConnectionResetError):
        heard.take(*messages(said(1)))
    assert len(heard.naps) == naps


def test_a_reader_waits_for_what_is_away_a_minute_at_most() -> None:
    assert Heard().reader.away_patience_s == 60.0


def test_of_several_none_has_happened_where_one_fails() -> None:
    """All are tried again, ever fewer at once, and the one that is alone is tried for itself."""
    heard = Heard(pace=Pace(4))
    events = many(4)
    heard.fails = lambda event: WrongEvent("no") if event == events[2] else None
    assert heard.take(*messages(*events)) == ["handled", "handled", "parked", "handled"]
    assert heard.position() == 14
    noted = {row["event_id"] for row in heard.rows(bus.inbox)}
    assert noted == {event.id for event in events if event != events[2]}


def test_a_message_that_can_not_be_put_aside_is_left_to_whoever_gave_it(monkeypatch: pytest.MonkeyPatch) -> None:
    heard = Heard()
    heard.fails = lambda event: WrongEvent("no")

    def full(*given: object, **letter: object) -> None:
        raise LookupError("no such letter")

    monkeypatch.setattr(dead_letters, "park", full)
    with pytest.raises(LookupError, match="no such letter"):
        heard.take(*messages(said(1)))


def test_too_many_bad_messages_stop_the_reader_and_good_ones_do_not() -> None:
    heard = Heard(limit=BadMessageLimit(bad=1, out_of=3))
    heard.take(*messages(*many(5)))
    heard.fails = lambda event: WrongEvent("no")
    heard.take(*messages(said(6)))
    with pytest.raises(TooManyBadMessages):
        heard.take(*messages(said(7)))


def test_what_is_shared_is_done_once_for_the_territories_of_what_is_new_in_their_order() -> None:
    told: list[tuple[str, tuple[str, ...], int]] = []
    heard: Heard = Heard(
        pace=Pace(9),
        first=lambda tx, territories: told.append(("first", tuple(territories), len(heard.effects))),
        last=lambda tx, territories: told.append(("last", tuple(territories), len(heard.effects))),
    )
    events = [said(1, "west"), said(2, "east"), said(3, "west")]
    heard.take(*messages(*events))
    heard.take(*messages(*events))
    assert told == [("first", ("east", "west"), 0), ("last", ("east", "west"), 3)]


def test_one_message_is_taken_as_many_are() -> None:
    heard, failures = Heard(), [ConnectionResetError("gone")]
    heard.fails = lambda event: failures.pop() if failures else None
    assert [run_now(heard.reader.take(message)) for message in messages(said(1), said(1))] == ["handled", "repeated"]
    assert len(heard.naps) == 1


def test_a_reader_that_is_to_stop_takes_nothing_more() -> None:
    heard = Heard()
    assert run_now(heard.reader.take_many(messages(*many(3)), lambda: not heard.effects)) == ["handled"]
    assert run_now(heard.reader.take_many(messages(*many(3)), lambda: False)) == []


def parked(heard: Heard) -> dead_letters.Letter:
    heard.fails = lambda event: WrongEvent("no")
    heard.take(*messages(said(1)))
    heard.fails = lambda event: None
    with heard.engine.connect() as tx:
        (letter,) = dead_letters.waiting(tx)
    return letter


@pytest.mark.parametrize(("note", "kept"), [("", "handled"), ("vu avec la crèche", "vu avec la crèche")])
def test_a_letter_handled_again_is_closed_by_name_with_what_became_of_it(note: str, kept: str) -> None:
    heard = Heard()
    letter = parked(heard)
    with heard.engine.begin() as tx:
        assert heard.reader.redrive(tx, letter, "admin", **({"note": note} if note else {})) == "handled"
    assert heard.effects == [said(1).subject]
    (row,) = heard.rows(bus.dead_letters)
    assert (row["settled_at"], row["settled_by"], row["note"]) == (NOW, "admin", kept)
    assert [(line["did"], line["who"]) for line in heard.rows(bus.audit)] == [("dead_letter.redriven", "admin")]


def test_a_letter_that_fails_again_waits_as_before() -> None:
    heard = Heard()
    letter = parked(heard)
    heard.fails = lambda event: WrongEvent("still no")
    with pytest.raises(WrongEvent), heard.engine.begin() as tx:
        heard.reader.redrive(tx, letter, "admin")
    assert heard.rows(bus.dead_letters)[0]["settled_at"] is None
    with heard.engine.begin() as tx:
        assert not inbox.first_times(tx, [], NOW)

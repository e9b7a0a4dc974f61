"""What must hold, all along and at the end. Only plain rows and the truth outside are read; no rule is asked."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, timedelta
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from contracts.topics import parse
from contracts.vocabulary import LIVE, Answer, ProposalState, WithdrawalReason
from services.bus import tables as bus
from services.matcher import tables as matcher
from services.notifier import tables as notifier

if TYPE_CHECKING:
    from tests.simulation.run import Simulation

S = ProposalState
TAKEN = frozenset({S.ACCEPTED, S.CONFIRMED})
"""A place is somebody's."""
GIVEN_BACK = (S.DECLINED, S.EXPIRED, S.WITHDRAWN, S.REFUSED)
OFFERS = ("proposal", "on_call", "wave")
GRACE = timedelta(minutes=15)
"""As the model policy says it; written here again, so that a change of the rule is seen."""

Row = Any


@dataclass
class Books:
    """The checks of one run. `look` is cheap and goes on all along, `close` reads everything once."""

    run: Simulation
    over: dict[str, tuple[Any, ...]] = field(default_factory=dict)
    states: dict[str, str] = field(default_factory=dict)
    seen_changes: int = -1
    heard: int = 0
    given_back: Counter[str] = field(default_factory=Counter)
    released: dict[str, Any] = field(default_factory=dict)
    taken: set[str] = field(default_factory=set)

    def look(self) -> list[str]:
        """Every fault that the matcher's tables and words show now."""
        changes = self.run.house.changes("matcher")
        if changes == self.seen_changes:
            return []
        self.seen_changes = changes
        with self.run.house.engines["matcher"].connect() as tx:
            self._listen(tx)
            proposals = list(tx.execute(sa.select(matcher.proposals)).mappings())
            held = list(tx.execute(sa.select(matcher.holds)).mappings())
            found = [*self.wrong_words, *self._proposals(proposals), *self._holds(proposals, held)]
            return [*found, *self._overbooked(tx, held), *self._new(tx, proposals)]

    wrong_words: list[str] = field(default_factory=list)

    # what the matcher says

    def _listen(self, tx: sa.Connection) -> None:
        rows = sa.select(bus.outbox.c.position, bus.outbox.c.body).where(bus.outbox.c.position > self.heard)
        for position, body in tx.execute(rows.order_by(bus.outbox.c.position)):
            self.heard = position
            event: Any = parse(body)
            self.run.hostility.note(f"said: {event.type}")
            self._hear(tx, event)

    def _hear(self, tx: sa.Connection, event: Any) -> None:
        if event.type == "place.reopened":
            self.given_back[event.subject] += 1
        elif event.type == "proposal.expired":
            self._heard_expiry(tx, event)
        elif event.type == "reply.judged":
            self.run.hostility.note(f"verdict: {event.verdict.value}")
            if event.answer is Answer.OUI and event.proposal in self.taken:
                self.run.hostility.note("wave: OUI after another's")
        elif event.type == "task.opened":
            self.run.hostility.note(f"task: {event.kind.value}")
        elif event.type == "proposal.made" and event.wave is not None:
            self.run.hostility.note(f"wave: asked as {event.asked_as}")
        elif event.type == "proposal.withdrawn":
            self.run.hostility.note(f"withdrawn: {event.reason.value}")
            if event.reason is WithdrawalReason.TAKEN:
                self.taken.add(event.subject)
        elif event.type == "round.decided" and event.dropped:
            self.run.hostility.note("round: part dropped")

    def _heard_expiry(self, tx: sa.Connection, event: Any) -> None:
        if event.time < event.deadline + GRACE:
            self.wrong_words.append(f"{event.subject} expired before its grace")
        if not self._was_reached(tx, event.subject):
            self.wrong_words.append(f"{event.subject} expired, and nobody was reached")

    def _was_reached(self, tx: sa.Connection, proposal: str) -> bool:
        """A phone had the text, or somebody spoke with the family or heard from it, or a counsellor held the place."""
        with self.run.house.engines["notifier"].connect() as other:
            about = sa.select(notifier.messages.c.message).where(
                notifier.messages.c.proposal == proposal, notifier.messages.c.template.in_(OFFERS)
            )
            messages = set(other.scalars(about))
        given = self.run.provider.given
        if any(given.get(text.reference) for text in self.run.provider.taken if text.message in messages):
            return True
        held_by = tx.scalar(sa.select(matcher.proposals.c.held_by).where(matcher.proposals.c.proposal == proposal))
        return held_by is not None or self._was_spoken_with(proposal)

    def _was_spoken_with(self, proposal: str) -> bool:
        kinds = ("call.recorded", "reply.received", "reply.undone")
        with self.run.house.engines["ingest"].connect() as tx:
            said = [parse(b) for b in tx.scalars(sa.select(bus.outbox.c.body).where(bus.outbox.c.type.in_(kinds)))]
        return any(getattr(e, "proposal", None) == proposal and getattr(e, "reached", True) for e in said)

    # what the matcher holds

    def _proposals(self, rows: list[Row]) -> Iterator[str]:
        live = Counter(row["request"] for row in rows if ProposalState(row["state"]) in LIVE)
        yield from (f"{request} has {n} live proposals" for request, n in live.items() if n > 1)
        won = Counter(row["wave"] for row in rows if row["wave"] and ProposalState(row["state"]) in TAKEN)
        yield from (f"the place of wave {wave} was taken {n} times" for wave, n in won.items() if n > 1)
        for row in rows:
            name, state = row["proposal"], ProposalState(row["state"])
            self._moved(name, state)
            if state not in LIVE:
                now = tuple(row.values())
                if self.over.setdefault(name, now) != now:
                    yield f"{name} was over ({state.value}) and changed"
            back = self.given_back[name]
            shared = row["wave"] is not None and state in GIVEN_BACK and back == 0  # others of its wave ask for them
            places = 2 if row["other_half"] else 1
            if state is not S.CONFIRMED and back != places * (state in GIVEN_BACK) and not shared:
                yield f"{name} is {state.value} and gave its hours back {self.given_back[name]} times"

    def _moved(self, name: str, state: ProposalState) -> None:
        before = self.states.get(name)
        if before != state:
            self.run.hostility.note(f"state: {before or 'new'} to {state.value}")
        self.states[name] = state

    def _holds(self, proposals: list[Row], held: list[Row]) -> Iterator[str]:
        holding = {row["proposal"] for row in held if not row["is_placement"]}
        own = {row["proposal"]: row["proposal"] for row in proposals} | {
            row["proposal"]: row["wave"] for row in proposals if row["wave"] in holding
        }
        live = {own[row["proposal"]] for row in proposals if ProposalState(row["state"]) in LIVE}
        names = {row["hold"] for row in held}
        for row in proposals:
            half = (row["other_half"] or {}).get("half")
            if half and (half in names) is not (row["proposal"] in names) and ProposalState(row["state"]) in LIVE:
                yield f"{row['proposal']} holds one of its two places"
        yield from (f"{name} lives and holds nothing" for name in sorted(live - holding))
        yield from (f"{name} is over and holds its hours" for name in sorted(holding - live))

    def _is_near(self, tx: sa.Connection, need: dict[str, Any], structure: str) -> bool:
        """Within the minutes that the family says, by times that were published: later ones take no place back."""
        there = tx.scalar(sa.select(matcher.structures.c.commune).where(matcher.structures.c.structure == structure))
        with self.run.house.engines["ingest"].connect() as other:
            published = sa.select(bus.outbox.c.body).where(bus.outbox.c.type == "territory.published")
            ways: list[Any] = [way for body in other.scalars(published) for way in parse(body).travel]  # type: ignore[union-attr]
        known = [way.minutes for way in ways if {way.one, way.other} == {need["commune"], there}]
        within = need["within_minutes"]
        return within is not None and any(minutes <= within for minutes in known)

    def _overbooked(self, tx: sa.Connection, held: list[Row]) -> Iterator[str]:
        """More held than there is, at some hour of some day. A snapshot may say less than is held: then a task."""
        open_ = matcher.vacancies.c.is_open
        vacancies = list(tx.execute(sa.select(matcher.vacancies).where(open_)).mappings())
        for section in sorted({row["section"] for row in held}):
            own = [row for row in held if row["section"] == section]
            there = [row for row in vacancies if row["section"] == section]
            for day in _days_that_matter([*own, *there]):
                taken, places = _sum(own, day, "units"), _places(there, day)
                if taken > places and not self._is_told(tx, section):
                    yield f"{taken} held in {section} on {day} of {places}"

    def _is_told(self, tx: sa.Connection, section: str) -> bool:
        tasks = matcher.tasks
        shortfall = sa.select(tasks.c.task).where(tasks.c.kind == "shortfall").limit(1)
        return tx.scalar(shortfall) is not None

    def _new(self, tx: sa.Connection, rows: list[Row]) -> Iterator[str]:
        """A new proposal answers the need as it is known by now: no decision rests on what is no longer true."""
        for row in rows:
            if row["proposal"] in self.released:
                continue
            self.released[row["proposal"]] = True
            request = (
                tx.execute(sa.select(matcher.requests).where(matcher.requests.c.request == row["request"]))
                .mappings()
                .one()
            )
            if ProposalState(row["state"]) not in LIVE:
                continue
            if request["state"] != "waiting":
                yield f"{row['proposal']} was made for a request that is {request['state']}"
            near = self._is_near(tx, request["need"], row["structure"])
            if not _asked_for(request["need"], row, near):
                yield f"{row['proposal']} offers what was asked for before"
            self.run.hostility.note(f"offered: {'near' if near else 'named'}")

    # the end

    def close(self) -> list[str]:
        """Everything that is lost, doubled, told wrongly, parked, or left to nobody."""
        from tests.simulation import closing

        return sorted(closing.faults(self.run))


def _asked_for(need: dict[str, Any], row: Row, is_near: bool) -> bool:
    wished = {wish["structure"] for wish in need["wishes"]}
    slots = [sorted(map(_key, pattern["slots"])) for pattern in need["patterns"]]
    is_held = row["held_by"] is not None  # a counsellor may hold a place anywhere
    is_wished = is_held or is_near or row["structure"] in wished
    other = row["other_half"] or {"structure": row["structure"], "slots": []}
    is_wished = is_wished and (not other["slots"] or (need["accepts_split"] and other["structure"] in wished))
    return is_wished and sorted(map(_key, [*row["slots"], *other["slots"]])) in slots


def _key(slot: dict[str, str]) -> tuple[str, ...]:
    return (slot["day"], slot["start"], slot["end"])


def _days_that_matter(rows: list[Row]) -> set[date]:
    """Sums change only where something begins or ends: the week behind each such day says all."""
    bounds = {day for row in rows for day in (row["starts"], row["ends"]) if day}
    return {day + timedelta(days=n) for day in bounds for n in range(7)}


def _sum(rows: list[Row], day: date, units: str) -> int:
    """All mornings of the town are the same hours, so a day has one sum."""
    return sum(row[units] for row in rows if _covers(row["slots"], row["starts"], row["ends"], day))


def _places(rows: list[Row], day: date) -> int:
    sat = [amount for row in rows for amount in row["sat_on"]]
    beside = [a["places"] for a in sat if _covers(a["slots"], *map(_day, a["period"].values()), day)]  # type: ignore[arg-type]
    return _sum(rows, day, "places") + sum(beside)


def _day(text: str | None) -> date | None:
    return date.fromisoformat(text) if text else None


WEEK = ("mon", "tue", "wed", "thu", "fri", "sat", "sun")


def _covers(slots: list[dict[str, str]], start: date, end: date | None, day: date) -> bool:
    within = start <= day and (end is None or day < end)
    return within and any(slot["day"] in (WEEK[day.weekday()], day.isoformat()) for slot in slots)

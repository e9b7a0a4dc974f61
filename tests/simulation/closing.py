"""What must hold once all is quiet: nothing lost, nothing double, everybody told the same, everything somebody's."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa

from contracts.topics import TOPICS, parse
from contracts.vocabulary import LIVE, ProposalState
from services.bus import relay
from services.bus import tables as bus
from services.ingest import store as ingest
from services.ingest.projection import tables as seen
from services.matcher import tables as matcher
from services.notifier import store
from services.notifier import tables as notifier
from services.notifier.gateways.gateway import Idempotency
from services.vault import OwnerKind
from services.vault import tables as vault
from tests.simulation.databases import effects
from tests.simulation.hostility import Habit
from tests.simulation.processes import SERVICES
from tests.simulation.town import OUTSIDERS

if TYPE_CHECKING:
    from tests.simulation.run import Simulation

S = ProposalState
Row = Any


def faults(run: Simulation) -> Iterator[str]:
    yield from lost_and_doubled(run)
    yield from said_by_nobody(run)
    yield from parked(run)
    yield from texts_twice(run)
    yield from texts_misremembered(run)
    yield from texts_out_of_order(run)
    yield from told_otherwise(run)
    yield from unanswered(run)
    yield from left_to_nobody(run)
    yield from persons_named(run)
    yield from too_much_in_hand(run)
    if run.hostility.habit is Habit.ERASURES:
        yield from known_of_the_forgotten(run)


def rows(run: Simulation, name: str, table: sa.Table, *where: sa.ColumnElement[bool]) -> list[Row]:
    with run.house.engines[name].connect() as tx:
        return list(tx.execute(sa.select(table).where(*where)).mappings())


def lost_and_doubled(run: Simulation) -> Iterator[str]:
    """Each event takes effect once at each service that has a handler for it."""
    for topic in TOPICS:
        for reader in topic.readers:
            handled = {kind.wire_type() for kind in run.processes[reader].service.reader.handlers}
            said = [row["event_id"] for row in rows(run, topic.writer, bus.outbox) if row["type"] in handled]
            times = Counter(row["event_id"] for row in rows(run, reader, effects))
            types = {row["event_id"]: row["type"] for row in rows(run, topic.writer, bus.outbox)}
            yield from (f"{reader} never handled a {types[e]}" for e in said if times[e] == 0)
            yield from (f"{reader} handled a {types[e]} {times[e]} times" for e in said if times[e] > 1)


def said_by_nobody(run: Simulation) -> Iterator[str]:
    """Each act that was answered was said once, and nothing else was."""
    wanted: Counter[str] = Counter()
    for errand in run.errands.done:
        if errand.is_taken and errand.says and not (errand.name == "sign in" and errand.answer[1]["id"] is None):  # type: ignore[index]
            wanted[errand.says] += 1
    asked = {errand.answer[1]["id"] for errand in run.errands.done if errand.is_taken and errand.name == "ask together"}  # type: ignore[index]
    wanted["siblings.asked"] = len(asked)  # who asks the same once more is given the same answer
    parted = rows(run, "ingest", ingest.siblings, ingest.siblings.c.parted_at.is_not(None))
    wanted["siblings.parted"] = len(parted)  # whoever asks for one of them with a third child parts the first two
    wanted["reply.received"] += sum(said.taken is not None and said.taken.reply is not None for said in run.phones.done)
    said = Counter(row["type"] for row in rows(run, "ingest", bus.outbox))
    for type_ in sorted({*wanted, *said} - {"request.closed"}):  # FIN closes too
        if wanted[type_] != said[type_]:
            yield f"{wanted[type_]} people were told of their {type_}, and {said[type_]} were said"
    yield from (f"nobody ever answered {errand.name}" for errand in run.errands.open)
    late = [said for said in run.phones.due(run.clock()) if said.taken is None]
    yield from (f"nobody ever took an SMS of {said.sms.message_id}" for said in late)


def parked(run: Simulation) -> Iterator[str]:
    """What is no event is put aside; nothing else is."""
    letters = [(name, row) for name in SERVICES for row in rows(run, name, bus.dead_letters)]
    yield from (f"{name} parked {row['type']}: {row['error']}" for name, row in letters if row["type"] is not None)


def texts_twice(run: Simulation) -> Iterator[str]:
    """At most one SMS of a message to one contact, whatever the gateway is able to."""
    times = Counter(text.reference for text in run.provider.taken)
    yield from (f"{reference} left {n} times" for reference, n in times.items() if n > 1)


def texts_misremembered(run: Simulation) -> Iterator[str]:
    """What the notifier says of a text is what became of it; what nobody can know is to be verified by a person."""
    left = {text.message for text in run.provider.taken}
    references = {text.reference for text in run.provider.taken}
    for row in rows(run, "notifier", notifier.messages):
        name, state = row["message"], row["state"]
        run.hostility.note(f"message: {state}")
        if state in ("sent", "delivered") and name not in left:
            yield f"{row['template']} is {state} and never left"
        if state in ("sending", "doubted") or (state == "planned" and row["send_at"] <= run.clock()):
            yield f"{row['template']} is still {state}"
        last_try_left = f"{name}-{len(row['tried'])}" in references  # to an earlier contact is told by its receipt
        if state == "cancelled" and last_try_left:
            yield f"{row['template']} is cancelled, and left"
        if state == "unknown" and (run.provider.ability is Idempotency.LOOKUP or (last_try_left and keyed(run))):
            yield f"{row['template']} is unknown though the gateway can tell"


def keyed(run: Simulation) -> bool:
    return run.provider.ability is Idempotency.KEY


def texts_out_of_order(run: Simulation) -> Iterator[str]:
    """Whoever was told that a place is gone is not asked for an answer about it afterwards."""
    about = {row["message"]: (row["proposal"], row["template"]) for row in rows(run, "notifier", notifier.messages)}
    over: set[str] = set()
    for text in run.provider.taken:
        proposal, template = about[text.message]
        if template in store.ASKING and proposal in over:
            yield f"{proposal} was asked about once more after its end"
        if template in ("expired", "withdrawn"):
            over.add(proposal)


def told_otherwise(run: Simulation) -> Iterator[str]:
    """What pages show is what the matcher decided."""
    truth = {row["proposal"]: row for row in rows(run, "matcher", matcher.proposals)}
    truth |= {row["other_half"]["half"]: row for row in truth.values() if row["other_half"]}
    shown = {row["id"]: row for row in rows(run, "ingest", seen.proposals)}
    yield from (f"{name} is on no page" for name in sorted(truth.keys() - shown.keys()))
    yield from (f"{name} is on a page only" for name in sorted(shown.keys() - truth.keys()))
    for name in sorted(truth.keys() & shown.keys()):
        if truth[name]["state"] != shown[name]["state"]:
            yield f"{name} is {truth[name]['state']} and shown as {shown[name]['state']}"
        if truth[name]["state"] == S.DELIVERED and truth[name]["deadline"] != shown[name]["deadline"]:
            yield f"{name} ends at {truth[name]['deadline']} and is shown to end at {shown[name]['deadline']}"
    yield from _placements_told(run)
    settled = {row["task"]: row["settled_at"] is not None for row in rows(run, "matcher", matcher.tasks)}
    told = {row["id"]: row["settled_at"] is not None for row in rows(run, "ingest", seen.tasks)}
    yield from (f"task {name} is not shown as it is" for name in sorted(settled) if told.get(name) != settled[name])


def _placements_told(run: Simulation) -> Iterator[str]:
    truth = {row["placement"]: row["is_over"] for row in rows(run, "matcher", matcher.placements)}
    shown = {row["id"]: row["ended_at"] is not None for row in rows(run, "ingest", seen.placements)}
    if truth != shown:
        yield f"placements differ: {sorted(truth.items() ^ shown.items())}"


def unanswered(run: Simulation) -> Iterator[str]:
    """Each answer of a family is judged, and each hold is given or denied with its reason."""
    judged = Counter(e.subject for e in _said(run, "matcher", "reply.judged"))
    for event in (*_said(run, "ingest", "reply.received"), *_said(run, "ingest", "reply.undone")):
        if judged[event.id] != 1:
            yield f"{event.type} was judged {judged[event.id]} times"
    yield from (f"hold {row['id']} has no answer" for row in rows(run, "ingest", ingest.holds)
                if row["proposal"] is None and row["denied"] is None)  # fmt: skip


def _said(run: Simulation, name: str, type_: str) -> list[Any]:
    return [parse(row["body"]) for row in rows(run, name, bus.outbox, bus.outbox.c.type == type_)]


def left_to_nobody(run: Simulation) -> Iterator[str]:
    """Each live proposal waits for a timer, for a person who has it on a list now or later, or for a child to move."""
    timed = {row["about"] for row in rows(run, "matcher", matcher.timers) if row["kind"] != "lapse"}
    open_ones = [row for row in rows(run, "matcher", matcher.tasks)
                 if row["settled_at"] is None or row["task"] in timed]  # fmt: skip
    unborn = {row["request"] for row in open_ones if row["kind"] == "birth_to_confirm"}
    live = [row for row in rows(run, "matcher", matcher.proposals) if ProposalState(row["state"]) in LIVE]
    following = {row["proposal"] for row in rows(run, "matcher", matcher.awaited)
                 if row["departs"] in {moving["proposal"] for moving in live}}  # fmt: skip
    somebodys = timed | following | {row["proposal"] for row in open_ones}
    for row in live:
        if row["proposal"] not in somebodys and row["request"] not in unborn:
            yield f"{row['proposal']} is {row['state']} and nobody's"


def persons_named(run: Simulation) -> Iterator[str]:
    """No name and no number of anybody in an event, a row beside the vault, or a log line."""
    families = run.town.asked
    marks = [name for family in families for name in family.names] + [OUTSIDERS]
    marks += [family.phone(n)[3:] for family in families for n in (0, 1)]
    words = "\n".join(run.logged)
    for name in SERVICES:
        bodies = b"\n".join(row["body"] for row in rows(run, name, bus.outbox)).decode()
        letters = "\n".join(row["error"] for row in rows(run, name, bus.dead_letters))
        yield from (f"{name} says {mark!r} aloud" for mark in marks if mark in bodies or mark in letters)
    yield from (f"a log says {mark!r}" for mark in marks if mark in words)


def too_much_in_hand(run: Simulation) -> Iterator[str]:
    """What waits while the broker is away waits in the outbox, not in memory."""
    most = relay.BATCH * len(SERVICES)
    if run.broker.most_waiting > most:
        yield f"{run.broker.most_waiting} events waited in memory"


def known_of_the_forgotten(run: Simulation) -> Iterator[str]:
    """Of a family of which no request is kept, or that never had one, nothing is in the vault, and no words."""
    kept = {row["family"] for row in rows(run, "ingest", ingest.requests, ingest.is_kept())}
    for table in (vault.keys, vault.contacts, vault.first_names, vault.lookups):
        there = {row["owner"] for row in rows(run, "vault", table, table.c.kind == OwnerKind.FAMILY)}
        yield from (f"{owner} is in {table.name}, and is known to nobody" for owner in sorted(there - kept))
    erased = {row["id"] for row in rows(run, "ingest", ingest.requests) if row["family"] not in kept}
    about = erased | {row["id"] for row in rows(run, "ingest", seen.proposals) if row["request"] in erased}
    notes = rows(run, "ingest", ingest.notes, ingest.notes.c.about.in_(about))
    yield from (f"a note about {row['about']} is kept" for row in notes)
    run.hostility.note(f"forgotten: {'some' if erased else 'nobody'}")

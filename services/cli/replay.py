"""`berceau replay --check`: a territory's state rebuilt from its events alone, and compared with the live one."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from contextlib import ExitStack
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli import installation
from services.cli.failures import NBSP, Exit

if TYPE_CHECKING:
    from datetime import datetime

    from services.bus.database import Database
    from services.bus.settings import Settings
    from services.cli.replay_events import Bodies, Witness
    from services.cli.replay_states import Difference, State

MOST_SHOWN = 20
WORDS = {"ingest": "guichet", "matcher": "attribution"}


def replay(
    check: Annotated[bool, typer.Option("--check", help="Comparer, sans rien changer.")] = False,
    territory: Annotated[str | None, typer.Option(help="Le territoire, s'il y en a plusieurs.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="En JSON.")] = False,
) -> None:
    """Rejouer les événements d'un territoire à part, et comparer avec ce que les services ont."""
    if not check:
        raise typer.BadParameter("Dites --check : rejouer compare, et ne change rien.", param_hint="--check")
    found = installation.run(compared(installation.settings(), territory))
    if as_json:
        typer.echo(json.dumps(_facts(found), indent=2, ensure_ascii=False, default=str))
    else:
        _show(found)
    raise typer.Exit(Exit.FOUND if any(one.differences for one in found.services) else Exit.DONE)


@dataclass(frozen=True)
class Compared:
    """One service: the two hashes, and every column that differs.

    `replayed` depends on the events alone. `live` is of the service's rows, with the timers that differ lawfully as the
    events give them; `as_it_is` is of the rows as they are, as a backup notes them.
    """

    service: str
    live: str
    replayed: str
    as_it_is: str
    differences: tuple[Difference, ...]
    begins: datetime | None


@dataclass(frozen=True)
class Replayed:
    territory: str
    events: int
    seconds: float
    services: tuple[Compared, ...]


async def compared(found: Settings, territory: str | None = None) -> Replayed:
    """Rebuild `territory` twice, as ingest and as the matcher know it, and compare each with its own rows."""
    begun = time.monotonic()
    async with installation.guichet_of(found) as guichet:
        named = await installation.territory_of(guichet, territory)
    async with installation.opened(found, "ingest", "matcher", "notifier") as databases:
        witnesses, everything = await _read(databases, named)
    services = tuple(_compared(found, witnesses, everything, named))
    count = sum(len(bodies) for bodies in everything.values())
    return Replayed(named, count, time.monotonic() - begun, services)


async def _read(databases: dict[str, Database], territory: str) -> tuple[tuple[Witness, ...], Bodies]:
    """Each service in one snapshot: readers first, so that what they heard is in their writers' logs."""
    from contracts.topics import DECISIONS, DECLARATIONS, MESSAGES
    from services.cli.replay_events import Witness, heard, log_begins, said_about
    from services.cli.replay_states import decided_by_the_matcher, shown

    def look(tx: Any, service: str, state: Any) -> Witness:
        said = said_about(tx, territory)
        return Witness(service, state(tx, territory), said, heard(tx), log_begins(tx))

    ingest = await databases["ingest"].read(look, "ingest", shown)
    matcher = await databases["matcher"].read(look, "matcher", decided_by_the_matcher)
    everything = {
        DECLARATIONS.name: await databases["ingest"].read(said_about, territory),
        DECISIONS.name: matcher.said,
        MESSAGES.name: await databases["notifier"].read(said_about, territory),
    }
    return (ingest, matcher), everything


def _compared(
    found: Settings, witnesses: tuple[Witness, ...], everything: Bodies, territory: str
) -> Iterator[Compared]:  # fmt: skip
    """Each witness in turn; those that know the same events, as they do at rest, are rebuilt once."""
    from services.cli.assembly import clock_of
    from services.cli.replay_events import known_to, replayed
    from services.ingest.projection import handlers

    with ExitStack() as opened:
        last: tuple[Bodies, Any] | None = None
        for witness in witnesses:
            known, now = known_to(witness, everything), clock_of(found)()
            if last is None or last[0] != known:
                engine = replayed(known, handlers(found.key("link_key")), now)
                opened.callback(engine.dispose)
                last = (known, engine)
            with last[1].begin() as tx:
                compare = _of_ingest if witness.service == "ingest" else _of_the_matcher
                yield compare(witness, tx, territory, known, now)


def _of_ingest(witness: Witness, tx: Any, territory: str, _known: Bodies, _now: datetime) -> Compared:
    from services.cli.replay_states import shown

    return _compare(witness, witness.live, shown(tx, territory))


def _of_the_matcher(witness: Witness, tx: Any, territory: str, known: Bodies, now: datetime) -> Compared:
    """A timer may have fired, or been put off, without a word: see `replay_timers`."""
    from services.cli.replay_events import kept, last_instant
    from services.cli.replay_states import as_decided
    from services.cli.replay_timers import settled

    rows, due = kept(known)
    until = max(now, last_instant(known) or now)  # in a rehearsal the events may be ahead of this machine
    live = {**witness.live, "timers": settled(witness.live["timers"], due, until)}
    return _compare(witness, live, {**as_decided(tx, territory), **rows})


def _compare(witness: Witness, live: State, again: State) -> Compared:
    from services.cli.replay_states import differences, digest

    found = tuple(differences(live, again))
    return Compared(witness.service, digest(live), digest(again), digest(witness.live), found, witness.begins)


def _facts(found: Replayed) -> dict[str, Any]:
    return {
        "territory": found.territory,
        "events": found.events,
        "seconds": round(found.seconds, 2),
        "services": [{**asdict(one), "equal": one.live == one.replayed} for one in found.services],
    }


def _show(found: Replayed) -> None:
    from services.calendar import counted

    seconds = f"{found.seconds:.1f}".replace(".", ",")
    typer.echo(f"{found.territory}{NBSP}: {counted(found.events, 'événement')} rejoués en {seconds} s.")
    for one in found.services:
        same = "même état" if not one.differences else f"{counted(len(one.differences), 'différence')}"
        typer.echo(f"{WORDS[one.service]}{NBSP}: {same}, {one.live[:16]} en service, {one.replayed[:16]} rejoué")
        if one.begins is not None:
            typer.echo(f"  Le journal commence le {one.begins:%d/%m/%Y}{NBSP}: ce qui est plus ancien peut différer.")
        for difference in one.differences[:MOST_SHOWN]:
            typer.echo(f"  {_line(difference)}")
        if len(one.differences) > MOST_SHOWN:
            typer.echo(f"  … et {len(one.differences) - MOST_SHOWN} autres. Tout est dans --json.")


def _line(one: Difference) -> str:
    where = f"{one.table} {one.key}"
    if one.replayed is None:
        return f"{where}{NBSP}: aucun événement ne le dit"
    if one.live is None:
        return f"{where}{NBSP}: les événements le disent, il manque"
    return f"{where}.{one.column}{NBSP}: {one.live!r} en service, {one.replayed!r} rejoué"

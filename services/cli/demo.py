"""The demo: one process, a synthetic territory, a week of its life. Gone at exit unless told to stay."""

from __future__ import annotations

import base64
import secrets
import shlex
import tempfile
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from itertools import count
from pathlib import Path
from typing import Any

from pydantic import SecretStr

from services.bus.delivery import Clock
from services.bus.settings import PREFIX, Settings
from services.calendar import FixedClock, at
from services.cli.embedded import Embedded, open_embedded
from services.cli.failures import NBSP, CommandFailed, Exit, of_file
from services.cli.gestures import Gestures
from services.cli.place import Place
from services.cli.players import Players
from services.cli.report import report
from services.cli.town import arrive, follow, people_of
from services.matcher.app import decide_here
from services.matcher.rounds import Decide
from services.territory import MONTLUCON_SIZE, SMALL, Size, synthesise, week_of_events

NAME = "montlucon"
FIRST_DAY = date(2026, 11, 30)
"""A Monday: the demo's week is always the same one, so that what is seen can be told again."""
DAY_BEGINS = time(8)
KEYS = "demo.env"
"""Beside kept data: what `berceau serve` needs to open them again."""
SIZES = {"small": SMALL, "full": MONTLUCON_SIZE}


@dataclass(frozen=True)
class Plan:
    """How the demo runs. `keep` is where its data stay; without it they go with the process."""

    days: int = 7
    seed: int = 7
    size: Size = MONTLUCON_SIZE
    speed: float = 240.0
    keep: Path | None = None
    host: str = "127.0.0.1"
    port: int = 8080

    def new_seed(self, territory: str, day: date) -> str:
        """A demo's draw can be told again, as the rest of its week; a territory's own may not."""
        return f"{self.seed}/{territory}/{day.isoformat()}"


def settings_of(plan: Plan, data: Path) -> Settings:
    """Settings of a demo: keys that live as long as it does, and simulated phones."""
    return Settings(
        data=data, vault_key=_key(), link_key=_key(), inbound_secret=SecretStr(secrets.token_urlsafe(16)),
        public_url=f"http://{plan.host}:{plan.port}", host=plan.host, port=plan.port, rehearsal=True,
    )  # fmt: skip


def keep_keys(settings: Settings) -> None:
    """Leave the keys beside the data that stay: without them nobody reads a contact, and no link works any more.

    They open invented people only. Raises CommandFailed where there are data already: their town is not empty.
    """
    folder, kept = settings.data, settings.data / KEYS
    opens = f"set -a && . {shlex.quote(str(kept.absolute()))} && berceau serve"
    again = f"Choisissez un autre dossier. Pour rouvrir celui-ci{NBSP}: «{NBSP}{opens}{NBSP}»."
    if any(folder.glob("*.sqlite")):
        raise CommandFailed(f"Le dossier {folder} contient déjà des données.", again, code=Exit.REFUSED)
    secret = {"vault_key": settings.vault_key, "link_key": settings.link_key, "inbound_secret": settings.inbound_secret}
    told = {name: value.get_secret_value() for name, value in secret.items()}
    told |= {"data": shlex.quote(str(folder.absolute())), "rehearsal": "true"}
    told |= {"port": str(settings.port), "public_url": settings.public_url}
    lines = [f"{PREFIX}{name.upper()}={value}\n" for name, value in told.items()]
    try:
        folder.mkdir(parents=True, exist_ok=True)
        kept.unlink(missing_ok=True)  # a file that is there keeps its mode: keys are not written for others to read
        kept.touch(mode=0o600)
        kept.write_text("".join(lines), encoding="utf-8")
    except OSError as error:
        raise of_file(kept, error, "s'écrit", "docs/commande.md") from error


def _key() -> SecretStr:
    return SecretStr(base64.b64encode(secrets.token_bytes(32)).decode())


@asynccontextmanager
async def empty_town(plan: Plan, clock: Clock, decide: Decide | None = None) -> AsyncIterator[Embedded]:
    """A Berceau in which nobody has moved yet. Its data go at the end, unless the plan keeps them, with their keys.

    Raises CommandFailed where a demo is kept there already.
    """
    with tempfile.TemporaryDirectory(prefix="berceau-demo-") as scratch:
        settings = settings_of(plan, plan.keep or Path(scratch))
        if plan.keep is not None:
            keep_keys(settings)
        town = await open_embedded(
            settings, clock, durability="FULL" if plan.keep else "OFF", decide=decide, limits=(), new_seed=plan.new_seed
        )
        try:
            yield town
        finally:
            await town.close()


async def populate(town: Place, plan: Plan, start: datetime) -> Players:
    """Let what is urgent in the synthetic territory move in."""
    territory = synthesise(plan.seed, start.date(), plan.size)
    names = await arrive(town, territory, NAME, start)
    families = {family.id: family for family in territory.families}
    gestures = Gestures(town, territory, NAME, names, families, people_of(territory.structures), count())
    return Players(town, territory, gestures, plan.seed, families)


async def everybody_else(players: Players, plan: Plan, start: datetime) -> None:
    """The families who wait for a regular place move in as well, and everybody gets their week."""
    players.plan_week(week_of_events(players.territory, plan.seed, start, plan.days))
    await follow(players.town, players.territory, NAME, start, players.gestures.names)


def first_morning() -> datetime:
    return at(FIRST_DAY, DAY_BEGINS)


async def run_headless(plan: Plan) -> dict[str, Any]:
    """Live the days as fast as the machine can, on one thread, and say what happened."""
    start = first_morning()
    end = start + timedelta(days=plan.days)
    clock = FixedClock(start)
    async with empty_town(plan, clock, decide_here) as town:
        players = await populate(town, plan, start)
        await everybody_else(players, plan, start)
        while clock() < end:
            await _do_everything(town, players, clock())
            clock.set(min(end, max(clock() + timedelta(seconds=1), await _next(town, players, end))))
        await _do_everything(town, players, end)
        figures = await report(town, start, end)
    return {**figures, "refused_gestures": dict(players.refused), "seed": plan.seed, "days": plan.days}


async def _do_everything(town: Embedded, players: Players, now: datetime) -> None:
    """Until nobody has anything left to do at `now`."""
    await players.act(now)
    await town.settle()
    while await players.act(now):
        await town.settle()


async def _next(town: Embedded, players: Players, end: datetime) -> datetime:
    due = [at for at in (players.next_at(), await town.next_due()) if at is not None]
    return min(due, default=end)

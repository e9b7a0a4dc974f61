"""A small invented territory for one scenario: who is there, and how they ask. Every person is invented."""

from __future__ import annotations

import itertools
from datetime import date, timedelta
from typing import Any

from services.calendar import local_day
from tests.journey.world import World

COMMUNE = "03098"
TUESDAY = [{"day": "tue", "start": "08:00", "end": "18:00"}]
DAY = [{"day": "tue", "start": "08:30", "end": "17:00"}]
_numbers = itertools.count(1)
FICTIONAL = 10_000
"""06 39 98 00 00 to 06 39 98 99 99: a long test has more families than that, one after the other."""


def new_phone() -> str:
    """A number kept for fiction, unlike the thousands before it."""
    return f"+3363998{next(_numbers) % FICTIONAL:04}"


async def open_town(world: World, *, automatic_release: bool = False, structures: int = 1, **structure: Any) -> None:
    """A territory with a guichet and one crèche, "Les Petits Cailloux"; more where a scenario needs them."""
    await world.give_keys(*(crèche(world, n) for n in range(structures)))
    communes = [{"code": COMMUNE, "name": "Désertines", "population": 4323}]
    await world.act(
        "coordinator", "PUT", "/territory",
        {
            "name": "Territoire inventé", "guichet_name": "Guichet enfance", "guichet_phone": "04 65 71 00 00",
            "communes": communes, "policy": "montlucon-modele", "automatic_release": automatic_release,
            "round_quiet_seconds": 0,
        },
    )  # fmt: skip
    for n in range(structures):
        await world.act("coordinator", "PUT", f"/structures/{crèche(world, n)}", _structure(world, n) | structure)


def crèche(world: World, n: int = 0) -> str:
    return f"{world.territory}-S{n}"


def section(world: World, n: int = 0) -> str:
    return f"{crèche(world, n)}-a"


def _structure(world: World, n: int) -> dict[str, Any]:
    section_facts = {
        "section": section(world, n), "name": "Tous les âges", "age_from_months": 3, "age_to_months": 40, "places": 20
    }  # fmt: skip
    return {
        "name": f"Les Petits Cailloux {n}" if n else "Les Petits Cailloux", "kind": "creche", "commune": COMMUNE,
        "capacity": 20, "sections": [section_facts],
    }  # fmt: skip


def in_days(world: World, days: int) -> date:
    return local_day(world.now()) + timedelta(days=days)


async def open_tuesdays(world: World, places: int = 1, n: int = 0, **facts: Any) -> str:
    """`places` on Tuesdays from the week after next on. Returns the vacancy's id."""
    body = {
        "section": section(world, n), "kind": "regular", "slots": TUESDAY, "places": places,
        "period": {"start": str(in_days(world, 8))}, **facts,
    }  # fmt: skip
    return (await world.act(crèche(world, n), "POST", "/vacancies", body))["id"]  # type: ignore[no-any-return]


async def ask(world: World, phone: str | None = None, *, by: str = "coordinator", **facts: Any) -> tuple[str, str]:
    """A family asks for Tuesdays. Returns the request and the phone; `phones` gives it more than one contact."""
    phones = facts.pop("phones", None) or [phone or new_phone()]
    contacts = [{"phone": number, "name": "Personne inventée"} for number in phones]
    body = {
        "kind": "regular", "born": str(in_days(world, -400)), "commune": COMMUNE,
        "wishes": [{"structure": crèche(world), "rank": 1}],
        "patterns": [{"slots": DAY, "rank": 1}], "period": {"start": str(in_days(world, 8))},
        "contacts": contacts, "child_first_name": "Inventé", **facts,
    }  # fmt: skip
    return (await world.act(by, "POST", "/requests", body))["id"], phones[0]


def with_points(*criteria: str) -> list[dict[str, Any]]:
    """Validated criteria: what puts one family before another."""
    return [{"criterion": criterion, "validated": True} for criterion in criteria]

"""Small rounds, and outcomes written beside them by hand: what a check reads, without a solver. All are invented."""

from __future__ import annotations

from datetime import time
from typing import Any

from contracts.vocabulary import Period, Slot
from services.matcher.solver.canonical import canonical
from services.matcher.solver.facts import Facts
from services.matcher.solver.schema import Hold, Outcome, Placed, Round
from tests.matcher.solver.golden import END, START, round_of

BOUNDS = {"": (time(8), time(18)), "am": (time(8), time(13)), "pm": (time(13), time(18))}
YEAR = Period(start=START, end=END)
ALWAYS = Period(start=START)


def hours(*names: str) -> tuple[Slot, ...]:
    """Hours of care: days (`mon`) from 8 to 18, or half-days (`mon_am`)."""
    parts = (name.partition("_") for name in names)
    return tuple(Slot(day=day, start=BOUNDS[half][0], end=BOUNDS[half][1]) for day, _, half in parts)


def asks(wishes: str, *days: str, points: Any = 10, **facts: Any) -> dict[str, Any]:
    """A request for one pattern; each letter of `wishes` is a structure."""
    return {"points": points, "wishes": list(wishes), "days": [list(days)], **facts}


def at(request: str, structure: str, *days: str, **facts: Any) -> Placed:
    """A child in the only section of a structure, by its first wish and pattern unless other facts say more."""
    plain = {"pattern": 0, "slots": hours(*days), "period": YEAR, "wish_rank": 1, "level": 1}
    return Placed.model_validate(
        {"request": request, "structure": structure, "section": f"{structure}-all"} | plain | facts
    )


def held(name: str, structure: str, *days: str, **facts: Any) -> Hold:
    plain = {"slots": hours(*days), "period": ALWAYS}
    return Hold.model_validate({"id": name, "section": f"{structure}-all"} | plain | facts)


def outcome_of(round: Round, *placed: Placed, **facts: Any) -> Outcome:
    """An outcome that says who is placed, and nothing more than is given here."""
    rows = tuple(sorted(placed, key=lambda row: row.request))
    nothing = {"reasons": (), "input_hash": "", "outcome_hash": ""}
    return Outcome.model_validate({"round": round.id, "policy": round.policy, "placed": rows} | nothing | facts)


def facts_of(case: dict[str, Any] | Round, *placed: Placed, holds: tuple[Hold, ...] = (), **facts: Any) -> Facts:
    """What is read of a case, more holds beside it, and such an outcome."""
    drawn = case if isinstance(case, Round) else round_of(case)
    round = canonical(drawn.model_copy(update={"holds": (*drawn.holds, *holds)}))
    return Facts(round, outcome_of(round, *placed, **facts))

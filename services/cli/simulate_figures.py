"""What a simulated year comes to: times to a place by tier, fill rate, refusals, who was served.

When to modify: when a committee asks for one more figure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from statistics import mean, median
from typing import Any

from contracts.vocabulary import Criterion
from services.cli.simulate_people import Family
from services.cli.simulate_year import Rules, Waiting, Year
from services.matcher.rules.priority_grid import grid_in_force
from services.matcher.solver.schema import Mode, Ties

FEW_DAYS = 3
FIRST_TIER = frozenset({Criterion.INSERTION, Criterion.DISABILITY})
"""Whom the territory's contract looks at first, whatever the grid of a policy says: so that two compare."""

NINE_IN_TEN = 0.9
MODES = {Mode.STABLE: "liste stable", Mode.STRICT: "priorité stricte", Mode.MOST_CHILDREN: "le plus d'enfants"}
TIES = {Ties.DRAW: "égalités tirées au sort", Ties.TOGETHER: "égalités servies ensemble"}

TIERS = ((1, True), (2, False))


def is_first(child: Family) -> bool:
    return bool(FIRST_TIER & set(child.criteria))


PROFILES: dict[str, Callable[[Family], bool]] = {
    "Parcours d'insertion ou accueil adapté": is_first,
    "Parent isolé": lambda child: Criterion.SINGLE_PARENT in child.criteria,
    "Tous les parents travaillent": lambda child: Criterion.BOTH_PARENTS_WORK in child.criteria,
    "Aucun parent ne travaille": lambda child: (
        not {Criterion.BOTH_PARENTS_WORK, Criterion.ONE_WORKS} & set(child.criteria)
    ),
    "Trois jours ou moins": lambda child: child.days <= FEW_DAYS,
    "Quatre ou cinq jours": lambda child: child.days > FEW_DAYS,
    "Un seul vœu": lambda child: len(child.wishes) == 1,
    "Plusieurs vœux": lambda child: len(child.wishes) > 1,
}


def named(rules: Rules) -> str:
    """A policy in French, with the title of its grid in force when the year begins."""
    return f"{MODES[rules.mode]}, {TIES[rules.ties]}, {title_of(rules)}"


def title_of(rules: Rules) -> str:
    from services.cli.simulate_year import FIRST_MONDAY

    return grid_in_force(rules.grid, FIRST_MONDAY).title


def figures_of(year: Year) -> dict[str, Any]:
    """The figures of one policy, ready for JSON. Times are whole weeks from the request to the family's yes."""
    rows = list(year.requests.values())
    regular = [row for row in rows if not row.child.occasional]
    brief = [row for row in rows if row.child.occasional]
    served = [row for row in regular if row.served_in is not None]
    return {
        "policy": {"grid": year.rules.grid, "mode": year.rules.mode.value, "ties": year.rules.ties.value},
        "requests": len(regular),
        "served": len(served),
        "ends": dict(Counter(row.ended or "waiting" for row in regular)),
        "tiers": {str(tier): _times([row for row in regular if is_first(row.child) is first]) for tier, first in TIERS},
        "first_wish": _share(sum(row.wish_rank == 1 for row in served), len(served)),
        "occasional": {"requests": len(brief), "served": sum(row.served_in is not None for row in brief)},
        "fill_rate": round(mean(year.fill), 4),
        "answers": year.answers,
        "profiles": {name: _served([row for row in regular if fits(row.child)]) for name, fits in PROFILES.items()},
        "envies": year.envies,
        "unproven": year.unproven,
        "violations": year.violations,
        "weeks": {"fill": [round(share, 4) for share in year.fill], "waiting": year.waiting},
    }


def _times(rows: list[Waiting]) -> dict[str, Any]:
    weeks = sorted(row.served_in for row in rows if row.served_in is not None)
    return {
        **_served(rows),
        "median_weeks": median(weeks) if weeks else None,
        "nine_in_ten_weeks": weeks[min(len(weeks) - 1, int(NINE_IN_TEN * len(weeks)))] if weeks else None,
    }


def _served(rows: list[Waiting]) -> dict[str, Any]:
    served = sum(row.served_in is not None for row in rows)
    return {"requests": len(rows), "served": served, "share": _share(served, len(rows))}


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None

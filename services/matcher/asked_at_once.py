"""The waves of a round: whom else to ask for a place of the next hours, and what each of them reads.

When to modify: with `rules/waves.py`, which decides who is asked.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping, Sequence
from datetime import date

from contracts.vocabulary import HEALTH_CRITERIA, Id
from services.calendar import date_in_full
from services.matcher.reading import Loaded
from services.matcher.rules.waves import Asking, Wave, waves_of
from services.matcher.sentences import First
from services.matcher.solver.schema import Outcome, Placed, Round


def waves(loaded: Loaded, part: Round, outcome: Outcome, going_on: Sequence[Wave]) -> list[Wave]:
    """Who is asked at once for what a part of the round decided; nobody where the territory voted no wave."""
    rule = loaded.policy.wave
    if rule is None:
        return []
    asking = Asking(rule.families, part.instant + rule.within, _looked_at_first(loaded, part))
    return waves_of(part, outcome, asking, going_on)


def _looked_at_first(loaded: Loaded, part: Round) -> frozenset[Id]:
    """Requests of a part in which health may count: a person looks before anything leaves (loi 78-17, article 47)."""
    needs = {row.id: loaded.waiting[row.id].need for row in part.requests}
    return frozenset(
        request
        for request, need in needs.items()
        if any(declared.validated and declared.criterion in HEALTH_CRITERIA for declared in need.criteria)
    )


def alone(outcome: Outcome, found: Sequence[Wave]) -> list[list[Placed]]:
    """What is proposed to one family only: one row, or the two of a week that two structures share, its first days
    first."""
    leads = {wave.asked[0].request for wave in found if not wave.before}
    rows = defaultdict[Id, list[Placed]](list)
    for row in outcome.placed:
        if row.request not in leads:
            rows[row.request].append(row)
    return [sorted(of_one, key=_first_weekday) for of_one in rows.values()]


def _first_weekday(row: Placed) -> int:
    return min(slot.weekday.number for slot in row.slots)


def sentences(found: Sequence[Wave], names: Mapping[Id, str]) -> dict[Id, First]:
    """What each family of a wave reads before its reason, in French."""
    return {
        row.request: _said(row, n, wave, names)
        for wave in found
        for n, row in enumerate(wave.new, start=wave.gone + wave.before + 1)
    }


def _said(row: Placed, n: int, wave: Wave, names: Mapping[Id, str]) -> First:
    (slot,) = row.slots
    day = date_in_full(slot.day) if isinstance(slot.day, date) else ""
    place = f"{names.get(row.structure, row.structure)}, {day}"
    asked = f"{place}\u00a0: place proposée à {len(wave.asked)} familles en même temps."
    order = f"Dans l'ordre de la liste, {{}} demande est la {'1re' if n == 1 else f'{n}e'} d'entre elles."
    if wave.before:
        order = f"Une autre n'a pas pris la place\u00a0: {{}} demande est la {n}e à qui elle est proposée."
    won = "Le premier OUI obtient la place\u00a0; les autres familles gardent leur rang."
    return First((asked, order.format("cette"), won), (asked, won), (asked, order.format("votre"), won))

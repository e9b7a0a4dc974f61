"""The places that children of waiting requests have now, each of which one request may give up.

When to modify: when a child may ask for another place in another way.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping
from dataclasses import dataclass, field
from datetime import date

import sqlalchemy as sa

from contracts.requests import NeedFacts
from contracts.vocabulary import Slot
from services.matcher import store
from services.matcher import tables as t
from services.matcher.needs import CurrentPlace

NOT_KNOWN = "La place actuelle n'est pas connue de Berceau\u00a0: le guichet l'indique, ou traite cette demande."
ASKED_TWICE = "Une autre demande veut déjà remplacer cette place\u00a0: le guichet garde l'une des deux."


@dataclass
class Standing:
    """By request: the place as a round sees it, the placement that is given up, and why it is not clear in French."""

    current: dict[str, CurrentPlace] = field(default_factory=dict)
    placements: dict[str, str] = field(default_factory=dict)
    unclear: dict[str, str] = field(default_factory=dict)


def standing_places(
    tx: sa.Connection, territory: str, today: date, needs: Mapping[str, NeedFacts], have_one: Collection[str],
    sections: Collection[str],
) -> Standing:  # fmt: skip
    """What the children of these requests have now. Those of `have_one` say that they have a place; `sections` are
    those that a round looks at."""
    rows = _placements(tx, territory, sorted({needs[name].current or "" for name in have_one}))
    own = {row["request"]: row for row in rows.values() if _lasts(row, today)}  # the latest of each
    taken = _given_up_already(tx, territory)
    found = Standing()
    for request in sorted({*have_one, *(own.keys() & needs.keys())}):
        need = needs[request]
        row = own.get(request) or rows.get(need.current or "")
        if row is None and need.kind.has_a_place:
            found.unclear[request] = NOT_KNOWN
        elif row is None or not _lasts(row, today):
            continue  # it has no place, or none any more: it asks as everybody does
        elif row["child"] != need.child:
            found.unclear[request] = NOT_KNOWN
        elif row["placement"] in taken:
            found.unclear[request] = ASKED_TWICE
        else:
            taken.add(row["placement"])
            _note(found, request, row, sections)
    return found


def _note(found: Standing, request: str, row: sa.RowMapping, sections: Collection[str]) -> None:
    found.placements[request] = row["placement"]
    if row["section"] in sections:
        days = len({slot.day for slot in _slots(row)}) if row["request"] == request else 0
        found.current[request] = CurrentPlace(row["placement"], days)


def _slots(row: sa.RowMapping) -> tuple[Slot, ...]:
    return store.SLOTS.validate_python(row["slots"])


def _lasts(row: sa.RowMapping, today: date) -> bool:
    """True while the child holds its hours there."""
    return row["hold"] is not None and (row["held_until"] is None or row["held_until"] > today)


def _placements(tx: sa.Connection, territory: str, named: list[str]) -> dict[str, sa.RowMapping]:
    """Of all placements that ever were, those of waiting requests and those that they name, with what is held still and
    whose they are, the earlier ones first."""
    rows = tx.execute(_PLACEMENTS, {"_territory": territory, "_named": named}).mappings()
    return {row["placement"]: row for row in rows}


def _given_up_already(tx: sa.Connection, territory: str) -> set[str]:
    """Placements for which a proposal is on its way."""
    return set(tx.scalars(_GIVEN_UP, {"_territory": territory}))


_P, _H, _R = t.placements, t.holds, t.requests
_PLACEMENTS = (
    sa.select(_P.c.placement, _P.c.request, _P.c.section, _P.c.slots, _H.c.hold, _H.c.ends.label("held_until"),
              _R.c.need["child"].as_string().label("child"))
    .select_from(_P.join(_R, _R.c.request == _P.c.request).outerjoin(_H, _H.c.hold == _P.c.placement))
    .where(
        _P.c.territory == sa.bindparam("_territory"),
        (_R.c.state == store.WAITING) | _P.c.placement.in_(sa.bindparam("_named", expanding=True)),
    )
    .order_by(_P.c.starts, _P.c.placement)
)  # fmt: skip
_GIVEN_UP = sa.select(t.proposals.c.replaces).where(
    t.proposals.c.territory == sa.bindparam("_territory"), t.IS_LIVE, t.proposals.c.replaces.is_not(None)
)
"""Built once: each round asks these."""

"""What structures publish of themselves, read once for a round.

When to modify: when a round reads one more thing of a structure.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from datetime import date

import sqlalchemy as sa

from services.matcher import tables as t
from services.matcher.solver.schema import Support


def structures_of(tx: sa.Connection, territory: str) -> Sequence[sa.RowMapping]:
    """The structures of a territory, in the order of their ids."""
    return tx.execute(_STRUCTURES, {"_territory": territory}).mappings().all()


_S = t.structures.c
_STRUCTURES = (
    sa.select(_S.structure, _S.name, _S.commune, _S.award_mode, _S.prepared_support, _S.support_until, _S.manager,
              _S.avip, _S.capacity, _S.insertion_children)
    .where(_S.territory == sa.bindparam("_territory"))
    .order_by(_S.structure)
)  # fmt: skip
"""Built once: each round asks it. Premises are read by who counts staff (`declared_capacity.py`)."""


def communes_of(tx: sa.Connection, territory: str) -> dict[str, str]:
    """In which commune each structure lies."""
    return communes(structures_of(tx, territory))


def communes(structures: Sequence[sa.RowMapping]) -> dict[str, str]:
    """The same of structures that were read."""
    return {row["structure"]: row["commune"] for row in structures}


def names(structures: Sequence[sa.RowMapping]) -> dict[str, str]:
    """What families call the structures: for the sentences of the reasons."""
    return {row["structure"]: row["name"] for row in structures}


def support(tx: sa.Connection, structures: Sequence[sa.RowMapping], today: date) -> tuple[Support, ...]:
    """What each structure has prepared beyond the children who need it and have, or are offered, a place there.
    A limit whose last day is over is none."""
    limited = (row for row in structures if row["support_until"] is None or row["support_until"] >= today)
    prepared = {row["structure"]: row["prepared_support"] for row in limited if row["prepared_support"] is not None}
    there = _needing_support(tx, list(prepared), today) if prepared else Counter[str]()
    return tuple(Support(structure=name, children=max(0, most - there[name])) for name, most in prepared.items())


def _needing_support(tx: sa.Connection, structures: list[str], today: date) -> Counter[str]:
    held = t.holds.join(t.proposals, t.holds.c.proposal == t.proposals.c.proposal)
    held = held.join(t.requests, t.proposals.c.request == t.requests.c.request)
    held = held.join(t.sections, t.holds.c.section == t.sections.c.section)
    query = sa.select(t.sections.c.structure, t.requests.c.need).select_from(held)
    lasting = t.holds.c.ends.is_(None) | (t.holds.c.ends > today)
    of_them = (t.sections.c.structure.in_(structures), t.holds.c.lent_by.is_(None), lasting)
    return Counter(row.structure for row in tx.execute(query.where(*of_them)) if row.need.get("needs_support"))

"""The place that a child has while its family asks for another one.

When to modify: when a family may ask for another place in another way.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import sqlalchemy as sa

from contracts.vocabulary import Id, RequestKind
from services.ingest import store
from services.ingest.actors import Act
from services.ingest.problems import Problem, invalid
from services.ingest.projection.tables import placements


def check_current(tx: sa.Connection, act: Act, kind: RequestKind, current: Id | None) -> Iterator[Problem]:
    """What is wrong with the place that a need says the child has now."""
    if current is None:
        return
    if not kind.has_a_place:
        rule = "Seule une demande de changement ou de renouvellement cite la place actuelle."
        yield Problem("current", "not_a_change", rule, "Changez le type de demande, ou retirez la place.")
    row = placement(tx, act, current)
    if row is None or row["ended_at"] is not None:
        rule = "La place actuelle est un accueil en cours dans le territoire."
        yield Problem("current", "unknown_placement", rule, "Reprenez son identifiant dans le dossier de l'enfant.")


def placement(tx: sa.Connection, act: Act, current: Id) -> dict[str, Any] | None:
    """The placement of that id in the territory, once it is confirmed."""
    row = store.find(tx, placements, current)
    return row if row is not None and row["territory"] == act.territory and row["request"] is not None else None


def require_own_place(tx: sa.Connection, act: Act, current: Id | None, family: Id, child: Id) -> None:
    """Nobody gives up the place of another child. Raises Refused."""
    row = placement(tx, act, current) if current is not None else None
    had = store.find(tx, store.requests, row["request"]) if row is not None else None
    if had is not None and (had["family"], had["child"]) != (family, child):
        rule = "La place actuelle est celle de cet enfant."
        raise invalid("current", "other_child", rule, "Reprenez la famille et l'enfant de cet accueil.")

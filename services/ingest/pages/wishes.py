"""The structures that a family wants, in its order, as a form says them: as many as a need may name, equals included.

A form opens with a few rows and offers more on demand, without a script: the button sends what was typed, and the same
page comes back with it and more rows.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import accumulate, pairwise

from contracts.requests import WishedStructure
from services.ingest.declare.needs import MOST_WISHES
from services.ingest.pages.forms import Form

ROWS_AT_ONCE = 3
"""Rows that a form opens with, and that a tap adds: most families name no more (choice)."""

MORE = "ajouter"
"""What the button for more rows asks of the form."""


def row(n: int) -> str:
    """The field of the n-th choice."""
    return f"voeu{n}"


def equal(n: int) -> str:
    """The box that puts the n-th choice level with the one before."""
    return f"egal{n}"


FIELDS = tuple(name for n in range(1, MOST_WISHES + 1) for name in (row(n), equal(n)))
"""Everything that a form may say about wishes."""


def rows(form: Form) -> range:
    """The rows to show: those that were sent, a few at least, more where more are asked for."""
    sent = max((n for n in range(1, MOST_WISHES + 1) if row(n) in form.values), default=0)
    more = ROWS_AT_ONCE if form["etape"] == MORE else 0
    return range(1, min(max(sent, ROWS_AT_ONCE) + more, MOST_WISHES) + 1)


def read(form: Form) -> tuple[WishedStructure, ...]:
    """The wishes, first ones first. A row left empty is no wish; equals share their rank."""
    chosen = _chosen(form)
    steps = [0 if form.has(equal(n), "oui") else 1 for n in chosen[1:]]
    ranks = accumulate(steps, initial=1)
    return tuple(WishedStructure(structure=form[row(n)], rank=rank) for n, rank in zip(chosen, ranks, strict=False))


def shown(wished: Sequence[WishedStructure]) -> dict[str, str | None]:
    """The fields that say these wishes; one row more stays open, so that a wish can be added at once."""
    order = sorted(wished, key=lambda wish: (wish.rank, wish.structure))
    said: dict[str, str | None] = {row(n): wish.structure for n, wish in enumerate(order, start=1)}
    pairs = enumerate(pairwise(order), start=2)
    level = {equal(n): "oui" for n, (before, wish) in pairs if wish.rank == before.rank}
    one_more = {row(len(order) + 1): ""} if len(order) < MOST_WISHES else {}
    return {**said, **level, **one_more}


def faults(form: Form) -> dict[str, str]:
    """Where the form shows what is refused of a wish: in its own row, though rows before it are empty."""
    own = {f"wishes.{n}": row(chosen) for n, chosen in enumerate(_chosen(form))}
    return {"wishes": row(1), **own}


def _chosen(form: Form) -> list[int]:
    return [n for n in range(1, MOST_WISHES + 1) if form[row(n)]]

"""The year under two policies as one HTML page: tables, and plots with their numbers below.

When to modify: with the figures; the words are in `templates/simulation.html`.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from services.cli.simulate_plots import bars, lines, number, said
from services.cli.simulate_year import FIRST_MONDAY, Setting

MONTH = 4
"""Weeks between two rows of the tables under the plots."""

ENDS = {
    "served": "placés",
    "waiting": "attendent encore",
    "gave_up": "ont trouvé ailleurs",
    "too_late": "entrent à l'école",
    "closed": "dossier clos (deux silences, ou « FIN »)",
}

Figures = Sequence[dict[str, Any]]


def page_of(setting: Setting, names: Sequence[str], figures: Figures) -> str:
    """The page, whole: no script, nothing loaded from elsewhere."""
    folder = Path(__file__).parent / "templates"
    environment = Environment(
        loader=FileSystemLoader(folder),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    environment.filters |= {"share": said, "number": number}
    return environment.get_template("simulation.html").render(
        setting=setting,
        begin=FIRST_MONDAY,
        names=names,
        letters=_letters(figures),
        figures=figures,
        ends=ENDS,
        month=MONTH,
        profiles=list(figures[0]["profiles"]),
        plots=_plots(figures),
    )


def _letters(figures: Figures) -> list[str]:
    return [f"Règle {letter}" for letter in "AB"[: len(figures)]]


def _plots(figures: Figures) -> dict[str, str]:
    letters = _letters(figures)
    weeks = [row["weeks"] for row in figures]
    shares = [(name, [row["profiles"][name]["share"] for row in figures]) for name in figures[0]["profiles"]]
    fill = [(name, row["fill"]) for name, row in zip(letters, weeks, strict=True)]
    waiting = [(name, row["waiting"]) for name, row in zip(letters, weeks, strict=True)]
    return {
        "fill": lines("Taux d'occupation, semaine par semaine", fill, percent=True),
        "waiting": lines("Demandes régulières en attente, semaine par semaine", waiting),
        "profiles": bars("Part des demandes placées, par profil de famille", shares, letters),
    }

"""`berceau simulate`: a year of an invented territory under two policies, side by side."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.failures import NBSP, CommandFailed, Exit, of_file

if TYPE_CHECKING:
    from services.cli.simulate_year import Rules, Setting

SEE = "docs/mesures.md"
FORM = "GRILLE[:MODE[:ÉGALITÉS]]"
ROWS = (
    ("Demandes régulières", "requests"),
    ("Placées", "served"),
    ("Taux d'occupation moyen", "fill_rate"),
    ("Premier vœu, parmi les placés", "first_wish"),
)


def simulate(
    a: Annotated[str, typer.Option("--a", metavar=FORM, help="La première règle.")] = "montlucon-modele:stable:draw",
    b: Annotated[str, typer.Option("--b", metavar=FORM, help="La seconde règle.")] = "pessac-2022:stable:draw",
    places: Annotated[int, typer.Option(min=10, max=5_000, help="Places du territoire.")] = 240,
    demand: Annotated[float, typer.Option(min=0.1, max=10, help="Demandes par place et par an.")] = 1.2,
    weeks: Annotated[int, typer.Option(min=4, max=104, help="Semaines à vivre.")] = 52,
    seed: Annotated[int, typer.Option(help="La même graine donne la même année.")] = 7,
    out: Annotated[Path | None, typer.Option(help="Où écrire la page HTML.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Les figures en JSON.")] = False,
) -> None:
    """Vivre une année inventée sous deux règles, et comparer."""
    from services.cli.simulate_figures import named
    from services.cli.simulate_page import page_of
    from services.cli.simulate_year import Setting

    rules = [rules_of(a), rules_of(b)]
    setting = Setting(places=places, demand=demand, weeks=weeks, seed=seed)
    figures = [_lived(setting, each) for each in rules]
    if out is not None:
        _write(out, page_of(setting, [named(each) for each in rules], figures))
    if as_json:
        typer.echo(json.dumps(figures, indent=2, ensure_ascii=False))
    else:
        _show([named(each) for each in rules], figures)


def rules_of(text: str) -> Rules:
    """`GRILLE:MODE:ÉGALITÉS`; the mode is `stable` and ties are drawn where nothing is said."""
    from services.cli.simulate_year import FIRST_MONDAY, Rules
    from services.matcher.rules.priority_grid import grid_in_force
    from services.matcher.solver.schema import Mode, Ties

    grid, mode, ties, *_ = [*text.split(":"), "", ""]
    try:
        rules = Rules(grid, Mode(mode or Mode.STABLE), Ties(ties or Ties.DRAW))
        grid_in_force(grid, FIRST_MONDAY)
    except (ValueError, LookupError, OSError) as error:
        remedy = f"Écrivez {FORM}, par exemple «{NBSP}pessac-2022:strict:together{NBSP}»."
        raise CommandFailed(f"La règle «{NBSP}{text}{NBSP}» n'existe pas.", remedy, SEE, Exit.USAGE) from error
    return rules


def _lived(setting: Setting, rules: Rules) -> dict[str, Any]:
    from rich.console import Console
    from rich.progress import track

    from services.cli.simulate_figures import figures_of, named
    from services.cli.simulate_year import lived
    from services.matcher.solver.solve import RoundRefused

    bar = track(lived(setting, rules), named(rules), total=setting.weeks, console=Console(stderr=True), transient=True)
    try:
        *_, year = bar
    except RoundRefused as refused:
        raise CommandFailed(str(refused), "Choisissez un autre mode.", SEE) from refused
    return figures_of(year)


def _write(path: Path, page: str) -> None:
    try:
        path.write_text(page, encoding="utf-8")
    except OSError as error:
        raise of_file(path, error, "s'écrit", SEE) from error


def _show(names: list[str], figures: list[dict[str, Any]]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table("", *(f"Règle {letter}" for letter in "AB"))
    for label, name in ROWS:
        table.add_row(label, *(_value(row[name]) for row in figures))
    for tier, who in (("1", "Insertion ou accueil adapté"), ("2", "Autres familles")):
        table.add_row(f"{who}{NBSP}: placées", *(_value(row["tiers"][tier]["share"]) for row in figures))
        waits = [row["tiers"][tier]["median_weeks"] for row in figures]
        table.add_row(f"{who}{NBSP}: semaines jusqu'au oui (médiane)", *(_value(wait) for wait in waits))
    for label, name in (("Refus", "non"), ("Silences", "silence"), ("Refus de la structure", "structure")):
        table.add_row(label, *(str(row["answers"][name]) for row in figures))
    table.add_row("Cas d'envie justifiée", *(str(row["envies"]) for row in figures))
    console = Console()
    for letter, name in zip("AB", names, strict=True):
        console.print(f"Règle {letter}{NBSP}: {name}", highlight=False)
    console.print(table)


def _value(value: float | None) -> str:
    from services.cli.simulate_plots import number, said

    return said(value) if isinstance(value, float) and value <= 1 else number(value)

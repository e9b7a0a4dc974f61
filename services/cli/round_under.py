"""`berceau rounds ROUND --under GRID.yaml --mode MODE`: a past round decided again under other rules, and for whom."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
import yaml
from pydantic import Field, TypeAdapter, ValidationError

from contracts.vocabulary import Id
from services.calendar import counted, local_day
from services.cli.failures import NBSP, CommandFailed, of_file
from services.cli.round_profiles import COLUMNS, Profiles, as_csv, profiles
from services.matcher.other_rules import counted_again
from services.matcher.rules.priority_grid import Grid, grid_in_force, versions
from services.matcher.solver.constraints import Settings
from services.matcher.solver.schema import Mode, Outcome, Round
from services.matcher.solver.solve import RoundRefused, decide

if TYPE_CHECKING:
    from datetime import date

    from services.matcher.declared_criteria import Declared

SEE = "docs/commande.md"

_GRIDS = TypeAdapter(Annotated[tuple[Grid, ...], Field(min_length=1)])


def decided_under(
    asked: Round, declared: Mapping[Id, Declared], communes: Mapping[Id, str], grid: str | None, mode: Mode | None
) -> tuple[Profiles, tuple[Id, ...]]:
    """The differences by profile, and the requests that keep the points they had. Raises CommandFailed."""
    other, left = asked, tuple[Id, ...]()
    day = local_day(asked.instant)
    if grid is not None:
        found = counted_again(asked, declared, communes, grid_in_force(asked.policy.grid, day), read_grid(grid, day))
        other, left = found.round, found.left
    if mode is not None:
        other = other.model_copy(update={"policy": other.policy.model_copy(update={"mode": mode})})
    return profiles(asked, declared, _decided(asked), _decided(other)), left


def _decided(asked: Round) -> Outcome:
    try:
        return decide(asked, Settings(prices=False))
    except RoundRefused as refused:
        raise CommandFailed(str(refused), "Cette attribution ne se décide pas sous ces règles.", SEE) from refused


def read_grid(name: str, day: date) -> Grid:
    """The grid of a file, or a published one by its name: the version of `day`, or the first one after it."""
    entries = _published(name) if not name.endswith((".yaml", ".yml")) else _of_file(Path(name))
    past = [entry for entry in entries if entry.valid_from <= day]
    if past:
        return max(past, key=lambda entry: entry.valid_from)
    return min(entries, key=lambda entry: entry.valid_from)


def _published(name: str) -> tuple[Grid, ...]:
    try:
        return versions(name)
    except FileNotFoundError as error:
        remedy = "Donnez un fichier .yaml, ou le nom d'une grille de services/matcher/grids."
        raise CommandFailed(f"Aucune grille {name}.", remedy, SEE) from error


def _of_file(path: Path) -> tuple[Grid, ...]:
    try:
        return _GRIDS.validate_python(yaml.safe_load(path.read_text(encoding="utf-8")))
    except OSError as error:
        raise of_file(path, error, "se lit", SEE) from error
    except (ValidationError, ValueError, yaml.YAMLError) as error:
        remedy = "Prenez pour modèle services/matcher/grids/montlucon-modele.yaml."
        raise CommandFailed(f"{path} n'est pas une grille.", remedy, SEE) from error


def tell(found: Profiles, left: tuple[Id, ...], as_json: bool, csv: Path | None) -> None:
    """The differences as a table or as JSON, and as CSV where a file is named."""
    if csv is not None:
        try:
            csv.write_bytes(as_csv(found))
        except OSError as error:
            raise of_file(csv, error, "s'écrit", SEE) from error
    if as_json:
        facts = {"total": asdict(found.total), "profiles": [asdict(row) for row in found.rows]}
        typer.echo(json.dumps({**facts, "hidden": found.hidden, "left": len(left)}, indent=2, ensure_ascii=False))
        return
    typer.echo("\n".join(_lines(found, left)))


def _lines(found: Profiles, left: tuple[Id, ...]) -> list[str]:
    rows = [COLUMNS[1:], *(tuple(map(str, list(asdict(row).values())[1:])) for row in (found.total, *found.rows))]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    lines = [_line(row, widths) for row in rows]
    if found.hidden:
        hidden = counted(found.hidden, "profil n'est pas montré", "profils ne sont pas montrés")
        lines.append(f"{hidden}{NBSP}: trop peu de familles, on les reconnaîtrait.")
    if left:
        kept = counted(len(left), "demande garde ses points", "demandes gardent leurs points")
        lines.append(f"{kept}{NBSP}: ce qu'elles avaient déclaré n'est plus gardé.")
    return lines


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    """The name to the left, the numbers to the right."""
    (name, *numbers), (first, *others) = row, widths
    cells = (number.rjust(width) for number, width in zip(numbers, others, strict=True))
    return "  ".join([name.ljust(first), *cells])

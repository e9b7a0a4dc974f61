"""`berceau policy-check`: how often hiding or reordering wishes would pay, in each mode, on a territory's own data."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli.failures import NBSP, CommandFailed

if TYPE_CHECKING:
    from services.cli.policy_check_tries import Tried
    from services.matcher.solver.schema import Mode, Outcome, Request, Round, Ties

SEE = "docs/mesures.md"
OTHERS = 2
"""Structures that each family of the sample tries to add without wanting them."""

NAMES = {
    ("stable", "draw"): "Liste stable, égalités tirées au sort",
    ("stable", "together"): "Liste stable, égalités servies ensemble",
    ("strict", "draw"): "Priorité stricte, égalités tirées au sort",
    ("strict", "together"): "Priorité stricte, égalités servies ensemble",
    ("most_children", "draw"): "Le plus d'enfants, égalités tirées au sort",
    ("most_children", "together"): "Le plus d'enfants, égalités servies ensemble",
}


def policy_check(
    round_file: Annotated[Path, typer.Argument(metavar="ROUND.json", help="L'attribution à éprouver.")],
    sample: Annotated[int, typer.Option(min=1, help="Combien de familles essaient.")] = 40,
    seed: Annotated[int, typer.Option(help="La même graine essaie les mêmes familles.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Les figures en JSON.")] = False,
) -> None:
    """Mesurer si cacher ou réordonner ses vœux rapporterait, dans chaque mode."""
    from services.cli import rounds
    from services.matcher.solver.schema import Mode, Round, Ties

    asked = rounds.read(round_file, Round)
    modes = [(mode, ties) for mode in Mode for ties in Ties]
    figures = [found for mode, ties in modes if (found := _checked(asked, mode, ties, sample, seed)) is not None]
    if not figures:
        raise CommandFailed("Aucun mode ne peut décider cette attribution.", "Corrigez le fichier.", SEE)
    if as_json:
        typer.echo(json.dumps({"modes": figures, "meaning": MEANING}, indent=2, ensure_ascii=False))
    else:
        typer.echo("\n".join([*(_told(row) for row in figures), "", MEANING]))


def _checked(asked: Round, mode: Mode, ties: Ties, sample: int, seed: int) -> dict[str, Any] | None:
    """The figures of one mode; None where the engine does not have it for this round."""
    from services.matcher.solver.canonical import RoundRefused, canonical
    from services.matcher.solver.components import split
    from services.matcher.solver.solve import solve_part

    policy = asked.policy.model_copy(update={"mode": mode, "ties": ties})
    try:
        parts = split(canonical(asked.model_copy(update={"policy": policy})))
        whole = [(part, solve_part(part)) for part in parts]
    except RoundRefused:
        return None
    found = _tried(whole, f"{mode}/{ties}", sample, seed)
    return {"mode": mode.value, "ties": ties.value, **_counted(found)}


def _tried(whole: list[tuple[Round, Outcome]], name: str, sample: int, seed: int) -> list[Tried]:
    from rich.console import Console
    from rich.progress import track

    from services.cli.policy_check_tries import tried

    chosen = sampled(whole, sample, seed)
    bar = Console(stderr=True)
    return [
        tried(part, outcome, request, others)
        for part, outcome, request, others in track(chosen, name, console=bar, transient=True)
    ]


def sampled(
    whole: list[tuple[Round, Outcome]], sample: int, seed: int
) -> list[tuple[Round, Outcome, Request, list[str]]]:
    """Families drawn with the seed, each with its part of the round and structures there that it might add.

    Siblings asked for together are left out: what one child says is not all that the family says.
    """
    from services.territory.chance import seeded

    draw = seeded(seed)
    rows = [
        (part, outcome, request)
        for part, outcome in whole
        for request in part.requests
        if not any(request.id in family.requests for family in part.siblings)
    ]
    rows.sort(key=lambda row: draw.share(row[2].id))
    return [
        (part, outcome, request, draw.shuffled(f"others/{request.id}", _structures(part))[:OTHERS])
        for part, outcome, request in rows[:sample]
    ]


def _structures(part: Round) -> list[str]:
    return sorted({section.structure for section in part.sections})


def _counted(found: list[Tried]) -> dict[str, Any]:
    from services.cli.policy_check_tries import Kind

    return {
        "families": len(found),
        "tries": sum(row.tries for row in found),
        "gain": sum(bool(row.better) for row in found),
        "lose": sum(bool(row.worse) for row in found),
        "gain_by": {kind.value: sum(kind in row.better for row in found) for kind in Kind},
    }


def _told(row: dict[str, Any]) -> str:
    by = row["gain_by"]
    return (
        f"{NAMES[row['mode'], row['ties']]}{NBSP}: {row['gain']} famille{'s' if row['gain'] > 1 else ''} sur "
        f"{row['families']} aurai{'ent' if row['gain'] > 1 else 't'} gagné à dire autre chose que ses vrais vœux "
        f"(cacher{NBSP}: {by['hide']}, réordonner{NBSP}: {by['reorder']}, ajouter{NBSP}: {by['add']}), "
        f"{row['lose']} y aurai{'ent' if row['lose'] > 1 else 't'} perdu. Essais{NBSP}: {row['tries']}."
    )


MEANING = (
    f"Ce que cela mesure{NBSP}: des familles tirées au sort disent autre chose que leurs vrais vœux (un vœu ou un "
    "rythme en moins, un autre en tête, tous à égalité, un de plus), les autres ne changeant rien. Elles gagnent si "
    "elles obtiennent une place qu'elles préfèrent. Elles connaissent ici le tirage et les vœux de toutes les autres, "
    f"ce qu'aucune famille ne sait{NBSP}: c'est le plus qu'il y aurait à gagner. Un mode où personne ne gagne ne "
    "demande à personne d'être habile."
)

"""`berceau rounds`: past rounds listed, taken out as a file, and decided again: as they were, or under other rules."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli import installation, round_explained
from services.cli.failures import NBSP, CommandFailed, Exit, of_file

if TYPE_CHECKING:
    from collections.abc import Mapping

    from services.bus.settings import Settings
    from services.matcher.declared_criteria import Declared
    from services.matcher.past_rounds import Past
    from services.matcher.solver.schema import Mode, Round

SEE = "docs/commande.md"
MOST = 20
NAMED = "ATTRIBUTION"
Which = Annotated[str | None, typer.Argument(metavar=NAMED, help="L'identifiant d'une attribution.")]


def rounds(
    round_id: Which = None,
    out: Annotated[Path | None, typer.Option("--out", help="Écrire ce qui était à décider, pour « match ».")] = None,
    check: Annotated[bool, typer.Option("--check", help="Décider de nouveau, et comparer les empreintes.")] = False,
    under: Annotated[
        str | None, typer.Option(metavar="GRILLE.yaml", help="La décider sous cette autre grille, et comparer.")
    ] = None,
    mode: Annotated[str | None, typer.Option(help="La décider dans cet autre mode, et comparer.")] = None,
    explain: Annotated[
        str | None, typer.Option(metavar="DEMANDE", help="Dire pourquoi cette demande a, ou n'a pas, sa place.")
    ] = None,
    csv: Annotated[Path | None, typer.Option(help="Les différences par profil de famille, en CSV.")] = None,
    territory: Annotated[str | None, typer.Option(help="Les attributions d'un seul territoire.")] = None,
    most: Annotated[int, typer.Option("--last", min=1, max=10_000, help="Combien en montrer.")] = MOST,
    as_json: Annotated[bool, typer.Option("--json", help="En JSON.")] = False,
) -> None:
    """Les attributions passées : les lister, en sortir une, la décider de nouveau."""
    _refuse_what_says_nothing(round_id, bool(out or check or under or mode or explain), csv, bool(under or mode))
    found = installation.settings()
    if round_id is None:
        _list(installation.run(_recent(found, territory, most)), as_json)
        return
    if under or mode:
        _decide_under(found, round_id, under, mode, csv, as_json)
        return
    if explain:
        round_explained.explain(installation.run(_one(found, round_id))[1], explain, as_json)
        return
    _show(found, round_id, out, check, as_json)


def _refuse_what_says_nothing(round_id: str | None, wants_one: bool, csv: Path | None, compares: bool) -> None:
    if csv and not compares:
        raise typer.BadParameter("Ajoutez --under ou --mode : il écrit des différences.", param_hint="--csv")
    if round_id is None and wants_one:
        raise typer.BadParameter("Nommez l'attribution ; sans nom, la commande les liste.", param_hint=NAMED)


def _show(found: Settings, round_id: str, out: Path | None, check: bool, as_json: bool) -> None:
    past, asked = installation.run(_one(found, round_id))
    if out:
        _write(out, asked)
    same = installation.run(_same(past, asked)) if check else None
    _tell(past, same, as_json)
    raise typer.Exit(Exit.FOUND if same is False else Exit.DONE)


def _decide_under(
    found: Settings, round_id: str, grid: str | None, mode: str | None, csv: Path | None, as_json: bool
) -> None:
    from services.cli.round_profiles import with_communes
    from services.cli.round_under import decided_under, tell

    other = _mode(mode) if mode else None
    asked, declared, communes = installation.run(_with_what_was_declared(found, round_id))
    differences, left = decided_under(asked, declared, communes, grid, other)
    tell(with_communes(differences, installation.run(_commune_names(found, asked.territory))), left, as_json, csv)


def _mode(name: str) -> Mode:
    from services.matcher.solver.schema import Mode

    if name not in list(Mode):
        raise typer.BadParameter(f"Choisissez parmi {', '.join(Mode)}.", param_hint="--mode")
    return Mode(name)


async def _with_what_was_declared(
    found: Settings, round_id: str
) -> tuple[Round, Mapping[str, Declared], Mapping[str, str]]:
    """The round, what counted for its requests at its instant, and the structures' communes."""
    from services.matcher.declared_criteria import declared_at
    from services.matcher.published import communes_of

    _, asked = await _one(found, round_id)
    async with installation.opened(found, "matcher") as databases:
        declared = await databases["matcher"].read(declared_at, asked.territory, asked.instant)
        return asked, declared, await databases["matcher"].read(communes_of, asked.territory)


async def _commune_names(found: Settings, territory: str) -> dict[str, str]:
    """What the guichet published of its communes: their names by Insee code."""
    from services.ingest import store

    async with installation.opened(found, "ingest") as databases:
        row = await databases["ingest"].read(store.find, store.territories, territory)
    return {} if row is None else {commune["code"]: commune["name"] for commune in row["facts"]["communes"]}


async def _recent(found: Settings, territory: str | None, most: int) -> list[Past]:
    from services.matcher.past_rounds import recent

    async with installation.opened(found, "matcher") as databases:
        return await databases["matcher"].read(recent, territory, most)


async def _one(found: Settings, round_id: str) -> tuple[Past, Round]:
    """The round and what it decided on. Raises CommandFailed where either is not there."""
    from services.matcher.past_rounds import named, what_was_asked

    async with installation.opened(found, "matcher") as databases:
        past = await databases["matcher"].read(named, round_id)
        asked = await databases["matcher"].read(what_was_asked, round_id)
    if past is None:
        raise CommandFailed(f"Aucune attribution {round_id}.", f"«{NBSP}berceau rounds{NBSP}» les liste.", SEE)
    if asked is None:
        cause = f"Ce que l'attribution {round_id} avait à décider n'est plus gardé."
        raise CommandFailed(cause, "La durée est dans services/matcher/retention.yaml.", SEE)
    return past, asked


async def _same(past: Past, asked: Round) -> bool:
    from services.matcher.app import decide_here
    from services.matcher.rounds import decided_again

    return await decided_again(asked, decide_here) == past.outcome_hash


def _write(out: Path, asked: Round) -> None:
    try:
        out.write_text(asked.model_dump_json(indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise of_file(out, error, "s'écrit", SEE) from error


def _list(past: list[Past], as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([asdict(one) for one in past], indent=2, ensure_ascii=False, default=str))
    elif not past:
        typer.echo("Aucune attribution n'a encore eu lieu.")
    else:
        typer.echo("\n".join(map(_line, past)))


def _line(past: Past) -> str:
    from services.calendar import counted, instant_in_full

    said = f"{counted(past.requests, 'demande')}, {counted(past.proposed, 'proposition')}"
    gone = "" if past.is_kept else ", ce qui était à décider n'est plus gardé"
    return f"{past.round}  {instant_in_full(past.at, with_year=True)}{NBSP}: {said}{gone}"


def _tell(past: Past, same: bool | None, as_json: bool) -> None:
    if as_json:
        facts = {**asdict(past), "decided_again_the_same": same}
        typer.echo(json.dumps(facts, indent=2, ensure_ascii=False, default=str))
        return
    typer.echo(_line(past))
    if same is not None:
        said = "donne la même décision, à l'empreinte près" if same else "donne une AUTRE décision"
        typer.echo(f"Décidée de nouveau, elle {said}.")

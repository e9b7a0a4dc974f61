"""`berceau campaign`: the intake that a commission reviews, from the machine itself: opened, drafted, released."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from services.cli import installation
from services.cli.failures import NBSP, CommandFailed, of_file
from services.cli.french import FrenchCommand, FrenchGroup

if TYPE_CHECKING:
    import sqlalchemy as sa

    from services.ingest.actors import Act
    from services.matcher.drafts import Paper

SEE = "docs/commande.md"
app = typer.Typer(cls=FrenchGroup, no_args_is_help=True, help="La campagne d'une rentrée, que la commission examine.")

Territory = Annotated[str | None, typer.Option(help="Le territoire, s'il n'y en a pas exactement un.")]
Json = Annotated[bool, typer.Option("--json", help="En JSON.")]


def _day(what: str) -> Any:
    return typer.Option(formats=["%Y-%m-%d"], help=f"{what}, ainsi{NBSP}: 2027-05-12.")


@app.callback()
def group() -> None:
    """La campagne d'une rentrée, que la commission examine."""


@app.command("open", cls=FrenchCommand)
def open_(
    first: Annotated[datetime, _day("La première entrée")],
    last: Annotated[datetime, _day("La dernière entrée")],
    requests_until: Annotated[datetime, _day("Jusqu'à quand les demandes comptent")],
    commission: Annotated[datetime, _day("Le jour de la commission")],
    territory: Territory = None,
    as_json: Json = False,
) -> None:
    """Ouvrir une campagne : ces entrées attendent la commission."""
    from contracts.vocabulary import Period
    from services.ingest.declare.campaigns import CampaignBody, open_campaign

    starts = _valid(lambda: Period(start=first.date(), end=last.date() + timedelta(days=1)))
    body = CampaignBody(starts=starts, requests_until=requests_until.date(), commission_on=commission.date())
    _done("campaign", installation.run(_act(territory, lambda tx, act, _: open_campaign(tx, act, body))), as_json)


@app.command("draft", cls=FrenchCommand)
def draft(territory: Territory = None, as_json: Json = False) -> None:
    """Demander un brouillon. Rien n'est envoyé ni retenu."""
    from services.ingest.declare.campaigns import ask_draft

    _done("draft", installation.run(_act(territory, ask_draft)), as_json)


@app.command("release", cls=FrenchCommand)
def release(
    name: Annotated[str, typer.Argument(metavar="BROUILLON", help="Le brouillon que vous avez relu.")],
    note: Annotated[str, typer.Option(help="Gardée avec la décision.")] = "",
    territory: Territory = None,
    as_json: Json = False,
) -> None:
    """Libérer le dernier brouillon. Ce qui a bougé depuis est écarté et nommé."""
    from services.ingest.declare.campaigns import ReleasedBody, release_campaign

    def do(tx: sa.Connection, act: Act, campaign: str) -> str:
        release_campaign(tx, act, campaign, ReleasedBody(draft=name, note=note))
        return campaign

    _done("campaign", installation.run(_act(territory, do)), as_json)


@app.command("end", cls=FrenchCommand)
def end(
    reason: Annotated[str, typer.Option(help="Pourquoi, gardé dans l'historique.")],
    territory: Territory = None,
    as_json: Json = False,
) -> None:
    """Mettre fin à la campagne sans rien décider."""
    from services.ingest.declare.campaigns import EndingBody, end_campaign

    def do(tx: sa.Connection, act: Act, campaign: str) -> str:
        end_campaign(tx, act, campaign, EndingBody(reason=reason))
        return campaign

    _done("campaign", installation.run(_act(territory, do)), as_json)


@app.command("show", cls=FrenchCommand)
def show(
    out: Annotated[
        Path | None, typer.Option(help="Un dossier où écrire le brouillon, pour « verify » : round.json, outcome.json.")
    ] = None,
    territory: Territory = None,
    as_json: Json = False,
) -> None:
    """Le dernier brouillon : ses chiffres, ses écarts, ses gestes."""
    view = installation.run(_view(territory))
    if view is None:
        raise CommandFailed("Aucune campagne.", f"«{NBSP}berceau campaign open{NBSP}» en ouvre une.", SEE)
    if out is not None:
        _write(out, installation.run(_paper(view["campaign"])))
    if as_json:
        typer.echo(json.dumps(view, indent=2, ensure_ascii=False, default=str))
    else:
        typer.echo("\n".join(_lines(view)))


async def _act(territory: str | None, do: Callable[..., str]) -> str:
    """One gesture of the coordinator: `do` is given the campaign that is open, or none. Raises CommandFailed."""
    from services.ingest.actors import Role
    from services.ingest.awaited import current
    from services.ingest.problems import Refused

    async with installation.guichet_of(installation.settings()) as guichet:
        name = await installation.territory_of(guichet, territory)
        act: Act = installation.act_as(guichet, Role.COORDINATOR, name)
        row = await guichet.database.read(current, name)
        try:
            return await guichet.database.write(do, act, row["id"] if row else "")
        except Refused as refused:
            raise installation.refused(refused.problems) from refused


async def _view(territory: str | None) -> dict[str, Any] | None:
    from services.ingest.actors import Role
    from services.ingest.queries.campaigns import review

    async with installation.guichet_of(installation.settings()) as guichet:
        name = await installation.territory_of(guichet, territory)
        act: Act = installation.act_as(guichet, Role.COORDINATOR, name)
        return await guichet.database.read(review, act.actor, act.now)


async def _paper(campaign: str) -> Paper:
    from services.matcher.drafts import latest

    async with installation.opened(installation.settings(), "matcher") as databases:
        draft = await databases["matcher"].read(latest, campaign)
    if draft is None or draft.paper is None:
        raise CommandFailed("Aucun brouillon n'est gardé.", f"«{NBSP}berceau campaign draft{NBSP}» en demande un.", SEE)
    return draft.paper


def _write(folder: Path, paper: Paper) -> None:
    try:
        folder.mkdir(parents=True, exist_ok=True)
        (folder / "round.json").write_text(paper.asked.model_dump_json(indent=2) + "\n", encoding="utf-8")
        (folder / "outcome.json").write_text(paper.outcome.model_dump_json(indent=2) + "\n", encoding="utf-8")
    except OSError as error:
        raise of_file(folder, error, "s'écrit", SEE) from error


def _lines(view: dict[str, Any]) -> list[str]:
    from services.calendar import counted, date_in_full

    state = {"open": "ouverte", "releasing": "en libération", "over": "terminée"}[view["state"]]
    day = date_in_full(view["commission_on"], with_year=True)
    lines = [f"Campagne {view['campaign']}, {state}. Commission du {day}."]
    draft = view["draft"]
    if draft is None:
        return [*lines, "Aucun brouillon."]
    said = f"{counted(draft['placed'], 'enfant placé', 'enfants placés')}, {counted(draft['requests'], 'demande')}"
    lines.append(f"Brouillon {draft['number']} ({draft['draft']}){NBSP}: {said}.")
    lines += [f"NON  {row['guarantee']} {row['sentence']}" for row in draft["broken"]]
    lines += [f"{row['request']}{NBSP}: {row['effect'].label}." for row in view["requests"] if row["effect"]]
    for row in view["gestures"]:
        what = "Place tenue" if row["kind"] == "hold" else f"Enfant placé par décision, {row['request']}"
        lines.append(f"{what}, {row['section']}{NBSP}: {row['reason']}")
    if view["outdated"]:
        lines.append("Un geste a suivi ce brouillon. Refaites-le avant de libérer.")
    return lines


def _valid(make: Callable[[], Any]) -> Any:
    try:
        return make()
    except ValueError as error:
        raise CommandFailed("La dernière entrée suit la première.", "Échangez les deux dates.", SEE) from error


def _done(name: str, made: str, as_json: bool) -> None:
    typer.echo(json.dumps({name: made}) if as_json else made)

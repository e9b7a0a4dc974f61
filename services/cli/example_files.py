"""`berceau example-files`: the synthetic territory as the files that `berceau import` reads."""

from __future__ import annotations

import json
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any

import typer

from services.calendar import local_day, system_clock
from services.cli.demo import SIZES
from services.ingest.declare.territories import TerritoryBody
from services.territory import Territory, synthesise
from services.territory.files import requests_csv, structures_csv, vacancies_csv

ENCODINGS = ("utf-8-sig", "cp1252")


def example_files(
    folder: Annotated[Path, typer.Argument(metavar="DOSSIER", help="Dossier où les écrire ; il est créé s'il manque.")],
    size: Annotated[str, typer.Option(help="« full » (tout le territoire) ou « small ».")] = "full",
    seed: Annotated[int, typer.Option(help="La même graine donne les mêmes fichiers.")] = 7,
    on: Annotated[datetime | None, typer.Option(formats=["%Y-%m-%d"], help="Le jour du territoire.")] = None,
    encoding: Annotated[str, typer.Option(help="« utf-8-sig » ou « cp1252 » (Excel).")] = "utf-8-sig",
) -> None:
    """Écrire les fichiers d'un territoire inventé, pour essayer l'import."""
    if size not in SIZES:
        raise typer.BadParameter("Choisissez « full » ou « small ».", param_hint="--size")
    if encoding not in ENCODINGS:
        raise typer.BadParameter("Choisissez « utf-8-sig » ou « cp1252 ».", param_hint="--encoding")
    territory = synthesise(seed, on.date() if on else local_day(system_clock()), SIZES[size])
    folder.mkdir(parents=True, exist_ok=True)
    path = folder / "territoire.json"
    path.write_text(json.dumps(_published(territory), ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    typer.echo(f"{path} : le territoire, ses communes et son guichet inventé")
    given = _without_what_no_file_carries(territory)
    for file in (structures_csv(given), vacancies_csv(given), requests_csv(given)):
        path = folder / file.name
        path.write_bytes(file.encoded(encoding))
        typer.echo(f"{path} : {len(file.rows)} lignes inventées")


def _without_what_no_file_carries(territory: Territory) -> Territory:
    """Without on-call places, each of which rests on an agreement signed at the guichet, and without the requests of
    counsellors, who are registered there: a new installation knows neither."""
    places = tuple(each for each in territory.vacancies if each.agreement is None)
    requests = tuple(each for each in territory.requests if each.prescriber is None)
    return territory.model_copy(update={"vacancies": places, "requests": requests})


def _published(territory: Territory) -> dict[str, Any]:
    """What `berceau import territory` takes."""
    facts = territory.guichet.model_dump(mode="json")
    return {name: value for name, value in facts.items() if name in TerritoryBody.model_fields}

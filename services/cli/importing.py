"""`berceau import`: the files of a town hall, into the configured installation."""

from __future__ import annotations

import contextlib
import json
import os
import sys
from collections.abc import Iterator
from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from services.cli import installation
from services.cli.failures import NBSP, CommandFailed, Exit, of_file

if TYPE_CHECKING:
    from services.bus.settings import Settings
    from services.ingest.files import Progress, Summary

MOST_SHOWN = 10
OWNER_ONLY = 0o600
"""Rejected rows name families: nobody else on the machine reads them."""


class Kind(StrEnum):
    TERRITORY = "territory"
    STRUCTURES = "structures"
    VACANCIES = "vacancies"
    REQUESTS = "requests"


What = Annotated[Kind, typer.Argument(metavar="QUOI", help="Ce que contient le fichier.")]
SOURCE = "Le fichier CSV du tableur ; pour le territoire, un fichier JSON."
Source = Annotated[Path, typer.Argument(metavar="FICHIER", help=SOURCE, dir_okay=False)]


def import_(
    kind: What,
    file: Source,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Tout vérifier, ne rien écrire.")] = False,
    rejects: Annotated[Path | None, typer.Option(help="Où rendre les lignes rejetées.")] = None,
    territory: Annotated[str | None, typer.Option(help="Le territoire, s'il y en a plusieurs.")] = None,
    one_more: Annotated[bool, typer.Option(help="Publier un territoire à côté de ceux qui le sont.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Le bilan en JSON.")] = False,
) -> None:
    """Publier le territoire, puis importer des structures, des places ou des demandes, ligne par ligne."""
    if one_more and kind is not Kind.TERRITORY:
        cause = f"--one-more publie un territoire de plus, et le fichier contient autre chose ({kind.value})."
        raise CommandFailed(cause, "Retirez --one-more.", "docs/fichiers.md", Exit.USAGE)
    data = _read(file)
    found = installation.settings()
    if kind is Kind.TERRITORY:
        _publish(found, data, territory, one_more=one_more, dry_run=dry_run, as_json=as_json)
        return
    with _progress(as_json) as progress:
        summary = installation.run(_import(found, kind, data, dry_run, territory, progress))
    written = _write_rejects(summary, rejects, file) if summary.rejected else None
    if as_json:
        facts = {**summary.as_json(), "rejects_file": str(written) if written else None}
        typer.echo(json.dumps(facts, indent=2, ensure_ascii=False))
    else:
        _tell(summary, written)
    raise typer.Exit(Exit.FOUND if summary.rejected else Exit.DONE)


def _publish(
    found: Settings, data: bytes, territory: str | None, *, one_more: bool, dry_run: bool, as_json: bool
) -> None:
    from services.cli.territory_file import publish

    id_, name = installation.run(publish(found, data, territory, one_more=one_more, dry_run=dry_run))
    told = "juste, et rien n'est écrit" if dry_run else "publié"
    if as_json:
        typer.echo(json.dumps({"territory": id_, "name": name, "published": not dry_run}, ensure_ascii=False))
    else:
        typer.echo(f"{name} ({id_}){NBSP}: {told}.")


def _read(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise of_file(file, error, "se lit", "docs/fichiers.md") from error


async def _import(
    found: Settings, kind: Kind, data: bytes, dry_run: bool, territory: str | None, progress: Progress | None
) -> Summary:
    from services.ingest.actors import Role
    from services.ingest.files import import_file
    from services.ingest.problems import Refused

    async with installation.guichet_of(found) as guichet:
        named = await installation.territory_of(guichet, territory)
        act = installation.act_as(guichet, Role.COORDINATOR, named)
        try:
            return await import_file(guichet, act, kind.value, data, dry_run=dry_run, progress=progress)
        except Refused as refused:
            failure = installation.refused(refused.problems)
            failure.see = "docs/fichiers.md"
            raise failure from refused


@contextlib.contextmanager
def _progress(as_json: bool) -> Iterator[Progress | None]:
    """A bar, where somebody looks at a terminal."""
    if as_json or not sys.stderr.isatty():
        yield None
        return
    from rich.console import Console
    from rich.progress import Progress as Bar

    with Bar(console=Console(stderr=True), transient=True) as bar:
        task = bar.add_task("Lignes", total=None)
        yield lambda done, total: bar.update(task, completed=done, total=total)


def _write_rejects(summary: Summary, asked: Path | None, file: Path) -> Path:
    """The rejected rows where they were asked for, or beside the file, never over somebody's corrections."""
    from services.ingest.files import rejects_csv

    path = asked or _free_name(file)
    if path.resolve() == file.resolve():
        raise CommandFailed("Les rejets remplaceraient le fichier importé.", "Donnez un autre nom à --rejects.")
    try:
        with os.fdopen(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, OWNER_ONLY), "wb") as out:
            out.write(rejects_csv(summary))
    except OSError as error:
        raise of_file(path, error, "s'écrit", "docs/fichiers.md") from error
    return path


def _free_name(file: Path) -> Path:
    names = (file.with_name(f"{file.stem}-rejets{n or ''}.csv") for n in range(1000))
    return next(path for path in names if not path.exists())


def _tell(summary: Summary, written: Path | None) -> None:
    from services.calendar import counted

    would = " (à blanc, rien n'est écrit)" if summary.dry_run else ""
    taken = counted(summary.taken, "prise")
    typer.echo(f"{counted(summary.read, 'ligne lue', 'lignes lues')}, {taken}{would}.")
    if summary.known:
        known = counted(summary.known, "ligne déjà importée", "lignes déjà importées")
        typer.echo(f"{known}, sans changement.")
    if summary.unread:
        typer.echo(f"Colonnes inconnues, non lues{NBSP}: {', '.join(summary.unread)}.")
    if summary.warned:
        doubled = counted(len(summary.warned), "ligne prise semble", "lignes prises semblent")
        typer.echo(f"{doubled} en double{NBSP}: même numéro, même date de naissance.")
        for row in summary.warned[:MOST_SHOWN]:
            typer.echo(f"  ligne {row.line}{NBSP}: voir {', '.join(row.requests)}")
    if written is not None:
        rejected_rows = counted(len(summary.rejected), "ligne rejetée", "lignes rejetées")
        typer.echo(f"{rejected_rows}, avec le motif et que faire, dans {written}.")
        for rejected in summary.rejected[:MOST_SHOWN]:
            typer.echo(f"  ligne {rejected.line.number}{NBSP}: {rejected.reason}")

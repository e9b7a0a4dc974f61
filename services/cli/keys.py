"""`berceau key new`: fresh secrets for an installation. Nothing is written: they go to the terminal, once."""

from __future__ import annotations

import base64
import json
import secrets
from typing import Annotated

import typer

from services.cli.failures import NBSP
from services.cli.french import FrenchCommand, FrenchGroup

KEY_BYTES = 32
app = typer.Typer(cls=FrenchGroup, no_args_is_help=True, help="Créer les secrets de l'installation.")

EXPLAINED = {
    "BERCEAU_VAULT_KEY": "ouvre le coffre des contacts. Perdue, ils ne se lisent plus. Sauvegardez-la à part.",
    "BERCEAU_LINK_KEY": "dérive les liens envoyés aux familles. Changée, ceux déjà envoyés ne marchent plus.",
    "BERCEAU_INBOUND_SECRET": "l'opérateur de SMS la connaît. Elle est dans l'adresse qu'il appelle.",
}


@app.callback()
def key() -> None:
    """Créer les secrets de l'installation."""


@app.command("new", cls=FrenchCommand)
def new(
    every: Annotated[
        bool, typer.Option("--all", help="Tous les secrets, prêts pour un fichier d'environnement.")
    ] = False,
    as_json: Annotated[bool, typer.Option("--json", help="En JSON.")] = False,
) -> None:
    """Créer une clé de 32 octets en base64, ou tout un jeu."""
    if every:
        made = {
            **{name: new_key() for name in list(EXPLAINED)[:2]},
            "BERCEAU_INBOUND_SECRET": secrets.token_urlsafe(24),
        }
        typer.echo(json.dumps(made, indent=2) if as_json else _block(made))
    else:
        typer.echo(json.dumps({"key": new_key()}) if as_json else new_key())


def new_key() -> str:
    """32 random bytes in base64."""
    return base64.b64encode(secrets.token_bytes(KEY_BYTES)).decode()


def _block(made: dict[str, str]) -> str:
    lines = [f"# {name}{NBSP}: {EXPLAINED[name]}\n{name}={value}" for name, value in made.items()]
    return "\n".join(["# Secrets de Berceau. Lisibles par le seul service (chmod 600).", *lines])

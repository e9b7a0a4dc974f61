"""What a backup says of itself: when, of what, and how to know that it is whole and that it came back the same."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from datetime import datetime
from importlib import metadata
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from pydantic import ValidationError

from contracts.vocabulary import Frozen
from services.bus.settings import Settings
from services.cli.failures import NBSP, CommandFailed
from services.cli.replay_states import decided_by_the_matcher, digest, shown
from services.ingest import store
from services.vault import Keyring

FILE = "manifest.json"
SEE = "docs/exploitation.md"

States = dict[str, dict[str, str]]
"""The hash of each territory's state, as ingest shows it and as the matcher decided it."""


class Manifest(Frozen):
    """`vault_key` names the master key without which the vault of this backup opens for nobody; `link_key` the one
    from which the links already sent derive. Neither is in the backup. `files`: SHA-256 by name."""

    made_at: datetime
    profile: str
    version: str
    vault_key: str
    link_key: str
    files: dict[str, str]
    states: States


def manifest_of(settings: Settings, folder: Path, states: States, now: datetime) -> Manifest:
    """What to write beside the files of `folder`."""
    files = {path.name: sha256(path) for path in sorted(folder.iterdir())}
    return Manifest(
        made_at=now, profile=settings.profile, version=metadata.version("berceau"), files=files, states=states,
        **_key_names(settings),
    )  # fmt: skip


def read(backup: Path) -> Manifest:
    """The manifest of `backup`, whose files are whole. Raises CommandFailed."""
    try:
        found = Manifest.model_validate_json((backup / FILE).read_text(encoding="utf-8"))
    except (OSError, ValidationError) as error:
        cause = f"{backup} n'est pas une sauvegarde de Berceau{NBSP}: son fichier {FILE} manque ou ne se lit pas."
        raise CommandFailed(cause, "Donnez le dossier que «\u00a0berceau backup\u00a0» a écrit.", SEE) from error
    broken = [name for name, digest_ in found.files.items() if sha256(backup / name) != digest_]
    if broken:
        cause = f"Cette sauvegarde est abîmée{NBSP}: {', '.join(broken)}."
        raise CommandFailed(cause, "Prenez celle d'avant, ou une autre copie.", SEE)
    return found


def check_fits(found: Manifest, settings: Settings) -> None:
    """Raises CommandFailed where this installation could not use the backup."""
    if found.profile != settings.profile:
        cause = f"Cette sauvegarde vient du profil {found.profile}, cette installation est {settings.profile}."
        raise CommandFailed(cause, "Vérifiez BERCEAU_DATABASE.", SEE)
    names = _key_names(settings)
    for name, words in (("vault_key", "du coffre"), ("link_key", "des liens")):
        if names[name] != getattr(found, name):
            cause = f"La clé {words} de cette installation n'est pas celle de la sauvegarde."
            remedy = f"Remettez BERCEAU_{name.upper()} telle qu'elle était le {found.made_at:%d/%m/%Y}."
            raise CommandFailed(cause, remedy, SEE)


def _key_names(settings: Settings) -> dict[str, str]:
    return {name: Keyring(settings.key(name)).name for name in ("vault_key", "link_key")}


def states_of(reading: Callable[[str], sa.Connection]) -> States:
    """The hashes of every territory; `reading` gives the connection of a service."""
    ingest = reading("ingest")
    territories = list(ingest.scalars(sa.select(store.territories.c.id).order_by(store.territories.c.id)))
    shown_ = {territory: digest(shown(ingest, territory)) for territory in territories}
    matcher = reading("matcher")
    return {
        territory: {"ingest": shown_[territory], "matcher": digest(decided_by_the_matcher(matcher, territory))}
        for territory in territories
    }


def sha256(path: Path) -> str:
    """Of a file; empty where there is none."""
    if not path.is_file():
        return ""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def stamp(now: datetime) -> str:
    """An instant as part of a name, in UTC: names sort as their instants do."""
    return f"{now:%Y%m%d-%H%M%S}"


def newest(folder: Path) -> tuple[Path, datetime] | None:
    """The last backup under `folder` and when it was made; None where there is none that can be read."""
    found: list[tuple[datetime, Path]] = []
    for path in folder.glob(f"*/{FILE}"):
        try:
            made: Any = Manifest.model_validate_json(path.read_text(encoding="utf-8")).made_at
        except (OSError, ValidationError):
            continue
        found.append((made, path.parent))
    return max(found)[::-1] if found else None

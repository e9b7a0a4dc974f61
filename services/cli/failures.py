"""How a command ends when it can not do its work: the cause, the remedy, where to read on, and an exit code.

When to modify: an exit code never changes once published; `docs/commande.md` lists them.
"""

from __future__ import annotations

import errno
import json
import socket
import sys
from enum import IntEnum
from pathlib import Path

NBSP = "\u00a0"


class Exit(IntEnum):
    """What a program that starts `berceau` may rely on."""

    DONE = 0
    FOUND = 1
    """The work is done, and it found something: rejected rows, a failed check, a broken guarantee."""
    USAGE = 2
    SETTINGS = 3
    AWAY = 4
    REFUSED = 5


class CommandFailed(Exception):
    """Nothing more was done. Each part is a French sentence; `see` is a document or a command."""

    def __init__(self, cause: str, remedy: str, see: str = "docs/commande.md", code: Exit = Exit.REFUSED) -> None:
        self.cause, self.remedy, self.see, self.code = cause, remedy, see, code
        super().__init__(cause)


_WHY = {
    errno.ENOENT: "il n'existe pas",
    errno.EACCES: "l'accès est refusé",
    errno.EISDIR: "c'est un dossier",
    errno.ENOSPC: "le disque est plein",
    errno.EADDRINUSE: "un autre programme l'occupe",
    errno.EADDRNOTAVAIL: "cette machine n'a pas cette adresse",
}


def of_file(path: Path, error: OSError, doing: str, see: str) -> CommandFailed:
    """A file that can not be read or written; `doing` is "se lit" or "s'écrit"."""
    why = _WHY.get(error.errno or 0, error.strerror or type(error).__name__)
    cause = f"Le fichier {path} ne {doing} pas{NBSP}: {why}."
    return CommandFailed(cause, "Vérifiez son chemin et vos droits.", see)


def require_port(host: str, port: int) -> None:
    """Raise CommandFailed where pages could not be served: the most usual reason why a first start fails."""
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    try:
        socket.create_server((host, port), family=family).close()
    except OverflowError as error:
        cause = f"Le port {port} n'existe pas{NBSP}: le dernier est 65535."
        raise CommandFailed(cause, "Choisissez un port plus petit avec --port.", code=Exit.SETTINGS) from error
    except OSError as error:
        why = _WHY.get(error.errno or 0, error.strerror or type(error).__name__)
        cause = f"Le port {port} de {host} ne s'ouvre pas{NBSP}: {why}."
        raise CommandFailed(cause, "Choisissez-en un autre avec --port.", code=Exit.SETTINGS) from error


def require_ports(host: str, first: int, number: int = 1) -> None:
    """The same for ports that follow each other, one for each service."""
    for port in range(first, first + number):
        require_port(host, port)


def tell(failure: CommandFailed, *, as_json: bool) -> None:
    """Say it on the error stream: to a person, or to the program that asked for `--json`."""
    if as_json:
        facts = {"cause": failure.cause, "remedy": failure.remedy, "see": failure.see, "exit_code": int(failure.code)}
        sys.stderr.write(json.dumps({"error": facts}, ensure_ascii=False) + "\n")
        return
    lines = (("Erreur", failure.cause), ("Remède", failure.remedy), ("En savoir plus", failure.see))
    sys.stderr.write("".join(f"{word}{NBSP}: {text}\n" for word, text in lines))

"""How a command ends when it can not do its work: the cause, the remedy, where to read on, and an exit code.

When to modify: an exit code never changes once published; `docs/commande.md` lists them.
"""

from __future__ import annotations

import json
import sys
from enum import IntEnum

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


def tell(failure: CommandFailed, *, as_json: bool) -> None:
    """Say it on the error stream: to a person, or to the program that asked for `--json`."""
    if as_json:
        facts = {"cause": failure.cause, "remedy": failure.remedy, "see": failure.see, "exit_code": int(failure.code)}
        sys.stderr.write(json.dumps({"error": facts}, ensure_ascii=False) + "\n")
        return
    lines = (("Erreur", failure.cause), ("Remède", failure.remedy), ("En savoir plus", failure.see))
    sys.stderr.write("".join(f"{word}{NBSP}: {text}\n" for word, text in lines))

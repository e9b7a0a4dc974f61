"""The words of typer and click in French: titles of the help, and what is wrong with a command line.

When to modify: with a new version of typer; `tests/cli/test_help.py` looks for English words in every help page.
"""

from __future__ import annotations

from datetime import timedelta
from typing import Any

from typer import rich_utils
from typer.core import TyperCommand, TyperGroup

from services.cli.failures import NBSP, CommandFailed, Exit

_TITLES = {
    "DEPRECATED_STRING": "(abandonné) ",
    "DEFAULT_STRING": f"[par défaut{NBSP}: {{}}]",
    "ENVVAR_STRING": f"[variable{NBSP}: {{}}]",
    "REQUIRED_LONG_STRING": "[obligatoire]",
    "ARGUMENTS_PANEL_TITLE": "Arguments",
    "OPTIONS_PANEL_TITLE": "Options",
    "COMMANDS_PANEL_TITLE": "Commandes",
}
_HELP = {
    "help": "Affiche cette aide.",
    "install_completion": "Installe la complétion pour cet interpréteur de commandes.",
    "show_completion": "Affiche la complétion, pour la copier ou l'adapter.",
}


class FrenchCommand(TyperCommand):
    """A command whose help is in French."""

    def get_params(self, ctx: Any) -> list[Any]:
        return in_french(super().get_params(ctx))

    def get_usage(self, ctx: Any) -> str:
        return usage(super().get_usage(ctx))


class FrenchGroup(TyperGroup):
    """A group of commands whose help is in French."""

    def get_params(self, ctx: Any) -> list[Any]:
        return in_french(super().get_params(ctx))

    def get_usage(self, ctx: Any) -> str:
        return usage(super().get_usage(ctx))


def age(span: timedelta) -> str:
    """ "moins d'une minute", "1 minute", "3 heures", "2 jours": one unit, the one that says enough."""
    seconds = span.total_seconds()
    for length, word in _UNITS:
        number = int(seconds // length)
        if number >= 1:
            return f"{number}{NBSP}{word}{'s' if number > 1 else ''}"
    return "moins d'une minute"


_UNITS = ((86_400, "jour"), (3_600, "heure"), (60, "minute"))


def speak_french() -> None:
    """Put the titles of typer's help pages into French."""
    for name, text in _TITLES.items():
        setattr(rich_utils, name, text)


def usage(line: str) -> str:
    for english, french in (("Usage:", f"Usage{NBSP}:"), ("COMMAND [ARGS]", "COMMANDE [ARGUMENTS]")):
        line = line.replace(english, french)
    return line


def in_french(params: list[Any]) -> list[Any]:
    """The same options, with typer's own explained in French."""
    for param in params:
        if param.name in _HELP:
            param.help = _HELP[param.name]
    return params


def as_failure(error: Any) -> CommandFailed:
    """What is wrong with a command line, from click's exception about it."""
    ctx = getattr(error, "ctx", None)
    command = ctx.command_path if ctx is not None else "berceau"
    return CommandFailed(_cause(error), f"Tapez «{NBSP}{command} --help{NBSP}».", "docs/commande.md", Exit.USAGE)


def _cause(error: Any) -> str:
    kind = type(error).__name__
    if kind == "MissingParameter":
        return f"Il manque {_named(error)}."
    if kind == "NoSuchOption":
        close = f" Vouliez-vous dire {', '.join(error.possibilities)}{NBSP}?" if error.possibilities else ""
        return f"L'option {error.option_name} n'existe pas.{close}"
    if kind == "BadParameter":
        return f"La valeur de {_named(error)} ne convient pas{NBSP}: {error.message}"
    if "No such command" in error.message:
        return f"La commande {error.message.split(chr(39))[1]} n'existe pas."
    return _KNOWN.get(error.message, f"La ligne de commande ne convient pas{NBSP}: {error.message}")


_KNOWN = {"Missing command.": "Il manque une commande."}


def _named(error: Any) -> str:
    param = error.param
    if param is None:
        return str(error.param_hint or "un argument")
    if param.param_type_name == "option":
        return str(max(param.opts, key=len))
    return f"«{NBSP}{param.metavar or param.name}{NBSP}»"

"""What is wrong with the form of an input, in French: each kind of error that pydantic finds, as rule and remedy.

When to modify: a new kind of error shows up as "Cette valeur n'est pas acceptée."; give it its own sentence.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from typing import Any

from services.calendar import counted
from services.ingest.problems import Problem

Words = tuple[str, str]
Context = Mapping[str, Any]

_FIXED: dict[str, Words] = {
    "missing": ("Ce champ est obligatoire.", "Ajoutez-le."),
    "extra_forbidden": ("Ce champ n'existe pas.", "Vérifiez son nom, ou retirez-le."),
    "json_invalid": ("Le contenu n'est pas du JSON.", "Corrigez la syntaxe."),
    "string_type": ("La valeur est un texte.", "Mettez-la entre guillemets."),
    "string_pattern_mismatch": ("La valeur n'a pas la forme attendue.", "Suivez l'exemple de la documentation."),
    "int_from_float": ("La valeur est un nombre entier.", "Retirez la virgule."),
    "finite_number": ("La valeur est un nombre fini.", "Donnez un nombre ordinaire."),
    "bool_parsing": ("La valeur est oui ou non.", "Écrivez true ou false."),
    "bool_type": ("La valeur est oui ou non.", "Écrivez true ou false."),
    "timezone_aware": ("L'heure porte son fuseau.", "Écrivez par exemple 2026-11-02T08:00:00+01:00."),
    "recursion_loop": ("Le contenu se répète sans fin.", "Vérifiez sa structure."),
}
_BY_START: dict[str, Words] = {
    "int_": ("La valeur est un nombre entier.", "Écrivez par exemple 3."),
    "float_": ("La valeur est un nombre.", "Écrivez par exemple 1.5."),
    "datetime_": ("La valeur est une date avec son heure.", "Écrivez par exemple 2026-11-02T08:00:00+01:00."),
    "date_": ("La valeur est une date.", "Écrivez par exemple 2026-11-02."),
    "time_": ("La valeur est une heure.", "Écrivez par exemple 08:30."),
    "string_unicode": ("Le texte est en UTF-8.", "Enregistrez-le en UTF-8."),
    "model_": ("La valeur est un objet.", "Vérifiez sa structure."),
    "dict_": ("La valeur est un objet.", "Vérifiez sa structure."),
    "tuple_": ("La valeur est une liste.", "Mettez-la entre crochets."),
    "list_": ("La valeur est une liste.", "Mettez-la entre crochets."),
}


def _french(context: Context) -> Words:
    """Our own validators speak French already."""
    said = str(context.get("error", "")).rstrip(".")
    return f"{said[:1].upper()}{said[1:]}.", "Corrigez cette valeur."


def _one_of(context: Context) -> Words:
    """Pydantic lists what it expects with an English "or" before the last."""
    return (
        "La valeur est dans la liste.",
        f"Choisissez parmi\u00a0: {str(context['expected']).replace(' or ', ' ou ')}.",
    )


_COUNTED: dict[str, Callable[[Context], Words]] = {
    "string_too_long": lambda c: (f"Le texte a {counted(c['max_length'], 'caractère')} au plus.", "Raccourcissez-le."),
    "string_too_short": lambda c: (f"Le texte a {counted(c['min_length'], 'caractère')} au moins.", "Complétez-le."),
    "too_long": lambda c: (f"La liste a {counted(c['max_length'], 'élément')} au plus.", "Faites plusieurs envois."),
    "too_short": lambda c: (f"La liste a {counted(c['min_length'], 'élément')} au moins.", "Complétez-la."),
    "greater_than_equal": lambda c: (f"La valeur est d'au moins {c['ge']}.", "Augmentez-la."),
    "greater_than": lambda c: (f"La valeur dépasse {c['gt']}.", "Augmentez-la."),
    "less_than_equal": lambda c: (f"La valeur est d'au plus {c['le']}.", "Diminuez-la."),
    "less_than": lambda c: (f"La valeur reste sous {c['lt']}.", "Diminuez-la."),
    "enum": _one_of,
    "literal_error": _one_of,
    "value_error": _french,
}
_OTHER: Words = ("Cette valeur n'est pas acceptée.", "Vérifiez-la dans la documentation.")
_PLACES = ("body", "query", "path", "header")


def problems_of(errors: Iterable[Mapping[str, Any]]) -> tuple[Problem, ...]:
    """The problems behind pydantic's `errors()`, at the same fields, without the values that were sent."""
    return tuple(_problem(error) for error in errors)


def _problem(error: Mapping[str, Any]) -> Problem:
    kind = str(error["type"])
    rule, remedy = _words(kind, error.get("ctx") or {})
    return Problem(_field(error["loc"]), kind, rule, remedy)


def _words(kind: str, context: Context) -> Words:
    if kind in _COUNTED:
        return _COUNTED[kind](context)
    by_start = (words for start, words in _BY_START.items() if kind.startswith(start))
    return _FIXED.get(kind) or next(by_start, _OTHER)


def _field(path: Iterable[Any]) -> str:
    parts = [str(part) for part in path]
    named = parts[1:] if parts and parts[0] in _PLACES else parts
    return ".".join(named) or "contenu"

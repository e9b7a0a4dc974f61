"""A structure's name as it fits in an SMS, and as it may be read over somebody's shoulder.

When to modify: a name that reads badly once shortened gets its word here.
"""

from __future__ import annotations

import re

from services.notifier.gsm7 import length, transliterated

LONGEST = 22
"""Septets on which the texts were counted."""

_SHORTER = (
    (r"maison d.assistant(es|e|s)? maternel(les|le|s)?", "MAM"),
    (r"micro-cr[eè]che", "Micro-cr."),
    (r"cr[eè]che familiale", "Cr. fam."),
    (r"multi-?accueil", "Multi-acc."),
    (r"halte-garderie", "Halte-g."),
    (r"jardin d.enfants", "Jardin"),
    (r"accueil de loisirs", "ALSH"),
    (r"\bsaint(e?)\b", r"St\1"),
)
_GENERIC = re.compile(
    r"^((la|le|les)? ?(maison d.assistant(es|e|s)? maternel(les|le|s)?|micro-cr[eè]che|cr[eè]che( familiale)?|"
    r"multi-?accueil|halte-garderie|jardin d.enfants|accueil de loisirs)( collective| municipale?| intercommunale?)?"
    r" (de la |de l'|de |du |des |d')?(?=\S))+",
    re.IGNORECASE,
)
_TELLS_TOO_MUCH = re.compile(r"\s*[(-]?\s*(à vocation )?d?.?(insertion( professionnelle)?|avip)\b\)?", re.IGNORECASE)
"""An AVIP crèche is for parents in insertion: its label would say so to whoever sees the phone."""


_LOOSE_END = re.compile(r"([ '-]|\b(de|du|des|d|la|le|les|l|et|à|aux?))+$", re.IGNORECASE)


def short_name(name: str, longest: int = LONGEST) -> str:
    """`name` in at most `longest` septets of GSM-7: whole, else with shorter words, else without its kind, else cut."""
    said = transliterated(" ".join(_TELLS_TOO_MUCH.sub("", name).split())) or transliterated(name)
    for shorter in (
        said,
        _with_shorter_words(said),
        _GENERIC.sub("", said),
        _GENERIC.sub("", _with_shorter_words(said)),
    ):
        if shorter and length(shorter) <= longest:
            return shorter
    return _cut(_GENERIC.sub("", said), longest)


def _with_shorter_words(name: str) -> str:
    for long, short in _SHORTER:
        name = re.sub(long, short, name, flags=re.IGNORECASE)
    return name


def _cut(name: str, longest: int) -> str:
    """The first words that fit, else the first letters."""
    words = name.split()
    while len(words) > 1 and length(" ".join(words)) > longest:
        words.pop()
    kept = " ".join(words)
    while length(kept) > longest:
        kept = kept[:-1]
    return _LOOSE_END.sub("", kept)

"""A structure's name as it fits in an SMS, and as it may be read over somebody's shoulder.

When to modify: a name that reads badly once shortened gets its word here.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from itertools import takewhile

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


def short_names(one: str, other: str, longest: int = LONGEST) -> tuple[str, str]:
    """Both as `short_name` says them; where one then says no more than the other, the words that differ behind as much
    of the others as fits ("Les Petits Nord" and "Les Petits Sud").

    They are alike only where they read alike before they are cut. `longest`: eight septets or more.
    """
    short = short_name(one, longest), short_name(other, longest)
    said = _said(one), _said(other)
    if said[0] == said[1] or not (short[0] in short[1] or short[1] in short[0]):
        return short
    without_kind = _GENERIC.sub("", said[0]), _GENERIC.sub("", said[1])
    return _told_apart(*(said if without_kind[0] == without_kind[1] else without_kind), longest)


def _told_apart(one: str, other: str, longest: int) -> tuple[str, str]:
    """Two names that differ. Where they begin alike at least half of the room is for that."""
    words, others = one.split(), other.split()
    same = _alike(words, others)
    most = longest // 2 if same else longest
    end, other_end = _shown(words[same:], most), _shown(others[same:], most)
    if end == other_end:
        first = max(_alike(one, other) - 1, 0)  # a letter of both, and those in which they differ
        end, other_end = _first_letters(one[first:], longest), _first_letters(other[first:], longest)
    head = _shown(words[:same], longest - 1 - max(length(end), length(other_end)))
    return f"{head} {end}".strip(), f"{head} {other_end}".strip()


def _alike(one: Sequence[str], other: Sequence[str]) -> int:
    """How many of the first are the same in both."""
    return sum(1 for _ in takewhile(lambda pair: pair[0] == pair[1], zip(one, other, strict=False)))


def short_name(name: str, longest: int = LONGEST) -> str:
    """`name` in at most `longest` septets of GSM-7: whole, else with shorter words, else without its kind, else cut."""
    said = _said(name)
    for shorter in (
        said,
        _with_shorter_words(said),
        _GENERIC.sub("", said),
        _GENERIC.sub("", _with_shorter_words(said)),
    ):
        if shorter and length(shorter) <= longest:
            return shorter
    return _cut(_GENERIC.sub("", said), longest)


def _said(name: str) -> str:
    """All of the name that may be said."""
    return transliterated(" ".join(_TELLS_TOO_MUCH.sub("", name).split())) or transliterated(name)


def _with_shorter_words(name: str) -> str:
    for long, short in _SHORTER:
        name = re.sub(long, short, name, flags=re.IGNORECASE)
    return name


def _cut(name: str, longest: int) -> str:
    """The first words that fit, where they say more than "Les", else the first letters."""
    letters = _first_letters(name, longest)
    return _LOOSE_END.sub("", _first_words(name.split(), longest)) or _LOOSE_END.sub("", letters) or letters


def _shown(words: Sequence[str], longest: int) -> str:
    text = " ".join(words)
    return text if length(text) <= longest else _cut(text, longest)


def _first_words(words: Sequence[str], longest: int) -> str:
    """As many as fit, none at all if it comes to that."""
    fitting = (" ".join(words[:n]) for n in range(len(words), 0, -1))
    return next((text for text in fitting if length(text) <= longest), "")


def _first_letters(text: str, longest: int) -> str:
    while text and length(text) > longest:
        text = text[:-1]
    return text

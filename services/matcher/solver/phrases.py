"""A reason in plain French: to the guichet of a family, or to the family itself.

Written without the solver. When to modify: when a wording misleads. What differs for the family stands beside what the
guichet reads, so that one is not put right without the other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, time
from functools import lru_cache

from contracts.vocabulary import Id, Slot
from services.matcher.solver.schema import Reason, Request, Why, WishReason

NBSP = "\u00a0"
A_DAY_IN_QUARTERS = 24 * 4
"""Of so many hours at least the words are kept: those that families ask for."""
BEHIND = f"La part votée de la priorité{NBSP}1 est atteinte, la demande passe selon ses points."
SHARED = "La semaine est partagée entre deux structures."
SHARED_POINTS = "Les points les plus élevés dans l'une des deux ne comptent pas dans l'autre."
BEHIND_FOR_FAMILY = BEHIND.replace("la demande", "votre demande")
SENTENCES = {
    Why.OFFERED: "Obtient le {wish}.",
    Why.PREFERRED_ELSEWHERE: "Obtient ailleurs une place au moins aussi souhaitée que le {wish}.",
    Why.NO_SECTION_FOR_AGE: "{verb} {wish} : aucune section n'y accueille cet âge à la date d'entrée.",
    Why.NO_PLACE_AT_THESE_TIMES: "{verb} {wish} : aucune place n'y est ouverte à ces horaires sur toute la période.",
    Why.KEPT_FOR_ANOTHER_AUDIENCE: "{verb} {wish} : les places à ces horaires y sont gardées pour un autre public.",
    Why.KEPT_FOR_INSERTION: "{verb} {wish} : les dernières places y sont gardées pour des familles en insertion.",
    Why.TOO_MANY_STARTS: "{verb} {wish} : trop d'enfants y commencent déjà la même semaine.",
    Why.WAITS_TOO_LONG: "{verb} {wish} : une place y est libre, mais ne peut attendre aussi longtemps.",
    Why.HELD_BY_PERSON: "{verb} {wish} : une place y est libre, et le guichet la retient. Motif : {motive}.",
    Why.GIVEN_BY_PERSON: "{verb} {wish} : la commission y place un autre enfant, par une décision motivée.",
    Why.UNKNOWN_STRUCTURE: "{verb} {wish} : cette structure n'attribue pas de place ici.",
    Why.ANSWERED_BEFORE: "{verb} {wish} : une place à ces horaires y a déjà été proposée à cette famille.",
    Why.SIBLINGS_APART: "{verb} {wish} : une place y est possible, mais pas avec toute la fratrie, comme demandé.",
    Why.WITHHELD: "{verb} {wish} : l'attribution est retenue le temps d'une vérification.",
}
TO_FAMILY = {
    **SENTENCES,
    Why.OFFERED: "Nous vous proposons le {wish}.",
    Why.PREFERRED_ELSEWHERE: "Nous vous proposons ailleurs une place au moins aussi souhaitée que le {wish}.",
    Why.ANSWERED_BEFORE: "{verb} {wish} : une place à ces horaires vous y a déjà été proposée.",
}
"""What differs where the family itself reads it."""


@dataclass(frozen=True)
class _Reader:
    """Whom the sentences speak to: of a family (`phrases`), or to it (`family_phrases`)."""

    placed: str
    waits: str
    keeps: str
    not_obtained: str
    waits_at: str
    behind: str
    this_request: str
    sentences: Mapping[Why, str]


_STAFF = _Reader(
    "Reçoit une proposition.", "Reste en attente d'une place.", "Garde sa place actuelle.",
    "N'obtient pas le", "Attend au", BEHIND, "cette demande", SENTENCES,
)  # fmt: skip
_FAMILY = _Reader(
    "Vous recevez une proposition.", "Votre demande reste en attente d'une place.",
    "Votre enfant garde sa place actuelle.", "Nous ne vous proposons pas le", "Votre demande attend au",
    BEHIND_FOR_FAMILY, "votre demande", TO_FAMILY,
)  # fmt: skip


def phrases(
    request: Request, reason: Reason, names: Mapping[Id, str] | None = None, *, points: bool = True
) -> list[str]:
    """The reason in plain French: one sentence on the whole, then one for each wish in the order of the wishes.

    `names` are the structures' names; without one a wish is known by its rank only. Without `points` nothing is said
    of this request's total, tier or rank there, nor of the last one admitted: what health counted could be worked out.
    """
    return _said(request, reason, names or {}, _STAFF, points)


def family_phrases(request: Request, reason: Reason, names: Mapping[Id, str] | None = None) -> list[str]:
    """The same, said to the family itself: nothing of its own request is kept from it."""
    return _said(request, reason, names or {}, _FAMILY, points=True)


def _said(request: Request, reason: Reason, names: Mapping[Id, str], to: _Reader, points: bool) -> list[str]:
    whole = to.placed if reason.placed else to.waits if request.current is None else to.keeps
    ranks = {wish.structure: wish.rank for wish in request.wishes}
    verb = to.not_obtained if reason.placed else to.waits_at
    behind = [to.behind] if reason.sent_behind and points else []
    behind += _shared(request, reason, points)
    tier = (request.tier, reason.sent_behind) if points else None
    own = (_phrase(wish, verb, _wish(wish, ranks, names), to, tier) for wish in reason.wishes)
    return [whole, *behind, *own]


def _shared(request: Request, reason: Reason, points: bool) -> list[str]:
    """That two structures share the week, and which points count where they differ."""
    there = [wish.structure for wish in reason.wishes if wish.why is Why.OFFERED]
    own = {row.structure: row.points for row in request.points_at}
    differ = len({own.get(structure, request.points) for structure in there}) > 1
    return [SHARED, *[SHARED_POINTS] * (points and differ)] if len(there) > 1 else []


def _wish(wish: WishReason, ranks: Mapping[Id, int], names: Mapping[Id, str]) -> str:
    name = names.get(wish.structure)
    return f"vœu{NBSP}{ranks[wish.structure]}" + (f", {name}" if name else "")


def _phrase(wish: WishReason, verb: str, named: str, to: _Reader, tier: tuple[int, bool] | None) -> str:
    """`tier` is the request's own, and whether it was sent behind; without it nothing is said of points."""
    if wish.why is Why.FULL:
        rank, last = ("", "") if tier is None else (_rank(wish), _last_admitted(wish, *tier, to.this_request))
        return f"{verb} {named}{rank}{NBSP}: {_what_is_full(wish)}{last}."
    motive = wish.held_because.strip().rstrip(".") or "non précisé"
    return to.sentences[wish.why].format(verb=verb, wish=named, motive=motive).replace(" :", f"{NBSP}:")


def _rank(wish: WishReason) -> str:
    return "" if wish.rank is None else f" (rang{NBSP}{wish.rank} dans cette structure)"


def _what_is_full(wish: WishReason) -> str:
    if not wish.full_slots:
        return "ces horaires ne tiennent pas ensemble avec ceux des enfants déjà placés"
    days: dict[str, list[str]] = defaultdict(list)
    for slot in wish.full_slots:
        days[_hours(slot.start, slot.end)].append(_day(slot))
    return "complet " + f"{NBSP}; ".join([f"{_listed(found)}, {hours}" for hours, found in days.items()])


@lru_cache(maxsize=A_DAY_IN_QUARTERS)
def _hours(start: time, end: time) -> str:
    return f"de {_hour(start)} à {_hour(end)}"


def _day(slot: Slot) -> str:
    return f"le {slot.weekday.label}" + (f" {date_in_words(slot.day)}" if isinstance(slot.day, date) else "")


def date_in_words(day: date) -> str:
    """ "1er décembre 2026", as every page writes it."""
    return f"{'1er' if day.day == 1 else day.day}{NBSP}{_MONTHS[day.month - 1]} {day.year}"


_MONTHS = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
]


def _hour(hour: time) -> str:
    return f"{hour.hour}{NBSP}h" + (f"{NBSP}{hour.minute:02}" if hour.minute else "")


def _listed(words: list[str]) -> str:
    *others, last = words
    return f"{', '.join(others)} et {last}" if others else last


def _last_admitted(wish: WishReason, tier: int, sent_behind: bool, this_request: str) -> str:
    """Who has the last place there. One that stands behind is explained: in every mode hours of one fit where those of
    another do not, and but for `stable` one child may go without so that more have a place."""
    if wish.last_points is None or wish.points is None or wish.last_tier is None:
        return ", par des places déjà tenues"
    last = f". Dernier dossier admis à ces horaires{NBSP}: priorité {wish.last_tier}, {_points(wish.last_points)}"
    tied = ". À points égaux, l'ancienneté puis le tirage départagent" if wish.last_points == wish.points else ""
    behind = not sent_behind and (wish.last_tier, -wish.last_points) > (tier, -wish.points)
    why = f". Il passe après{NBSP}: ses horaires tiennent, ou plus d'enfants ont ainsi une place" if behind else ""
    return f"{last}{NBSP}; {this_request}{NBSP}: {_points(wish.points)}{tied}{why}"


def _points(points: int) -> str:
    return f"{points}{NBSP}point" + ("s" if abs(points) > 1 else "")

"""Why each request was, or was not, offered each of its wishes, and how to say it.

Every line is read from the outcome, so that anybody can check it there. When to modify: when a family asks something
that the reasons do not answer, or when a wording misleads.
"""

from __future__ import annotations

from bisect import bisect_left
from collections import defaultdict
from collections.abc import Iterable, Iterator, Mapping
from datetime import date, time

from contracts.vocabulary import Id, Slot
from services.matcher.solver.facts import Choice, Facts, Standing, accepts_age
from services.matcher.solver.schema import Outcome, Placed, Reason, Request, Round, Why, WishReason
from services.matcher.solver.spelling import Spelling

NBSP = "\u00a0"
BEHIND = f"La part votée de la priorité{NBSP}1 est atteinte, la demande passe selon ses points."
SHARED = "La semaine est partagée entre deux structures."
SENTENCES = {
    Why.OFFERED: "Obtient le {wish}.",
    Why.PREFERRED_ELSEWHERE: "Obtient ailleurs une place au moins aussi souhaitée que le {wish}.",
    Why.NO_SECTION_FOR_AGE: "{verb} {wish} : aucune section n'y accueille cet âge à la date d'entrée.",
    Why.NO_PLACE_AT_THESE_TIMES: "{verb} {wish} : aucune place n'y est ouverte à ces horaires sur toute la période.",
    Why.KEPT_FOR_ANOTHER_AUDIENCE: "{verb} {wish} : les places à ces horaires y sont gardées pour un autre public.",
    Why.KEPT_FOR_INSERTION: "{verb} {wish} : les dernières places y sont gardées pour des familles en insertion.",
    Why.TOO_MANY_STARTS: "{verb} {wish} : trop d'enfants y commencent déjà la même semaine.",
    Why.WAITS_TOO_LONG: "{verb} {wish} : une place y est libre, mais ne peut attendre aussi longtemps.",
    Why.HELD_BY_PERSON: "{verb} {wish} : une place y est libre, et le guichet la retient avec un motif.",
    Why.UNKNOWN_STRUCTURE: "{verb} {wish} : cette structure n'attribue pas de place ici.",
    Why.ANSWERED_BEFORE: "{verb} {wish} : une place à ces horaires vous y a déjà été proposée.",
    Why.SIBLINGS_APART: "{verb} {wish} : une place y est possible, mais pas avec toute la fratrie, comme demandé.",
    Why.WITHHELD: "{verb} {wish} : l'attribution est retenue le temps d'une vérification.",
}


def explain(round: Round, outcome: Outcome) -> tuple[Reason, ...]:
    """A reason for every request of a canonical round, sorted by request; one line for each wish, in their order."""
    return reasons(read(round, outcome))


def read(round: Round, outcome: Outcome, spelling: Spelling | None = None) -> Facts:
    """What `reasons` and the checks of `verify` read: once for both, though neither trusts the solver's own reading."""
    return Facts(round, outcome, spelling)


def reasons(facts: Facts) -> tuple[Reason, ...]:
    """The same from what was read already."""
    reading = _Reading(facts)
    return tuple(reading.reason(request) for request in facts.round.requests)


class _Reading:
    """A decided round, with who may use each section, in the order of their claims."""

    def __init__(self, facts: Facts) -> None:
        self.facts = facts
        self.usable: dict[Id, list[Choice]] = {
            request: [choice for choice in choices if self._is_open(choice)]
            for request, choices in facts.choices.items()
        }
        self._lists: dict[Id, list[Id]] = {}
        self._offered: dict[Id, set[tuple[Id, int]]] = defaultdict(set)
        for row in facts.outcome.placed:
            self._offered[row.request].add((row.structure, row.wish_rank))
        self.eligible: dict[Id, dict[Id, Standing]] = defaultdict(dict)
        for request, choices in self.usable.items():
            for choice in choices:
                if request not in self.eligible[choice.section]:
                    self.eligible[choice.section][request] = facts.standing_at(request, choice.structure)

    def reason(self, request: Request) -> Reason:
        placed = self.facts.placed.get(request.id)
        lines = tuple(self._line(request, wish.structure, wish.rank) for wish in request.wishes)
        return Reason(request=request.id, placed=placed is not None, wishes=lines, sent_behind=request.sent_behind)

    def _is_open(self, choice: Choice) -> bool:
        level = self.facts.level_in(choice.request, choice.section)
        return self.facts.books[choice.section].is_offered(choice.span, level)

    def _line(self, request: Request, structure: Id, wish_rank: int) -> WishReason:
        choices = [choice for choice in self.usable[request.id] if choice.structure == structure]
        why = self._why(request, structure, wish_rank, choices)
        if not choices:
            return WishReason(structure=structure, why=why)
        full = self._full(choices) if why is Why.FULL else []
        last = self._last_band(self._users(full) if full else self._admitted(choices))
        return WishReason(
            structure=structure,
            why=why,
            rank=self._rank(request.id, {choice.section for choice in choices}),
            points=-self.facts.standing_at(request.id, structure)[1],
            full_slots=_in_order(self._full_slots(full)),
            last_tier=last[0] if last else None,
            last_points=last[1] if last else None,
        )

    def _why(self, request: Request, structure: Id, wish_rank: int, choices: list[Choice]) -> Why:
        row = self.facts.placed.get(request.id)
        if (structure, wish_rank) in self._offered[request.id]:
            return Why.OFFERED
        if not choices:
            return self._why_no_choice(request, structure)
        if row is not None and not self._are_better(row, choices):
            return Why.PREFERRED_ELSEWHERE
        together = self.facts.families.together(self.facts.families.unit[request.id])
        if together is None and any(map(self.facts.is_held_by_person, choices)):
            return Why.HELD_BY_PERSON
        if self._full(choices):
            return Why.FULL
        limited = (self._limited(choice) for choice in choices)
        return next(filter(None, limited), Why.FULL if together is None else Why.SIBLINGS_APART)

    def _limited(self, choice: Choice) -> Why | None:
        return self.facts.limit_in_the_way(choice, self.eligible[choice.section][choice.request])

    def _are_better(self, row: Placed, choices: list[Choice]) -> bool:
        """True if one of these choices, with what a family's other children would have then, is worth more to it."""
        unit = self.facts.families.unit[row.request]
        if self.facts.families.together(unit) is None:
            return any(choice.level < row.level for choice in choices)
        return any(choice in choices for wanted in self.facts.preferred(unit) for choice in wanted.choices)

    def _why_no_choice(self, request: Request, structure: Id) -> Why:
        sections = self.facts.by_structure[structure]
        if not sections:
            return Why.UNKNOWN_STRUCTURE
        if not any(accepts_age(section, request) for section in sections):
            return Why.NO_SECTION_FOR_AGE
        here = [choice for choice in self.facts.choices[request.id] if choice.structure == structure]
        if not here and {row.section for row in request.not_again} & {section.id for section in sections}:
            return Why.ANSWERED_BEFORE
        if any(choice.structure == structure for choice in self.facts.too_late.get(request.id, ())):
            return Why.WAITS_TOO_LONG
        offered = any(self.facts.books[choice.section].is_offered(choice.span) for choice in here)
        return Why.KEPT_FOR_ANOTHER_AUDIENCE if offered else Why.NO_PLACE_AT_THESE_TIMES

    def _rank(self, request: Id, sections: set[Id]) -> int:
        """One more than the number of requests that may use a place there and have a higher claim."""
        ahead: set[Id] = set()
        for section in sections:
            ranked = self._ranked(section)
            ahead.update(
                ranked[: bisect_left(ranked, self.eligible[section][request], key=self.eligible[section].__getitem__)]
            )
        return len(ahead) + 1

    def _ranked(self, section: Id) -> list[Id]:
        if section not in self._lists:
            self._lists[section] = sorted(self.eligible[section], key=self.eligible[section].__getitem__)
        return self._lists[section]

    def _full(self, choices: list[Choice]) -> list[tuple[Choice, int]]:
        """The choices in whose hours those who stand before the request, and what is held, leave no room, with these
        cells as bits."""
        standing = self.eligible
        found = [
            (choice, self.facts.full_cells(choice, standing[choice.section][choice.request])) for choice in choices
        ]
        return [(choice, cells) for choice, cells in found if cells]

    def _full_slots(self, full: list[tuple[Choice, int]]) -> Iterator[Slot]:
        for choice, cells in full:
            book = self.facts.books[choice.section]
            yield from (slot for slot in choice.slots if book.slot_mask(slot, choice.period) & cells)

    def _users(self, full: list[tuple[Choice, int]]) -> set[Id]:
        """The children who stand before the request in cells that are full for it."""
        found: set[Id] = set()
        for choice, cells in full:
            book, mine = self.facts.books[choice.section], self.eligible[choice.section][choice.request]
            before = (row for row in book.placed if self.facts.standings[row.request] < mine)
            found.update(row.request for row in before if book.mask(row.slots, row.period) & cells)
        return found

    def _admitted(self, choices: list[Choice]) -> set[Id]:
        return {row.request for choice in choices for row in self.facts.books[choice.section].placed}

    def _last_band(self, admitted: set[Id]) -> tuple[int, int] | None:
        """Tier and points on which the lowest of these was admitted."""
        if not admitted:
            return None
        tier, minus_points, _, _ = max(self.facts.standings[request] for request in admitted)
        return (tier, -minus_points)


def _in_order(slots: Iterable[Slot]) -> tuple[Slot, ...]:
    """The slots in the order of the week, each once."""
    found = {(slot.weekday.number, str(slot.day), slot.start, slot.end): slot for slot in slots}
    return tuple(found[key] for key in sorted(found))


def phrases(
    request: Request, reason: Reason, names: Mapping[Id, str] | None = None, *, points: bool = True
) -> list[str]:
    """The reason in plain French: one sentence on the whole, then one for each wish in the order of the wishes.

    `names` are the structures' names; without one a wish is known by its rank only. Without `points` nothing is said
    of this request's total, tier or rank there, nor of the last one admitted: what health counted could be worked out.
    """
    waits = "Reste en attente d'une place." if request.current is None else "Garde sa place actuelle."
    whole = "Reçoit une proposition." if reason.placed else waits
    ranks = {wish.structure: wish.rank for wish in request.wishes}
    verb = "N'obtient pas le" if reason.placed else "Attend au"
    behind = [BEHIND] if reason.sent_behind and points else []
    behind += [SHARED] if sum(wish.why is Why.OFFERED for wish in reason.wishes) > 1 else []
    own = (_phrase(wish, verb, _wish(wish, ranks, names or {}), points) for wish in reason.wishes)
    return [whole, *behind, *own]


def _wish(wish: WishReason, ranks: Mapping[Id, int], names: Mapping[Id, str]) -> str:
    name = names.get(wish.structure)
    return f"vœu{NBSP}{ranks[wish.structure]}" + (f", {name}" if name else "")


def _phrase(wish: WishReason, verb: str, named: str, points: bool) -> str:
    if wish.why is Why.FULL:
        rank, last = (_rank(wish), _last_admitted(wish)) if points else ("", "")
        return f"{verb} {named}{rank}{NBSP}: {_what_is_full(wish)}{last}."
    return SENTENCES[wish.why].format(verb=verb, wish=named).replace(" :", f"{NBSP}:")


def _rank(wish: WishReason) -> str:
    return "" if wish.rank is None else f" (rang{NBSP}{wish.rank} dans cette structure)"


def _what_is_full(wish: WishReason) -> str:
    if not wish.full_slots:
        return "ces horaires ne tiennent pas ensemble avec ceux des enfants déjà placés"
    days: dict[str, list[str]] = defaultdict(list)
    for slot in wish.full_slots:
        days[f"de {_hour(slot.start)} à {_hour(slot.end)}"].append(_day(slot))
    return "complet " + f"{NBSP}; ".join(f"{_listed(found)}, {hours}" for hours, found in days.items())


def _day(slot: Slot) -> str:
    return f"le {slot.weekday.label}" + (f" {_date(slot.day)}" if isinstance(slot.day, date) else "")


def _date(day: date) -> str:
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
    return " et ".join([", ".join(words[:-1]), words[-1]] if len(words) > 1 else words)


def _last_admitted(wish: WishReason) -> str:
    if wish.last_points is None or wish.points is None:
        return ", par des places déjà tenues"
    last = f". Dernier dossier admis à ces horaires{NBSP}: priorité {wish.last_tier}, {_points(wish.last_points)}"
    tied = ". À points égaux, l'ancienneté puis le tirage départagent" if wish.last_points == wish.points else ""
    return f"{last}{NBSP}; cette demande{NBSP}: {_points(wish.points)}{tied}"


def _points(points: int) -> str:
    return f"{points}{NBSP}point" + ("s" if abs(points) > 1 else "")

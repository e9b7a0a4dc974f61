"""A proof in plain French: how many places there are, and how many those who go before take. Nobody is named.

Written without the solver. When to modify: when a wording misleads.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import date, time

from contracts.vocabulary import WEEKDAYS, Id
from services.matcher.solver.canonical import canonical
from services.matcher.solver.facts import Facts
from services.matcher.solver.phrases import date_in_words
from services.matcher.solver.proven import Sum, sums
from services.matcher.solver.schema import Goal, GoalPrice, LimitPrice, Outcome, Price, Round
from services.matcher.solver.voted import as_ranked

NBSP = "\u00a0"
Names = Mapping[Id, str]
BEGIN = "Des enfants qui passent avant commencent"
GOALS = {
    Goal.TOTAL: "le nombre d'enfants placés en tout",
    Goal.CHILDREN: "le nombre d'enfants servis parmi des demandes à égalité",
    Goal.WISHES: "les vœux obtenus par des demandes à égalité",
}


def proof_phrases(round: Round, outcome: Outcome, request: Id, names: Names | None = None) -> list[str]:
    """The proofs of all that a request of a round would prefer, wish by wish; empty where none is written.

    `names` are the structures' names; without one a structure, or a section, is known by its id.
    """
    return all_proof_phrases(round, outcome, (request,), names).get(request, [])


def all_proof_phrases(
    round: Round, outcome: Outcome, requests: Iterable[Id] | None = None, names: Names | None = None
) -> dict[Id, list[str]]:
    """The same for these requests, or for all, added up in one descent."""
    facts = Facts(as_ranked(canonical(round), outcome), outcome)
    wanted = tuple(facts.requests) if requests is None else tuple(requests)
    told = _Telling(facts, names or {})
    found = sums(facts, wanted)
    return {
        name: [line for row in found[facts.families.unit[name]] for line in told.proof(row, name)] for name in wanted
    }


class _Telling:
    """Sums in words, with the names by which families know the structures."""

    def __init__(self, facts: Facts, names: Names) -> None:
        self._names = {row.id: names[row.structure] for row in facts.round.sections if row.structure in names} | {
            **names
        }
        self._placed = {(row.request, row.structure) for row in facts.outcome.placed}

    def proof(self, found: Sum, request: Id) -> Iterator[str]:
        """One sum; what is refused where the child is placed is another rhythm, which it would prefer."""
        there = f" à {self._name(found.structure)}" if found.structure else " pour plusieurs places ensemble"
        there += ", pour un rythme préféré" if (request, found.structure) in self._placed else ""
        proof = found.proof
        counted: list[Price | LimitPrice] = [*proof.prices, *proof.limits]
        if len(counted) == 1 and not proof.goals:
            yield f"Preuve{there}{NBSP}: {_alone(counted[0], found.places)}."
            yield from (_taken(counted[0], found.places),) if found.places > 0 else ()
            return
        yield f"Preuve{there}{NBSP}: {_how_many(len(counted))}."
        yield from (f"- {self._row(row)}{_weight(row)}" for row in counted)
        yield from _lowered(proof.goals) if proof.goals else _added_up(found)

    def _name(self, id: Id | None) -> str:
        return self._names.get(id or "", id or "")

    def _row(self, row: Price | LimitPrice) -> str:
        if isinstance(row, Price):
            return f"{self._name(row.section)}, {_moment(row.day, row.hour)}"
        if row.hour is not None:
            return f"places gardées à l'insertion, {_moment(row.day, row.hour)}"
        return f"débuts d'accueil à {self._name(row.section)}, la semaine du {_day(row.day)}"


def _how_many(counted: int) -> str:
    if counted > 1:
        return f"{counted} moments sont comptés ensemble"
    return "un moment est compté" if counted else "ce que d'autres ont obtenu suffit à le montrer"


def _added_up(found: Sum) -> Iterator[str]:
    yield f"Ces moments comptent {found.places} place{_s(found.places)}."
    yield f"Les enfants qui passent avant en prennent {found.before} au moins."
    yield f"Cette demande en prendrait {found.more}{NBSP}: {found.before} + {found.more} dépasse {found.places}."


def _lowered(goals: Iterable[GoalPrice]) -> Iterator[str]:
    """What serving this request would make worse, at least one of it; no band is named by its points."""
    yield f"Servie là, cette demande ferait perdre sur l'un de ces points{NBSP}:"
    yield from dict.fromkeys(f"- {GOALS[row.goal]}" for row in goals)


def _alone(row: Price | LimitPrice, places: int) -> str:
    """One moment, and how many places it has."""
    if isinstance(row, Price):
        return f"{_moment(row.day, row.hour)}, {_places(places)}"
    if row.hour is not None:
        left = f"{places} place{_s(places)}" if places > 0 else "aucune place"
        return f"{_moment(row.day, row.hour)}, l'insertion laisse {left} aux autres"
    begin = f"{places} enfant{_s(places)} au plus y commence{'nt' if places > 1 else ''}"
    return f"la semaine du {_day(row.day)}, {begin if places > 0 else 'aucun autre enfant ne peut commencer'}"


def _taken(row: Price | LimitPrice, places: int) -> str:
    if isinstance(row, LimitPrice) and row.hour is None:
        return f"{'Un enfant qui passe avant commence' if places == 1 else BEGIN} cette semaine-là."
    one = "Un enfant qui passe avant la prend."
    return one if places == 1 else "Des enfants qui passent avant les prennent toutes."


def _places(places: int) -> str:
    return f"il y a {places} place{_s(places)}" if places > 0 else "aucune place n'est libre"


def _s(count: int) -> str:
    return "s" if count > 1 else ""


def _weight(price: Price | LimitPrice) -> str:
    return f", compté {price.price} fois" if price.price > 1 else ""


def _moment(day: date, hour: time) -> str:
    return f"le {_day(day)} à {_hour(hour)}"


def _day(day: date) -> str:
    return f"{WEEKDAYS[day.weekday()].label} {date_in_words(day)}"


def _hour(hour: time) -> str:
    return f"{hour.hour}{NBSP}h" + (f"{NBSP}{hour.minute:02}" if hour.minute else "")

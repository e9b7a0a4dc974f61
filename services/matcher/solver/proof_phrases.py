"""A proof in plain French: how many places there are, and how many those who go before take. Nobody is named.

Written without the solver. When to modify: when a wording misleads.
"""

from __future__ import annotations

from collections.abc import Container, Iterator
from datetime import date, time

from contracts.vocabulary import WEEKDAYS, Id
from services.matcher.solver.canonical import canonical
from services.matcher.solver.facts import Facts
from services.matcher.solver.phrases import date_in_words
from services.matcher.solver.proven import Sum, sums
from services.matcher.solver.schema import Outcome, Price, Round
from services.matcher.solver.voted import as_ranked

NBSP = "\u00a0"


def proof_phrases(round: Round, outcome: Outcome, request: Id) -> list[str]:
    """The proofs of all that a request of a round would prefer, wish by wish; empty where none is written."""
    facts = Facts(as_ranked(canonical(round), outcome), outcome)
    has = {row.structure for row in outcome.placed if row.request == request}
    return [sentence for found in sums(facts, request) for sentence in _told(found, has)]


def _told(found: Sum, has: Container[Id | None]) -> Iterator[str]:
    """`has` is where the child is placed: what is refused there is another rhythm, which it would prefer."""
    there = f" à {found.structure}" if found.structure else " pour plusieurs places ensemble"
    there += ", pour un rythme préféré" if found.structure in has else ""
    if len(found.proof.prices) == 1:
        yield f"Preuve{there}{NBSP}: {_moment(found.proof.prices[0])}, {_places(found.places)}."
        yield from (_taken(found.places),) if found.places > 0 else ()
        return
    yield f"Preuve{there}{NBSP}: {len(found.proof.prices)} moments sont comptés ensemble."
    yield from (f"- {price.section}, {_moment(price)}{_weight(price)}" for price in found.proof.prices)
    yield f"Ces moments comptent {found.places} place{_s(found.places)}."
    yield f"Les enfants qui passent avant en prennent {found.before} au moins."
    yield f"Cette demande en prendrait {found.more}{NBSP}: {found.before} + {found.more} dépasse {found.places}."


def _places(places: int) -> str:
    return f"il y a {places} place{_s(places)}" if places > 0 else "aucune place n'est libre"


def _taken(places: int) -> str:
    one = "Un enfant qui passe avant la prend."
    return one if places == 1 else "Des enfants qui passent avant les prennent toutes."


def _s(count: int) -> str:
    return "s" if count > 1 else ""


def _weight(price: Price) -> str:
    return f", compté {price.price} fois" if price.price > 1 else ""


def _moment(price: Price) -> str:
    return f"le {_day(price.day)} à {_hour(price.hour)}"


def _day(day: date) -> str:
    return f"{WEEKDAYS[day.weekday()].label} {date_in_words(day)}"


def _hour(hour: time) -> str:
    return f"{hour.hour}{NBSP}h" + (f"{NBSP}{hour.minute:02}" if hour.minute else "")

"""How two decisions of one round differ, by profile of family: never of so few that one would be known again.

When to modify: a new profile is one line in `_profiles_of`. Nothing drawn from health is a profile.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import asdict, dataclass, replace

from contracts.vocabulary import HEALTH_CRITERIA, Id
from services.ingest import spreadsheet
from services.matcher.declared_criteria import Declared
from services.matcher.solver.schema import Outcome, Request, Round
from services.matcher.solver.what_if import differences

FEWEST = 5
"""Families of which a profile is shown: of fewer, a person who knows the place would know who is meant."""

TIERS = {0: "Avant tous (place reprise)", 1: "Priorité 1", 2: "Priorité 2"}

Grouped = dict[tuple[str, str], set[Id]]
"""Requests by what divides them ("Priorité", "Commune") and the part ("Priorité 1")."""


@dataclass(frozen=True)
class Row:
    """One profile: how many requests, how many placed by each decision, and how many fare otherwise."""

    by: str
    profile: str
    requests: int
    before: int
    after: int
    gains: int
    loses: int
    better: int
    worse: int


COLUMNS = ("Par", "Profil", "Demandes", "Placées avant", "Placées après", "Gagnent", "Perdent", "Mieux", "Moins bien")


@dataclass(frozen=True)
class Profiles:
    """What is shown, and how many profiles are not."""

    total: Row
    rows: tuple[Row, ...]
    hidden: int


def profiles(asked: Round, declared: Mapping[Id, Declared], before: Outcome, after: Outcome) -> Profiles:
    """The differences of two decisions of `asked`, for all and by profile of family."""
    grouped: Grouped = defaultdict(set)
    for request in asked.requests:
        for name in _profiles_of(request, declared.get(request.id)):
            grouped[name].add(request.id)
    everybody = {request.id for request in asked.requests}
    families = {name: declared[name].family if name in declared else name for name in everybody}
    shown = _shown(grouped, everybody, families)
    count = _counting(before, after)
    rows = tuple(count(*name, grouped[name]) for name in sorted(shown))
    return Profiles(count("Ensemble", "Toutes les demandes", everybody), rows, len(grouped) - len(shown))


def _profiles_of(request: Request, facts: Declared | None) -> Iterator[tuple[str, str]]:
    yield "Priorité", TIERS.get(request.tier, f"Priorité {request.tier}")
    yield "Demande", request.kind.label
    if facts is not None:
        yield "Commune", facts.commune
        for criterion in {criterion for criterion, _ in facts.criteria} - HEALTH_CRITERIA:
            yield "Critère", criterion.label


def _shown(grouped: Grouped, everybody: set[Id], families: Mapping[Id, Id]) -> set[tuple[str, str]]:
    """Profiles of enough families, whose difference to the others does not show a smaller one either.

    Parts of a whole (tiers, kinds, communes): where few are hidden in sum, the smallest shown is hidden with them. A
    criterion that nearly all have would show the few who have it not.
    """

    def number(requests: Iterable[Id]) -> int:
        return len({families[name] for name in requests})

    shown = {name for name, requests in grouped.items() if number(requests) >= FEWEST}
    for name in [name for name in shown if name[0] == "Critère"]:
        if 0 < number(everybody - grouped[name]) < FEWEST:
            shown.discard(name)
    for by in sorted({by for by, _ in grouped} - {"Critère"}):
        parts = sorted((number(grouped[name]), name) for name in grouped if name[0] == by)
        while parts and 0 < number(_rest(everybody, grouped, shown, by)) < FEWEST:
            smallest = next((name for _, name in parts if name in shown), None)
            if smallest is None:
                break
            shown.discard(smallest)
    return shown


def _rest(everybody: set[Id], grouped: Grouped, shown: set[tuple[str, str]], by: str) -> set[Id]:
    """Those whom no shown part of this whole counts."""
    return everybody.difference(*(grouped[name] for name in shown if name[0] == by))


def _counting(before: Outcome, after: Outcome) -> Callable[[str, str, set[Id]], Row]:
    """Counts the row of a profile; what is placed, and who fares otherwise, is read once."""
    was, now = ({row.request for row in outcome.placed} for outcome in (before, after))
    effect_on = {row.request: row.effect.value for row in differences(before, after)}

    def count(by: str, profile: str, requests: set[Id]) -> Row:
        effects = Counter(effect_on.get(name, "") for name in requests)
        fares = {name: effects[name] for name in ("gains", "loses", "better", "worse")}
        return Row(by, profile, len(requests), len(requests & was), len(requests & now), **fares)

    return count


def with_communes(found: Profiles, names: Mapping[str, str]) -> Profiles:
    """Communes by name, with the Insee code that the rest of the installation knows them by."""
    rows = (
        replace(row, profile=f"{names[row.profile]} ({row.profile})")
        if row.by == "Commune" and row.profile in names
        else row
        for row in found.rows
    )
    return replace(found, rows=tuple(rows))


def as_csv(found: Profiles) -> bytes:
    """One line for each profile, as a spreadsheet opens it."""
    return spreadsheet.as_csv(COLUMNS, [tuple(asdict(row).values()) for row in (found.total, *found.rows)])

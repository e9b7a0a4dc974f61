"""A round cut into parts that have nothing to do with each other: each can be solved, checked and written alone.

When to modify: when a new rule makes two requests depend on each other.
"""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence
from typing import Any, TypeVar

from contracts.vocabulary import Id, Period
from services.matcher.solver.canonical import canonical
from services.matcher.solver.care import ages_at_start
from services.matcher.solver.limits import may_bind
from services.matcher.solver.schema import Outcome, Request, Round, Section, Vacancy
from services.matcher.solver.spelling import Spelling
from services.matcher.solver.totals import added_levels, added_prices

Key = TypeVar("Key")
Row = TypeVar("Row")


def components(round: Round) -> tuple[Round, ...]:
    """The connected parts of a round that hold a request, each a round of its own under the same id.

    A request is tied to every section that takes its age at a structure it wishes and offers hours in its period;
    sections are tied by the requests, and by what their structure has prepared for adapted care.
    """
    return split(canonical(round))


def split(round: Round, reach: Mapping[Id, Sequence[Id]] | None = None) -> tuple[Round, ...]:
    """`components` of a round that is canonical already. `reach` are the sections of each request, if they are known
    (`Reached`)."""
    groups, at = _Groups(), dict[Id, Node]()
    for request, sections in (Reached().by(round) if reach is None else reach).items():
        at[request] = groups.tied(sections) if sections else (REQUEST, request)
    for siblings in round.siblings:
        groups.tied([at[request] for request in siblings.requests])
    held = {hold.id: hold.section for hold in round.holds}
    for row in round.requests:
        if row.current is not None:
            groups.tied((at[row.id], held[row.current]))
    prepared = {row.structure for row in round.support}
    for section in round.sections:
        if section.structure in prepared:
            groups.tied((section.id, (STRUCTURE, section.structure)))
    for name, own in _under_quota(round).items():
        groups.tied([(QUOTA, name), *own])
    return tuple(_parts(round, groups, at))


def _under_quota(round: Round) -> dict[Id, list[Id]]:
    """The sections among which places are kept for families in insertion, by the quota that asks it."""
    return {
        quota.id: [section.id for section in round.sections if section.structure in quota.structures]
        for quota in round.quotas
        if may_bind(quota, round)
    }


def merge(round: Round, outcomes: Iterable[Outcome], spelling: Spelling | None = None) -> Outcome:
    """The outcome of a canonical round from those of its components. `spelling` knows the rows spelled before."""
    parts, spelling = list(outcomes), spelling or Spelling()
    merged = Outcome(
        round=round.id,
        policy=round.policy,
        placed=tuple(sorted((row for part in parts for row in part.placed), key=lambda row: row.request)),
        reasons=tuple(sorted((row for part in parts for row in part.reasons), key=lambda row: row.request)),
        violations=tuple(row for part in parts for row in part.violations),
        envies=tuple(sorted((row for part in parts for row in part.envies), key=lambda row: row.request)),
        unproven=tuple(sorted(row for part in parts for row in part.unproven)),
        withheld=tuple(sorted(row for part in parts for row in part.withheld)),
        levels=added_levels(row for part in parts for row in part.levels),
        prices=added_prices(row for part in parts for row in part.prices),
        behind=tuple(sorted(row for part in parts for row in part.behind)),
        displaced=_displaced(parts),
        input_hash=spelling.round_hash(round),
        outcome_hash="",
    )
    return sealed(merged, spelling)


def _displaced(parts: list[Outcome]) -> tuple[Id, ...] | None:
    found = [part.displaced for part in parts]
    return None if None in found else tuple(sorted(row for rows in found for row in rows or ()))


def sealed(outcome: Outcome, spelling: Spelling | None = None) -> Outcome:
    """The same outcome with the hash of what it now says."""
    return outcome.model_copy(update={"outcome_hash": (spelling or Spelling()).outcome_hash(outcome)})


Node = Id | tuple[str, Id]
"""A section by its name, or something else by its kind and name."""
REQUEST, STRUCTURE, QUOTA = "request", "structure", "quota"


class _Groups:
    """Nodes that belong together (union-find); each group is known by one of them."""

    def __init__(self) -> None:
        self._up: dict[Node, Node] = {}

    def find(self, node: Node) -> Node:
        up = self._up
        above = up.setdefault(node, node)
        while above != node:
            up[node] = further = up[above]  # half of the way is spared whoever comes next
            node, above = further, up[further]
        return node

    def tied(self, nodes: Sequence[Node]) -> Node:
        """These belong together from here on; returns the first of them."""
        first = nodes[0]
        if len(nodes) > 1:
            root, up = self.find(first), self._up
            for other in nodes:
                if up.get(other) != root:
                    up[self.find(other)] = root
        return first


class Reached:
    """The sections that each request is tied to. Those of a row that was there in the round before are known from
    there, unless something has changed at a structure that it wishes."""

    def __init__(self) -> None:
        self._sections: dict[Id, list[Section]] = {}
        self._vacancies: dict[Id, list[Vacancy]] = {}
        self._known: dict[int, tuple[Request, list[Id]]] = {}
        self._sights, self._seen = 0, dict[Id, int]()
        self._from: dict[int, tuple[Request, tuple[int, ...], list[Id]]] = {}

    def by(self, round: Round) -> dict[Id, list[Id]]:
        """By request, the sections that it reaches."""
        sections: dict[Id, list[Section]] = _grouped((row.structure, row) for row in round.sections)
        vacancies: dict[Id, list[Vacancy]] = _grouped((row.section, row) for row in round.vacancies)
        changed = set(_changed(self._sections, sections))
        changed |= {row.structure for row in round.sections if _differ(self._vacancies, vacancies, row.id)}
        self._sections, self._vacancies = sections, vacancies
        self._known = {id(request): self._looked_up(request, changed) for request in round.requests}
        return {request.id: found for request, found in self._known.values()}

    def along(self, round: Round) -> dict[Id, list[Id]]:
        """The same for one part after another. Two of them may see a structure otherwise, one its places and one only
        that it is there, so each request knows which sight of it its sections were read from."""
        sections: dict[Id, list[Section]] = _grouped((row.structure, row) for row in round.sections)
        vacancies: dict[Id, list[Vacancy]] = _grouped((row.section, row) for row in round.vacancies)
        wished = _wished(round.requests)
        known = {name: self._sections.pop(name, []) for name in wished | sections.keys()}
        changed = set(_changed(known, sections))
        changed |= {row.structure for row in round.sections if _differ(self._vacancies, vacancies, row.id)}
        self._sections |= sections
        self._vacancies |= {row.id: vacancies.get(row.id, []) for row in round.sections}
        self._sights += 1
        self._seen |= dict.fromkeys(changed, self._sights)
        return {request.id: self._seen_by(request) for request in round.requests}

    def _seen_by(self, request: Request) -> list[Id]:
        sights = tuple([self._seen.get(wish.structure, 0) for wish in request.wishes])
        known = self._from.get(id(request))  # slow to hash; kept here, their ids stay theirs
        if known is None or known[1] != sights:
            known = self._from[id(request)] = (request, sights, self._reach(request))
        return known[2]

    def among(self, round: Round, changed: Collection[Id]) -> dict[Id, list[Id]]:
        """The same for some whole structures of the territory, where since the last look rows have changed only at the
        structures `changed`, all of them in this round."""
        self._sections = {name: rows for name, rows in self._sections.items() if name not in changed}
        self._sections |= _grouped((row.structure, row) for row in round.sections)
        vacancies = _grouped((row.section, row) for row in round.vacancies)
        self._vacancies |= {row.id: vacancies.get(row.id, []) for row in round.sections}
        found = [self._looked_up(request, changed) for request in round.requests]
        self._known |= {id(known[0]): known for known in found}
        return {request.id: sections for request, sections in found}

    def let_go(self, requests: Iterable[int]) -> None:
        """Of the requests of these ids nothing is known any more."""
        for name in requests:
            self._known.pop(name, None)
            self._from.pop(name, None)

    def _looked_up(self, request: Request, changed: Collection[Id]) -> tuple[Request, list[Id]]:
        known = self._known.get(id(request))  # slow to hash; kept here, their ids stay theirs
        if known is None:
            return request, self._reach(request)
        for wish in request.wishes:
            if wish.structure in changed:
                return request, self._reach(request)
        return known

    def _reach(self, request: Request) -> list[Id]:
        ages, none = ages_at_start(request), list[Vacancy]()
        if ages is None:
            return []
        youngest, oldest = ages
        wished = (section for wish in request.wishes for section in self._sections.get(wish.structure, ()))
        of_age = (row.id for row in wished if row.age_from_months <= oldest and youngest <= row.age_to_months)
        return [id for id in dict.fromkeys(of_age) if _is_open(self._vacancies.get(id, none), request.period)]


def _changed(before: dict[Id, list[Row]], now: dict[Id, list[Row]]) -> Iterator[Id]:
    """The names under which there are not the same rows as before."""
    return (name for name in before.keys() | now.keys() if _differ(before, now, name))


def _differ(before: dict[Id, list[Row]], now: dict[Id, list[Row]], name: Id) -> bool:
    return before.get(name, NOTHING) != now.get(name, NOTHING)


NOTHING: list[Any] = []


def _is_open(vacancies: list[Vacancy], period: Period) -> bool:
    return any(row.places > 0 and _overlap(row.period, period) for row in vacancies)


def _overlap(one: Period, other: Period) -> bool:
    return (one.end is None or other.start < one.end) and (other.end is None or one.start < other.end)


def _parts(round: Round, groups: _Groups, at: Mapping[Id, Node]) -> Iterator[Round]:
    requests: dict[Node, list[Request]] = defaultdict(list)
    for request in round.requests:
        requests[groups.find(at[request.id])].append(request)
    by_section = {section.id: groups.find(section.id) for section in round.sections}
    vacancies = _grouped((by_section[row.section], row) for row in round.vacancies)
    holds = _grouped((by_section[row.section], row) for row in round.holds)
    sections = _grouped((row.structure, row) for row in round.sections)
    own = _grouped((by_section[row.id], row) for row in round.sections)
    siblings = _grouped((groups.find(at[row.requests[0]]), row) for row in round.siblings)
    keeping = {quota: groups.find((QUOTA, quota)) for quota in _under_quota(round)}
    for name, members in requests.items():
        wished = _wished(members)
        known = {section.id: section for structure in wished for section in sections[structure]}
        known |= {section.id: section for section in own[name]}
        structures = {section.structure for section in own[name]}
        yield round.model_copy(
            update={
                "sections": tuple(known[id] for id in sorted(known)),
                "vacancies": tuple(vacancies[name]),
                "requests": tuple(members),
                "holds": tuple(holds[name]),
                "support": tuple(row for row in round.support if row.structure in structures),
                "siblings": tuple(siblings[name]),
                "quotas": tuple(row for row in round.quotas if row.id in keeping and keeping[row.id] == name),
                "travel": tuple(row for row in round.travel if {row.one, row.other} <= wished),
            }
        )


def _wished(requests: Iterable[Request]) -> set[Id]:
    return {wish.structure for request in requests for wish in request.wishes}


def _grouped(pairs: Iterable[tuple[Key, Row]]) -> dict[Key, list[Row]]:
    found: dict[Key, list[Row]] = defaultdict(list)
    for name, row in pairs:
        found[name].append(row)
    return found

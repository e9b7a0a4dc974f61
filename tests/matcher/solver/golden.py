"""Reads `golden_rounds.yaml`, a readable way to write rounds down, into rounds and expected answers."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, time
from pathlib import Path
from typing import Any

import yaml

from contracts.vocabulary import WEEKDAYS, Audience, Period, RequestKind, Slot, VacancyKind
from services.matcher.solver.schema import (
    Assigned,
    Combination,
    Hold,
    Mode,
    Pattern,
    Policy,
    Quota,
    Request,
    Round,
    Section,
    Siblings,
    StructurePoints,
    Support,
    Ties,
    Travel,
    Vacancy,
    Wish,
)

FILE = Path(__file__).parent.parent / "golden_rounds.yaml"
HALVES = {"am": (time(8), time(13)), "pm": (time(13), time(18))}
START, END = date(2026, 9, 1), date(2027, 9, 1)
NOON = datetime(2026, 8, 1, 12)  # noqa: DTZ001


@dataclass(frozen=True)
class Golden:
    """A round and its answer in each mode: request -> (structure, pattern). `tied`: some of its claims are equal."""

    name: str
    round: Round
    answers: dict[Mode, dict[str, tuple[str, int]]]
    to_prepare: tuple[str, ...]
    tied: bool

    def in_mode(self, mode: Mode, ties: Ties) -> Round:
        policy = self.round.policy.model_copy(update={"mode": mode, "ties": ties})
        return self.round.model_copy(update={"policy": policy})


def golden_rounds() -> list[Golden]:
    return [_golden(case) for case in yaml.safe_load(FILE.read_text(encoding="utf-8"))]


def _golden(case: dict[str, Any]) -> Golden:
    answers = {mode: _answer(case["expected"].get("all") or case["expected"].get(mode, {})) for mode in Mode}
    return Golden(case["name"], round_of(case), answers, tuple(case.get("to_prepare", ())), _tied(case))


def _answer(expected: dict[str, Any]) -> dict[str, tuple[str, int]]:
    return {name: (to, 0) if isinstance(to, str) else (to[0], to[1]) for name, to in expected.items()}


def _tied(case: dict[str, Any]) -> bool:
    together = {
        name for row in case.get("siblings", ()) for name in (row["requests"] if isinstance(row, dict) else row)
    }
    points = [str(row["points"]) for name, row in case["requests"].items() if name not in together]
    return len(set(points)) < len(points)


def round_of(case: dict[str, Any]) -> Round:
    """The round that a case describes; tests write small rounds the same way."""
    sections = {structure: {"all": [0, 71]} for structure in _structures(case)} | case.get("sections", {})
    return Round(
        id="golden",
        territory="golden",
        instant=case.get("instant", NOON).replace(tzinfo=UTC),
        policy=Policy(seed="golden", **case.get("policy", {})),
        sections=tuple(
            Section(
                id=f"{structure}-{name}",
                structure=structure,
                age_from_months=ages[0],
                age_to_months=ages[1],
                starts_per_week=case.get("starts_per_week", {}).get(structure),
            )
            for structure, named in sections.items()
            for name, ages in named.items()
        ),
        vacancies=tuple(_vacancies(case)),
        requests=tuple(_request(name, row, list(sections)) for name, row in case["requests"].items()),
        holds=tuple(_held(name, row["has"]) for name, row in case["requests"].items() if "has" in row),
        support=tuple(Support(structure=name, children=count) for name, count in case.get("support", {}).items()),
        siblings=tuple(_siblings(row) for row in case.get("siblings", ())),
        quotas=tuple(_quota(name, row) for name, row in case.get("quotas", {}).items()),
        travel=tuple(Travel(one=row[0], other=row[1], minutes=row[2]) for row in case.get("travel", ())),
    )


def _siblings(row: list[str] | dict[str, Any]) -> Siblings:
    """Either the requests, who want one structure, or the facts: requests, together, near_minutes, combinations."""
    facts = row if isinstance(row, dict) else {"requests": row, "together": ["same_structure"]}
    combinations = tuple(
        Combination(seats=tuple(Assigned(request=name, structure=to) for name, to in seats.items()), rank=rank)
        for rank, seats in enumerate(facts.get("combinations", ()), 1)
    )
    return Siblings.model_validate(facts | {"id": "-".join(facts["requests"]), "combinations": combinations})


def _quota(name: str, row: dict[str, Any]) -> Quota:
    release = row.get("release_at")
    return Quota.model_validate(row | {"id": name, "release_at": release and release.replace(tzinfo=UTC)})


def _structures(case: dict[str, Any]) -> set[str]:
    named = {row["structure"] for row in case.get("vacancies", ())}
    return {*case.get("places", {}), *case.get("on_call", {}), *named}


def _vacancies(case: dict[str, Any]) -> Iterator[Vacancy]:
    for structure, cells in case.get("places", {}).items():
        yield from _offered(f"{structure}-all", cells, Period(start=START))
    for number, row in enumerate(case.get("vacancies", ())):
        section = f"{row['structure']}-{row.get('section', 'all')}"
        yield from _offered(section, row["cells"], Period(start=row["from"], end=row.get("until")), str(number))
    for structure, row in case.get("on_call", {}).items():
        for vacancy in _offered(f"{structure}-all", row["cells"], Period(start=START), "on-call"):
            yield vacancy.model_copy(
                update={
                    "kind": VacancyKind.ON_CALL,
                    "audience": Audience.URGENT_INSERTION,
                    "release_at": row["release_at"].replace(tzinfo=UTC),
                }
            )


def _offered(section: str, cells: dict[str, int], period: Period, mark: str = "free") -> Iterator[Vacancy]:
    for name, places in cells.items():
        yield Vacancy(id=f"{section}-{mark}-{name}", section=section, slots=slots(name), places=places, period=period)


def slots(name: str) -> tuple[Slot, ...]:
    """`week`, a day (`mon`) or a half-day (`mon_am`)."""
    if name == "week":
        return tuple(slot for day in WEEKDAYS[:5] for slot in slots(day.value))
    day, _, half = name.partition("_")
    return tuple(Slot(day=day, start=HALVES[key][0], end=HALVES[key][1]) for key in ([half] if half else HALVES))


def _held(name: str, place: list[str]) -> Hold:
    """The place that a child has now: its structure, then its days."""
    hours = tuple(slot for day in place[1:] for slot in slots(day))
    return Hold(id=f"{name}-has", section=f"{place[0]}-all", slots=hours, period=Period(start=START))


def _request(name: str, row: dict[str, Any], structures: list[str]) -> Request:
    points, urgent = row["points"], row.get("urgent_insertion", False)
    by_structure = points if isinstance(points, dict) else {}
    return Request(
        id=name,
        born=row.get("born", date(2025, 6, 15)),
        kind=RequestKind.URGENT if urgent else RequestKind.REGULAR,
        tier=row.get("tier", 2),
        points=min(by_structure.values(), default=0) if by_structure else points,
        points_at=tuple(StructurePoints(structure=key, points=value) for key, value in by_structure.items()),
        wishes=tuple(Wish(structure=to, rank=rank) for rank, to in enumerate(row["wishes"], 1)),
        patterns=tuple(
            Pattern(slots=tuple(slot for day in days for slot in slots(day)), rank=rank)
            for rank, days in enumerate(row["days"], 1)
        ),
        period=Period(start=row.get("from", START), end=row.get("until", END)),
        entitled_to=Audience.URGENT_INSERTION if urgent else Audience(row.get("audience", "everybody")),
        on_call_sections=tuple(f"{structure}-all" for structure in structures) if urgent else (),
        needs_support=row.get("needs_support", False),
        tolerance_days=row.get("tolerance_days", 0),
        accepts_partial=row.get("accepts_partial", False),
        min_days=row.get("min_days", 1),
        current=f"{name}-has" if "has" in row else None,
    )

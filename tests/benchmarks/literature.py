"""Published forms of the hospitals/residents problem, with ties and with couples, read into rounds of whole weeks.

- Glasgow (Kwanashie and Manlove 2014, Delorme and others 2019): counts, then a line for each resident, couple and
  hospital; brackets hold ties, colons are optional. https://researchdata.gla.ac.uk/664 and /953
- Biró, Manlove and McBride 2014: nine lines of parameters, then couples on two lines each. https://researchdata.gla.ac.uk/254
- Bacchus, Drummond and Perrault 2015 (Stable Matching Suite): a letter for each line, r, c or p.

The published archives carry licences of their own and are not copied here: `python -m tests.benchmarks.literature FILE`
reads a file that you have. When to modify: with a new form.
"""

from __future__ import annotations

import re
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, date, datetime
from pathlib import Path

from contracts.vocabulary import Period
from services.matcher.solver.schema import (
    Assigned,
    Combination,
    Outcome,
    Pattern,
    Policy,
    Request,
    Round,
    Section,
    Siblings,
    StructurePoints,
    Vacancy,
    Wish,
)
from services.territory.weeks import WHOLE_WEEK

Tiers = list[list[str]]
NOBODY = "-1"
MONDAY = date(2027, 9, 6)


@dataclass
class Instance:
    """Residents and hospitals by name, each list in tiers of equals; a couple ranks pairs of hospitals."""

    residents: dict[str, Tiers] = field(default_factory=dict)
    hospitals: dict[str, tuple[int, Tiers]] = field(default_factory=dict)
    couples: list[tuple[str, str, list[tuple[str, str]]]] = field(default_factory=list)


def read(text: str) -> Instance:
    """An instance in any of the three forms. Raises ValueError if it is none of them."""
    lines = [line.strip() for line in text.splitlines() if line.strip() and not line.startswith("#")]
    if re.match(r"[rcp]\s", lines[0]):
        return _suite(lines)
    if len(lines) > 6 and lines[6] in ("true", "false"):
        return _biro(lines)
    if all(re.fullmatch(r"\d+", line) for line in lines[:3]):
        return _glasgow(lines)
    raise ValueError("neither a Glasgow file, nor one of Biró and others, nor of the Stable Matching Suite")


def tiers(words: str) -> Tiers:
    """`3 (1 2) 5` is three tiers."""
    return [part.strip("()").split() for part in re.findall(r"\([^)]*\)|[^\s()]+", words)]


def _glasgow(lines: list[str]) -> Instance:
    """Singles, couples, hospitals; a first line of 0 stands for "no couples" and is followed by two counts."""
    first, second, third = (int(line) for line in lines[:3])
    singles, couples, hospitals = (second, 0, third) if first == 0 else (first, second, third)
    rows = [line.replace(":", " ").split(None, 1) for line in lines[3:]]
    found = Instance()
    for name, rest in rows[:singles]:
        found.residents[name] = tiers(rest)
    for name, rest in rows[singles : singles + couples]:
        _add_couple(found, name, *rest.split())
    for name, rest in rows[singles + couples : singles + couples + hospitals]:
        capacity, *ranked = rest.split(None, 1)
        found.hospitals[name] = (int(capacity), tiers(ranked[0] if ranked else ""))
    return found


def _biro(lines: list[str]) -> Instance:
    residents, hospitals, couples = (int(line) for line in lines[:3])
    rows = [line.split() for line in lines[9:]]
    found = Instance()
    for one, other in zip(rows[: 2 * couples : 2], rows[1 : 2 * couples : 2], strict=True):
        pairs = [place for pair in zip(one[1:], other[1:], strict=True) for place in pair]
        _add_couple(found, one[0], other[0], *pairs)
    for name, *wished in rows[2 * couples : residents]:
        found.residents[name] = [[to] for to in wished]
    for name, capacity, *ranked in rows[residents : residents + hospitals]:
        found.hospitals[name] = (int(capacity), [[resident] for resident in ranked])
    return found


def _suite(lines: list[str]) -> Instance:
    found = Instance()
    for kind, name, *rest in (line.split() for line in lines):
        if kind == "r":
            found.residents[name] = [[to] for to in rest]
        elif kind == "c":
            _add_couple(found, *rest)
        elif kind == "p":
            found.hospitals[name] = (int(rest[0]), [[resident] for resident in rest[1:]])
    return found


def _add_couple(found: Instance, one: str, other: str, *places: str) -> None:
    pairs = list(zip(places[::2], places[1::2], strict=True))
    found.couples.append((one, other, pairs))
    for resident, side in ((one, 0), (other, 1)):
        found.residents[resident] = [[to] for to in dict.fromkeys(pair[side] for pair in pairs) if to != NOBODY]


def round_of(instance: Instance) -> Round:
    """The instance as a round: hospitals are structures, their lists are points; the draw settles equals."""
    return Round(
        id="literature",
        territory="literature",
        instant=datetime(2027, 6, 1, tzinfo=UTC),
        policy=Policy(seed="literature"),
        sections=tuple(Section(id=f"H{name}", structure=f"H{name}") for name in instance.hospitals),
        vacancies=tuple(
            Vacancy(id=f"V{name}", section=f"H{name}", slots=WHOLE_WEEK, places=capacity, period=Period(start=MONDAY))
            for name, (capacity, _) in instance.hospitals.items()
            if capacity
        ),
        requests=tuple(_request(instance, name) for name in instance.residents),
        siblings=tuple(_siblings(*couple) for couple in instance.couples),
    )


def _request(instance: Instance, name: str) -> Request:
    wished = [(to, rank) for rank, tier in enumerate(instance.residents[name], 1) for to in tier]
    standing = {to: _standing(instance, to, name) for to, _ in wished if to in instance.hospitals}
    return Request(
        id=f"R{name}",
        born=date(2026, 1, 1),
        points_at=tuple(
            StructurePoints(structure=f"H{to}", points=-rank) for to, rank in standing.items() if rank is not None
        ),
        wishes=tuple(Wish(structure=f"H{to}", rank=rank) for to, rank in wished if standing.get(to) is not None),
        patterns=(Pattern(slots=WHOLE_WEEK, rank=1),),
        period=Period(start=MONDAY),
    )


def _standing(instance: Instance, hospital: str, resident: str) -> int | None:
    """The tier of a resident in a hospital's list; None where it is not listed, so that it may not go there."""
    ranked = instance.hospitals[hospital][1]
    return next((number for number, tier in enumerate(ranked) if resident in tier), None)


def _siblings(one: str, other: str, pairs: list[tuple[str, str]]) -> Siblings:
    def seat(resident: str, to: str) -> Assigned:
        return Assigned(request=f"R{resident}", structure=None if to == NOBODY else f"H{to}")

    return Siblings(
        id=f"C{one}-{other}",
        requests=(f"R{one}", f"R{other}"),
        combinations=tuple(
            Combination(seats=(seat(one, a), seat(other, b)), rank=rank) for rank, (a, b) in enumerate(pairs, 1)
        ),
    )


def blocking_pairs(instance: Instance, outcome: Outcome) -> Iterator[tuple[str, str]]:
    """Single residents and hospitals that would both rather have each other, by the lists of the file alone."""
    at = {row.request[1:]: row.structure[1:] for row in outcome.placed}
    coupled = {name for one, other, _ in instance.couples for name in (one, other)}
    for resident in instance.residents.keys() - coupled:
        for tier in instance.residents[resident]:
            if at.get(resident) in tier:
                break
            yield from (
                (resident, to) for to in tier if to in instance.hospitals and _wants(instance, at, to, resident)
            )


def _wants(instance: Instance, at: dict[str, str], hospital: str, resident: str) -> bool:
    capacity = instance.hospitals[hospital][0]
    mine = _standing(instance, hospital, resident)
    if mine is None:
        return False
    there = [_standing(instance, hospital, other) for other, to in at.items() if to == hospital]
    return len(there) < capacity or any(rank is not None and rank > mine for rank in there)


def told(path: Path) -> str:
    """What a published file gives: residents placed, blocking pairs, CPU seconds."""
    from services.matcher.solver.solve import solve

    instance = read(path.read_text(encoding="utf-8"))
    asked = round_of(instance)
    start = time.process_time()
    outcome = solve(asked)
    seconds = time.process_time() - start
    blocked = len(list(blocking_pairs(instance, outcome)))
    return (
        f"{path.name}: {len(instance.residents)} residents, {len(instance.hospitals)} hospitals, "
        f"{len(instance.couples)} couples; {len(outcome.placed)} placed, {blocked} blocking pairs of singles, "
        f"{len(outcome.envies)} envies, {len(outcome.unproven)} unproven, {seconds:.2f} s"
    )


if __name__ == "__main__":
    for name in sys.argv[1:]:
        sys.stdout.write(told(Path(name)) + "\n")

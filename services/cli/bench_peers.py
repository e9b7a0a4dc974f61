"""A whole-week round as a hospitals/residents instance, and the packages that solve it in an environment of their own.

When to modify: when a peer reads another form, or with a new one.
"""

from __future__ import annotations

import json
import subprocess
from collections import defaultdict
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from contracts.vocabulary import Id
from services.cli.failures import CommandFailed, Exit
from services.matcher.solver.claims import Claim, claim
from services.matcher.solver.schema import Round

SCRIPT = Path(__file__).with_name("bench_peer_process.py")
INSTALL = "make bench-peers"

Instance = dict[str, dict[str, Any]]


def instance_of(round: Round) -> Instance:
    """Residents with their ranked structures; structures with their places and everybody who wishes them, best first.

    For rounds of whole weeks with one section a structure and wishes of different ranks.
    """
    structure = {section.id: section.structure for section in round.sections}
    places: dict[Id, int] = defaultdict(int)
    for vacancy in round.vacancies:
        places[structure[vacancy.section]] += vacancy.places
    wishing: dict[Id, list[tuple[Claim, Id]]] = defaultdict(list)
    for request in round.requests:
        for wish in request.wishes:
            wishing[wish.structure].append((claim(request, wish.structure, round.policy.seed), request.id))
    open_ones = {to for to, count in places.items() if count > 0}
    ranked = {
        request.id: [wish.structure for wish in sorted(request.wishes, key=lambda wish: wish.rank)]
        for request in round.requests
    }
    residents = {name: [to for to in wished if to in open_ones] for name, wished in ranked.items()}
    hospitals = {to: [places[to], [name for _, name in sorted(wishing[to])]] for to in sorted(open_ones & set(wishing))}
    return {
        "residents": {name: wished for name, wished in residents.items() if wished},
        "hospitals": hospitals,
        "families": dict(_families(round, residents)),
    }


def _families(round: Round, residents: dict[Id, list[Id]]) -> Iterator[tuple[Id, list[list[Any]]]]:
    """Siblings who want one structure: each that all of them wish, in the order of the sum of its ranks."""
    for family in round.siblings:
        shared = set.intersection(*(set(residents[child]) for child in family.requests))
        best = sorted(shared, key=lambda to: (sum(residents[child].index(to) for child in family.requests), to))
        if best:
            yield family.id, [list(family.requests), [[to] * len(family.requests) for to in best]]


def solved_by(peer: str, instances: Iterable[Instance], python: Path, seconds: float) -> list[dict[str, Any]]:
    """Each instance by a peer, in one process of its environment: its matching, CPU seconds and memory.

    A peer that fails or takes longer than `seconds` gives one row with what it said instead.
    """
    if not python.exists():
        cause = f"Les autres programmes ne sont pas installés\u00a0: {python} n'existe pas."
        raise CommandFailed(cause, f"Tapez «\u00a0{INSTALL}\u00a0», ou donnez --python.", code=Exit.SETTINGS)
    command = [str(python), "-P", str(SCRIPT), peer]
    given = json.dumps(list(instances))
    try:
        done = subprocess.run(command, input=given, capture_output=True, text=True, timeout=seconds, check=False)  # noqa: S603
    except subprocess.TimeoutExpired:
        return [{"failed": f"rien en {seconds:g} s"}]
    if done.returncode:
        return [{"failed": done.stderr.strip().splitlines()[-1][:120] if done.stderr.strip() else "processus tué"}]
    answers: list[dict[str, Any]] = json.loads(done.stdout)
    return answers

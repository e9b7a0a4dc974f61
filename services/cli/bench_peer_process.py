"""A matching package solves one hospitals/residents instance: run by an environment that holds it, never imported.

Reads from its standard input {"residents": {name: [hospitals]}, "hospitals": {name: [capacity, [residents]]}} and
writes {"matching": {resident: hospital}, "cpu": seconds, "peak_mib": memory}. It needs the standard library and the
package that is its argument. When to modify: with a new peer or a new version of one.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import resource
import sys
import time
import types
from collections.abc import Callable
from typing import Any

Instance = dict[str, dict[str, Any]]


def by_matching(given: Instance) -> dict[str, str]:
    """`matching`: a game object, resident-optimal."""
    games = importlib.import_module("matching.games")
    residents = given["residents"]
    lists = {name: ranked for name, (_, ranked) in given["hospitals"].items()}
    capacities = {name: capacity for name, (capacity, _) in given["hospitals"].items()}
    found = games.HospitalResident.create_from_dictionaries(residents, lists, capacities).solve(optimal="resident")
    return {resident.name: hospital.name for hospital, placed in found.items() for resident in placed}


def by_algmatch(given: Instance) -> dict[str, str]:
    """`algmatch`: whole numbers in, "r1" and "h1" out."""
    residents, hospitals = list(given["residents"]), list(given["hospitals"])
    number = {name: n for names in (residents, hospitals) for n, name in enumerate(names, 1)}
    data = {
        "residents": {number[name]: [number[to] for to in ranked] for name, ranked in given["residents"].items()},
        "hospitals": {
            number[name]: {"capacity": capacity, "preferences": [number[resident] for resident in ranked]}
            for name, (capacity, ranked) in given["hospitals"].items()
        },
    }
    found = _algmatch().HospitalResidentsProblem(dictionary=data).get_stable_matching()
    pairs = found["resident_sided"].items()
    return {residents[int(one[1:]) - 1]: hospitals[int(to[1:]) - 1] for one, to in pairs if to}


def _algmatch() -> Any:
    """Its hospitals/residents problem alone: the whole package loads a commercial solver for another problem."""
    if "algmatch" not in sys.modules:
        spec = importlib.util.find_spec("algmatch")
        if spec is None:
            raise ModuleNotFoundError("algmatch")
        bare = types.ModuleType("algmatch")
        bare.__path__ = list(spec.submodule_search_locations or ())
        sys.modules["algmatch"] = bare
    return importlib.import_module("algmatch.hospitalResidentsProblem")


LOADING: dict[str, Callable[[], Any]] = {
    "matching": lambda: importlib.import_module("matching.games"),
    "algmatch": _algmatch,
}
BY_NAME: dict[str, Callable[[Instance], dict[str, str]]] = {"matching": by_matching, "algmatch": by_algmatch}


def solved(name: str, given: Instance) -> dict[str, Any]:
    """One instance. Times are CPU seconds, the package's own objects included."""
    start = time.process_time()
    matching = BY_NAME[name](given)
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
    return {"matching": matching, "cpu": time.process_time() - start, "peak_mib": peak}


if __name__ == "__main__":
    LOADING[sys.argv[1]]()
    answers = [solved(sys.argv[1], given) for given in json.load(sys.stdin)]
    json.dump(answers, sys.stdout)

"""A matching package solves one hospitals/residents instance: run by an environment that holds it, never imported.

Reads from its standard input a list of {"residents": {name: [hospitals]}, "hospitals": {name: [capacity, [residents]]},
"families": {name: [[residents], [[hospital of each], ...]]}}, the families only for those who place siblings. Writes a
list of {"matching": {resident: hospital}, "cpu": seconds, "peak_mib": memory}. It needs the standard library and the
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


def by_chilmai(given: Instance) -> dict[str, str]:
    """`chilmai`: tables of children, nurseries and ranked combinations of siblings, as a town hall exports them."""
    service, config = (
        importlib.import_module("chilmai.generic.service"),
        importlib.import_module("chilmai.generic.config"),
    )
    families = given.get("families", {})
    tables: dict[str, Any] = {
        "children_file_bytes": _children(given, families),
        "daycares_file_bytes": _nurseries(given),
    }
    if families:
        tables |= {"combination_file_bytes": _combinations(families), "combination_file_format": "csv"}
    found = service.MatchingService().match(
        **tables,
        children_file_format="csv",
        daycares_file_format="csv",
        mapping=config.DEFAULT_CONFIG,
        solver_config={"max_time_seconds": 600.0},
    )
    return {name: place for name, place in found["matching_result_dict"].items() if place is not None}


def _children(given: Instance, families: dict[str, Any]) -> bytes:
    """One line for each child; its score at a nursery is how many of that nursery's list come after it."""
    household = {child: name for name, (children, _) in families.items() for child in children}
    most = max(len(wished) for wished in given["residents"].values())
    score = {
        (hospital, resident): len(ranked) - place
        for hospital, (_, ranked) in given["hospitals"].items()
        for place, resident in enumerate(ranked)
    }
    wishes, scores = [f"希望保育園ID_{n}" for n in range(1, most + 1)], [f"点数{n}" for n in range(1, most + 1)]
    rows = [["申請者番号", "世帯番号", "年齢", "在籍保育所ID", "きょうだいパターン", *wishes, *scores]]
    for name, wished in given["residents"].items():
        room = [""] * (most - len(wished))
        points = [str(score[to, name]) for to in wished]
        rows.append([name, household.get(name, name), "0", "", "", *wished, *room, *points, *room])
    return _csv(rows)


def _nurseries(given: Instance) -> bytes:
    ages = range(6)
    rows = [["保育所ID", "保育所名", *(f"{age}歳募集人数" for age in ages)]]
    for name, (capacity, _) in given["hospitals"].items():
        rows.append([name, name, *(str(capacity if age == 0 else 0) for age in ages)])
    return _csv(rows)


def _combinations(families: dict[str, Any]) -> bytes:
    most = range(1, 1 + max(len(children) for children, _ in families.values()))
    rows = [["ファミリーコード", "総当たり順位", *(f"宛名コード{n}" for n in most), *(f"希望施設{n}" for n in most)]]
    for name, (children, combinations) in families.items():
        for rank, places in enumerate(combinations, 1):
            rows.append([name, str(rank), *children, *places])
    return _csv(rows)


def _csv(rows: list[list[str]]) -> bytes:
    return "".join(",".join(row) + "\r\n" for row in rows).encode()


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
    "chilmai": lambda: importlib.import_module("chilmai.generic.service"),
}
BY_NAME: dict[str, Callable[[Instance], dict[str, str]]] = {
    "matching": by_matching,
    "algmatch": by_algmatch,
    "chilmai": by_chilmai,
}


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

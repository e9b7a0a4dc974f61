"""The files of a round: read with French errors, written as JSON or CSV, described by their JSON Schemas.

When to modify: with `services/matcher/solver/schema.py`; `python -m services.cli.rounds` then writes the published
schemas anew.
"""

from __future__ import annotations

import json
from collections import defaultdict
from collections.abc import Iterator, Mapping
from datetime import date, timedelta
from pathlib import Path
from typing import Any, TypeVar

from pydantic import ValidationError

from contracts.vocabulary import Frozen, Period, Slot, Weekday
from services.calendar import short_hours
from services.cli.failures import NBSP, CommandFailed, of_file
from services.ingest import spreadsheet
from services.ingest.wording import problems_of
from services.matcher.solver.phrases import phrases
from services.matcher.solver.schema import Outcome, Placed, Reason, Request, Round, Wish

M = TypeVar("M", bound=Frozen)

DIALECT = "https://json-schema.org/draft/2020-12/schema"
FILES: dict[str, type[Frozen]] = {"round": Round, "outcome": Outcome}
PUBLISHED = Path(__file__).parent / "schemas"
EXAMPLE = Path(__file__).parent / "examples" / "round.json"
SEE = "docs/formats.md"
MOST_SHOWN = 5

CSV_COLUMNS = (
    *("Demande", "Placée", "Structure", "Section", "Jours", "Début", "Fin", "Rang du vœu", "Niveau", "Astreinte"),
    *("Accueil à préparer", "Explication"),
)


def schema_of(name: str) -> dict[str, Any]:
    """The JSON Schema of a `round` or an `outcome`: what a file may say."""
    about = {"$schema": DIALECT, "$id": f"urn:berceau:{name}:1"}
    return {**FILES[name].model_json_schema(mode="validation"), **about}


def rendered(schema: dict[str, Any]) -> str:
    return json.dumps(schema, indent=2, sort_keys=True, ensure_ascii=False) + "\n"


def read(path: Path, kind: type[M]) -> M:
    """The round or outcome in a file. Raises CommandFailed with everything that is wrong, as far as one can read it."""
    try:
        data = json.loads(path.read_bytes())
        return kind.model_validate(data)
    except OSError as error:
        raise of_file(path, error, "se lit", SEE) from error
    except ValidationError as error:
        problems = problems_of(error.errors())
        shown = " ".join(f"{problem.field}{NBSP}: {problem.rule}" for problem in problems[:MOST_SHOWN])
        more = f" Et {len(problems) - MOST_SHOWN} autres." if len(problems) > MOST_SHOWN else ""
        raise CommandFailed(f"{path}{NBSP}: {shown}{more}", problems[0].remedy, SEE) from error
    except ValueError as error:
        remedy = "Corrigez la syntaxe\u00a0; «\u00a0berceau match --example\u00a0» montre un fichier juste."
        raise CommandFailed(f"{path} n'est pas du JSON{NBSP}: {error}.", remedy, SEE) from error


def unknown_fields(path: Path, read_as: Frozen) -> list[str]:
    """Fields of the file that nothing reads: most often a typing error."""
    return list(_unknown(json.loads(path.read_bytes()), read_as.model_dump(mode="json"), ""))


def _unknown(data: Any, known: Any, where: str) -> Iterator[str]:
    if isinstance(data, Mapping) and isinstance(known, Mapping):
        for name, value in data.items():
            if name not in known:
                yield f"{where}{name}"
            else:
                yield from _unknown(value, known[name], f"{where}{name}.")
    elif isinstance(data, list) and isinstance(known, list):
        for n, (value, same) in enumerate(zip(data, known, strict=False)):
            yield from _unknown(value, same, f"{where}{n}.")


def sentences(outcome: Outcome, round: Round | None, reason: Reason) -> list[str]:
    """The reason in plain French. Without the round the wishes are counted in their order."""
    names = {wish.structure: wish.structure for wish in reason.wishes}
    asked = {request.id: request for request in round.requests} if round else {}
    return list(phrases(asked.get(reason.request) or _guessed(reason), reason, names))


def _guessed(reason: Reason) -> Request:
    """A request that knows its wishes only: all that sentences need."""
    wishes = tuple(Wish(structure=wish.structure, rank=n) for n, wish in enumerate(reason.wishes, start=1))
    return Request(id=reason.request, born=date.min, wishes=wishes, patterns=(), period=Period(start=date.min))


def as_csv(outcome: Outcome, round: Round) -> bytes:
    """One line for each request, as a spreadsheet opens it."""
    placed: dict[str, list[Placed]] = defaultdict(list)
    for row in outcome.placed:
        placed[row.request].append(row)
    rows = (
        [reason.request, *_cells(placed[reason.request]), " ".join(sentences(outcome, round, reason))]
        for reason in outcome.reasons
    )
    return spreadsheet.as_csv(CSV_COLUMNS, rows)


def _cells(rows: list[Placed]) -> list[str]:
    """What a child is offered; of a week that two structures share, both, in one order."""
    if not rows:
        return ["non", *[""] * (len(CSV_COLUMNS) - 3)]
    period, last = rows[0].period, rows[0].period.end
    days = " + ".join(" | ".join(_slot(slot) for slot in row.slots) for row in rows)
    where = (" + ".join(row.structure for row in rows), " + ".join(row.section for row in rows))
    return [
        *("oui", *where, days, f"{period.start:%d/%m/%Y}"),
        *(f"{last - timedelta(days=1):%d/%m/%Y}" if last else "", " + ".join(str(row.wish_rank) for row in rows)),
        *(str(rows[0].level), _yes_no(any(row.on_call for row in rows)), _yes_no(any(row.to_prepare for row in rows))),
    ]


def _slot(slot: Slot) -> str:
    day = slot.day.label if isinstance(slot.day, Weekday) else f"{slot.day:%d/%m/%Y}"
    return f"{day} {short_hours(slot.start, slot.end)}"


def _yes_no(fact: bool) -> str:
    return "oui" if fact else "non"


def publish() -> list[Path]:
    """Write the published schemas anew; where they are."""
    PUBLISHED.mkdir(exist_ok=True)
    for name in FILES:
        (PUBLISHED / f"{name}.json").write_text(rendered(schema_of(name)), encoding="utf-8")
    return sorted(PUBLISHED.glob("*.json"))


if __name__ == "__main__":
    publish()

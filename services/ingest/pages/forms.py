"""What a form sent: values kept as they were typed, each fault beside its field with rule and remedy.

When to modify: a kind of field is read here once, so that every form says the same about the same fault.
"""

from __future__ import annotations

import re
import secrets
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date, time
from typing import Any, TypeVar

from pydantic import BaseModel, ValidationError
from starlette.datastructures import FormData

from contracts.vocabulary import Labelled
from services.ingest.declare.bodies import YEARS
from services.ingest.problems import Problem, Refused, Why, refuse_if
from services.ingest.wording import problems_of

B = TypeVar("B", bound=BaseModel)
L = TypeVar("L", bound=Labelled)

LONGEST = 500
LONGEST_NUMBER = 6
_FRENCH_DATE = re.compile(r"(\d{1,2})[/. -](\d{1,2})[/. -](\d{4})")
_HOUR = re.compile(r"(\d{1,2})\s*(?:[h:]\s*(\d{2})?)?")

ONCE = "une_fois"
"""The hidden field that makes a form's act the same act when it is sent twice."""


@dataclass
class Form:
    """`problems` are found while reading; `check` raises them together."""

    values: dict[str, list[str]] = field(default_factory=dict)
    problems: list[Problem] = field(default_factory=list)

    @classmethod
    def read(cls, data: FormData) -> Form:
        values: dict[str, list[str]] = {}
        for name, value in data.multi_items():
            if isinstance(value, str):
                values.setdefault(name, []).append(typed(value[:LONGEST]))
        return cls(values)

    @classmethod
    def filled(cls, **values: Any) -> Form:
        """A form with these values in it, to begin with."""
        kept = {name: value if isinstance(value, list) else [value] for name, value in values.items()}
        return cls({name: [_shown(one) for one in many if one is not None] for name, many in kept.items()})

    def __getitem__(self, name: str) -> str:
        return next(iter(self.values.get(name, [])), "")

    def all(self, name: str) -> list[str]:
        return [value for value in self.values.get(name, []) if value]

    def has(self, name: str, value: str) -> bool:
        """Whether this choice was made: for radios and boxes."""
        return value in self.values.get(name, [])

    @property
    def once(self) -> str:
        """What the act is known by: repeated by the browser, it is the same act."""
        return self[ONCE] or secrets.token_urlsafe(12)

    def fault(self, name: str, code: str, rule: str, remedy: str) -> None:
        self.problems.append(Problem(name, code, rule, remedy))

    def day(self, name: str, what: str) -> date:
        """A date as a browser sends it, or as people write it. `what` names it: "la date de début".

        Where it is missing any date is returned and `check` will raise: so it is with each kind of field.
        """
        found = _date(self[name])
        if found is None:
            self.fault(name, "date_wanted", f"Il manque {what}.", "Écrivez la date ainsi\u00a0: 27/11/2026.")
        return found or date.min

    def maybe_day(self, name: str, what: str) -> date | None:
        """The same where nothing may be written."""
        return (self.day(name, what) if self[name] else None) or None

    def hour(self, name: str, what: str) -> time:
        """An hour: "08:30", "8h30" or "8 h"."""
        found = _hour(self[name])
        if found is None:
            self.fault(name, "hour_wanted", f"Il manque {what}.", "Écrivez-la ainsi\u00a0: 8\u00a0h\u00a030.")
        return found or time.min

    def hours(self) -> tuple[time, time]:
        """From `de` to `a`, in this order."""
        start, end = self.hour("de", "l'heure de début"), self.hour("a", "l'heure de fin")
        if end <= start and not (self.problem("de") or self.problem("a")):
            self.fault("a", "end_before_start", "L'heure de fin suit l'heure de début.", "Échangez les deux heures.")
        return start, end

    def period(self) -> tuple[date, date | None]:
        """From `debut` to the last day `fin`, if one is given."""
        first, last = self.day("debut", "la date de début"), self.maybe_day("fin", "la date de fin")
        if last is not None and last < first and not self.problem("fin"):
            self.fault("fin", "end_before_start", "La fin suit le début.", "Échangez les deux dates.")
        return first, last

    def number(self, name: str, what: str, least: int, most: int) -> int:
        digits = self[name]
        if not digits.isdecimal() or len(digits) > LONGEST_NUMBER or not least <= int(digits) <= most:
            rule = f"{what} va de {least} à {most}."
            self.fault(name, "number_wanted", rule, "Écrivez un nombre en chiffres.")
            return least
        return int(digits)

    def choice(self, name: str, words: type[L], what: str) -> L:
        """One of a list. `what` says what to choose: "un motif"."""
        found = next((word for word in words if word.value == self[name]), None)
        if found is None:
            self.fault(name, "choice_wanted", f"Il manque {what}.", "Choisissez dans la liste.")
        return found if found is not None else next(iter(words))

    def choices(self, name: str, words: type[L]) -> tuple[L, ...]:
        return tuple(word for word in words if word.value in self.values.get(name, []))

    def check(self) -> None:
        """Raise every fault found so far. Raises Refused."""
        refuse_if(self.problems)

    def refused(self, refused: Refused, fields: Mapping[str, str]) -> Form:
        """The same form with what an act answered, each problem at the field that `fields` names for its path.

        What is not about a field is not for a form: a right or a thing that is missing is raised again.
        """
        if refused.why in (Why.FORBIDDEN, Why.UNKNOWN) and not refused.problems[0].field:
            raise refused
        own = set(self.problems)
        where = [p.field if p in own else _field(p.field, fields) for p in refused.problems]
        placed = [replace(problem, field=name) for problem, name in zip(refused.problems, where, strict=True)]
        return Form(self.values, _without_repeats(placed))

    def problem(self, name: str) -> Problem | None:
        """What is wrong with one field, for the line beside it."""
        return next((problem for problem in self.problems if problem.field == name), None)


def typed(value: str) -> str:
    """What somebody typed. PostgreSQL keeps no NUL, and no keyboard makes one: it goes."""
    return value.replace("\0", "").strip()


def body(model: type[B], **facts: Any) -> B:
    """The body of an act. Raises Refused where a value has the wrong form, with the path of each."""
    try:
        return model(**facts)
    except ValidationError as error:
        raise Refused(problems_of(error.errors())) from error


def _field(path: str, fields: Mapping[str, str]) -> str:
    """The field for the longest part of `path` that is known; what is about no field stands at that of ""."""
    parts = path.split(".")
    known = (".".join(parts[:n]) for n in range(len(parts), 0, -1))
    return next((fields[part] for part in known if part in fields), fields.get("", path))


def _without_repeats(problems: Sequence[Problem]) -> list[Problem]:
    """The same sentence at the same field is said once (one slot for each day says it five times)."""
    return list({(p.field, p.rule): p for p in reversed(problems)}.values())[::-1]


def _shown(value: Any) -> str:
    return value.strftime("%H:%M") if isinstance(value, time) else str(value)


def _date(written: str) -> date | None:
    french = _FRENCH_DATE.fullmatch(written)
    try:
        day = date(*(int(part) for part in reversed(french.groups()))) if french else date.fromisoformat(written)
    except ValueError:
        return None
    return day if day.year in YEARS else None


def _hour(written: str) -> time | None:
    found = _HOUR.fullmatch(written)
    try:
        return time(int(found[1]), int(found[2] or 0)) if found else None
    except ValueError:
        return None

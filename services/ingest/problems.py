"""What a refused input is answered: which field, which rule, which remedy, in French, with a code for programs."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import asdict, dataclass
from enum import Enum


@dataclass(frozen=True)
class Problem:
    """One thing to put right. `field` is a path ("slots.0.start"), `code` never changes once published."""

    field: str
    code: str
    rule: str
    remedy: str

    def as_json(self) -> dict[str, str]:
        return asdict(self)


class Why(Enum):
    """What kind of refusal it is; doors turn it into their own words (an HTTP status, a page, a line of a file)."""

    INVALID = "invalid"
    FORBIDDEN = "forbidden"
    UNKNOWN = "unknown"
    CONFLICT = "conflict"


class Refused(Exception):
    """The act is not done, and why. Nothing was written."""

    def __init__(self, problems: Iterable[Problem], why: Why = Why.INVALID) -> None:
        self.problems = tuple(problems)
        self.why = why
        super().__init__("; ".join(f"{problem.field}: {problem.code}" for problem in self.problems))


def refuse_if(problems: Iterable[Problem]) -> None:
    """Raise Refused with all the problems at once, if there is any: nobody corrects a form field by field."""
    if found := tuple(problems):
        raise Refused(found)


def forbidden(field: str = "") -> Refused:
    problem = Problem(
        field,
        "forbidden",
        "Votre rôle ne permet pas ce geste ici.",
        "Demandez au guichet, ou connectez-vous avec un autre compte.",
    )
    return Refused([problem], Why.FORBIDDEN)


def unknown(field: str, what: str) -> Refused:
    """`what` is a French noun with its article: "cette place"."""
    problem = Problem(field, "unknown", f"Nous ne trouvons pas {what}.", "Vérifiez l'identifiant.")
    return Refused([problem], Why.UNKNOWN)


def conflict(field: str, code: str, rule: str, remedy: str) -> Refused:
    """The act was right before something else happened."""
    return Refused([Problem(field, code, rule, remedy)], Why.CONFLICT)


def invalid(field: str, code: str, rule: str, remedy: str) -> Refused:
    """One thing is wrong with what was sent."""
    return Refused([Problem(field, code, rule, remedy)])

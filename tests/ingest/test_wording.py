"""What is wrong with an input is said in French all through, lists and plurals included."""

from __future__ import annotations

from enum import StrEnum
from typing import Annotated, Literal

import pytest
from pydantic import BaseModel, Field, ValidationError

from services.ingest.wording import problems_of


class Kind(StrEnum):
    REGULAR = "regular"
    URGENT = "urgent"
    OCCASIONAL = "occasional"


class Sent(BaseModel):
    """Values that nothing refuses: each case spoils one."""

    kind: Kind = Kind.URGENT
    channel: Literal["sms", "link"] = "sms"
    children: Annotated[list[int], Field(min_length=2, max_length=3)] = [1, 2]
    only: Annotated[list[int], Field(min_length=1, max_length=1)] = [1]
    name: Annotated[str, Field(min_length=2, max_length=4)] = "abc"


@pytest.mark.parametrize(
    ("sent", "rule", "remedy"),
    [
        ({"kind": "x"}, "La valeur est dans la liste.", "Choisissez parmi : 'regular', 'urgent' ou 'occasional'."),
        ({"channel": "x"}, "La valeur est dans la liste.", "Choisissez parmi : 'sms' ou 'link'."),
        ({"children": [1]}, "La liste a 2 éléments au moins.", "Complétez-la."),
        ({"only": []}, "La liste a 1 élément au moins.", "Complétez-la."),
        ({"only": [1, 2]}, "La liste a 1 élément au plus.", "Faites plusieurs envois."),
        ({"name": "a"}, "Le texte a 2 caractères au moins.", "Complétez-le."),
        ({"name": "abcde"}, "Le texte a 4 caractères au plus.", "Raccourcissez-le."),
    ],
)
def test_rule_and_remedy_of_a_wrong_value_are_french(sent: dict[str, object], rule: str, remedy: str) -> None:
    with pytest.raises(ValidationError) as refused:
        Sent.model_validate(sent)
    (problem,) = problems_of(refused.value.errors())
    assert (problem.rule.replace("\u00a0", " "), problem.remedy.replace("\u00a0", " ")) == (rule, remedy)

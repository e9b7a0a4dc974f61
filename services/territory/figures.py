"""The figures a synthetic territory is drawn from, each with its source.

`MEASURED` figures were published by somebody; `ASSUMED` ones are only plausible, and are here to be corrected by the
territory's own diagnosis. When to modify: a figure changes with its source, never alone.
"""

from __future__ import annotations

from collections.abc import Hashable, Mapping
from dataclasses import dataclass
from typing import Generic, TypeVar

from contracts.siblings import Together
from contracts.vocabulary import Answer, RefusalReason

T = TypeVar("T", bound=Hashable)

ASSUMED = "Hypothèse de démonstration, sans source publiée"


@dataclass(frozen=True)
class Figure:
    value: float
    source: str


@dataclass(frozen=True)
class Spread(Generic[T]):
    """How often each outcome comes, in any unit."""

    weights: Mapping[T, float]
    source: str


CHILDREN_UNDER_THREE = Figure(1_450, "Entre 1 300 et 1 600 dans les 21 communes, déduit du recensement de l'Insee")
OPENING_DAYS = Figure(223, "Jours d'ouverture par an d'un établissement d'accueil")
OPENING_HOURS = Figure(11, "Heures d'ouverture par jour d'un établissement d'accueil")
SINGLE_PARENT = Figure(0.349, "Familles monoparentales parmi celles avec enfants, unité urbaine de Montluçon (Insee)")
UNEMPLOYMENT = Figure(0.131, "Taux de chômage, ville de Montluçon (Insee)")
CHOICES = Spread(
    {1: 47.0, 2: 17.7, 3: 14.4, 4: 7.6, 5: 13.3},
    "Vœux par demande, 71 949 demandes de la ville de Rio de Janeiro en 2025",
)

WAITING = Figure(0.28, ASSUMED)
EXPECTED_BIRTH = Figure(0.10, ASSUMED)
DISABILITY = Figure(0.025, ASSUMED)
TWINS = Figure(0.016, ASSUMED)
NO_MOBILE = Figure(0.04, ASSUMED)
VALIDATED = Figure(0.85, ASSUMED)
FILE_COMPLETE = Figure(0.8, ASSUMED)
EQUAL_WISHES = Figure(0.08, ASSUMED)
ACCEPTS_PARTIAL = Figure(0.2, ASSUMED)
ACCEPTS_SPLIT = Figure(0.1, ASSUMED)
ANYWHERE_NEAR = Figure(0.15, ASSUMED)
"""Families who take any structure near enough behind their wishes."""
DETOUR = Figure(1.3, ASSUMED)
"""Kilometres of road for one in a straight line."""
ROAD_SPEED_KMH = Figure(45, ASSUMED)

OTHER_CRITERIA = Spread(
    {
        "no_solution": 0.40,
        "lasting_solution": 0.10,
        "elder_never_placed": 0.08,
        "medico_social": 0.02,
        "disabled_relative": 0.015,
        "minor_parent": 0.006,
        "adoption": 0.003,
    },
    ASSUMED,
)
SIBLING_PRESENT = Figure(0.08, ASSUMED)
ELDER_ASKS_TOO = Figure(0.04, "Choisi pour qu'une dizaine de fratries se voient dans un territoire entier")
"""Families whose elder child, under three as well, waits for a place together with the younger one."""
TOGETHER: Spread[tuple[Together, ...]] = Spread(
    {
        (Together.SAME_STRUCTURE,): 50,
        (Together.SAME_STRUCTURE, Together.SAME_DAYS): 35,
        (Together.NEAR,): 15,
    },
    ASSUMED,
)
ASKS_TO_MOVE = Figure(0.08, "Choisi pour que quelques enfants placés demandent autre chose en une semaine")
"""On a working day, for each structure: one child who got a place there asks for another week or another structure."""
WORKING = Spread({"both_parents_work": 56, "one_works": 24, "none": 20}, ASSUMED)

REQUEST_KINDS = Spread({"regular": 90, "occasional": 7, "urgent": 3}, ASSUMED)
DAYS_A_WEEK = Spread({5: 34, 4: 22, 3: 17, 2: 16, 1: 11}, ASSUMED)
OTHER_WEEKS = Spread({0: 60, 1: 28, 2: 12}, ASSUMED)
AGE_MONTHS = Spread({(0, 5): 30, (6, 11): 26, (12, 17): 18, (18, 23): 14, (24, 30): 12}, ASSUMED)
LANGUAGES = Spread({"fr": 86, "ar": 4, "tr": 4, "en": 3, "pt": 3}, ASSUMED)
CONTACTS = Spread({1: 50, 2: 42, 3: 8}, ASSUMED)

ANSWERS = Spread(
    {
        "oui": 46,
        "oui_merci": 8,
        "oui_by_link": 8,
        "oui_twice": 2,
        "late_oui": 3,
        "non": 11,
        "non_by_link": 2,
        "non_then_oui": 1,
        "contradiction": 1,
        "rappel": 2,
        "oui_mais": 2,
        "kes_c_ca": 3,
        "fin": 2,
        "erreur": 1,
        "silence": 8,
    },
    ASSUMED,
)
"""What families do with a proposal."""

CONFIRMS = Figure(0.93, ASSUMED)
CONFIRMS_LATE = Figure(0.05, ASSUMED)
REFUSALS: Spread[RefusalReason] = Spread(
    {
        RefusalReason.FILE_INCOMPLETE: 40,
        RefusalReason.FAMILY_UNREACHABLE: 30,
        RefusalReason.STAFF_SHORTAGE: 15,
        RefusalReason.ALREADY_FILLED: 10,
        RefusalReason.AGE: 5,
    },
    ASSUMED,
)

BY_PHONE: Spread[Answer] = Spread({Answer.OUI: 75, Answer.NON: 20, Answer.FIN: 5}, ASSUMED)
"""What a family says once the guichet has it on the phone."""

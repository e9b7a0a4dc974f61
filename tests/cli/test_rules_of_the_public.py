"""What a territory voted beside its grid, as the public reads it."""

from __future__ import annotations

from datetime import date, datetime

import pytest

from services.cli import rules
from services.matcher.policy import GuaranteedShare, policy_in_force

DAY = date(2026, 11, 30)
KEPT = GuaranteedShare(percent=5, kept_until=datetime.fromisoformat("2027-10-01T00:00+02:00"), source="synthétique")


WAVE = (
    "Une place ponctuelle des 24\u00a0heures à venir se propose à 3 familles à la fois. "
    "Le premier OUI l'obtient. Les autres gardent leur rang."
)


def test_the_model_says_that_it_asks_several_families_at_once_and_nothing_of_what_was_not_voted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    published = rules.rules_on("montlucon-modele", DAY)
    assert published is not None
    assert published.voted == (WAVE,)
    none = policy_in_force("montlucon-modele", DAY).model_copy(update={"wave": None})
    monkeypatch.setattr(rules, "policy_in_force", lambda name, day: none)
    published = rules.rules_on("montlucon-modele", DAY)
    assert published is not None
    assert published.voted == ()


def test_each_voted_limit_is_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    policy = policy_in_force("montlucon-modele", DAY)
    voted = policy.rules.model_copy(update={"first_tier_percent": 40, "wait_weeks": 1})
    policy = policy.model_copy(
        update={"rules": voted, "insertion": KEPT, "avip": KEPT.model_copy(update={"percent": 20})}
    )
    monkeypatch.setattr(rules, "policy_in_force", lambda name, day: policy)
    published = rules.rules_on("montlucon-modele", DAY)
    assert published is not None
    assert published.voted == (
        "La priorité 1 passe devant pour 40\u00a0% des places libres.",
        "Une place libre attend un début 1\u00a0semaine au plus.",
        "Chaque gestionnaire garde 5\u00a0% des places pour l'insertion jusqu'au vendredi 1er\u00a0octobre 2027.",
        "Une crèche AVIP garde 20\u00a0% des places pour l'insertion jusqu'au vendredi 1er\u00a0octobre 2027.",
        WAVE,
    )

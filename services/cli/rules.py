"""The rules as the public reads them: the grid and the mode are the matcher's, the page is ingest's."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date, timedelta

from contracts.vocabulary import HEALTH_CRITERIA
from services.calendar import counted, date_in_full, local_day
from services.cli.failures import NBSP
from services.ingest.pages import PublishedRules, RulesLine
from services.matcher.policy import GuaranteedShare, Policy, WaveRule, policy_in_force
from services.matcher.rules.priority_grid import grid_in_force
from services.matcher.solver.schema import Mode, SiblingsClaim

MODES = {
    Mode.STABLE: "En descendant la liste, chaque enfant prend la meilleure place encore libre.",
    Mode.STRICT: "Le plus d'enfants possible est placé, d'abord parmi les premiers de la liste.",
    Mode.MOST_CHILDREN: "Le plus d'enfants possible est placé.",
}

SIBLINGS = {
    SiblingsClaim.FIRST: "Des frères et sœurs demandés ensemble prennent le rang du mieux classé.",
    SiblingsClaim.LAST: "Des frères et sœurs demandés ensemble prennent le rang du moins bien classé.",
}


def rules_on(policy: str, day: date) -> PublishedRules | None:
    """What the policy of that name says on `day`; None where there is none yet."""
    try:
        in_force = policy_in_force(policy, day)
        grid = grid_in_force(in_force.grid, day)
    except (FileNotFoundError, LookupError):
        return None
    return PublishedRules(
        title=grid.title,
        source=grid.source,
        valid_from=grid.valid_from,
        lines=tuple(
            RulesLine(line.criterion.label, line.points, line.note, line.criterion in HEALTH_CRITERIA)
            for line in grid.lines
        ),
        first_tier=tuple(criterion.label for criterion in grid.first_tier),
        is_model=grid.is_model,
        mode=MODES[in_force.rules.mode],
        voted=tuple(_limits(in_force)),
        siblings=SIBLINGS[in_force.rules.siblings_claim],
    )


def _limits(policy: Policy) -> Iterator[str]:
    """What was voted beside the grid, a sentence each; nothing of what was not."""
    if policy.rules.first_tier_percent is not None:
        yield f"La priorité 1 passe devant pour {policy.rules.first_tier_percent}{NBSP}% des places libres."
    if policy.rules.wait_weeks is not None:
        yield f"Une place libre attend un début {counted(policy.rules.wait_weeks, 'semaine')} au plus."
    if policy.insertion is not None:
        share = policy.insertion
        yield f"Chaque gestionnaire garde {share.percent}{NBSP}% des places pour l'insertion{_until(share)}."
    if policy.avip is not None:
        yield f"Une crèche AVIP garde {policy.avip.percent}{NBSP}% des places pour l'insertion{_until(policy.avip)}."
    if policy.wave is not None:
        yield _asked_at_once(policy.wave)


def _asked_at_once(rule: WaveRule) -> str:
    hours = counted(round(rule.within / timedelta(hours=1)), "heure")
    asked = f"Une place ponctuelle des {hours} à venir se propose à {rule.families} familles à la fois."
    return f"{asked} Le premier OUI l'obtient. Les autres gardent leur rang."


def _until(share: GuaranteedShare) -> str:
    return f" jusqu'au {date_in_full(local_day(share.kept_until), with_year=True)}" if share.kept_until else ""

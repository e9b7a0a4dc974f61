"""The rules as the public reads them: the grid and the mode are the matcher's, the page is ingest's."""

from __future__ import annotations

from datetime import date

from contracts.vocabulary import HEALTH_CRITERIA
from services.ingest.pages import PublishedRules, RulesLine
from services.matcher.policy import policy_in_force
from services.matcher.rules.priority_grid import grid_in_force
from services.matcher.solver.schema import Mode

MODES = {
    Mode.STABLE: "En descendant la liste, chaque enfant prend la meilleure place encore libre.",
    Mode.STRICT: "Le plus d'enfants possible est placé, d'abord parmi les premiers de la liste.",
    Mode.MOST_CHILDREN: "Le plus d'enfants possible est placé.",
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
    )

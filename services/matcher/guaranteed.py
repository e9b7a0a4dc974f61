"""The places that structures owe to families in insertion, as a round keeps them: what they published, as was voted."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable

import sqlalchemy as sa

from contracts.vocabulary import AwardMode
from services.matcher.policy import GuaranteedShare, Policy
from services.matcher.solver.schema import Quota


def guaranteed(structures: Iterable[sa.RowMapping], policy: Policy) -> tuple[Quota, ...]:
    """The places that managers, and AVIP structures, owe to families in insertion; none if the policy keeps none."""
    if policy.insertion is None and policy.avip is None:
        return ()
    rows = [row for row in structures if row["award_mode"] == AwardMode.AWARDED.value]
    managed: dict[str, list[sa.RowMapping]] = defaultdict(list)
    for row in rows:
        managed[_who_owes(row)].append(row)
    owed = [(name, here, policy.insertion) for name, here in sorted(managed.items())]
    owed += [(f"avip.{row['structure']}", [row], policy.avip) for row in rows if row["avip"]]
    return tuple(_quota(name, here, rule) for name, here, rule in owed if rule is not None)


def _who_owes(row: sa.RowMapping) -> str:
    """A manager over all its structures; a structure that names none, alone."""
    return f"manager.{row['manager']}" if row["manager"] else f"structure.{row['structure']}"


def _quota(name: str, here: list[sa.RowMapping], rule: GuaranteedShare) -> Quota:
    return Quota(
        id=name[:64],
        structures=tuple(row["structure"] for row in here),
        places=sum(row["capacity"] for row in here),
        percent=rule.percent,
        rounding=rule.rounding,
        counted=sum(row["insertion_children"] for row in here),
        release_at=rule.kept_until,
    )

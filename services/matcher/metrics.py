"""What the matcher counts."""

from __future__ import annotations

from prometheus_client import Counter, Gauge, Histogram

ROUND_SECONDS = Histogram("berceau_round_seconds", "Duration of a round, from load to write")
ROUNDS = Counter("berceau_rounds", "Rounds by how they ended", ["outcome"])
STALE_WRITES = Counter("berceau_stale_writes_refused", "Writes refused because another process owns the territory")
PROPOSALS = Gauge("berceau_proposals", "Proposals by state", ["state"])
TASKS_OPEN = Gauge("berceau_tasks_open", "Tasks that a person has to look at", ["kind"])

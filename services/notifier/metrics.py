"""What the notifier counts."""

from __future__ import annotations

from prometheus_client import Counter

SMS = Counter("berceau_sms", "SMS by text and by what became of them", ["template", "outcome"])

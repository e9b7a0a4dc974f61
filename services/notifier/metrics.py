"""What the notifier counts."""

from __future__ import annotations

from prometheus_client import Counter

SMS = Counter("berceau_sms", "SMS by text and by what became of them", ["template", "outcome"])
HELD_BACK = Counter("berceau_sms_held_back", "SMS that wait because a budget is spent", ["template"])

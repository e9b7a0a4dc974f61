"""What every service counts, in one registry for each process."""

from __future__ import annotations

from prometheus_client import Counter, Gauge

EVENTS_IN = Counter("berceau_events_in", "Events heard", ["service", "type", "outcome"])
EVENTS_OUT = Counter("berceau_events_out", "Events published to readers", ["service", "stream"])
OUTBOX_AGE = Gauge("berceau_outbox_age_seconds", "Age of the oldest event no reader could get yet", ["service"])
LAG = Gauge("berceau_lag_events", "Events written that this reader has not handled yet", ["service", "stream"])
DEAD_LETTERS = Gauge("berceau_dead_letters", "Messages that a person has to look at", ["service"])
DEAD_LETTER_AGE = Gauge(
    "berceau_dead_letter_age_seconds", "How long the oldest of them has waited for a person", ["service"]
)
AWAY = Gauge("berceau_away", "1 while the service waits for its database or broker", ["service"])
PURGED = Counter("berceau_purged_rows", "Rows dropped because nobody can need them any more", ["table"])

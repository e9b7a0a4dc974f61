"""Every topic of an installation, with the days that the broker keeps it.

Apart from the workers, which make no topic: an administrator's client takes as long to load as a whole service.
"""

from __future__ import annotations

from types import MappingProxyType

from services.bus.topics import OF_THE_TABLE
from services.ingest import partners

ALL_TOPICS = MappingProxyType({**OF_THE_TABLE, **partners.TOPICS})

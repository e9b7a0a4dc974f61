"""All the tables of ingest, for its migrations and for a database that is made at once."""

from __future__ import annotations

import sqlalchemy as sa

from services.bus import tables as bus_tables
from services.ingest import changes, credentials, idempotency, inbound, store
from services.ingest.files import imported
from services.ingest.projection import tables as projection_tables

OWNERS = (store, changes, credentials, idempotency, imported, inbound, projection_tables)
"""The modules that put tables into `metadata`: imported here, so that none is forgotten."""

metadata = store.metadata


def create_all(tx: sa.Connection) -> None:
    """Make every table that is not there, those of the bus included."""
    metadata.create_all(tx)
    bus_tables.metadata.create_all(tx)

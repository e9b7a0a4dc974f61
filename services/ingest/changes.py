"""How often what pages show has changed: a number for each territory, which open pages follow.

It is raised in the transaction of the change itself, last of all, and its row stays locked until the commit. So the
numbers of a territory become visible in their order, on PostgreSQL too, where of two rows of a log the later one may
commit first. A projection that is filled again counts anew: a page compares for equality, never for more.
"""

from __future__ import annotations

from collections.abc import Collection

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql, sqlite

from services.ingest.store import key, metadata

changes = sa.Table("changes", metadata, key("territory"), sa.Column("sequence", sa.BigInteger, nullable=False))


def note(tx: sa.Connection, territories: Collection[str]) -> None:
    """Something that pages of these territories show has changed, if and only if `tx` commits."""
    for territory in sorted(territories):
        tx.execute(_RAISE[tx.dialect.name], {"territory": territory, "sequence": 1})


_RAISE = {
    dialect.name: module.insert(changes).on_conflict_do_update(
        index_elements=["territory"], set_={"sequence": changes.c.sequence + 1}
    )
    for dialect, module in ((postgresql.dialect, postgresql), (sqlite.dialect, sqlite))
}
"""Built once for each kind of database: every act asks this."""


def sequence(tx: sa.Connection, territory: str) -> int:
    """Where a territory stands; 0 where nothing ever changed."""
    return tx.scalar(sa.select(changes.c.sequence).where(changes.c.territory == territory)) or 0


def sequences(tx: sa.Connection) -> dict[str, int]:
    """Where every territory stands."""
    return {row.territory: row.sequence for row in tx.execute(sa.select(changes))}

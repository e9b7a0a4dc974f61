"""SQL compiled once for a whole run on SQLite, and not again on the new database of each test.

SQLAlchemy keeps what it has compiled with the engine, and each test has engines of its own: half of what a test of the
matcher costs was compiling the same statements again. Here all engines that are made alike share one dialect and one
cache; connections, pools and transactions stay each test's own.
"""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

ALIKE = {"poolclass", "hide_parameters"}
"""Options that concern the pool or the log: two engines that differ in nothing else compile alike."""


def share_what_is_compiled() -> None:
    """From here on, for every SQLite engine that this process makes."""
    make = sa.create_engine
    first = make("sqlite://", query_cache_size=5_000)
    first.connect().close()  # a dialect learns from its first connection what the library can do

    def create_engine(url: str | sa.URL, **options: Any) -> sa.Engine:
        engine = make(url, **options)
        if engine.dialect.name == first.dialect.name and set(options) <= ALIKE:
            engine.dialect, engine._compiled_cache = first.dialect, first._compiled_cache
        return engine

    sa.create_engine = create_engine  # type: ignore[assignment]

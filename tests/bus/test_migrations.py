"""The history of each service leads to the tables that its code uses, on both databases."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from services.bus import migrations
from services.bus.database import Database, open_postgresql, open_sqlite
from services.bus.migrations import SERVICES, VERSION_TABLE


def tables(tx: sa.Connection) -> set[str]:
    return set(sa.inspect(tx).get_table_names())


def drop_a_column(tx: sa.Connection) -> None:
    tx.execute(sa.text("ALTER TABLE outbox DROP COLUMN published_at"))


def names_of(service: str) -> set[str]:
    return {table for metadata in migrations.metadata_of(service) for table in metadata.tables}


@pytest.mark.parametrize("service", SERVICES)
async def test_the_history_leads_to_the_tables_of_the_code_on_sqlite(service: str, tmp_path: Path) -> None:
    database = open_sqlite(tmp_path / f"{service}.sqlite", durability="OFF")
    assert await database.read(migrations.pending, service) is True
    await migrations.upgrade(database, service)
    assert await database.read(migrations.differences, service) == []
    assert await database.read(tables) == names_of(service) | {VERSION_TABLE}
    assert await database.read(migrations.pending, service) is False
    await migrations.upgrade(database, service)  # a second start changes nothing
    await database.close()


async def test_each_history_leads_to_its_tables_in_its_own_schema_on_postgresql(database_url: str) -> None:
    found: dict[str, list[Any]] = {}
    for service in SERVICES:
        database = open_postgresql(database_url, service)
        await migrations.upgrade(database, service)
        found[service] = await database.read(migrations.differences, service)
        assert await database.read(tables) == names_of(service) | {VERSION_TABLE}
        await database.close()
    assert found == {service: [] for service in SERVICES}


async def test_a_table_that_differs_from_the_code_is_found_on_postgresql(database_url: str) -> None:
    database = open_postgresql(database_url, "matcher")
    await migrations.upgrade(database, "matcher")
    await database.write(lambda tx: tx.execute(sa.text("DROP INDEX outbox_unpublished")))
    await database.write(drop_a_column)
    kinds = {difference[0] for difference in await database.read(migrations.differences, "matcher")}
    assert kinds == {"add_column", "add_index"}
    await database.close()


async def test_a_table_that_differs_from_the_code_is_found_on_sqlite(tmp_path: Path) -> None:
    database = open_sqlite(tmp_path / "matcher.sqlite", durability="OFF")
    await migrations.upgrade(database, "matcher")
    await database.write(lambda tx: tx.execute(sa.text("DROP INDEX outbox_unpublished")))
    await database.write(drop_a_column)
    kinds = {difference[0] for difference in await database.read(migrations.differences, "matcher")}
    assert kinds == {"add_column", "add_index"}
    await database.close()


async def test_processes_that_start_together_wait_for_each_other(database_url: str) -> None:
    databases: list[Database] = [open_postgresql(database_url, "ingest") for _ in range(4)]
    await asyncio.gather(*(migrations.upgrade(database, "ingest") for database in databases))
    assert await databases[0].read(migrations.differences, "ingest") == []
    for database in databases:
        await database.close()


async def test_a_history_that_fails_leaves_nothing_behind(tmp_path: Path) -> None:
    database = open_sqlite(tmp_path / "vault.sqlite", durability="OFF")
    await database.write(lambda tx: tx.execute(sa.text("CREATE TABLE vault_lookups (x INTEGER)")))
    with pytest.raises(sa.exc.OperationalError, match="vault_lookups"):
        await migrations.upgrade(database, "vault")
    assert await database.read(tables) == {"vault_lookups"}
    await database.close()

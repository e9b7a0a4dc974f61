"""The same vault on a real PostgreSQL, and two writers at once."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator

import pytest
import sqlalchemy as sa
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from services import vault
from services.vault import tables
from tests.vault.conftest import PHONE, TODAY, mother


@pytest.fixture
async def engine(database_url: str) -> AsyncIterator[AsyncEngine]:
    engine = create_async_engine(database_url, pool_size=10)
    async with engine.begin() as connection:
        await connection.run_sync(vault.metadata.create_all)
    yield engine
    await engine.dispose()


async def test_ten_writers_at_once_share_one_key_of_the_index_and_one_of_the_family(
    engine: AsyncEngine, keyring: vault.Keyring
) -> None:
    async def write(n: int) -> None:
        async with engine.begin() as connection:
            await connection.run_sync(_write_both, keyring, n)

    await asyncio.gather(*(write(n) for n in range(10)))
    async with engine.begin() as connection:
        keys = (await connection.execute(sa.select(tables.keys))).all()
        found = await connection.run_sync(vault.families_by_phone, keyring, PHONE)
        names = await connection.run_sync(vault.child_first_names, keyring, [f"r-{n}" for n in range(10)])
    assert len(keys) == 12  # ten families, the one they share, the index
    assert found == [(f"f-{n}", f"c-{n}") for n in range(10)]
    assert names == {f"r-{n}": "Imran" for n in range(10)}


def _write_both(tx: sa.Connection, keyring: vault.Keyring, n: int) -> None:
    vault.put_contacts(tx, keyring, f"f-{n}", [mother(id=f"c-{n}")], TODAY)
    vault.put_child_first_name(tx, keyring, "f-shared", f"r-{n}", "Imran", TODAY)


async def test_contacts_are_kept_found_rewrapped_and_erased_on_postgresql(
    engine: AsyncEngine, keyring: vault.Keyring
) -> None:
    new = vault.Keyring(b"n" * 32, previous=(keyring.current,))
    async with engine.begin() as connection:
        await connection.run_sync(vault.put_contacts, keyring, "f-1", [mother()], TODAY)
        assert await connection.run_sync(vault.rewrap, new) == 2
        assert await connection.run_sync(vault.contacts_of, new, "f-1") == (mother(),)
        assert await connection.run_sync(vault.erase_family, "f-1")
        assert await connection.run_sync(vault.contacts_of, new, "f-1") == ()

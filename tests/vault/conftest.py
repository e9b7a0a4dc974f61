"""A vault in a real SQLite file, and invented people whose numbers Arcep keeps for works of fiction."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import date
from pathlib import Path

import pytest
import sqlalchemy as sa

from services import vault

TODAY = date(2026, 3, 3)
PHONE = "+33639981234"
OTHER_PHONE = "+33639985678"


@pytest.fixture
def keyring() -> vault.Keyring:
    return vault.Keyring(b"k" * 32)


@pytest.fixture
def database(tmp_path: Path) -> Path:
    return tmp_path / "vault.sqlite"


@pytest.fixture
def tx(database: Path) -> Iterator[sa.Connection]:
    engine = sa.create_engine(f"sqlite:///{database}")
    vault.metadata.create_all(engine)
    with engine.connect() as connection:
        yield connection
    engine.dispose()


def mother(**changes: object) -> vault.Contact:
    """An invented parent."""
    data = {"id": "c-mother", "phone": "06 39 98 12 34", "name": "Awa Exemple", "email": "awa@exemple.fr"}
    return vault.Contact.model_validate(data | changes)


def father(**changes: object) -> vault.Contact:
    """Another invented parent."""
    data = {"id": "c-father", "phone": "06 39 98 56 78", "name": "Jean Exemple", "language": "pt"}
    return vault.Contact.model_validate(data | changes)

"""The vault's tables. What tells who somebody is, or how to reach them, is sealed; the rest says how to treat them.

When to modify: together with a migration of the vault.
"""

from __future__ import annotations

import sqlalchemy as sa

metadata = sa.MetaData()

_ID = sa.String(64)
_KIND = sa.String(16)

keys = sa.Table(
    "vault_keys",
    metadata,
    sa.Column("kind", _KIND, primary_key=True),
    sa.Column("owner", _ID, primary_key=True),
    sa.Column("wrapped", sa.LargeBinary, nullable=False),
    sa.Column("master", sa.String(32), nullable=False),
    sa.Column("written_on", sa.Date, nullable=False),
)
"""One data key per owner, wrapped by the master key named `master`. Deleting the row is the erasure."""

contacts = sa.Table(
    "vault_contacts",
    metadata,
    sa.Column("contact", _ID, primary_key=True),
    sa.Column("kind", _KIND, nullable=False),
    sa.Column("owner", _ID, nullable=False),
    sa.Column("position", sa.SmallInteger, nullable=False),
    sa.Column("role", sa.String(16), nullable=False),
    sa.Column("may_answer", sa.Boolean, nullable=False),
    sa.Column("channel", sa.String(16), nullable=False),
    sa.Column("language", sa.String(3), nullable=False),
    sa.Column("suspended", sa.Boolean, nullable=False),
    sa.Column("stranger", sa.Boolean, nullable=False),
    sa.Column("phone", sa.LargeBinary),
    sa.Column("email", sa.LargeBinary),
    sa.Column("name", sa.LargeBinary),
    sa.Index("vault_contacts_owner", "kind", "owner"),
)

first_names = sa.Table(
    "vault_first_names",
    metadata,
    sa.Column("request", _ID, primary_key=True),
    sa.Column("kind", _KIND, nullable=False),
    sa.Column("owner", _ID, nullable=False),
    sa.Column("first_name", sa.LargeBinary, nullable=False),
    sa.Index("vault_first_names_owner", "kind", "owner"),
)
"""A child's first name, by request."""

lookups = sa.Table(
    "vault_lookups",
    metadata,
    sa.Column("fingerprint", sa.LargeBinary(32), primary_key=True),
    sa.Column("contact", _ID, primary_key=True),
    sa.Column("kind", _KIND, nullable=False),
    sa.Column("owner", _ID, nullable=False),
    sa.Index("vault_lookups_owner", "kind", "owner"),
)
"""The blind index: whose phone number or e-mail address this is, without the number or the address."""

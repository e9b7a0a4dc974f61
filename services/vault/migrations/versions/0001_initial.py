"""Initial."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.create_table(
        "vault_contacts",
        sa.Column("contact", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("position", sa.SmallInteger(), nullable=False),
        sa.Column("role", sa.String(length=16), nullable=False),
        sa.Column("may_answer", sa.Boolean(), nullable=False),
        sa.Column("channel", sa.String(length=16), nullable=False),
        sa.Column("language", sa.String(length=3), nullable=False),
        sa.Column("suspended", sa.Boolean(), nullable=False),
        sa.Column("stranger", sa.Boolean(), nullable=False),
        sa.Column("phone", sa.LargeBinary(), nullable=True),
        sa.Column("email", sa.LargeBinary(), nullable=True),
        sa.Column("name", sa.LargeBinary(), nullable=True),
        sa.PrimaryKeyConstraint("contact"),
    )
    op.create_index("vault_contacts_owner", "vault_contacts", ["kind", "owner"], unique=False)
    op.create_table(
        "vault_first_names",
        sa.Column("request", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("first_name", sa.LargeBinary(), nullable=False),
        sa.PrimaryKeyConstraint("request"),
    )
    op.create_index("vault_first_names_owner", "vault_first_names", ["kind", "owner"], unique=False)
    op.create_table(
        "vault_keys",
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.Column("wrapped", sa.LargeBinary(), nullable=False),
        sa.Column("master", sa.String(length=32), nullable=False),
        sa.Column("written_on", sa.Date(), nullable=False),
        sa.PrimaryKeyConstraint("kind", "owner"),
    )
    op.create_table(
        "vault_lookups",
        sa.Column("fingerprint", sa.LargeBinary(length=32), nullable=False),
        sa.Column("contact", sa.String(length=64), nullable=False),
        sa.Column("kind", sa.String(length=16), nullable=False),
        sa.Column("owner", sa.String(length=64), nullable=False),
        sa.PrimaryKeyConstraint("fingerprint", "contact"),
    )
    op.create_index("vault_lookups_owner", "vault_lookups", ["kind", "owner"], unique=False)


def downgrade() -> None:
    op.drop_index("vault_lookups_owner", table_name="vault_lookups")
    op.drop_table("vault_lookups")
    op.drop_table("vault_keys")
    op.drop_index("vault_first_names_owner", table_name="vault_first_names")
    op.drop_table("vault_first_names")
    op.drop_index("vault_contacts_owner", table_name="vault_contacts")
    op.drop_table("vault_contacts")

"""Whether a proposal still asks for an answer, was meant for the family, and why it was withdrawn."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("proposals", sa.Column("asks", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("proposals", sa.Column("was_released", sa.Boolean(), server_default=sa.false(), nullable=False))
    op.add_column("proposals", sa.Column("withdrawn_for", sa.String(length=32), nullable=True))

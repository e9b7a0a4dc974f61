"""Places on which children already sit, sections that close, and the deadline from before a call."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"
branch_labels = None
depends_on = None


def upgrade() -> None:
    op.add_column("sections", sa.Column("is_open", sa.Boolean(), server_default=sa.true(), nullable=False))
    op.add_column("vacancies", sa.Column("sat_on", sa.JSON(), server_default="[]", nullable=False))
    op.add_column("proposals", sa.Column("deadline_before_call", sa.DateTime(timezone=True), nullable=True))

# SPDX-License-Identifier: GPL-2.0-or-later
"""Workers: one row for each process that lives."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0002"
down_revision = "0001"


def upgrade() -> None:
    """Make the table."""
    op.create_table(
        "workers",
        sa.Column("worker", sa.String, primary_key=True),
        sa.Column("host", sa.String, nullable=False),
        sa.Column("queues", sa.Text, nullable=False),
        sa.Column("started_at", sa.Float, nullable=False),
        sa.Column("seen_at", sa.Float, nullable=False),
        sa.Column("cores", sa.Integer, nullable=False),
        sa.Column("runtime", sa.String, nullable=False),
        sa.Column("version", sa.String, nullable=False),
    )

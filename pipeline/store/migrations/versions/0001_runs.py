# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs, jobs and observations.

Databases from before there were revisions have these tables, or some of them: they are kept.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0001"
down_revision = None


def upgrade() -> None:
    """Make what is missing."""
    op.create_table(
        "runs",
        sa.Column("run", sa.String, primary_key=True),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("options", sa.Text, nullable=False),
        sa.Column("plan", sa.Text, nullable=False),
        sa.Column("case", sa.Text, nullable=False),
        sa.Column("owner", sa.String, nullable=False),
        sa.Column("outcome", sa.String, nullable=False),
        sa.Column("verdict", sa.Text, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "jobs",
        sa.Column("run", sa.String, sa.ForeignKey("runs.run"), primary_key=True),
        sa.Column("job", sa.String, primary_key=True),
        sa.Column("position", sa.Integer, nullable=False),
        sa.Column("target", sa.String, nullable=False),
        sa.Column("check", sa.String, nullable=False),
        sa.Column("step", sa.String, nullable=False),
        sa.Column("state", sa.String, nullable=False),
        sa.Column("attempt", sa.Integer, nullable=False),
        sa.Column("sends", sa.Integer, nullable=False),
        sa.Column("queued_at", sa.Float),
        sa.Column("sent_at", sa.Float),
        sa.Column("started_at", sa.Float),
        sa.Column("lease_until", sa.Float),
        sa.Column("worker", sa.String, nullable=False),
        sa.Column("doing", sa.String, nullable=False),
        sa.Column("result", sa.Text, nullable=False),
        if_not_exists=True,
    )
    op.create_table(
        "observations",
        sa.Column("key", sa.String, primary_key=True),
        sa.Column("observation", sa.Text, nullable=False),
        sa.Column("made_at", sa.Float, nullable=False),
        if_not_exists=True,
    )

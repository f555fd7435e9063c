# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs say when their coordinator was seen last: it may be on another machine."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0003"
down_revision = "0002"


def upgrade() -> None:
    """Add the column; of runs that an older version began nobody knows."""
    op.add_column("runs", sa.Column("seen_at", sa.Float))

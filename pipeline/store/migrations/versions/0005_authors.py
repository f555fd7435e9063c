# SPDX-License-Identifier: GPL-2.0-or-later
"""Submissions are looked for by their author, each time one of theirs comes."""

from __future__ import annotations

from alembic import op

revision = "0005"
down_revision = "0004"


def upgrade() -> None:
    """Add the index."""
    op.create_index("ix_submissions_author", "submissions", ["author"])

# SPDX-License-Identifier: GPL-2.0-or-later
"""Mailing lists: what came in, the series in it, what was answered."""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

revision = "0004"
down_revision = "0003"


def upgrade() -> None:
    """Make the tables."""
    op.create_table(
        "cursors",
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("position", sa.String, nullable=False),
        sa.Column("read_at", sa.Float, nullable=False),
        sa.Column("error", sa.String, nullable=False),
    )
    op.create_table(
        "mails",
        sa.Column("message_id", sa.String, primary_key=True),
        sa.Column("thread", sa.String, nullable=False, index=True),
        sa.Column("list", sa.String, nullable=False),
        sa.Column("author", sa.String, nullable=False, index=True),
        sa.Column("arrived_at", sa.Float, nullable=False, index=True),
        sa.Column("raw", sa.LargeBinary, nullable=False),
    )
    op.create_table(
        "named",
        sa.Column("message_id", sa.String, primary_key=True),
        sa.Column("thread", sa.String, nullable=False, index=True),
        sa.Column("named_at", sa.Float, nullable=False),
    )
    op.create_table(
        "submissions",
        sa.Column("message_id", sa.String, primary_key=True),
        sa.Column("list", sa.String, nullable=False),
        sa.Column("thread", sa.String, nullable=False, index=True),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("version", sa.Integer, nullable=False),
        sa.Column("state", sa.String, nullable=False, index=True),
        sa.Column("reason", sa.String, nullable=False),
        sa.Column("due_at", sa.Float, nullable=False),
        sa.Column("run", sa.String, nullable=False),
        sa.Column("asked", sa.Text, nullable=False),
        sa.Column("starts", sa.Integer, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
    )
    op.create_table(
        "outbox",
        sa.Column("message_id", sa.String, primary_key=True),
        sa.Column("run", sa.String, nullable=False),
        sa.Column("list", sa.String, nullable=False),
        sa.Column("mode", sa.String, nullable=False),
        sa.Column("author", sa.String, nullable=False),
        sa.Column("subject", sa.String, nullable=False),
        sa.Column("recipients", sa.Text, nullable=False),
        sa.Column("message", sa.LargeBinary, nullable=False),
        sa.Column("state", sa.String, nullable=False, index=True),
        sa.Column("tries", sa.Integer, nullable=False),
        sa.Column("due_at", sa.Float, nullable=False),
        sa.Column("claimed_by", sa.String, nullable=False),
        sa.Column("said", sa.String, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
        sa.Column("tried_at", sa.Float),
        sa.Column("ended_at", sa.Float),
    )
    op.create_table(
        "commands",
        sa.Column("message_id", sa.String, primary_key=True),
        sa.Column("submission", sa.String, nullable=False),
        sa.Column("given_by", sa.String, nullable=False),
        sa.Column("text", sa.String, nullable=False),
        sa.Column("answer", sa.Text, nullable=False),
        sa.Column("refused", sa.Boolean, nullable=False),
        sa.Column("created_at", sa.Float, nullable=False),
    )
    op.create_table(
        "known",
        sa.Column("fingerprint", sa.String, primary_key=True),
        sa.Column("source", sa.String, primary_key=True),
        sa.Column("target", sa.String, nullable=False),
        sa.Column("check", sa.String, nullable=False),
        sa.Column("summary", sa.String, nullable=False),
        sa.Column("link", sa.String, nullable=False),
        sa.Column("said_by", sa.String, nullable=False),
        sa.Column("made_at", sa.Float, nullable=False),
        sa.Column("expires_at", sa.Float, nullable=False),
    )

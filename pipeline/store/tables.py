# SPDX-License-Identifier: GPL-2.0-or-later
"""The tables, as this code reads and writes them. Migrations make them (`schema`)."""

from __future__ import annotations

import sqlalchemy as sa

METADATA = sa.MetaData()

RUNS = sa.Table(
    "runs",
    METADATA,
    sa.Column("run", sa.String, primary_key=True),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("subject", sa.String, nullable=False),
    sa.Column("options", sa.Text, nullable=False),
    sa.Column("plan", sa.Text, nullable=False),
    sa.Column("case", sa.Text, nullable=False),
    sa.Column("owner", sa.String, nullable=False),
    sa.Column("outcome", sa.String, nullable=False, default=""),
    sa.Column("verdict", sa.Text, nullable=False, default=""),
    sa.Column("seen_at", sa.Float),
)

JOBS = sa.Table(
    "jobs",
    METADATA,
    sa.Column("run", sa.String, sa.ForeignKey("runs.run"), primary_key=True),
    sa.Column("job", sa.String, primary_key=True),
    sa.Column("position", sa.Integer, nullable=False),
    sa.Column("target", sa.String, nullable=False),
    sa.Column("check", sa.String, nullable=False),
    sa.Column("step", sa.String, nullable=False),
    sa.Column("state", sa.String, nullable=False, default="waiting"),
    sa.Column("attempt", sa.Integer, nullable=False, default=1),
    sa.Column("sends", sa.Integer, nullable=False, default=0),
    sa.Column("queued_at", sa.Float),
    sa.Column("sent_at", sa.Float),
    sa.Column("started_at", sa.Float),
    sa.Column("lease_until", sa.Float),
    sa.Column("worker", sa.String, nullable=False, default=""),
    sa.Column("doing", sa.String, nullable=False, default=""),
    sa.Column("result", sa.Text, nullable=False, default=""),
)

OBSERVATIONS = sa.Table(
    "observations",
    METADATA,
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("observation", sa.Text, nullable=False),
    sa.Column("made_at", sa.Float, nullable=False),
)

WORKERS = sa.Table(
    "workers",
    METADATA,
    sa.Column("worker", sa.String, primary_key=True),
    sa.Column("host", sa.String, nullable=False),
    sa.Column("queues", sa.Text, nullable=False),
    sa.Column("started_at", sa.Float, nullable=False),
    sa.Column("seen_at", sa.Float, nullable=False),
    sa.Column("cores", sa.Integer, nullable=False),
    sa.Column("runtime", sa.String, nullable=False),
    sa.Column("version", sa.String, nullable=False),
)

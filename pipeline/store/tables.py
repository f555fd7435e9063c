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

#: How far each source of mail was read.
CURSORS = sa.Table(
    "cursors",
    METADATA,
    sa.Column("source", sa.String, primary_key=True),
    sa.Column("position", sa.String, nullable=False),
    sa.Column("read_at", sa.Float, nullable=False),
    sa.Column("error", sa.String, nullable=False, default=""),
)

#: What came in. THREAD is a name that all mails of one thread share, RAW is zlib's.
MAILS = sa.Table(
    "mails",
    METADATA,
    sa.Column("message_id", sa.String, primary_key=True),
    sa.Column("thread", sa.String, nullable=False, index=True),
    sa.Column("list", sa.String, nullable=False),
    sa.Column("author", sa.String, nullable=False, index=True),
    sa.Column("arrived_at", sa.Float, nullable=False, index=True),
    sa.Column("raw", sa.LargeBinary, nullable=False),
)

#: Which thread an id belongs to, of mails that are there and of those that were only named.
NAMED = sa.Table(
    "named",
    METADATA,
    sa.Column("message_id", sa.String, primary_key=True),
    sa.Column("thread", sa.String, nullable=False, index=True),
    sa.Column("named_at", sa.Float, nullable=False),
)

#: Series that were posted, by the Message-ID of their first mail.
SUBMISSIONS = sa.Table(
    "submissions",
    METADATA,
    sa.Column("message_id", sa.String, primary_key=True),
    sa.Column("list", sa.String, nullable=False),
    sa.Column("thread", sa.String, nullable=False, index=True),
    sa.Column("subject", sa.String, nullable=False),
    sa.Column("author", sa.String, nullable=False, index=True),
    sa.Column("version", sa.Integer, nullable=False),
    sa.Column("state", sa.String, nullable=False, index=True),
    sa.Column("reason", sa.String, nullable=False, default=""),
    sa.Column("due_at", sa.Float, nullable=False),
    sa.Column("run", sa.String, nullable=False, default=""),
    sa.Column("asked", sa.Text, nullable=False, default=""),
    sa.Column("starts", sa.Integer, nullable=False, default=0),
    sa.Column("created_at", sa.Float, nullable=False),
)

#: Mails of ours, by their Message-ID, which follows from what they answer.
OUTBOX = sa.Table(
    "outbox",
    METADATA,
    sa.Column("message_id", sa.String, primary_key=True),
    sa.Column("run", sa.String, nullable=False),
    sa.Column("list", sa.String, nullable=False),
    sa.Column("mode", sa.String, nullable=False),
    sa.Column("author", sa.String, nullable=False),
    sa.Column("subject", sa.String, nullable=False),
    sa.Column("recipients", sa.Text, nullable=False),
    sa.Column("message", sa.LargeBinary, nullable=False),
    sa.Column("state", sa.String, nullable=False, index=True),
    sa.Column("tries", sa.Integer, nullable=False, default=0),
    sa.Column("due_at", sa.Float, nullable=False),
    sa.Column("claimed_by", sa.String, nullable=False, default=""),
    sa.Column("said", sa.String, nullable=False, default=""),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("tried_at", sa.Float),
    sa.Column("ended_at", sa.Float),
)

#: Commands in replies that were heeded, or refused, by the mail that gave them.
COMMANDS = sa.Table(
    "commands",
    METADATA,
    sa.Column("message_id", sa.String, primary_key=True),
    sa.Column("submission", sa.String, nullable=False),
    sa.Column("given_by", sa.String, nullable=False),
    sa.Column("text", sa.String, nullable=False),
    sa.Column("answer", sa.Text, nullable=False),
    sa.Column("refused", sa.Boolean, nullable=False),
    sa.Column("created_at", sa.Float, nullable=False),
)

#: Findings that are nobody's news, for a time. SOURCE is the line that the tool shows.
KNOWN = sa.Table(
    "known",
    METADATA,
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

# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs, jobs, results, bases, workers, mails: the truth about what has happened.

SQLAlchemy Core on SQLite by default, on PostgreSQL by URL. Nouns are stored as JSON, times
as seconds since the epoch. Every change of a job's state is one UPDATE with the state and
the attempt that it expects in its WHERE: whoever comes late changes nothing, and is told.
"""

from __future__ import annotations

from pipeline.store.commands import Commands
from pipeline.store.database import AwayError
from pipeline.store.jobs import Jobs
from pipeline.store.known import Known
from pipeline.store.mails import Mails
from pipeline.store.observations import Observations
from pipeline.store.outbox import Outbox
from pipeline.store.records import (
    Asked,
    CommandLine,
    Incoming,
    JobRow,
    KnownLine,
    MailState,
    Options,
    OutMail,
    RunLine,
    Running,
    RunRecord,
    SourceLine,
    StoredMail,
    Submission,
    WorkerLine,
)
from pipeline.store.runs import Runs
from pipeline.store.submissions import Submissions
from pipeline.store.workers import Workers

__all__ = (
    "Asked",
    "AwayError",
    "CommandLine",
    "Incoming",
    "JobRow",
    "KnownLine",
    "MailState",
    "Options",
    "OutMail",
    "RunLine",
    "RunRecord",
    "Running",
    "SourceLine",
    "Store",
    "StoredMail",
    "Submission",
    "WorkerLine",
)


class Store(Runs, Jobs, Observations, Workers, Mails, Submissions, Commands, Known, Outbox):
    """All that is stored, in the database at a URL."""

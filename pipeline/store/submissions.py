# SPDX-License-Identifier: GPL-2.0-or-later
"""Series that were posted to lists, each once, and what became of them."""

from __future__ import annotations

from collections.abc import Iterable

import sqlalchemy as sa

from pipeline.codec import dumps
from pipeline.store.database import Database, storable
from pipeline.store.records import Asked, Submission, read
from pipeline.store.tables import SUBMISSIONS

#: A submission in one of these has its end.
ENDED = ("done", "left", "superseded", "stopped")


class Submissions(Database):
    """The part of the store that knows them."""

    def submit(self, new: Submission) -> bool:
        """Store NEW; False if it is there already, whoever brought it."""
        mine = SUBMISSIONS.c.message_id == new.message_id
        return self._add(
            SUBMISSIONS, _values(new), mine, SUBMISSIONS.c.created_at == new.created_at
        )

    def submission(self, message_id: str) -> Submission | None:
        """One of them, by the Message-ID of its first mail."""
        query = sa.select(SUBMISSIONS).where(SUBMISSIONS.c.message_id == message_id)
        row = self._one(query)
        return _read(row) if row else None

    def submissions(self, states: Iterable[str] = (), limit: int = 1000) -> tuple[Submission, ...]:
        """Those in STATES (all if there are none), the oldest first; of more the latest."""
        query = sa.select(SUBMISSIONS)
        if states:
            query = query.where(SUBMISSIONS.c.state.in_(tuple(states)))
        rows = self._rows(query.order_by(SUBMISSIONS.c.created_at.desc()).limit(limit))
        return tuple(map(_read, reversed(rows)))

    def submissions_of(self, thread: str) -> tuple[Submission, ...]:
        """Those of a thread, the oldest first."""
        query = sa.select(SUBMISSIONS).where(SUBMISSIONS.c.thread == thread)
        return tuple(map(_read, self._rows(query.order_by(SUBMISSIONS.c.created_at))))

    def earlier(self, author: str) -> tuple[Submission, ...]:
        """AUTHOR's, the latest first."""
        query = sa.select(SUBMISSIONS).where(SUBMISSIONS.c.author == author)
        rows = self._rows(query.order_by(SUBMISSIONS.c.created_at.desc()).limit(200))
        return tuple(map(_read, rows))

    def move(self, old: Submission, new: Submission) -> bool:
        """Make NEW of OLD, if it still is as OLD says; False if somebody else moved it."""
        changed = self._write(
            SUBMISSIONS.update()
            .where(
                SUBMISSIONS.c.message_id == old.message_id,
                SUBMISSIONS.c.state == old.state,
                SUBMISSIONS.c.run == old.run,
                SUBMISSIONS.c.starts == old.starts,
            )
            .values(_values(new))
        )
        return bool(changed)


def _values(submission: Submission) -> dict[str, object]:
    return {
        "message_id": submission.message_id,
        "list": submission.list,
        "thread": submission.thread,
        "subject": storable(submission.subject),
        "author": submission.author,
        "version": submission.version,
        "state": submission.state,
        "reason": storable(submission.reason),
        "due_at": submission.due_at,
        "run": submission.run,
        "asked": dumps(submission.asked),
        "starts": submission.starts,
        "created_at": submission.created_at,
    }


def _read(row: sa.Row[tuple[object, ...]]) -> Submission:
    fields = dict(row._mapping)  # noqa: SLF001
    return Submission(**fields | {"asked": read(Asked, row.asked, row.run)})

# SPDX-License-Identifier: GPL-2.0-or-later
"""Jobs: where each stands, and every change of that, which takes effect once."""

from __future__ import annotations

from typing import Any

import sqlalchemy as sa

from pipeline.codec import dumps
from pipeline.model import Job, JobResult, Plan, Step
from pipeline.store.database import Database
from pipeline.store.records import JobRow, read
from pipeline.store.tables import JOBS


class Jobs(Database):
    """The part of the store that knows jobs."""

    def jobs(self, run: str, before: tuple[JobRow, ...] = ()) -> tuple[JobRow, ...]:
        """Where every job of the run stands, in the plan's order.

        BEFORE is what this returned earlier: results, which are long, are not read again.
        """
        known = {row.job.id: row.result for row in before if row.state == "done"}
        columns = [column for column in JOBS.c if column.name != "result"]
        query = sa.select(*columns).where(JOBS.c.run == run).order_by(JOBS.c.position)
        rows = self._rows(query)
        new = [row.job for row in rows if row.state == "done" and row.job not in known]
        query = sa.select(JOBS.c.job, JOBS.c.result).where(
            JOBS.c.run == run, JOBS.c.job.in_(new), JOBS.c.result != ""
        )
        texts = self._rows(query) if new else ()
        results = known | {job: read(JobResult, text, run) for job, text in texts}
        return tuple(
            JobRow(
                job=Job(row.target, row.check, Step(row.step)),
                state=row.state,
                attempt=row.attempt,
                sends=row.sends,
                queued_at=row.queued_at,
                sent_at=row.sent_at,
                started_at=row.started_at,
                lease_until=row.lease_until,
                worker=row.worker,
                doing=row.doing,
                result=results.get(row.job),
            )
            for row in rows
        )

    def workers_of_bases(self, plan: Plan) -> dict[Job, str]:
        """The workers that did PLAN's jobs of bases last, in whichever run."""
        wanted = {job.id: job for job in plan.jobs if job.step is Step.BASE}
        query = (
            sa.select(JOBS.c.job, JOBS.c.worker)
            .where(JOBS.c.job.in_(wanted), JOBS.c.state == "done")
            .where(JOBS.c.worker != "", JOBS.c.started_at.is_not(None))
            .order_by(JOBS.c.started_at.desc())
            .limit(50 * len(wanted))
        )
        return {wanted[job]: worker for job, worker in reversed(self._rows(query))}

    def _change(self, run: str, job: Job, *conditions: Any, **values: Any) -> bool:
        """Whether the job was as CONDITIONS say, and has VALUES now.

        If the database went away during the commit, the change may be there, so that the
        conditions hold no more: it is, if the job has all those VALUES. They are nobody else's:
        an attempt has one worker, which claims it at one time and renews it until ever later
        ones, and one coordinator.
        """
        this = JOBS.c.run == run, JOBS.c.job == job.id
        update = JOBS.update().where(*this, *conditions).values(**values)
        made = sa.select(JOBS.c.job).where(
            *this, *(JOBS.c[name] == value for name, value in values.items())
        )
        return self._do(
            lambda connection: bool(connection.execute(update).rowcount),
            in_doubt=lambda connection: connection.execute(made).first() is not None,
        )

    def mark_sent(self, run: str, row: JobRow, now: float) -> bool:
        """A message for this attempt is about to be sent; False if a worker was faster."""
        return self._change(
            run,
            row.job,
            JOBS.c.state.in_(("waiting", "queued")),
            JOBS.c.attempt == row.attempt,
            state="queued",
            sends=row.sends + 1,
            queued_at=row.queued_at or now,
            sent_at=now,
        )

    def claim(
        self, run: str, job: Job, attempt: int, *, worker: str, now: float, lease_s: float
    ) -> bool:
        """Take the job for WORKER; False if this attempt is taken, done or taken back."""
        return self._change(
            run,
            job,
            JOBS.c.state == "queued",
            JOBS.c.attempt == attempt,
            state="running",
            worker=worker,
            started_at=now,
            lease_until=now + lease_s,
            doing="starting",
        )

    def renew(self, run: str, job: Job, attempt: int, *, doing: str, lease_until: float) -> bool:
        """Say that the attempt goes on; False if it was taken back: stop then."""
        return self._change(
            run,
            job,
            JOBS.c.state == "running",
            JOBS.c.attempt == attempt,
            doing=doing.replace("\0", ""),  # PostgreSQL takes no NUL
            lease_until=lease_until,
        )

    def finish(self, run: str, attempt: int, result: JobResult) -> bool:
        """Store the result of a running attempt; False if it was taken back."""
        return self._change(
            run,
            result.job,
            JOBS.c.state == "running",
            JOBS.c.attempt == attempt,
            state="done",
            doing="",
            result=dumps(result),
        )

    def settle(self, run: str, row: JobRow, result: JobResult) -> bool:
        """Decide a job without (or against) its worker; False if it moved on meanwhile."""
        return self._change(
            run,
            row.job,
            JOBS.c.state == row.state,
            JOBS.c.attempt == row.attempt,
            state="done",
            doing="",
            result=dumps(result),
        )

    def take_back(self, run: str, row: JobRow) -> bool:
        """Make a lost attempt waiting again, as the next attempt."""
        return self._change(
            run,
            row.job,
            JOBS.c.state == "running",
            JOBS.c.attempt == row.attempt,
            state="waiting",
            attempt=row.attempt + 1,
            sends=0,
            queued_at=None,
            sent_at=None,
            started_at=None,
            lease_until=None,
            doing="",
        )

    def abandon(self, run: str) -> None:
        """Take back all that is not done, for good: whoever still works on it is told."""
        self._write(
            JOBS.update()
            .where(JOBS.c.run == run, JOBS.c.state != "done")
            .values(state="done", attempt=JOBS.c.attempt + 1, doing="")
        )

    def expect_lost(self, run: str) -> None:
        """Queued messages are gone (Redis was): send them again at once."""
        self._write(
            JOBS.update().where(JOBS.c.run == run, JOBS.c.state == "queued").values(sent_at=0.0)
        )

    def expire_worker(self, worker: str) -> None:
        """End the leases of a worker that is known to be dead."""
        self._write(
            JOBS.update()
            .where(JOBS.c.worker == worker, JOBS.c.state == "running")
            .values(lease_until=0.0)
        )

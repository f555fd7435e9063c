# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs: planned once, and ended by one verdict."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace

import sqlalchemy as sa
from pydantic_core import PydanticSerializationError

from pipeline.codec import dumps
from pipeline.model import Case, InputError, Plan, Verdict
from pipeline.store.database import Database
from pipeline.store.records import Options, RunLine, RunRecord, read
from pipeline.store.tables import JOBS, RUNS

_LINE = (
    RUNS.c.run,
    RUNS.c.created_at,
    RUNS.c.subject,
    RUNS.c.outcome,
    RUNS.c.owner,
    RUNS.c.seen_at,
)


class Runs(Database):
    """The part of the store that knows runs."""

    def create_run(self, record: RunRecord) -> None:
        """Store RECORD and its jobs, all waiting. The series' mails are not stored.

        Raises InputError for names (of files, of the tree) that are no UTF-8.
        """
        series = replace(record.case.series, mails=())
        try:
            case = dumps(replace(record.case, series=series))
        except PydanticSerializationError as error:
            raise InputError(
                "The tree, or a file of the series, has a name that is no UTF-8: rename it."
            ) from error
        run = RUNS.insert().values(
            run=record.run,
            created_at=record.created_at,
            subject=series.subject.replace("\0", ""),  # PostgreSQL takes no NUL
            options=dumps(record.options),
            plan=dumps(record.plan),
            case=case,
            owner=record.owner,
        )
        jobs = [
            {
                "run": record.run,
                "job": job.id,
                "position": position,
                "target": job.target,
                "check": job.check,
                "step": str(job.step),
            }
            for position, job in enumerate(record.plan.jobs)
        ]

        def create(connection: sa.Connection) -> None:
            connection.execute(run)
            if jobs:
                connection.execute(JOBS.insert(), jobs)

        self._do(create)  # done twice, the second is refused: the run is not begun

    def run(self, run: str) -> RunRecord | None:
        """The run of that name, or None."""
        row = self._one(sa.select(RUNS).where(RUNS.c.run == run))
        if row is None:
            return None
        return RunRecord(
            run=row.run,
            created_at=row.created_at,
            options=read(Options, row.options, run),
            plan=read(Plan, row.plan, run),
            case=read(Case, row.case, run),
            owner=row.owner,
        )

    def runs(self, limit: int = 50) -> tuple[RunLine, ...]:
        """The latest runs, newest first."""
        query = sa.select(*_LINE).order_by(RUNS.c.created_at.desc()).limit(limit)
        return tuple(RunLine(*row) for row in self._rows(query))

    def unfinished(self) -> tuple[RunLine, ...]:
        """Runs that have no verdict, oldest first."""
        query = sa.select(*_LINE).where(RUNS.c.outcome == "").order_by(RUNS.c.created_at)
        return tuple(RunLine(*row) for row in self._rows(query))

    def see_run(self, run: str, now: float) -> None:
        """The coordinator of the run says that it lives."""
        self._write(RUNS.update().where(RUNS.c.run == run).values(seen_at=now))

    def over(self, runs: Iterable[str]) -> tuple[str, ...]:
        """Those of RUNS that have their verdict."""
        query = sa.select(RUNS.c.run).where(RUNS.c.run.in_(tuple(runs)), RUNS.c.outcome != "")
        return tuple(row.run for row in self._rows(query))

    def finish_run(self, verdict: Verdict) -> bool:
        """Store the one verdict of a run; False if it already has one.

        That may be this one, if the database went away while it was stored: read it.
        """
        changed = self._write(
            RUNS.update()
            .where(RUNS.c.run == verdict.run, RUNS.c.outcome == "")
            .values(outcome=str(verdict.outcome), verdict=dumps(verdict))
        )
        return bool(changed)

    def verdict(self, run: str) -> Verdict | None:
        """The verdict of a run that has one."""
        row = self._one(sa.select(RUNS.c.verdict).where(RUNS.c.run == run))
        return read(Verdict, row.verdict, run) if row and row.verdict else None

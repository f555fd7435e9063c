# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs, jobs, results and cached observations: the truth about what has happened.

SQLAlchemy Core on SQLite by default, on PostgreSQL by URL. Nouns are stored as JSON, times
as seconds since the epoch. Every change of a job's state is one UPDATE with the state and
the attempt that it expects in its WHERE: whoever comes late changes nothing, and is told.
"""

from __future__ import annotations

import re
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, TypeVar

import sqlalchemy as sa
from pydantic import ValidationError
from pydantic_core import PydanticSerializationError
from sqlalchemy.exc import DBAPIError, OperationalError, SQLAlchemyError

from pipeline.codec import dumps, loads
from pipeline.model import (
    Case,
    InfraError,
    InputError,
    Job,
    JobResult,
    Observation,
    Plan,
    Step,
    Verdict,
)

T = TypeVar("T")

_META = sa.MetaData()

_OPENING_TRIES = 50

_RUNS = sa.Table(
    "runs",
    _META,
    sa.Column("run", sa.String, primary_key=True),
    sa.Column("created_at", sa.Float, nullable=False),
    sa.Column("subject", sa.String, nullable=False),
    sa.Column("options", sa.Text, nullable=False),
    sa.Column("plan", sa.Text, nullable=False),
    sa.Column("case", sa.Text, nullable=False),
    sa.Column("owner", sa.String, nullable=False),
    sa.Column("outcome", sa.String, nullable=False, default=""),
    sa.Column("verdict", sa.Text, nullable=False, default=""),
)

_JOBS = sa.Table(
    "jobs",
    _META,
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

_OBSERVATIONS = sa.Table(
    "observations",
    _META,
    sa.Column("key", sa.String, primary_key=True),
    sa.Column("observation", sa.Text, nullable=False),
    sa.Column("made_at", sa.Float, nullable=False),
)


@dataclass(frozen=True, slots=True)
class Options:
    """How a run was asked to be done; the same for all of its jobs."""

    runtime: str = "bubblewrap"
    use_cache: bool = True
    jobs: int = 1
    cores: int = 1
    cache_bytes: int = 0  # how much may be kept; 0: as each worker's machine is set up


@dataclass(frozen=True, slots=True)
class RunRecord:
    """A run as it was planned. OWNER is the coordinating process (`pipeline.engine.owner`)."""

    run: str
    created_at: float
    options: Options
    plan: Plan
    case: Case
    owner: str = ""


@dataclass(frozen=True, slots=True)
class RunLine:
    """A run in a list."""

    run: str
    created_at: float
    subject: str
    outcome: str  # "" while it runs
    owner: str


@dataclass(frozen=True, slots=True)
class JobRow:
    """Where a job stands. STATE is "waiting", "queued", "running" or "done".

    ATTEMPT counts from 1 and grows whenever the job is taken back from a worker that was
    lost; SENDS counts messages sent for this attempt.
    """

    job: Job
    state: str = "waiting"
    attempt: int = 1
    sends: int = 0
    queued_at: float | None = None  # first message of this attempt
    sent_at: float | None = None  # latest message of this attempt
    started_at: float | None = None
    lease_until: float | None = None
    worker: str = ""
    doing: str = ""
    result: JobResult | None = None


def _pragmas(connection: Any, _record: object) -> None:
    cursor = connection.cursor()
    for pragma in ("busy_timeout=20000", "journal_mode=WAL", "foreign_keys=ON"):
        cursor.execute(f"PRAGMA {pragma}")
    cursor.close()


def _said(error: Exception) -> str:
    """What the database itself said, in one line."""
    said = str(error.orig if isinstance(error, DBAPIError) else error)
    return said.strip().partition("\n")[0].removesuffix(".")


def _read(kind: type[T], text: str, run: str) -> T:
    try:
        return loads(kind, text)
    except ValidationError as error:
        raise InfraError(
            f"The run {run} was stored by another version of crosscheck: use the same version"
            " everywhere, also for workers."
        ) from error


class Store:
    """The database at URL; tables are made when they are missing."""

    def __init__(self, url: str) -> None:
        try:
            if url.startswith("sqlite:///"):
                Path(url.removeprefix("sqlite:///")).parent.mkdir(parents=True, exist_ok=True)
            self._engine = sa.create_engine(url)
            if self._engine.dialect.name == "sqlite":
                sa.event.listen(self._engine, "connect", _pragmas)
            self._make_tables()
        except (SQLAlchemyError, ModuleNotFoundError, OSError) as error:
            raise InfraError(
                f"Cannot open the database ({_said(error)}): check CROSSCHECK_DATABASE_URL, or"
                " XDG_STATE_HOME, where it is by default."
            ) from error

    def _make_tables(self) -> None:
        for left in reversed(range(_OPENING_TRIES)):
            try:
                _META.create_all(self._engine)
            except OperationalError as error:
                # Another process made a table between our look and our CREATE, or turns a new
                # database to WAL, for which SQLite does not wait.
                if not left or not re.search(r"already exists|is locked", str(error)):
                    raise
                time.sleep(0.1)
            else:
                return

    @contextmanager
    def _begin(self) -> Iterator[sa.Connection]:
        try:
            with self._engine.begin() as connection:
                yield connection
        except SQLAlchemyError as error:
            raise InfraError(
                f"The database {self._engine.url} fails ({_said(error)}): see that it may be"
                " written to and that its disk has room."
            ) from error

    # --- runs -----------------------------------------------------------------------------

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
        with self._begin() as connection:
            connection.execute(
                _RUNS.insert().values(
                    run=record.run,
                    created_at=record.created_at,
                    subject=series.subject,
                    options=dumps(record.options),
                    plan=dumps(record.plan),
                    case=case,
                    owner=record.owner,
                )
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
            if jobs:
                connection.execute(_JOBS.insert(), jobs)

    def run(self, run: str) -> RunRecord | None:
        """The run of that name, or None."""
        with self._begin() as connection:
            row = connection.execute(sa.select(_RUNS).where(_RUNS.c.run == run)).one_or_none()
        if row is None:
            return None
        return RunRecord(
            run=row.run,
            created_at=row.created_at,
            options=_read(Options, row.options, run),
            plan=_read(Plan, row.plan, run),
            case=_read(Case, row.case, run),
            owner=row.owner,
        )

    def runs(self, limit: int = 50) -> tuple[RunLine, ...]:
        """The latest runs, newest first."""
        columns = (_RUNS.c.run, _RUNS.c.created_at, _RUNS.c.subject, _RUNS.c.outcome, _RUNS.c.owner)
        query = sa.select(*columns).order_by(_RUNS.c.created_at.desc()).limit(limit)
        with self._begin() as connection:
            return tuple(RunLine(*row) for row in connection.execute(query))

    def unfinished(self) -> tuple[RunLine, ...]:
        """Runs that have no verdict, oldest first."""
        columns = (_RUNS.c.run, _RUNS.c.created_at, _RUNS.c.subject, _RUNS.c.outcome, _RUNS.c.owner)
        query = sa.select(*columns).where(_RUNS.c.outcome == "").order_by(_RUNS.c.created_at)
        with self._begin() as connection:
            return tuple(RunLine(*row) for row in connection.execute(query))

    def finish_run(self, verdict: Verdict) -> bool:
        """Store the one verdict of a run; False if it already has one."""
        with self._begin() as connection:
            done = connection.execute(
                _RUNS.update()
                .where(_RUNS.c.run == verdict.run, _RUNS.c.outcome == "")
                .values(outcome=str(verdict.outcome), verdict=dumps(verdict))
            )
        return bool(done.rowcount)

    def verdict(self, run: str) -> Verdict | None:
        """The verdict of a run that has one."""
        query = sa.select(_RUNS.c.verdict).where(_RUNS.c.run == run)
        with self._begin() as connection:
            text = connection.execute(query).scalar_one_or_none()
        return _read(Verdict, text, run) if text else None

    # --- jobs -----------------------------------------------------------------------------

    def jobs(self, run: str, before: tuple[JobRow, ...] = ()) -> tuple[JobRow, ...]:
        """Where every job of the run stands, in the plan's order.

        BEFORE is what this returned earlier: results, which are long, are not read again.
        """
        known = {row.job.id: row.result for row in before if row.state == "done"}
        columns = [column for column in _JOBS.c if column.name != "result"]
        query = sa.select(*columns).where(_JOBS.c.run == run).order_by(_JOBS.c.position)
        with self._begin() as connection:
            rows = connection.execute(query).all()
            new = [row.job for row in rows if row.state == "done" and row.job not in known]
            query = sa.select(_JOBS.c.job, _JOBS.c.result).where(
                _JOBS.c.run == run, _JOBS.c.job.in_(new), _JOBS.c.result != ""
            )
            texts = connection.execute(query).all() if new else ()
        results = known | {job: _read(JobResult, text, run) for job, text in texts}
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
            sa.select(_JOBS.c.job, _JOBS.c.worker)
            .where(_JOBS.c.job.in_(wanted), _JOBS.c.state == "done", _JOBS.c.worker != "")
            .order_by(_JOBS.c.started_at.desc())
            .limit(50 * len(wanted))
        )
        with self._begin() as connection:
            found = connection.execute(query).all()
        return {wanted[job]: worker for job, worker in reversed(found)}

    def _change(self, run: str, job: Job, *conditions: Any, **values: Any) -> bool:
        with self._begin() as connection:
            changed = connection.execute(
                _JOBS.update()
                .where(_JOBS.c.run == run, _JOBS.c.job == job.id, *conditions)
                .values(**values)
            )
        return bool(changed.rowcount)

    def mark_sent(self, run: str, row: JobRow, now: float) -> bool:
        """A message for this attempt is about to be sent; False if a worker was faster."""
        return self._change(
            run,
            row.job,
            _JOBS.c.state.in_(("waiting", "queued")),
            _JOBS.c.attempt == row.attempt,
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
            _JOBS.c.state == "queued",
            _JOBS.c.attempt == attempt,
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
            _JOBS.c.state == "running",
            _JOBS.c.attempt == attempt,
            doing=doing,
            lease_until=lease_until,
        )

    def finish(self, run: str, attempt: int, result: JobResult) -> bool:
        """Store the result of a running attempt; False if it was taken back."""
        return self._change(
            run,
            result.job,
            _JOBS.c.state == "running",
            _JOBS.c.attempt == attempt,
            state="done",
            doing="",
            result=dumps(result),
        )

    def settle(self, run: str, row: JobRow, result: JobResult) -> bool:
        """Decide a job without (or against) its worker; False if it moved on meanwhile."""
        return self._change(
            run,
            row.job,
            _JOBS.c.state == row.state,
            _JOBS.c.attempt == row.attempt,
            state="done",
            doing="",
            result=dumps(result),
        )

    def take_back(self, run: str, row: JobRow) -> bool:
        """Make a lost attempt waiting again, as the next attempt."""
        return self._change(
            run,
            row.job,
            _JOBS.c.state == "running",
            _JOBS.c.attempt == row.attempt,
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
        with self._begin() as connection:
            connection.execute(
                _JOBS.update()
                .where(_JOBS.c.run == run, _JOBS.c.state != "done")
                .values(state="done", attempt=_JOBS.c.attempt + 1, doing="")
            )

    def expect_lost(self, run: str) -> None:
        """Queued messages are gone (Redis was): send them again at once."""
        with self._begin() as connection:
            connection.execute(
                _JOBS.update()
                .where(_JOBS.c.run == run, _JOBS.c.state == "queued")
                .values(sent_at=0.0)
            )

    def expire_worker(self, worker: str) -> None:
        """End the leases of a worker that is known to be dead."""
        with self._begin() as connection:
            connection.execute(
                _JOBS.update()
                .where(_JOBS.c.worker == worker, _JOBS.c.state == "running")
                .values(lease_until=0.0)
            )

    # --- observations ---------------------------------------------------------------------

    def cached(self, key: str) -> Observation | None:
        """What was seen on a base before, by KEY."""
        query = sa.select(_OBSERVATIONS.c.observation).where(_OBSERVATIONS.c.key == key)
        with self._begin() as connection:
            text = connection.execute(query).scalar_one_or_none()
        try:
            return loads(Observation, text) if text else None
        except ValidationError:
            return None  # another version's

    def forget_observations(self) -> None:
        """Look at every base anew."""
        with self._begin() as connection:
            connection.execute(_OBSERVATIONS.delete())

    def cache(self, key: str, observation: Observation, now: float) -> None:
        """Remember what was seen on a base; the latest stays."""
        values = {"key": key, "observation": dumps(observation), "made_at": now}
        with self._begin() as connection:
            connection.execute(_OBSERVATIONS.delete().where(_OBSERVATIONS.c.key == key))
            connection.execute(_OBSERVATIONS.insert().values(**values))

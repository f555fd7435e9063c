# SPDX-License-Identifier: GPL-2.0-or-later
"""Shows a run while it goes: the live table on a terminal, lines elsewhere.

Effects: writes to the terminal or stream it is given. What is shown is made by
`pipeline.report.board` and `pipeline.report.progress`.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass

from rich.console import Console
from rich.live import Live

from pipeline.model import Job, Plan, Step
from pipeline.report.board import Board, JobState
from pipeline.report.progress import PlainProgress
from pipeline.store import JobRow


@dataclass(frozen=True, slots=True)
class Shown:
    """A run that is being watched."""

    show: Callable[[tuple[JobRow, ...]], None]  # where its jobs stand, as often as one likes
    say: Callable[[str], None]  # something else about it, as a line of its own


def _awaited(row: JobRow, rows: dict[Job, JobRow], plan: Plan) -> str:
    """What a waiting job waits for; "" if for nothing but its turn."""
    job = row.job
    if job.step is Step.JUDGE:
        before = [Job(job.target, job.check, side) for side in (Step.BASE, Step.PATCHED)]
    else:
        before = [Job(job.target, name, job.step) for name in plan.check(job.check).needs]
    awaited = [j for j in before if j in rows and rows[j].state != "done"]
    return "waits for " + " and ".join(f"{j.check} {j.step}" for j in awaited) if awaited else ""


def job_states(plan: Plan, rows: tuple[JobRow, ...]) -> tuple[JobState, ...]:
    """ROWS as the reports know them. Pure."""
    by_job = {row.job: row for row in rows}
    return tuple(
        JobState(
            target=row.job.target,
            check=row.job.check,
            step=row.job.step,
            state=row.state,
            outcome=row.result.outcome if row.result else None,
            doing=_awaited(row, by_job, plan) if row.state == "waiting" else row.doing,
            started_at=row.started_at,
            seconds=row.result.seconds if row.result else 0.0,
        )
        for row in rows
    )


@contextmanager
def watch(plan: Plan, began_at: float, console: Console | None = None) -> Iterator[Shown]:
    """Shows a run while it goes.

    CONSOLE is stderr by default, so that what a program reads on stdout stays clean.
    """
    console = console or Console(stderr=True)
    if not console.is_terminal:
        lines = PlainProgress(lambda line: console.out(line, highlight=False))
        yield Shown(
            show=lambda rows: lines.show(job_states(plan, rows), time.time()),
            say=lambda line: lines.say(line, time.time()),
        )
        return
    with Live(console=console, refresh_per_second=4, transient=True) as live:
        yield Shown(
            show=lambda rows: live.update(Board(job_states(plan, rows), time.time(), began_at)),
            say=lambda line: live.console.out(line, highlight=False),
        )

# SPDX-License-Identifier: GPL-2.0-or-later
"""What is going on right now? The live table of a run. Pure: a snapshot and the time in.

A row is a target; under each check stands how far it is, in the last column what is being
done. Give a new `Board` to `rich.live.Live` a few times a second.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass

from rich.console import Group, RenderableType
from rich.table import Table
from rich.text import Text

from pipeline.model import Outcome, Step, worst
from pipeline.report.terminal import columns_table, outcome_text
from pipeline.report.wording import clock, one_line


@dataclass(frozen=True, slots=True)
class JobState:
    """Where a job stands. STATE is "waiting", "queued", "running" or "done".

    DOING says in a few words what it does (running) or waits for (waiting, queued). STARTED_AT
    is in seconds since the epoch; OUTCOME and SECONDS are those of the result.
    """

    target: str
    check: str
    step: Step
    state: str = "waiting"
    outcome: Outcome | None = None
    doing: str = ""
    started_at: float | None = None
    seconds: float = 0.0

    def elapsed_s(self, now: float) -> float:
        """How long it runs, or ran."""
        if self.state != "running" or self.started_at is None:
            return self.seconds
        return max(0.0, now - self.started_at)


def done_count(states: Sequence[JobState]) -> str:
    """`3 of 36 jobs done`."""
    return f"{sum(s.state == 'done' for s in states)} of {len(states)} jobs done"


def activity(state: JobState, now: float) -> str:
    """`build: patched CC mm/mm_init.o (312) 0:43`, of a running job."""
    doing = one_line(state.doing)
    words = (f"{state.check}:", str(state.step), doing, clock(state.elapsed_s(now)))
    return " ".join(word for word in words if word)


def _cell(states: Sequence[JobState], now: float) -> Text:
    """How far one check on one target is; STATES are its steps."""
    if not states:
        return Text("-", "dim")
    if all(state.state == "done" for state in states):
        judged = [state for state in states if state.step is Step.JUDGE] or states
        spent = clock(sum(state.seconds for state in states))
        outcomes = [state.outcome for state in judged if state.outcome]
        return Text.assemble(outcome_text(worst(outcomes)), " ", (spent, "dim"))
    running = [state for state in states if state.state == "running"]
    if running:
        return Text(clock(max(state.elapsed_s(now) for state in running)), "cyan")
    return Text("queued" if any(s.state == "queued" for s in states) else "waits", "dim")


def _now(states: Sequence[JobState], now: float) -> Text:
    """What is being done for a target; if nothing is, what it waits for."""
    running = [activity(state, now) for state in states if state.state == "running"]
    if running:
        return Text("\n".join(running))
    waiting = (s for s in states if s.state in ("waiting", "queued") and s.doing)
    first = next((f"{s.check}: {one_line(s.doing)}" for s in waiting), "")
    return Text(first, "dim")


@dataclass(frozen=True, slots=True)
class Board:
    """The jobs of a run as they stand at NOW; the run began at BEGAN_AT (both epoch)."""

    states: tuple[JobState, ...]
    now: float
    began_at: float

    def _rows(self) -> Iterator[tuple[str, tuple[JobState, ...]]]:
        for name in dict.fromkeys(state.target for state in self.states):
            yield name, tuple(state for state in self.states if state.target == name)

    def _table(self) -> Table:
        checks = tuple(dict.fromkeys(state.check for state in self.states))
        table = columns_table("target", *checks, "now")
        for name, states in self._rows():
            by_check = ([s for s in states if s.check == check] for check in checks)
            cells = (_cell(steps, self.now) for steps in by_check)
            table.add_row(Text(name), *cells, _now(states, self.now))
        return table

    def __rich__(self) -> RenderableType:
        """The table, and a line with how many jobs are done and how long it all takes."""
        total = f"{done_count(self.states)}, {clock(self.now - self.began_at)}"
        return Group(self._table(), Text(total, "dim")) if self.states else Text(total, "dim")

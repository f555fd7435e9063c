# SPDX-License-Identifier: GPL-2.0-or-later
"""What is going on, line by line? For logs and pipes, where no table can be redrawn.

`changes` and `heartbeat` are pure; `PlainProgress` remembers the last snapshot and hands
lines to whoever writes.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime, tzinfo

from pipeline.model import Outcome, Step
from pipeline.report.board import JobState, activity, done_count
from pipeline.report.wording import one_line

HEARTBEAT_S = 30.0


def _name(state: JobState) -> str:
    return f"{state.target} {state.check} {state.step}"


def _change(state: JobState) -> str:
    """What a job that has just come to STATE says; "" if that is not worth a line."""
    if state.state == "running":
        return f"{_name(state)}: started"
    if state.step is Step.TRACE and state.outcome is Outcome.SKIP:
        return ""  # there was nothing to trace
    if state.state == "done" and state.outcome is Outcome.SKIP:
        return f"{_name(state)}: SKIP"
    if state.state == "done":
        return f"{_name(state)}: {state.outcome} in {state.seconds:.0f} s"
    return ""


def changes(before: Sequence[JobState], after: Sequence[JobState]) -> tuple[str, ...]:
    """A line for each job that was started or finished between two snapshots.

    A job that goes from running to waiting was lost with its worker; that is a line too.
    """
    old = {(s.target, s.check, s.step): s for s in before}
    lines = []
    for state in after:
        last = old.get((state.target, state.check, state.step))
        was = last.state if last else "waiting"
        if state.state == "queued" and state.doing and (not last or last.doing != state.doing):
            lines.append(f"{_name(state)}: {state.doing}; `crosscheck worker` starts one")
            continue
        if state.state == was:
            continue
        if was == "running" and state.state in ("waiting", "queued"):
            lines.append(f"{_name(state)}: worker lost, to be run again")
        elif line := _change(state):
            lines.append(line)
    return tuple(lines)


def heartbeat(states: Sequence[JobState], now: float) -> str:
    """`3 of 36 jobs done; arm64 build: patched CC mm/mm_init.o (312) 0:43`."""
    said = (s for s in states if s.state == "running" or (s.state == "queued" and s.doing))
    running = [f"{s.target} {activity(s, now)}" for s in said]
    return "; ".join([done_count(states), *running])


class PlainProgress:
    """Lines about a run: each change, and what is running when nothing changed for a while.

    WRITE gets lines without newlines, that begin with the time of day in ZONE (the
    machine's if None).
    """

    def __init__(
        self,
        write: Callable[[str], None],
        *,
        heartbeat_s: float = HEARTBEAT_S,
        zone: tzinfo | None = None,
    ) -> None:
        self._write = write
        self._heartbeat_s = heartbeat_s
        self._zone = zone
        self._before: tuple[JobState, ...] = ()
        self._said_at: float | None = None

    def show(self, states: tuple[JobState, ...], now: float) -> None:
        """Say what has changed since the last call, at NOW (epoch)."""
        lines = changes(self._before, states)
        quiet = self._said_at is not None and now - self._said_at >= self._heartbeat_s
        if not lines and quiet and any(state.state in ("running", "queued") for state in states):
            lines = (heartbeat(states, now),)
        if lines or self._said_at is None:
            self._said_at = now
        for line in lines:
            self.say(line, now)
        self._before = states

    def say(self, line: str, now: float) -> None:
        """Write LINE, at NOW (epoch)."""
        time = datetime.fromtimestamp(now, UTC).astimezone(self._zone)
        self._write(f"{time:%H:%M:%S} {one_line(line)}")

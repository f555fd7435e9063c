# SPDX-License-Identifier: GPL-2.0-or-later
"""What did one boot show? Pure: a watched console in, a `Boot` out."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from pipeline.model import Machine
from workers.guest.qemu import Run
from workers.guest.watch import Ending
from workers.parsers import ktap, splats
from workers.parsers.console import INIT_START, is_panic, running
from workers.parsers.ktap import Status, Test
from workers.parsers.memory_line import Memory, memory
from workers.parsers.splats import Splat

_TAIL_LINES = 40

#: What it was if init has reported every test: then only its last word was lost in other
#: messages, for that is all it does before it has the machine go off.
_LOST_WORD = {Ending.HANG: Ending.STAYED_ON, Ending.RESET: Ending.POWERED_OFF}

#: A kernel with more different complaints has said enough.
_SPLATS = 20
_ZERO_PAGES = re.compile(r"^zero_pages distinct=(\d+) sampled=\d+$")


@dataclass(frozen=True, slots=True)
class Boot:
    """One boot of one kernel."""

    ending: Ending
    tests: tuple[Test, ...]
    complete: bool  # every test that was planned has a legible result
    splats: tuple[Splat, ...]
    zero_pages: int | None  # distinct physical pages behind zero-page reads
    seconds: float
    init_s: float | None  # from the start to init's first word
    silence_s: float  # the longest without a new line
    running: str  # the test that init was in at the end; "" if in none
    tail: tuple[str, ...]  # the console's last lines
    memory: Memory | None = None  # what the kernel says that it leaves

    @property
    def panic(self) -> str:
        """The headline of the panic, or of what led to it; "" if there was none."""
        fatal = (s.headline for s in self.splats if any(is_panic(line) for line in s.trace))
        return next(fatal, "")

    @property
    def last_line(self) -> str:
        """The last line that is not empty; "" if there is none."""
        return next((line for line in reversed(self.tail) if line), "")


def read(run: Run) -> Boot:
    """What RUN showed."""
    report = ktap.parse(_from_init(run.lines))
    return Boot(
        ending=_LOST_WORD.get(run.ending, run.ending) if report.complete else run.ending,
        tests=tuple(Test(t.name, t.status, _notes(t.diagnostics)) for t in report.tests),
        complete=report.complete and not any(" " in test.name for test in report.tests),
        splats=splats.parse(run.lines)[:_SPLATS],
        zero_pages=_zero_pages(report.tests),
        seconds=round(run.seconds, 2),
        init_s=run.watch.started_s and round(run.watch.started_s, 2),
        silence_s=round(run.watch.longest_silence_s, 2),
        running=run.watch.running,
        tail=run.lines[-_TAIL_LINES:],
        memory=memory(run.lines),
    )


def _from_init(lines: Sequence[str]) -> Sequence[str]:
    return lines[lines.index(INIT_START) :] if INIT_START in lines else ()


def _notes(diagnostics: Iterable[str]) -> tuple[str, ...]:
    """DIAGNOSTICS without our own marker of progress."""
    return tuple(note for note in diagnostics if not running(f"# {note}"))


def _zero_pages(tests: Iterable[Test]) -> int | None:
    said = (_ZERO_PAGES.match(note) for test in tests for note in test.diagnostics)
    return next((int(found[1]) for found in said if found), None)


def colouring_fits(machine: Machine, zero_pages: int) -> bool:
    """Whether so many distinct zero pages are what MACHINE should show; see `Machine`."""
    if machine.zero_pages == 1:
        return zero_pages == 1
    return zero_pages >= machine.zero_pages


def unremarkable(machine: Machine, boot: Boot) -> bool:
    """Whether BOOT shows nothing that could accuse, so that once is enough.

    A machine that stays on is left at that: some cannot go off.
    """
    return (
        boot.ending.well
        and boot.complete
        and not boot.splats
        and all(test.status is not Status.NOT_OK for test in boot.tests)
        and (boot.zero_pages is None or colouring_fits(machine, boot.zero_pages))
    )

# SPDX-License-Identifier: GPL-2.0-or-later
"""When is a boot over, and how did it end? No effects but the clock that it is given.

QEMU's exit status says nothing of the kernel: it is 0 after a panic too. So the console is
watched, line by line, and the machine is ended when nothing more is to be expected of it.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass, field
from enum import StrEnum

from workers.parsers import console


class Ending(StrEnum):
    """How a boot ended."""

    POWERED_OFF = "powered-off"  # init reported to its end, and the machine went off
    STAYED_ON = "stayed-on"  # init reported to its end, but the machine did not go off
    PANIC = "panic"
    HANG = "hang"  # nothing more on the console
    RESET = "reset"  # went off or started anew before init was done
    TIME = "time"  # goes on and on
    FLOOD = "flood"  # wrote too much
    CRASH = "crash"  # the virtual processor stopped in an error state

    @property
    def well(self) -> bool:
        """Whether init reported to its end."""
        return self in (Ending.POWERED_OFF, Ending.STAYED_ON)


@dataclass(frozen=True, slots=True)
class Patience:
    """How long to wait, in seconds.

    SILENCE_S is without a new line. Before the kernel's first one it is doubled, as most
    consoles start late. An overloaded host can make 10 s of a boot's longest silence, where
    Malta calibrates its timer.
    """

    total_s: float
    silence_s: float = 30.0
    power_off_s: float = 10.0  # of silence, from init's end to the kernel's own last words; 0: none
    last_s: float = 2.0  # of silence, after a panic or "reboot: Power down"

    def times(self, factor: float) -> Patience:
        """FACTOR times as long."""
        return Patience(
            self.total_s * factor,
            self.silence_s * factor,
            self.power_off_s * factor,
            self.last_s * factor,
        )


#: More than any panic has to say.
_PANIC_LINES = 200

#: A single silence counts this much at most between two calls: then it was we who slept.
_LONGEST_TICK_S = 2.0


@dataclass
class Watch:
    """Follows one console; a `workers.sandbox.contract.Watcher`."""

    patience: Patience
    clock: Callable[[], float] = time.monotonic
    lines: list[str] = field(default_factory=list)
    running: str = ""  # the test that init is in
    booted: bool = False  # a kernel has said something
    panicked: bool = False
    started_s: float | None = None  # when init said its first word, from the beginning
    finished: bool = False  # init has said its last word
    halted: bool = False  # and the kernel as well
    longest_silence_s: float = 0.0

    def __post_init__(self) -> None:
        self._began = self._last = self.clock()
        self._silence = 0.0
        self._since_panic = 0  # lines

    def __call__(self, raw: str | None) -> str | None:
        """Take a line, or None for the passing of time; an Ending ends the machine."""
        now = self.clock()
        self._silence += min(now - self._last, _LONGEST_TICK_S)
        self._last = now
        self.longest_silence_s = max(self.longest_silence_s, self._silence)
        if raw is None:
            return self._waited()
        self._silence = 0.0
        line = console.clean(raw)
        self.lines.append(line)
        self._since_panic += self.panicked
        if self._since_panic > _PANIC_LINES:
            return Ending.PANIC
        return self._heard(line, now)

    def _heard(self, line: str, now: float) -> str | None:
        if console.is_banner(line):
            self.booted = True
            if self.started_s is not None:
                return Ending.RESET
        elif console.is_panic(line):
            if self.panicked:  # sparc64: "Reboot failed!", for ever
                return Ending.PANIC
            self.panicked = True
        elif self.panicked and console.is_panic_end(line):
            return Ending.PANIC
        elif line == console.INIT_START:
            self.started_s = now - self._began
        elif line == console.INIT_END:
            self.finished, self.running = True, ""
            return None if self.patience.power_off_s else Ending.STAYED_ON
        elif console.is_power_down(line):  # nobody but init asks for that
            self.finished = self.halted = True
        elif test := console.running(line):
            self.running = test
        return None

    @property
    def silent(self) -> bool:
        """Whether nothing came for longer than a kernel that has begun to speak may take."""
        return self._silence > self.patience.silence_s

    def _waited(self) -> str | None:
        if self.panicked:
            return Ending.PANIC if self._silence > self.patience.last_s else None
        if self.finished:
            limit_s = self.patience.last_s if self.halted else self.patience.power_off_s
            return Ending.STAYED_ON if self._silence > limit_s else None
        limit_s = self.patience.silence_s * (1 if self.booted else 2)
        return Ending.HANG if self._silence > limit_s else None

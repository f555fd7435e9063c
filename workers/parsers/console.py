# SPDX-License-Identifier: GPL-2.0-or-later
"""What does a line on a serial console say? Pure.

A console carries what the kernel's printk writes, with or without time stamps (that is
configuration), what programs write, firmware's escape sequences and now and then garbage.
"""

from __future__ import annotations

import re

#: Terminal control sequences (ECMA-48): CSI, and the two-character ones.
_ESCAPE = re.compile(r"\x1b(?:\[[0-?]*[ -/]*[@-~]|[@-Z\\-_])")
_CONTROL = re.compile(r"[\x00-\x08\x0b-\x1f\x7f]")

#: `<6>[    1.234567][    T1] `: level, time stamp, caller (CONFIG_PRINTK_CALLER).
_PRINTK = re.compile(r"^(?:<\d+>)?(?:\[ *\d+\.\d+\] ?)?(?:\[ *[TC]\d+\] ?)?")

_BANNER = re.compile(r"^Linux version \d")
_PANIC = re.compile(r"Kernel panic - not syncing")  # anywhere: firmware leaves lines unfinished
_PANIC_END = re.compile(r"---\[ end Kernel panic")

_POWER_DOWN = re.compile(r"^reboot: (?:Power down|System halted)")

#: Longer lines are garbage, and patterns should not be tried on megabytes of it.
_LONGEST_LINE = 2000

INIT_START = "# crosscheck-init: start"
INIT_END = "# crosscheck-init: end"
_RUNNING = re.compile(r"^# running (\w+)$")


def clean(raw: str) -> str:
    """RAW without line end, escape sequences and control characters; cut off if endless."""
    return _CONTROL.sub("", _ESCAPE.sub("", raw[:_LONGEST_LINE])).rstrip()


def message(line: str) -> str:
    """A clean LINE without printk's prefix; indentation is kept."""
    return line[_PRINTK.match(line).end() :] if line[:1] in ("<", "[") else line  # type: ignore[union-attr]


def is_banner(line: str) -> bool:
    """Whether a kernel starts here."""
    return bool(_BANNER.match(message(line)))


def is_panic(line: str) -> bool:
    """Whether a kernel gives up here."""
    return bool(_PANIC.search(line))


def is_panic_end(line: str) -> bool:
    """Whether this is the last line of a panic."""
    return bool(_PANIC_END.search(line))


def is_power_down(line: str) -> bool:
    """Whether the kernel now leaves it to the machine to go off."""
    return bool(_POWER_DOWN.match(message(line)))


def running(line: str) -> str:
    """The test that our init starts here; "" if it starts none."""
    started = _RUNNING.match(line)
    return started[1] if started else ""

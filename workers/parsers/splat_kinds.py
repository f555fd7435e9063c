# SPDX-License-Identifier: GPL-2.0-or-later
"""Is this line the headline of a splat, and of what kind? Pure.

The wording is that of Linux 5.x to 7.x: kernel/panic.c, lib/bug.c, kernel/locking/lockdep.c,
kernel/rcu/tree_stall.h, mm/kasan/report.c, lib/ubsan.c, and each architecture's traps.c,
fault.c and dumpstack.c.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

#: Reports of lost time: which processor, task and how long is chance.
OF_TIME = ("rcu-stall", "lockup")

#: Reports whose trace shows where it was noticed, not where it is.
ANYWHERE = (*OF_TIME, "hung-task", "panic")

#: An oops comes as several headlines: "Unable to handle …", then "Internal error: Oops …".
_GOES_ON = ("oops", "bug")


@dataclass(frozen=True, slots=True)
class Headline:
    """What a headline says by itself."""

    kind: str
    text: str
    function: str = ""
    file: str = ""
    line: int | None = None
    first: bool = True  # can it only be the first headline of its report?

    def goes_on_with(self, other: Headline) -> bool:
        """Whether OTHER, further down, is about the same event."""
        return self.kind in _GOES_ON and other.kind in _GOES_ON and not other.first


_FUNCTION = r"(?P<function>[A-Za-z_][\w.]*)\+0x"
_PLACE = r"(?P<file>[^\s:]+\.[chS]):(?P<line>\d+)"

#: Of kernel/locking/lockdep.c.
_LOCKDEP = (
    r"possible (?:circular|recursive|irq lock inversion)|inconsistent lock state"
    r"|bad unlock balance|bad contention|suspicious RCU usage|.* lock order detected"
    r"|Nested lock was not taken|held lock freed|chain_key collision|.* still has locks held"
    r"|lock held when returning|trying to register non-static key"
)

_FIRST: tuple[tuple[str, str], ...] = (
    ("panic", r"Kernel panic - not syncing"),
    ("warning", rf"^WARNING: (?:CPU: \d+ PID: \d+ )?at {_PLACE}(?: {_FUNCTION})?"),  # to 6.17
    ("warning", rf"^WARNING: {_PLACE} at {_FUNCTION}"),  # from 6.18
    ("warning", rf"^WARNING: (?:CPU: \d+ PID: \d+ )?at {_FUNCTION}"),
    (
        "lockdep",
        rf"^(?:WARNING|INFO|BUG): (?:{_LOCKDEP})",
    ),
    ("kasan", rf"^BUG: (?:KASAN|KMSAN|KCSAN|KFENCE): .* in {_FUNCTION}"),
    ("kasan", r"^BUG: (?:KASAN|KMSAN|KCSAN|KFENCE): "),
    ("ubsan", rf"^UBSAN: .* in {_PLACE}"),
    ("lockup", r"^(?:watchdog: )?BUG: (?:soft lockup|workqueue lockup)"),
    ("lockup", r"^(?:watchdog: )?(?:NMI )?[Ww]atchdog: .*hard LOCKUP|^watchdog: .*hard LOCKUP"),
    (
        "rcu-stall",
        r"^(?:rcu: )?INFO: rcu_\w+ (?:detected (?:expedited )?stalls|self-detected stall)",
    ),
    ("hung-task", r"^INFO: task .* blocked (?:for more than|in I/O wait)"),
    ("bug", rf"^BUG: sleeping function called from invalid context at {_PLACE}"),
    ("bug", rf"^kernel BUG at {_PLACE}!"),
    ("bug", r"^kernel BUG at "),
    ("oops", r"^BUG: (?:unable to handle|kernel NULL pointer|.* stack guard page was hit)"),
    ("bug", r"^BUG: "),
    ("oops", r"^(?:CPU \d+ )?Unable to handle kernel "),
    ("oops", r"^(?:Insufficient stack space|Kernel stack overflow|kernel stack overflow)"),
    ("oops", r"^(?:general protection fault|Oops: general protection)"),
    ("oops", r"^Unhandled (?:kernel )?(?:fault|exception|trap)"),
    ("oops", r"^Bad mode in .* handler detected"),
    ("printk-warning", r"^WARNING: "),
)

#: Go on with a report if there is one, else open one. All carry the oops counter.
_FURTHER: tuple[tuple[str, str], ...] = (
    ("bug", r"^Kernel bug detected\b"),  # mips: BUG()
    ("oops", r"^(?:Internal error: |Oops\b|Kernel (?:bad|access of bad area|illegal))"),
    # "illegal operation: 0001 ilc:1 [#1] SMP" and kin
    ("oops", r"^[A-Za-z].*\[#\d+\](?: *$|:| ?[A-Z]{2})"),
)


def _compiled(table: tuple[tuple[str, str], ...]) -> tuple[tuple[str, re.Pattern[str]], ...]:
    return tuple((kind, re.compile(pattern)) for kind, pattern in table)


_FIRST_COMPILED = _compiled(_FIRST)
_FURTHER_COMPILED = _compiled(_FURTHER)

#: "[#1] PREEMPT SMP": the count of oopses and the configuration.
_COUNTER = re.compile(r"\s*\[#\d+\].*$")

#: A file as compilers are given it: relative to the tree, or below the tree's own path.
_TREE_PREFIX = re.compile(r"^(?:\./|\.\./|/src/)+")

#: gcc's and clang's marks of a copy of a function.
COPY = re.compile(r"\.(?:isra|constprop|part|cold|llvm|lto_priv)(?:\.\d+)*")


def headline(line: str) -> Headline | None:
    """What LINE, without printk's prefix, says if it heads a splat."""
    for table, first in ((_FIRST_COMPILED, True), (_FURTHER_COMPILED, False)):
        for kind, pattern in table:
            if found := pattern.search(line):
                return _headline(kind, line[found.start() :], found.groupdict(), first=first)
    return None


def _headline(kind: str, line: str, said: dict[str, str | None], *, first: bool) -> Headline:
    return Headline(
        kind=kind,
        text=_COUNTER.sub("", line),
        function=COPY.sub("", said.get("function") or ""),
        file=_TREE_PREFIX.sub("", said.get("file") or ""),
        line=int(said["line"] or 0) if said.get("line") else None,
        first=first,
    )


_CONSEQUENCE = re.compile(
    r"Kernel panic - not syncing: (?:Fatal exception|Aiee, killing interrupt handler|Oops\b"
    r"|Attempted to kill (?:init|the idle task)|softlockup: hung|hung_task: |RCU Stall)"
)
#: Of a setting, or of what the panic before it led to.
_ALWAYS = re.compile(
    r"Kernel panic - not syncing: (?:.*panic_on_(?:warn|oops|taint)|Reboot failed!)"
)

#: What the kernel can go on after; a panic that follows has another cause.
_HARMLESS = ("warning", "lockdep", "printk-warning", "panic")


def is_consequence(panic: str, before: str) -> bool:
    """Whether a PANIC's headline says only that the splat before it, of kind BEFORE, was fatal."""
    if _ALWAYS.match(panic):
        return True
    return before not in _HARMLESS and bool(_CONSEQUENCE.match(panic))


#: Where architectures print the program counter, function and offset.
_PROGRAM_COUNTERS = tuple(
    re.compile(pattern)
    for pattern in (
        rf"^R?E?IP: (?:[0-9a-f]+:)?{_FUNCTION}",  # x86
        rf"^\s*pc : (?:\[<[0-9a-f]+>\] )?{_FUNCTION}",  # arm64
        rf"^\s*epc\s*: (?:[0-9a-f]+ )?{_FUNCTION}",  # riscv, mips
        rf"^Krnl PSW : [0-9a-f]+ [0-9a-f]+ \({_FUNCTION}",  # s390
        rf"^TPC: <{_FUNCTION}",  # sparc64
        rf"^NIP \[[0-9a-f]+\] {_FUNCTION}",  # powerpc
        rf"^\s*(?:PC is at|ERA: [0-9a-f]+|IAOQ\[0\]:|PC: \[<[0-9a-f]+>\]) {_FUNCTION}",
    )
)
_FRAME = re.compile(rf"^\s*(?:\[<[0-9a-f]+>\] |\[[0-9a-f]+\] )?(?:\? )?{_FUNCTION}[0-9a-f]+/0x")

#: Frames of the reporting itself.
_REPORTERS = re.compile(
    r"^(?:__)?(?:dump_stack|show_stack|show_regs|dump_backtrace|show_trace|print_|kasan_|asan_"
    r"|_?warn|report_|ubsan_|handle_|lockdep_|check_|validate_|lock_acquire|mark_lock|might_"
    r"|v?panic|bad_page|die|do_trap|exc_|asm_exc|bust_spinlocks|rcu_|walk_stackframe)"
)


def function_of(lines: list[str]) -> str:
    """The function that a report's LINES are about; "" if they do not tell."""
    for line in lines:
        for pattern in _PROGRAM_COUNTERS:
            if found := pattern.search(line):
                return COPY.sub("", found["function"])
    frames = (found["function"] for line in lines if (found := _FRAME.match(line)))
    return next((COPY.sub("", f) for f in frames if not _REPORTERS.match(f)), "")

# SPDX-License-Identifier: GPL-2.0-or-later
"""How does a kernel boot in QEMU? Runs one machine in the sandbox and watches its console.

Machines are emulated (TCG), also where there is KVM: it is there for one target of many, and
nested it fails an assertion or hangs on too many hosts for a verdict to rest on it. Nor is a
hostile kernel to reach further into the host than it must.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from pathlib import Path

from pipeline.model import InfraError, Machine
from workers.check import Bench
from workers.guest.watch import Ending, Patience, Watch
from workers.sandbox.contract import GIB, Ended, Limits, Mount, Tools

#: Where QEMU finds what it boots.
_IMAGE = "/boot/image"
_INITRAMFS = "/boot/initramfs"

#: What else a machine may learn from the host, besides its seed: the time.
_SAME_TIME = ("-rtc", "base=2020-01-01T00:00:00,clock=vm")

#: Consoles of whole boots take 5 to 100 kB; more is a kernel that does nothing else.
_CONSOLE_BYTES = 1 << 20

#: What QEMU says when the guest, not QEMU, has driven the processor into the ground.
_GUEST_CRASH = re.compile(r"^qemu: fatal: (?:Trap .* Error state|Trying to execute code outside)")
_OWN_WORDS = re.compile(r"^qemu(?:-system-\w+)?: (?!warning: |info: )")


@dataclass(frozen=True, slots=True)
class Run:
    """One boot, as it was watched."""

    ending: Ending
    seconds: float
    watch: Watch

    @property
    def lines(self) -> tuple[str, ...]:
        """The console, clean."""
        return tuple(self.watch.lines)


def command(machine: Machine, seed: int | None = None) -> tuple[str, ...]:
    """QEMU's arguments, with the paths that they have in the sandbox.

    With a SEED, of all that is random in it, the machine counts instructions: the same kernel
    then does the same each time.
    """
    append, counting = machine.append, tuple[str, ...]()
    if seed is not None:
        append = f"{append} {machine.icount_append}".rstrip()
        counting = ("-icount", machine.icount, "-seed", str(seed), *_SAME_TIME)
    places = {"{image}": _IMAGE, "{initramfs}": _INITRAMFS, "{append}": append}
    filled = []
    for argument in machine.qemu:
        for name, value in places.items():
            argument = argument.replace(name, value)  # noqa: PLW2901
        filled.append(argument)
    return (*filled, *counting)


def run(
    bench: Bench, image: Path, initramfs: Path, patience: Patience, seed: int | None = None
) -> Run:
    """Boot IMAGE with INITRAMFS on the target's machine, to whatever end it comes.

    With a SEED it counts instructions, see `command`.

    Raises InfraError when it was QEMU or the sandbox that failed, or when it was cancelled.
    """
    watch = Watch(patience)
    ended = bench.run(
        command(bench.target.machine, seed),
        limits=Limits(
            seconds=patience.total_s,
            memory_bytes=2 * GIB,
            processes=64,
            log_bytes=_CONSOLE_BYTES,
        ),
        mounts=(Mount(image, _IMAGE), Mount(initramfs, _INITRAMFS)),
        watch=watch,
        tools=Tools.QEMU,
    )
    return Run(ending(ended, watch), ended.seconds, watch)


def ending(ended: Ended, watch: Watch) -> Ending:
    """How the boot ended; raises InfraError when QEMU or the sandbox did not let it."""
    if ended.stopped == Ending.TIME and watch.silent:
        return Ending.HANG  # that began too late to be waited for to its end
    if ended.stopped in tuple(Ending):
        return Ending(ended.stopped)
    if ended.stopped == "log":
        return Ending.FLOOD
    if ended.stopped:
        raise InfraError(f"QEMU was stopped: {ended.stopped}.")
    if watch.booted and any(_GUEST_CRASH.match(line) for line in watch.lines):
        return Ending.CRASH
    words = next((line for line in reversed(watch.lines) if _OWN_WORDS.match(line)), "")
    if ended.exit_code or (words and not watch.finished and not watch.panicked):
        last = words or next((line for line in reversed(watch.lines) if line), "it said nothing")
        raise InfraError(f"QEMU failed with exit status {ended.exit_code}: {last}")
    if watch.finished:
        return Ending.POWERED_OFF
    return Ending.PANIC if watch.panicked else Ending.RESET

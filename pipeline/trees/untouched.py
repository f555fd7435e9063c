# SPDX-License-Identifier: GPL-2.0-or-later
"""A process that cannot change the times of files, and so leaves borrowed objects untouched.

git sets the time of each object that it would have written and finds already there, so that
gc keeps it, and does so in repositories that it merely borrows from; no setting of git's
turns that off. It takes an error for an answer, and writes a copy of its own. Here the
kernel gives that error: a seccomp filter, prctl(2), needs no privilege. Where there is no
filter (another architecture, another kernel) times may change; contents never do.
"""

from __future__ import annotations

import ctypes
import errno
import platform
from collections.abc import Callable

from pipeline import bpf

#: The numbers of utime, utimes, futimesat, utimensat.
_SYSCALLS = {"x86_64": (132, 235, 261, 280), "aarch64": (88,)}
_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _MODE_FILTER = 22, 38, 2


def _program(machine: str, numbers: tuple[int, ...]) -> bytes:
    """EPERM for NUMBERS on MACHINE, leave to do anything else."""
    count = len(numbers)
    return b"".join(
        (
            bpf.step(bpf.LOAD, bpf.AUDIT_AT),
            bpf.step(bpf.EQUAL, bpf.AUDIT[machine], no=count + 1),
            bpf.step(bpf.LOAD, bpf.NUMBER_AT),
            *(bpf.step(bpf.EQUAL, each, yes=count - n) for n, each in enumerate(numbers)),
            bpf.step(bpf.RETURN, bpf.ALLOW),
            bpf.refuse(errno.EPERM),
        )
    )


class _Filter(ctypes.Structure):
    """struct sock_fprog of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


def _keeper() -> Callable[[], None] | None:
    machine = platform.machine()
    numbers = _SYSCALLS.get(machine)
    if numbers is None or platform.system() != "Linux":
        return None
    code = _program(machine, numbers)
    program = _Filter(len(code) // 8, code)
    prctl = ctypes.CDLL(None).prctl

    def keep_times() -> None:
        prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0)

    return keep_times


#: For `preexec_fn`: takes from a new process the means to set times.
keep_times = _keeper()

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
import struct
from collections.abc import Callable

#: AUDIT_ARCH_* of linux/audit.h, and the numbers of utime, utimes, futimesat, utimensat.
_SYSCALLS = {
    "x86_64": (0xC000003E, (132, 235, 261, 280)),
    "aarch64": (0xC00000B7, (88,)),
}
_PR_SET_SECCOMP, _PR_SET_NO_NEW_PRIVS, _MODE_FILTER = 22, 38, 2
_LOAD, _JUMP_IF_EQUAL, _RETURN = 0x20, 0x15, 0x06  # linux/bpf_common.h
_ALLOW, _ERRNO = 0x7FFF0000, 0x00050000  # linux/seccomp.h


def _program(arch: int, numbers: tuple[int, ...]) -> bytes:
    """Classic BPF on struct seccomp_data: EPERM for NUMBERS, leave to do anything else."""
    count = len(numbers)
    code = [(_LOAD, 0, 0, 4), (_JUMP_IF_EQUAL, 0, count + 1, arch), (_LOAD, 0, 0, 0)]
    code += [(_JUMP_IF_EQUAL, count - n, 0, number) for n, number in enumerate(numbers)]
    code += [(_RETURN, 0, 0, _ALLOW), (_RETURN, 0, 0, _ERRNO | errno.EPERM)]
    return b"".join(struct.pack("HBBI", *instruction) for instruction in code)


class _Filter(ctypes.Structure):
    """struct sock_fprog of linux/filter.h."""

    _fields_ = (("length", ctypes.c_ushort), ("code", ctypes.c_char_p))


def _keeper() -> Callable[[], None] | None:
    known = _SYSCALLS.get(platform.machine())
    if known is None or platform.system() != "Linux":
        return None
    code = _program(*known)
    program = _Filter(len(code) // 8, code)
    prctl = ctypes.CDLL(None).prctl

    def keep_times() -> None:
        prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
        prctl(_PR_SET_SECCOMP, _MODE_FILTER, ctypes.byref(program), 0, 0)

    return keep_times


#: For `preexec_fn`: takes from a new process the means to set times.
keep_times = _keeper()

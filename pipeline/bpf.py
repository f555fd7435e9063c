# SPDX-License-Identifier: GPL-2.0-or-later
"""The instructions that filters of seccomp(2) are made of: classic BPF. Pure."""

from __future__ import annotations

import struct

#: linux/bpf_common.h
LOAD, EQUAL, AT_LEAST, RETURN = 0x20, 0x15, 0x35, 0x06
#: struct seccomp_data of linux/seccomp.h; the low half of the first argument
NUMBER_AT, AUDIT_AT, ARGUMENT_AT = 0, 4, 16
ALLOW, KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000

#: AUDIT_ARCH_* of linux/audit.h, by machine as `uname -m` names it.
AUDIT = {"x86_64": 0xC000003E, "aarch64": 0xC00000B7, "riscv64": 0xC00000F3}


def step(code: int, operand: int, *, yes: int = 0, no: int = 0) -> bytes:
    """A struct sock_filter: YES and NO are how many steps a comparison skips."""
    return struct.pack("=HBBI", code, yes, no, operand)


def refuse(error: int) -> bytes:
    """The call fails with ERROR."""
    return step(RETURN, _ERRNO | error)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Which system calls does a sandbox refuse, because namespaces and limits do not reach them?

Pure: makes a filter of seccomp(2) for bwrap's --seccomp. Refused are

- sockets but for Unix, IP and netlink: network namespaces do not hold AF_VSOCK, which reaches
  the host of a virtual machine; and io_uring, which makes sockets past every filter;
- memory that no process shows and no file system counts, of memfd_create and shmget;
- the kernel's keys: a session keyring is inherited from whoever started us (keyrings(7));
- what a build never needs and holes of the kernel often do.

Refused is said as "not implemented", which programs have an answer to.
"""

from __future__ import annotations

import errno
import struct
from collections.abc import Iterable
from dataclasses import dataclass

_SOCKET = "socket"

#: By name: the number on x86-64, and on machines that use asm-generic/unistd.h.
_NUMBERS = {
    _SOCKET: (41, 198),
    "io_uring_setup": (425, 425),
    "memfd_create": (319, 279),
    "memfd_secret": (447, 447),
    "shmget": (29, 194),
    "add_key": (248, 217),
    "request_key": (249, 218),
    "keyctl": (250, 219),
    "bpf": (321, 280),
    "perf_event_open": (298, 241),
    "userfaultfd": (323, 282),
}

#: AF_UNIX, AF_INET, AF_INET6, AF_NETLINK.
_FAMILIES = (1, 2, 10, 16)


@dataclass(frozen=True, slots=True)
class _Machine:
    """AUDIT is its AUDIT_ARCH_* of linux/audit.h, COLUMN its place in _NUMBERS."""

    audit: int
    column: int


_MACHINES = {
    "x86_64": _Machine(0xC000003E, 0),
    "aarch64": _Machine(0xC00000B7, 1),
    "riscv64": _Machine(0xC00000F3, 1),
}

# linux/bpf_common.h
_LOAD, _EQUAL, _AT_LEAST, _RETURN = 0x20, 0x15, 0x35, 0x06
# struct seccomp_data of linux/seccomp.h; the low half of the first argument
_NUMBER_AT, _AUDIT_AT, _ARGUMENT_AT = 0, 4, 16
_ALLOW, _KILL, _ERRNO = 0x7FFF0000, 0x80000000, 0x00050000

#: x32 calls on x86-64 have this bit; other machines have no such numbers.
_X32 = 0x40000000


def program(machine: str) -> bytes:
    """The filter for MACHINE, as `uname -m` names it; b"" where we know no numbers."""
    known = _MACHINES.get(machine)
    if known is None:
        return b""
    refused = [numbers[known.column] for name, numbers in _NUMBERS.items() if name != _SOCKET]
    # Each is a whole, and falls through to the next one when it has no objection.
    return b"".join(
        (
            _step(_LOAD, _AUDIT_AT),
            _step(_EQUAL, known.audit, yes=1),
            _step(_RETURN, _KILL),  # calls of another machine have other numbers
            _step(_LOAD, _NUMBER_AT),
            _step(_AT_LEAST, _X32, no=1),
            _refuse(errno.ENOSYS),
            *(step for number in refused for step in _refused(number)),
            *_sockets(_NUMBERS[_SOCKET][known.column]),
            _step(_RETURN, _ALLOW),
        )
    )


def _refused(number: int) -> Iterable[bytes]:
    return (_step(_EQUAL, number, no=1), _refuse(errno.ENOSYS))


def _sockets(number: int) -> Iterable[bytes]:
    families = [_step(_EQUAL, family, yes=len(_FAMILIES) - n) for n, family in enumerate(_FAMILIES)]
    skipped = 1 + len(families) + 1
    return (
        _step(_EQUAL, number, no=skipped),
        _step(_LOAD, _ARGUMENT_AT),
        *families,
        _refuse(errno.EAFNOSUPPORT),
    )


def _refuse(error: int) -> bytes:
    return _step(_RETURN, _ERRNO | error)


def _step(code: int, operand: int, *, yes: int = 0, no: int = 0) -> bytes:
    """A struct sock_filter: YES and NO are how many steps a comparison skips."""
    return struct.pack("=HBBI", code, yes, no, operand)

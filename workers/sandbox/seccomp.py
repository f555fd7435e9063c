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
from collections.abc import Iterable

from pipeline import bpf

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


#: The column of _NUMBERS.
_COLUMNS = {"x86_64": 0, "aarch64": 1, "riscv64": 1}

#: x32 calls on x86-64 have this bit; other machines have no such numbers.
_X32 = 0x40000000


def program(machine: str) -> bytes:
    """The filter for MACHINE, as `uname -m` names it; b"" where we know no numbers."""
    column = _COLUMNS.get(machine)
    if column is None:
        return b""
    refused = [numbers[column] for name, numbers in _NUMBERS.items() if name != _SOCKET]
    # Each is a whole, and falls through to the next one when it has no objection.
    return b"".join(
        (
            bpf.step(bpf.LOAD, bpf.AUDIT_AT),
            bpf.step(bpf.EQUAL, bpf.AUDIT[machine], yes=1),
            bpf.step(bpf.RETURN, bpf.KILL),  # calls of another machine have other numbers
            bpf.step(bpf.LOAD, bpf.NUMBER_AT),
            bpf.step(bpf.AT_LEAST, _X32, no=1),
            bpf.refuse(errno.ENOSYS),
            *(step for number in refused for step in _refused(number)),
            *_sockets(_NUMBERS[_SOCKET][column]),
            bpf.step(bpf.RETURN, bpf.ALLOW),
        )
    )


def _refused(number: int) -> Iterable[bytes]:
    return (bpf.step(bpf.EQUAL, number, no=1), bpf.refuse(errno.ENOSYS))


def _sockets(number: int) -> Iterable[bytes]:
    families = [
        bpf.step(bpf.EQUAL, family, yes=len(_FAMILIES) - n) for n, family in enumerate(_FAMILIES)
    ]
    skipped = 1 + len(families) + 1
    return (
        bpf.step(bpf.EQUAL, number, no=skipped),
        bpf.step(bpf.LOAD, bpf.ARGUMENT_AT),
        *families,
        bpf.refuse(errno.EAFNOSUPPORT),
    )

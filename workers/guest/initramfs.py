# SPDX-License-Identifier: GPL-2.0-or-later
"""What does the kernel unpack as its first root file system? Pure: bytes in, bytes out.

A gzipped cpio archive in the `newc` format, as the kernel's
Documentation/driver-api/early-userspace/buffer-format.rst describes it. The same init gives
the same bytes: no times, no owners, inode numbers in order.
"""

from __future__ import annotations

import gzip
import stat
from dataclasses import dataclass

#: Mount points of our init, and where the console node lies.
DIRECTORIES = ("dev", "proc", "sys", "tmp")

#: /dev/console is character device 5:1 (Documentation/admin-guide/devices.txt). The kernel
#: opens it for init before anything is mounted.
CONSOLE = (5, 1)


@dataclass(frozen=True, slots=True)
class Entry:
    """A file of the archive. MODE has the file type's bits; DEVICE is (major, minor)."""

    name: str  # without a leading slash
    mode: int
    content: bytes = b""
    device: tuple[int, int] = (0, 0)


def _padded(data: bytes) -> bytes:
    return data + b"\0" * (-len(data) % 4)


def _member(entry: Entry, inode: int) -> bytes:
    name = entry.name.encode() + b"\0"
    links = 2 if stat.S_ISDIR(entry.mode) else 1
    owner = group = time_s = checksum = 0
    header = (
        *(inode, entry.mode, owner, group, links, time_s, len(entry.content)),
        *(0, 0, *entry.device, len(name), checksum),
    )
    return _padded(b"070701" + b"".join(b"%08X" % field for field in header) + name) + _padded(
        entry.content
    )


def newc(entries: tuple[Entry, ...]) -> bytes:
    """ENTRIES, in order, as an uncompressed archive with its trailer."""
    numbered = enumerate((*entries, Entry("TRAILER!!!", 0)), start=1)
    return b"".join(_member(entry, inode) for inode, entry in numbered)


def pack(init: bytes) -> bytes:
    """A compressed archive that holds INIT as /init and what it needs to start."""
    entries = (
        *(Entry(name, stat.S_IFDIR | 0o755) for name in DIRECTORIES),
        Entry("dev/console", stat.S_IFCHR | 0o600, device=CONSOLE),
        Entry("init", stat.S_IFREG | 0o755, init),
    )
    return gzip.compress(newc(entries), compresslevel=6, mtime=0)

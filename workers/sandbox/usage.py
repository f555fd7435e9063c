# SPDX-License-Identifier: GPL-2.0-or-later
"""How much memory and disk a command and all that came of it use, in bytes.

Of memory, what counts is what no file backs: RssAnon and RssShmem of proc_pid_status(5).
Memory that several processes share counts once for each: too much rather than too little.
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path

import psutil

_HELD = (b"RssAnon:", b"RssShmem:")

#: Where a sandbox can write to memory, and what the kernel takes for a file there.
_IN_MEMORY = ("tmp", "dev/shm")
_MEMORY_INODE_BYTES = 1024

#: ext4 makes one inode for this many bytes of a disk (mke2fs.conf(5)).
_DISK_INODE_BYTES = 16 << 10

#: When a disk has no more than this, who took as much meanwhile is ended.
_RESERVE_BYTES = 1 << 30


class TreeUsage:
    """Of a process and its descendants, as far as they have not left it."""

    def __init__(self, pid: int) -> None:
        self._pid = pid

    def total_bytes(self) -> int:
        """What they hold now; 0 once they are gone."""
        with suppress(psutil.NoSuchProcess):
            family = psutil.Process(self._pid).children(recursive=True)
            pids = (self._pid, *(each.pid for each in family))
            return sum(_held_bytes(f"/proc/{pid}/status") for pid in pids)
        return 0


class SandboxUsage:
    """Of all processes in a sandbox, and of its /tmp and /dev/shm.

    The sandbox's own /proc lists its processes and no others, which costs a tenth of
    looking for descendants in ours.
    """

    def __init__(self, pid: int) -> None:
        """PID is unshare's: its child is bwrap, whose child is the sandbox's first process."""
        self._pid = pid
        self._root: Path | None = None

    def total_bytes(self) -> int:
        """What is held now; 0 before the sandbox is mounted and once it is gone."""
        with suppress(psutil.NoSuchProcess, OSError):
            root = self._root or self._find()
            figures = [os.statvfs(root / name) for name in _IN_MEMORY]
            blocks = sum((f.f_blocks - f.f_bfree) * f.f_frsize for f in figures)
            inodes = sum(f.f_files - f.f_ffree for f in figures) * _MEMORY_INODE_BYTES
            return _all_held_bytes(root / "proc") + blocks + inodes
        return 0

    def _find(self) -> Path:
        family = psutil.Process(self._pid).children(recursive=True)
        if len(family) < 3:
            raise FileNotFoundError("the command does not run yet")
        root = Path(f"/proc/{family[1].pid}/root")
        if (root / "proc").stat().st_dev == Path("/proc").stat().st_dev:
            raise FileNotFoundError("that is not the sandbox's own /proc yet")
        self._root = root
        return root


def _all_held_bytes(proc: Path) -> int:
    handle = os.open(proc, os.O_RDONLY | os.O_DIRECTORY)  # a path through /proc is slow
    try:
        pids = (name for name in os.listdir(handle) if name.isdecimal())  # noqa: PTH208
        return sum(_held_bytes(f"{pid}/status", handle) for pid in pids)
    finally:
        os.close(handle)


def _held_bytes(status: str, directory: int | None = None) -> int:
    try:
        handle = os.open(status, os.O_RDONLY, dir_fd=directory)
        try:
            lines = os.read(handle, 8192).splitlines()
        finally:
            os.close(handle)
    except OSError:
        return 0  # it ended meanwhile
    return 1024 * sum(int(line.split()[1]) for line in lines if line.startswith(_HELD))


class DiskUsage:
    """What is written to DIRECTORIES from now on.

    Counting files takes long, so they are counted only once their disk has lost too much. An
    inode counts like the disk that it comes with, since one runs out like the other.
    """

    def __init__(self, directories: Iterable[Path]) -> None:
        self._directories = tuple(each for each in directories if each.exists())
        #: One directory of each disk.
        self._disks = tuple({each.stat().st_dev: each for each in self._directories}.values())
        self._room = self._rooms()

    def above(self, limit_bytes: int) -> bool:
        """Whether that is more than LIMIT_BYTES, or most of what a full disk had left."""
        rooms = self._rooms()
        lost = sum(max(was - is_, 0) for was, is_ in zip(self._room, rooms, strict=True))
        full = min(rooms, default=_RESERVE_BYTES) < _RESERVE_BYTES
        allowed = min(limit_bytes, _RESERVE_BYTES) if full else limit_bytes
        return lost > allowed and self._written_bytes(lost) > allowed

    def _rooms(self) -> tuple[int, ...]:
        return tuple(room for directory in self._disks for room in _rooms_bytes(directory))

    def _written_bytes(self, lost: int) -> int:
        """What stands in the directories; LOST where that cannot be said."""
        command = ("du", "--summarize", "--total", "--one-file-system")
        total = 0
        for unit, weight in (("--block-size=1", 1), ("--inodes", _DISK_INODE_BYTES)):
            counted = subprocess.run(
                (*command, unit, "--", *self._directories), capture_output=True, check=False
            )
            if counted.returncode:  # something was removed or closed to us meanwhile
                return lost
            total += int(counted.stdout.splitlines()[-1].split()[0]) * weight
        return total


def _rooms_bytes(directory: Path) -> tuple[int, ...]:
    """What is left for content on DIRECTORY's disk, and for inodes if they are numbered."""
    figures = os.statvfs(directory)
    content = figures.f_bavail * figures.f_frsize
    return (content, figures.f_favail * _DISK_INODE_BYTES) if figures.f_files else (content,)

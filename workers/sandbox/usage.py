# SPDX-License-Identifier: GPL-2.0-or-later
"""How much memory a command and all that came of it use, in bytes. Reads /proc.

What counts is what no file backs: RssAnon and RssShmem of proc_pid_status(5). Memory that
several processes share counts once for each: too much rather than too little.
"""

from __future__ import annotations

import os
from contextlib import suppress
from pathlib import Path

import psutil

_HELD = (b"RssAnon:", b"RssShmem:")


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
    """Of all processes in a sandbox, and of its /tmp.

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
            figures = os.statvfs(root / "tmp")
            return _all_held_bytes(root / "proc") + (
                (figures.f_blocks - figures.f_bfree) * figures.f_frsize
            )
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

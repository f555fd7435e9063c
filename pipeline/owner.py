# SPDX-License-Identifier: GPL-2.0-or-later
"""Which process does something belong to, and is it still there?"""

from __future__ import annotations

import os
import socket
from pathlib import Path


def _started(pid: int) -> str:
    """When the process PID started, "" if it is gone; unlike its PID, this is used once.

    The boot and the ticks since then (proc_pid_stat(5)): no clock that can be set.
    """
    try:
        stat = Path(f"/proc/{pid}/stat").read_text()
    except (FileNotFoundError, ProcessLookupError):
        return ""
    state, *fields = stat.rpartition(")")[2].split()
    if state in ("Z", "X"):
        return ""
    return f"{boot()}:{fields[18]}"


def boot() -> str:
    """The name of what began when this machine was started."""
    return Path("/proc/sys/kernel/random/boot_id").read_text().strip()


def owner() -> str:
    """The name of this process, so that a later one can tell whether it is still there."""
    return f"{socket.gethostname()} {os.getpid()} {_started(os.getpid())}"


def is_running(pid: int) -> bool:
    """Whether there is a process PID of this host."""
    return bool(_started(pid))


def is_alive(name: str) -> bool:
    """Whether the owner NAME is a process of this host and is there."""
    host, pid, started = name.rsplit(" ", 2)
    return host == socket.gethostname() and _started(int(pid)) == started


def is_dead(name: str) -> bool:
    """Whether the owner NAME was a process of this host and is gone."""
    return name.startswith(f"{socket.gethostname()} ") and not is_alive(name)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Starts a command that dies with us, and follows it until it ends or must be ended.

No threads: a process's death signal comes when the *thread* that started it ends, so the
caller's own thread starts the command and follows it (PR_SET_PDEATHSIG(2const)).
"""

from __future__ import annotations

import os
import resource
import selectors
import shutil
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, Self

from pipeline.model import InfraError
from workers.sandbox.contract import Command, Limits, Mount
from workers.sandbox.output import Output
from workers.sandbox.usage import DiskUsage

TICK_S = 0.5
_READ_BYTES = 64 << 10
_PIPE_BYTES = 1 << 20  # no pipe of an ordinary user is larger (pipe(7))
_OPEN_FILES = 4096

#: sh checks, after the death signal is set, that whoever would cause it is still there.
_DIE_WITH_PARENT = ("setpriv", "--pdeathsig", "KILL", "--", "sh", "-c")
_STILL_THERE = '[ "$PPID" = "$0" ] && exec "$@"'


@dataclass(frozen=True, slots=True)
class Followed:
    """How it went. STOPPED as in `contract.Ended`."""

    seconds: float
    stopped: str
    peak_memory_bytes: int


def start(
    argv: Sequence[str],
    *,
    env: Mapping[str, str] | None = None,
    cwd: Path | None = None,
    pass_fds: Sequence[int] = (),
) -> subprocess.Popen[bytes]:
    """Start ARGV in a session of its own; it is killed if this thread ends.

    Its stdout and stderr are one pipe, and it reads nothing.
    """
    guarded = (*_DIE_WITH_PARENT, _STILL_THERE, str(os.getpid()), *argv)
    try:
        return subprocess.Popen(
            guarded,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            bufsize=0,
            env=env,
            cwd=cwd,
            pass_fds=pass_fds,
            start_new_session=True,
        )
    except OSError as error:
        raise InfraError(f"Cannot start {guarded[0]}: {error.strerror}.") from error


def file_limits(limits: Limits) -> dict[str, int]:
    """LIMITS on files, as prlimit(1) names them."""
    return {
        "fsize": limits.file_bytes,
        "nofile": _OPEN_FILES,
        # 0 would still start the host's own handler of core dumps, outside; 1 is the kernel's
        # word for neither (fs/coredump.c).
        "core": 1,
    }


def rlimits(limits: Limits, *, processes: bool) -> tuple[str, ...]:
    """A prlimit(1) command line that runs what follows it under LIMITS; of
    their number only if PROCESSES counts them apart from the user's others.
    """
    wanted = file_limits(limits) | ({"nproc": limits.processes} if processes else {})
    options = (f"--{name}={_allowed(name, value)}" for name, value in wanted.items())
    return ("prlimit", *options, "--")


def _allowed(name: str, wanted: int) -> int:
    hard = resource.getrlimit(getattr(resource, f"RLIMIT_{name.upper()}"))[1]
    return wanted if hard == resource.RLIM_INFINITY else min(wanted, hard)


def must_exist(command: Command, visible: Sequence[Mount]) -> None:
    """Raise InfraError if COMMAND's program is in none of VISIBLE: that is our fault."""
    program = command.argv[0]
    if "/" not in program:
        found = shutil.which(program, path=command.env.get("PATH", os.defpath)) is not None
    else:
        found = any(
            os.path.lexists(mount.source / program.removeprefix(mount.target).lstrip("/"))
            for mount in visible
            if program == mount.target or program.startswith(mount.target.rstrip("/") + "/")
        )
    if not found:
        raise InfraError(f"{program} is not here; `crosscheck doctor` says what to install.")


class Events(Protocol):
    """What comes of a command."""

    def wait(self, seconds: float) -> tuple[bytes, bool]:
        """Some output, b"" if there is none within SECONDS, and whether the command ended."""


class Usage(Protocol):
    """What a command and all that came of it use."""

    def total_bytes(self) -> int:
        """Now."""


def follow(
    events: Events,
    limits: Limits,
    output: Output,
    cancelled: Callable[[], bool],
    *,
    memory: Usage,
    disk: DiskUsage,
) -> Followed:
    """Feed OUTPUT until the command has ended, or until it must be: then it is still running."""
    began, peak, ended, stopped = time.monotonic(), 0, False, ""
    due = began + TICK_S
    while not (ended or stopped):
        data, ended = events.wait(max(due - time.monotonic(), 0))
        stopped = output.feed(data)
        if time.monotonic() >= due and not (ended or stopped):
            used = memory.total_bytes()
            peak = max(peak, used)
            stopped = "memory" if used > limits.memory_bytes else output.tick()
            stopped = stopped or ("disk" if disk.above(limits.disk_bytes) else "")
            stopped = stopped or ("cancelled" if cancelled() else "")
            due = time.monotonic() + TICK_S  # looking may take longer; output is read between
        if time.monotonic() - began > limits.seconds and not (ended or stopped):
            stopped = "time"
    return Followed(time.monotonic() - began, stopped, peak)


class ProcessEvents:
    """Of a process: its output and its end, whichever is first."""

    def __init__(self, process: subprocess.Popen[bytes]) -> None:
        assert process.stdout  # noqa: S101 (for mypy: `start` made it a pipe)
        self._pidfd = os.pidfd_open(process.pid)
        self._ready = selectors.DefaultSelector()
        self._ready.register(process.stdout, selectors.EVENT_READ)
        self._ready.register(self._pidfd, selectors.EVENT_READ)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._ready.close()
        os.close(self._pidfd)

    def wait(self, seconds: float) -> tuple[bytes, bool]:
        """As `Events.wait`."""
        data, ended = b"", False
        for key, _ in self._ready.select(seconds):
            if key.fd == self._pidfd:
                ended = True
            else:
                data = os.read(key.fd, _READ_BYTES)
                if not data:  # it closed its output, and may go on
                    self._ready.unregister(key.fileobj)
        return data, ended


def rest(process: subprocess.Popen[bytes]) -> bytes:
    """What is in PROCESS's pipe now; not for ever, if it writes as fast as we read."""
    assert process.stdout  # noqa: S101 (for mypy: `start` made it a pipe)
    os.set_blocking(process.stdout.fileno(), False)
    read = b""
    while len(read) < _PIPE_BYTES and (data := process.stdout.read(_READ_BYTES)):
        read += data
    return read


def finish(process: subprocess.Popen[bytes], output: Output) -> str:
    """Feed OUTPUT the rest of a PROCESS that ended by itself; returns the watcher's words."""
    words = output.feed(rest(process))
    return words or output.finish()

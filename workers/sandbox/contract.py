# SPDX-License-Identifier: GPL-2.0-or-later
"""What a sandbox is asked and what it answers: the one interface of all of them. Pure."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Protocol

GIB = 1 << 30
#: Where a command sees the kernel source (read-only) and its build directory (writable).
#: The same on both sides, so that paths in objects and messages are the same.
SOURCE = "/src"
BUILD = "/build"
#: Of a command; all of it is below /usr (hier(7)).
PATH = "/usr/bin:/bin:/usr/sbin:/sbin"
SIGNALLED = 128


class Tools(StrEnum):
    """Whose programs a command needs: where these are apart, it runs where they are."""

    BUILD = "build"  # make, compilers
    QEMU = "qemu"


@dataclass(frozen=True, slots=True)
class Mount:
    """SOURCE of the host is seen at TARGET inside."""

    source: Path
    target: str
    writable: bool = False


@dataclass(frozen=True, slots=True)
class Limits:
    """What one command may use, all of its processes together."""

    seconds: float
    memory_bytes: int = 8 * GIB
    processes: int = 1024
    log_bytes: int = 64 << 20
    file_bytes: int = 4 * GIB  # of any single file
    disk_bytes: int = 16 * GIB  # of all that it writes to its mounts


@dataclass(frozen=True, slots=True)
class Ended:
    """How a command ended.

    STOPPED is "" if it ended by itself, else why it was ended: "time", "memory", "disk", "log",
    "cancelled", or the words that the watcher returned. EXIT_CODE is then meaningless.
    A command that a signal ended has SIGNALLED + the signal's number, as a shell has it.
    """

    exit_code: int
    seconds: float
    stopped: str = ""
    peak_memory_bytes: int = 0


#: Called with each line of output (without its newline; undecodable bytes replaced) and,
#: about twice a second, with None. Words that it returns end the command.
Watcher = Callable[[str | None], str | None]


@dataclass(frozen=True, slots=True)
class Command:
    """A command to run inside. Nothing is inherited: ENV is all of its environment."""

    argv: Sequence[str]
    limits: Limits
    mounts: Sequence[Mount] = ()
    env: Mapping[str, str] = field(default_factory=dict)
    cwd: str = "/"
    tools: Tools = Tools.BUILD


class Sandbox(Protocol):
    """Runs commands with no network, no home, no capabilities, and only MOUNTS of the host.

    The system's compilers and tools (/usr and what belongs to it) are there, read-only;
    /tmp is private, in memory and counted.
    """

    def run(
        self,
        command: Command,
        *,
        log: Path,
        watch: Watcher | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Ended:
        """Run COMMAND to its end; append its stdout and stderr, mixed, to LOG.

        Raises InfraError when the sandbox itself cannot be set up. When this returns,
        nothing of the command is running any more.
        """

    def adopt(self, directory: Path) -> None:
        """Make DIRECTORY, and what is in it, writable for commands (before mounting it)."""

    def versions(self, programs: Mapping[str, Tools]) -> tuple[str, ...]:
        """What PROGRAMS that commands run say of their version, a line each, and what else
        decides how they work. Raises InfraError if one is not there.
        """

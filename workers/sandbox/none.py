# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs commands with no sandbox at all: for trusted series on machines without one.

This isolates nothing: a command can do what its user can. It keeps the limits on time,
memory, output, file size and disk, but not on the number of processes. Without mounts there is
no /src and no /build: these paths are replaced by the host's in arguments, environment and
working directory, so that objects and messages name other paths than sandboxed runs do.
A mount on a path inside another one is not seen.
"""

from __future__ import annotations

import re
import signal
import subprocess
import time
import uuid
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from pathlib import Path

import psutil

from workers.sandbox import supervise
from workers.sandbox.contract import Command, Ended, Mount, Tools, Watcher
from workers.sandbox.host import version
from workers.sandbox.output import Output
from workers.sandbox.usage import DiskUsage, TreeUsage

#: Finds what a command left behind, wherever it hid: children inherit it.
_MARK = "CROSSCHECK_COMMAND"

#: A path begins a word, or follows =, : or , or a one-letter option (-I/src).
_BEFORE = r"""(^|[\s=:,'"]|(?:^|\s)-[A-Za-z])"""
_AFTER = r"""(?=$|[/\s=:,'"])"""


class NoSandbox:
    """A `contract.Sandbox` in name."""

    def adopt(self, directory: Path) -> None:
        """What we made is the command's already."""

    def versions(self, programs: Mapping[str, Tools]) -> tuple[str, ...]:
        """As `contract.Sandbox.versions`: commands see the host's programs."""
        return tuple(version(program) for program in programs)

    def run(
        self,
        command: Command,
        *,
        log: Path,
        watch: Watcher | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Ended:
        """As `contract.Sandbox.run`."""
        supervise.must_exist(command, (*command.mounts, Mount(Path("/"), "/")))
        disk = DiskUsage(mount.source for mount in command.mounts if mount.writable)
        mark = uuid.uuid4().hex
        env = {name: on_host(value, command.mounts) for name, value in command.env.items()}
        argv = [on_host(word, command.mounts) for word in command.argv]
        with (
            Output(log, command.limits.log_bytes, watch) as output,
            supervise.start(
                (*supervise.rlimits(command.limits, processes=False), *argv),
                env={**env, _MARK: mark},
                cwd=Path(on_host(command.cwd, command.mounts)),
            ) as process,
        ):
            try:
                memory = TreeUsage(process.pid)
                with supervise.ProcessEvents(process) as events:
                    followed = supervise.follow(
                        events, command.limits, output, cancelled, memory=memory, disk=disk
                    )
            finally:
                _end(process, mark)
            stopped = followed.stopped or supervise.finish(process, output)
        return Ended(
            exit_code=_shell_code(process.returncode),
            seconds=followed.seconds,
            stopped=stopped,
            peak_memory_bytes=followed.peak_memory_bytes,
        )


def on_host(text: str, mounts: Sequence[Mount]) -> str:
    """TEXT with the targets of MOUNTS replaced by their sources."""
    sources = {mount.target: str(mount.source) for mount in mounts}
    longest_first = sorted(sources, key=len, reverse=True)
    if not sources:
        return text
    targets = "|".join(re.escape(target) for target in longest_first)
    pattern = re.compile(f"{_BEFORE}({targets}){_AFTER}")
    return pattern.sub(lambda found: found[1] + sources[found[2]], text)


def _shell_code(returncode: int) -> int:
    return 128 - returncode if returncode < 0 else returncode


def _end(process: subprocess.Popen[bytes], mark: str) -> None:
    """Kill PROCESS, its group, and whatever has MARK in its environment."""
    with suppress(ProcessLookupError):
        process.send_signal(signal.SIGKILL)
    process.wait()
    while left := _marked(mark):
        for each in left:
            with suppress(psutil.NoSuchProcess):
                each.kill()
        time.sleep(0.01)


def _marked(mark: str) -> list[psutil.Process]:
    found = []
    for each in psutil.process_iter():
        with suppress(psutil.Error):
            if each.environ().get(_MARK) == mark and each.status() != psutil.STATUS_ZOMBIE:
                found.append(each)
    return found

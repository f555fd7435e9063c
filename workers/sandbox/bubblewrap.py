# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs commands in bubblewrap: how is a hostile build kept away from the host?

It sees /usr and what belongs to it, read-only, its mounts, and a private /tmp; no network,
no home, no other process, no capabilities, and not all system calls. See bwrap(1).
"""

from __future__ import annotations

import json
import os
import signal
import subprocess
import time
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path, PurePosixPath
from tempfile import TemporaryFile
from typing import IO, NamedTuple

import psutil

from pipeline.model import InfraError
from workers.sandbox import seccomp, supervise
from workers.sandbox.contract import SIGNALLED, Command, Ended, Mount, Tools, Watcher
from workers.sandbox.host import version
from workers.sandbox.identity import Identity, identity
from workers.sandbox.output import Output
from workers.sandbox.usage import DiskUsage, SandboxUsage

_NAMESPACES = ("ipc", "pid", "net", "uts", "cgroup-try")

#: Links into /usr on merged systems, directories on others (hier(7)).
_BESIDE_USR = ("bin", "sbin", "lib", "lib32", "lib64", "libx32")

#: All that compilers, openssl (it signs modules) and QEMU read in /etc.
_ETC = ("alternatives", "ld.so.cache", "ld.so.conf", "ld.so.conf.d", "ssl/openssl.cnf")

#: Kernel builds leave it empty.
_SHM_BYTES = 64 << 20

#: When memory runs out. What root sets here, the command cannot take back (choom(1)).
_FIRST_TO_DIE = ("choom", "-n", "1000", "--")

#: bwrap starts within milliseconds; this long only on a machine that does nothing any more.
_END_S = 30


class _Files(NamedTuple):
    """Descriptors that bwrap is given: three files to read, one to write."""

    passwd: int
    group: int
    seccomp: int
    status: int


class Bubblewrap:
    """A `contract.Sandbox`; commands of one object run one after another, as one user."""

    def __init__(self) -> None:
        self._who: Identity = identity()

    def adopt(self, directory: Path) -> None:
        """Make DIRECTORY, and what is in it, writable for commands (before mounting it)."""
        self._who.adopt(directory)

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
        supervise.must_exist(command, (*_system(), *command.mounts))
        disk = DiskUsage(mount.source for mount in command.mounts if mount.writable)
        with (
            TemporaryFile() as passwd,
            TemporaryFile() as group,
            TemporaryFile() as refused,
            TemporaryFile() as status,
        ):
            _fill(passwd, f"build:x:{self._who.uid}:{self._who.uid}:::/bin/sh\n".encode())
            _fill(group, f"build:x:{self._who.uid}:\n".encode())
            _fill(refused, seccomp.program(os.uname().machine))
            files = _Files(*(each.fileno() for each in (passwd, group, refused, status)))
            with (
                Output(log, command.limits.log_bytes, watch) as output,
                supervise.start(
                    arguments(command, self._who, files), env=_environment(), pass_fds=files
                ) as process,
            ):
                memory = SandboxUsage(process.pid)
                try:
                    with supervise.ProcessEvents(process) as events:
                        followed = supervise.follow(
                            events, command.limits, output, cancelled, memory=memory, disk=disk
                        )
                finally:
                    _end(process, output)
                stopped = followed.stopped or supervise.finish(process, output)
            status.seek(0)
            code = exit_code(status.read())
        if code is None and not stopped:
            said = output.last_line or f"exit status {process.returncode}"
            raise InfraError(f"The sandbox failed: {said}.")
        return Ended(
            exit_code=SIGNALLED + signal.SIGKILL if code is None else code,
            seconds=followed.seconds,
            stopped=stopped,
            peak_memory_bytes=followed.peak_memory_bytes,
        )


def _environment() -> dict[str, str]:
    """For what stands around the command: a user's command can read that of its first process."""
    return {"PATH": os.environ.get("PATH", os.defpath)}


def arguments(command: Command, who: Identity, files: _Files) -> tuple[str, ...]:
    """The command line that runs COMMAND as WHO."""
    tmp_bytes = command.limits.memory_bytes // 4
    options = (
        *(f"--unshare-{name}" for name in _NAMESPACES),
        *("--die-with-parent", "--new-session", "--hostname", "crosscheck"),
        *who.bwrap(),
        *("--json-status-fd", str(files.status)),
        *(("--seccomp", str(files.seccomp)) if os.fstat(files.seccomp).st_size else ()),
        *(word for place in _between(command) for word in ("--perms", "0755", "--dir", place)),
        *(word for mount in _system() for word in _bind(mount)),
        *("--perms", "0444", "--file", str(files.passwd), "/etc/passwd"),
        *("--perms", "0444", "--file", str(files.group), "/etc/group"),
        *("--proc", "/proc", "--dev", "/dev"),
        *("--perms", "1777", "--size", str(_SHM_BYTES), "--tmpfs", "/dev/shm"),  # noqa: S108
        *("--perms", "1777", "--size", str(tmp_bytes), "--tmpfs", "/tmp"),  # noqa: S108
        *(word for mount in command.mounts for word in _bind(mount)),
        *("--remount-ro", "/dev", "--remount-ro", "/", "--clearenv"),
        *(word for name, value in command.env.items() for word in ("--setenv", name, value)),
        *("--chdir", command.cwd),
    )
    limited = (*supervise.rlimits(command.limits, processes=True), *who.become())
    return (*_FIRST_TO_DIE, *who.enter(), "bwrap", *options, "--", *limited, *command.argv)


def _system() -> tuple[Mount, ...]:
    """What is seen of the host: /usr, what belongs to it, and a little of /etc."""
    beside = (Path("/", name) for name in _BESIDE_USR)
    etc = (Path("/etc", name) for name in _ETC)
    there = (path for path in (Path("/usr"), *beside, *etc) if path.exists())
    return tuple(Mount(path, str(path)) for path in there)


def _between(command: Command) -> tuple[str, ...]:
    """Directories that lead to mounts and lie in none: bwrap itself would make them 0700."""
    targets = {PurePosixPath(mount.target) for mount in (*_system(), *command.mounts)}
    parents = {parent for target in targets for parent in target.parents[:-1]}
    return tuple(sorted(str(p) for p in parents if not targets & {p, *p.parents}))


def _bind(mount: Mount) -> tuple[str, ...]:
    """MOUNT in bwrap's words; links of the system stay links."""
    if mount.target == str(mount.source) and mount.source.is_symlink():
        return ("--symlink", str(mount.source.readlink()), mount.target)
    return ("--bind" if mount.writable else "--ro-bind", str(mount.source), mount.target)


def _fill(stream: IO[bytes], content: bytes) -> None:
    stream.write(content)
    stream.seek(0)


def exit_code(status: bytes) -> int | None:
    """The command's exit code in bwrap's STATUS documents; None if it never came to one."""
    for line in status.splitlines():
        document = json.loads(line)
        if "exit-code" in document:
            return int(document["exit-code"])
    return None


def _end(process: subprocess.Popen[bytes], output: Output) -> None:
    """End PROCESS and all that came of it; nothing lives when this returns.

    unshare's child is the first process of the outer process namespace: the kernel kills
    the others before unshare sees it end (pid_namespaces(7)).
    """
    if process.poll() is None:
        output.keep(supervise.rest(process))
    patience = time.monotonic() + _END_S
    while process.poll() is None:
        with suppress(psutil.NoSuchProcess):
            for child in psutil.Process(process.pid).children():
                child.kill()
        if time.monotonic() > patience:
            process.kill()
        supervise.rest(process)  # what unshare has to say to this must not fill the pipe
        with suppress(subprocess.TimeoutExpired):
            process.wait(timeout=0.02)

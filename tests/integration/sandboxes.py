# SPDX-License-Identifier: GPL-2.0-or-later
"""A place to run hostile commands in, as root and as an ordinary user; and ways to look."""

from __future__ import annotations

import os
import pickle
import signal
import tempfile
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeVar

import psutil

from tests.conftest import missing
from workers.sandbox import open_sandbox, why_not
from workers.sandbox.contract import Command, Ended, Limits, Mount

#: An account that no machine has.
STRANGER = 54321

T = TypeVar("T")

ENVIRONMENT = {"PATH": "/usr/bin:/bin:/usr/sbin:/sbin", "LC_ALL": "C.UTF-8", "HOME": "/tmp"}


def in_child(uid: int | None, action: Callable[[], object]) -> int:
    """Fork a process that becomes UID and does ACTION; returns its pid.

    It forks because the interpreter may lie where only its own user can read it.
    """
    pid = os.fork()
    if pid:
        return pid
    try:
        signal.setitimer(signal.ITIMER_REAL, 0)
        if uid is not None:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
        action()
    finally:
        os._exit(0)


def as_user(uid: int | None, action: Callable[[], T]) -> T:
    """What ACTION returns, or raises, when UID does it; None is whoever we are."""
    if uid is None:
        return action()
    with tempfile.TemporaryFile() as channel:

        def report() -> None:
            try:
                came = (True, action())
            except Exception as error:  # noqa: BLE001 (all of them are the caller's)
                came = (False, error)
            channel.write(pickle.dumps(came))
            channel.flush()

        os.waitpid(in_child(uid, report), 0)
        channel.seek(0)
        done, value = pickle.load(channel)
    if not done:
        raise value
    return value


@dataclass
class Place:
    """A directory with /src, /build and what the host keeps from commands."""

    root: Path
    uid: int | None  # who runs the sandbox; None: whoever we are
    runtime: str = "bubblewrap"

    @property
    def source(self) -> Path:
        return self.root / "source"

    @property
    def build(self) -> Path:
        return self.root / "build"

    @property
    def log(self) -> Path:
        return self.root / "log"

    @property
    def text(self) -> str:
        return self.log.read_text(errors="replace") if self.log.exists() else ""

    def prepare(self) -> None:
        for folder in (self.source, self.build):
            folder.mkdir()
        if self.uid is not None:
            for path in (self.root, self.source, self.build):
                os.chown(path, self.uid, self.uid)

    def run(
        self, script: str, *, watch=None, cancelled=lambda: False, mounts=(), argv=(), **limits
    ) -> Ended:
        """Run SCRIPT with sh."""
        return as_user(
            self.uid,
            lambda: self.run_here(
                script, watch, limits, cancelled=cancelled, mounts=mounts, argv=argv
            ),
        )

    def run_here(
        self, script, watch, limits, *, cancelled=lambda: False, mounts=(), argv=()
    ) -> Ended:
        sandbox = open_sandbox(self.runtime)
        sandbox.adopt(self.build)
        command = Command(
            argv=argv or ("sh", "-c", script),
            limits=Limits(**({"seconds": 60} | limits)),
            mounts=(
                Mount(self.source, "/src"),
                Mount(self.build, "/build", writable=True),
                *mounts,
            ),
            env=ENVIRONMENT,
            cwd="/build",
        )
        return sandbox.run(command, log=self.log, watch=watch, cancelled=cancelled)

    def start(self, script: str, **limits) -> int:
        """Run SCRIPT in a process of its own; returns that process's pid."""
        return in_child(self.uid, lambda: self.run_here(script, None, limits))


def new_place(uid: int | None, runtime: str = "bubblewrap") -> Place:
    """A place that only its owner can enter, as caches below a home are."""
    if runtime != "none" and (fault := why_not(runtime)):
        missing(fault)
    place = Place(Path(tempfile.mkdtemp(prefix="sandbox-test-")), uid, runtime)
    place.prepare()
    return place


def alive(word: str) -> list[int]:
    """Processes of the host that have WORD among their arguments, ours apart."""
    found = []
    for process in psutil.process_iter(["cmdline", "status"]):
        zombie = process.info["status"] == psutil.STATUS_ZOMBIE
        if not zombie and word in " ".join(process.info["cmdline"] or ()):
            found.append(process.pid)
    return found


def wait_until(true: Callable[[], object], seconds: float = 30) -> bool:
    """Whether TRUE became so in time."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if true():
            return True
        time.sleep(0.02)
    return False

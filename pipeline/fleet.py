# SPDX-License-Identifier: GPL-2.0-or-later
"""Processes of this machine: a private redis-server and workers, kept alive and ended.

Every process is started with a parent-death signal, so that it dies with this one however
this one dies; a worker's sandboxes die with the worker in the same way. The signal comes
when the *thread* that started the process ends (PR_SET_PDEATHSIG(2const)): start a fleet,
and tend it, in the main thread. A worker is a Celery worker with the solo pool: one process
runs one job, and its PID names it.
"""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import sys
import time
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from types import TracebackType
from typing import Self

import redis

from pipeline.model import InfraError
from pipeline.queues import queue_near

#: sun_path of unix(7), with its closing NUL.
_SOCKET_PATH_BYTES = 108
_START_LIMIT_S = 10.0
#: A worker that dies sooner than this after its start did not die of a job.
_BROKEN_START_S = 5.0
_BROKEN_STARTS = 5

#: sh checks, after the death signal is set, that whoever would cause it is still there.
_DIE_WITH_PARENT = ("setpriv", "--pdeathsig=KILL", "--", "sh", "-c")
_STILL_THERE = '[ "$PPID" = "$0" ] && exec "$@"'


def _start(
    command: tuple[str, ...], log: Path, environ: Mapping[str, str] | None = None
) -> subprocess.Popen[bytes]:
    """Start COMMAND in a session of its own and in LOG's directory; it dies with us."""
    try:
        with log.open("ab") as stream:
            return subprocess.Popen(
                (*_DIE_WITH_PARENT, _STILL_THERE, str(os.getpid()), *command),
                stdin=subprocess.DEVNULL,
                stdout=stream,
                stderr=stream,
                env=environ,
                cwd=log.parent,
                start_new_session=True,
            )
    except OSError as error:
        where = f": {error.filename}" if error.filename else ""
        raise InfraError(f"Cannot start {command[0]}: {error.strerror}{where}.") from error


def worker_name(pid: int) -> str:
    """How a worker process calls itself in the database."""
    return f"{socket.gethostname()}:{pid}"


def worker_command(queues: Iterable[str], app: str = "workers.tasks") -> tuple[str, ...]:
    """The command line of a process of this machine that takes from QUEUES what APP can do, and
    before that what is rather for this machine.
    """
    here = worker_name(os.getpid())
    names = [name for queue in queues for name in (queue_near(queue, here), queue)]
    return (
        *(sys.executable, "-m", "celery", "--quiet", "-A", app, "worker"),
        *("--pool=solo", "--loglevel=WARNING", "--hostname=crosscheck-%i@%h"),
        *("--without-gossip", "--without-mingle", "--without-heartbeat"),
        *("-Q", ",".join(f"crosscheck.{queue}" for queue in names)),
    )


@dataclass
class PrivateRedis:
    """A redis-server of our own on a Unix socket in DIRECTORY, with nothing on disk.

    What it forgets when it dies is sent again: the database knows what is missing.
    """

    directory: Path
    _process: subprocess.Popen[bytes] | None = None

    @property
    def _socket(self) -> Path:
        return self.directory / "redis.sock"

    @property
    def url(self) -> str:
        """For Celery."""
        return f"redis+socket://{self._socket}?virtual_host=0"

    def start(self) -> None:
        """Start it and wait until it answers; InfraError if it does not."""
        if len(bytes(self._socket)) >= _SOCKET_PATH_BYTES:
            raise InfraError(
                f"{self._socket} is too long a path for a socket: set XDG_STATE_HOME to a"
                " shorter directory."
            )
        command = (
            *("redis-server", "--port", "0", "--unixsocket", str(self._socket)),
            *("--unixsocketperm", "700", "--save", "", "--appendonly", "no"),
            *("--dir", str(self.directory), "--daemonize", "no"),
        )
        for program in ("redis-server", "setpriv"):
            if shutil.which(program) is None:
                raise InfraError(
                    f"{program} is not installed; `crosscheck doctor` says how to get it."
                )
        self.stop()  # one whose socket is gone may still run
        self._process = _start(command, self.directory / "redis.log")
        self._await()

    def _await(self) -> None:
        deadline = time.monotonic() + _START_LIMIT_S
        client = redis.Redis(unix_socket_path=str(self._socket))
        while time.monotonic() < deadline and self._runs():
            try:
                client.ping()
            except redis.exceptions.RedisError:
                time.sleep(0.02)
            else:
                return
            finally:
                client.close()
        self.stop()
        raise InfraError(f"redis-server does not start; see {self.directory / 'redis.log'}.")

    def _runs(self) -> bool:
        return self._process is not None and self._process.poll() is None

    def alive(self) -> bool:
        """Whether the process is there and can be reached."""
        return self._runs() and self._socket.exists()

    def stop(self) -> None:
        """End it."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()
            self._process = None


@dataclass
class _Worker:
    process: subprocess.Popen[bytes]
    started: float


@dataclass(frozen=True, slots=True)
class Losses:
    """What died since it was last looked at."""

    workers: tuple[str, ...]  # their names
    queue: bool  # the private Redis, with every message in it


@dataclass
class Fleet:
    """COUNT workers that take jobs from REDIS_URL, or from a private Redis if that is "".

    ENVIRON is all of the workers' environment but for the Redis URL.
    """

    count: int
    directory: Path
    queues: tuple[str, ...]
    environ: dict[str, str]
    redis_url: str = ""
    _redis: PrivateRedis | None = None
    _workers: list[_Worker] = field(default_factory=list)
    _broken_starts: int = 0

    def __enter__(self) -> Self:
        try:
            self.directory.mkdir(parents=True, exist_ok=True)
        except OSError as error:
            raise InfraError(f"Cannot make {self.directory}: {error.strerror}.") from error
        try:
            if not self.redis_url:
                self._redis = PrivateRedis(self.directory)
                self._redis.start()
                self.redis_url = self._redis.url
            for _ in range(self.count):
                self._workers.append(self._start_worker())
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.stop()

    @property
    def is_private(self) -> bool:
        """Whether nobody else's workers take the jobs."""
        return self._redis is not None

    def _start_worker(self) -> _Worker:
        environ = self.environ | {"CROSSCHECK_REDIS_URL": self.redis_url}
        process = _start(worker_command(self.queues), self.directory / "workers.log", environ)
        return _Worker(process, time.monotonic())

    def tend(self) -> Losses:
        """Replace what has died, and say what did.

        Raises InfraError when workers cannot be kept alive at all.
        """
        queue_lost = self._redis is not None and not self._redis.alive()
        if self._redis is not None and queue_lost:
            self._redis.start()
        dead = [worker for worker in self._workers if worker.process.poll() is not None]
        grown = time.monotonic() - _BROKEN_START_S
        if any(worker.started < grown for worker in self._workers):
            self._broken_starts = 0
        for worker in dead:
            self._workers.remove(worker)
            if worker.started > grown:
                self._broken_starts += 1
            if self._broken_starts >= _BROKEN_STARTS:
                raise InfraError(f"The workers do not start; see {self.directory / 'workers.log'}.")
            self._workers.append(self._start_worker())
        return Losses(tuple(worker_name(worker.process.pid) for worker in dead), queue_lost)

    def names(self) -> tuple[str, ...]:
        """How the workers that live call themselves."""
        return tuple(worker_name(worker.process.pid) for worker in self._workers)

    def end(self, name: str) -> None:
        """End the worker of that NAME, if it is one of ours: `tend` replaces it."""
        for worker in self._workers:
            if worker_name(worker.process.pid) == name:
                worker.process.kill()

    def stop(self) -> None:
        """End every process; their sandboxes end with them."""
        for worker in self._workers:
            worker.process.kill()
        for worker in self._workers:
            worker.process.wait()
        self._workers.clear()
        if self._redis is not None:
            self._redis.stop()

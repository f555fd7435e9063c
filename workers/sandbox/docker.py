# SPDX-License-Identifier: GPL-2.0-or-later
"""Runs each command in a container of its own, of an image that has its tools.

The engine keeps it from the network and all that is not mounted, without capabilities, as
nobody's user, and counts its processes and memory. In the container dockerfiles/enter.c is the
first process: it starts the command under the filter of `seccomp`, says how it ended, and ends
everything when our connection to it does, so that a container does not outlive its worker.
"""

from __future__ import annotations

import grp
import math
import os
import selectors
import socket
import struct
import tempfile
import time
import weakref
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Self, cast

import docker
from docker.errors import APIError, DockerException, ImageNotFound, NotFound
from docker.models.containers import Container
from docker.types import LogConfig, Ulimit
from docker.types import Mount as Bind
from requests.exceptions import RequestException

from pipeline.model import InfraError
from pipeline.owner import boot, is_dead, owner
from pipeline.settings import load
from workers.sandbox import seccomp, supervise
from workers.sandbox.contract import PATH, Command, Ended, Limits, Tools, Watcher
from workers.sandbox.identity import give, own_uid
from workers.sandbox.images import ENTER, OWNER, UNTIL, reference, versions
from workers.sandbox.output import Output
from workers.sandbox.usage import DiskUsage

#: Of what the engine sends of a container: its stream, and how many bytes follow.
#: https://docs.docker.com/reference/api/engine/version/v1.41/#tag/Container/operation/ContainerAttach
_HEADER = struct.Struct(">BxxxL")
_OUTPUT, _STATUS = 1, 2
_STATUS_BYTES = 4096

#: Where it is asked unless DOCKER_HOST says otherwise.
_SOCKET = "/var/run/docker.sock"
_READ_BYTES = 64 << 10
#: The engine answers in milliseconds; this long only on a machine that does nothing any more.
_ANSWER_S = 60
#: After its limit a container is still being ended; then it is nobody's.
_GRACE_S = 300
#: A container that is not running is removed by its worker at once.
_LEFT_S = 60
#: Nothing of the command runs; an engine that was killed may have left one it was to start.
_AT_REST = ("created", "exited", "dead")
#: Kernel builds leave it empty.
_SHM_BYTES = 64 << 20
#: When memory runs out, commands go before workers and engines (proc_pid_oom_score_adj(5)).
_FIRST_TO_DIE = 1000

#: Containers of this process that the engine, which was away, did not remove.
_LEFT: set[str] = set()

#: What programs that no label tells of said of their version, by image and name.
_ASKED: dict[tuple[str | None, str], str] = {}


class Docker:
    """A `contract.Sandbox`; commands of one object run one after another, as one user."""

    def __init__(self, toolchain: str) -> None:
        self._toolchain = toolchain
        self._prefix = load().images
        self.uid = own_uid()
        with _asking():
            self._client = docker.from_env(timeout=_ANSWER_S)
            _reap(self._client)
        self._files = tempfile.TemporaryDirectory(prefix="accounts-")
        self._accounts = Path(self._files.name)
        weakref.finalize(self, self._files.cleanup)
        for name, line in (
            ("passwd", f"build:x:{self.uid}:{self.uid}:::/bin/sh\n"),
            ("group", f"build:x:{self.uid}:\n"),
        ):
            (self._accounts / name).write_text(line)
            (self._accounts / name).chmod(0o444)
        self._accounts.chmod(0o755)

    def adopt(self, directory: Path) -> None:
        """Make DIRECTORY, and what is in it, writable for commands (before mounting it)."""
        give(directory, self.uid)

    def versions(self, programs: Mapping[str, Tools]) -> tuple[str, ...]:
        """As `contract.Sandbox.versions`: by the images' labels, and the images themselves."""
        lines, images = [], {}
        for program, tools in programs.items():
            name = reference(self._prefix, tools, self._toolchain)
            with _asking(name):
                image = self._client.images.get(name)
            said = versions(image.labels).get(program)
            if said is None:
                said = _ASKED.get((image.id, program)) or self._ask(program, tools)
                _ASKED[image.id, program] = said
            lines.append(said)
            images[name] = image.id
        return (*lines, *(f"{name} {image}" for name, image in images.items()))

    def _ask(self, program: str, tools: Tools) -> str:
        """The first line that PROGRAM, which no label tells of, says of its version."""
        asked = Command((program, "--version"), Limits(seconds=30), env={"PATH": PATH}, tools=tools)
        with tempfile.TemporaryDirectory() as directory:
            log = Path(directory, "log")
            self.run(asked, log=log)
            return log.read_text(errors="replace").partition("\n")[0].strip()

    def run(
        self,
        command: Command,
        *,
        log: Path,
        watch: Watcher | None = None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> Ended:
        """As `contract.Sandbox.run`."""
        try:
            return self._once(command, log, watch, cancelled)
        except _NotStartedError:
            return self._once(command, log, watch, cancelled)

    def _once(
        self,
        command: Command,
        log: Path,
        watch: Watcher | None,
        cancelled: Callable[[], bool],
    ) -> Ended:
        """Run COMMAND in a new container. Raises _NotStartedError if it was not begun."""
        disk = DiskUsage(mount.source for mount in command.mounts if mount.writable)
        image = reference(self._prefix, command.tools, self._toolchain)
        with (
            Output(log, command.limits.log_bytes, watch) as output,
            self._container(command, image) as container,
            _Attached(container) as attached,
        ):
            try:
                _start(container, image)
                attached.send(_counted(seccomp.program(os.uname().machine)))
                followed = supervise.follow(
                    attached,
                    command.limits,
                    output,
                    cancelled,
                    memory=_MemoryUsage(container),
                    disk=disk,
                )
            finally:
                output.keep(attached.rest())
                attached.close()  # the engine ends nothing whose output nobody takes
                _end(container)
            stopped = followed.stopped or output.finish()
            if _out_of_memory(container) and stopped != "cancelled":
                stopped = "memory"
            code = 128 if stopped else _exit_code(attached.status, command.argv[0], image)
        peak = followed.peak_memory_bytes
        return Ended(
            exit_code=code,
            seconds=followed.seconds,
            stopped=stopped,
            peak_memory_bytes=max(peak, command.limits.memory_bytes)
            if stopped == "memory"
            else peak,
        )

    @contextmanager
    def _container(self, command: Command, image: str) -> Iterator[Container]:
        """A container for COMMAND, not started yet; removed at the end."""
        with _asking(image):
            container = self._client.containers.create(image, **self._options(command))
        try:
            yield container
        finally:
            _LEFT.add(str(container.id))
            with suppress(NotFound), _asking():
                container.remove(force=True, v=True)
            _LEFT.discard(str(container.id))

    def _options(self, command: Command) -> dict[str, Any]:
        limits = command.limits
        binds = [(str(m.source), m.target, not m.writable) for m in command.mounts]
        binds += [
            (str(self._accounts / name), f"/etc/{name}", True) for name in ("passwd", "group")
        ]
        variables = [f"{name}={value}" for name, value in command.env.items()]
        return {
            "entrypoint": [ENTER],
            "command": [*variables, "--", *command.argv],
            "working_dir": command.cwd,
            "user": f"{self.uid}:{self.uid}",
            "hostname": "crosscheck",
            "labels": {OWNER: owner(), UNTIL: until(limits.seconds + _GRACE_S)},
            "mounts": [
                Bind(target, source, type="bind", read_only=read_only)
                for source, target, read_only in binds
            ],
            "tmpfs": {
                "/tmp": f"rw,exec,nosuid,nodev,mode=1777,size={limits.memory_bytes // 4}",  # noqa: S108
                "/sys": "ro,size=0",  # says much of the host, and nothing to a build
            },
            "shm_size": _SHM_BYTES,
            "read_only": True,
            "network_mode": "none",
            "ipc_mode": "private",
            "cap_drop": ["ALL"],
            "security_opt": ["no-new-privileges:true"],
            "stdin_open": True,
            "pids_limit": limits.processes,
            "mem_limit": limits.memory_bytes,
            "memswap_limit": limits.memory_bytes,
            "nano_cpus": len(os.sched_getaffinity(0)) * 10**9,
            "oom_score_adj": _FIRST_TO_DIE,
            "ulimits": [
                Ulimit(name=name, soft=value, hard=value)
                for name, value in supervise.file_limits(limits).items()
            ],
            "log_config": LogConfig(type=LogConfig.types.NONE),
        }


@contextmanager
def _asking(image: str = "") -> Iterator[None]:
    """Turns what the engine, asked about IMAGE, or the way to it says into InfraError."""
    try:
        yield
    except ImageNotFound as error:
        raise InfraError(f"The image {image} is not here: `make images` builds it.") from error
    except NotFound:
        raise
    except APIError as error:
        if ENTER in str(error.explanation):
            raise InfraError(
                f"The image {image} is of another version: `make images` builds it anew."
            ) from error
        raise InfraError(f"The sandbox failed: {str(error.explanation).strip('.')}.") from error
    except (DockerException, RequestException, OSError) as error:
        raise InfraError(_away()) from error


class _NotStartedError(InfraError):
    """The engine could not start a container, whose command nothing is known of."""


def _start(container: Container, image: str) -> None:
    """Start CONTAINER, of IMAGE.

    Where much is begun and ended at once, runc may not find what the engine has just made for it
    (`error running hook`): seen once in some ten thousand starts, on a machine with a load of 30.
    """
    with _asking(image):
        try:
            container.start()
        except APIError as error:
            said = str(error.explanation).strip(".")
            if "error running hook" not in said:
                raise
            raise _NotStartedError(f"The sandbox failed: {said}.") from error


def _away() -> str:
    """Why the engine cannot be asked, and what mends it."""
    place = Path(os.environ.get("DOCKER_HOST", "").removeprefix("unix://") or _SOCKET)
    try:
        gid = place.stat().st_gid
    except OSError:
        gid = None
    if gid is None or os.access(place, os.W_OK):
        return "The Docker engine does not answer: start it, or set DOCKER_HOST to where it is."
    try:
        group = grp.getgrgid(gid).gr_name
    except KeyError:
        group = str(gid)
    return (
        f"The socket of the Docker engine, {place}, may be written to by the group {group}, and not"
        f" by this user: let the user join the group and log in anew, or set DOCKER_HOST to another"
        " engine."
    )


def _reap(client: docker.DockerClient) -> None:
    """Remove containers whose worker is gone, or which are nobody's any more."""
    for container in client.containers.list(
        all=True, ignore_removed=True, filters={"label": OWNER}
    ):
        over = _over_s(container.labels.get(UNTIL, ""))
        waits = container.status in _AT_REST and over > _LEFT_S - _GRACE_S
        ours = container.id in _LEFT
        if is_dead(container.labels[OWNER]) or over > 0 or waits or ours:
            with suppress(APIError):  # another worker was faster
                container.remove(force=True, v=True)


def until(seconds: float) -> str:
    """In SECONDS from now, as a label: by no clock that can be set. All who use an engine are on
    its machine.
    """
    return f"{boot()} {time.clock_gettime(time.CLOCK_BOOTTIME) + seconds:.0f}"


def _over_s(label: str) -> float:
    """How many seconds ago it was what `until` made LABEL of; less than 0 if it is still to come.

    What was before the machine was started is long ago.
    """
    when, _, seconds = label.partition(" ")
    return time.clock_gettime(time.CLOCK_BOOTTIME) - float(seconds) if when == boot() else math.inf


def _counted(program: bytes) -> bytes:
    """PROGRAM as enter.c takes it; an instruction has 8 bytes (struct sock_filter)."""
    return struct.pack("=H", len(program) // 8) + program


class _Attached:
    """What comes of a container: its output and its end, whichever is first."""

    def __init__(self, container: Container) -> None:
        self.status = b""
        self._partial = b""
        self._ended = False
        streams = dict.fromkeys(("stdin", "stdout", "stderr", "stream"), 1)
        with _asking():
            raw = container.attach_socket(params=streams)
        self._raw = raw  # what it is part of must not be collected
        self._socket: socket.socket = cast("Any", raw)._sock  # noqa: SLF001 (the SDK's own way)
        self._socket.settimeout(None)
        self._ready = selectors.DefaultSelector()
        self._ready.register(self._socket, selectors.EVENT_READ)

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    def close(self) -> None:
        """Break the connection; what still runs in the container ends with that."""
        self._ready.close()
        self._socket.close()
        self._raw.close()

    def send(self, data: bytes) -> None:
        """To the container's standard input."""
        with suppress(OSError):  # what ended at once says why
            self._socket.sendall(data)

    def wait(self, seconds: float) -> tuple[bytes, bool]:
        """As `supervise.Events.wait`."""
        if not self._ended and self._ready.select(seconds):
            return self._read(), self._ended
        return b"", self._ended

    def rest(self) -> bytes:
        """What is there now; not for ever, if it comes as fast as it is read."""
        data = b""
        while not self._ended and len(data) < _READ_BYTES and self._ready.select(0):
            data += self._read()
        return data

    def _read(self) -> bytes:
        """Some output; notes the status, and the end."""
        try:
            data = self._socket.recv(_READ_BYTES)
        except OSError:
            data = b""
        self._ended = not data
        self._partial += data
        output = b""
        while len(self._partial) >= _HEADER.size:
            stream, size = _HEADER.unpack_from(self._partial)
            frame = self._partial[_HEADER.size : _HEADER.size + size]
            if len(frame) < size:
                break
            self._partial = self._partial[_HEADER.size + size :]
            if stream == _STATUS:
                self.status = (self.status + frame)[:_STATUS_BYTES]
            elif stream == _OUTPUT:
                output += frame
        return output


class _MemoryUsage:
    """Of all processes in a container, its /tmp and its /dev/shm: what no file backs."""

    def __init__(self, container: Container) -> None:
        self._container = container

    def total_bytes(self) -> int:
        """What is held now; 0 before the container runs and once it has ended."""
        try:
            api, name = cast("Any", self._container.client).api, self._container.id
            memory = api.stats(name, stream=False, one_shot=True)["memory_stats"]
        except (DockerException, RequestException, OSError, ValueError):
            return 0
        of = memory.get("stats", {})
        names = ("active_file", "inactive_file")
        files = sum(int(of.get(f"total_{name}", of.get(name, 0))) for name in names)
        return max(0, int(memory.get("usage", 0)) - files)


def _end(container: Container) -> None:
    """End CONTAINER; nothing in it lives when this returns."""
    with suppress(NotFound, InfraError), _asking():
        with suppress(APIError):  # it has ended
            container.kill()
        container.wait(timeout=_ANSWER_S)


def _out_of_memory(container: Container) -> bool:
    with _asking():
        container.reload()
    return bool(container.attrs["State"]["OOMKilled"])


def _exit_code(status: bytes, program: str, image: str) -> int:
    """The command's exit code in what enter.c said; raises InfraError if there is none."""
    word, _, rest = status.decode(errors="replace").strip().partition(" ")
    if word == "exit":
        return int(rest)
    if word == "missing":
        raise InfraError(f"{program} is not in the image {image}; `make images` builds it anew.")
    if word == "failed":
        raise InfraError(f"The sandbox failed: {rest}.")
    raise InfraError("The container was ended from outside: see the log of the Docker engine.")

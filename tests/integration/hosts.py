# SPDX-License-Identifier: GPL-2.0-or-later
"""A fleet on one machine: hosts that share a network and services, and no cache.

A host is a network namespace with a veth to a bridge, a UTS namespace with its own hostname, a
clock that can be set (`CLOCK`), and XDG directories of its own. The bridge is in a namespace too,
with the addresses of Redis, PostgreSQL, and the stores (a git daemon and object storage), so that
nothing of this machine's own network is touched; mounts are in a mount namespace that all share.
All of it is held by processes that die with the thread that made the fleet, and the rest is one
directory: nothing is left, however it ends, but for that directory after a kill -9.
"""

from __future__ import annotations

import os
import shutil
import signal
import site
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

import docker
import psutil
import redis
import sqlalchemy as sa

from tests import postgres, toy
from tests.integration.object_servers import BUCKET, ObjectServer
from workers.sandbox.images import OWNER

ROOT = Path(__file__).parents[2]
REDIS, POSTGRES, STORES = "10.77.0.1", "10.77.0.2", "10.77.0.3"
SERVICES = REDIS, POSTGRES, STORES
NETWORK = "10.77.0.0/24"
PASSWORD = "fleet-4711"

#: The clock of Python: some seconds off, as a file named like the host says, from one call to
#: the next. (PostgreSQL, git, and what runs in sandboxes have the machine's.)
CLOCK = """
import os, time
_now, _file = time.time, {directory!r} + "/" + os.uname().nodename
def _skewed():
    try:
        with open(_file) as skew:
            return _now() + float(skew.read() or 0)
    except OSError:
        return _now()
time.time = _skewed
"""


def why_not() -> str:
    """What is missing for a fleet here, "" if nothing is."""
    if os.geteuid():
        return "root"
    needed = ("ip", "nsenter", "unshare", "setpriv", "redis-server", "git", "bwrap", "make", "gcc")
    return next((f"{name}" for name in needed if shutil.which(name) is None), "")


def wait_until(condition: Callable[[], object], limit_s: float, what: str) -> None:
    """Until CONDITION holds; AssertionError, which says WHAT did not happen, after LIMIT_S."""
    deadline = time.monotonic() + limit_s
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"{what}: not within {limit_s:.0f} s")
        time.sleep(0.05)


def start(command: tuple[str | Path, ...], log: Path, **more: object) -> subprocess.Popen:
    """Start COMMAND, which dies with this thread; what it says goes to LOG."""
    with log.open("ab") as stream:
        return subprocess.Popen(
            ("setpriv", "--pdeathsig=KILL", "--", *command),
            stdin=subprocess.DEVNULL, stdout=stream, stderr=stream, start_new_session=True, **more,
        )  # fmt: skip


def end(process: subprocess.Popen | None, how: signal.Signals = signal.SIGKILL) -> None:
    """End PROCESS, if it runs."""
    if process is not None:
        process.send_signal(how)
        process.wait(30)


class Namespaces:
    """New namespaces of KINDS (net, mount, uts), besides those of INSIDE; a process holds them."""

    def __init__(self, log: Path, *kinds: str, inside: tuple[str, ...] = ()) -> None:
        here = Path("/proc/self/ns/net").readlink()
        options = (f"--{kind}" for kind in kinds)
        self.holder = start((*inside, "unshare", *options, "sleep", "infinity"), log)
        self.pid = self.holder.pid

        def made() -> bool:
            words = Path(f"/proc/{self.pid}/cmdline").read_bytes().split(b"\0")
            return words[0] == b"sleep" and Path(f"/proc/{self.pid}/ns/net").readlink() != here

        wait_until(made, 10, "namespaces")

    def enter(self, *kinds: str) -> tuple[str, ...]:
        """The command line that enters them, to put before another."""
        return ("nsenter", f"--target={self.pid}", *(f"--{kind}" for kind in kinds), "--")

    def do(self, *words: str) -> None:
        """Run WORDS in them."""
        ran = subprocess.run(
            (*self.enter("net", "mount", "uts"), *words), capture_output=True, check=False
        )
        assert not ran.returncode, (words, ran.stderr)


class Redis:
    """A server with a password and an append-only file."""

    def __init__(self, directory: Path, enter: tuple[str, ...]) -> None:
        self._directory, self._enter = directory, enter
        self._process: subprocess.Popen | None = None
        directory.mkdir()
        self.url = f"redis://:{PASSWORD}@{REDIS}:6379/0"
        socket = str(directory / "redis.sock")
        self.client = redis.Redis(unix_socket_path=socket, password=PASSWORD)

    def start(self) -> None:
        self._process = start(
            (
                *(*self._enter, "redis-server", "--bind", REDIS, "--requirepass", PASSWORD),
                *("--appendonly", "yes", "--save", "", "--dir", str(self._directory)),
                *("--unixsocket", str(self._directory / "redis.sock")),
            ),
            self._directory / "log",
        )
        wait_until(self._answers, 20, "redis-server")

    def _answers(self) -> bool:
        with suppress(redis.exceptions.RedisError):
            return bool(self.client.ping())
        return False

    def stop(self, how: signal.Signals = signal.SIGKILL, *, forget: bool = False) -> None:
        """Stop it; FORGET: with all that it kept."""
        end(self._process, how)
        self._process = None
        if forget:
            shutil.rmtree(self._directory / "appendonlydir")

    def waiting(self) -> dict[str, int]:
        """How many messages wait in each queue, or were taken and never confirmed."""
        found = {}
        for key in self.client.scan_iter("*"):
            name, kind = key.decode(), self.client.type(key)
            if kind == b"list" and not name.startswith("crosscheck.bell."):
                found[name] = self.client.llen(key)
            if name == "unacked":
                found[name] = self.client.hlen(key)
        return {name: count for name, count in found.items() if count}


class Engine:
    """A Docker engine in the fleet's mount namespace, with the images of the one that is here."""

    IMAGES = ("crosscheck/build:gcc-12", "crosscheck/qemu:latest")

    def __init__(self, directory: Path, enter: tuple[str, ...]) -> None:
        self._directory, self._enter = directory, enter
        self._process: subprocess.Popen | None = None
        directory.mkdir()
        self.host = f"unix://{directory}/docker.sock"

    def fill(self) -> None:
        """Start it, with the images."""
        self.start()
        theirs = docker.from_env(timeout=300)
        for name in self.IMAGES:
            self.client.images.load(theirs.images.get(name).save(named=True))

    @property
    def client(self) -> docker.DockerClient:

        return docker.DockerClient(base_url=self.host, timeout=300)

    def start(self) -> None:
        """Start it, as an init system does: again, if it does not come up."""

        def answers() -> bool:
            if self._process is None or self._process.poll() is not None:
                self._launch()
            with suppress(Exception):
                return bool(self.client.ping())
            return False

        wait_until(answers, 180, "dockerd")

    def _launch(self) -> None:
        place = self._directory
        (place / "pid").unlink(missing_ok=True)
        self._process = start(
            (
                *(*self._enter, "dockerd", "--bridge", "none", "--iptables=false"),
                *("--data-root", f"{place}/data", "--exec-root", f"{place}/exec"),
                *("--pidfile", f"{place}/pid", "--host", self.host),
            ),
            place / "log",
        )

    def kill(self) -> None:
        """As if the engine crashed: what it started lives on."""
        end(self._process)
        self._process = None

    def stop(self) -> None:
        """In good order."""
        with suppress(subprocess.TimeoutExpired):
            end(self._process, signal.SIGTERM)
        self._process = None

    def containers(self) -> list:
        """Those of crosscheck."""
        filters = {"label": OWNER}
        return self.client.containers.list(all=True, ignore_removed=True, filters=filters)


@dataclass
class Host:
    """One machine of the fleet, number NUMBER, with all of its own in HOME."""

    fleet: Fleet
    name: str
    number: int
    home: Path
    spaces: Namespaces
    jobs: int = 1  # that its worker does side by side
    worker: subprocess.Popen | None = None
    _cut: list[str] = field(default_factory=list)

    @property
    def address(self) -> str:
        return f"10.77.0.{self.number}"

    @property
    def cache(self) -> Path:
        """Of crosscheck, as seen from here, also where it is a mount of the fleet's."""
        return Path(f"/proc/{self.spaces.pid}/root{self.home}/cache/crosscheck")

    def environment(self) -> dict[str, str]:
        return {
            "PATH": os.environ["PATH"],
            "HOME": str(self.home),
            "LANG": "C.UTF-8",
            "XDG_CACHE_HOME": f"{self.home}/cache",
            "XDG_STATE_HOME": f"{self.home}/state",
        } | self.fleet.environ

    def start(self, *words: str, log: Path | None = None) -> subprocess.Popen:
        """`crosscheck WORDS`, in this host's tree if it has one."""
        place = self.home / "tree"
        command = (
            *self.spaces.enter("net", "mount", "uts"),
            *("env", f"--chdir={place if place.is_dir() else self.home}"),
            *(self.fleet.python, "-m", "pipeline.cli", *words),
        )
        return start(command, log or self.home / "log", env=self.environment())

    def command(self, *words: str) -> str:
        """What `crosscheck WORDS` says."""
        log = Path(tempfile.mkstemp(dir=self.home)[1])
        self.start(*words, log=log).wait(120)
        said = log.read_text()
        log.unlink()
        return said

    def start_worker(self) -> None:
        """`crosscheck worker`, if none runs."""
        if self.worker is None or self.worker.poll() is not None:
            words = ("worker", "--jobs", str(self.jobs), "--runtime", self.fleet.runtime)
            self.worker = self.start(*words)

    def kill_worker(self) -> None:
        """kill -9; its processes die with it."""
        end(self.worker)
        self.worker = None

    def cut_off(self, *services: str) -> None:
        """From SERVICES, from everything if there are none: packets are lost, and nobody told."""
        if not services:
            self.fleet.hub.do("ip", "link", "set", self.name, "down")
        for service in services:
            rule = ("from", service, "to", self.address, "blackhole")
            self.fleet.hub.do("ip", "rule", "add", *rule)
        self._cut = list(services) or ["all"]

    def reconnect(self) -> None:
        """The other way round."""
        for service in self._cut:
            if service == "all":
                self.fleet.hub.do("ip", "link", "set", self.name, "up")
            else:
                rule = ("from", service, "to", self.address, "blackhole")
                self.fleet.hub.do("ip", "rule", "del", *rule)
        self._cut.clear()

    def try_sandbox(self) -> None:
        """As each worker does when it begins: that also removes what dead ones have left."""
        words = (self.fleet.python, "-m", "workers.sandbox", self.fleet.runtime)
        command = (*self.spaces.enter("net", "mount", "uts"), *words)
        start(command, self.home / "log", env=self.environment()).wait(60)

    def set_clock(self, skew_s: float) -> None:
        """So many seconds from what the others think it is."""
        self.fleet.set_clock(self.name, skew_s)


class Fleet:
    """The network, the services, a coordinator, and workers on other hosts, in DIRECTORY."""

    hub: Namespaces
    redis: Redis
    objects: ObjectServer
    postgres: postgres.Server
    engine: Engine | None = None

    def __init__(self, directory: Path, runtime: str) -> None:
        self.directory, self.runtime = directory, runtime
        self.mirror = directory / "stores" / "mirror.git"
        self.environ: dict[str, str] = {}
        self.hosts: list[Host] = []

    def start(self) -> None:
        """All but the processes of `crosscheck worker`."""
        self.hub = Namespaces(self.directory / "log", "net", "mount")
        inside = self.hub.enter("net", "mount")
        for words in (
            ("link", "add", "hub", "type", "bridge"),
            *(("link", "set", name, "up") for name in ("lo", "hub")),
            *(("addr", "add", f"{address}/24", "dev", "hub") for address in SERVICES),
        ):
            self.hub.do("ip", *words)
        self.python = self._interpreter()
        self._start_services(inside)
        self.environ = self.objects.environment | {
            "CROSSCHECK_MATRIX": str(toy.MATRIX),
            "CROSSCHECK_RUNTIME": self.runtime,
            "CROSSCHECK_REDIS_URL": self.redis.url,
            "CROSSCHECK_DATABASE_URL": self.postgres.url_at(POSTGRES, self.database),
            "CROSSCHECK_ARTIFACTS_URL": f"s3://{BUCKET}/artifacts",
            "CROSSCHECK_GIT_URL": f"git://{STORES}/{self.mirror.name}",
        }
        if self.runtime == "docker":
            self.engine = Engine(self.directory / "engine", inside)
            self.engine.fill()
            self.environ["DOCKER_HOST"] = self.engine.host
        self.hosts = [self._host("c", 10), self._host("w1", 11, disk_mb=96), self._host("w2", 12)]
        self.hosts[-1].jobs = 2
        self.tree = toy.repository(self.coordinator.home / "tree")

    def _start_services(self, inside: tuple[str, ...]) -> None:
        self.redis = Redis(self.directory / "redis", inside)
        self.redis.start()
        subprocess.run(["git", "init", "-q", "--bare", self.mirror], check=True)
        self.objects = ObjectServer(
            self.directory / "stores/objects",
            9000,
            STORES,
            ("setpriv", "--pdeathsig=KILL", "--", *inside),
        )
        self.objects.start()
        base = f"--base-path={self.mirror.parent}"
        words = ("--export-all", "--enable=receive-pack", f"--listen={STORES}", base)
        core = subprocess.run(["git", "--exec-path"], capture_output=True, text=True, check=True)
        daemon = f"{core.stdout.strip()}/git-daemon"
        start((*inside, daemon, *words, str(self.mirror.parent)), self.directory / "log")
        programs, place = postgres.binaries(), self.directory / "pg"
        assert programs
        place.mkdir()
        self.postgres = postgres.Server(
            programs, place, address=POSTGRES, network=NETWORK, enter=inside
        )
        self.postgres.start()
        self.database = self.postgres.new_database()
        self._connections = sa.create_engine(self.database, pool_pre_ping=True)

    @property
    def coordinator(self) -> Host:
        return self.hosts[0]

    @property
    def workers(self) -> list[Host]:
        return self.hosts[1:]

    def _interpreter(self) -> str:
        """A Python with our packages and a clock that can be set; children have it too."""
        here = self.directory / "python"
        (here / "bin").mkdir(parents=True)
        real = Path(sys.executable).resolve()
        (here / "bin/python").symlink_to(real)
        (here / "pyvenv.cfg").write_text(f"home = {real.parent}\n")
        version = f"python{sys.version_info.major}.{sys.version_info.minor}"
        packages = here / "lib" / version / "site-packages"
        packages.mkdir(parents=True)
        clocks = self.directory / "clocks"
        clocks.mkdir()
        (packages / "clock_of_host.py").write_text(CLOCK.format(directory=str(clocks)))
        also = "".join(f"import site; site.addsitedir({p!r})\n" for p in site.getsitepackages())
        (packages / "fleet.pth").write_text(f"{ROOT}\nimport clock_of_host\n{also}")
        return str(here / "bin/python")

    def set_clock(self, host: str, skew_s: float) -> None:
        """Of HOST: so many seconds off."""
        place = self.directory / "clocks" / f"{host}-{os.getpid()}"
        new = place.with_suffix(".new")
        new.write_text(str(skew_s))
        new.replace(place)

    def _host(self, name: str, number: int, disk_mb: int = 0) -> Host:
        """A host; its cache is a disk of DISK_MB of its own, if that is not 0."""
        home = self.directory / name
        (home / "cache").mkdir(parents=True)
        (home / "state").mkdir()
        enter = self.hub.enter("mount")
        spaces = Namespaces(self.directory / "log", "net", "uts", inside=enter)
        host = Host(self, name, number, home, spaces)
        veth = ("link", "add", name, "type", "veth", "peer", "name", "eth0")
        self.hub.do("ip", *veth, "netns", str(spaces.pid))
        self.hub.do("ip", "link", "set", name, "master", "hub", "up")
        hostname = f"{name}-{os.getpid()}"  # a Docker engine may see several fleets
        spaces.do("sh", "-c", f"echo {hostname} > /proc/sys/kernel/hostname")
        spaces.do("ip", "addr", "add", f"{host.address}/24", "dev", "eth0")
        for each in ("lo", "eth0"):
            spaces.do("ip", "link", "set", each, "up")
        if disk_mb:
            what = ("-t", "tmpfs", "-o", f"size={disk_mb}m", self.directory.name)
            self.hub.do("mount", *what, f"{home}/cache")
        return host

    def sql(self, statement: str) -> list[tuple]:
        """What the database answers, or does, behind everybody's back."""
        with self._connections.begin() as connection:
            answer = connection.exec_driver_sql(statement)
            return [tuple(row) for row in answer] if answer.returns_rows else []

    def heal(self) -> None:
        """Everything runs, and reaches everything."""
        for host in self.hosts:
            host.reconnect()
            host.set_clock(0)
        for host in self.workers:
            host.start_worker()

        def all_here() -> bool:
            query = (
                "select count(distinct host) from workers where"
                " seen_at > extract(epoch from clock_timestamp()) - 10"
            )
            return self.sql(query) == [(len(self.workers),)]

        wait_until(all_here, 90, "all workers")

    def processes(self) -> Iterator[psutil.Process]:
        """What runs for this fleet, also in sandboxes, whose mounts are of its directory."""
        mark = self.directory.name  # also of mounts, by their path or what is mounted
        ours = Path("/proc/self/ns/mnt").readlink()
        for process in psutil.process_iter():
            with suppress(psutil.Error, OSError):
                words = " ".join(process.cmdline())
                if not words or process.pid == os.getpid():
                    continue
                apart = Path(f"/proc/{process.pid}/ns/mnt").readlink() != ours
                mounts = Path(f"/proc/{process.pid}/mountinfo").read_text() if apart else ""
                if mark in words or mark in mounts:
                    yield process

    def sandboxed(self) -> list[psutil.Process]:
        """Processes of the fleet that are in a sandbox."""
        hub = Path(f"/proc/{self.hub.pid}/ns/mnt").readlink()
        found = []
        for process in self.processes():
            with suppress(psutil.Error, OSError):
                inside = Path(f"/proc/{process.pid}/ns/mnt").readlink() != hub
                if inside:
                    found.append(process)
        return found

    def published(self) -> list[str]:
        """Refs of runs in the git repository that all share."""
        refs = toy.git(self.mirror, "for-each-ref", "--format=%(refname)").split()
        return [ref for ref in refs if "/runs/" in ref]

    def mounts(self) -> set[str]:
        """Where something is mounted, in the fleet's mount namespace."""
        lines = Path(f"/proc/{self.hub.pid}/mountinfo").read_text().splitlines()
        return {place for line in lines if str(self.directory) in (place := line.split()[4])}

    def stop(self) -> None:
        """End all of it."""
        for host in self.workers:
            host.kill_worker()
        if self.engine:
            self.engine.stop()
        holders = [host.spaces.holder for host in self.hosts]
        for _ in range(5):
            left = list(self.processes())
            for process in left:
                with suppress(psutil.Error):
                    process.kill()
            if not psutil.wait_procs(left, timeout=5)[1]:
                break
        for holder in (*holders, *([self.hub.holder] if hasattr(self, "hub") else [])):
            end(holder)


@contextmanager
def fleet(runtime: str, *, keep: bool = False) -> Iterator[Fleet]:
    """A fleet that runs, and then is gone with all that it kept; with KEEP, its files stay."""
    directory = Path(tempfile.mkdtemp(prefix="fl-", dir="/tmp"))
    directory.chmod(0o755)
    made = Fleet(directory, runtime)
    try:
        made.start()
        yield made
    finally:
        made.stop()
        if not keep:
            shutil.rmtree(directory, ignore_errors=True)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Containers: what the engine is asked for, who removes what is left, and whose word counts."""

from __future__ import annotations

import os
import shutil
import signal
import socket
import subprocess
import sys
import tarfile
import tempfile
import time
from pathlib import Path

import docker
import pytest
from docker.errors import APIError
from docker.models.containers import Container
from requests.exceptions import RequestException

from pipeline.model import InfraError
from pipeline.owner import owner
from tests import toy
from tests.conftest import ROOT
from tests.integration.sandboxes import Place, in_child, new_place, wait_until
from tests.toy import adding
from workers.sandbox import open_sandbox, why_not
from workers.sandbox.contract import Tools
from workers.sandbox.docker import until
from workers.sandbox.images import OWNER, UNTIL

pytestmark = pytest.mark.integration

IMAGE = "crosscheck/build:gcc-12"


@pytest.fixture
def place():
    place = new_place(None, "docker")
    yield place
    shutil.rmtree(place.root)


@pytest.fixture
def engine(place):
    return docker.from_env()


def ours(engine: docker.DockerClient) -> set[str]:
    """The containers that this process is responsible for."""
    every = engine.containers.list(all=True, ignore_removed=True, filters={"label": OWNER})
    return {each.id for each in every if each.labels[OWNER] == owner()}


def left_by(engine: docker.DockerClient, whom: str, until: str, *, start: bool) -> str:
    """A container with those labels; its name."""
    labels = {OWNER: whom, UNTIL: until}
    made = engine.containers.create(
        IMAGE, ["100"], entrypoint="sleep", labels=labels, network_mode="none"
    )
    if start:
        made.start()
    return made.id


def test_a_socket_that_is_for_others_is_no_engine_that_is_down() -> None:
    command = [sys.executable, "-m", "workers.sandbox", "docker"]
    as_nobody = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "--", *command]
    # Not below pytest's directories, which are for their user alone.
    with (
        tempfile.TemporaryDirectory(dir="/tmp") as directory,
        socket.socket(socket.AF_UNIX) as engine,
    ):
        place = Path(directory, "docker.sock")
        engine.bind(str(place))
        engine.listen()
        place.chmod(0o660 if os.geteuid() == 0 else 0)
        Path(directory).chmod(0o755)
        environ = {
            "DOCKER_HOST": f"unix://{place}",
            "HOME": "/nonexistent",
            "PATH": os.environ["PATH"],
        }
        ran = subprocess.run(
            as_nobody if os.geteuid() == 0 else command,
            env=environ, cwd=ROOT, text=True, capture_output=True, check=False, timeout=60,
        )  # fmt: skip
        group = place.group()
    assert (ran.returncode, ran.stderr) == (1, "")
    assert f"{place}, may be written to by the group {group}, and not by this user" in ran.stdout


def test_nothing_is_left_of_what_ran(place: Place, engine) -> None:
    place.run("echo x > made")
    assert ours(engine) == set()
    assert (place.build / "made").read_text() == "x\n"


def test_what_dead_workers_left_is_removed_and_what_lives_is_not(place: Place, engine) -> None:
    later = until(1000)
    host = os.uname().nodename
    dead = left_by(engine, f"{host} 4194303 boot:1", later, start=True)
    never_started = left_by(engine, f"{host} 4194303 boot:1", later, start=False)
    elsewhere_but_over = left_by(engine, "elsewhere 1 boot:1", until(-1), start=True)
    before_boot = left_by(engine, "elsewhere 1 boot:1", "boot 4194303", start=False)
    elsewhere = left_by(engine, "elsewhere 1 boot:1", later, start=True)
    mine = left_by(engine, owner(), later, start=True)
    try:
        open_sandbox("docker")
        there = {each.id for each in engine.containers.list(all=True)}
        gone = {dead, never_started, elsewhere_but_over, before_boot}
        assert there & {*gone, elsewhere, mine} == {elsewhere, mine}
    finally:
        for name in (elsewhere, mine):
            engine.containers.get(name).remove(force=True)


@pytest.mark.parametrize("skew_s", [600, -600])
def test_a_clock_that_is_set_costs_no_container(
    place: Place, engine, monkeypatch, skew_s: float
) -> None:
    elsewhere = left_by(engine, "elsewhere 1 boot:1", until(60), start=True)
    try:
        now = time.time
        monkeypatch.setattr(time, "time", lambda: now() + skew_s)
        open_sandbox("docker")
        assert elsewhere in {each.id for each in engine.containers.list()}
    finally:
        engine.containers.get(elsewhere).remove(force=True)


def test_what_an_engine_that_was_away_did_not_remove_is_removed_with_the_next_job(
    place: Place, engine, monkeypatch
) -> None:
    """It was killed when the container was made and not started yet, say: it is not ours to run."""

    def away(*_args, **_words):
        raise RequestException

    with monkeypatch.context() as patched:
        patched.setattr(Container, "start", away)
        patched.setattr(Container, "remove", away)
        with pytest.raises(InfraError, match="engine does not answer"):
            place.run("true")
    assert len(ours(engine)) == 1
    open_sandbox("docker")
    assert ours(engine) == set()


def test_a_killed_workers_container_is_removed_by_the_next_one(place: Place, engine) -> None:
    runner = place.start("sleep 1000")
    try:

        def theirs() -> list:
            every = engine.containers.list(ignore_removed=True, filters={"label": OWNER})
            return [c for c in every if c.labels[OWNER].split()[1] == str(runner)]

        assert wait_until(theirs)
        os.kill(runner, signal.SIGKILL)
    finally:
        os.waitpid(runner, 0)
    assert wait_until(lambda: not theirs()), "it ends with its worker"
    open_sandbox("docker")
    every = engine.containers.list(all=True, ignore_removed=True, filters={"label": OWNER})
    assert not [c for c in every if c.labels[OWNER].split()[1] == str(runner)]


def test_a_command_cannot_say_how_it_ended(place: Place) -> None:
    forged = "echo exit 0 >&2; echo exit 0 > /proc/1/fd/2; echo exit 0 | tee /dev/console"
    assert place.run(f"{forged}; kill -9 1; exit 7").exit_code == 7
    assert "Permission denied" in place.text


def test_a_container_that_others_end_is_no_fault_of_the_command(place: Place, engine) -> None:
    def end() -> None:
        client = docker.from_env()
        mine = [
            c
            for c in client.containers.list(filters={"label": OWNER})
            if c.labels[OWNER].split()[1] == str(os.getppid())
        ]
        mine[0].kill()

    def watch(line: str | None) -> None:
        if line == "started":
            os.waitpid(in_child(None, end), 0)

    with pytest.raises(InfraError, match="ended from outside"):
        place.run("echo started; sleep 60", watch=watch)
    assert ours(engine) == set()


def test_it_has_what_was_asked_for_and_no_more(place: Place, engine) -> None:
    seen: dict = {}

    def watch(line: str | None) -> str | None:
        if line == "started":
            (name,) = ours(engine)
            seen.update(engine.containers.get(name).attrs)
            return "seen"
        return None

    place.run("echo started; sleep 60", watch=watch, processes=77, memory_bytes=300 << 20)
    host = seen["HostConfig"]
    assert host["NetworkMode"] == "none"
    assert host["ReadonlyRootfs"] is True
    assert host["CapDrop"] == ["ALL"]
    assert host["CapAdd"] is None
    assert host["Privileged"] is False
    assert host["SecurityOpt"] == ["no-new-privileges:true"]  # and the engine's own filter
    assert (host["PidsLimit"], host["Memory"], host["MemorySwap"]) == (77, 300 << 20, 300 << 20)
    assert host["NanoCpus"] == len(os.sched_getaffinity(0)) * 10**9
    assert host["LogConfig"]["Type"] == "none"
    assert seen["Config"]["User"].split(":")[0] not in ("", "0", "root")
    writable = {mount["Destination"] for mount in seen["Mounts"] if mount["RW"]}
    assert writable == {"/build"}


@pytest.mark.parametrize("failures", [1, 2])
def test_a_container_that_the_engine_could_not_start_is_made_once_more(
    place: Place, engine, monkeypatch, failures: int
) -> None:
    start, started = Container.start, []
    why = "OCI runtime create failed: error running hook #0: no such file or directory"

    def failing(self: Container, **more: object) -> None:
        started.append(self.id)
        if len(started) <= failures:
            raise APIError("400 Client Error", explanation=why)
        start(self, **more)

    monkeypatch.setattr(Container, "start", failing)
    if failures == 1:
        assert place.run("echo done").exit_code == 0
        assert place.text == "done\n"
    else:
        with pytest.raises(InfraError, match="error running hook"):
            place.run("echo done")
    assert len(set(started)) == 2
    assert ours(engine) == set()


def test_an_image_that_is_not_here_is_named(place: Place, monkeypatch) -> None:
    monkeypatch.setenv("CROSSCHECK_IMAGES", "nobodys")
    assert (
        why_not("docker") == "The image nobodys/build:gcc-12 is not here: `make images` builds it."
    )


def test_an_image_of_another_version_is_named(engine, monkeypatch, tmp_path) -> None:
    packed = tmp_path / "empty.tar"
    with tarfile.open(packed, "w") as tar:
        tar.addfile(tarfile.TarInfo("etc"))
    engine.api.import_image_from_file(str(packed), "before/build", "gcc-12")
    try:
        monkeypatch.setenv("CROSSCHECK_IMAGES", "before")
        assert why_not("docker") == (
            "The image before/build:gcc-12 is of another version: `make images` builds it anew."
        )
    finally:
        engine.images.remove("before/build:gcc-12")


def test_memory_that_runs_out_is_told_as_that(place: Place) -> None:
    hog = "perl -e 'while (1) { push @x, \"x\" x (8 << 20) }'"
    ended = place.run(f"{hog}; echo went on; exit 2", memory_bytes=200 << 20)
    assert (ended.stopped, "went on" in place.text) == ("memory", True)
    ended = place.run(
        f"{hog}; echo went on; sleep 60",
        watch=lambda line: "enough" if line == "went on" else None,
        memory_bytes=200 << 20,
    )
    assert ended.stopped == "memory"


def test_a_flood_is_read_as_fast_as_it_is_followed(place: Place) -> None:
    """Looking at a container that floods takes its engine longer than the time between looks."""
    began = time.monotonic()
    heard = 0

    def watch(line: str | None) -> str | None:
        nonlocal heard
        if line is not None:
            heard += 1
            sum(range(500))  # as long as a build's watcher takes
        return "enough" if heard > 400_000 else None

    assert place.run("yes flooding", watch=watch, seconds=100).stopped == "enough"
    assert time.monotonic() - began < 40


def test_an_engine_that_is_away_is_said_to_be(monkeypatch, tmp_path) -> None:
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path}/docker.sock")
    assert why_not("docker").startswith("The Docker engine does not answer: start it")


def test_versions_are_the_images_own(place: Place, engine) -> None:
    asked = {"gcc": Tools.BUILD, "sh": Tools.BUILD, "qemu-system-x86_64": Tools.QEMU}
    gcc, _, qemu, *images = open_sandbox("docker").versions(asked)
    assert gcc.startswith("gcc (Debian ")
    assert qemu.startswith("QEMU emulator version ")
    assert images[0] == f"{IMAGE} {engine.images.get(IMAGE).id}"
    with pytest.raises(InfraError, match="no-such-gcc is not in the image"):
        open_sandbox("docker").versions({"no-such-gcc": Tools.BUILD})


def test_a_machine_needs_no_compilers_of_its_own(installation, engine) -> None:
    without = ("gcc", "cc", "make", "ccache", "ld", "qemu-system-x86_64", "bwrap")
    tools = installation.home / "bin"
    tools.mkdir()
    for program in Path("/usr/bin").iterdir():
        if program.name not in without:
            (tools / program.name).symlink_to(program)
    installation.environ["PATH"] = f"{tools}:{Path(sys.executable).parent}"
    toy.commit(installation.tree, "mm: more", {"mm/memory.c": adding("/* more */\n")})
    status, verdict = installation.run("--runtime", "docker")
    assert (status, verdict["outcome"]) == (0, "PASS")
    (blue,) = [target for target in verdict["targets"] if target["target"] == "blue"]
    facts = next(cell["facts"] for cell in blue["checks"] if cell["check"] == "build")
    assert facts["compile_cache_misses"][0] > 0
    assert any(tool.startswith(f"{IMAGE} sha256:") for tool in facts["tools"])

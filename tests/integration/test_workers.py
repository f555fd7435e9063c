# SPDX-License-Identifier: GPL-2.0-or-later
"""Workers elsewhere: what they can do, who waits for whom, and whose clock counts."""

from __future__ import annotations

import signal
import socket
import subprocess
import sys
import time

import pytest
import redis

from tests import toy
from tests.integration.sandboxes import wait_until
from tests.toy import adding

pytestmark = pytest.mark.integration

#: The patched kernel takes a while.
SLOW = toy.replacing(
    "OBJCOPY arch/$(ARCH)/boot/Image'", "OBJCOPY arch/$(ARCH)/boot/Image'; sleep 8"
)

#: Celery, for which it is some seconds later.
SKEWED = """
import sys, time
now, skew = time.time, float(sys.argv.pop(1))
time.time = lambda: now() + skew
from celery.__main__ import main
main()
"""


@pytest.fixture
def fleet(installation):
    """An installation with a Redis, and a series to check."""
    server = installation.start_redis()
    toy.commit(installation.tree, "mm: more", {"mm/memory.c": adding("/* more */\n")})
    yield installation
    server.terminate()
    server.wait()


def listed(installation) -> list[str]:
    """The lines of `crosscheck workers`."""
    status, output = installation.command("workers")
    assert status == 0
    return [line for line in output.splitlines() if ":" in line and "No worker" not in line]


def test_workers_are_listed_with_what_they_can_do_and_do(fleet) -> None:
    assert "No worker lives; `crosscheck worker` starts one" in fleet.command("workers")[1]
    worker = fleet.start("worker", "--jobs", "2", "--runtime", "bubblewrap", "--target", "blue")
    try:
        assert wait_until(lambda: len(listed(fleet)) == 2)
        for line in listed(fleet):
            assert line.endswith("waits for a job  bubblewrap: blue")
        toy.commit(fleet.tree, "toy: slow", {"Makefile": SLOW})
        run = fleet.start_run("--target", "blue")
        assert wait_until(lambda: any("blue/build/patched" in line for line in listed(fleet)))
        run.send_signal(signal.SIGINT)
        run.communicate(timeout=60)
    finally:
        worker.terminate()
        said, _ = worker.communicate(timeout=30)
    assert "ended; what was being done is done by others" in said
    assert worker.returncode == 0
    assert listed(fleet) == []
    log = fleet.home / "state/crosscheck/workers/workers.log"
    assert log.read_text() == ""  # all was well, also for root


def test_what_nobody_can_do_is_said_and_done_when_somebody_comes(fleet) -> None:
    blue = fleet.start("worker", "--target", "blue")
    run = fleet.start_run()
    red = None
    try:
        said = ""
        began = time.monotonic()
        while "waits for a worker for red" not in said:
            line = run.stdout.readline()
            assert line, said
            assert time.monotonic() - began < 60
            said += line
        assert "red build base: waits for a worker for red with bubblewrap" in said
        assert "`crosscheck worker` starts one" in said
        red = fleet.start("worker", "--target", "red")
        rest, _ = run.communicate(timeout=120)
        assert run.returncode == 0, said + rest
        assert fleet.verdict()["outcome"] == "PASS"
    finally:
        for process in (blue, red, run):
            if process:
                process.kill()
                process.wait()


def test_what_nobody_can_do_is_an_error_at_its_deadline(fleet, tmp_path) -> None:
    short = toy.MATRIX.read_text().replace("deadline_s: 120", "deadline_s: 20")
    for name in ("configs", "tree"):
        (tmp_path / name).symlink_to(toy.HERE / name)
    (tmp_path / "matrix.yaml").write_text(short)
    fleet.environ["CROSSCHECK_MATRIX"] = str(tmp_path / "matrix.yaml")
    status, verdict = fleet.run("--target", "blue")
    assert (status, verdict["outcome"]) == (3, "ERROR")
    (target,) = verdict["targets"]
    reasons = {check["reason"] for check in target["checks"]}
    assert any("no worker for blue took it within 20 s" in reason for reason in reasons)


def test_a_worker_that_can_do_nothing_says_why(fleet, tmp_path) -> None:
    status, output = fleet.command("worker", "--target", "nonesuch")
    assert status == 2
    assert '--target: the matrix has no "nonesuch".' in output
    fleet.environ["DOCKER_HOST"] = f"unix://{tmp_path}/none"
    status, output = fleet.command("worker", "--runtime", "docker")
    assert status == 3
    assert "not with docker: red, blue: The Docker engine does not answer" in output
    assert "This machine can do no job" in output


def test_what_a_worker_has_taken_redis_keeps_for_nobody(fleet) -> None:
    """It would come an hour later, to whoever is there then."""
    toy.commit(fleet.tree, "toy: slow", {"Makefile": SLOW})
    worker = fleet.start("worker", "--target", "blue")
    run = fleet.start_run("--target", "blue", "--check", "build")
    try:
        fleet.await_row("state = 'running' and step = 'patched'", limit_s=60)
        client = redis.Redis(unix_socket_path=f"{fleet.home}/r.sock")
        assert client.hgetall("unacked") == {}
    finally:
        for process in (worker, run):
            process.kill()
            process.wait()


@pytest.mark.parametrize("skew", ["600", "-600"])
def test_a_workers_clock_may_be_wrong(fleet, server, skew: str) -> None:
    """Ten minutes off; its leases would have ended before they began, or never."""
    fleet.environ["CROSSCHECK_DATABASE_URL"] = server.new_database()
    kinds = ("build", "inspect")
    plain = [f"crosscheck.{kind}.bubblewrap.blue" for kind in kinds]
    names = ",".join((*plain, *(f"{name}@{socket.gethostname()}" for name in plain)))
    words = ("-q", "-A", "workers.tasks", "worker", "--pool=solo", "-Q", names)
    worker = subprocess.Popen(
        [sys.executable, "-c", SKEWED, skew, *words],
        env=fleet.environment(), stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, cwd=fleet.home,
    )  # fmt: skip
    try:
        toy.commit(fleet.tree, "toy: slow", {"Makefile": SLOW})
        status, verdict = fleet.run("--target", "blue")
        assert (status, verdict["outcome"]) == (0, "PASS")
        assert fleet.sql("select distinct attempt from jobs") == [(1,)]
        ((started,),) = fleet.sql("select min(started_at) from jobs")
        assert abs(started - time.time()) < 300
    finally:
        worker.kill()
        worker.wait()

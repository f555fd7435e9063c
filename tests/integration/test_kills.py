# SPDX-License-Identifier: GPL-2.0-or-later
"""kill -9 of any part in the middle of a run: a right verdict or an honest ERROR, no remains.

The patched toy kernel takes some seconds to build, so that there is a middle.
"""

from __future__ import annotations

import os
import random
import shutil
import signal
import subprocess
import time
from contextlib import suppress

import psutil
import pytest
from sqlalchemy.exc import OperationalError

from tests import toy
from tests.postgres import PASSWORD

pytestmark = [pytest.mark.integration, pytest.mark.commands]

ONE = ("--target", "blue", "--check", "build", "--jobs", "1")
LINGER = "sleep 3"


def linger(installation, recipe):
    """Make HEAD of INSTALLATION's tree do RECIPE before it builds anything."""
    rule = f"\n$(dirs): linger\n.PHONY: linger\nlinger:\n\t{recipe}\n"
    edit = toy.replacing("\nvmlinux: $(dirs)\n", f"{rule}\nvmlinux: $(dirs)\n")
    toy.commit(installation.tree, "toy: linger", {"Makefile": edit})
    return installation


@pytest.fixture
def slow(installation):
    """An installation whose HEAD builds slowly."""
    return linger(installation, LINGER)


def end(run, installation):
    output, _ = run.communicate(timeout=110)
    print(output)
    assert "Traceback" not in output
    return run.returncode, installation.verdict()


def reasons(verdict):
    return {t["target"]: t["checks"][0]["reason"] for t in verdict["targets"]}


def findings(verdict):
    return [f for t in verdict["targets"] for c in t["checks"] for f in c["findings"]]


def busy_worker(installation, doing=LINGER):
    """The worker that does DOING in its sandbox just now."""
    installation.await_processes(doing)
    *_, worker = installation.await_row("state = 'running'")
    return psutil.Process(int(worker.rpartition(":")[2]))


def suspend(worker, installation):
    """Stop WORKER, but not while it has the database to itself."""
    for _ in range(3):
        worker.suspend()
        try:
            installation.sql("update runs set owner = owner")
        except OperationalError:
            worker.resume()
            time.sleep(0.1)
        else:
            return


def test_a_killed_worker_is_replaced_and_the_verdict_is_right(slow):
    run = slow.start_run(*ONE)
    busy_worker(slow).kill()
    status, verdict = end(run, slow)
    assert (status, verdict["outcome"]) == (0, "PASS")
    slow.nothing_is_left()


def test_a_job_that_costs_every_worker_its_life_is_an_error(slow):
    run = slow.start_run(*ONE)
    for attempt in (1, 2, 3):
        slow.await_row(f"state = 'running' and step = 'patched' and attempt = {attempt}")
        busy_worker(slow).kill()
    status, verdict = end(run, slow)
    assert (status, verdict["outcome"]) == (3, "ERROR")
    assert "lost 3 times" in reasons(verdict)["blue"]
    slow.nothing_is_left()


def test_a_killed_redis_is_replaced_and_the_verdict_is_right(slow):
    run = slow.start_run(*ONE)
    slow.await_processes(LINGER)
    slow.processes("redis-server")[0].kill()
    status, verdict = end(run, slow)
    assert (status, verdict["outcome"]) == (0, "PASS")
    slow.nothing_is_left()


@pytest.mark.parametrize("away_s", [1, 6])  # 6: the job is done before its result can be stored
def test_a_database_server_that_restarts_costs_nothing(slow, server, away_s):
    slow.environ["CROSSCHECK_DATABASE_URL"] = server.new_database()
    run = slow.start_run(*ONE)
    slow.await_processes(LINGER)
    server.restart(away_s)
    output, _ = run.communicate(timeout=110)
    assert "Traceback" not in output
    assert PASSWORD not in output
    assert "does not answer" in output
    assert "the database is back" in output
    assert (run.returncode, slow.verdict()["outcome"]) == (0, "PASS")
    assert {attempt for (attempt,) in slow.sql("select attempt from jobs")} == {1}
    slow.nothing_is_left()


def test_who_interrupts_a_run_whose_database_is_away_need_not_wait(slow, server):
    slow.environ["CROSSCHECK_DATABASE_URL"] = server.new_database()
    run = slow.start_run(*ONE)
    slow.await_processes(LINGER)
    server.stop()
    time.sleep(2)
    run.send_signal(signal.SIGINT)
    output, _ = run.communicate(timeout=10)
    assert "Traceback" not in output
    assert PASSWORD not in output
    assert run.returncode == 3
    assert "interrupted by SIGINT. Run " in output
    server.start()
    _, shown = slow.command("show")
    assert "cut off earlier; it is concluded as ERROR" in shown
    (left,) = (slow.home / "state").glob("crosscheck/runs/*/verdict.txt")
    assert "ERROR" in left.read_text()
    slow.nothing_is_left()


def test_a_killed_compiler_accuses_nobody(installation):
    # A compiler that waits for its input for ever: nobody writes into the FIFO.
    linger(installation, "mkfifo slow.c; $(CC) -c slow.c -o slow.o")
    run = installation.start_run("--check", "build")
    compilers = set()
    deadline = time.monotonic() + 40
    while len(compilers) < 2 and time.monotonic() < deadline:
        with suppress(psutil.NoSuchProcess):
            compilers = {p for p in installation.processes("slow.c") if p.name() == "cc1"}
            time.sleep(0.2)
    compiler, other = compilers
    other.parent().kill()  # the driver, gcc
    compiler.kill()
    status, verdict = end(run, installation)
    assert (status, verdict["outcome"]) == (3, "ERROR")
    assert all("killed" in reason.lower() for reason in reasons(verdict).values())
    assert not findings(verdict)
    installation.nothing_is_left()


def test_a_job_past_its_deadline_is_an_error_and_is_ended(installation):
    matrix = installation.home / "matrix.yaml"
    matrix.write_text(toy.MATRIX.read_text().replace("deadline_s: 120", "deadline_s: 5"))
    shutil.copytree(toy.HERE / "configs", installation.home / "configs")
    installation.environ["CROSSCHECK_MATRIX"] = str(matrix)
    linger(installation, "sleep 100")
    status, verdict = installation.run(*ONE)
    assert (status, verdict["outcome"]) == (3, "ERROR")
    assert "not finished within its deadline of 5 s" in reasons(verdict)["blue"]
    installation.nothing_is_left()


def test_a_stopped_worker_is_replaced(slow):
    run = slow.start_run(*ONE)
    stopped = busy_worker(slow)
    suspend(stopped, slow)
    slow.sql("update jobs set lease_until = 0 where state = 'running' and step = 'patched'")
    status, verdict = end(run, slow)
    assert (status, verdict["outcome"]) == (0, "PASS")
    assert slow.sql("select attempt from jobs where step = 'patched'") == [(2,)]
    slow.nothing_is_left()


def test_workers_elsewhere_may_be_stopped_and_come_back_late_and_redis_may_lose_all(slow):
    redis = slow.start_redis()
    run = slow.start_run(*ONE)
    slow.await_row("state = 'queued'")  # and nobody is there to take it
    redis.kill()
    redis.wait()
    redis = slow.start_redis()
    workers = slow.start("worker", "--jobs", "2")
    try:
        late = busy_worker(slow)
        suspend(late, slow)  # its make goes on and ends
        slow.sql("update jobs set lease_until = 0 where state = 'running' and step = 'patched'")
        slow.await_row("state = 'running' and step = 'patched' and attempt = 2")
        assert not any(p.pid == late.pid for p in busy_worker(slow, LINGER).parents())
        late.resume()
        status, verdict = end(run, slow)
        assert (status, verdict["outcome"]) == (0, "PASS")
        (_, attempt, worker) = slow.await_row("step = 'patched'")
        assert (attempt, worker.endswith(f":{late.pid}")) == (2, False)
        assert late.is_running()  # nobody but its own machine ends a worker
    finally:
        workers.kill()
        workers.wait()
        redis.kill()
        redis.wait()
    slow.nothing_is_left()


def test_a_killed_command_leaves_nothing_and_a_later_start_concludes_its_run(slow):
    run = slow.start_run(*ONE)
    slow.await_processes(LINGER)
    run.kill()
    run.wait()
    slow.nothing_is_left()
    _, shown = slow.command("show")
    assert "cut off earlier; it is concluded as ERROR" in shown
    assert "crosscheck was killed before the run was finished" in shown
    assert not list((slow.home / "cache/crosscheck/builds").iterdir())


def test_after_kills_at_any_moment_the_next_run_is_right(installation):
    linger(installation, "sleep 0.5")
    seed = random.randrange(10**6)
    print("seed", seed)
    chance = random.Random(seed)
    for _ in range(5):
        run = installation.start_run(*ONE, "--jobs", "2")
        time.sleep(chance.uniform(0.3, 4))
        if chance.random() < 0.5:  # something dies first, and the command while it mends that
            parts = [p for p in installation.processes() if p.pid != run.pid]
            for part in chance.sample(parts, min(1, len(parts))):
                part.kill()
            time.sleep(chance.uniform(0, 0.5))
        run.kill()
        run.wait()
        installation.nothing_is_left()
    status, verdict = installation.run(*ONE)
    assert (status, verdict["outcome"]) == (0, "PASS")
    assert all(outcome for (outcome,) in installation.sql("select outcome from runs"))
    assert not list((installation.home / "cache/crosscheck/builds").iterdir())
    installation.nothing_is_left()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_an_interrupted_run_ends_at_once_with_an_honest_error(slow, number):
    run = slow.start_run(*ONE)
    slow.await_processes(LINGER)
    began = time.monotonic()
    run.send_signal(number)
    time.sleep(0.1)
    run.send_signal(number)  # as impatient people do
    status, verdict = end(run, slow)
    assert time.monotonic() - began < 5
    assert (status, verdict["outcome"]) == (3, "ERROR")
    assert signal.Signals(number).name in verdict["error"]
    slow.nothing_is_left()


@pytest.fixture
def small_disk(slow):
    """SLOW with a cache of 3 MiB."""
    cache = slow.home / "cache"
    cache.mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", f"{slow.home}/", str(cache)]
    if os.geteuid() or subprocess.run(mount, check=False, capture_output=True).returncode:
        pytest.skip("cannot mount a tmpfs")
    yield cache
    subprocess.run(["umount", "--lazy", str(cache)], check=True)


def test_a_full_disk_accuses_nobody_and_says_so(slow, small_disk):
    run = slow.start_run("--target", "blue")
    slow.await_processes(LINGER)
    subprocess.run(
        ["dd", "if=/dev/zero", f"of={small_disk}/fill"], capture_output=True, check=False
    )
    status, verdict = end(run, slow)
    assert (status, verdict["outcome"]) == (3, "ERROR")
    assert "No space left on device" in reasons(verdict)["blue"]
    assert not findings(verdict)
    slow.nothing_is_left()

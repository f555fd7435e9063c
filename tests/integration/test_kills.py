# SPDX-License-Identifier: GPL-2.0-or-later
"""kill -9 of any part in the middle of a run: a right verdict or an honest ERROR, no remains.

The patched toy kernel takes some seconds to build, so that there is a middle.
"""

from __future__ import annotations

import signal
import time

import pytest

from tests import toy

pytestmark = pytest.mark.integration


@pytest.fixture
def slow(installation):
    """An installation whose HEAD builds slowly, with a run of it going."""
    recipe = "\nall vmlinux Image: linger\nlinger:\n\tsleep 6\n.PHONY: linger\n"
    toy.commit(installation.tree, "toy: linger", {"Makefile": lambda text: text + recipe})
    return installation


def end(run, installation):
    output, _ = run.communicate(timeout=110)
    print(output)
    assert "Traceback" not in output
    return run.returncode, installation.verdict()


def test_a_killed_worker_is_replaced_and_the_verdict_is_right(slow):
    run = slow.start_run("--target", "blue")
    slow.await_processes("sleep")
    workers = [p for p in slow.processes("workers.tasks") if p.children()]
    workers[0].kill()
    status, verdict = end(run, slow)
    assert (status, verdict["outcome"]) == (0, "PASS")
    slow.nothing_is_left()


def test_a_killed_redis_is_replaced_and_the_verdict_is_right(slow):
    run = slow.start_run()
    slow.await_processes("sleep")
    slow.processes("redis-server")[0].kill()
    status, verdict = end(run, slow)
    assert (status, verdict["outcome"]) == (0, "PASS")
    slow.nothing_is_left()


def test_a_killed_build_accuses_nobody(slow):
    run = slow.start_run("--target", "blue")
    slow.await_processes("sleep")
    for process in slow.processes("sleep 6"):
        if process.name() == "sleep":
            process.kill()
    status, verdict = end(run, slow)
    assert verdict["outcome"] in ("PASS", "ERROR")
    assert status in (0, 3)
    slow.nothing_is_left()


def test_a_killed_command_leaves_nothing_and_a_later_start_concludes_its_run(slow):
    run = slow.start_run()
    slow.await_processes("sleep")
    run.kill()
    run.wait()
    slow.nothing_is_left()
    _, listed = slow.command("runs")
    assert "ERROR" in listed
    _, shown = slow.command("show")
    assert "killed" in shown
    assert not list((slow.home / "cache/crosscheck/builds").iterdir())


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_an_interrupted_run_ends_at_once_with_an_honest_error(slow, number):
    run = slow.start_run()
    slow.await_processes("sleep")
    began = time.monotonic()
    run.send_signal(number)
    status, verdict = end(run, slow)
    assert time.monotonic() - began < 5
    assert (status, verdict["outcome"]) == (3, "ERROR")
    assert signal.Signals(number).name in verdict["error"]
    slow.nothing_is_left()

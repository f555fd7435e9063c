# SPDX-License-Identifier: GPL-2.0-or-later
"""Queues: what a worker takes from, and what a job that nobody can take says."""

from __future__ import annotations

import time
from dataclasses import replace

from pipeline.model import Case
from pipeline.queues import abilities, explained, queue_near, queue_of, queues
from pipeline.store import JobRow, Options, RunRecord, WorkerLine
from tests.unit.builders import base, change, plan, series

NOW = time.time()
RECORD = RunRecord(
    "r", NOW, Options(runtime="docker"), plan("arm64"), Case("r", series(), base(), change())
)
BUILD = RECORD.plan.jobs[0]


def worker(*names: str) -> WorkerLine:
    return WorkerLine("h:1", "h", names, NOW, 1, "docker", "1")


def doing(age_s: float, *workers: WorkerLine) -> str:
    row = JobRow(BUILD, state="queued", queued_at=NOW - age_s)
    return explained(RECORD, (row,), workers, NOW)[0].doing


def test_a_queue_is_of_a_kind_a_runtime_and_a_target():
    assert queue_of(RECORD, BUILD) == "build.docker.arm64"
    assert queue_near("build.docker.arm64", "north:77") == "build.docker.arm64@north"


def test_who_can_do_all_checks_of_a_target_takes_from_all_its_queues():
    names = queues(RECORD.plan.checks, "docker", ("arm64", "s390"))
    assert queue_of(RECORD, BUILD) in names
    assert len(set(names)) == len(names)
    assert abilities((*names, "build.none.mips")) == {
        "docker": ("arm64", "s390"),
        "none": ("mips",),
    }


def test_a_job_that_nobody_can_take_says_so_after_a_while():
    assert doing(5) == ""
    assert doing(20) == "waits for a worker for arm64 with docker"
    assert doing(20, worker("build.docker.mips", "build.bubblewrap.arm64")) != ""
    assert doing(3000, worker("build.docker.arm64")) == ""  # it is busy


def test_what_is_done_or_running_waits_for_nobody():
    rows = (JobRow(BUILD, state="running"), JobRow(BUILD, state="done"), JobRow(BUILD))
    assert explained(RECORD, rows, (), NOW) == rows
    assert explained(RECORD, (replace(rows[0], state="queued"),), (), NOW)[0].doing == ""

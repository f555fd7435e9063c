# SPDX-License-Identifier: GPL-2.0-or-later
"""What is on the terminal: the verdict, the live table, progress as lines, the lists."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from datetime import UTC
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from rich.console import Console

from pipeline.model import Job, JobResult, LeftOut, Outcome, PlannedTarget, Step
from pipeline.report.board import Board, JobState
from pipeline.report.live import job_states, watch
from pipeline.report.plain import render_plan, render_runs, render_targets, render_workers
from pipeline.report.progress import PlainProgress, changes
from pipeline.report.terminal import plain, print_verdict, render_verdict
from pipeline.store import JobRow, RunLine, Running
from tests.unit.builders import (
    base,
    cell,
    finding,
    golden,
    plan,
    row,
    series,
    target,
    verdict,
    zero_page_verdicts,
)
from tests.unit.strategies import verdicts

GOLDEN = Path(__file__).parent / "golden"
NOW = 1770725024.0  # 12:03:44 UTC
BASE, PATCHED, JUDGE = Step.BASE, Step.PATCHED, Step.JUDGE


# --- the verdict ----------------------------------------------------------------------------


@pytest.mark.parametrize("story", zero_page_verdicts())
def test_the_text_of_every_story_is_as_it_was_agreed_on(story):
    text = render_verdict(zero_page_verdicts()[story])
    assert text == golden(GOLDEN / f"{story}.txt", text, os.environ)


def test_a_terminal_gets_colours_and_a_file_gets_none():
    of = zero_page_verdicts()["fail"]
    shown, kept = io.StringIO(), io.StringIO()
    print_verdict(of, Console(file=shown, force_terminal=True, width=90, _environ={}))
    print_verdict(of, Console(file=kept))
    assert "\x1b[" in shown.getvalue()
    assert kept.getvalue() == render_verdict(of)
    assert "\x1b" not in kept.getvalue()


def test_text_for_files_breaks_no_line():
    long = "x" * 150 + " " + "y" * 150
    text = render_verdict(verdict(row("arm64", cell("build", findings=[finding(summary=long)]))))
    assert f"mm/mm_init.c:60: {long}\n" in text


def test_markup_is_shown_as_it_is_written():
    text = render_verdict(
        verdict(row("arm64", cell("build", findings=[finding(summary="[red]a[/red] [Wunused]")])))
    )
    assert "[red]a[/red] [Wunused]" in text


@settings(max_examples=20, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(verdicts)
def test_every_verdict_can_be_shown_and_controls_nothing(of):
    text = render_verdict(of)
    assert all(char == "\n" or char.isprintable() or ord(char) > 0x9F for char in text)
    assert f"\n{of.outcome}:" in text


# --- the live table -------------------------------------------------------------------------


def job(name, check, step, state="waiting", **rest):
    return JobState(name, check, step, state, **rest)


def building(doing="CC mm/mm_init.o (312)"):
    return job("arm64", "build", PATCHED, "running", doing=doing, started_at=NOW - 43)


def board(*states, width=100):
    return plain(Board(states, NOW, NOW - 100), width)


def test_a_running_job_says_what_it_does_and_for_how_long():
    text = board(building(), job("arm64", "build", JUDGE))
    assert text.splitlines() == [
        "target  build  now",
        "arm64   0:43   build: patched CC mm/mm_init.o (312) 0:43",
        "0 of 2 jobs done, 1:40",
    ]


def test_both_sides_at_once_are_two_lines():
    other = job("arm64", "build", BASE, "running", doing="LD vmlinux", started_at=NOW - 1)
    text = board(other, building())
    assert "build: base LD vmlinux 0:01\n" in text
    assert "build: patched CC mm/mm_init.o (312) 0:43\n" in text
    assert text.splitlines()[1].startswith("arm64   0:43 ")


def test_what_waits_says_for_what():
    text = board(job("arm64", "boot", BASE, doing="waits for build base"))
    assert "arm64   waits  boot: waits for build base\n" in text
    assert "arm64   queued\n" in board(job("arm64", "boot", BASE, "queued"))


def test_a_check_that_is_done_shows_its_outcome_and_all_its_seconds():
    steps = [
        job("arm64", "build", step, "done", outcome=Outcome.PASS, seconds=60.5)
        for step in (BASE, PATCHED)
    ]
    judged = job("arm64", "build", JUDGE, "done", outcome=Outcome.WARN, seconds=1)
    assert "arm64   WARN 2:02\n" in board(*steps, judged)


def test_a_target_without_a_check_shows_that():
    text = board(job("arm64", "build", BASE), job("mips", "boot", BASE))
    assert text.splitlines()[1:3] == ["arm64   waits  -", "mips    -      waits"]


def test_what_a_build_prints_cannot_play_with_the_terminal():
    assert "\x1b" not in board(building("\x1b[2J[bold]CC\nx"))
    assert "[bold]CC x" in board(building("\x1b[2J[bold]CC\nx"))


def test_nothing_to_do_is_a_board_too():
    assert board() == "0 of 0 jobs done, 1:40\n"


# --- lines ----------------------------------------------------------------------------------


def spoken(*snapshots, heartbeat_s=30.0):
    """SNAPSHOTS: (seconds after NOW, states)."""
    lines = []
    progress = PlainProgress(lines.append, heartbeat_s=heartbeat_s, zone=UTC)
    for after, states in snapshots:
        progress.show(states, NOW + after)
    return lines


def at(state, **rest):
    return (job("arm64", "build", BASE, state, **rest),)


def test_a_line_for_each_start_and_end_with_the_time_of_day():
    done = at("done", outcome=Outcome.PASS, seconds=131.8)
    assert spoken((0, at("waiting")), (0, at("queued")), (0, at("running")), (132, done)) == [
        "12:03:44 arm64 build base: started",
        "12:05:56 arm64 build base: PASS in 132 s",
    ]


def test_nothing_is_said_twice():
    assert len(spoken(*((n, at("running")) for n in range(20)))) == 1


def test_a_heartbeat_says_what_is_running_at_most_every_30_s():
    going = at("running", doing="CC a.o (7)", started_at=NOW)
    lines = spoken(*((n, going) for n in range(0, 75, 5)))
    assert lines[1:] == [
        "12:04:14 0 of 1 jobs done; arm64 build: base CC a.o (7) 0:30",
        "12:04:44 0 of 1 jobs done; arm64 build: base CC a.o (7) 1:00",
    ]


def test_a_job_that_lost_its_worker_is_told():
    assert changes(at("running"), at("waiting")) == (
        "arm64 build base: worker lost, to be run again",
    )


def test_a_skipped_job_took_no_time():
    assert changes(at("waiting"), at("done", outcome=Outcome.SKIP)) == ("arm64 build base: SKIP",)


# --- from the store to the screen -----------------------------------------------------------


def rows(**states):
    """Rows of arm64's jobs; STATES by `check_step`."""
    return tuple(
        JobRow(j, state=states.get(f"{j.check}_{j.step}", "waiting")) for j in plan("arm64").jobs
    )


def test_waiting_jobs_name_what_they_wait_for():
    told = {
        f"{s.check}_{s.step}": s.doing
        for s in job_states(plan("arm64"), rows(build_base="done", boot_base="done"))
    }
    assert told["build_judge"] == "waits for build patched"
    assert told["boot_patched"] == "waits for build patched"
    assert told["symbols_base"] == ""
    assert told["boot_judge"] == "waits for boot patched"


def test_a_result_brings_outcome_and_seconds():
    of = JobResult(Job("arm64", "build", BASE), Outcome.PASS, seconds=7.0)
    (state,) = job_states(plan("arm64"), (JobRow(of.job, state="done", result=of),))
    assert (state.outcome, state.seconds) == (Outcome.PASS, 7.0)


def test_a_pipe_gets_lines():
    out = io.StringIO()
    with watch(plan("arm64"), NOW, Console(file=out, width=20)) as shown:
        shown.show(rows(build_base="running"))
        shown.say("the database is back")
    first, second, end = out.getvalue().split("\n")
    assert first.endswith(" arm64 build base: started")
    assert second.endswith(" the database is back")
    assert not end


def test_a_terminal_gets_the_table_and_keeps_nothing_of_it():
    out = io.StringIO()
    console = Console(file=out, width=80, force_terminal=True, _environ={"TERM": "xterm"})
    with watch(plan("arm64"), NOW, console) as shown:
        shown.show(rows(build_base="running"))
        shown.say("the database is back")
    assert "jobs done" in out.getvalue()
    assert "the database is back\n\r\x1b[2K" in out.getvalue()  # and the table below it
    assert "\x1b[2K" in out.getvalue()


# --- lists ----------------------------------------------------------------------------------


def test_a_plan_is_told_with_every_reason():
    of = plan("arm64", "mips", left_out=[("alpha", "no target"), ("arc", "no target")])
    of = type(of)(of.targets, of.left_out, of.checks, (("perf", "not asked for"),))
    text = render_plan(of, series(3), base(notes=("Uncommitted changes are ignored.",)))
    assert text == (
        "mm: all the changes (v2), 3 patches\n"
        "  by Mike Rapoport <rppt@kernel.org>\n"
        "base edc2191aedc2 (the commit whose blobs match the patch's index lines)\n"
        "  Uncommitted changes are ignored.\n"
        "\n"
        "target  arch   checks                reason\n"
        "arm64   arm64  build, symbols, boot  generic code is touched\n"
        "mips    mips   build, symbols, boot  generic code is touched\n"
        "\n"
        "Skipped on all targets:\n"
        "  perf: not asked for\n"
        "\n"
        "Left out:\n"
        "  alpha, arc: no target\n"
        "\n"
        "18 jobs on 2 targets.\n"
    )


def test_an_empty_plan_says_so():
    of = plan(left_out=[("arm64", "only documentation is touched")])
    text = render_plan(of, series(), base())
    assert "No target is affected: nothing would be built.\n" in text
    assert text.startswith("mm: change number 1 (v2), 1 patch\n")


def test_a_long_reason_is_not_broken():
    long = "because " * 40 + "of that"
    of = plan("arm64")
    of = type(of)((PlannedTarget(target(), long, ("build",)),), (LeftOut("sh", long),), of.checks)
    assert render_plan(of, series(), base()).count(long) == 2


def test_runs_are_listed_with_their_age_and_outcome():
    lines = [
        RunLine("r3", NOW - 10, "mm: a\nb", "", "host 1 2"),
        RunLine("r2", NOW - 7300, "mm: c", "FAIL", ""),
        RunLine("r1", NOW - 90_000, "mm: d", "PASS", ""),
    ]
    assert render_runs(lines, NOW).splitlines() == [
        "run  began        outcome     subject",
        "r3   just now     unfinished  mm: a b",
        "r2   2 hours ago  FAIL        mm: c",
        "r1   1 day ago    PASS        mm: d",
    ]
    assert render_runs([], NOW) == "No runs yet.\n"


def test_targets_are_listed_with_what_they_need():
    assert render_targets([target(), target("x86_64", cross_compile="", packages=())]) == (
        "target  arch   compiler             packages\n"
        "arm64   arm64  arm64-linux-gnu-gcc  gcc-arm64-linux-gnu\n"
        "x86_64  x86    gcc                  -\n"
    )


def test_workers_are_listed_with_what_they_do():
    work = Running("north:7", "r1", "arm64/build/base", "CC mm/memory.o (3)", NOW - 62)
    can = {"bubblewrap": ("arm64", "s390"), "docker": ("mips",)}
    text = render_workers(
        [("north:7", "0.1", NOW - 2, can), ("south:8", "0.1", NOW, {"docker": ("mips",)})],
        [work],
        NOW,
    )
    _, north, south = text.strip().splitlines()
    assert "r1 arm64/build/base CC mm/memory.o (3) 1:02" in north
    assert north.endswith("bubblewrap: arm64, s390; docker: mips")
    assert "waits for a job" in south
    assert render_workers([], [], NOW) == "No worker lives; `crosscheck worker` starts one.\n"


def test_what_nobody_can_do_is_said_once_and_in_each_heartbeat():
    said: list[str] = []
    lines = PlainProgress(said.append, heartbeat_s=30, zone=UTC)
    queued = JobState("mips", "build", Step.BASE, "queued")
    waits = replace(queued, doing="waits for a worker for mips with docker")
    for at, state in ((0, queued), (20, waits), (21, waits), (60, waits)):
        lines.show((state,), NOW + at)
    assert [line.partition(" ")[2] for line in said] == [
        "mips build base: waits for a worker for mips with docker; `crosscheck worker` starts one",
        "0 of 1 jobs done; mips build: base waits for a worker for mips with docker 0:00",
    ]

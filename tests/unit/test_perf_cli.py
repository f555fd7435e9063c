# SPDX-License-Identifier: GPL-2.0-or-later
"""`crosscheck perf`: what it shows of a stored run, what it draws, and what it refuses."""

from __future__ import annotations

import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from pipeline.model import Case, InfraError, InputError, Limit, Outcome
from pipeline.settings import load
from pipeline.store import Options, RunRecord, Store
from tests.command_line import call
from tests.unit.builders import (
    base,
    cell,
    change,
    perf,
    plan,
    row,
    series,
    size,
    verdict,
    zero_page_verdicts,
)

LOST = cell("perf", Outcome.ERROR, "its worker was lost")
RUNS = {
    "going": None,
    "none": verdict(row("arm64"), run="none"),
    "sizes": verdict(row("arm64", size({"text": (4096, 8192)})), run="sizes"),
    "lost": verdict(row("arm64", LOST), run="lost"),
    "panics": verdict(
        row("arm64", perf({}, dict.fromkeys("ab", "patched: it panics"))), run="panics"
    ),
    "half": verdict(row("arm64", LOST), row("mips", perf({"getpid": (95, 95)})), run="half"),
    "costs": zero_page_verdicts()["costs"],
}


@pytest.fixture
def crosscheck(tmp_path, monkeypatch):
    for name in ("XDG_STATE_HOME", "XDG_CACHE_HOME"):
        monkeypatch.setenv(name, str(tmp_path / "home"))
    for name in ("CROSSCHECK_DATABASE_URL", "MPLCONFIGDIR"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.chdir(tmp_path)
    store = Store(load().database_url)
    limits = (Limit("perf", "*", 1.0),)
    for n, (name, of) in enumerate(RUNS.items()):
        run = of.run if of else name
        case = Case(run, series(), base(), change(), limits=limits)
        record = RunRecord(run, time.time() + n, Options(), plan("arm64"), case, "")
        store.create_run(record)
        if of:
            store.finish_run(of)

    return partial(call, "perf")


def test_every_case_and_size_of_the_latest_run_is_shown(crosscheck):
    said = crosscheck()
    assert "run 20260210-120000-a1b2, base edc2191aedc2" in said
    lines = [" ".join(line.split()) for line in said.splitlines()]
    assert "arm64 getpid 95.0 95.0 0.00 % 0.01, 0.01 %" in lines
    assert "arm64 zero-page 812 890 +9.6 % 0.01, 0.01 % more" in lines
    assert "arm64 pipe 4,210 4,180 -0.72 % 0.01, 0.01 % fewer" in lines
    assert "s390 zero-page 781 1,042 +33.4 % 0.01, 0.01 % WARN" in lines
    assert "s390 fork-exec: this kernel has no ELF loader" in lines
    assert "arm64 total 4,259,840 4,259,968 +128 0.00 % bytes" in lines
    assert "s390 lost 1,000 0 -1,000 -100.0 % bytes" in lines


def test_only_what_was_asked_for_is_shown(crosscheck):
    said = crosscheck("2026", "--case", "zero*", "--target", "s390")
    assert "zero-page" in said
    assert "getpid" not in said
    assert "arm64" not in said


def test_a_target_that_failed_is_told_beside_those_that_did_not(crosscheck):
    assert "  arm64: its worker was lost\n" in crosscheck("half")


def test_sizes_alone_are_shown_and_drawn(crosscheck):
    said = crosscheck("sizes", "--chart", "a.png")
    assert "perf was not run: what operations cost was not measured\n" in said
    assert "arm64 text 4,096 8,192 +4,096 +100.0 % bytes" in " ".join(said.split())
    assert Path("a.png").read_bytes().startswith(b"\x89PNG")
    with pytest.raises(InputError, match="Run sizes has no results of perf; "):
        crosscheck("sizes", "--case", "getpid")


def test_where_no_run_is_it_is_said_how_to_make_one(tmp_path, monkeypatch, crosscheck):
    monkeypatch.setenv("XDG_STATE_HOME", str(tmp_path / "empty"))
    with pytest.raises(InputError) as error:
        crosscheck()
    said = "There is no run yet; `crosscheck run SERIES --tree DIR` makes one."
    assert str(error.value) == said


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("going",),
            "Run going has no verdict yet: wait for it, or name another (`crosscheck runs`).",
        ),
        (("nothing",), "There is no run 'nothing'; `crosscheck runs` lists them."),
        (
            ("none",),
            "Run none has no results of perf; `crosscheck run zero-page-v2.mbox --tree DIR --check perf` brings some.",
        ),
        (
            ("lost",),
            "Run lost measured nothing (arm64: its worker was lost); `crosscheck logs lost TARGET perf` says more.",
        ),
        (
            ("panics",),
            "Run panics measured nothing (arm64: patched: it panics); `crosscheck logs panics TARGET perf` says more.",
        ),
        (("half", "--target", "s390"), "Run half has no target 's390'; it has arm64, mips."),
        (("half", "--case", "x*"), "Run half has no case like 'x*'; it has getpid."),
        (("--chart", "a.pdf"), "A chart's file ends in .png or .svg, and a.pdf does not."),
        (
            ("--chart", "a.svg", "--chart", "b"),
            "A chart's file ends in .png or .svg, and b does not.",
        ),
        (("--chart", "no/a.svg"), "Cannot write no/a.svg: make its directory first."),
    ],
)
def test_what_cannot_be_shown_is_said_in_a_sentence(crosscheck, words, said):
    with pytest.raises(InputError) as error:
        crosscheck(*words)
    assert str(error.value) == said
    assert not list(Path().glob("*.*"))


def test_charts_are_written_and_the_same_each_time(crosscheck):
    crosscheck("--chart", "a.png", "--chart", "b.SVG")
    assert Path("a.png").read_bytes().startswith(b"\x89PNG")
    drawn = Path("b.SVG").read_bytes()
    assert b"<svg" in drawn
    crosscheck("--chart", "c.svg")
    assert Path("c.svg").read_bytes() == drawn


def test_nothing_is_written_outside_our_own_places(crosscheck, monkeypatch, tmp_path):
    monkeypatch.setenv("HOME", str(tmp_path / "user"))
    monkeypatch.setenv("XDG_CONFIG_HOME", str(tmp_path / "user" / "config"))
    words = ("-m", "pipeline.cli", "perf", "--chart", "a.png")
    subprocess.run([sys.executable, *words], capture_output=True, check=True)
    assert {each.name for each in tmp_path.iterdir()} == {"a.png", "home"}
    assert {each.name for each in (tmp_path / "home").iterdir()} == {"crosscheck"}


def test_without_matplotlib_tables_are_shown_and_a_chart_says_what_it_needs(
    crosscheck, monkeypatch
):
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    monkeypatch.delitem(sys.modules, "pipeline.report.cost_chart", raising=False)
    assert "zero-page" in crosscheck()
    with pytest.raises(
        InfraError, match=r"install crosscheck with its extra, crosscheck\[charts\]"
    ):
        crosscheck("--chart", "a.png")
    assert not Path("a.png").exists()

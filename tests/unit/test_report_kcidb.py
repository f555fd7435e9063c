# SPDX-License-Identifier: GPL-2.0-or-later
"""A KCIDB report is valid by KCIDB's own schema, and accuses nobody of what is ours."""

from __future__ import annotations

import json
import subprocess

import pytest
from hypothesis import given, settings
from kcidb_io.schema import LATEST

from pipeline.model import Outcome
from pipeline.report.kcidb import patchset_hash, to_kcidb
from tests.unit.builders import COMMIT, base, cell, finding, row, verdict, zero_page_verdicts
from tests.unit.strategies import verdicts

WARN, FAIL, ERROR, SKIP = Outcome.WARN, Outcome.FAIL, Outcome.ERROR, Outcome.SKIP
NOW = 1770725220.0  # 2026-02-10 12:07:00 UTC


def report(of, **more):
    text = to_kcidb(of, "crosscheck", **more)
    text.encode()
    return LATEST.validate(json.loads(text))


def by_id(of, name):
    every = report(of)
    objects = [*every["checkouts"], *every["builds"], *every["tests"]]
    return next(one for one in objects if one["id"] == f"crosscheck:{of.run}/{name}")


def statuses(*cells):
    of = verdict(row("arm64", *cells))
    return tuple(by_id(of, f"arm64/{what}")["status"] for what in ("base", "patched", "boot"))


@pytest.mark.parametrize("story", zero_page_verdicts())
def test_every_story_is_valid(story):
    report(zero_page_verdicts()[story], patches="0" * 64, started_at=NOW)


@settings(max_examples=15)
@given(verdicts)
def test_every_verdict_is_valid(of):
    report(of)


def test_the_checkouts_are_the_base_and_the_series_on_it():
    before, after = report(verdict(row("arm64")), patches="a" * 64, started_at=NOW)["checkouts"]
    shared = {
        "origin": "crosscheck",
        "tree_name": "linux",
        "git_commit_hash": COMMIT,
        "valid": True,
        "start_time": "2026-02-10T12:07:00+00:00",
    }
    assert before == shared | {"id": "crosscheck:20260210-120000-a1b2/base", "patchset_hash": ""}
    assert after == shared | {
        "id": "crosscheck:20260210-120000-a1b2/patched",
        "patchset_hash": "a" * 64,
        "message_id": "20260209-zero-page-1@series.invalid",
        "comment": "mm: change number 1",
    }


def test_the_patchset_hash_is_what_kcidbs_own_command_says(tmp_path):
    patches = [b"one\n", b"From me\n\xff", b""]
    for n, patch in enumerate(patches):
        (tmp_path / f"{n}.patch").write_bytes(patch)
    command = "sha256sum *.patch | cut -c-64 | sha256sum | cut -c-64"
    said = subprocess.run(command, shell=True, cwd=tmp_path, capture_output=True, check=True)
    assert patchset_hash(patches) == said.stdout.decode().strip()


def test_what_is_not_known_is_left_out():
    _, after = report(verdict(series=zero_page_verdicts()["range"].series))["checkouts"]
    assert not after.keys() & {"patchset_hash", "message_id", "start_time"}
    of = verdict(row("arm64"), base=base(commit="a" * 64))
    assert "git_commit_hash" not in report(of)["checkouts"][0]


def test_a_build_has_its_target_compiler_and_times():
    facts = (("compiler", "gcc (Debian 12.2.0) 12.2.0"), ("build_seconds", [130.5, 6.25]))
    of = verdict(row("x86_64", cell("build", facts=facts, base_cached=True)))
    build = by_id(of, "x86_64/patched")
    assert build["checkout_id"] == "crosscheck:20260210-120000-a1b2/patched"
    assert (build["architecture"], build["config_name"]) == ("x86_64", "x86_64")
    assert (build["compiler"], build["duration"]) == ("gcc (Debian 12.2.0) 12.2.0", 6.25)
    before = by_id(of, "x86_64/base")
    assert (before["duration"], before["status"]) == (130.5, "PASS")
    assert before["misc"]["base"] == "seen in an earlier run"


def test_a_test_is_of_the_patched_build():
    test = by_id(verdict(row("arm64")), "arm64/boot")
    assert test["build_id"] == "crosscheck:20260210-120000-a1b2/arm64/patched"
    assert (test["path"], test["status"], test["duration"]) == ("boot", "PASS", 1.5)


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ((), ("PASS", "PASS", "PASS")),
        ((cell("build", findings=[finding(WARN)]),), ("PASS", "PASS", "PASS")),
        ((cell("build", findings=[finding()]), cell("boot", SKIP)), ("PASS", "FAIL", "SKIP")),
        ((cell("build", ERROR, "disk full"),), ("ERROR", "ERROR", "PASS")),
        ((cell("build", SKIP, "why"), cell("boot", ERROR)), ("SKIP", "SKIP", "ERROR")),
        ((cell("boot", findings=[finding()]),), ("PASS", "PASS", "FAIL")),
    ],
)
def test_what_each_outcome_becomes(cells, expected):
    assert statuses(*cells) == expected


def test_findings_are_in_the_excerpt_and_a_warning_in_the_comment():
    of = verdict(row("arm64", cell("build", findings=[finding(WARN, detail="\0 the line")])))
    build = by_id(of, "arm64/patched")
    assert build["comment"] == "1 finding that the base does not have"
    assert build["log_excerpt"].splitlines() == [
        "WARN: mm/mm_init.c:60: 'zero_page_mask' undeclared",
        " the line",
    ]
    assert build["misc"]["outcome"] == "WARN"


def test_ids_are_the_same_when_it_is_sent_again():
    of = zero_page_verdicts()["fail"]
    assert to_kcidb(of, "crosscheck") == to_kcidb(of, "crosscheck")
    ids = [one["id"] for part in ("checkouts", "builds", "tests") for one in report(of)[part]]
    assert len(ids) == len(set(ids)) == 2 + 4 * 2 + 4 * 2

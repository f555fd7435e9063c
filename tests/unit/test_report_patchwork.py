# SPDX-License-Identifier: GPL-2.0-or-later
"""Checks on Patchwork: the guilty patch is accused, and nobody else; ERROR accuses nobody."""

from __future__ import annotations

import re
from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import LeftOut, Outcome
from pipeline.report.patchwork import CONTEXT, begun, to_checks
from pipeline.report.wording import one_line
from tests.unit.builders import cell, finding, row, series, verdict, zero_page_verdicts
from tests.unit.strategies import texts, verdicts

WARN, FAIL, ERROR, SKIP = Outcome.WARN, Outcome.FAIL, Outcome.ERROR, Outcome.SKIP
LOST = cell("boot", ERROR, "its worker was lost")
ONE, TWO, NOBODY = finding(patch=1), finding(WARN, patch=2, summary="unused"), finding(patch=None)


def states(*cells, total=3, **changes):
    of = verdict(row("arm64", *cells), series=series(total), **changes)
    return [str(check.state) for check in to_checks(of)]


@pytest.mark.parametrize(
    ("cells", "expected"),
    [
        ((), ["success", "success", "success"]),
        ((cell("build", findings=[ONE]),), ["fail", "success", "success"]),
        ((cell("build", findings=[TWO]),), ["success", "warning", "success"]),
        ((cell("build", findings=[ONE, TWO]),), ["fail", "warning", "success"]),
        # Nobody knows whose it is: the last patch stands for the series, nobody is cleared.
        ((cell("build", findings=[NOBODY]),), ["pending", "pending", "fail"]),
        ((cell("build", findings=[NOBODY, TWO]),), ["pending", "warning", "fail"]),
        (
            (cell("build", findings=[NOBODY, finding(WARN, patch=3)]),),
            ["pending", "pending", "fail"],
        ),
        ((LOST,), ["pending", "pending", "pending"]),
        ((cell("build", findings=[TWO]), LOST), ["pending", "warning", "pending"]),
        ((cell("build", findings=[ONE]), LOST), ["fail", "pending", "pending"]),
        ((cell("boot", SKIP, "not asked for"),), ["success", "success", "success"]),
    ],
)
def test_what_each_patch_is_given(cells, expected):
    assert states(*cells) == expected


def test_a_run_that_could_not_be_finished_accuses_and_clears_nobody():
    of = verdict(error="interrupted by SIGTERM")
    (check,) = to_checks(of)
    assert str(check.state) == "pending"
    assert check.description == "could not be tested, which accuses nobody: interrupted by SIGTERM"


def test_the_only_patch_of_a_series_is_told_plainly():
    (check,) = to_checks(verdict(row("arm64", cell("build", findings=[NOBODY]))))
    assert str(check.state) == "fail"
    assert check.description == (
        "FAIL in arm64 build: mm/mm_init.c:60: 'zero_page_mask' undeclared"
    )


def test_the_last_patch_is_not_told_that_what_is_nobodys_is_its_own():
    of = verdict(row("arm64", cell("build", findings=[NOBODY])), series=series(2))
    first, last = to_checks(of)
    assert first.description == (
        "a finding of the series could not be laid to a patch: see the last"
    )
    assert last.description.startswith("of the series, by a patch that could not be told: FAIL in")


def test_a_finding_of_a_patch_that_is_not_there_is_nobodys():
    assert states(cell("build", findings=[finding(patch=9)])) == ["pending", "pending", "fail"]


def test_others_are_counted_and_the_same_on_two_targets_is_one():
    of = verdict(
        row("arm64", cell("build", findings=[finding(WARN, summary="b"), ONE])),
        row("mips", cell("build", findings=[ONE])),
    )
    (check,) = to_checks(of)
    assert check.description.startswith("FAIL in arm64 build: ")
    assert check.description.endswith("undeclared (and 1 other)")


def test_the_others_of_a_failed_series_are_told_that_it_is_not_for_them():
    of = verdict(row("arm64", cell("build", findings=[ONE])), series=series(2))
    assert to_checks(of)[1].description == (
        "no finding against this patch; FAIL is for others of its series"
    )


def test_nothing_affected_is_said():
    (check,) = to_checks(zero_page_verdicts()["documentation"])
    assert check.description == "PASS: no target is affected, so nothing was built."


def test_what_nobody_asked_for_is_not_said_to_be_unaffected():
    left = (LeftOut("arm64", "not asked for: --arch s390"), LeftOut("s390", "nothing of it"))
    checks = to_checks(replace(zero_page_verdicts()["documentation"], left_out=left))
    said = "PASS: no target that was asked for is affected, so nothing was built."
    assert [check.description for check in checks] == [said]


def test_patches_that_were_not_posted_have_no_check():
    of = zero_page_verdicts()["range"]
    assert to_checks(of) == ()
    assert begun(of.series, of.run) == ()


def test_each_patch_is_pending_while_it_runs():
    checks = begun(series(2), "r1", "https://x.org/r1")
    assert [c.message_id for c in checks] == [
        "20260209-zero-page-1@series.invalid",
        "20260209-zero-page-2@series.invalid",
    ]
    assert {(str(c.state), c.description, c.target_url) for c in checks} == {
        ("pending", "being built, checked and booted: run r1", "https://x.org/r1")
    }


@pytest.mark.parametrize(
    "url", ["", "x.org", "ftp://x.org/", "https://x.org/a b", "https://" + "x" * 200]
)
def test_a_link_that_patchwork_refuses_is_left_out(url):
    assert to_checks(verdict(row("arm64")), url)[0].target_url == ""


@given(verdicts, texts | st.just("https://x.org/"))
def test_every_check_is_one_that_patchwork_takes(of, url):
    assert re.fullmatch(r"[-a-zA-Z0-9_]{1,255}", CONTEXT)
    for check in to_checks(of, url):
        assert check.description
        assert check.description == one_line(check.description)
        assert len(check.description) <= 200
        assert len(check.target_url) <= 200
        assert check.message_id.isascii()
    accused = {f.severity for r in of.targets for c in r.checks for f in c.findings}
    states = {str(check.state) for check in to_checks(of)}
    if not accused:
        assert not states & {"fail", "warning"}
    if of.error or any(c.outcome is ERROR for r in of.targets for c in r.checks):
        assert "success" not in states

# SPDX-License-Identifier: GPL-2.0-or-later
"""Bisection within a series, and what a trace does to a verdict."""

from __future__ import annotations

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from pipeline.model import Finding, Job, JobResult, Outcome, Step
from pipeline.verdict import decide
from tests.unit import builders
from workers.trace import Found, first_with, key, last_with


@given(st.data())
def test_the_first_patch_that_shows_it_is_found_in_few_steps(data):
    total = data.draw(st.integers(1, 60))
    first = data.draw(st.integers(1, total))
    asked = []

    def shows(n):
        asked.append(n)
        return n >= first

    assert first_with(total, shows) == first
    assert len(asked) <= total.bit_length()
    assert all(0 < n < total for n in asked)


@given(st.data())
def test_what_cannot_be_told_makes_no_wrong_answer(data):
    total = data.draw(st.integers(1, 20))
    first = data.draw(st.integers(1, total))
    dark = data.draw(st.sets(st.integers(1, total)))
    found = first_with(total, lambda n: None if n in dark else n >= first)
    assert found in {first, None}
    if found is None:
        assert dark & {first, first - 1}


@given(st.lists(st.booleans(), max_size=8))
def test_what_comes_and_goes_is_laid_to_the_patch_that_brought_it_for_good(middle):
    there = [False, *middle, True]
    last_good = max(n for n, shows in enumerate(there) if not shows)
    assert last_with(len(there) - 1, lambda n: there[n]) == last_good + 1


@given(st.data())
def test_of_what_cannot_be_told_nothing_wrong_is_said_of_a_cost_either(data):
    there = [False, *data.draw(st.lists(st.sampled_from([True, False, None]), max_size=8)), True]
    found = last_with(len(there) - 1, lambda n: there[n])
    if found is not None:
        assert there[found - 1] is False  # a patch before which it was not
        assert there[found] is True
        assert False not in there[found:]


@given(st.integers(1, 60), st.data())
def test_in_a_long_series_what_came_once_is_found_too(total, data):
    first = data.draw(st.integers(1, total))
    assert last_with(total, lambda n: n >= first) == first


def test_a_finding_is_known_again_by_what_it_says():
    here = Finding("kernel-bug", Outcome.FAIL, "kernel BUG at f+0xa/0x75", line=3)
    assert key(here) == key(replace(here, summary="kernel BUG at f+0xb/0x99", line=9, patch=2))
    assert key(here) != key(replace(here, summary="kernel BUG at g+0xa/0x75"))
    assert key(here) != key(replace(here, kind="panic"))


def test_behind_what_does_not_build_anything_may_be_hidden():
    here = Finding("new-warning", Outcome.WARN, "odd")
    assert Found.of([here], whole=False).has(here) is True
    assert Found.of([], whole=False).has(here) is None
    assert Found.of([], whole=True).has(here) is False


def test_a_cost_beyond_a_milder_limit_is_not_yet_what_a_severe_one_forbids():
    mild = Finding("slower", Outcome.WARN, "getpid: 161 → 172", symbol="getpid")
    severe = replace(mild, severity=Outcome.FAIL, summary="getpid: 161 → 192")
    assert Found.of([mild], whole=True).has(severe) is False
    assert Found.of([severe], whole=True).has(mild) is True  # a later patch made it less
    for both in ([mild, severe], [severe, mild]):
        assert Found.of(both, whole=True).has(severe) is True
    odd = Finding("new-warning", Outcome.WARN, "odd")
    assert Found.of([odd], whole=True).has(replace(odd, severity=Outcome.FAIL)) is True


def decided(*trace):
    finding = Finding("new-warning", Outcome.WARN, "odd")
    plan = replace(builders.plan("arm64"), patches=3)
    checks = tuple(replace(check, traced=check.name == "build") for check in plan.checks)
    plan = replace(plan, checks=checks)
    results = [
        JobResult(job, Outcome.WARN, findings=(finding,))
        if job == Job("arm64", "build", Step.JUDGE)
        else JobResult(job, Outcome.PASS)
        for job in plan.jobs
        if job.step is not Step.TRACE
    ]
    verdict = decide(
        "run", builders.series(3), builders.base(), plan, [*results, *trace],
        change=builders.change(), seconds=1.0,
    )  # fmt: skip
    return verdict.targets[0].checks[0]


def test_a_trace_says_which_patch_it_was_and_changes_nothing_else():
    job = Job("arm64", "build", Step.TRACE)
    named = Finding("new-warning", Outcome.WARN, "odd", patch=2)
    traced = decided(JobResult(job, Outcome.PASS, findings=(named,)))
    assert traced.findings == (named,)
    for other in (
        decided(),
        decided(JobResult(job, Outcome.ERROR, reason="lost")),
        decided(JobResult(job, Outcome.SKIP, reason="nothing to trace")),
    ):
        assert (other.outcome, [f.patch for f in other.findings]) == (Outcome.WARN, [None])

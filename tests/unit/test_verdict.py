# SPDX-License-Identifier: GPL-2.0-or-later
"""How results of jobs become one verdict, and what it says was not looked at."""

from __future__ import annotations

from itertools import permutations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.model import (
    FileChange,
    Job,
    JobResult,
    Lines,
    NotCovered,
    Outcome,
    Step,
)
from pipeline.verdict import decide
from tests.unit.builders import (
    base,
    change,
    file_change,
    finding,
    hunk,
    plan,
    results,
    seen,
    series,
)

PASS, WARN, FAIL, SKIP, ERROR = (
    Outcome.PASS,
    Outcome.WARN,
    Outcome.FAIL,
    Outcome.SKIP,
    Outcome.ERROR,
)
BASE, PATCHED, JUDGE = Step.BASE, Step.PATCHED, Step.JUDGE
NUMA = "compiled only where `defined(CONFIG_NUMA)`"
ELSEWHERE = "not compiled into the kernel of this configuration"


def decided(a_plan, came, *, of=None, error=""):
    return decide(
        "r1", series(), base(), a_plan, came, change=of or change(), seconds=9.5, error=error
    )


def result(name, check, step, outcome, reason="", **rest):
    return JobResult(Job(name, check, step), outcome, reason, **rest)


def clean(name):
    return [r for check in ("build", "symbols", "boot") for r in results(name, check)]


def only(verdict, name, check):
    row = next(t for t in verdict.targets if t.target == name)
    return next(c for c in row.checks if c.check == check)


def build_only(*names):
    """A plan in which build is the only check, so that a cell is all there is."""
    whole = plan(*names)
    targets = tuple(
        type(p)(target=p.target, reason=p.reason, checks=("build",)) for p in whole.targets
    )
    return type(whole)(targets, whole.left_out, whole.checks)


def cell_of(*came):
    return only(decided(build_only("arm64"), came), "arm64", "build")


# --- the fold -------------------------------------------------------------------------------


def test_all_that_passes_is_a_pass():
    verdict = decided(plan("arm64", "mips"), clean("arm64") + clean("mips"))
    assert verdict.outcome is PASS
    assert [t.outcome for t in verdict.targets] == [PASS, PASS]
    assert verdict.seconds == 9.5
    assert verdict.error == ""


def test_a_target_is_its_worst_check_and_the_run_its_worst_target():
    warned = results("mips", "build", findings=(finding(WARN),))
    came = [*clean("arm64"), *warned, *results("mips", "symbols"), *results("mips", "boot")]
    verdict = decided(plan("arm64", "mips"), came)
    assert [t.outcome for t in verdict.targets] == [PASS, WARN]
    assert verdict.outcome is WARN


def test_a_certain_failure_outranks_an_error_elsewhere():
    failed = results("mips", "build", findings=(finding(FAIL),))
    lost = result("arm64", "build", BASE, ERROR, "its worker was lost")
    verdict = decided(build_only("arm64", "mips"), [*failed, lost])
    assert [t.outcome for t in verdict.targets] == [ERROR, FAIL]
    assert verdict.outcome is FAIL


@pytest.mark.parametrize("side", [BASE, PATCHED])
def test_a_probe_in_error_makes_the_cell_an_error_that_names_the_side(side):
    cell = cell_of(result("arm64", "build", side, ERROR, "the disk is full"))
    assert (cell.outcome, cell.reason) == (ERROR, f"{side}: the disk is full")


def test_the_same_error_on_both_sides_is_told_once():
    cell = cell_of(*(result("arm64", "build", side, ERROR, "lost") for side in (BASE, PATCHED)))
    assert cell.reason == "base and patched: lost"


def test_a_judgement_never_accuses_over_a_probe_in_error():
    cell = cell_of(
        result("arm64", "build", BASE, ERROR, "killed"),
        result("arm64", "build", JUDGE, FAIL, findings=(finding(FAIL),)),
    )
    assert (cell.outcome, cell.findings) == (ERROR, ())


def test_a_judge_in_error_gives_its_reason():
    cell = cell_of(
        *results("arm64", "build", outcome=ERROR, reason="the base kernel does not build")
    )
    assert (cell.outcome, cell.reason) == (ERROR, "the base kernel does not build")


def test_what_was_skipped_says_why():
    reason = "the patched kernel does not build"
    cell = cell_of(
        *results("arm64", "build")[:1],
        result("arm64", "build", PATCHED, SKIP, reason),
        result("arm64", "build", JUDGE, SKIP, reason),
    )
    assert (cell.outcome, cell.reason) == (SKIP, reason)


def test_a_skipped_probe_is_enough_to_skip_the_cell():
    cell = cell_of(result("arm64", "build", PATCHED, SKIP, "does not build"))
    assert (cell.outcome, cell.reason) == (SKIP, "does not build")


@pytest.mark.parametrize(
    ("came", "reason"),
    [
        ((), "no result from base, patched, judge"),
        (results("arm64", "build")[:2], "no result from judge"),
        (results("arm64", "build")[1:2], "no result from base, judge"),
    ],
)
def test_what_never_came_back_is_ours(came, reason):
    cell = cell_of(*came)
    assert (cell.outcome, cell.reason) == (ERROR, reason)


def test_a_cell_counts_the_seconds_of_all_steps_and_knows_a_cached_base():
    cell = cell_of(*results("arm64", "build", seconds=2.0, cached=True))
    assert cell.seconds == 6.0
    assert cell.base_cached
    assert not cell_of(*results("arm64", "build")).base_cached


def test_a_patched_observation_from_the_cache_is_no_cached_base():
    patched = result(
        "arm64", "build", PATCHED, PASS, observation=seen("build", PATCHED, cached=True)
    )
    assert not cell_of(patched).base_cached


def test_findings_inherited_ones_and_facts_are_the_judges():
    new, old = finding(FAIL), finding(WARN, summary="old")
    cell = cell_of(
        *results("arm64", "build", findings=(new,), inherited=(old,), facts=(("objects", 7),))
    )
    assert (cell.findings, cell.inherited, cell.facts) == ((new,), (old,), (("objects", 7),))


def test_nothing_to_do_is_a_pass_that_says_what_was_left_out():
    verdict = decided(
        plan(left_out=[("arm64", "only documentation is touched")]),
        [],
        of=change(file_change("Documentation/mm/a.rst")),
    )
    assert verdict.outcome is PASS
    assert verdict.targets == ()
    assert [left.arch for left in verdict.left_out] == ["arm64"]
    assert verdict.not_covered == ()


def test_all_skipped_is_a_pass_of_the_run_but_not_of_the_target():
    skipped = [result("arm64", "build", step, SKIP, "asked not to") for step in Step]
    verdict = decided(build_only("arm64"), skipped)
    assert (verdict.outcome, verdict.targets[0].outcome) == (PASS, SKIP)


@pytest.mark.parametrize(("findings", "outcome"), [((), ERROR), ((finding(FAIL),), FAIL)])
def test_a_run_that_was_not_finished_is_an_error_at_least(findings, outcome):
    came = results("arm64", "build", findings=findings)
    verdict = decided(build_only("arm64"), came, error="interrupted by SIGTERM")
    assert (verdict.outcome, verdict.error) == (outcome, "interrupted by SIGTERM")


def test_checks_that_were_not_planned_are_handed_on():
    assert decided(plan(skipped=(("perf", "not asked for"),)), []).skipped == (
        ("perf", "not asked for"),
    )


def test_results_of_jobs_that_were_not_planned_change_nothing():
    stray = results("alpha", "build", findings=(finding(FAIL),))
    assert decided(plan(), stray).outcome is PASS


# --- the order of results does not matter ---------------------------------------------------


def test_every_order_of_results_gives_the_same_verdict():
    came = [
        *results("arm64", "build", uncovered=((Lines("mm/a.c", PATCHED, 3, 5), ELSEWHERE),)),
        *results("mips", "build", uncovered=((Lines("mm/a.c", PATCHED, 4, 9), NUMA),)),
    ]
    verdicts = {decided(build_only("arm64", "mips"), order) for order in permutations(came)}
    assert len(verdicts) == 1


_OUTCOMES = st.sampled_from(Outcome)


@settings(max_examples=40, deadline=None)
@given(
    outcomes=st.lists(_OUTCOMES, min_size=18, max_size=18),
    present=st.lists(st.booleans(), min_size=18, max_size=18),
    shuffled=st.randoms(),
)
def test_whatever_came_back_folds_to_one_verdict(outcomes, present, shuffled):
    a_plan = plan("arm64", "mips")
    came = [
        JobResult(job, outcome, "why")
        for job, outcome, here in zip(a_plan.jobs, outcomes, present, strict=True)
        if here
    ]
    verdict = decided(a_plan, came)
    shuffled.shuffle(came)
    assert decided(a_plan, came) == verdict
    cells = [cell for row in verdict.targets for cell in row.checks]
    assert len(cells) == 6
    assert all(cell.reason for cell in cells if cell.outcome in (ERROR, SKIP))
    assert verdict.outcome is not SKIP


# --- what was not covered -------------------------------------------------------------------


def not_covered(a_plan, uncovered, *, of=None, judged=PASS):
    """UNCOVERED: target → what its build's judge lists."""
    came = [
        r
        for name, lines in uncovered.items()
        for r in results(name, "build", uncovered=lines, outcome=judged)
    ]
    return decided(a_plan, came, of=of).not_covered


def test_a_line_that_one_target_compiled_is_covered():
    missed = ((Lines("mm/a.c", PATCHED, 3, 5), ELSEWHERE),)
    assert not_covered(build_only("arm64", "mips"), {"arm64": missed, "mips": ()}) == ()


def test_only_lines_that_no_target_compiled_are_told_with_the_common_reason():
    of_arm = ((Lines("mm/a.c", PATCHED, 3, 6), NUMA), (Lines("mm/a.c", PATCHED, 9, 9), NUMA))
    of_mips = ((Lines("mm/a.c", PATCHED, 5, 9), NUMA),)
    assert not_covered(build_only("arm64", "mips"), {"arm64": of_arm, "mips": of_mips}) == (
        NotCovered("mm/a.c", ((5, 6), (9, 9)), NUMA),
    )


def test_reasons_that_differ_are_told_with_their_targets():
    (place,) = not_covered(
        build_only("arm64", "mips", "s390"),
        {
            "arm64": ((Lines("mm/a.c", PATCHED, 3, 3), NUMA),),
            "mips": ((Lines("mm/a.c", PATCHED, 3, 3), ELSEWHERE),),
            "s390": ((Lines("mm/a.c", PATCHED, 3, 3), ELSEWHERE),),
        },
    )
    assert place.reason == f"mips, s390: {ELSEWHERE}; arm64: {NUMA}"


def test_of_an_architectures_own_file_only_its_own_targets_speak():
    """The IP27 part of arch/mips/mm/init.c, that no ordinary configuration compiles."""
    removed = Lines("arch/mips/mm/init.c", BASE, 403, 410)
    assert not_covered(
        build_only("arm64", "mips"),
        {"arm64": ((removed, ELSEWHERE),), "mips": ((removed, NUMA),)},
    ) == (NotCovered("arch/mips/mm/init.c", ((403, 410),), NUMA, BASE),)


def test_an_architecture_without_a_target_is_told_by_name():
    a_plan = build_only("arm64")
    a_plan = type(a_plan)(
        a_plan.targets, plan(left_out=[("powerpc", "no target")]).left_out, a_plan.checks
    )
    lines = Lines("arch/powerpc/mm/mem.c", PATCHED, 3, 5)
    assert not_covered(a_plan, {"arm64": ((lines, ELSEWHERE),)}) == (
        NotCovered("arch/powerpc/mm/mem.c", ((3, 5),), "arch/powerpc: no target"),
    )


def test_sides_are_kept_apart():
    lines = ((Lines("a.c", BASE, 3, 3), NUMA), (Lines("a.c", PATCHED, 3, 3), NUMA))
    assert [place.side for place in not_covered(build_only("arm64"), {"arm64": lines})] == [
        BASE,
        PATCHED,
    ]


def test_a_failed_build_still_says_what_it_compiled():
    lines = ((Lines("mm/a.c", PATCHED, 3, 3), "the patched kernel does not build"),)
    (place,) = not_covered(build_only("arm64"), {"arm64": lines}, judged=FAIL)
    assert place.reason == "the patched kernel does not build"


TOUCHED = change(
    file_change("mm/a.c", hunk(new=(10, 2), old=(10, 3)), hunk(new=(20, 1), old=(20, 0))),
    FileChange("mm/old.c", "mm/old.c", "D", (hunk(new=(0, 0), old=(1, 4)),)),
    file_change("Documentation/mm/a.rst"),
    file_change("arch/mips/mm/init.c"),
)


@pytest.mark.parametrize("outcome", [ERROR, SKIP])
def test_targets_that_could_not_be_judged_cover_nothing(outcome):
    places = not_covered(
        build_only("arm64", "mips"), {"arm64": (), "mips": ()}, of=TOUCHED, judged=outcome
    )
    both = "arm64, mips: no build to judge"
    assert places == (
        NotCovered("arch/mips/mm/init.c", ((1, 1),), "mips: no build to judge"),
        NotCovered("mm/a.c", ((10, 12),), both, BASE),
        NotCovered("mm/a.c", ((10, 11), (20, 20)), both),
        NotCovered("mm/old.c", ((1, 4),), both, BASE),
    )


def test_one_judged_target_speaks_where_another_was_lost():
    arch_file = Lines("arch/mips/mm/init.c", PATCHED, 1, 1)
    (place,) = not_covered(build_only("arm64", "mips"), {"arm64": ((arch_file, ELSEWHERE),)})
    assert place.reason == "mips: no build to judge"


def test_code_that_no_target_is_planned_for_is_not_passed_over():
    a_plan = plan(left_out=[("powerpc", "no target")])
    verdict = decided(a_plan, [], of=change(file_change("arch/powerpc/mm/mem.c")))
    assert verdict.outcome is PASS
    assert verdict.not_covered == (
        NotCovered("arch/powerpc/mm/mem.c", ((1, 1),), "arch/powerpc: no target"),
    )


@settings(max_examples=40, deadline=None)
@given(
    st.lists(
        st.lists(st.tuples(st.integers(1, 40), st.integers(0, 6)), max_size=6),
        min_size=1,
        max_size=4,
    )
)
def test_what_is_told_is_the_intersection_line_by_line(spans):
    names = ("arm64", "mips", "s390", "x86_64")[: len(spans)]
    uncovered = {
        name: tuple((Lines("mm/a.c", PATCHED, a, a + n), NUMA) for a, n in of)
        for name, of in zip(names, spans, strict=True)
    }
    expected = set.intersection(
        *({line for a, n in of for line in range(a, a + n + 1)} for of in spans)
    )
    places = not_covered(build_only(*names), uncovered)
    told = [line for p in places for a, b in p.lines for line in range(a, b + 1)]
    assert sorted(told) == told
    assert set(told) == expected
    assert len(told) == len(expected)

# SPDX-License-Identifier: GPL-2.0-or-later
"""What is known does not count, and hides nothing else."""

from __future__ import annotations

import time
from dataclasses import replace

import pytest

from pipeline.engine import conclude
from pipeline.fingerprint import fingerprint
from pipeline.known import DAYS, blocked, said_unrelated, seen_on_base, set_aside
from pipeline.model import (
    Case,
    InputError,
    Job,
    JobResult,
    Outcome,
    PatchDiff,
    SetAside,
    Step,
)
from pipeline.store import Options, RunRecord, Store
from tests.unit.builders import (
    base,
    cell,
    change,
    file_change,
    finding,
    hunk,
    plan,
    results,
    row,
    seen,
    series,
    verdict,
)

FAIL, WARN, PASS, SKIP = Outcome.FAIL, Outcome.WARN, Outcome.PASS, Outcome.SKIP
SPLAT = finding(
    kind="boot-warning", summary="WARNING in f()", file="mm/a.c", line=7, symbol="f", patch=None
)
ERROR = finding(detail="mm/mm_init.c:60:3: error: x\n   60 |  a = zero_page_mask;\n")
LINK = "https://example.org/1"
NOW = 1000.0


def said(of, digits, **more):
    return said_unrelated(of, digits, link=LINK, by="ann@example.org", now=NOW, **more)


def digits(target, check, found):
    return fingerprint(target, check, found)[:6]


def known(target, check, found):
    one = verdict(row(target, cell(check, findings=[found])))
    return said(one, digits(target, check, found))


def test_a_known_cost_hides_no_other_cost_of_the_same():
    cost = finding(kind="slower", severity=WARN, summary="getpid: 161 → 170", symbol="getpid")
    more = replace(cost, summary="getpid: 161 → 1062", severity=FAIL)
    lines = known("s390", "perf", cost)
    for found, counts in ((cost, False), (more, True)):
        of = verdict(row("s390", cell("perf", findings=[found])))
        (left,) = set_aside(of, lines, change=change(), blocks=frozenset()).targets
        assert bool(left.checks[-1].findings) is counts


def aside(of, *lines, blocks=(), series_change=None):
    every = [line for group in lines for line in group]
    return set_aside(of, every, change=series_change or change(), blocks=frozenset(blocks))


def checks(of, target="arm64"):
    (found,) = [row for row in of.targets if row.target == target]
    return {cell.check: cell for cell in found.checks}


def failing(check, *findings, target="arm64"):
    return verdict(row(target, cell(check, findings=findings)))


def test_what_is_known_is_set_aside_with_its_link():
    of = aside(failing("boot", SPLAT), known("arm64", "boot", SPLAT))
    boot = checks(of)["boot"]
    assert (boot.outcome, boot.findings, boot.known) == (PASS, (), (SetAside(SPLAT, LINK),))
    assert (of.outcome, of.targets[0].outcome) == (PASS, PASS)


def test_it_is_known_where_lines_moved_and_numbers_differ():
    moved = replace(
        SPLAT, line=99, patch=2, severity=WARN, summary="WARNING in f() (in 1 of 2 boots)"
    )
    of = aside(failing("boot", moved), known("arm64", "boot", SPLAT))
    assert of.outcome is PASS


def test_what_is_new_beside_it_counts():
    new = replace(SPLAT, symbol="g", severity=WARN)
    of = aside(failing("boot", SPLAT, new), known("arm64", "boot", SPLAT))
    assert (of.outcome, checks(of)["boot"].findings) == (WARN, (new,))


@pytest.mark.parametrize(
    "other",
    [
        replace(ERROR, file="mm/a.c"),
        replace(ERROR, summary="'other_mask' undeclared"),
        replace(ERROR, kind="new-warning"),
        replace(ERROR, symbol="s"),
        replace(ERROR, detail=ERROR.detail.replace("a =", "b =")),
        replace(ERROR, detail=""),
    ],
)
def test_another_error_is_never_hidden(other):
    of = failing("build", other)
    assert aside(of, known("arm64", "build", ERROR)) == of


def test_it_is_known_on_its_target_and_check_alone():
    assert (
        aside(failing("boot", SPLAT, target="mips"), known("arm64", "boot", SPLAT)).outcome is FAIL
    )
    assert aside(failing("build", SPLAT), known("arm64", "boot", SPLAT)).outcome is FAIL


def test_a_kernel_that_does_not_build_for_a_known_reason_was_not_tested():
    of = aside(failing("build", ERROR), known("arm64", "build", ERROR), blocks=[("arm64", "build")])
    build = checks(of)["build"]
    assert build.outcome is SKIP
    assert build.reason == "it fails as is known: 'zero_page_mask' undeclared"
    two = failing("build", ERROR, finding(line=9, summary="other"))
    of = aside(two, known("arm64", "build", ERROR), blocks=[("arm64", "build")])
    assert of.outcome is FAIL


def test_where_findings_were_left_out_the_rest_may_be_news():
    of = verdict(row("arm64", cell("build", findings=[ERROR], facts=(("findings_left_out", 3),))))
    assert aside(of, known("arm64", "build", ERROR)) == of


def test_a_run_that_broke_off_stays_an_error():
    of = replace(failing("boot", SPLAT), error="interrupted", outcome=FAIL)
    assert aside(of, known("arm64", "boot", SPLAT)).outcome is Outcome.ERROR


# --- what bases have ------------------------------------------------------------------------


def judged(check="boot", target="arm64", **changes):
    return JobResult(Job(target, check, Step.JUDGE), **({"outcome": PASS} | changes))


def flaky(*names):
    of = plan(*names)
    return replace(of, checks=tuple(replace(c, flaky=c.name == "boot") for c in of.checks))


def test_what_a_base_has_is_known_with_the_run_that_saw_it():
    only = replace(SPLAT, symbol="g")
    lines = seen_on_base("r", flaky("arm64"), [judged(inherited=(SPLAT,), base_only=(only,))], NOW)
    assert [line.link for line in lines] == ["r", "r"]
    assert {line.expires_at for line in lines} == {NOW + DAYS * 86_400}
    of = aside(failing("boot", SPLAT, only), lines)
    assert [each.link for each in checks(of)["boot"].known] == ["r", "r"]


def test_only_what_is_flaky_and_was_judged():
    of = [
        judged("build", inherited=(ERROR,)),
        judged(inherited=(SPLAT,), outcome=Outcome.ERROR),
        judged(findings=(SPLAT,), outcome=FAIL),
    ]
    assert seen_on_base("r", flaky("arm64"), of, NOW) == ()


def test_what_stands_on_a_line_that_the_series_wrote_no_base_had():
    files = (file_change("mm/a.c", hunk(new=(7, 1), old=(6, 0))),)
    wrote = change(*files, patches=(PatchDiff(1, files),))
    lines = seen_on_base("r", flaky("arm64"), [judged(inherited=(SPLAT,))], NOW)
    of = failing("boot", SPLAT)
    assert aside(of, lines, series_change=wrote) == of
    assert aside(of, lines).outcome is PASS
    assert aside(of, known("arm64", "boot", SPLAT), series_change=wrote).outcome is PASS


# --- what somebody says ---------------------------------------------------------------------


def test_one_word_counts_for_all_targets_that_have_the_same():
    of = verdict(
        row("arm64", cell("boot", findings=[SPLAT])),
        row("mips", cell("boot", findings=[replace(SPLAT, detail="other registers")])),
        row("s390", cell("boot", findings=[replace(SPLAT, symbol="g")])),
    )
    lines = said(of, digits("mips", "boot", SPLAT).upper(), days=1)
    assert [line.target for line in lines] == ["arm64", "mips"]
    assert {line.expires_at for line in lines} == {NOW + 86_400}
    assert [row.outcome for row in aside(of, lines).targets] == [PASS, PASS, FAIL]


def test_what_is_known_may_be_said_again():
    of = aside(failing("boot", SPLAT), known("arm64", "boot", SPLAT))
    assert len(said(of, digits("arm64", "boot", SPLAT))) == 1


@pytest.mark.parametrize("wrong", ["", "3fa9", "000000", "no digits", "0" * 17])
def test_a_name_that_is_none_is_one_sentence(wrong):
    with pytest.raises(InputError, match="There is no finding"):
        said(failing("boot", SPLAT), wrong)


def test_a_name_of_several_is_refused(monkeypatch):
    monkeypatch.setattr("pipeline.known.fingerprint", lambda t, c, f: f"abcdef{len(f.symbol):010}")
    of = failing("boot", SPLAT, replace(SPLAT, symbol="gg"))
    with pytest.raises(InputError, match=r"Several findings .* 'abcdef': give more"):
        said(of, "abcdef")
    assert len(said(of, "abcdef0000000002")) == 1


# --- in the engine --------------------------------------------------------------------------


@pytest.fixture
def store(url):
    return Store(url)


def concluded(store, run, *more):
    taken = flaky("arm64")
    case = Case(run, series(), base(), change())
    store.create_run(RunRecord(run, time.time(), Options(), taken, case, ""))
    probes = [r for c in ("build", "symbols", "boot") for r in results("arm64", c)]
    by_job = {r.job: r for r in (*probes, *more)}
    for each in store.jobs(run):
        store.mark_sent(run, each, 1.0)
        store.claim(run, each.job, 1, worker="h:1", now=1.0, lease_s=30)
        assert store.finish(run, 1, by_job[each.job])
    return conclude(store, store.run(run))


def test_what_one_run_saw_on_its_base_is_not_laid_on_the_next_series(store):
    new = judged(findings=(SPLAT,), outcome=FAIL)
    assert concluded(store, "before", new).outcome is FAIL
    assert concluded(store, "sees", judged(base_only=(SPLAT,))).outcome is PASS
    after = concluded(store, "after", new)
    assert after.outcome is PASS
    assert checks(after)["boot"].known == (SetAside(SPLAT, "sees"),)
    assert store.verdict("after") == after
    with store._engine.begin() as connection:
        connection.exec_driver_sql("update known set expires_at = 5")
    assert concluded(store, "much-later", new).outcome is FAIL


def test_a_kernel_that_does_not_build_is_known_by_its_observation(store):
    job = Job("arm64", "build", Step.PATCHED)
    probe = JobResult(job, PASS, observation=seen("build", Step.PATCHED, blocks="no kernel"))
    assert blocked([probe, *results("arm64", "boot")]) == {("arm64", "build")}
    now = time.time()
    lines = [replace(line, expires_at=now + 99) for line in known("arm64", "build", ERROR)]
    store.remember(lines, now)
    of = concluded(store, "r", probe, judged("build", findings=(ERROR,), outcome=FAIL))
    assert checks(of)["build"].outcome is SKIP

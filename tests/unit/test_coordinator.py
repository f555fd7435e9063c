# SPDX-License-Identifier: GPL-2.0-or-later
"""The reconciler: what it does next, as tables of where the jobs stand."""

from __future__ import annotations

import random
from dataclasses import replace

from pipeline.coordinator import (
    LEASE_S,
    MAX_ATTEMPTS,
    RESEND_S,
    Send,
    Settle,
    TakeBack,
    finished,
    next_actions,
)
from pipeline.model import (
    Artifact,
    CheckSpec,
    Finding,
    Job,
    JobResult,
    Machine,
    Observation,
    Outcome,
    Plan,
    PlannedTarget,
    Step,
    Target,
)
from pipeline.store import JobRow

NOW = 1_000_000.0
BUILD = CheckSpec("build", (), "build", 3600.0, traced=True)
BOOT = CheckSpec("boot", ("build",), "boot", 600.0, traced=True)


def target(name):
    return Target(
        name=name,
        arch=name,
        make_arch=name,
        cross_compile="",
        packages=(),
        make_targets=("vmlinux",),
        image="vmlinux",
        config=(),
        machine=Machine(qemu=("true",), append="", seconds_limit=60, zero_pages=1),
    )


def plan(*names, checks=(BUILD, BOOT), patches=1):
    return Plan(
        targets=tuple(
            PlannedTarget(target(n), "generic", tuple(c.name for c in checks)) for n in names
        ),
        left_out=(),
        checks=checks,
        patches=patches,
    )


def rows(of_plan, **known):
    """All jobs waiting, but for those KNOWN as `target_check_step=dict(...)`."""
    made = []
    for job in of_plan.jobs:
        key = f"{job.target}_{job.check}_{job.step}"
        made.append(replace(JobRow(job), **known.pop(key, {})))
    assert not known
    return tuple(made)


def seen(job, blocks=""):
    artifact = Artifact("seen", "sha256:" + "0" * 64, 1)
    return JobResult(
        job=job,
        outcome=Outcome.PASS,
        observation=Observation(job.check, job.step, artifact, blocks=blocks),
    )


def done(check, step, *, blocks="", outcome=Outcome.PASS, reason=""):
    job = Job("a", check, step)
    result = seen(job, blocks)
    if outcome is not Outcome.PASS:
        result = JobResult(job=job, outcome=outcome, reason=reason)
    return {"state": "done", "result": result}


def act(of_plan, of_rows, now=NOW, window=2, cores=2):
    return next_actions(of_plan, of_rows, now, window=window, cores=cores)


def sent(actions):
    return [a.row.job.id for a in actions if isinstance(a, Send)]


def test_builds_start_first_and_no_more_than_the_window_lets():
    p = plan("a", "b", "c")
    assert sent(act(p, rows(p))) == ["a/build/base", "b/build/base"]
    assert sent(act(p, rows(p), window=4)) == ["a/build/base", "b/build/base", "c/build/base"]


def test_a_patched_build_follows_its_base_and_precedes_other_bases():
    p = plan("a", "b", "c", checks=(BUILD,))
    running = {"state": "running", "started_at": NOW, "lease_until": NOW + 10}
    r = rows(p, a_build_base=done("build", "base"), b_build_base=running)
    assert sent(act(p, r)) == ["a/build/patched"]


def test_without_a_base_no_patched_kernel_is_built():
    p = plan("a", checks=(BUILD,))
    r = rows(p, a_build_base=done("build", "base", outcome=Outcome.ERROR, reason="no space left"))
    settled = {a.row.job.id: a.result for a in act(p, r) if isinstance(a, Settle)}
    assert settled["a/build/patched"].outcome is Outcome.SKIP
    assert settled["a/build/judge"].outcome is Outcome.ERROR


def test_what_was_begun_is_finished_before_more_is_begun():
    p = plan("a", "b")
    r = rows(p, a_build_base=done("build", "base"), a_build_patched=done("build", "patched"))
    assert sent(act(p, r)) == ["a/build/judge", "a/boot/base"]


def test_a_judge_waits_for_both_sides():
    p = plan("a", checks=(BUILD,))
    r = rows(
        p,
        a_build_base=done("build", "base"),
        a_build_patched={"state": "running", "started_at": NOW, "lease_until": NOW + 10},
    )
    assert act(p, r) == ()


def test_what_cannot_be_looked_at_is_skipped_and_says_why():
    p = plan("a")
    r = rows(
        p,
        a_build_base=done("build", "base"),
        a_build_patched=done("build", "patched", blocks="the patched kernel does not build"),
    )
    settled = {a.row.job.id: a.result for a in act(p, r) if isinstance(a, Settle)}
    assert settled["a/boot/patched"].outcome is Outcome.SKIP
    assert settled["a/boot/patched"].reason == "the patched kernel does not build"


def test_a_probe_that_went_wrong_makes_its_judgement_an_error_not_a_failure():
    p = plan("a", checks=(BUILD,))
    r = rows(
        p,
        a_build_base=done("build", "base", outcome=Outcome.ERROR, reason="no space left"),
        a_build_patched=done("build", "patched"),
    )
    (settled,) = act(p, r)
    assert settled.result.outcome is Outcome.ERROR
    assert settled.result.reason == "base: no space left"


def test_a_lost_worker_gives_its_job_back_a_bounded_number_of_times():
    p = plan("a", checks=(BUILD,))
    lost = {"state": "running", "started_at": NOW - 100, "lease_until": NOW - 1}
    (action, *_) = act(p, rows(p, a_build_base=lost))
    assert isinstance(action, TakeBack)
    (action, *_) = act(p, rows(p, a_build_base=lost | {"attempt": MAX_ATTEMPTS}))
    assert action.result.outcome is Outcome.ERROR
    assert "lost 3 times" in action.result.reason


def test_a_job_past_its_deadline_is_an_error_even_if_its_worker_lives():
    p = plan("a", checks=(BUILD,))
    r = rows(
        p, a_build_base={"state": "running", "started_at": NOW - 3601, "lease_until": NOW + LEASE_S}
    )
    (action, *_) = act(p, r)
    assert action.result.outcome is Outcome.ERROR
    assert "deadline of 3600 s" in action.result.reason


def test_an_unclaimed_message_is_sent_again_with_growing_patience():
    p = plan("a", checks=(BUILD,))
    queued = {"state": "queued", "queued_at": NOW - 40, "sent_at": NOW - RESEND_S - 1, "sends": 1}
    assert "a/build/base" in sent(act(p, rows(p, a_build_base=queued)))
    assert "a/build/base" not in sent(act(p, rows(p, a_build_base=queued | {"sends": 2})))


def test_patience_has_an_end_however_often_redis_was_away():
    p = plan("a", checks=(BUILD,))
    queued = {"state": "queued", "queued_at": NOW - 3000, "sent_at": NOW - 2000, "sends": 5000}
    assert "a/build/base" in sent(act(p, rows(p, a_build_base=queued)))


def test_a_job_that_no_worker_ever_takes_ends_as_an_error():
    p = plan("a", checks=(BUILD,))
    queued = {"state": "queued", "queued_at": NOW - 3601, "sent_at": NOW - 1, "sends": 5}
    (action, *_) = act(p, rows(p, a_build_base=queued))
    assert "no worker for a took it" in action.result.reason


def found(check, *patches):
    findings = tuple(Finding("new-warning", Outcome.WARN, "x", patch=patch) for patch in patches)
    result = JobResult(Job("a", check, Step.JUDGE), Outcome.WARN, findings=findings)
    return {"state": "done", "result": result}


def judged(check, *patches):
    return {
        f"a_{check}_base": done(check, "base"),
        f"a_{check}_patched": done(check, "patched"),
        f"a_{check}_judge": found(check, *patches),
    }


def test_what_no_patch_is_blamed_for_is_traced_where_kernels_are_built():
    p = plan("a", patches=3)
    state = rows(p, **judged("build", 2), **judged("boot", 1, None))
    settled = [a.row.job.id for a in act(p, state) if isinstance(a, Settle)]
    assert settled == ["a/build/trace"]
    (sending,) = [a for a in act(p, state) if isinstance(a, Send)]
    assert sending.row.job.id == "a/boot/trace"
    assert p.makes(sending.row.job) == BUILD
    assert p.makes(Job("a", "boot", Step.JUDGE)) == BOOT
    assert sending.cores == 3


def test_a_trace_waits_for_the_judge_and_there_is_none_in_a_series_of_one_patch():
    p = plan("a", patches=2)
    r = rows(p, a_build_base=done("build", "base"), a_build_patched=done("build", "patched"))
    assert "a/build/trace" not in sent(act(p, r, window=9))
    assert not [job for job in plan("a").jobs if job.step is Step.TRACE]


def test_the_last_builds_get_all_the_cores():
    p = plan("a", checks=(BUILD,))
    assert [a.cores for a in act(p, rows(p), cores=8)] == [12]  # its sides follow one another
    two = plan("a", "b", checks=(BUILD,))
    assert [a.cores for a in act(two, rows(two), cores=8)] == [6, 6]


def simulate(seed):
    """A run in which anything may go wrong at any time; returns its final rows."""
    chance = random.Random(seed)
    p = plan("a", "b", "c")
    state = list(rows(p))
    now = NOW
    for _ in range(2000):
        if finished(tuple(state)):
            return state
        now += chance.choice((0.1, 5.0, 40.0))
        for action in act(p, tuple(state), now=now):
            i = state.index(action.row) if action.row in state else None
            assert i is not None, "an action must be about a row as it is"
            if isinstance(action, Settle):
                state[i] = replace(action.row, state="done", result=action.result)
            elif isinstance(action, TakeBack):
                state[i] = JobRow(action.row.job, attempt=action.row.attempt + 1)
            else:
                state[i] = replace(
                    action.row,
                    state="queued",
                    sends=action.row.sends + 1,
                    queued_at=action.row.queued_at or now,
                    sent_at=now,
                )
        for i, row in enumerate(state):
            luck = chance.random()
            if row.state == "queued" and luck < 0.5:
                state[i] = replace(row, state="running", started_at=now, lease_until=now + LEASE_S)
            elif row.state == "running" and luck < 0.4:
                blocks = "does not build" if luck < 0.05 else ""
                state[i] = replace(row, state="done", result=seen(row.job, blocks))
            elif row.state == "running" and luck < 0.7:
                state[i] = replace(row, lease_until=now + LEASE_S)
    raise AssertionError("the run did not end")


def test_every_run_ends_whatever_is_lost():
    for seed in range(100):
        for row in simulate(seed):
            assert row.result is not None


def near(actions):
    return {a.row.job.id: a.near for a in actions if isinstance(a, Send)}


def test_a_job_is_first_offered_to_the_machine_that_built_its_base():
    p = plan("a", "b")
    before = {Job("b", "build", Step.BASE): "old:1", Job("a", "build", Step.BASE): "older:1"}
    r = rows(p, a_build_base=done("build", "base") | {"worker": "new:2"})
    offered = next_actions(p, r, NOW, window=9, cores=2, before=before)
    assert near(offered) == {
        "a/build/patched": "new:2", "a/boot/base": "new:2", "b/build/base": "old:1",
    }  # fmt: skip
    assert set(near(act(p, rows(p))).values()) == {""}


def test_a_message_that_nobody_took_is_sent_to_all_machines():
    p = plan("a", checks=(BUILD,))
    queued = {"state": "queued", "sends": 1, "sent_at": NOW - RESEND_S - 1, "worker": "gone:1"}
    assert near(act(p, rows(p, a_build_base=queued))) == {"a/build/base": ""}

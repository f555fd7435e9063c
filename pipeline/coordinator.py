# SPDX-License-Identifier: GPL-2.0-or-later
"""What is to be done next: the reconciler. Pure.

From the plan, where the jobs stand and the time to the next actions. It is run whenever
something may have changed and on a clock; running it twice, or after anything was lost,
gives what is still missing and nothing else.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from pipeline.model import Job, JobResult, Outcome, Plan, Step
from pipeline.store import JobRow

#: A job is tried this often before a lost worker is taken for the job's doing.
MAX_ATTEMPTS = 3
#: A worker renews its lease every RENEW_S; without, it is taken for lost after LEASE_S.
LEASE_S = 30.0
RENEW_S = 3.0
#: A worker says every SEEN_S that it lives; who has not for ALIVE_S is taken for gone.
SEEN_S = 5.0
ALIVE_S = 30.0
#: Whose run was not seen for so long has no coordinator any more, wherever that was. One that
#: waits for its database (`pipeline.store.database.PATIENCE_S`), or slept a little, still has.
ORPHANED_S = 300.0
#: An unclaimed message is sent again after this long, then after twice as long, and so on:
#: claims are fenced, so that a second message does no harm.
RESEND_S = 10.0
_RESEND_DOUBLINGS = 7


@dataclass(frozen=True, slots=True)
class Send:
    """Send a message for the job; CORES is how many jobs its make may run.

    NEAR, if not empty, is a worker whose machine is likely to have what the job starts from.
    """

    row: JobRow
    cores: int
    near: str = ""


@dataclass(frozen=True, slots=True)
class Settle:
    """Decide the job without running it (again)."""

    row: JobRow
    result: JobResult


@dataclass(frozen=True, slots=True)
class TakeBack:
    """The worker was lost: make the job waiting again."""

    row: JobRow


Action = Send | Settle | TakeBack


def finished(rows: tuple[JobRow, ...]) -> bool:
    """Whether every job is done."""
    return all(row.state == "done" for row in rows)


def _settled(row: JobRow, outcome: Outcome, reason: str) -> Settle:
    return Settle(row, JobResult(job=row.job, outcome=outcome, reason=reason))


def _overdue(plan: Plan, row: JobRow, now: float) -> Action | None:
    """What to do about a job that is out with a worker, or on its way to one."""
    deadline_s = plan.makes(row.job).deadline_s
    if row.state == "running":
        if row.started_at is not None and now - row.started_at > deadline_s:
            return _settled(
                row, Outcome.ERROR, f"not finished within its deadline of {deadline_s:.0f} s"
            )
        if row.lease_until is not None and now > row.lease_until:
            if row.attempt < MAX_ATTEMPTS:
                return TakeBack(row)
            return _settled(
                row,
                Outcome.ERROR,
                f"its worker was lost {row.attempt} times; see the memory and disk of the workers",
            )
    if row.state == "queued" and row.queued_at is not None and now - row.queued_at > deadline_s:
        return _settled(
            row,
            Outcome.ERROR,
            f"no worker for {row.job.target} took it within {deadline_s:.0f} s;"
            " `crosscheck workers` lists them, `crosscheck worker` starts one",
        )
    return None


def _judge_ready(row: JobRow, rows: dict[Job, JobRow]) -> Settle | bool:
    """Whether both sides were seen; a Settle if one never will be."""
    sides = [rows[Job(row.job.target, row.job.check, side)] for side in (Step.BASE, Step.PATCHED)]
    results = [side.result for side in sides]
    for side, result in zip(sides, results, strict=True):
        if result is not None and result.outcome is Outcome.ERROR:
            return _settled(row, Outcome.ERROR, f"{side.job.step}: {result.reason}")
    seen = [result for result in results if result is not None]
    if len(seen) < len(sides):
        return False
    blind = next((result for result in seen if result.observation is None), None)
    return True if blind is None else _settled(row, Outcome.SKIP, blind.reason)


def _probe_ready(row: JobRow, rows: dict[Job, JobRow], plan: Plan) -> Settle | bool:
    """Whether what the probe needs was seen; a Settle if it never will be."""
    for name in plan.check(row.job.check).needs:
        result = rows[Job(row.job.target, name, row.job.step)].result
        if result is None:
            return False
        if result.observation is None:
            reason = f"nothing to look at: {name} of {row.job.step}: {result.reason}"
            return _settled(row, Outcome.SKIP, reason)
        if result.observation.blocks:
            return _settled(row, Outcome.SKIP, result.observation.blocks)
    return row.job.step is Step.BASE or _base_seen(row, rows)


def _base_seen(row: JobRow, rows: dict[Job, JobRow]) -> Settle | bool:
    """Whether the base was seen: the patched side starts from what that left, or shows that
    nothing differs, and has nothing to be held against if it went wrong.
    """
    base = rows[Job(row.job.target, row.job.check, Step.BASE)].result
    if base is None:
        return False
    if base.outcome is Outcome.ERROR:
        return _settled(row, Outcome.SKIP, f"nothing to compare with: {base.reason}")
    return True


def _trace_ready(row: JobRow, rows: dict[Job, JobRow]) -> Settle | bool:
    """Whether the judge found what it could not lay to a patch; a Settle if it did not."""
    judged = rows[Job(row.job.target, row.job.check, Step.JUDGE)].result
    if judged is None:
        return False
    if judged.outcome is Outcome.ERROR or all(f.patch is not None for f in judged.findings):
        return _settled(row, Outcome.SKIP, "nothing to trace")
    return True


def _ready(row: JobRow, rows: dict[Job, JobRow], plan: Plan) -> Settle | bool:
    if row.job.step is Step.TRACE:
        return _trace_ready(row, rows)
    if row.job.step is Step.JUDGE:
        return _judge_ready(row, rows)
    return _probe_ready(row, rows, plan)


def _urgency(plan: Plan, job: Job) -> tuple[int, int]:
    """Finish what was begun: judgements first, then checks that need others, then builds.

    What comes between the base and the head is looked at last.
    """
    check = plan.check(job.check)
    between = check.of_series or job.step is Step.TRACE
    rank = 0 if job.step is Step.JUDGE else 2 if between else 1
    return rank, -len(check.needs)


def _builds(plan: Plan, job: Job) -> bool:
    check = plan.makes(job)
    return job.step is not Step.JUDGE and (check.of_series or not check.needs)


def cores_each(builds: int, window: int, cores: int) -> int:
    """How many jobs each make may run, so that CORES are busy and not crowded.

    BUILDS are left to do, at most WINDOW of them side by side. Half more than a build's
    share: configuring, linking and the like leave cores idle. When fewer builds are left
    than may run side by side, the last ones get more.
    """
    return max(1, math.ceil(1.5 * cores / max(1, min(window, builds))))


def _share(plan: Plan, rows: tuple[JobRow, ...], window: int, cores: int) -> int:
    """The builds of one target wait for each other as a rule; those that do not are out."""
    left = [row for row in rows if row.state != "done" and _builds(plan, row.job)]
    out = Counter(row.job.target for row in left if row.state != "waiting")
    builds = sum(max(1, out[target]) for target in {row.job.target for row in left})
    return cores_each(builds, window, cores)


def _resend(row: JobRow, now: float) -> bool:
    """Whether the latest message of a queued job is likely to be lost."""
    patience_s = RESEND_S * 2 ** min(row.sends - 1, _RESEND_DOUBLINGS)
    return row.state == "queued" and row.sent_at is not None and now - row.sent_at > patience_s


def _near(plan: Plan, job: Job, rows: dict[Job, JobRow], before: Mapping[Job, str]) -> str:
    """The worker that built JOB's base, in this run or in an earlier one; "" if none did.

    Only the first message of a job asks for its machine: the next one, RESEND_S later, is for
    all, so that no machine is waited for that is busy, or gone.
    """
    for name in (job.check, *plan.check(job.check).needs):
        built = Job(job.target, name, Step.BASE)
        if not plan.check(name).needs and built in rows:
            return rows[built].worker or before.get(built, "")
    return ""


def next_actions(
    plan: Plan,
    rows: tuple[JobRow, ...],
    now: float,
    *,
    window: int,
    cores: int,
    before: Mapping[Job, str] = MappingProxyType({}),
) -> tuple[Action, ...]:
    """What to do now. At most WINDOW jobs are with workers at once, on CORES cores.

    NOW is in seconds since the epoch, as are the times in ROWS. BEFORE has the workers that did
    the jobs of bases in earlier runs.
    """
    by_job = {row.job: row for row in rows}
    share = _share(plan, rows, window, cores)
    actions: list[Action] = []
    out = 0
    for row in rows:
        if row.state in ("done", "waiting"):
            continue
        overdue = _overdue(plan, row, now)
        if overdue is not None:
            actions.append(overdue)
            continue
        out += 1
        if _resend(row, now):
            actions.append(Send(row, share))
    ready: list[JobRow] = []
    for row in rows:
        if row.state == "waiting":
            answer = _ready(row, by_job, plan)
            if isinstance(answer, Settle):
                actions.append(answer)
            elif answer:
                ready.append(row)
    ready.sort(key=lambda row: _urgency(plan, row.job))
    actions += [
        Send(row, share, _near(plan, row.job, by_job, before))
        for row in ready[: max(0, window - out)]
    ]
    return tuple(actions)

# SPDX-License-Identifier: GPL-2.0-or-later
"""What does the run come to? Folds results of jobs into the one verdict. Pure.

The order of the results does not matter, and there is at most one per job. A job without
a result is ERROR: what nobody saw is never the author's failure.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from pipeline.coverage import not_covered
from pipeline.model import (
    Base,
    Change,
    CheckVerdict,
    Finding,
    Job,
    JobResult,
    Outcome,
    Plan,
    PlannedTarget,
    Series,
    Step,
    TargetVerdict,
    Verdict,
    worst,
)

Results = Mapping[Job, JobResult]

#: Without one of these nothing is known; a finding that was not traced is known all the same.
_DECIDING = (Step.BASE, Step.PATCHED, Step.JUDGE)


def _errors(steps: Mapping[Step, JobResult]) -> str:
    """Why the probes could not see; one reason is given once, with the sides it holds for."""
    reasons: dict[str, list[Step]] = {}
    for step in (Step.BASE, Step.PATCHED):
        result = steps.get(step)
        if result is not None and result.outcome is Outcome.ERROR:
            reasons.setdefault(result.reason or "no reason given", []).append(step)
    return "; ".join(f"{' and '.join(sides)}: {reason}" for reason, sides in reasons.items())


def _outcome(steps: Mapping[Step, JobResult]) -> tuple[Outcome, str]:
    """The outcome of a cell and its reason, from what its steps came to."""
    if errors := _errors(steps):
        return Outcome.ERROR, errors
    if (judged := steps.get(Step.JUDGE)) is not None:
        return judged.outcome, judged.reason
    for step in (Step.PATCHED, Step.BASE):
        if step in steps and steps[step].outcome is Outcome.SKIP:
            return Outcome.SKIP, steps[step].reason
    missing = [step for step in _DECIDING if step not in steps]
    return Outcome.ERROR, f"no result from {', '.join(missing)}"


def _cell(target: str, check: str, results: Results) -> CheckVerdict:
    jobs = {step: Job(target, check, step) for step in Step}
    steps = {step: results[job] for step, job in jobs.items() if job in results}
    outcome, reason = _outcome(steps)
    base = steps.get(Step.BASE)
    judged = steps.get(Step.JUDGE)
    trusted = judged if outcome is not Outcome.ERROR else None
    return CheckVerdict(
        check=check,
        outcome=outcome,
        reason=reason,
        seconds=sum(result.seconds for result in steps.values()),
        base_cached=base is not None and base.observation is not None and base.observation.cached,
        findings=_findings(trusted, steps.get(Step.TRACE)) if trusted else (),
        inherited=trusted.inherited if trusted else (),
        facts=judged.facts if judged else (),
    )


def _findings(judged: JobResult, traced: JobResult | None) -> tuple[Finding, ...]:
    return traced.findings if traced and traced.outcome is Outcome.PASS else judged.findings


def of_target(cells: Iterable[CheckVerdict]) -> Outcome:
    """What a target comes to whose checks came to CELLS."""
    return worst(cell.outcome for cell in cells)


def of_run(rows: Iterable[TargetVerdict], error: str) -> Outcome:
    """What a run comes to; nothing to be done is PASS. ERROR as `decide` has it."""
    ours = [Outcome.ERROR] if error else []
    return worst([Outcome.PASS, *ours, *(row.outcome for row in rows)])


def _row(planned: PlannedTarget, results: Results) -> TargetVerdict:
    cells = tuple(_cell(planned.target.name, check, results) for check in planned.checks)
    return TargetVerdict(
        target=planned.target.name,
        arch=planned.target.arch,
        outcome=of_target(cells),
        reason=planned.reason,
        checks=cells,
    )


def decide(
    run: str,
    series: Series,
    base: Base,
    plan: Plan,
    results: Iterable[JobResult],
    *,
    change: Change,
    seconds: float,
    error: str = "",
) -> Verdict:
    """The verdict of RUN, which took SECONDS.

    ERROR, if not empty, says why the run as a whole could not be finished; the outcome is
    then ERROR at least. A run in which nothing was to be done, or all was skipped, is PASS.
    """
    by_job = {result.job: result for result in results}
    rows = tuple(_row(planned, by_job) for planned in plan.targets)
    return Verdict(
        run=run,
        outcome=of_run(rows, error),
        series=series,
        base=base,
        targets=rows,
        left_out=plan.left_out,
        not_covered=not_covered(plan, by_job.values(), change),
        seconds=seconds,
        skipped=plan.skipped,
        error=error,
    )

# SPDX-License-Identifier: GPL-2.0-or-later
"""Which patch of a series brought a finding that the diff lays to none?

By bisection: the check is made on what lies between base and head, as if the series ended
there, and its judge says whether it finds the same. Where it cannot tell (a kernel in the
middle does not build) the next one is asked.

Of a measure that grew beyond a limit, it is the patch with which it did, for the last time: what
one patch costs, another may take back. So the last patches are looked at one by one.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from pathlib import Path

from pipeline.limits import KINDS as MEASURES
from pipeline.model import SEVERITY, Case, Change, Finding, InfraError, JobResult, Outcome, Step
from workers import registry, reuse
from workers.bench import open_bench
from workers.check import Check, Sighting
from workers.parsers.diag_compare import normalised
from workers.work import Work
from workers.workspace import Sources, build_directory, mark

#: To look at a patch takes a build.
_ONE_BY_ONE = 8

Key = tuple[str, str, str, str]


def key(finding: Finding) -> Key:
    """What is the same in FINDING wherever in a series it is found."""
    figures = finding.kind in MEASURES  # which are others after each patch
    said = "" if figures else normalised(finding.summary)
    return finding.kind, finding.file, finding.symbol, said


def first_with(total: int, shows: Callable[[int], bool | None]) -> int | None:
    """The patch, from 1 to TOTAL, that brought what the last one shows and the base does not.

    SHOWS says whether it is there after a patch, None if that cannot be told. None if that
    leaves more than one patch.
    """
    good, bad = 0, total
    while bad - good > 1:
        middle = (good + bad) // 2
        for n in sorted(range(good + 1, bad), key=lambda n: abs(n - middle)):
            answer = shows(n)
            if answer is not None:
                good, bad = (good, n) if answer else (n, bad)
                break
        else:
            return None
    return bad


def last_with(total: int, shows: Callable[[int], bool | None]) -> int | None:
    """As `first_with`, of what may come, go, and come again: the patch that brought it for good.

    Before the last `_ONE_BY_ONE` patches it is taken to come once.
    """
    bad = total
    for n in range(total - 1, max(total - 1 - _ONE_BY_ONE, 0), -1):
        answer = shows(n)
        if answer is False:
            return bad if bad == n + 1 else None
        bad = n if answer else bad
    return first_with(bad, shows)


def until(change: Change, n: int, sources: Sources) -> Change:
    """CHANGE as if the series ended after patch N; what it says of symbols is not taken over."""
    tree = change.trees[n - 1]
    return Change(
        base_commit=change.base_commit,
        base_tree=change.base_tree,
        patched_commit="",
        patched_tree=tree,
        files=sources.differing(change.base_tree, tree),
        patches=change.patches[:n],
        trees=change.trees[:n],
    )


@dataclass(frozen=True, slots=True)
class Found:
    """What a judge finds, as how severe; WHOLE: nothing else can be there, hidden by what went
    wrong before.
    """

    keys: Mapping[Key, Outcome]
    whole: bool

    @classmethod
    def of(cls, findings: Iterable[Finding], *, whole: bool) -> Found:
        """With FINDINGS; of two that are the same the more severe one counts."""
        mild_first = sorted(findings, key=lambda each: SEVERITY.index(each.severity))
        return cls({key(each): each.severity for each in mild_first}, whole)

    def has(self, finding: Finding) -> bool | None:
        """Whether FINDING is there; None if that cannot be told.

        A measure that is beyond a milder limit only is not yet what is beyond a severe one.
        """
        there = self.keys.get(key(finding))
        if there is None:
            return False if self.whole else None
        of_limit = finding.kind in MEASURES
        return not of_limit or SEVERITY.index(there) >= SEVERITY.index(finding.severity)


_NOTHING_TOLD = Found({}, whole=False)


@dataclass
class _Middle:
    """Makes a check on what lies in the middle; each at most once."""

    work: Work
    check: Check
    directory: Path
    sources: Sources
    found: dict[int, Found] = field(default_factory=dict)
    cases: dict[int, Case] = field(default_factory=dict)

    def shows(self, n: int, finding: Finding) -> bool | None:
        """Whether FINDING is there after patch N; None if that cannot be told."""
        if n not in self.found:
            try:
                self.found[n] = self._look(n)
            except InfraError:
                self.found[n] = _NOTHING_TOLD
        return self.found[n].has(finding)

    def can_tell(self, finding: Finding) -> bool:
        """Whether FINDING is there for a judge who knows of the series what he knows here."""
        total = len(self.work.record.case.change.trees)
        if total not in self.found:
            seen = self.work.seen(self.check.name, self.check.seen, Step.PATCHED)
            self.found[total] = self._judged(total, seen, whole=True)
        return bool(self.found[total].has(finding))

    def _case(self, n: int) -> Case:
        if n not in self.cases:
            case = self.work.record.case
            self.cases[n] = replace(case, change=until(case.change, n, self.sources))
        return self.cases[n]

    @cached_property
    def _before(self) -> object:
        return self.work.seen(self.check.name, self.check.seen, Step.BASE)

    def _judged(self, n: int, seen: object, *, whole: bool) -> Found:
        judged = self.check.judge(self._case(n), self.work.target, self._before, seen)
        if judged.outcome is Outcome.ERROR:
            return _NOTHING_TOLD
        return Found.of(judged.findings, whole=whole)

    def _look(self, n: int) -> Found:
        here, base = self._case(n), self.work.record.case.change.base_tree
        needed: dict[str, Path] = {}
        names = (*reuse.needs(self.work, self.check.name), self.check.name)
        with self.sources.changed(here.change.patched_tree, base, like=base) as tree:
            for check in map(registry.check, names):
                sighting = self._probe(check, here, tree, needed, n)
                if sighting.skip:
                    return Found({}, whole=True)
                if sighting.blocks and check is not self.check:
                    return _NOTHING_TOLD
                needed |= {a.name: self.work.artifacts.path(a) for a in sighting.artifacts}
        return self._judged(n, sighting.seen, whole=not sighting.blocks)

    def _probe(
        self, check: Check, case: Case, tree: Path, needed: dict[str, Path], n: int
    ) -> Sighting:
        place = self.directory / f"{n}-{check.name}"
        (place / "build").mkdir(parents=True)
        total = len(self.work.record.case.change.trees)
        mark(self.directory / "log", f"{check.name} after patch {n} of {total}")
        bench = open_bench(self.work, check, tree, place, needed, side=Step.PATCHED)
        return check.probe(
            replace(
                bench,
                case=case,
                start=reuse.from_base(reuse.base_build(self.work, check), case.change),
                compiled=reuse.compile_cache(self.work),
                log=self.directory / "log",
                progress=lambda doing: bench.progress(f"after patch {n} of {total}: {doing}"),
            )
        )


def trace(work: Work, attempt: int) -> JobResult:
    """The judge's findings, of which as many as possible name the patch that brought them."""
    check = registry.check(work.job.check)
    judged = work.result(check.name, Step.JUDGE)
    total = len(work.record.case.change.trees)
    work.bring_trees()
    with build_directory(work.settings, work.record.run, work.job.id, attempt) as directory:
        middle = _Middle(work, check, directory, work.sources)
        findings = tuple(_traced(finding, total, middle) for finding in judged.findings)
        log = work.keep_log(directory / "log")
    return JobResult(job=work.job, outcome=Outcome.PASS, findings=findings, log=log)


def _traced(finding: Finding, total: int, middle: _Middle) -> Finding:
    if finding.patch is not None or not middle.can_tell(finding):
        return finding
    search = last_with if finding.kind in MEASURES else first_with
    return replace(finding, patch=search(total, lambda n: middle.shows(n, finding)))

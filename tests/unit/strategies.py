# SPDX-License-Identifier: GPL-2.0-or-later
"""Verdicts of every shape, hostile ones too, for tests that hold for all of them."""

from __future__ import annotations

import shlex

from hypothesis import strategies as st

from pipeline.model import (
    Base,
    CheckVerdict,
    Finding,
    LeftOut,
    Letter,
    NotCovered,
    Outcome,
    Patch,
    Series,
    SetAside,
    Step,
    TargetVerdict,
    Verdict,
    worst,
)

#: Also lone surrogates, as undecodable mails have them, control characters and the like.
texts = st.one_of(
    st.text(st.characters(), max_size=12),
    st.sampled_from(
        [
            "",
            "\x1b[2Jgone",
            "a\nBcc: x@example.org",
            "From me",
            "[red]x[/red]",
            "x" * 1200,
            "\u202eab",
        ]
    ),
)
names = st.sampled_from(["arm64", "mips", "build", "boot"])
positive = st.integers(1, 1 << 31)
maybe_positive = st.none() | positive
seconds = st.floats(0, 1e6)

letters = st.builds(
    Letter,
    message_id=texts,
    subject=texts,
    author=texts | st.just("A U Thor <author@example.org>"),
    to=st.tuples(texts),
    cc=st.just(("list@example.org",)) | st.tuples(texts),
    references=st.tuples(texts, texts),
)
patches = st.builds(Patch, n=st.integers(1, 3), subject=texts, author=texts, letter=letters)
serieses = st.builds(
    Series,
    subject=texts,
    version=positive,
    message_id=texts,
    author=texts,
    patches=st.lists(patches, min_size=1, max_size=3).map(tuple),
    cover=st.none() | letters,
    source=texts.map(shlex.quote),
    notes=st.tuples(texts),
)
findings = st.builds(
    Finding,
    kind=st.just("new-warning"),
    severity=st.sampled_from([Outcome.WARN, Outcome.FAIL]),
    summary=texts,
    patch=st.none() | st.integers(1, 3),
    file=texts,
    line=maybe_positive,
    symbol=texts,
    detail=texts,
)
facts = st.lists(st.tuples(texts, st.integers() | st.lists(texts, max_size=2)), max_size=2)


def _check(outcome, findings, **rest) -> CheckVerdict:
    """A cell that comes to what its findings are; without any, to OUTCOME."""
    came_to = worst((finding.severity for finding in findings), outcome)
    return CheckVerdict(outcome=came_to, findings=findings, **rest)


def _target(name, cells) -> TargetVerdict:
    return TargetVerdict(name, name, worst(cell.outcome for cell in cells), "why", cells)


def _verdict(rows, error, **rest) -> Verdict:
    ours = [Outcome.ERROR] if error else []
    outcome = worst([Outcome.PASS, *ours, *(row.outcome for row in rows)])
    return Verdict(outcome=outcome, targets=rows, error=error, **rest)


checks = st.builds(
    _check,
    check=names,
    outcome=st.sampled_from([Outcome.PASS, Outcome.SKIP, Outcome.ERROR]),
    reason=texts,
    seconds=seconds,
    base_cached=st.booleans(),
    findings=st.lists(findings, max_size=2).map(tuple),
    inherited=st.lists(findings, max_size=1).map(tuple),
    facts=facts.map(tuple),
    known=st.lists(st.builds(SetAside, finding=findings, link=texts), max_size=2).map(tuple),
)
targets = st.builds(_target, names, st.lists(checks, max_size=2).map(tuple))
verdicts = st.builds(
    _verdict,
    run=st.just("r1"),
    series=serieses,
    base=st.builds(Base, tree=texts, commit=texts, reason=texts, notes=st.tuples(texts)),
    rows=st.lists(targets, max_size=2).map(tuple),
    left_out=st.lists(st.builds(LeftOut, arch=names, reason=texts), max_size=1).map(tuple),
    not_covered=st.lists(
        st.builds(
            NotCovered,
            file=texts.filter(bool),
            lines=st.just(((3, 3), (5, 9))),
            reason=texts,
            side=st.sampled_from([Step.BASE, Step.PATCHED]),
        ),
        max_size=1,
    ).map(tuple),
    seconds=seconds,
    skipped=st.lists(st.tuples(names, texts), max_size=1).map(tuple),
    error=texts,
)

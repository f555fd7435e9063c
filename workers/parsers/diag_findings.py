# SPDX-License-Identifier: GPL-2.0-or-later
"""What a diagnostic is as a finding, and how many findings are shown. Pure."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from pipeline.model import Change, Finding, Outcome
from workers.parsers.diag_blame import blame, symbols
from workers.parsers.diagnostics import Diagnostic

#: Findings of one kind that are reported; a fact says how many more there were.
FINDINGS = 30


def _kind(diagnostic: Diagnostic, *, failed: bool) -> str:
    if diagnostic.is_section_mismatch:
        return "section-mismatch"
    what = "error" if failed else "warning"
    if diagnostic.tool == "modpost":
        return f"modpost-{what}"
    return "build-error" if failed else "new-warning"


def finding(
    change: Change, diagnostic: Diagnostic, *, failed: bool, inherited: bool = False
) -> Finding:
    """DIAGNOSTIC as a finding. An error that make went on from is a warning."""
    fatal = failed and diagnostic.severity == "error"
    flag = f" [{diagnostic.flag}]" if diagnostic.flag else ""
    return Finding(
        kind=_kind(diagnostic, failed=fatal),
        severity=Outcome.FAIL if fatal else Outcome.WARN,
        summary=f"{diagnostic.text}{flag}",
        patch=None if inherited else blame(change, diagnostic),
        file=diagnostic.file,
        line=diagnostic.line,
        symbol=next(iter(symbols(diagnostic)), ""),
        detail=diagnostic.detail,
    )


def bounded(findings: Sequence[Finding], touched: Iterable[str]) -> tuple[tuple[Finding, ...], int]:
    """At most FINDINGS of each kind, those in TOUCHED files first; and how many more."""
    near = set(touched)
    ordered = sorted(findings, key=lambda f: (f.severity is not Outcome.FAIL, f.file not in near))
    count: dict[str, int] = {}
    shown = []
    for finding in ordered:
        count[finding.kind] = count.get(finding.kind, 0) + 1
        if count[finding.kind] <= FINDINGS:
            shown.append(finding)
    return tuple(shown), len(findings) - len(shown)

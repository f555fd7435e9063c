# SPDX-License-Identifier: GPL-2.0-or-later
"""What does a program read of a verdict? The JSON of `--json`. Pure.

`schema.json`, beside this file, describes it: JSON Schema, draft 2020-12. A change that
breaks a reader raises SCHEMA_VERSION.
"""

from __future__ import annotations

import json
from functools import partial
from typing import Any

from pipeline.fingerprint import fingerprint
from pipeline.model import CheckVerdict, Finding, Series, TargetVerdict, Verdict

SCHEMA_VERSION = 1


def _series(series: Series) -> dict[str, Any]:
    return {
        "subject": series.subject,
        "version": series.version,
        "message_id": series.message_id,
        "author": series.author,
        "patches": [
            {
                "n": patch.n,
                "subject": patch.subject,
                "author": patch.author,
                "message_id": patch.letter.message_id,
            }
            for patch in series.patches
        ],
        "source": series.source,
        "notes": list(series.notes),
    }


def _finding(target: str, check: str, finding: Finding) -> dict[str, Any]:
    return {
        "id": fingerprint(target, check, finding),
        "kind": finding.kind,
        "severity": str(finding.severity),
        "summary": finding.summary,
        "patch": finding.patch,
        "file": finding.file,
        "line": finding.line,
        "symbol": finding.symbol,
        "detail": finding.detail,
    }


def _check(target: str, cell: CheckVerdict) -> dict[str, Any]:
    told = partial(_finding, target, cell.check)
    return {
        "check": cell.check,
        "outcome": str(cell.outcome),
        "reason": cell.reason,
        "seconds": round(cell.seconds, 3),
        "base_cached": cell.base_cached,
        "findings": [told(finding) for finding in cell.findings],
        "inherited": [told(finding) for finding in cell.inherited],
        "known": [{"finding": told(aside.finding), "link": aside.link} for aside in cell.known],
        "facts": dict(cell.facts),
    }


def _target(row: TargetVerdict) -> dict[str, Any]:
    return {
        "target": row.target,
        "arch": row.arch,
        "outcome": str(row.outcome),
        "reason": row.reason,
        "checks": [_check(row.target, cell) for cell in row.checks],
    }


def to_json(verdict: Verdict) -> str:
    """VERDICT as indented JSON, which `schema.json` describes, with a newline at the end.

    What is no Unicode text (a lone surrogate, from an undecodable mail) becomes `?`.
    """
    base = verdict.base
    document = {
        "schema_version": SCHEMA_VERSION,
        "run": verdict.run,
        "outcome": str(verdict.outcome),
        "series": _series(verdict.series),
        "base": {
            "tree": base.tree,
            "commit": base.commit,
            "reason": base.reason,
            "notes": list(base.notes),
        },
        "targets": [_target(row) for row in verdict.targets],
        "left_out": [
            {"arch": left.arch, "target": left.target, "reason": left.reason}
            for left in verdict.left_out
        ],
        "not_covered": [
            {
                "file": place.file,
                "lines": [list(pair) for pair in place.lines],
                "reason": place.reason,
                "side": str(place.side),
            }
            for place in verdict.not_covered
        ],
        "seconds": round(verdict.seconds, 3),
        "skipped": [{"check": check, "reason": reason} for check, reason in verdict.skipped],
        "error": verdict.error,
    }
    text = json.dumps(document, indent=2, ensure_ascii=False)
    return text.encode("utf-8", "replace").decode() + "\n"

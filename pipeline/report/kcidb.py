# SPDX-License-Identifier: GPL-2.0-or-later
"""What does KernelCI's common database read of a verdict? A KCIDB report, schema 5.3. Pure.

A checkout of the base and one of the patched tree; of each a build for each target; each other
check is a test of the patched build. Ids follow from the run, so that a report that is sent
twice is one. `kcidb_io.schema` describes the format; nothing of it is needed here.

KCIDB knows no WARN: it is PASS, and the comment tells. Its ERROR is ours: it says nothing of
the code.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from datetime import UTC, datetime
from pathlib import PurePath
from typing import Any

from pipeline.model import CheckVerdict, Outcome, Step, TargetVerdict, Verdict
from pipeline.report.digest import in_a_line
from pipeline.report.wording import clean, count, one_line

SCHEMA = {"major": 5, "minor": 3}

_BUILD = "build"
_SIDES = (Step.BASE, Step.PATCHED)
_EXCERPT_CHARS = 16384
_STATUS = {Outcome.WARN: "PASS"}
# KernelCI names architectures as make's ARCH does, and 64-bit x86 apart from i386.
_ARCHITECTURES = {"x86": "x86_64"}
_COMMIT = re.compile(r"[0-9a-f]{40}")


def patchset_hash(patches: Iterable[bytes]) -> str:
    """KCIDB's name for PATCHES: the sha256 of their sha256s, a line each."""
    lines = "".join(f"{hashlib.sha256(patch).hexdigest()}\n" for patch in patches)
    return hashlib.sha256(lines.encode()).hexdigest()


def _some(**properties: Any) -> dict[str, Any]:
    """PROPERTIES that are known: KCIDB has no null, and takes an empty text for a value."""
    return {name: value for name, value in properties.items() if value not in (None, "")}


class _Report:
    """The parts of one report, all by ORIGIN."""

    def __init__(self, verdict: Verdict, origin: str) -> None:
        self._verdict = verdict
        self._origin = origin

    def _object(self, *path: str) -> dict[str, Any]:
        name = "/".join((self._verdict.run, *path))
        return {"id": f"{self._origin}:{one_line(name)}", "origin": self._origin}

    def _misc(self, cell: CheckVerdict) -> dict[str, Any]:
        told = {"run": one_line(self._verdict.run), "outcome": str(cell.outcome)}
        if cell.base_cached:
            told["base"] = "seen in an earlier run"
        return told

    def checkout(self, side: Step, patches: str, started_at: float | None) -> dict[str, Any]:
        base, series = self._verdict.base, self._verdict.series
        commit = base.commit if _COMMIT.fullmatch(base.commit) else None
        checkout = self._object(side) | _some(
            tree_name=one_line(PurePath(base.tree).name),
            git_commit_hash=commit,
            start_time=_time(started_at),
        )
        checkout["valid"] = True
        if side is Step.BASE:
            return checkout | {"patchset_hash": ""}
        mail = one_line(series.message_id)
        return checkout | _some(
            patchset_hash=patches,
            message_id=mail if "@" in mail else None,
            comment=one_line(series.subject),
        )

    def build(self, row: TargetVerdict, side: Step) -> dict[str, Any]:
        build = self._object(row.target, side)
        build["checkout_id"] = self._object(side)["id"]
        arch = _ARCHITECTURES.get(row.arch, row.arch)
        build |= _some(config_name=one_line(row.target), architecture=re.sub(r"\W", "_", arch))
        cell = next((cell for cell in row.checks if cell.check == _BUILD), None)
        if cell is None:
            return build
        facts = dict(cell.facts)
        build |= _some(
            compiler=one_line(str(facts.get("compiler", ""))),
            duration=_side_seconds(facts.get("build_seconds"), side),
        )
        build["misc"] = self._misc(cell)
        if side is Step.PATCHED:
            return build | _came_to(cell)
        # What the series does to the kernel says nothing of its base.
        built = cell.outcome in (Outcome.PASS, Outcome.WARN, Outcome.FAIL)
        return build | {"status": "PASS" if built else str(cell.outcome)}

    def test(self, row: TargetVerdict, cell: CheckVerdict) -> dict[str, Any]:
        test = self._object(row.target, cell.check)
        test |= {
            "build_id": self._object(row.target, Step.PATCHED)["id"],
            "path": re.sub(r"[^a-zA-Z0-9_-]", "_", cell.check),
            "duration": round(cell.seconds, 3),
            "misc": self._misc(cell),
        }
        return test | _came_to(cell)


def _time(seconds: float | None) -> str | None:
    return None if seconds is None else datetime.fromtimestamp(seconds, UTC).isoformat()


def _side_seconds(seconds: Any, side: Step) -> float | None:
    """What the build check says of how long each side took: [base, patched]."""
    if not isinstance(seconds, list) or len(seconds) != len(_SIDES):
        return None
    found = seconds[_SIDES.index(side)]
    return found if isinstance(found, int | float) else None


def _came_to(cell: CheckVerdict) -> dict[str, Any]:
    """Status, why, and what was found."""
    new = count(len(cell.findings), "finding") + " that the base does not have"
    lines = [
        f"{finding.severity}: {in_a_line(finding)}\n{finding.detail}".rstrip()
        for finding in cell.findings
    ]
    return {"status": _STATUS.get(cell.outcome, str(cell.outcome))} | _some(
        comment=one_line(cell.reason) or (new if cell.findings else ""),
        log_excerpt=clean("\n".join(lines))[:_EXCERPT_CHARS],
    )


def to_kcidb(
    verdict: Verdict, origin: str, *, patches: str = "", started_at: float | None = None
) -> str:
    """VERDICT as a report of ORIGIN, in JSON with a newline at the end.

    PATCHES is the series' `patchset_hash`, if its mails are there; STARTED_AT is when the run
    began, in seconds since the epoch.
    """
    report = _Report(verdict, origin)
    document = {
        "version": SCHEMA,
        "checkouts": [report.checkout(side, patches, started_at) for side in _SIDES],
        "builds": [report.build(row, side) for row in verdict.targets for side in _SIDES],
        "tests": [
            report.test(row, cell)
            for row in verdict.targets
            for cell in row.checks
            if cell.check != _BUILD
        ],
    }
    return json.dumps(document, indent=2, ensure_ascii=False) + "\n"

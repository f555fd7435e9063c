# SPDX-License-Identifier: GPL-2.0-or-later
"""What does a CI server read of a verdict? JUnit XML. Pure.

A testsuite for each target, a testcase for each check; names follow from the matrix alone, so
that servers can tell the history of each. The first suite, `run`, is always there: it fails
where the run as a whole is ERROR, and a report that nothing was to be done for is not empty.
Elements and attributes are those of Jenkins' junit-10.xsd, which others read too.

JUnit knows no warning. WARN passes, as it does in the exit status, and tells what is new in
`system-out`. ERROR is `error`, which readers show apart from `failure`: it accuses nobody.
"""

from __future__ import annotations

import re
import xml.etree.ElementTree as ET
from collections.abc import Iterable, Sequence

from pipeline.model import CheckVerdict, Finding, Outcome, TargetVerdict, Verdict
from pipeline.report.digest import in_a_line
from pipeline.report.headline import headline, patch_name
from pipeline.report.wording import clean, count, one_line

# XML 1.0, section 2.2: what may stand in a document. Nothing can be written for the rest.
_ILLEGAL = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def _legal(text: str) -> str:
    return _ILLEGAL.sub("\ufffd", clean(text))


def _element(parent: ET.Element, tag: str, text: str = "", /, **attributes: str) -> ET.Element:
    legal = {key: _legal(value) for key, value in attributes.items()}
    element = ET.SubElement(parent, tag, legal)
    if text:
        element.text = _legal(text)
    return element


def _told(verdict: Verdict, finding: Finding) -> str:
    by = f" ({patch_name(verdict, finding.patch)})" if finding.patch else ""
    return f"{finding.severity}: {in_a_line(finding)}{by}\n{finding.detail}".rstrip()


def _text(verdict: Verdict, findings: Iterable[Finding]) -> str:
    return "\n\n".join(_told(verdict, finding) for finding in findings)


def _title(findings: Sequence[Finding]) -> str:
    """The first of FINDINGS, and how many more there are."""
    rest = f" (and {count(len(findings) - 1, 'other')})" if len(findings) > 1 else ""
    return one_line(findings[0].summary) + rest if findings else ""


def _case(suite: ET.Element, target: str, verdict: Verdict, cell: CheckVerdict) -> None:
    case = _element(
        suite,
        "testcase",
        classname=f"crosscheck.{target}",
        name=cell.check,
        time=f"{cell.seconds:.3f}",
    )
    text = _text(verdict, cell.findings)
    reason = one_line(cell.reason)
    if cell.outcome is Outcome.FAIL:
        failed = [f for f in cell.findings if f.severity is Outcome.FAIL]
        kind = failed[0].kind if failed else str(cell.outcome)
        _element(case, "failure", text or reason, message=_title(failed) or reason, type=kind)
    elif cell.outcome is Outcome.ERROR:
        _element(case, "error", reason, message=reason, type=str(cell.outcome))
    elif cell.outcome is Outcome.SKIP:
        _element(case, "skipped", message=reason)
    elif text:
        _element(case, "system-out", text)


def _counted(suite: ET.Element) -> None:
    """Write into SUITE how many of its testcases ended how."""
    suite.set("tests", str(len(suite.findall("testcase"))))
    for attribute, element in (
        ("failures", "failure"),
        ("errors", "error"),
        ("skipped", "skipped"),
    ):
        suite.set(attribute, str(len(suite.findall(f"testcase/{element}"))))


def _suite(root: ET.Element, verdict: Verdict, row: TargetVerdict) -> None:
    taken = sum(cell.seconds for cell in row.checks)
    suite = _element(root, "testsuite", name=row.target, time=f"{taken:.3f}")
    for cell in row.checks:
        _case(suite, row.target, verdict, cell)
    planned = {cell.check for cell in row.checks}
    for check, reason in verdict.skipped:
        if check not in planned:
            skipped = CheckVerdict(check, Outcome.SKIP, reason)
            _case(suite, row.target, verdict, skipped)
    _counted(suite)


def _run(root: ET.Element, verdict: Verdict) -> None:
    suite = _element(root, "testsuite", name="run", time=f"{verdict.seconds:.3f}")
    properties = _element(suite, "properties")
    for name, value in (
        ("run", verdict.run),
        ("outcome", str(verdict.outcome)),
        ("series", verdict.series.subject),
        ("version", str(verdict.series.version)),
        ("message_id", verdict.series.message_id),
        ("base", verdict.base.commit),
    ):
        _element(properties, "property", name=name, value=one_line(value))
    case = _element(
        suite, "testcase", classname="crosscheck", name="run", time=f"{verdict.seconds:.3f}"
    )
    if verdict.error:
        said = one_line(verdict.error)
        _element(case, "error", said, message=said, type=str(Outcome.ERROR))
    _element(case, "system-out", headline(verdict))
    _counted(suite)


def to_junit(verdict: Verdict) -> str:
    """VERDICT as a JUnit XML document, to be written as UTF-8."""
    root = ET.Element("testsuites", {"name": "crosscheck", "time": f"{verdict.seconds:.3f}"})
    _run(root, verdict)
    for row in verdict.targets:
        _suite(root, verdict, row)
    for attribute in ("tests", "failures", "errors", "skipped"):
        root.set(attribute, str(sum(int(suite.get(attribute, 0)) for suite in root)))
    ET.indent(root)
    raw: bytes = ET.tostring(root, encoding="utf-8", xml_declaration=True)
    return raw.decode() + "\n"

# SPDX-License-Identifier: GPL-2.0-or-later
"""Is this finding the same as one of another run? Pure.

A fingerprint says what a check found on a target, and not where in the file: it stays when
lines move, and numbers, addresses and times differ. Severity, patch and detail are not in it.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Iterable
from dataclasses import replace

from pipeline.limits import KINDS
from pipeline.model import Finding

#: How many digits name a finding to people, where no other of the verdict begins with the same.
_SHORT = (6, 8, 16)

#: What changes in a summary though the fault is the same.
_UNSTABLE = (
    (re.compile(r" \(in \d+ of \d+ boots\)$"), ""),
    (re.compile(r"\[ *\d+\.\d+\]"), ""),  # when the kernel said it
    (re.compile(r"\+0x[0-9a-f]+(?:/0x[0-9a-f]+)?", re.IGNORECASE), ""),  # offset in a function
    (re.compile(r"\b0x[0-9a-f]+\b", re.IGNORECASE), "N"),
    (re.compile(r"\b(?=[0-9a-f]*\d)[0-9a-f]{8,}\b", re.IGNORECASE), "N"),
    (re.compile(r"\.(?:isra|constprop|part|cold|llvm)\b(?:\.\d+)*"), ""),  # compilers' clones
    (re.compile(r"(__UNIQUE_ID_\w*?|__compiletime_assert_)\d+\b"), r"\1N"),
    (re.compile(r"/tmp/cc\w{6}\b"), "(temporary)"),  # noqa: S108 (gcc's)
    (re.compile("[\u2018\u2019`]"), "'"),  # quotes of other locales and compilers
    (re.compile(r"(?<![\w.])\d+(?:\.\d+)*(?=(?:[mun]?s)\b|(?!\w))"), "N"),
    (re.compile(r"\s+"), " "),
)

#: A source line as compilers show it below their message.
_SHOWN = re.compile(r"^ *\d+ \| (.*)$", re.MULTILINE)


def normalised(summary: str) -> str:
    """SUMMARY without numbers, addresses, times and the compiler's clone suffixes."""
    for unstable, stable in _UNSTABLE:
        summary = unstable.sub(stable, summary)
    return summary.strip()


def fingerprint(target: str, check: str, finding: Finding) -> str:
    """16 hexadecimal digits: the same for what CHECK found on TARGET, in whichever run."""
    said = (finding.kind, finding.file, finding.symbol, normalised(finding.summary))
    text = "\0".join((target, check, *said))
    return hashlib.sha256(text.encode("utf-8", "surrogatepass")).hexdigest()[:16]


def alike(finding: Finding) -> Finding:
    """FINDING without what targets may differ in: the same finding on two targets is equal then.

    That is what tools said, and of costs the figures.
    """
    summary = normalised(finding.summary) if finding.kind in KINDS else finding.summary
    return replace(finding, summary=summary, detail="")


def particulars(finding: Finding) -> str:
    """What tells FINDING from others of its fingerprint that are not the same; "" if nothing.

    Of a measure, its figures: another cost of the same thing is another. Else the source line that
    a tool shows, blanks run together: the same message about another line is another fault.
    """
    if finding.kind in KINDS:
        return finding.summary
    shown = _SHOWN.search(finding.detail)
    line = " ".join(shown[1].split()) if shown else ""
    return line.replace("\0", "").encode("utf-8", "replace").decode()


def shortened(fingerprints: Iterable[str]) -> dict[str, str]:
    """FINGERPRINTS by what people are shown of each: as many digits as tell them apart."""
    every = set(fingerprints)
    digits = next((n for n in _SHORT if len({f[:n] for f in every}) == len(every)), _SHORT[-1])
    return {each: each[:digits] for each in every}

# SPDX-License-Identifier: GPL-2.0-or-later
"""Is this finding one that was seen before, in another version of a series or on another day? Pure.

A fingerprint names what is found, not where it stands at the moment: lines move, numbers and
addresses differ from boot to boot. It says nothing of severity, patch or detail.
"""

from __future__ import annotations

import hashlib
import json
import re

from pipeline.model import Finding

_UNSTABLE = (
    (re.compile('[\u2018\u2019\u201c\u201d"`]'), "'"),  # quotes depend on the compiler's locale
    (re.compile(r"/tmp/cc\w{6}\b"), "(temporary)"),  # noqa: S108 (gcc's)
    (re.compile(r"\+0x[0-9a-f]+(?:/0x[0-9a-f]+)?", re.IGNORECASE), ""),  # schedule+0x1c/0x90
    (re.compile(r"\b0x[0-9a-f]+\b", re.IGNORECASE), "N"),
    (re.compile(r"\b(?=[a-f]*\d)[0-9a-f]{8,}\b"), "N"),  # an address without 0x
    (re.compile(r"\.(?:isra|constprop|part|cold|llvm)\b(?:\.\d+)*"), ""),  # clones of functions
    (re.compile(r"(__UNIQUE_ID_\w*?|__compiletime_assert_)\d+\b"), r"\1N"),  # __COUNTER__
    # Numbers and times that stand alone; not what is part of a name or of a type (int[4]).
    (re.compile(r"(?<![\w.\[-])\d+(?:\.\d+)*(?:[mun]?s)?\b"), "N"),
)


def normalised(summary: str) -> str:
    """SUMMARY without what may differ although the same is meant: lines, numbers, addresses."""
    for unstable, stable in _UNSTABLE:
        summary = unstable.sub(stable, summary)
    return " ".join(summary.split())


def fingerprint(target: str, check: str, finding: Finding) -> str:
    """20 hexadecimal digits that are the same whenever CHECK finds the same on TARGET."""
    said = (target, check, finding.kind, finding.file, finding.symbol, normalised(finding.summary))
    return hashlib.sha256(json.dumps(said).encode()).hexdigest()[:20]

# SPDX-License-Identifier: GPL-2.0-or-later
"""What is one operation of a case, in words? From the comments of `workers/probes/perf/cases`."""

from __future__ import annotations

import re
from functools import cache

from workers.guest.program import PROBES

#: A sentence of a comment, over as many lines as it takes.
_OPERATION = re.compile(r"^ \* One operation: (.+?)\.$", re.MULTILINE | re.DOTALL)
_SENTENCE = re.compile(r"\.\s")


@cache
def operation(case: str) -> str:
    """What the file of CASE says; "" where there is none, as for cases of other versions."""
    source = PROBES / "perf" / "cases" / f"{case}.c"
    if not source.is_file():
        return ""
    said = _OPERATION.search(source.read_text(encoding="utf-8"))
    if said is None:
        return ""
    first = _SENTENCE.split(said[1], maxsplit=1)[0]
    return " ".join(first.replace("\n * ", " ").split())

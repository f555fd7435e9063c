# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a line of make's output tells of trouble of ours, which accuses no patch. Pure.

A killed or crashed compiler, a full disk, no memory, no more processes, a tool that is not
installed. Sources that print such words only turn their own failure into an ERROR.
"""

from __future__ import annotations

import re

_EXHAUSTED = (
    r"No space left on device|Disk quota exceeded|Cannot allocate memory|Input/output error"
    r"|Resource temporarily unavailable|Too many open files|File size limit exceeded"
)
_SIGNS = tuple(
    (re.compile(sign), what)
    for sign, what in (
        (
            rf"^(?!.*#(?:error|warning))\S.*\b(?:{_EXHAUSTED})\W*$",
            "the machine ran out of something",
        ),
        (r"^\S.*virtual memory exhausted|^\S+: out of memory allocating ", "memory ran out"),
        (r"^[^#]*terminated (?:program|with signal \d+)|^[^#]*std::bad_alloc", "a tool was killed"),
        (r"^[^#]*\binternal compiler error\b", "the compiler crashed"),
        (r"^make(?:\[\d+\])?: \*\*\* \[.*\] (?!Error \d)\w", "a tool was killed"),
        (r"^make(?:\[\d+\])?: \*\*\* \[.*\] Error 1(?:29|[345]\d)$", "a tool was killed"),
        (
            (
                r"^/bin/\w*sh: .*: (?:command )?not found$|^\S*: command not found$"
                r"|: C compiler '.*' not found\.?$"
            ),
            "a tool is missing",
        ),
        (r"^\*\*\* (?:C )?(?:[Cc]ompiler|[Aa]ssembler|[Ll]inker) is too old", "a tool is too old"),
    )
)


def trouble(line: str) -> str:
    """What went wrong on this machine, with LINE as its proof; "" if LINE tells nothing."""
    return next((f"{what}: {line.strip()}" for sign, what in _SIGNS if sign.search(line)), "")

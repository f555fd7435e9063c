# SPDX-License-Identifier: GPL-2.0-or-later
"""Which lines of a C file does the preprocessor leave in or out by a condition? Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable

_DIRECTIVE = re.compile(r"\s*#\s*(?P<word>if|ifdef|ifndef|endif)\b")


def conditional_lines(text: str, lines: Iterable[int]) -> frozenset[int]:
    """Those of LINES (from 1) that stand inside an `#if` of TEXT, or are not in it at all."""
    wanted = set(lines)
    depth = 0
    for number, line in enumerate(text.splitlines(), start=1):
        match = _DIRECTIVE.match(line)
        if match:
            depth += -1 if match["word"] == "endif" else 1
        if depth == 0:
            wanted.discard(number)
    return frozenset(wanted)

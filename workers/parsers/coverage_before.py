# SPDX-License-Identifier: GPL-2.0-or-later
"""What a file was before a diff, from what it is after it. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from pipeline.model import Hunk


def before(lines: Sequence[str], hunks: Sequence[Hunk]) -> tuple[str, ...]:
    """The lines of the old file, where LINES are the new one's and HUNKS lead to it.

    HUNKS are in order and without context; LINES are without newlines.
    """
    old: list[str] = []
    at = 0
    for hunk in hunks:
        start = hunk.new_start - 1 if hunk.new_count else hunk.new_start
        old += lines[at:start]
        old += hunk.removed
        at = start + hunk.new_count
    return (*old, *lines[at:])

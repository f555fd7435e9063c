# SPDX-License-Identifier: GPL-2.0-or-later
"""Where lines went: positions across a series, from its diffs alone. Pure.

Line numbers count from 1. A file that a diff does not name is unchanged.
"""

from __future__ import annotations

from collections.abc import Iterable

from pipeline.model import Change, FileChange, Hunk


def _named(files: Iterable[FileChange], path: str, *, old: bool) -> FileChange | None:
    return next((f for f in files if (f.old_path if old else f.path) == path), None)


def _shift(hunk: Hunk) -> int:
    return hunk.new_count - hunk.old_count


def to_new(files: Iterable[FileChange], path: str, line: int) -> tuple[str, int] | None:
    """Where PATH:LINE of the old tree is in the new one; None if the diff removed it."""
    changed = _named(files, path, old=True)
    if changed is None:
        return path, line
    if changed.status == "D":
        return None
    shift = 0
    for hunk in changed.hunks:
        if hunk.old_count == 0:
            if line <= hunk.old_start:
                break
        elif line < hunk.old_start:
            break
        elif line < hunk.old_start + hunk.old_count:
            return None
        shift += _shift(hunk)
    return changed.path, line + shift


def to_old(files: Iterable[FileChange], path: str, line: int) -> tuple[str, int] | None:
    """Where PATH:LINE of the new tree was in the old one; None if the diff added it."""
    changed = _named(files, path, old=False)
    if changed is None:
        return path, line
    if changed.status == "A" or not changed.old_path:
        return None
    shift = 0
    for hunk in changed.hunks:
        if hunk.new_count == 0:
            if line <= hunk.new_start:
                break
        elif line < hunk.new_start:
            break
        elif line < hunk.new_start + hunk.new_count:
            return None
        shift += _shift(hunk)
    return changed.old_path, line - shift


def owner(change: Change, path: str, line: int) -> int | None:
    """The number of the patch that wrote PATH:LINE of the patched tree; None if base did."""
    where = (path, line)
    for patch in reversed(change.patches):
        before = to_old(patch.files, *where)
        if before is None:
            return patch.n
        where = before
    return None


def remover(change: Change, path: str, line: int) -> int | None:
    """The number of the patch that removed PATH:LINE of the base tree; None if none did."""
    where = (path, line)
    for patch in change.patches:
        after = to_new(patch.files, *where)
        if after is None:
            return patch.n
        where = after
    return None


def last_toucher(change: Change, path: str) -> int | None:
    """The number of the last patch that touches PATH at all; None if none does."""
    return next(
        (
            patch.n
            for patch in reversed(change.patches)
            if any(path in (f.path, f.old_path) for f in patch.files)
        ),
        None,
    )

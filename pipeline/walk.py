# SPDX-License-Identifier: GPL-2.0-or-later
"""Walks directories that a hostile build may have written: of any depth, and with any links."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path


def walk(top: Path) -> Iterator[os.DirEntry[str]]:
    """All that is below TOP, a directory before what is in it.

    No link is followed; of a directory that cannot be read only itself is seen.
    """
    todo = [str(top)]  # not by recursion: directories may be nested without end
    while todo:
        try:
            entries = list(os.scandir(todo.pop()))
        except OSError:
            continue
        for entry in entries:
            yield entry
            if entry.is_dir(follow_symlinks=False):
                todo.append(entry.path)

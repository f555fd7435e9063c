# SPDX-License-Identifier: GPL-2.0-or-later
"""The commits of a history, newest first, within bounds of number and time. Effects: runs git."""

from __future__ import annotations

import subprocess
import time
from collections.abc import Iterator, Sequence
from pathlib import Path

from pipeline.trees.git import environment

MAX_COMMITS = 2000
LIMIT_S = 30.0


def commits_on(history: Path, tip: str, paths: Sequence[str], *, but: str = "") -> Iterator[str]:
    """The commits that TIP has and that touch PATHS, without those of BUT.

    An empty TIP is all branches and tags.
    """
    starts = [tip] if tip else ["--branches", "--tags", "--remotes", "HEAD"]
    without = ["--not", but] if but else []
    command = ("rev-list", f"-n{MAX_COMMITS}", *starts, *without, "--", *paths)
    for line in lines(history, command):
        yield line.decode().strip()


def lines(history: Path, command: Sequence[str]) -> Iterator[bytes]:
    """What git writes in HISTORY for COMMAND, as long as there is time."""
    stop = time.monotonic() + LIMIT_S
    with subprocess.Popen(
        ["git", "-C", history, *command],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env=environment(),
    ) as walk:  # fmt: skip
        assert walk.stdout is not None  # noqa: S101 (asked for)
        try:
            for line in walk.stdout:
                yield line
                if time.monotonic() > stop:
                    return
        finally:
            walk.kill()

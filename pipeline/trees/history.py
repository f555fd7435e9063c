# SPDX-License-Identifier: GPL-2.0-or-later
"""Which commit of a history are patches that somebody knows by their ids? Effects: runs git.

The ids are those of `git patch-id --stable`, which `git format-patch --base` writes: they do not
depend on where a patch was applied, but change with each line of it.
"""

from __future__ import annotations

import subprocess
import threading
from collections.abc import Iterable
from pathlib import Path

from pipeline.trees.git import environment
from pipeline.trees.walks import LIMIT_S, MAX_COMMITS


def newest_with(history: Path, tip: str, since: str, wanted: Iterable[str]) -> str:
    """The newest commit of HISTORY below TIP that is one of the patches WANTED, if all are there.

    SINCE is a commit before them, or "": then the latest commits are looked through. "" if not
    all were found in time.
    """
    left = set(wanted)
    newest = ""
    for patch_id, commit in _patch_ids(history, tip, since):
        if patch_id in left:
            left.discard(patch_id)
            newest = newest or commit
        if not left:
            return newest
    return ""


def _patch_ids(history: Path, tip: str, since: str) -> Iterable[tuple[str, str]]:
    """The patch ids and the commits below TIP, newest first, as long as there is time."""
    span = [tip, *(["--not", since] if since else [])]
    log = subprocess.Popen(
        ["git", "-C", history, "log", "-p", "-M", "--no-merges", "--no-color", "--no-ext-diff",
         "--no-textconv", "--format=commit %H", f"-n{MAX_COMMITS}", *span, "--"],
        stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        env=environment(),
    )  # fmt: skip
    ids = subprocess.Popen(
        ["git", "-C", history, "patch-id", "--stable"],
        stdin=log.stdout, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, env=environment(),
    )  # fmt: skip
    assert log.stdout is not None  # noqa: S101 (asked for)
    assert ids.stdout is not None  # noqa: S101 (asked for)
    log.stdout.close()
    late = threading.Timer(LIMIT_S, log.kill)
    late.start()
    try:
        for line in ids.stdout:
            patch_id, _, commit = line.decode().strip().partition(" ")
            yield patch_id, commit
    finally:
        late.cancel()
        for process in (log, ids):
            process.kill()
            process.wait()
        ids.stdout.close()

# SPDX-License-Identifier: GPL-2.0-or-later
"""A tree object as files. Effects: writes one new directory; a failure leaves it unfinished.

`checkout_from` shares the files that do not differ with another checkout, as hard links:
nobody may write into either of them afterwards.

make compares the times of files, so they say here what a file is and not when it was written:
files of a whole checkout are old, and only files that differ from the other checkout have the
time at which they were written, which is also that of the top directory. Between the two lies
whatever a build of the other one made (`workers.warm`).
"""

from __future__ import annotations

import os
import subprocess
import tempfile
import time
from collections.abc import Iterable
from pathlib import Path

from pipeline.model import InfraError
from pipeline.trees.git import git
from pipeline.walk import walk

#: Seconds since the epoch: 2001.
OLD_S = 978307200

#: As many processes as cores: writing 95,000 files is waiting for the file system.
_PARALLEL = ("-c", "checkout.workers=0", "-c", "checkout.thresholdForParallelism=1000")


def checkout(git_dir: Path, tree_id: str, directory: Path) -> None:
    """Write all files of TREE_ID to DIRECTORY, which must not exist. Raises InfraError."""
    directory.mkdir(parents=True)
    directory.chmod(0o755)  # as git makes those in it, whatever the umask
    _write(git_dir, tree_id, directory, None)
    for entry in walk(directory):
        if not entry.is_dir(follow_symlinks=False):
            os.utime(entry.path, (OLD_S, OLD_S), follow_symlinks=False)
    os.utime(directory)


def checkout_from(
    git_dir: Path,
    tree_id: str,
    other_tree_id: str,
    other_directory: Path,
    directory: Path,
    *,
    whole: bool = False,
) -> None:
    """As `checkout`, but files that OTHER_TREE_ID has too are links into OTHER_DIRECTORY.

    WHOLE: the others are old too. OTHER_DIRECTORY must hold exactly OTHER_TREE_ID, on the same
    file system. Raises InfraError.
    """
    directory.parent.mkdir(parents=True, exist_ok=True)
    copied = subprocess.run(
        ["cp", "-al", "--", other_directory, directory], capture_output=True, check=False
    )
    if copied.returncode:
        complaint = copied.stderr.decode("utf-8", "replace").strip()
        raise InfraError(f"Cannot link {other_directory} to {directory}: {complaint}.")
    listed = git(
        git_dir, "diff-tree", "-r", "-z", "--no-renames", "--name-status", other_tree_id, tree_id
    )
    fields = listed.split(b"\0")[:-1]
    changed = list(zip(fields[::2], fields[1::2], strict=True))
    # Away with all of them first: a link is never written through, and a file may become a
    # directory or a directory a file.
    _remove(directory, (path for status, path in changed if status != b"A"))
    written = [path for status, path in changed if status != b"D"]
    _write(git_dir, tree_id, directory, written)
    now_s = int(time.time())
    time_s = OLD_S if whole else now_s
    for path in written:
        file = directory / os.fsdecode(path)
        os.utime(file, (time_s, time_s), follow_symlinks=False)
    os.utime(directory, (now_s, now_s))


def _remove(directory: Path, paths: Iterable[bytes]) -> None:
    for path in paths:
        file = directory / os.fsdecode(path)
        file.unlink()
        for parent in file.parents:
            if parent == directory or any(parent.iterdir()):
                break
            parent.rmdir()


def _write(git_dir: Path, tree_id: str, directory: Path, paths: list[bytes] | None) -> None:
    """Write PATHS of TREE_ID, None for all of them, to DIRECTORY, where they are not yet."""
    with tempfile.TemporaryDirectory(prefix="crosscheck-index-") as place:
        env = {
            "GIT_DIR": str(git_dir.absolute()),
            "GIT_WORK_TREE": str(directory.absolute()),
            "GIT_INDEX_FILE": f"{place}/index",
        }
        git(directory, "read-tree", tree_id, env=env)
        if paths is None:
            git(directory, *_PARALLEL, "checkout-index", "--all", "--quiet", env=env)
        elif paths:
            names = b"".join(path + b"\0" for path in paths)
            git(directory, "checkout-index", "-z", "--stdin", stdin=names, env=env)

# SPDX-License-Identifier: GPL-2.0-or-later
"""A tree object as files. Effects: writes one new directory; a failure leaves it unfinished.

`checkout_from` shares the files that do not differ with another checkout, as hard links:
nobody may write into either of them afterwards.

make compares the times of files, so they say here what a file is and not when it was written:
files of a whole checkout are old, and files that differ from the other checkout are newer than
any build of that one that is kept (`workers.warm`).
"""

from __future__ import annotations

import os
import subprocess
import tempfile
from collections.abc import Iterable
from pathlib import Path

from pipeline.model import InfraError
from pipeline.trees.git import git

#: Seconds since the epoch (2001, 2011, 2021), all long past: make warns of times to come.
OLD_S, KEPT_BUILD_S, DIFFERS_S = 978307200, 1293840000, 1609459200

#: As many processes as cores: writing 95,000 files is waiting for the file system.
_PARALLEL = ("-c", "checkout.workers=0", "-c", "checkout.thresholdForParallelism=1000")


def checkout(git_dir: Path, tree_id: str, directory: Path) -> None:
    """Write all files of TREE_ID to DIRECTORY, which must not exist. Raises InfraError."""
    directory.mkdir(parents=True)
    directory.chmod(0o755)  # as git makes those in it, whatever the umask
    _write(git_dir, tree_id, directory, None)
    _make_old(directory)


def _make_old(directory: Path) -> None:
    todo = [os.fsencode(directory)]
    while todo:
        for entry in os.scandir(todo.pop()):
            if entry.is_dir(follow_symlinks=False):
                todo.append(entry.path)
            else:
                os.utime(entry.path, (OLD_S, OLD_S), follow_symlinks=False)


def checkout_from(
    git_dir: Path,
    tree_id: str,
    other_tree_id: str,
    other_directory: Path,
    directory: Path,
    *,
    written_s: int = DIFFERS_S,
) -> None:
    """As `checkout`, but files that OTHER_TREE_ID has too are links into OTHER_DIRECTORY.

    The time of the others is WRITTEN_S. OTHER_DIRECTORY must hold exactly OTHER_TREE_ID, on the
    same file system. Raises InfraError.
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
    for path in written:
        file = directory / os.fsdecode(path)
        os.utime(file, (written_s, written_s), follow_symlinks=False)


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

# SPDX-License-Identifier: GPL-2.0-or-later
"""Plain source files as a commit of our repository. Effects, all under our cache.

The files are walked here and not by git: Debian's linux-source has a .gitignore that
ignores everything. git's index, kept in our cache for each tree, remembers what it has
seen, so that a second import only looks at file times.
"""

from __future__ import annotations

import hashlib
import os
import re
from collections.abc import Callable, Iterable, Iterator
from pathlib import Path

from pipeline.model import InfraError, InputError
from pipeline.trees.git import AUTHOR, attempt, git

#: What a build in the source tree leaves behind (the kernel's top .gitignore), as far as no
#: source is called so: there are directories named vmlinux, and sources named vmlinux.scr.
_PRODUCTS = re.compile(
    rb"""(?:^|/)(?:
        \.git | \.tmp_.* | \..*\.(?:cmd|d|o) | __pycache__
      | .*\.(?:o|a|ko|mod|mod\.c|order|so|so\.dbg|dtb|dtbo|gcno|pyc)
    )$
    | ^(?:\.config(?:\.old)? | \.version | \.?vmlinux(?:\..*)? | System\.map
        | modules\.builtin(?:\..*)? | .*\.symvers | debian/build)$
    | ^include/(?:generated|config)$ | ^arch/[^/]+/include/generated$
    """,
    re.VERBOSE,
)
#: Blobs straight into a pack and not compressed: 95,000 files without 95,000 more. git looks
#: through all blobs of a pack in the making for each new one, so a pack gets not too many.
_FILES_A_PACK = 8000
_FAST = ("-c", "core.bigFileThreshold=1", "-c", "core.compression=0", "-c", "core.fsync=none")


def import_tree(
    directory: Path, git_dir: Path, place: Path, progress: Callable[[str], None]
) -> tuple[str, tuple[str, ...]]:
    """The commit that holds DIRECTORY's files as they are now, and notes on it.

    PLACE keeps an index for each directory; the caller holds a lock on it. Equal files make
    an equal commit. Raises InputError for a file that cannot be read.
    """
    index = place / hashlib.sha256(os.fsencode(directory)).hexdigest()[:32]
    progress("looking through the source tree" if index.exists() else "importing the source tree")
    products: list[bytes] = []
    files = set(walk(directory, products))
    env = {"GIT_DIR": str(git_dir), "GIT_WORK_TREE": str(directory), "GIT_INDEX_FILE": str(index)}
    index.with_name(index.name + ".lock").unlink(missing_ok=True)  # of a process that was killed
    known = set(git(place, "ls-files", "-z", env=env).split(b"\0")) - {b""}
    gone = known - files
    if gone:
        git(place, "update-index", "-z", "--force-remove", "--stdin", stdin=_nul(gone), env=env)
    _add(directory, sorted(files), env)
    tree = git(place, "write-tree", env=env).decode().strip()
    made = git(git_dir, "commit-tree", tree, "-m", "Unpacked kernel source", env=AUTHOR)
    note = f"{directory} was built in: its {len(products)} build products are left out."
    return made.decode().strip(), (note,) if products else ()


def _add(directory: Path, files: list[bytes], env: dict[str, str]) -> None:
    """Bring the index of ENV up to date with FILES of DIRECTORY, and store the new ones."""
    for start in range(0, len(files), _FILES_A_PACK):
        names = _nul(files[start : start + _FILES_A_PACK])
        command = (*_FAST, "update-index", "-z", "--add", "--stdin")
        added = attempt(directory, *command, stdin=names, env=env)
        if added.code:
            raise _failure(directory, added.err, added.complaint)


def walk(directory: Path, products: list[bytes]) -> Iterator[bytes]:
    """Every source file and symbolic link under DIRECTORY, as paths from there.

    What a build left behind is put into PRODUCTS instead. Raises InputError for a directory
    that cannot be read.
    """
    top = os.fsencode(directory)
    todo = [b""]
    while todo:
        inner = todo.pop()
        try:
            entries = list(os.scandir(top + b"/" + inner))
        except OSError as error:
            named = os.fsdecode(error.filename or b"")
            raise InputError(
                f"Cannot read {named} of the source tree: {error.strerror}."
            ) from error
        for entry in entries:
            path = inner + entry.name
            if _PRODUCTS.search(path):
                if entry.name != b".git":
                    products.append(path)
            elif entry.is_dir(follow_symlinks=False):
                todo.append(path + b"/")
            elif entry.is_symlink() or entry.is_file(follow_symlinks=False):
                yield path


def _nul(paths: Iterable[bytes]) -> bytes:
    return b"".join(path + b"\0" for path in paths)


def _failure(directory: Path, err: str, complaint: str) -> InputError | InfraError:
    denied = re.search(r'open\("(.*)"\): (.*)', err)
    if denied:
        return InputError(f"Cannot read {directory}/{denied[1]}: {denied[2]}.")
    return InfraError(f"Importing {directory} failed: {complaint}.")

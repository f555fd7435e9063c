# SPDX-License-Identifier: GPL-2.0-or-later
"""A kernel tree in miniature, for tests that want to build something in a third of a second.

`tree/` has two architectures, `red` (coloured zero pages) and `blue` (one `mem_map_zero`), a
Kconfig, and a Makefile that understands `O=`, `ARCH=`, `CROSS_COMPILE=`, `KCONFIG_ALLCONFIG=`,
`allnoconfig`, `headers`, `vmlinux` and `Image`. It leaves behind what kbuild leaves behind:
`vmlinux` (ELF), `System.map`, `vmlinux.symvers`, `.config` and `.X.o.cmd` files. It builds
with the host's gcc and does not boot. `mm/memory.c` gives one warning on purpose.

`matrix.yaml` declares its two targets. `zero-page.patch` is to it what the zero-page series
is to Linux.
"""

from __future__ import annotations

import os
import shutil
import subprocess
from collections.abc import Callable, Mapping
from pathlib import Path

HERE = Path(__file__).parent
TREE = HERE / "tree"
MATRIX = HERE / "matrix.yaml"
ZERO_PAGE = HERE / "zero-page.patch"

#: A file's new text, made from its old one ("" if there is none); None deletes it, a path makes
#: it a link that leads there.
Edit = Callable[[str], str] | str | Path | None


def git(repository: Path, *words: str, stdin: str | None = None) -> str:
    """Run git there, as nobody in particular and at a fixed time; its output."""
    who = {
        f"GIT_{role}_{what}": value
        for role in ("AUTHOR", "COMMITTER")
        for what, value in (
            ("NAME", "A. Developer"),
            ("EMAIL", "dev@crosscheck.invalid"),
            ("DATE", "2026-02-09T16:40:57+02:00"),
        )
    }
    environ = os.environ | who | {"GIT_CONFIG_GLOBAL": "/dev/null", "GIT_CONFIG_NOSYSTEM": "1"}
    return subprocess.run(
        ["git", "-C", str(repository), *words],
        env=environ,
        input=stdin,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def repository(directory: Path) -> Path:
    """DIRECTORY, made into a git repository with the toy tree as its one commit."""
    shutil.copytree(TREE, directory)
    git(directory, "init", "-q", "-b", "master")
    git(directory, "add", "-A")
    git(directory, "commit", "-q", "-m", "Linux 7.2, in miniature")
    return directory


def commit(repository: Path, message: str, edits: Mapping[str, Edit]) -> str:
    """Commit EDITS, by path, on top of HEAD; the commit's name.

    An edit that changes nothing is a mistake of the test's.
    """
    for name, edit in edits.items():
        path = repository / name
        if edit is None or isinstance(edit, Path):
            path.unlink(missing_ok=edit is not None)
            if edit is not None:
                path.symlink_to(edit)
            continue
        before = path.read_text() if path.exists() else ""
        after = edit(before) if callable(edit) else edit
        assert after != before, f"the edit of {name} changes nothing"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(after)
    git(repository, "add", "-A")
    git(repository, "commit", "-q", "-m", message)
    return git(repository, "rev-parse", "HEAD").strip()


def adding(more: str) -> Callable[[str], str]:
    """An edit that puts MORE at the end."""
    return lambda text: text + more


def replacing(old: str, new: str) -> Callable[[str], str]:
    """An edit that puts NEW in the place of OLD, which must be there."""

    def edit(text: str) -> str:
        assert old in text, f"{old!r} is not in the file"
        return text.replace(old, new)

    return edit


def mbox(repository: Path, revisions: str = "HEAD~1..HEAD") -> str:
    """The commits of REVISIONS as `git format-patch` mails them."""
    return git(repository, "format-patch", "--stdout", revisions)

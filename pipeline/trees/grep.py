# SPDX-License-Identifier: GPL-2.0-or-later
"""Where words are in a tree object. Effects: asks git, changes nothing."""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path

from pipeline.model import InfraError
from pipeline.trees.git import attempt, git


def grep_words(
    git_dir: Path, tree_id: str, names: Iterable[str]
) -> tuple[tuple[str, int, str], ...]:
    """Every (path, line, text) of TREE_ID in which one of NAMES is a whole word.

    Lines count from 1; binary files are passed over. Raises InfraError if git fails.
    """
    words = "".join(f"{name}\n" for name in sorted(set(names)))
    if not words:
        return ()
    ran = attempt(
        git_dir, "grep", "-n", "-z", "-I", "-w", "-F", "--no-color", "--full-name", "-f", "-",
        tree_id, stdin=words.encode(),
    )  # fmt: skip
    if ran.code > 1:
        raise InfraError(f"git grep failed in {git_dir}: {ran.complaint}.")
    found = []
    for line in ran.out.decode("utf-8", "replace").split("\n")[:-1]:
        path, number, text = line.split("\0", 2)
        found.append((path.removeprefix(f"{tree_id}:"), int(number), text))
    return tuple(found)


def read_text(git_dir: Path, tree_id: str, path: str) -> str:
    """The text of the file PATH in TREE_ID. Raises InfraError if it is not there."""
    return git(git_dir, "cat-file", "blob", f"{tree_id}:{path}").decode("utf-8", "replace")

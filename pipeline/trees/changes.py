# SPDX-License-Identifier: GPL-2.0-or-later
"""What a series changed, from the commits that it became. Effects: asks git, changes nothing."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from pipeline.model import Change, FileChange, PatchDiff
from pipeline.trees.diff import parse
from pipeline.trees.git import attempt, git, text


def build_change(git_dir: Path, base: str, commits: Sequence[str]) -> Change:
    """The `Change` from commit BASE over COMMITS, one a patch; without symbols and mentions."""
    steps = enumerate(zip([base, *commits], commits, strict=False), start=1)
    return Change(
        base_commit=base,
        base_tree=tree_of(git_dir, base),
        patched_commit=commits[-1],
        patched_tree=tree_of(git_dir, commits[-1]),
        files=differing(git_dir, base, commits[-1]),
        patches=tuple(PatchDiff(n, differing(git_dir, old, new)) for n, (old, new) in steps),
        trees=tuple(tree_of(git_dir, commit) for commit in commits),
    )


def differing(git_dir: Path, old: str, new: str) -> tuple[FileChange, ...]:
    """What NEW, a commit or tree, changes relative to OLD."""
    diff = git(
        git_dir, "diff-tree", "-r", "-p", "-U0", "-M", "--inter-hunk-context=0", "--full-index",
        "--no-color", "--no-ext-diff", "--no-textconv", "--src-prefix=a/", "--dst-prefix=b/",
        old, new,
    )  # fmt: skip
    return tuple(file.change for file in parse(diff.decode("utf-8", "replace")))


def how_many_differ(git_dir: Path, old: str, new: str) -> int | None:
    """In how many files NEW differs from OLD; None if the repository has not both."""
    found = attempt(git_dir, "diff-tree", "-r", "-z", "--name-only", "--no-renames", old, new)
    return None if found.code else found.out.count(b"\0")


def tree_of(git_dir: Path, commit: str) -> str:
    """The full id of COMMIT's tree."""
    return text(git_dir, "rev-parse", "--verify", f"{commit}^{{tree}}")


def list_arches(git_dir: Path, commit: str) -> tuple[str, ...]:
    """The directories under arch/ in COMMIT, sorted."""
    listed = git(git_dir, "ls-tree", "-d", "-z", "--name-only", commit, "arch/")
    return tuple(sorted(Path(name).name for name in listed.decode().split("\0") if name))

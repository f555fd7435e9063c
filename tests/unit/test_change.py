# SPDX-License-Identifier: GPL-2.0-or-later
"""Positions across a series, held against difflib and against what git really writes."""

from __future__ import annotations

import re
import subprocess
from difflib import SequenceMatcher
from itertools import pairwise
from pathlib import Path

from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.change import last_toucher, owner, remover, to_new, to_old
from pipeline.model import Change, FileChange, Hunk, PatchDiff

# Few different lines, so that hunks of all kinds lie next to each other.
TEXTS = st.lists(st.sampled_from(["a", "b", "c", "}"]), max_size=14)


def hunks(old: list[str], new: list[str]) -> tuple[Hunk, ...]:
    """The hunks of a diff with no context; with a count of 0 START is the line before."""
    found = []
    for tag, i, j, k, m in SequenceMatcher(None, old, new, autojunk=False).get_opcodes():
        if tag != "equal":
            starts = (i + 1 if j > i else i, k + 1 if m > k else k)
            removed, added = tuple(old[i:j]), tuple(new[k:m])
            found.append(Hunk(starts[0], j - i, starts[1], m - k, removed, added))
    return tuple(found)


def change_of(versions: list[list[str]], path: str = "f.c") -> Change:
    patches = tuple(
        PatchDiff(n, (FileChange(path, path, "M", hunks(old, new)),))
        for n, (old, new) in enumerate(pairwise(versions), start=1)
    )
    files = (FileChange(path, path, "M", hunks(versions[0], versions[-1])),)
    return Change("b" * 40, "b" * 40, "p" * 40, "p" * 40, files, patches)


@given(TEXTS, TEXTS)
def test_lines_that_difflib_matches_are_where_it_says(old, new):
    files = (FileChange("f.c", "f.c", "M", hunks(old, new)),)
    blocks = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
    pairs = {b.a + i + 1: b.b + i + 1 for b in blocks for i in range(b.size)}

    for line in range(1, len(old) + 1):
        expected = ("f.c", pairs[line]) if line in pairs else None
        assert to_new(files, "f.c", line) == expected
    for line in range(1, len(new) + 1):
        back = {there: here for here, there in pairs.items()}
        expected = ("f.c", back[line]) if line in back else None
        assert to_old(files, "f.c", line) == expected


@given(TEXTS, TEXTS, st.integers(min_value=1, max_value=20))
def test_there_and_back_is_the_same_line(old, new, line):
    files = (FileChange("new.c", "old.c", "R", hunks(old, new)),)

    there = to_new(files, "old.c", line)
    if there is not None:
        assert to_old(files, *there) == ("old.c", line)
    back = to_old(files, "new.c", line)
    if back is not None:
        assert to_new(files, *back) == ("new.c", line)


@given(st.lists(TEXTS, min_size=2, max_size=4))
def test_the_owner_of_a_line_is_the_last_patch_that_wrote_it(versions):
    change = change_of(versions)
    # The same by carrying (text, patch) along with each line.
    carried = [(text, None) for text in versions[0]]
    for n, new in enumerate(versions[1:], start=1):
        old = [text for text, _ in carried]
        after: list[tuple[str, int | None]] = [(text, n) for text in new]
        for block in SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks():
            after[block.b : block.b + block.size] = carried[block.a : block.a + block.size]
        carried = after

    assert [owner(change, "f.c", n) for n in range(1, len(carried) + 1)] == [
        patch for _, patch in carried
    ]


@given(st.lists(TEXTS, min_size=2, max_size=4))
def test_the_remover_of_a_line_is_the_first_patch_that_takes_it_out(versions):
    change = change_of(versions)
    alive = dict(enumerate(range(1, len(versions[0]) + 1), start=1))  # base line: line now
    removed: dict[int, int] = {}
    for n, (old, new) in enumerate(pairwise(versions), start=1):
        blocks = SequenceMatcher(None, old, new, autojunk=False).get_matching_blocks()
        pairs = {b.a + i + 1: b.b + i + 1 for b in blocks for i in range(b.size)}
        removed |= {base: n for base, now in alive.items() if now not in pairs}
        alive = {base: pairs[now] for base, now in alive.items() if now in pairs}

    for line in range(1, len(versions[0]) + 1):
        assert remover(change, "f.c", line) == removed.get(line)


def test_a_file_that_no_patch_names_is_where_it_was():
    files = (FileChange("f.c", "f.c", "M", (Hunk(1, 1, 1, 1),)),)

    assert to_new(files, "other.c", 7) == ("other.c", 7)
    assert to_old(files, "other.c", 7) == ("other.c", 7)


def test_an_added_file_has_no_lines_before_and_a_deleted_one_none_after():
    added = FileChange("f.c", "", "A", (Hunk(0, 0, 1, 3),))
    deleted = FileChange("f.c", "f.c", "D", (Hunk(1, 3, 0, 0),))

    assert to_old((added,), "f.c", 2) is None
    assert to_new((deleted,), "f.c", 2) is None


def test_a_line_is_followed_through_a_rename_to_the_patch_that_wrote_it():
    write = FileChange("a.c", "a.c", "M", (Hunk(3, 0, 4, 1, (), ("x",)),))
    rename = FileChange("b.c", "a.c", "R", (Hunk(0, 0, 1, 2, (), ("h", "h")),))
    change = Change("", "", "", "", (), (PatchDiff(1, (write,)), PatchDiff(2, (rename,))))

    assert owner(change, "b.c", 6) == 1  # line 4 after patch 1, two lines further after patch 2
    assert owner(change, "b.c", 1) == 2
    assert owner(change, "b.c", 5) is None
    assert remover(change, "a.c", 3) is None


def test_the_last_patch_that_touches_a_file_by_either_name():
    rename = FileChange("b.c", "a.c", "R")
    edit = FileChange("c.c", "c.c", "M")
    change = Change("", "", "", "", (), (PatchDiff(1, (rename,)), PatchDiff(2, (edit,))))

    assert last_toucher(change, "a.c") == last_toucher(change, "b.c") == 1
    assert last_toucher(change, "c.c") == 2
    assert last_toucher(change, "d.c") is None


HEADER = re.compile(r"^@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@", re.MULTILINE)


@settings(max_examples=15, deadline=None)
@given(TEXTS, TEXTS)
def test_what_git_writes_leads_to_the_same_text(tmp_path_factory, old, new):
    directory: Path = tmp_path_factory.mktemp("diff")
    for name, lines in (("old", old), ("new", new)):
        (directory / name).write_text("".join(f"{line}\n" for line in lines))
    command = ["git", "diff", "--no-index", "-U0", "old", "new"]
    diff = subprocess.run(command, cwd=directory, capture_output=True, text=True, check=False)
    assert diff.returncode in (0, 1)
    found = tuple(
        Hunk(int(a), int(b or 1), int(c), int(d or 1)) for a, b, c, d in HEADER.findall(diff.stdout)
    )
    files = (FileChange("f.c", "f.c", "M", found),)

    kept = [to_new(files, "f.c", n) for n in range(1, len(old) + 1)]
    written = [to_old(files, "f.c", n) for n in range(1, len(new) + 1)]
    assert [old[n - 1] for n, there in enumerate(kept, start=1) if there] == [
        new[there[1] - 1] for there in kept if there
    ]
    assert kept.count(None) == sum(hunk.old_count for hunk in found)
    assert written.count(None) == sum(hunk.new_count for hunk in found)

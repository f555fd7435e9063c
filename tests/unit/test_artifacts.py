# SPDX-License-Identifier: GPL-2.0-or-later
"""Files by content, and source trees: whoever finds one finds it whole."""

from __future__ import annotations

import errno
import os
import shutil

import pytest

from pipeline.artifacts import ArtifactStore
from pipeline.model import InfraError
from pipeline.settings import load
from workers import workspace


def test_a_file_that_was_cut_off_is_not_there_and_is_written_anew(tmp_path):
    store = ArtifactStore(tmp_path)
    kept = store.keep_text("n", "all of it")
    store.path(kept).write_text("all")  # as a crash of the machine may leave it
    assert not store.has(kept)
    assert store.keep_text("n", "all of it") == kept
    assert store.path(kept).read_text() == "all of it"
    assert len(list(tmp_path.rglob("*"))) == 2  # a directory and the file in it


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    def full(source, target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), target)

    monkeypatch.setattr(shutil, "copyfile", full)
    with pytest.raises(InfraError, match=r"No space left on device\): see that its disk has room"):
        ArtifactStore(tmp_path).keep_text("n", "text")
    assert not [path for path in tmp_path.rglob("*") if path.is_file()]


def test_only_old_remains_are_swept(tmp_path):
    old, new = tmp_path / "partial-a", tmp_path / "partial-b"
    for place in (old, new):
        place.mkdir()
        (place / "file").write_text("half")
    os.utime(old, (0, 0))
    kept = ArtifactStore(tmp_path).keep_text("n", "text")
    ArtifactStore(tmp_path).sweep()
    assert (old.exists(), new.exists(), ArtifactStore(tmp_path).has(kept)) == (False, True, True)


@pytest.fixture
def settings(tmp_path):
    return load({"XDG_CACHE_HOME": str(tmp_path), "XDG_STATE_HOME": str(tmp_path)})


def checked_out(settings, monkeypatch, make):
    monkeypatch.setattr(workspace, "checkout", lambda _git, _tree, directory: make(directory))
    with workspace.Sources(settings.git_dir, settings.sources_dir, lambda _doing: None).whole(
        "a" * 40
    ) as tree:
        return tree


def test_half_a_source_tree_is_never_taken_for_a_whole_one(settings, monkeypatch):
    def half(directory):
        directory.mkdir()
        (directory / "Makefile").write_text("half")
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    with pytest.raises(InfraError, match="No space left"):
        checked_out(settings, monkeypatch, half)
    left = [path for path in settings.sources_dir.iterdir() if path.suffix != ".lock"]
    assert left == []

    killed = settings.sources_dir / f"{'a' * 40}.abcd.partial"  # its worker was
    (killed / "tree").mkdir(parents=True)

    def whole(directory):
        directory.mkdir()
        (directory / "Makefile").write_text("whole")

    tree = checked_out(settings, monkeypatch, whole)
    assert (tree / "Makefile").read_text() == "whole"
    assert not killed.exists()

# SPDX-License-Identifier: GPL-2.0-or-later
"""Files by content, and source trees: whoever finds one finds it whole."""

from __future__ import annotations

import errno
import hashlib
import os
import subprocess
import sys
import time
from contextlib import contextmanager

import pytest

from pipeline import artifact_files
from pipeline.artifact_files import ArtifactFiles
from pipeline.artifacts import ArtifactStore
from pipeline.kept import locked
from pipeline.model import InfraError, InputError
from pipeline.settings import load
from tests.conftest import ROOT
from workers import workspace


def files(root):
    """What lies in ROOT but for locks: artifacts, and what was left unfinished."""
    return [path for path in root.rglob("*") if path.is_file() and path.parent != root]


def test_a_file_that_was_cut_off_is_not_there_and_is_written_anew(tmp_path):
    store = ArtifactStore(tmp_path)
    kept = store.keep_text("n", "all of it")
    store.path(kept).write_text("all")  # as a crash of the machine may leave it
    assert not store.has(kept)
    assert store.keep_text("n", "all of it") == kept
    assert store.path(kept).read_text() == "all of it"
    assert len(files(tmp_path)) == 1


def test_a_file_in_which_a_bit_flipped_is_never_handed_out_and_is_written_anew(tmp_path):
    store = ArtifactStore(tmp_path)
    kept = store.keep_text("boot.log", "all of it")
    store.path(kept).write_text("ALL of it")
    assert store.has(kept)  # this much is cheap
    with pytest.raises(InfraError, match=r"boot\.log .*was damaged .*run again") as refused:
        store.path(kept)
    assert str(refused.value).count(". ") == 0  # one sentence
    assert not store.has(kept)
    assert store.keep_text("boot.log", "all of it") == kept
    assert store.path(kept).read_text() == "all of it"


def test_keeping_mends_what_is_damaged(tmp_path):
    store = ArtifactStore(tmp_path)
    kept = store.keep_text("n", "all of it")
    store.path(kept).write_text("ALL of it")
    store.keep_text("n", "all of it")
    assert store.path(kept).read_text() == "all of it"


def test_what_is_mended_while_it_is_read_stays(tmp_path, monkeypatch):
    store = ArtifactStore(tmp_path)
    kept = store.keep_text("n", "all of it")
    store.path(kept).write_text("ALL of it")
    digest = hashlib.file_digest

    def slow(stream, name):
        found = digest(stream, name)
        ArtifactStore(tmp_path).keep_text("n", "all of it")
        return found

    monkeypatch.setattr(hashlib, "file_digest", slow)
    with pytest.raises(InfraError, match="damaged"):
        store.path(kept)
    monkeypatch.undo()
    assert store.path(kept).read_text() == "all of it"


def test_a_file_that_grows_while_it_is_kept_has_the_name_of_what_was_copied(tmp_path):
    growing = tmp_path / "log"
    growing.write_bytes(b"x" * 3_000_000)
    appended = []

    class Growing(type(growing)):
        def open(self, *args, **kwargs):
            stream = super().open(*args, **kwargs)
            read = stream.read

            class Stream:
                def __enter__(self):
                    return self

                def __exit__(self, *_):
                    stream.close()

                def read(self, count):
                    if not appended:
                        appended.append(growing.write_bytes(b"y" * 3_000_000))
                    return read(count)

            return Stream()

    store = ArtifactStore(tmp_path / "store")
    kept = store.keep("log", Growing(growing))
    assert kept.ref == f"sha256:{hashlib.sha256(store.path(kept).read_bytes()).hexdigest()}"


def test_what_is_gone_is_said_in_one_sentence(tmp_path):
    store = ArtifactStore(tmp_path)
    kept = store.keep_text("blue-build-base.log", "text")
    store.path(kept).unlink()
    with pytest.raises(
        InfraError, match=r"blue-build-base\.log .* is not in .* any more: .*not used"
    ):
        store.path(kept)


def test_a_full_disk_is_one_sentence_and_leaves_nothing(tmp_path, monkeypatch):
    source = tmp_path / "source"
    source.write_text("text")

    def full(self, target):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC), target)

    monkeypatch.setattr(type(source), "replace", full)
    store = ArtifactStore(tmp_path / "store")
    with pytest.raises(InfraError, match=r"No space left on device\): see that its disk has room"):
        store.keep("n", source)
    assert not files(tmp_path / "store")


def test_only_old_remains_are_swept(tmp_path):
    old, new = tmp_path / "partial-a", tmp_path / "partial-b"
    for place in (old, new):
        place.mkdir()
        (place / "file").write_text("half")
    os.utime(old, (0, 0))
    kept = ArtifactStore(tmp_path).keep_text("n", "text")
    ArtifactStore(tmp_path).sweep()
    assert (old.exists(), new.exists(), ArtifactStore(tmp_path).has(kept)) == (False, True, True)


def aged(store, kept, days):
    at = time.time() - days * 24 * 3600
    os.utime(ArtifactFiles(store.root).place(kept), (at, at))
    (store.root / "looked").unlink(missing_ok=True)


@pytest.mark.parametrize(
    ("days", "keep_days", "stays"),
    [(29, 30, True), (31, 30, False), (4000, 0, True), (1.1, 1, False)],
)
def test_what_nobody_used_for_so_many_days_goes(tmp_path, days, keep_days, stays):
    store = ArtifactStore(tmp_path)
    kept = store.keep_text("n", "text")
    aged(store, kept, days)
    store.sweep(keep_days)
    assert store.has(kept) == stays


@pytest.mark.parametrize("use", ["path", "has", "keep"])
def test_what_was_used_just_now_stays(tmp_path, use):
    store = ArtifactStore(tmp_path)
    kept = store.keep_text("n", "text")
    aged(store, kept, 31)
    store.keep_text("n", "text") if use == "keep" else getattr(store, use)(kept)
    store.sweep(30)
    assert store.has(kept)


def test_what_is_used_between_the_look_at_its_age_and_its_end_stays(tmp_path, monkeypatch):
    store = ArtifactStore(tmp_path)
    kept = store.keep_text("n", "text")
    aged(store, kept, 31)

    @contextmanager
    def late(path, **how):
        if path.name == "lock" and not used:
            used.append(path)
            assert store.has(kept)
        with locked(path, **how) as alone:
            yield alone

    used = []
    monkeypatch.setattr(artifact_files, "locked", late)
    store.sweep(30)
    assert used
    assert store.has(kept)


def test_the_files_are_looked_through_once_an_hour(tmp_path):
    store = ArtifactStore(tmp_path)
    kept = store.keep_text("n", "text")
    store.sweep(30)
    at = time.time() - 31 * 24 * 3600
    os.utime(ArtifactFiles(tmp_path).place(kept), (at, at))
    store.sweep(30)
    assert ArtifactFiles(tmp_path).place(kept).exists()
    os.utime(tmp_path / "looked", (0, 0))
    store.sweep(30)
    assert not store.has(kept)


@pytest.mark.parametrize("text", ["-1", "many", "1.5", "99999999"])
def test_a_number_of_days_that_is_none_is_refused(text):
    with pytest.raises(InputError, match="CROSSCHECK_KEEP_DAYS"):
        load({"CROSSCHECK_KEEP_DAYS": text})


KEEPER = """
import sys
from pathlib import Path
from pipeline.artifacts import ArtifactStore
print("ready", flush=True)
sys.stdin.readline()
while True:
    print(ArtifactStore(Path(sys.argv[1])).keep("n", Path(sys.argv[2])).ref, flush=True)
"""


def test_two_processes_keep_the_same_file_and_one_is_killed(tmp_path):
    source = tmp_path / "source"
    source.write_bytes(os.urandom(20_000_000))
    store = ArtifactStore(tmp_path / "store")
    kept = store.keep("n", source)
    keepers = [
        subprocess.Popen(
            [sys.executable, "-c", KEEPER, store.root, source],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            text=True,
            cwd=ROOT,
        )
        for _ in range(2)
    ]
    for keeper in keepers:
        assert keeper.stdout.readline() == "ready\n"
    for keeper in keepers:
        keeper.stdin.write("go\n")
        keeper.stdin.flush()
    for delay in (0.11, 0.07):
        for _ in range(3):
            assert store.path(kept).stat().st_size == kept.size_bytes
            time.sleep(delay)
        victim = keepers.pop()
        victim.kill()
        assert set(victim.communicate()[0].split()) <= {kept.ref}
    assert store.path(kept).read_bytes() == source.read_bytes()
    for left in store.root.glob("partial-*"):
        os.utime(left, (0, 0))
    store.sweep()
    assert not list(store.root.glob("partial-*"))


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

# SPDX-License-Identifier: GPL-2.0-or-later
"""Directories that are kept: whole or not there, and no more than there is room for."""

from __future__ import annotations

import errno
import os

import pytest

from pipeline.kept import Kept, entries, limit_bytes, locked, make_room
from pipeline.model import InfraError, InputError
from pipeline.settings import load, size_bytes

BYTES = 40960


def keep(place, used_at):
    def fill(directory):
        directory.mkdir()
        (directory / "file").write_bytes(b"x" * BYTES)

    kept = Kept(place)
    kept.make(fill)
    os.utime(kept.lock, (used_at, used_at))
    return kept


@pytest.fixture
def three(tmp_path):
    """Used at 1, 2 and 3; the last two deeper than the first."""
    places = (tmp_path / "a/one", tmp_path / "b/x/y/two", tmp_path / "b/x/y/three")
    return tuple(keep(place, at) for at, place in enumerate(places, start=1))


def roots(tmp_path):
    return tmp_path / "a", tmp_path / "b"


def left(tmp_path):
    return [entry.place.name for entry in entries(roots(tmp_path))]


def test_the_latest_used_comes_first_with_its_size(tmp_path, three):
    del three
    found = entries(roots(tmp_path))
    assert [(e.place.name, e.used_at) for e in found] == [("three", 3), ("two", 2), ("one", 1)]
    assert all(BYTES <= entry.size_bytes < 2 * BYTES for entry in found)


def test_using_one_makes_it_the_latest(tmp_path, three):
    with three[0].used() as there:
        assert there
    assert left(tmp_path)[0] == "one"


def test_what_was_used_longest_ago_goes_first_and_no_more_than_must(tmp_path, three):
    del three
    gone = make_room(roots(tmp_path), 3 * BYTES)
    assert [entry.place.name for entry in gone] == ["one"]
    assert left(tmp_path) == ["three", "two"]
    assert make_room(roots(tmp_path), 3 * BYTES) == ()


def test_what_is_in_use_stays(tmp_path, three):
    with three[1].used():
        os.utime(three[1].lock, (2, 2))
        make_room(roots(tmp_path), 0)
        assert left(tmp_path) == ["two"]
    make_room(roots(tmp_path), 0)
    assert left(tmp_path) == []
    with three[1].used() as there:
        assert not there


def test_files_that_others_have_too_take_no_room_of_their_own(tmp_path, three):
    def fill(directory):
        directory.mkdir()
        (directory / "file").hardlink_to(three[0].place / "file")

    Kept(tmp_path / "a/linked").make(fill)
    (size,) = [e.size_bytes for e in entries(roots(tmp_path)) if e.place.name == "linked"]
    assert size < BYTES


def test_what_fails_half_way_is_not_there(tmp_path):
    def half(directory):
        directory.mkdir()
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))

    kept = Kept(tmp_path / "a/one")
    with pytest.raises(InfraError, match="No space left"):
        kept.make(half)
    assert not kept.there
    assert left(tmp_path) == []
    assert list(kept.place.parent.iterdir()) == [kept.lock]


def test_what_killed_processes_left_is_swept_but_not_from_under_others(tmp_path):
    for name in ("a/one.abcd.partial/it", "b/x/y/two.gone.partial"):
        (tmp_path / name).mkdir(parents=True)
    with locked(tmp_path / "a/one.lock"):
        make_room(roots(tmp_path), 1 << 40)
        assert (tmp_path / "a/one.abcd.partial").exists()
    make_room(roots(tmp_path), 1 << 40)
    assert not list(tmp_path.rglob("*.partial"))


def test_by_default_half_of_what_the_disk_has_left_may_be_kept(tmp_path, three):
    del three
    assert limit_bytes(roots(tmp_path), 7) == 7
    free = os.statvfs(tmp_path).f_bavail * os.statvfs(tmp_path).f_frsize
    assert limit_bytes(roots(tmp_path), 0) == pytest.approx(free / 2, rel=0.1)
    assert limit_bytes((tmp_path / "not/there/yet",), 0) == pytest.approx(free / 2, rel=0.1)


@pytest.mark.parametrize(
    ("text", "means"),
    [("512", 512), ("500M", 500 << 20), ("20g", 20 << 30), ("1.5T", 3 << 39), ("1 GiB", 1 << 30)],
)  # fmt: skip
def test_sizes(text, means):
    assert size_bytes(text) == means


@pytest.mark.parametrize("text", ["G", "0", "0G", "9999999999T", "-1", "20X", "1e9", "all"])
def test_what_is_no_size(text):
    with pytest.raises(ValueError, match="is no size"):
        size_bytes(text)
    with pytest.raises(InputError, match="CROSSCHECK_CACHE_SIZE"):
        load({"HOME": "/h", "CROSSCHECK_CACHE_SIZE": text})


def test_a_lock_that_says_nonsense_says_no_size(tmp_path, three):
    three[0].lock.write_bytes(b"\xff\xfe")
    three[1].lock.write_text("\u00b2")
    assert sorted(e.size_bytes for e in entries(roots(tmp_path)))[:2] == [0, 0]


def test_a_lock_that_cannot_be_had_is_said(tmp_path):
    kept = Kept(tmp_path / "a/one")
    kept.lock.mkdir(parents=True)
    with pytest.raises(InfraError, match=r"Cannot lock .*one.lock \(Is a directory\): see that"):
        kept.make(lambda directory: directory.mkdir())


def test_what_is_not_finished_is_not_looked_into(tmp_path):
    inside = tmp_path / "a.x.partial" / "it"
    (inside / "sub").mkdir(parents=True)
    os.mkfifo(inside / "sub.lock")
    assert entries([tmp_path]) == ()

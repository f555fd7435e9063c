# SPDX-License-Identifier: GPL-2.0-or-later
"""The archive that the kernel unpacks, read by the cpio that every system has."""

import gzip
import shutil
import stat
import subprocess

import pytest

from workers.guest.initramfs import Entry, newc, pack


def test_every_member_is_aligned_and_the_trailer_ends_it():
    archive = newc((Entry("a", stat.S_IFREG | 0o644, b"xyz"),))
    assert len(archive) % 4 == 0
    assert archive.startswith(b"070701")
    assert b"TRAILER!!!\0" in archive


def test_header_fields_are_where_the_format_has_them():
    archive = newc((Entry("dev/console", stat.S_IFCHR | 0o600, device=(5, 1)),))
    fields = [int(archive[i : i + 8], 16) for i in range(6, 110, 8)]
    inode, mode, uid, gid, links, mtime, size = fields[:7]
    assert (inode, mode, links, size) == (1, stat.S_IFCHR | 0o600, 1, 0)
    assert (uid, gid, mtime) == (0, 0, 0)
    assert fields[9:11] == [5, 1]
    assert fields[11] == len("dev/console\0")


def test_the_same_init_gives_the_same_bytes():
    assert pack(b"init") == pack(b"init")
    assert pack(b"init") != pack(b"other")


@pytest.mark.skipif(not shutil.which("cpio"), reason="no cpio here")
def test_cpio_agrees():
    listed = subprocess.run(
        ["cpio", "--list", "--verbose", "--numeric-uid-gid"],
        input=gzip.decompress(pack(b"\x7fELF" * 5)),
        capture_output=True,
        check=True,
    ).stdout.decode()
    rows = {row.split()[-1]: row for row in listed.splitlines()}
    assert set(rows) == {"dev", "proc", "sys", "tmp", "dev/console", "init"}
    assert rows["init"].startswith("-rwxr-xr-x")
    assert "5,   1" in rows["dev/console"]
    assert " 20 " in rows["init"]

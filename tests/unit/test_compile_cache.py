# SPDX-License-Identifier: GPL-2.0-or-later
"""What ccache says it did."""

from __future__ import annotations

import os

from hypothesis import given
from hypothesis import strategies as st

from workers.compile_cache import Counts, count, counted

SAID = """\
# /src/mm/memory.c
cache_miss
local_storage_miss
preprocessed_cache_miss
# /src/mm/mmap.c
local_storage_hit
preprocessed_cache_hit
# /src/lib/crc.c
unsupported_source_language
"""


def test_each_answer_counts_once():
    assert count(SAID) == Counts(hits=1, misses=1)
    assert count(SAID + SAID) == Counts(hits=2, misses=2)


@given(st.text())
def test_what_a_series_writes_there_is_no_error(text):
    count(text)


def test_what_is_no_plain_file_says_nothing_and_keeps_nobody_waiting(tmp_path):
    build, elsewhere = tmp_path / "build", tmp_path / "elsewhere"
    works = build / ".ccache"
    for directory in (build, elsewhere):
        directory.mkdir()
    (elsewhere / "said").write_text(SAID)
    assert counted(build) == Counts()
    works.symlink_to(elsewhere)
    assert counted(build) == Counts()
    works.mkdir()
    os.mkfifo(works / "said")
    assert counted(build) == Counts()
    works.mkdir()
    (works / "said").symlink_to(elsewhere / "said")
    assert counted(build) == Counts()
    works.mkdir()
    (works / "said").write_bytes(SAID.encode() + b"\xff\n")
    assert counted(build) == Counts(1, 1)
    assert not works.exists()
    assert (elsewhere / "said").exists()

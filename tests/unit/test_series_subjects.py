# SPDX-License-Identifier: GPL-2.0-or-later
"""What subjects say, in the words of many projects; what nobody is sure of makes no patch."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.series.subjects import asks_to_pull, is_marked, is_puzzling, prefixed, read_subject


@pytest.mark.parametrize(
    ("subject", "version", "counter", "expected"),
    [
        ("[PATCH 1/2] x", 1, 1, 2),
        ("[PATCH v3 0/7] x", 3, 0, 7),
        ("[linux-mm] [PATCH v2 1/2] x", 2, 1, 2),
        ("[PATCH 1 of 2] x", 1, 1, 2),
        ("[PATCH 1of2 v4] x", 4, 1, 2),
        ("[net,v2,1/2] x", 2, 1, 2),
        ("[PATCH net,v2 1/2] x", 2, 1, 2),
        ("[PATCH net-next,v2,1/2] x", 2, 1, 2),
        ("[PATCH-v2 1/2] x", 2, 1, 2),
        ("[PATCHv2 1/2] x", 2, 1, 2),
        ("[RFC/PATCH 1/2] x", 1, 1, 2),
        ("[RFCv2 1/1] x", 2, 1, 1),
        ("[PATCH (1/3)] x", 1, 1, 3),
        ("[PATCH #1/3] x", 1, 1, 3),
        ("[PATCH1/3] x", 1, 1, 3),
        ("[PATCH.1/3] x", 1, 1, 3),
        ("[PATCH v2-1/3] x", 2, 1, 3),
        ("[Patch 2/2]: x", 1, 2, 2),
        ("[PATCH 5.10 1/2] x", 1, 1, 2),
        ("[PATCH 5.10/5.15 1/2] x", 1, 1, 2),
        ("[PATCH pull-up 1/3] x", 1, 1, 3),
        ("[PATCH pull/push v2 1/3] x", 2, 1, 3),
    ],
)
def test_which_patch_of_how_many(subject, version, counter, expected):
    found = read_subject(subject)
    assert (found.version, found.counter, found.expected) == (version, counter, expected)
    assert not found.counters_inferred
    assert found.title == "x"
    assert not is_puzzling(found)


@pytest.mark.parametrize(
    "prefix",
    [
        *("1-3", "1\\3", "1/N", "3/?", "1/x", "2a/5", "04.5/12", "1/2/3", "1|2", "v2/3"),
        *("1\uff0f2", "1\u20442", "1\u22152"),
    ],
)
def test_what_cannot_be_counted_with_is_a_puzzle(prefix):
    found = read_subject(f"[PATCH {prefix}] mm: x")
    assert found.counters_inferred
    assert is_puzzling(found)


@pytest.mark.parametrize(
    "subject", ["[PATCH] (1/3) x", "[PATCH](1/3): x", "[PATCH] 1/3: x", "[PATCH] [1/3] x"]
)
def test_a_number_behind_the_prefix_is_read_or_a_puzzle(subject):
    found = read_subject(subject)
    assert is_puzzling(found) or (found.counter, found.expected) == (1, 3)


@pytest.mark.parametrize(
    "subject",
    [
        *("[PATCH] mm: x", "[PATCH net-next] x", "[PATCH 6.1/next] x", "[PATCH 5.10/5.15] x"),
        *("[PATCH v2] x", "[PATCH x86/64] x", "[PATCH 6.12.y] x"),
        *("[PATCH] 24/7 monitoring", "[PATCH] 10/100 ethernet: x", "[PATCH] 32/64 bits: x"),
        *("[PATCH net] 6/4: x", "[PATCH arm-32/64] x", "[PATCH] 0/1 valued x"),
        *("[PATCH stable-6.1] x", "[PATCH i2c/for-next] x", "[PATCH] 9p: x", "[PATCH drm/i915] x"),
    ],
)
def test_one_patch_is_no_puzzle(subject):
    found = read_subject(subject)
    assert found.counters_inferred
    assert not is_puzzling(found)


@pytest.mark.parametrize(
    ("subject", "marked"),
    [
        *(("[PATCH] x", True), ("[RFC] x", True), ("[RFT 1/2] x", True), ("[RESEND] x", True)),
        *(("[v2 1/2] x", False), ("x", False), ("[linux-mm] x", False)),
    ],
)
def test_what_calls_itself_a_patch(subject, marked):
    assert is_marked(read_subject(subject)) == marked


@pytest.mark.parametrize(
    ("subject", "asks"),
    [
        *(("[GIT PULL] x", True), ("[GIT,PULL] x", True), ("[GIT-PULL] x", True)),
        *(("[GITPULL] x", True), ("[PULL] x", True), ("[PATCH/PULL] x", True)),
        *(("[pull-request] x", True), ("[PATCH] pull x", False), ("[PATCH pulldown] x", False)),
        *(
            ("[PATCH pull-up] x", False),
            ("[PATCH drm-pull] x", False),
            ("[PATCH x86/pull] x", False),
        ),
    ],
)
def test_what_asks_to_pull(subject, asks):
    assert asks_to_pull(read_subject(subject)) == asks


@pytest.mark.parametrize("trees", ["v5.10/5.15", "v6.1/6.6/6.12", "v5.10/5", "v4.14/4.9/4.4"])
def test_versions_of_linux_are_none_of_a_series(trees):
    for subject in (f"[PATCH {trees} 1/2] x", f"[PATCH {trees}] x"):
        assert read_subject(subject).version == 1
    assert read_subject(f"[PATCH {trees} v3 2/2] x").version == 3


DIALECTS = (
    *("[PATCH v{v} {n}/{m}] t", "[PATCHv{v} {n}/{m}] t", "[PATCH-v{v} {n} of {m}]: t"),
    *("[RFC/PATCH,v{v},{n}/{m}] t", "[net,v{v},{n}/{m}] t", "[PATCH v{v} ({n}/{m})] t"),
    *("[list] [PATCH {n}/{m} v{v}] t", "[RESEND v{v} #{n}/{m}] t", "[PATCH v{v}-{n}/{m}] t"),
)


@given(st.sampled_from(DIALECTS), st.integers(1, 99), st.integers(0, 400), st.integers(1, 400))
def test_all_dialects_say_the_same(dialect, version, n, of):
    found = read_subject(dialect.format(v=version, n=n, m=of))
    assert (found.version, found.counter, found.expected) == (version, n, of)
    assert (found.title, found.counters_inferred) == ("t", False)


@given(st.text("[]()/#,-. PATCHRFCvof0123456789:ax=?", max_size=60))
def test_any_subject_is_read(subject):
    is_puzzling(read_subject(subject))
    is_puzzling(prefixed(f"[PATCH {subject}] x"))

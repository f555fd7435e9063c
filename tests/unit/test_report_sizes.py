# SPDX-License-Identifier: GPL-2.0-or-later
"""What replies and the terminal tell of sizes: what changed, once, and nothing else."""

from __future__ import annotations

import pytest

from pipeline.report.costs import costs_of
from pipeline.report.sizes import size_lines
from tests.unit.builders import cell, row, size, verdict


def lines(*rows):
    return list(size_lines(costs_of(verdict(*rows))))


def memory(base, patched, total=262_144):
    sides = {"base": base, "patched": patched}
    said = {side: {"available_kib": kib, "total_kib": total} for side, kib in sides.items()}
    return cell("boot", facts=(("memory", said),))


SAME = {"total": (4000, 4000), "text": (3000, 3000), "bss": (1000, 1000)}
LARGER = {"total": (4000, 4060), "text": (3000, 3040), "bss": (1000, 1020)}


@pytest.mark.parametrize(
    ("rows", "expected"),
    [
        ([], []),
        ([row("arm64")], []),
        ([row("arm64", size(SAME))], []),
        ([row("arm64", size(SAME | {"tables": (9, 10), "image": (5, 6)}))], []),
        ([row("arm64", memory(250_000, 250_000))], []),
        ([row("arm64", size(LARGER))], ["arm64: +60 bytes, +1.5 % (text +40, bss +20)"]),
        (
            [row("arm64", size({"total": (4000, 3800), "text": (3000, 2800)}))],
            ["arm64: -200 bytes, -5.0 % (text -200)"],
        ),
        (
            [row("arm64", size({"total": (4000, 4000), "text": (3000, 3040), "bss": (1000, 960)}))],
            ["arm64: as large as before (text +40, bss -40)"],
        ),
        (
            [row("arm64", size({n: (9, 9 + k) for k, n in enumerate("abcdef")}))],
            ["arm64: as large as before (f +5, e +4, d +3, c +2, others +1)"],
        ),
        # The same on several targets is said once.
        (
            [row("arm64", size(LARGER)), row("mips", size(SAME)), row("s390", size(LARGER))],
            ["arm64, s390: +60 bytes, +1.5 % (text +40, bss +20)"],
        ),
        (
            [row("s390", size(LARGER), memory(250_000, 249_996))],
            ["s390: +60 bytes, +1.5 % (text +40, bss +20); +4 KiB, +0.03 % of memory in use at boot"],
        ),
        (
            [row("s390", size(SAME), memory(250_000, 251_000))],
            ["s390: -1,000 KiB, -8.2 % of memory in use at boot"],
        ),
        # A section that is filled up to whole pages shows nothing.
        ([row("s390", size(SAME, [("a", 10, 18)]))], ["a: +8 bytes on s390"]),
    ],
)  # fmt: skip
def test_what_is_told(rows, expected):
    assert lines(*rows) == expected


def test_the_three_symbols_that_changed_most_anywhere_are_told():
    told = lines(
        row("arm64", size(SAME, [("grown", 100, 228), ("array", 0, 65536), ("little", 1, 2)])),
        row("mips", size(SAME, [("grown", 100, 228), ("array", 0, 65536)])),
        row("s390", size(SAME, [("grown", 100, 196), ("gone", 1000, 0), ("same", 5, 5)])),
    )

    assert told == [
        "array (new): +65,536 bytes on arm64, mips",
        "gone (gone): -1,000 bytes on s390",
        "grown: +128 bytes on arm64, mips; +96 bytes on s390",
    ]


def test_names_of_a_hostile_kernel_move_no_cursor():
    (line,) = lines(row("arm64", size(SAME, [("a\x1b[2Jb\nc", 0, 9)])))

    assert line == "ab c (new): +9 bytes on arm64"


def with_modules(*changed):
    """A size cell of CHANGED modules: (path, base, patched)."""
    rows = [dict(zip(("module", "base", "patched"), each, strict=True)) for each in changed]
    return cell("size", facts=(("modules", {"changed": rows}),))


def test_the_modules_that_changed_most_are_told_by_their_names():
    long = "drivers/net/ethernet/mellanox/mlx5/core/mlx5_core.ko"
    some = ((long, 9000, 9900), ("fs/new.ko", 0, 500), ("a/gone.ko", 70, 0), ("a/b.ko", 1, 2))
    told = lines(row("arm64", with_modules(*some)), row("s390", with_modules(some[0])))
    assert told == [
        "mlx5_core.ko: +900 bytes on arm64, s390",
        "new.ko (new): +500 bytes on arm64",
        "gone.ko (gone): -70 bytes on arm64",
    ]

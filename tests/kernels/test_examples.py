# SPDX-License-Identifier: GPL-2.0-or-later
"""The first kernel test: the example series, on one foreign architecture, before and after."""

from __future__ import annotations

import pytest

from tests.conftest import ROOT, validate

pytestmark = pytest.mark.kernels


@pytest.mark.smoke
def test_the_good_example_passes_on_a_foreign_architecture(crosscheck, some_tree):
    ran = crosscheck(ROOT / "examples" / "good", some_tree, "--target", "riscv64")
    assert ran.status == 0
    validate(ran.verdict)
    assert ran.outcomes() == {"riscv64": "PASS"}
    assert {c["check"] for c in ran.verdict["targets"][0]["checks"]} == {
        "build",
        "symbols",
        "boot",
        "size",
        "patches",
        "perf",
    }
    assert ran.check("riscv64", "symbols")["facts"]["symbols"]["argv_count"].startswith("exported")
    assert "Re: [PATCH 0/2]" in ran.reply


def test_the_broken_example_fails_as_it_says(crosscheck, some_tree):
    broken = ROOT / "examples" / "broken"
    ran = crosscheck(broken, some_tree, "--target", "riscv64", "--target", "s390")
    assert ran.status == 1
    accused = {
        (t["target"], c["check"], f["patch"], f["severity"])
        for t in ran.verdict["targets"]
        for c in t["checks"]
        for f in c["findings"]
    }
    assert ("s390", "build", 2, "FAIL") in accused
    assert ("riscv64", "build", 1, "WARN") in accused
    assert ("riscv64", "boot", 3, "FAIL") in accused  # no line of the diff says which patch it was
    assert not {a for a in accused if a[0] == "riscv64" and a[1] == "build" and a[3] == "FAIL"}

# SPDX-License-Identifier: GPL-2.0-or-later
"""What operations cost on real kernels: the same is the same, and 64 loads are found."""

from __future__ import annotations

import pytest

from pipeline.matrix import load
from pipeline.model import Case, Step
from tests.conftest import ROOT
from tests.integration.benches import make_bench
from tests.kernels.test_zero_page import SIX, on, replace
from tests.unit import builders
from workers.checks import perf

pytestmark = pytest.mark.kernels

MATRIX = load(ROOT / "matrix.yaml")
READ = "\t\t\t!mm_forbids_zeropage(vma->vm_mm)) {\n"
LOADS = "\t\tfor (int i = 0; i < 64; i++)\n\t\t\t(void)READ_ONCE(vma->vm_start);\n"
NOTE = "\t\t/* What reads find. */\n"


def test_64_loads_are_found_where_they_are_and_nowhere_else(crosscheck, posted, zero_page_base):
    series = posted(
        ("mm: say what reads find", {"mm/memory.c": replace(READ, READ + NOTE)}),
        ("mm: look 64 times", {"mm/memory.c": replace(READ, READ + LOADS)}),
    )
    ran = crosscheck(series, zero_page_base, *on(*SIX), "--check", "perf")
    assert ran.status == 0
    assert ran.outcomes() == dict.fromkeys(SIX, "WARN")
    for target in SIX:
        check = ran.check(target, "perf")
        (finding,) = check["findings"]
        assert (finding["kind"], finding["symbol"]) == ("slower", "zero_read_fault")
        assert finding["patch"] == 2  # as bisection found
        cases = check["facts"]["cases"]
        told = cases["zero_read_fault"]
        assert 64 <= told["patched"] - told["base"] <= 64 * 8
        for name in ("getpid", "pipe_round_trip"):
            assert abs(cases[name]["change_percent"]) < 1


@pytest.mark.parametrize("target", SIX)
def test_a_kernel_costs_what_it_costs(as_posted, zero_page_base, tmp_path, target):
    needed = {"image": as_posted.kept(target, "image")}
    (named,) = [each for each in MATRIX.targets if each.name == target]
    case = Case("run", builders.series(), builders.base(), builders.change(), (), MATRIX.limits)

    def seen(n: str) -> perf.Seen:
        place = tmp_path / n / "job"
        return perf.probe(
            make_bench(place, case, named, Step.BASE, zero_page_base, needed=needed)
        ).seen

    judged = perf.judge(case, named, seen("first"), seen("second"))
    cases = dict(judged.facts)["cases"]
    print("\n".join(f"{name}: {told}" for name, told in cases.items()))
    assert judged.findings == ()
    assert len(cases) > 10
    for told in cases.values():
        assert told["change_percent"] == 0  # the seeds are the same, so all of it is
        assert not told["differs"]
        assert told["base_spread_percent"] < 1

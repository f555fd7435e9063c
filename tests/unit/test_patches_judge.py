# SPDX-License-Identifier: GPL-2.0-or-later
"""Which patch is it after which the kernel does not build?"""

from __future__ import annotations

from pipeline.model import Case, Outcome, PatchDiff
from tests.unit import builders
from workers.checks.patches import After, Seen, judge
from workers.parsers.diagnostics import Diagnostic

TOTAL = 6
ERROR = Diagnostic("compiler", "error", "'x' undeclared", "mm/a.c", 7, detail="mm/a.c:7: error")
RECIPE = Diagnostic("recipe", "error", "mm/a.o: exit status 1", "scripts/Makefile.build", 3)


def after(n, *errors):
    return After(n, errors, 1.0)


def told(*built):
    patches = tuple(PatchDiff(n, ()) for n in range(1, TOTAL + 1))
    change = builders.change(patches=patches)
    case = Case("run", builders.series(total=TOTAL), builders.base(), change)
    return judge(case, builders.target(), Seen(), Seen(built))


def test_every_patch_builds():
    judged = told(after(1), after(3))
    assert judged.findings == ()
    assert dict(judged.facts)["built_after"] == [1, 3]


def test_the_first_patch_of_a_stretch_is_named_and_what_mends_it():
    judged = told(after(1), after(2, RECIPE, ERROR), after(3, ERROR), after(4))
    (finding,) = judged.findings
    assert (finding.kind, finding.severity, finding.patch) == ("not-bisectable", Outcome.FAIL, 2)
    assert (finding.file, finding.line) == ("mm/a.c", 7)
    assert finding.summary == ("the kernel does not build after patch 2 of 6: 'x' undeclared")
    assert finding.detail.endswith("It builds again after patch 4.")


def test_each_stretch_is_told_and_the_head_mends_the_last():
    judged = told(after(1, ERROR), after(2), after(5, ERROR))
    assert [finding.patch for finding in judged.findings] == [1, 5]
    assert judged.findings[1].detail.endswith("after patch 6.")


def test_where_nothing_lies_between_there_is_nothing_to_judge():
    judged = told()
    assert judged.outcome is Outcome.SKIP
    assert "no patch but the last reaches" in judged.reason

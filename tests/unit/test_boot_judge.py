# SPDX-License-Identifier: GPL-2.0-or-later
"""What two kernels' boots say of a series: only what is new, certain and the patch's accuses."""

from dataclasses import replace

import pytest

from pipeline.codec import dumps, loads
from pipeline.fingerprint import fingerprint
from pipeline.model import (
    Base,
    Case,
    Change,
    FileChange,
    Hunk,
    Letter,
    Machine,
    Outcome,
    Patch,
    PatchDiff,
    Series,
    Target,
)
from workers.checks.boot import Seen, judge
from workers.guest.boots import Boot
from workers.guest.program import Broken
from workers.guest.watch import Ending
from workers.parsers.ktap import Status, Test
from workers.parsers.splats import Splat

LETTER = Letter("m@x", "s", "a")


def case(patches=1, *diffs):
    return Case(
        run="r",
        series=Series(
            "s", 1, "m@x", "a", tuple(Patch(n, "p", "a", LETTER) for n in range(1, patches + 1))
        ),
        base=Base("t", "c", "why"),
        change=Change(
            "b", "bt", "p", "pt", tuple(f for diff in diffs for f in diff.files), tuple(diffs)
        ),
    )


def target(zero_pages=1):
    machine = Machine(("qemu",), "", 90, zero_pages)
    return Target("t", "x", "x", "", (), (), "image", (), machine)


GOOD = Boot(
    ending=Ending.POWERED_OFF,
    tests=(Test("memory", Status.OK), Test("zero_page_read", Status.OK)),
    complete=True,
    splats=(),
    zero_pages=1,
    seconds=2.0,
    init_s=1.0,
    silence_s=0.5,
    running="",
    tail=("# crosscheck-init: end",),
)
HUNG = replace(
    GOOD,
    ending=Ending.HANG,
    tests=(),
    complete=False,
    zero_pages=None,
    seconds=27.0,
    silence_s=25.5,
    running="zero_page_read",
    tail=("ok 1 memory", "# running zero_page_read", ""),
)
WARNING = Splat(
    "warning",
    "WARN_ON()",
    "free_page",
    "WARNING: mm/a.c:20 at free_page",
    ("…",),
    "mm/a.c",
    20,
)
OOPS = Splat(
    "oops",
    "Unable to handle kernel NULL pointer dereference at virtual address ADDR",
    "do_wp_page",
    "Unable to handle kernel NULL pointer dereference at virtual address 0",
    ("Unable to …", "Kernel panic - not syncing: Fatal exception"),
)
PANICKED = replace(HUNG, ending=Ending.PANIC, splats=(OOPS,))


def boot(**changes):
    return replace(GOOD, **changes)


def status(name, how, *notes):
    return boot(tests=(Test("memory", Status.OK), Test(name, how, notes)))


def judged(base, patched, *, of=None, machine=1):
    base, patched = (seen if isinstance(seen, tuple) else (seen,) for seen in (base, patched))
    return judge(of or case(), target(machine), Seen(base), Seen(patched))


def shown(judgement):
    return [(f.kind, str(f.severity)) for f in judgement.findings]


def test_two_good_boots_are_a_pass_with_facts():
    judgement = judged(GOOD, GOOD)
    assert (judgement.findings, judgement.inherited, judgement.outcome) == ((), (), None)
    facts = dict(judgement.facts)
    assert facts["zero_pages"] == {"base": 1, "patched": 1, "expected": 1}
    assert facts["tests_passed"] == {"base": 2, "patched": 2}
    assert facts["seconds_to_init"] == {"base": 1.0, "patched": 1.0}


def test_a_hang_fails_and_says_in_which_test_and_after_which_line():
    judgement = judged(GOOD, (HUNG, replace(HUNG, silence_s=50.5)))
    (finding,) = judgement.findings
    assert (finding.kind, finding.severity) == ("boot-hang", Outcome.FAIL)
    assert finding.summary == (
        "the patched kernel hangs in the init's test zero_page_read: nothing new on the console"
        " for 50 s; the last line is: # running zero_page_read"
    )
    assert finding.patch == 1
    assert "ok 1 memory" in finding.detail


@pytest.mark.parametrize(
    ("ending", "kind"),
    [
        (Ending.RESET, "boot-reset"),
        (Ending.TIME, "boot-time"),
        (Ending.FLOOD, "boot-flood"),
        (Ending.CRASH, "boot-crash"),
        (Ending.PANIC, "boot-panic"),
    ],
)
def test_other_bad_ends_fail_too(ending, kind):
    bad = replace(HUNG, ending=ending)
    assert shown(judged(GOOD, (bad, bad))) == [(kind, "FAIL")]


def test_an_oops_that_ends_in_a_panic_is_told_once():
    judgement = judged(GOOD, (PANICKED, PANICKED))
    assert shown(judgement) == [("boot-oops", "FAIL")]
    (finding,) = judgement.findings
    assert finding.summary.endswith("in do_wp_page()")
    assert finding.symbol == "do_wp_page"


def test_what_happens_in_one_of_two_boots_does_not_accuse():
    assert shown(judged(GOOD, (HUNG, GOOD))) == []
    judgement = judged(GOOD, (PANICKED, GOOD))
    assert shown(judgement) == [("boot-oops", "WARN")]
    assert "(in 1 of 2 boots)" in judgement.findings[0].summary
    assert "1 of 2 boots" in dict(judgement.facts)["flaky"]


@pytest.mark.parametrize("patched", [GOOD, HUNG])
def test_a_base_that_does_not_boot_is_an_error_whatever_the_patched_kernel_does(patched):
    judgement = judged((HUNG, HUNG), patched)
    assert judgement.outcome is Outcome.ERROR
    assert judgement.findings == ()
    assert judgement.reason.startswith("The base kernel does not boot, it hangs in")


def test_a_base_that_needed_a_second_try_will_do():
    assert judged((HUNG, GOOD), GOOD).outcome is None


def test_a_hang_on_a_machine_where_the_base_was_almost_as_slow_is_an_error():
    slow = boot(silence_s=20.0, seconds=60.0)
    judgement = judged(slow, (HUNG, HUNG))
    assert judgement.outcome is Outcome.ERROR
    assert "too slow to tell" in judgement.reason
    assert judged(slow, (PANICKED, PANICKED)).outcome is None  # a panic needs no clock


def test_a_new_warning_of_the_kernel_fails():
    judgement = judged(GOOD, (boot(splats=(WARNING,)),) * 2)
    assert shown(judgement) == [("boot-warning", "FAIL")]
    (finding,) = judgement.findings
    assert (finding.file, finding.line) == ("mm/a.c", 20)
    assert finding.summary == "WARNING in free_page(): WARN_ON()"


def test_a_line_that_only_says_warning_does_not_fail():
    printed = Splat("printk-warning", "WARNING: x", "", "WARNING: x", ("WARNING: x",))
    assert shown(judged(GOOD, (boot(splats=(printed,)),) * 2)) == [("boot-printk-warning", "WARN")]


def test_a_warning_that_base_has_too_is_inherited():
    judgement = judged((boot(splats=(WARNING,)),) * 2, (boot(splats=(WARNING,)),) * 2)
    assert judgement.findings == ()
    assert [f.kind for f in judgement.inherited] == ["boot-warning"]


def moved(n, line, added):
    hunk = Hunk(line - 1, 0, line, added)
    return PatchDiff(n, (FileChange("mm/a.c", "mm/a.c", "M", (hunk,)),))


def test_a_warning_that_only_moved_is_inherited_and_one_from_another_line_is_new():
    before = (boot(splats=(WARNING,)),) * 2
    after = (boot(splats=(replace(WARNING, line=23),)),) * 2
    assert judged(before, after, of=case(1, moved(1, 5, 3))).findings == ()
    assert shown(judged(before, after)) == [("boot-warning", "FAIL")]


def test_of_several_patches_the_one_that_wrote_the_line_is_named():
    after = (boot(splats=(WARNING,)),) * 2
    of = case(2, moved(1, 100, 1), moved(2, 18, 5))
    assert judged(GOOD, after, of=of).findings[0].patch == 2
    elsewhere = (boot(splats=(replace(WARNING, line=3),)),) * 2
    assert judged(GOOD, elsewhere, of=of).findings[0].patch is None


def test_a_test_that_base_passes_and_the_patched_kernel_does_not_fails():
    bad = status("zero_page_read", Status.NOT_OK, "not zero: page 0x7")
    judgement = judged(GOOD, (bad, bad))
    assert shown(judgement) == [("boot-test", "FAIL")]
    assert judgement.findings[0].summary == (
        "not ok in the guest: zero_page_read: not zero: page 0x7"
    )


def test_tests_that_fail_together_are_one_finding():
    broken = boot(tests=tuple(Test(name, Status.NOT_OK, ("why",)) for name in ("a", "b")))
    fine = boot(tests=tuple(Test(name, Status.OK) for name in ("a", "b")))
    (finding,) = judged(fine, (broken, broken)).findings
    assert finding.summary == "not ok in the guest: a, b: why"
    assert finding.detail == "# why\nnot ok a\n# why\nnot ok b"


@pytest.mark.parametrize(
    ("base", "patched", "expected"),
    [
        (Status.NOT_OK, Status.NOT_OK, []),
        (Status.NOT_OK, Status.OK, []),
        (Status.SKIP, Status.NOT_OK, [("boot-test", "WARN")]),
        (Status.OK, Status.SKIP, [("boot-test-skipped", "WARN")]),
        (Status.SKIP, Status.SKIP, []),
    ],
)
def test_tests_are_judged_by_their_difference(base, patched, expected):
    assert shown(judged((status("t", base),) * 2, (status("t", patched),) * 2)) == expected


def test_a_test_that_fails_in_one_of_two_boots_is_a_warning():
    twice = (status("zero_page_read", Status.NOT_OK), GOOD)
    judgement = judged(GOOD, twice)
    assert shown(judgement) == [("boot-test", "WARN")]
    assert "not ok (in 1 of 2 boots)" in judgement.findings[0].summary


@pytest.mark.parametrize(
    ("machine", "base", "patched", "expected", "inherited"),
    [
        (1, 1, 1, [], 0),
        (16, 32, 16, [], 0),  # a lower bound
        (1, 1, 4096, [("zero-page-colouring", "FAIL")], 0),
        (16, 32, 1, [("zero-page-colouring", "FAIL")], 0),
        (16, 1, 1, [], 1),  # the matrix is wrong, not the series
        (16, 4, 1, [("zero-page-colouring", "WARN")], 0),
        (16, 1, 32, [], 0),
        (1, None, 7, [], 0),
    ],
)
def test_zero_pages_are_as_the_machine_colours_them(machine, base, patched, expected, inherited):
    judgement = judged(
        (boot(zero_pages=base),) * 2, (boot(zero_pages=patched),) * 2, machine=machine
    )
    assert shown(judgement) == expected
    assert len(judgement.inherited) == inherited


def test_a_machine_that_no_longer_goes_off_is_a_warning_unless_base_stays_on_too():
    stays = boot(ending=Ending.STAYED_ON)
    assert shown(judged(GOOD, stays)) == [("boot-no-power-off", "WARN")]
    assert shown(judged(stays, stays)) == []


def test_a_report_that_cannot_be_read_is_ours():
    garbled = boot(complete=False)
    judgement = judged(GOOD, (garbled, garbled))
    assert judgement.outcome is Outcome.ERROR
    assert "not legible on the patched kernel's console" in judgement.reason


def test_headers_that_the_series_broke_fail_where_they_are_broken():
    broken = Broken("include/uapi/linux/fs.h", 12, "unknown type name 'foo'")
    judgement = judge(case(), target(), Seen((GOOD,)), Seen((), broken))
    assert shown(judgement) == [("init-build", "FAIL")]
    assert (judgement.findings[0].file, judgement.findings[0].line) == (broken.file, 12)


def test_a_kernel_that_lost_an_option_of_the_target_is_not_accused_of_what_may_follow():
    lost = "CONFIG_SERIAL_8250_CONSOLE=y (is n)"
    before = Seen((GOOD,), not_honoured=("CONFIG_OLD=y (is n)",))
    after = Seen((HUNG, HUNG), not_honoured=("CONFIG_OLD=y (is n)", lost))
    judged = judge(case(), target(), before, after)
    assert (judged.outcome, judged.findings) == (Outcome.ERROR, ())
    assert lost in judged.reason
    assert "CONFIG_OLD" not in judged.reason
    # A trace is proof by itself, and what was cached before anyone looked is no doubt.
    for base, patched in (
        (before, replace(after, boots=(PANICKED, PANICKED))),
        (Seen((GOOD,)), after),
        (before, replace(after, not_honoured=before.not_honoured)),
    ):
        judged = judge(case(), target(), base, patched)
        assert judged.outcome is None
        assert judged.findings[0].severity is Outcome.FAIL


def test_what_was_seen_before_options_were_looked_at_is_read():
    old = dumps(Seen((GOOD,))).replace(',"not_honoured":null', "")
    assert "not_honoured" not in old
    assert loads(Seen, old) == Seen((GOOD,))


def test_what_was_seen_survives_the_store():
    seen = Seen((HUNG, PANICKED, boot(splats=(WARNING,))))
    assert loads(Seen, dumps(seen)) == seen


def test_what_only_base_shows_is_said_and_counts_for_nothing():
    judgement = judged((boot(splats=(OOPS,)), GOOD), GOOD)
    assert (judgement.findings, judgement.inherited) == ((), ())
    (only,) = judgement.base_only
    (new,) = judged(GOOD, boot(splats=(OOPS,))).findings
    assert fingerprint("arm64", "boot", only) == fingerprint("arm64", "boot", new)
    assert judged(boot(splats=(OOPS,)), boot(splats=(OOPS,))).base_only == ()

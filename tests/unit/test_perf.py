# SPDX-License-Identifier: GPL-2.0-or-later
"""What two kernels' figures say of a series: only what is beyond noise and beyond a limit accuses."""

import random
from dataclasses import replace
from types import SimpleNamespace

import pytest

from pipeline.codec import dumps, loads
from pipeline.model import Case, InfraError, Limit, Machine, Outcome, Step
from tests.unit import builders
from workers.checks import perf
from workers.checks.perf import Seen, judge
from workers.guest import program, qemu
from workers.guest.watch import Ending, Patience, Watch
from workers.parsers.console import INIT_START
from workers.parsers.measures import Measurement, Report
from workers.perf.figures import Figures, Pair, collect, enough, instructions
from workers.perf.operations import operation
from workers.sandbox.contract import Ended
from workers.trace import key

LIMITS = (Limit("perf", "*", 1.0, 5.0), Limit("perf", "getpid", 10.0, 5.0, Outcome.FAIL))
TARGET = builders.target()


def seen(unmeasured=(), **cases):
    figures = tuple(Figures(name, of_boots) for name, of_boots in cases.items())
    return Seen(max(map(len, cases.values()), default=0), figures, tuple(unmeasured), ("QEMU 9",))


def judged(base, patched, patches=1, limits=LIMITS):
    case = Case("r", builders.series(patches), builders.base(), builders.change(), (), limits)
    return judge(case, TARGET, base, patched)


@pytest.mark.parametrize(
    ("base", "patched", "severities"),
    [
        ((781, 781, 781), (1042, 1042, 1042), [Outcome.WARN]),
        ((1042, 1042, 1042), (781, 781, 781), []),  # faster
        ((781, 781, 781), (788, 788, 788), []),  # below the limit
        ((100, 100, 100), (104, 104, 104), []),  # more than 1 %, yet few instructions
        ((1000, 1004, 1200), (1100, 1104, 1300), []),  # the ranges overlap
        ((1000, 1004, 1030), (1060, 1064, 1066), []),  # they do not, but spread as much
        ((1000, 1004, 1010), (1060, 1064, 1066), [Outcome.WARN]),
    ],
)
def test_slower_is_what_noise_cannot_be(base, patched, severities):
    told = judged(seen(fork=base), seen(fork=patched))
    assert [finding.severity for finding in told.findings] == severities
    assert told.outcome is None


def test_a_finding_tells_both_figures_and_the_one_patch_that_can_have_done_it():
    patched = replace(seen(getpid=(1042.0,) * 3), operations=(("getpid", "getpid()"),))
    (finding,) = judged(seen(getpid=(781.0, 781.2, 781.0)), patched).findings
    assert (finding.kind, finding.symbol, finding.patch) == ("slower", "getpid", 1)
    assert finding.severity is Outcome.FAIL
    assert (
        finding.summary
        == "getpid: 781 → 1042 instructions for one operation, +33.4 %, the limit is 10 %"
    )
    assert finding.detail.splitlines() == [
        "one operation: getpid()",
        "base, boot by boot: 781, 781, 781 instructions (spread 0.03 %)",
        "patched, boot by boot: 1042, 1042, 1042 instructions (spread 0.00 %)",
    ]
    (finding,) = judged(seen(getpid=(10, 10)), seen(getpid=(20.25, 20.25)), patches=2).findings
    assert finding.patch is None
    assert "10 → 20.2 instructions" in finding.summary


def test_without_a_limit_nothing_accuses():
    assert judged(seen(a=(1, 1)), seen(a=(100, 100)), limits=()).findings == ()


def test_every_case_is_told_also_what_became_faster():
    facts = dict(judged(seen(a=(200, 200, 201)), seen(a=(150, 150))).facts)
    assert facts["unit"] == "instructions"
    assert facts["boots"] == {"base": 3, "patched": 2}
    assert facts["cases"] == {
        "a": {
            "base": 200, "patched": 150, "base_spread_percent": 0.5, "patched_spread_percent": 0,
            "change_percent": -25, "differs": True,
        }
    }  # fmt: skip
    assert "unmeasured" not in facts


def test_what_one_side_cannot_measure_is_no_finding():
    none = ("futex", "no such call")
    told = judged(
        seen([none, ("boot", "no counter")], a=(1, 1), torn=(2, 2)),
        seen([("boot", "no counter")], a=(1, 1), futex=(9, 9), torn=(2,)),
    )
    assert told.findings == ()
    facts = dict(told.facts)
    assert set(facts["cases"]) == {"a"}
    assert facts["unmeasured"] == {
        "boot": "no counter",
        "futex": "base: no such call",
        "torn": "patched: no legible result on the console",
    }


PANIC = "Kernel panic - not syncing: Fatal exception"
PANICKED = perf.Panic(f"panics while getpid is measured: {PANIC}", "getpid", ("a", "b"))


def test_a_panic_of_the_patched_kernel_accuses():
    told = judged(seen(getpid=(781, 781)), Seen(0, (), (), ("QEMU 9",), panic=PANICKED))
    (finding,) = told.findings
    assert (finding.kind, finding.severity) == ("panic", Outcome.FAIL)
    assert (finding.symbol, finding.patch, finding.detail) == ("getpid", 1, "a\nb")
    assert finding.summary == f"the kernel panics while getpid is measured: {PANIC}"
    assert (told.outcome, told.reason) == (None, "")
    assert dict(told.facts)["unmeasured"] == {"getpid": "patched: the kernel panics"}


def test_a_panic_is_traced_to_a_patch_by_what_it_says():
    found = [
        judged(seen(), Seen(0, (), (), (), panic=panic), patches=2).findings[0]
        for panic in (PANICKED, replace(PANICKED, tail=()), replace(PANICKED, words="panics: odd"))
    ]
    assert {finding.patch for finding in found} == {None}
    assert key(found[0]) == key(found[1])
    assert key(found[0]) != key(found[2])


ICOUNT = replace(TARGET, machine=Machine(("qemu",), "", 90, 1, icount="shift=0,sleep=off"))
MEASURED = "measured getpid operations=1 ns=781 rounds=1"
RUNNING = ("Linux version 7.2", INIT_START, "# running getpid")


def guest(ending):
    watch = Watch(Patience(90))
    for line in (*RUNNING, MEASURED if ending.well else f"[    1.0] {PANIC}"):
        watch(line)
    return qemu.Run(ending, 1.0, watch)


@pytest.fixture
def probed(tmp_path, monkeypatch):
    """What the probe sees of SIDE if its boots come to ENDINGS, one after the other."""

    def probed(side, *endings):
        left = iter(endings)
        monkeypatch.setattr(program, "build", lambda *_: b"init")
        monkeypatch.setattr(qemu, "run", lambda *_: guest(next(left)))
        bench = SimpleNamespace(
            target=ICOUNT, side=side, build=tmp_path / "build", needed={"image": tmp_path},
            progress=lambda _: None, keep=lambda name, _: name,
            sandbox=SimpleNamespace(versions=lambda _: ("QEMU 9",)),
        )  # fmt: skip
        sighting = perf.probe(bench)
        assert next(left, None) is None
        return sighting

    return probed


WELL = Ending.STAYED_ON


@pytest.mark.parametrize("before", [(), (WELL,), (Ending.PANIC, WELL)])
def test_a_patched_kernel_that_panics_at_each_attempt_is_seen_to(probed, before):
    sighting = probed(Step.PATCHED, *before, Ending.PANIC, Ending.PANIC)
    assert sighting.seen.panic.words == PANICKED.words
    assert sighting.seen.panic.case == "getpid"
    assert PANIC in sighting.seen.panic.tail[-1]
    assert (sighting.seen.boots, sighting.seen.cases) == (0, ())
    assert sighting.artifacts == ("perf-console",)
    assert sighting.blocks  # what it would have measured is hidden: a trace must not go by that


@pytest.mark.parametrize(
    ("side", "endings"),
    [
        (Step.BASE, (Ending.PANIC, Ending.PANIC)),
        (Step.PATCHED, (Ending.HANG, Ending.PANIC)),
        (Step.PATCHED, (Ending.PANIC, Ending.HANG)),
        (Step.PATCHED, (Ending.CRASH, Ending.CRASH)),
    ],
)
def test_whatever_else_keeps_a_kernel_from_its_end_accuses_nobody(probed, side, endings):
    with pytest.raises(InfraError, match="while getpid is measured"):
        probed(side, *endings)


def test_a_panic_that_does_not_come_again_is_none(probed):
    sighting = probed(Step.PATCHED, Ending.PANIC, WELL, WELL, WELL)
    assert sighting.seen.panic is None
    assert sighting.seen.boots == 3


COMPILER = (
    "/probes/perf/cases/a.c: In function 'run':",
    "/probes/perf/cases/a.c:7:2: error: too few arguments to function 'f'",
    "/probes/perf/cases/b.c:9:1: error: expected ';'",
    "/probes/case.h:3:5: note: declared here",
)
LINKER = (
    "/usr/bin/ld: /tmp/cc1.o: in function `run':",
    "a.c:(.text+0x1): undefined reference to `memset'",
    "collect2: error: ld returned 1 exit status",
)


@pytest.mark.parametrize(
    ("output", "told"),
    [(COMPILER, COMPILER[1]), (LINKER, LINKER[1]), (("gcc: odd",), "gcc: odd")],
)
def test_a_program_that_cannot_be_built_is_told_by_the_first_error(tmp_path, output, told):
    def run(argv, *, watch, **_):
        if argv[0] == "make":
            return Ended(0, 1.0)
        for line in output:
            watch(line)
        return Ended(1, 1.0)

    bench = SimpleNamespace(target=TARGET, build=tmp_path / "build", run=run)
    with pytest.raises(InfraError) as caught:
        program.build(bench, "perf")
    assert str(caught.value) == f"The perf program cannot be built: {told}."


def test_what_was_seen_survives_json():
    panicked = Seen(0, (), (), (), panic=PANICKED)
    assert loads(Seen, dumps(panicked)) == panicked
    here = seen([("boot", "no counter")], a=(1.5, 2.5))
    assert loads(Seen, dumps(here)) == here


@pytest.mark.parametrize(
    ("icount", "expected"),
    [("shift=0,sleep=off", 800.0), ("shift=5", 25.0), ("sleep=on,shift=3", 100), ("", 800.0)],
)
def test_the_clock_counts_instructions(icount, expected):
    rounds = (8000, 8000, 8000, 250_000, 8000)  # a tick fell into one
    counts = replace(ICOUNT.machine, icount=icount)
    assert instructions(Measurement("a", 10, rounds), counts.ns_per_instruction) == expected


def test_boots_are_collected_by_case_and_what_took_no_time_is_none():
    boots = [
        Report((Measurement("a", 1, (n,)), Measurement("b", 1, (7 * (n > 1),))), ())
        for n in (1, 2, 3)
    ]
    assert collect(boots, 1) == (Figures("a", (1, 2, 3)), Figures("b", (7, 7)))


STEADY, WILD = Figures("a", (1000, 1001, 1002)), Figures("b", (1000, 1001, 1020))


@pytest.mark.parametrize(
    ("figures", "boots", "seconds", "expected"),
    [
        ((), 0, 0, False),
        ((STEADY,), 2, 5, False),
        ((STEADY,), 2, 500, False),  # a spread takes that many
        ((STEADY,), 3, 500, True),
        ((STEADY, WILD), 3, 9, False),
        ((STEADY, WILD), 3, 21, True),  # the next one would be too late
        ((STEADY, WILD), 4, 16, False),
        ((STEADY, WILD), 5, 10, True),
    ],
)
def test_boots_go_on_while_they_spread_and_there_is_time(figures, boots, seconds, expected):
    assert enough(figures, boots, seconds) is expected


@pytest.mark.parametrize("values", [(0, 0.001), (0, 0.5), (0, 2), (0, 30)])
def test_kernels_that_are_the_same_but_for_noise_hardly_ever_differ(values):
    """Whatever the noise, in percent of the figure."""
    mean, percent = values
    dice = random.Random(1)

    def boots(n):
        return tuple(10_000 + mean + 100 * percent * dice.gauss(0, 1) for _ in range(n))

    def side():
        figures = Figures("a", boots(3))
        return figures if enough((figures,), 3, 0) else Figures("a", figures.of_boots + boots(2))

    wrong = sum(Pair(side(), side()).differs for _ in range(2000))
    assert wrong <= 10


def test_a_program_is_known_by_its_sources(tmp_path, monkeypatch):
    (tmp_path / "perf" / "cases").mkdir(parents=True)
    (tmp_path / "perf" / "main.c").write_text("main")
    (tmp_path / "report.h").write_text("report")
    monkeypatch.setattr(program, "PROBES", tmp_path)
    versions = [program.version("perf"), program.version("perf")]
    assert versions[0] == versions[1]
    (tmp_path / "perf" / "cases" / "getpid.c").write_text("case")
    versions.append(program.version("perf"))
    (tmp_path / "report.h").write_text("Report")
    versions.append(program.version("perf"))
    assert len(set(versions)) == 3


def test_every_case_of_the_program_says_what_one_operation_is():
    cases = sorted(path.stem for path in (program.PROBES / "perf" / "cases").glob("*.c"))
    assert {case for case in cases if not operation(case)} == set()
    assert operation("zero_read_fault") == "the fault, and the read again"
    assert operation("no_such_case") == ""


def test_a_side_that_is_the_same_never_differs():
    same = Figures("a", (5.0, 5.0, 5.0))
    assert not Pair(same, same).differs
    assert not Pair(same, replace(same, of_boots=(5.0, 5.0, 9.0))).differs


def test_what_layout_alone_does_is_no_difference():
    base = Figures("a", (10_000.0, 10_000.0, 10_000.0))
    assert not Pair(base, replace(base, of_boots=(10_009.0,) * 3)).differs
    assert Pair(base, replace(base, of_boots=(10_011.0,) * 3)).differs
    assert Pair(base, replace(base, of_boots=(9_989.0,) * 3)).differs

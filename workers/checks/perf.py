# SPDX-License-Identifier: GPL-2.0-or-later
"""What do common operations cost on the patched kernel, beside the base? Probe: boots QEMU with a
program that measures (`workers/probes/perf`), several times. Judge: pure.

The machine counts instructions (`icount` in the matrix): a figure is exact, and the same on
every host, however busy. What the series made slower is a finding where it is outside the
spread that the boots show, and beyond a limit of the matrix; what it made faster is a fact.

A patched kernel that panics while it is measured, at each attempt, is a finding. Whatever else
keeps a kernel that boots from getting through the program accuses nobody here.
"""

from __future__ import annotations

import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from pipeline.limits import exceeded
from pipeline.model import Case, Finding, InfraError, Outcome, Step, Target
from workers.check import Bench, Judgement, Sighting
from workers.guest import boots, compare, initramfs, program, qemu
from workers.guest.program import Broken
from workers.guest.watch import Ending, Patience
from workers.parsers import measures
from workers.parsers.console import is_panic
from workers.parsers.measures import Report
from workers.perf.figures import MOST_BOOTS, Figures, Pair, collect, enough
from workers.perf.operations import operation
from workers.toolchain import emulator

_PROGRAM = "perf"
#: Raised by hand when the probe sees differently; other sources of the program do so by themselves.
VERSION = program.version(_PROGRAM) + 2
KEEPS_BUILD = False
BOOTS = True

_NAME = "perf"
_UNIT = "instructions"
_IMAGE = "image"
_ATTEMPTS = 2
#: Lines that tell what led to a panic.
_BEFORE_PANIC = 5
#: Of this many boots a spread can be told.
_FEWEST = 2


@dataclass(frozen=True, slots=True)
class Panic:
    """How the kernel panics, to go on from "the kernel"; CASE is what was measured then."""

    words: str
    case: str  # "" if none
    tail: tuple[str, ...]  # the console's last lines


@dataclass(frozen=True, slots=True)
class Seen:
    """What one side's boots measured; nothing if it panicked."""

    boots: int
    cases: tuple[Figures, ...]
    unmeasured: tuple[tuple[str, str], ...]  # (case, why this kernel has no such thing)
    tools: tuple[str, ...]
    operations: tuple[tuple[str, str], ...] = ()  # (case, what one operation is)
    panic: Panic | None = None  # of the patched kernel


def probe(bench: Bench) -> Sighting:
    """Boot and measure. Raises InfraError for whatever keeps it from that."""
    if not bench.target.machine.icount:
        return Sighting(None, skip="its machine has no `icount` in the matrix to count by")
    bench.progress("building the perf program")
    built = program.build(bench, _PROGRAM)
    if isinstance(built, Broken):
        where = f"{built.file}:{built.line}: {built.text}"
        raise InfraError(f"The perf program cannot be built: {where}.")
    with tempfile.TemporaryDirectory(dir=bench.build.parent) as name:
        return _measure(bench, Path(name), initramfs.pack(built))


def _measure(bench: Bench, directory: Path, archive: bytes) -> Sighting:
    packed, console = directory / "initramfs", directory / "console"
    packed.write_bytes(archive)
    packed.chmod(0o644)  # the sandbox has a user of its own
    ns_per_instruction = bench.target.machine.ns_per_instruction
    reports: list[Report] = []
    figures: tuple[Figures, ...] = ()
    panic: Panic | None = None
    began = time.monotonic()
    while not enough(figures, len(reports), time.monotonic() - began):
        seed = len(reports) + 1
        bench.progress(f"measuring, boot {seed}")
        said = _boot(bench, packed, console, seed)
        if isinstance(said, Panic):
            reports, figures, panic = [], (), said
            break
        reports.append(said)
        figures = collect(reports, ns_per_instruction)
    if not figures and not panic:
        raise InfraError(
            f"The perf program measured nothing on the {bench.side} kernel: see the console log."
        )
    seen = Seen(
        boots=len(reports),
        cases=figures,
        unmeasured=tuple({name: why for each in reports for name, why in each.unmeasured}.items()),
        tools=bench.sandbox.versions(emulator(bench.target)),
        operations=tuple((each.name, operation(each.name)) for each in figures),
        panic=panic,
    )
    blocks = f"the {bench.side} kernel panics" if panic else ""
    return Sighting(seen, (bench.keep("perf-console", console),), blocks)


def _boot(bench: Bench, packed: Path, console: Path, seed: int) -> Report | Panic:
    """What a boot with SEED says, or how the patched kernel panics at each attempt.

    Raises InfraError when it does not come to its end for any other reason.
    """
    endings: set[Ending] = set()
    limit_s = bench.target.machine.seconds_limit
    for attempt in range(1, _ATTEMPTS + 1):
        patience = Patience(limit_s, silence_s=limit_s / 2, power_off_s=0).times(attempt)
        # With the same seed the same would happen, whatever it was.
        another = seed + MOST_BOOTS * (attempt - 1)
        run = qemu.run(bench, bench.needed[_IMAGE], packed, patience, another)
        with console.open("a", encoding="utf-8") as stream:
            head = f"=== seed {another}, {run.seconds:.1f} s: {run.ending} ==="
            stream.write("\n".join((head, *run.lines, "")))
        if run.ending.well:
            return measures.parse(run.lines)
        endings.add(run.ending)
    boot = boots.read(run)
    words = compare.describe(boot, "while {} is measured")
    if bench.side is Step.PATCHED and endings == {Ending.PANIC}:
        return Panic(words, boot.running, boot.tail)
    raise InfraError(
        f"The {bench.side} kernel boots, but does not get through the perf program: it {words}."
    )


def judge(case: Case, target: Target, base: Seen, patched: Seen) -> Judgement:
    """WARN, or FAIL where a limit says so, for what became slower beyond a limit.

    FAIL for a panic.
    """
    pairs, unmeasured = _pairs(base, patched)
    facts: dict[str, JsonValue] = {
        "unit": _UNIT,
        "boots": {"base": base.boots, "patched": patched.boots},
        "cases": {name: _told(pair) for name, pair in pairs.items()},
        "unmeasured": {**unmeasured},
        "tools": [*patched.tools],
    }
    operations = dict(patched.operations)
    slower = (
        _finding(case, target, name, pair, operations.get(name, ""))
        for name, pair in pairs.items()
        if pair.differs
    )
    return Judgement(
        findings=(
            *([_panic(case, patched.panic)] if patched.panic else []),
            *(finding for finding in slower if finding),
        ),
        facts=tuple((name, value) for name, value in facts.items() if value),
    )


def _around(lines: Sequence[str]) -> Sequence[str]:
    """LINES from shortly before the panic on."""
    at = next((n for n, line in enumerate(lines) if is_panic(line)), 0)
    return lines[max(0, at - _BEFORE_PANIC) :]


def _panic(case: Case, panic: Panic) -> Finding:
    return Finding(
        kind="panic",
        severity=Outcome.FAIL,
        summary=f"the kernel {panic.words}",
        patch=compare.only_patch(case),
        symbol=panic.case,
        detail="\n".join(_around(panic.tail)),
    )


def _pairs(base: Seen, patched: Seen) -> tuple[Mapping[str, Pair], Mapping[str, str]]:
    """The cases that were measured on both sides, and why the others were not."""
    before, after = ({each.name: each for each in side.cases} for side in (base, patched))
    told = {side: dict(seen.unmeasured) for side, seen in (("base", base), ("patched", patched))}
    illegible = "no legible result on the console"
    unsaid = {"base": illegible, "patched": "the kernel panics" if patched.panic else illegible}
    names = dict.fromkeys((*before, *after, *told["base"], *told["patched"]))
    pairs: dict[str, Pair] = {}
    unmeasured: dict[str, str] = {}
    for name in names:
        sides = {"base": before.get(name), "patched": after.get(name)}
        why = {
            side: told[side].get(name, unsaid[side])
            for side, figures in sides.items()
            if figures is None or len(figures.of_boots) < _FEWEST
        }
        if why:
            unmeasured[name] = _reason(why)
        else:
            pairs[name] = Pair(before[name], after[name])
    return pairs, unmeasured


def _reason(why: Mapping[str, str]) -> str:
    """WHY, by side, as one: said once where it is the same for both."""
    words = set(why.values())
    if len(why) > 1 and len(words) == 1:
        return words.pop()
    return "; ".join(f"{side}: {reason}" for side, reason in why.items())


def _told(pair: Pair) -> JsonValue:
    return {
        "base": round(pair.base.figure, 2),
        "patched": round(pair.patched.figure, 2),
        "base_spread_percent": round(pair.base.spread_percent, 3),
        "patched_spread_percent": round(pair.patched.spread_percent, 3),
        "change_percent": round(pair.change_percent, 3),
        "differs": pair.differs,
    }


def _finding(case: Case, target: Target, name: str, pair: Pair, words: str) -> Finding | None:
    base, patched = pair.base.figure, pair.patched.figure
    beyond = exceeded(case.limits, _NAME, target.name, name, base=base, patched=patched)
    if beyond is None:
        return None
    return Finding(
        kind="slower",
        severity=beyond.limit.severity,
        summary=f"{name}: {_number(base)} → {_number(patched)} {_UNIT} for one operation,"
        f" {beyond.words}",
        patch=compare.only_patch(case),
        symbol=name,
        detail="\n".join(
            (
                *([f"one operation: {words}"] if words else []),
                _boots_line("base", pair.base),
                _boots_line("patched", pair.patched),
            )
        ),
    )


def _boots_line(side: str, figures: Figures) -> str:
    of_boots = ", ".join(_number(each) for each in figures.of_boots)
    return f"{side}, boot by boot: {of_boots} {_UNIT} (spread {figures.spread_percent:.2f} %)"


def _number(figure: float) -> str:
    return f"{figure:.0f}" if figure >= 100 or figure == int(figure) else f"{figure:.1f}"

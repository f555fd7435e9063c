# SPDX-License-Identifier: GPL-2.0-or-later
"""What do the patched kernel's boots show that base's do not? Pure.

Each function returns the series' own findings and the inherited ones. What every boot of
the patched kernel shows accuses; what only some show is a warning.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace

from pipeline.change import owner, to_old
from pipeline.model import Case, Finding, Machine, Outcome
from workers.guest.boots import Boot, colouring_fits
from workers.guest.watch import Ending
from workers.parsers.ktap import Status
from workers.parsers.splats import Splat

#: A headline that a program printed, without a trace, is worth a look, not an accusation.
_MILD = "printk-warning"


@dataclass(frozen=True, slots=True)
class Difference:
    """What is the series' doing, what base has as well, and what only base has."""

    findings: tuple[Finding, ...] = ()
    inherited: tuple[Finding, ...] = ()
    base_only: tuple[Finding, ...] = ()


def only_patch(case: Case) -> int | None:
    """The patch that is to blame for whatever the series does; None if there are several."""
    return case.series.patches[0].n if len(case.series.patches) == 1 else None


def _often(count: int, boots: Sequence[Boot]) -> str:
    return f" (in {count} of {len(boots)} boots)" if count < len(boots) else ""


def _inherited(case: Case, splat: Splat, base: Iterable[Splat]) -> bool:
    """Whether base has SPLAT: the same words, from the same line if the series left that."""
    before = to_old(case.change.files, splat.file, splat.line) if splat.line else None
    return any(
        other.key == splat.key and (before is None or before == (other.file, other.line))
        for other in base
    )


def _splat_finding(case: Case, splat: Splat, count: int, boots: Sequence[Boot]) -> Finding:
    patch = only_patch(case)
    if patch is None and splat.line:
        patch = owner(case.change, splat.file, splat.line)
    always = count == len(boots) and splat.kind != _MILD
    where = f" in {splat.function}()" if splat.function else ""
    title = splat.title if splat.kind == "warning" else splat.headline
    named = f"WARNING{where}: {title}" if splat.kind == "warning" else title
    if where and splat.function not in named:
        named += where
    return Finding(
        kind=f"boot-{splat.kind}",
        severity=Outcome.FAIL if always else Outcome.WARN,
        summary=named + _often(count, boots),
        patch=patch,
        file=splat.file,
        line=splat.line,
        symbol=splat.function,
        detail="\n".join(splat.trace),
    )


def splats(case: Case, base: Sequence[Boot], patched: Sequence[Boot]) -> Difference:
    """Complaints of the kernel. A splat that is new is a regression, whatever its kind."""
    before = [splat for boot in base for splat in boot.splats]
    unique = {(s.key, s.file, s.line): s for boot in reversed(patched) for s in boot.splats}
    new: list[Finding] = []
    old: list[Finding] = []
    for same, splat in unique.items():
        count = sum(any((s.key, s.file, s.line) == same for s in boot.splats) for boot in patched)
        finding = _splat_finding(case, splat, count, patched)
        (old if _inherited(case, splat, before) else new).append(finding)
    return Difference(tuple(new), tuple(old), _gone(case, base, patched))


def _gone(case: Case, base: Sequence[Boot], patched: Sequence[Boot]) -> tuple[Finding, ...]:
    """What a boot of base showed and none of the patched kernel: perhaps mended, perhaps rare."""
    shown = {splat.key for boot in patched for splat in boot.splats}
    gone = {splat.key: splat for boot in reversed(base) for splat in boot.splats}
    return tuple(
        replace(_splat_finding(case, splat, len(base), base), patch=None)
        for key, splat in gone.items()
        if key not in shown
    )


@dataclass(frozen=True, slots=True)
class _TestTrouble:
    """A test that some boot of the patched kernel does not pass."""

    name: str
    how: str
    severity: Outcome
    notes: tuple[str, ...]
    inherited: bool


def _trouble(name: str, base: Sequence[Boot], patched: Sequence[Boot]) -> _TestTrouble | None:
    now = [test for boot in patched for test in boot.tests if test.name == name]
    was = {test.status for boot in base for test in boot.tests if test.name == name}
    bad = [test for test in now if test.status is Status.NOT_OK]
    if bad:
        often = f" (in {len(bad)} of {len(now)} boots)" if len(bad) < len(now) else ""
        always = not often and Status.OK in was
        severity = Outcome.FAIL if always else Outcome.WARN
        inherited = Status.NOT_OK in was
        return _TestTrouble(name, f"not ok{often}", severity, bad[-1].diagnostics, inherited)
    if all(test.status is Status.SKIP for test in now) and Status.OK in was:
        return _TestTrouble(name, "skipped", Outcome.WARN, now[-1].diagnostics, inherited=False)
    return None


def _test_finding(case: Case, alike: Sequence[_TestTrouble]) -> Finding:
    """One finding for all tests that came to the same: they mostly have the same cause."""
    first = alike[0]
    names = ", ".join(trouble.name for trouble in alike)
    because = f": {', '.join(first.notes)}" if first.notes else ""
    return Finding(
        kind="boot-test-skipped" if first.how == "skipped" else "boot-test",
        severity=first.severity,
        summary=f"{first.how} in the guest: {names}{because}",
        patch=only_patch(case),
        detail="\n".join(
            line for t in alike for line in (*(f"# {n}" for n in t.notes), f"{t.how} {t.name}")
        ),
    )


def tests(case: Case, base: Sequence[Boot], patched: Sequence[Boot]) -> Difference:
    """Tests of the init, one finding for all that came to the same."""
    names = dict.fromkeys(test.name for boot in patched for test in boot.tests)
    troubles = [t for t in (_trouble(name, base, patched) for name in names) if t]
    groups: dict[tuple[bool, str, Outcome], list[_TestTrouble]] = {}
    for trouble in troubles:
        groups.setdefault((trouble.inherited, trouble.how, trouble.severity), []).append(trouble)
    found = [(key[0], _test_finding(case, alike)) for key, alike in groups.items()]
    return Difference(
        tuple(finding for inherited, finding in found if not inherited),
        tuple(finding for inherited, finding in found if inherited),
    )


def zero_pages(
    case: Case, machine: Machine, base: Sequence[Boot], patched: Sequence[Boot]
) -> Difference:
    """Distinct physical pages behind zero-page reads."""
    was = [boot.zero_pages for boot in base if boot.zero_pages is not None]
    now = [boot.zero_pages for boot in patched if boot.zero_pages is not None]
    if not was or not now or any(colouring_fits(machine, count) for count in now):
        return Difference()
    expected = "1" if machine.zero_pages == 1 else f"at least {machine.zero_pages}"
    finding = Finding(
        kind="zero-page-colouring",
        severity=Outcome.FAIL,
        summary=f"{now[-1]} distinct zero pages back anonymous reads;"
        f" the base has {was[-1]}, this machine should show {expected}",
        patch=only_patch(case),
    )
    if any(colouring_fits(machine, count) for count in was):
        return Difference((finding,))
    if was[-1] == now[-1]:
        return Difference(inherited=(finding,))
    return Difference((replace(finding, severity=Outcome.WARN),))  # base is no measure


def _where(boot: Boot, running: str) -> str:
    if boot.running:
        return running.format(boot.running)
    return "after the init had started" if boot.init_s is not None else "before the init started"


def describe(boot: Boot, running: str = "in the init's test {}") -> str:
    """How BOOT ended badly, in one line that goes on from "the kernel".

    RUNNING is what the init does while it says that {} is running.
    """
    where = _where(boot, running)
    last = f"; the last line is: {boot.last_line}" if boot.last_line else " and said nothing"
    if boot.panic:
        last = f": {boot.panic}"
    words = {
        Ending.PANIC: f"panics {where}",
        Ending.HANG: f"hangs {where}: nothing new on the console for {boot.silence_s:.0f} s",
        Ending.RESET: f"resets or goes off {where}",
        Ending.TIME: f"is not done after {boot.seconds:.0f} s, {where}",
        Ending.FLOOD: f"floods the console {where}",
        Ending.CRASH: f"drives the processor into an error state {where}",
        Ending.STAYED_ON: "does not power off",
        Ending.POWERED_OFF: "powers off",
    }
    return words[boot.ending] + last


def endings(case: Case, base: Sequence[Boot], patched: Sequence[Boot]) -> Difference:
    """How the boots ended, where base (which boots) ended well."""
    last = patched[-1]
    if any(boot.ending is Ending.POWERED_OFF for boot in patched):
        return Difference()
    well = any(boot.ending.well for boot in patched)
    finding = Finding(
        kind="boot-no-power-off" if well else f"boot-{last.ending}",
        severity=Outcome.WARN if well else Outcome.FAIL,
        summary=f"the patched kernel {describe(last)}",
        patch=only_patch(case),
        detail="\n".join(last.tail),
    )
    if well and all(boot.ending is not Ending.POWERED_OFF for boot in base):
        return Difference()  # such is the machine
    return Difference((finding,))

# SPDX-License-Identifier: GPL-2.0-or-later
"""Does the patched kernel boot as the base does? Probe: builds an init, boots QEMU. Judge: pure.

A boot that shows anything remarkable is tried once more, with twice the patience, before it
is taken; what only one of two boots shows does not accuse. Where kernel and init are the
base's, byte for byte, there is nothing to boot. A new splat of any kind is a FAIL (a WARNING()
is a regression too), but for a `WARNING:` that somebody merely printed.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

from pydantic import JsonValue

from pipeline.change import owner
from pipeline.model import Case, Fact, Finding, InfraError, Outcome, Step, Target
from workers.check import Bench, Judgement, Sighting
from workers.guest import boots, compare, initramfs, memory, program, qemu
from workers.guest.boots import Boot
from workers.guest.program import Broken
from workers.guest.watch import Ending, Patience
from workers.kernel_build import config_lines
from workers.parsers import kbuild_config
from workers.parsers.ktap import Status
from workers.toolchain import emulator

VERSION = 2
KEEPS_BUILD = False
BOOTS = True

#: The artifacts of the build check: what boots, and how it is configured.
_IMAGE = "image"
#: All that a boot is made of.
_KERNEL = ("vmlinux", _IMAGE, "config")
_INITRAMFS = "initramfs"
_CONFIG = "config"
_ATTEMPTS = 2

#: What an overloaded machine can do to a boot.
_OF_TIME = (Ending.HANG, Ending.TIME)


@dataclass(frozen=True, slots=True)
class Seen:
    """All boots of one side, in order; none if BROKEN says why the init does not compile.

    NOT_HONOURED is what the target asks of the configuration in vain; None if nobody looked.
    """

    boots: tuple[Boot, ...]
    broken: Broken | None = None
    not_honoured: tuple[str, ...] | None = None
    tools: tuple[str, ...] = ()  # QEMU's version, and the image that has it if it is in one


def probe(bench: Bench) -> Sighting:
    """Boot the kernel once, or twice. Raises InfraError for what is not the kernel's doing."""
    bench.progress("building the init")
    built = program.build(bench, "boot")
    if isinstance(built, Broken):
        if bench.side is Step.BASE or built.file not in bench.case.change.paths:
            raise InfraError(f"The init cannot be built: {built.file}:{built.line}: {built.text}.")
        return Sighting(Seen((), built), blocks="there is no init for the patched kernel")
    archive = initramfs.pack(built)
    if same := _same_as_base(bench, archive):
        return Sighting(None, skip=same)
    with tempfile.TemporaryDirectory(dir=bench.build.parent) as name:
        return _boots(bench, Path(name), archive)


def _same_as_base(bench: Bench, archive: bytes) -> str:
    """The proof that base's boot tells all that this one would; "" if there is none.

    A kernel without symbols proves nothing: something went wrong when it was made.
    """
    before, now = bench.before, bench.needed
    if any(name not in before or before[name] != now.get(name) for name in _KERNEL):
        return ""  # the paths of artifacts are their contents
    if _INITRAMFS not in before or before[_INITRAMFS].read_bytes() != archive:
        return ""
    if not now["System.map"].stat().st_size:
        return ""
    return "the kernel and the init are the base's, byte for byte"


def _boots(bench: Bench, directory: Path, archive: bytes) -> Sighting:
    machine = bench.target.machine
    packed, console = directory / _INITRAMFS, directory / "console"
    packed.write_bytes(archive)
    packed.chmod(0o644)  # the sandbox has a user of its own
    seen: list[Boot] = []
    for attempt in range(1, _ATTEMPTS + 1):
        bench.progress("booting" if attempt == 1 else "booting again")
        limit_s = machine.seconds_limit
        patience = Patience(limit_s, silence_s=limit_s / 2).times(attempt)
        run = qemu.run(bench, bench.needed[_IMAGE], packed, patience)
        with console.open("a", encoding="utf-8") as stream:
            stream.write(f"=== boot {attempt}: {run.ending} ===\n" + "\n".join(run.lines) + "\n")
        seen.append(boots.read(run))
        if boots.unremarkable(machine, seen[-1]):
            break
    artifacts = (bench.keep("console", console), bench.keep(_INITRAMFS, packed))
    boots_well = any(boot.ending.well for boot in seen)
    blocks = "" if boots_well else f"the {bench.side} kernel does not boot"
    tools = bench.sandbox.versions(emulator(bench.target))
    return Sighting(Seen(tuple(seen), None, _not_honoured(bench), tools), artifacts, blocks)


def _not_honoured(bench: Bench) -> tuple[str, ...] | None:
    config = bench.needed.get(_CONFIG)
    if config is None:
        return None
    options = kbuild_config.options(config.read_text(encoding="utf-8", errors="replace"))
    return kbuild_config.not_honoured(config_lines(bench.source, bench.target), options)


def judge(case: Case, target: Target, base: Seen, patched: Seen) -> Judgement:
    """What the series changed about booting; ERROR where base gives no measure."""
    if patched.broken:
        return Judgement(findings=(_broken(case, patched.broken),))
    facts = _facts(target, base.boots, patched.boots)
    if patched.tools:
        facts += (("tools", [*patched.tools]),)
    why_not = _incomparable(base.boots, patched.boots)
    if why_not:
        return Judgement(facts=facts, outcome=Outcome.ERROR, reason=why_not)
    before, after = base.boots, patched.boots
    splats = compare.splats(case, before, after)
    differences = (
        _explained(compare.endings(case, before, after), splats, after),
        splats,
        compare.tests(case, before, after),
        compare.zero_pages(case, target.machine, before, after),
        memory.memory(case, target, before, after),
    )
    findings = tuple(finding for d in differences for finding in d.findings)
    accuses = _accuse(findings)
    lost = _lost_options(base, patched)
    if accuses and lost and not _accuse(splats.findings):
        return Judgement(facts=facts, outcome=Outcome.ERROR, reason=lost)
    doubt = "" if accuses else _illegible(before, after)
    return Judgement(
        findings=findings,
        inherited=tuple(finding for d in differences for finding in d.inherited),
        base_only=splats.base_only,
        facts=facts,
        outcome=Outcome.ERROR if doubt else None,
        reason=doubt,
    )


def _accuse(findings: Sequence[Finding]) -> bool:
    return any(finding.severity is Outcome.FAIL for finding in findings)


def _lost_options(base: Seen, patched: Seen) -> str:
    """Why the patched kernel may lack what the target needs; "" if it does not.

    A series may rename an option, or make it depend on a new one that users have by default:
    then it is the target's fragment that has to follow.
    """
    if base.not_honoured is None or patched.not_honoured is None:
        return ""
    lost = [said for said in patched.not_honoured if said not in base.not_honoured]
    if not lost:
        return ""
    return (
        "The patched kernel does not boot as the base does, but it is not configured as the"
        f" target asks either: {', '.join(lost[:5])}. Adapt the target's configuration."
    )


def _broken(case: Case, broken: Broken) -> Finding:
    return Finding(
        kind="init-build",
        severity=Outcome.FAIL,
        summary=f"user space does not compile against the patched headers: {broken.text}",
        patch=compare.only_patch(case) or owner(case.change, broken.file, broken.line),
        file=broken.file,
        line=broken.line,
    )


def _incomparable(base: Sequence[Boot], patched: Sequence[Boot]) -> str:
    """Why nothing can be said; "" if something can."""
    if not any(boot.ending.well for boot in base):
        also = "does" if any(boot.ending.well for boot in patched) else "does not either"
        return (
            f"The base kernel does not boot, it {compare.describe(base[-1])}."
            f" (The patched one {also}.)"
        )
    last = patched[-1]
    if not any(boot.ending.well for boot in patched) and last.ending in _OF_TIME:
        calm = [boot for boot in base if boot.ending.well][-1]
        if calm.silence_s > last.silence_s / 2 or calm.seconds > last.seconds / 2:
            return (
                f"The patched kernel {compare.describe(last)}; but the base took"
                f" {calm.seconds:.0f} s as well, so this machine is too slow to tell."
            )
    return ""


def _explained(
    ending: compare.Difference, splats: compare.Difference, patched: Sequence[Boot]
) -> compare.Difference:
    """ENDING without a panic that a splat's own finding already tells."""
    told = any(
        finding.severity is Outcome.FAIL and "Kernel panic" in finding.detail
        for finding in splats.findings
    )
    return compare.Difference() if told and patched[-1].ending is Ending.PANIC else ending


def _illegible(base: Sequence[Boot], patched: Sequence[Boot]) -> str:
    for side, seen in (("base", base), ("patched", patched)):
        if not any(boot.complete for boot in seen):
            return (
                f"The init's report is not legible on the {side} kernel's console, where other"
                " messages run into it: see the console log."
            )
    return ""


def _facts(target: Target, base: Sequence[Boot], patched: Sequence[Boot]) -> tuple[Fact, ...]:
    def both(look: Callable[[Boot], JsonValue]) -> dict[str, JsonValue]:
        return {"base": look(base[-1]), "patched": look(patched[-1])}

    expected: dict[str, JsonValue] = {"expected": target.machine.zero_pages}
    return (
        ("ended", both(lambda boot: str(boot.ending))),
        ("boots", {"base": len(base), "patched": len(patched)}),
        ("tests_passed", both(lambda boot: sum(t.status is Status.OK for t in boot.tests))),
        ("seconds_to_init", both(lambda boot: boot.init_s)),
        ("zero_pages", both(lambda boot: boot.zero_pages) | expected),
        *memory.facts(base, patched),
        *_flaky(patched),
    )


def _flaky(patched: Sequence[Boot]) -> tuple[Fact, ...]:
    """Boots of the patched kernel that did not end well although another one did."""
    failed = [boot for boot in patched if not boot.ending.well]
    if not failed or len(failed) == len(patched):
        return ()
    said = f"{len(failed)} of {len(patched)} boots: {compare.describe(failed[0])}"
    return (("flaky", said),)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Small builders of the nouns for tests: what a test does not say is unremarkable."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

from pipeline.lists.config import ListTree, MailList, Mode
from pipeline.model import (
    Artifact,
    Base,
    Change,
    CheckSpec,
    CheckVerdict,
    FileChange,
    Finding,
    Hunk,
    Job,
    JobResult,
    LeftOut,
    Letter,
    Machine,
    NotCovered,
    Observation,
    Outcome,
    Patch,
    Plan,
    PlannedTarget,
    Series,
    SetAside,
    Step,
    Target,
    TargetVerdict,
    Verdict,
    worst,
)

CHECKS = (
    CheckSpec("build", needs=(), queue="build", deadline_s=1800),
    CheckSpec("symbols", needs=("build",), queue="build", deadline_s=300),
    CheckSpec("boot", needs=("build",), queue="boot", deadline_s=300),
)
ARCHES = {"sparc64": "sparc", "x86_64": "x86", "riscv64": "riscv", "mips-vce": "mips"}
COMMIT = "edc2191a" * 5


def machine(**changes) -> Machine:
    values = {
        "qemu": ("qemu-system-aarch64", "-M", "virt", "-kernel", "{image}", "-initrd",
                 "{initramfs}", "-append", "{append}"),
        "append": "console=ttyAMA0 panic=-1",
        "seconds_limit": 60.0,
        "zero_pages": 1,
    }  # fmt: skip
    return Machine(**(values | changes))


def target(name="arm64", **changes) -> Target:
    arch = ARCHES.get(name, name)
    values = {
        "name": name,
        "arch": arch,
        "make_arch": arch,
        "cross_compile": f"{name}-linux-gnu-",
        "packages": (f"gcc-{name}-linux-gnu",),
        "make_targets": ("Image",),
        "image": f"arch/{arch}/boot/Image",
        "config": ("CONFIG_PRINTK=y", "# CONFIG_VT is not set"),
        "machine": machine(),
    }
    return Target(**(values | changes))


def letter(n=1, total=1, **changes) -> Letter:
    number = f" {n}/{total}" if total > 1 else ""
    values = {
        "message_id": f"20260209-zero-page-{n}@series.invalid",
        "subject": f"[PATCH v2{number}] mm: change number {n}",
        "author": "Mike Rapoport <rppt@kernel.org>",
        "to": ("Andrew Morton <akpm@linux-foundation.org>",),
        "cc": ("linux-mm@kvack.org", "linux-kernel@vger.kernel.org"),
    }
    return Letter(**(values | changes))


def series(total=1, **changes) -> Series:
    patches = tuple(
        Patch(n, f"mm: change number {n}", "Mike Rapoport <rppt@kernel.org>", letter(n, total))
        for n in range(1, total + 1)
    )
    cover = None
    if total > 1:
        cover = letter(0, total, subject=f"[PATCH v2 0/{total}] mm: all the changes")
    first = cover or patches[0].letter
    values = {
        "subject": "mm: all the changes" if cover else patches[0].subject,
        "version": 2,
        "message_id": first.message_id,
        "author": "Mike Rapoport <rppt@kernel.org>",
        "patches": patches,
        "cover": cover,
        "source": "zero-page-v2.mbox",
    }
    return Series(**(values | changes))


def base(**changes) -> Base:
    values = {
        "tree": "/src/linux",
        "commit": COMMIT,
        "reason": "the commit whose blobs match the patch's index lines",
    }
    return Base(**(values | changes))


def plan(*names: str, left_out=(), skipped=()) -> Plan:
    taken = tuple(
        PlannedTarget(target(name), "generic code is touched", tuple(c.name for c in CHECKS))
        for name in names
    )
    left = tuple(LeftOut(arch, reason) for arch, reason in left_out)
    return Plan(taken, left, CHECKS, skipped)


def hunk(new=(1, 1), old=(1, 0)) -> Hunk:
    """NEW and OLD are (start, count)."""
    return Hunk(old_start=old[0], old_count=old[1], new_start=new[0], new_count=new[1])


def file_change(path="mm/mm_init.c", *hunks: Hunk, status="M") -> FileChange:
    return FileChange(path, "" if status == "A" else path, status, hunks or (hunk(),))


def change(*files: FileChange, **changes) -> Change:
    values = {
        "base_commit": COMMIT,
        "base_tree": "1" * 40,
        "patched_commit": "2" * 40,
        "patched_tree": "3" * 40,
        "files": files,
        "patches": (),
    }
    return Change(**(values | changes))


def finding(severity=Outcome.FAIL, **changes) -> Finding:
    values = {
        "kind": "new-error",
        "severity": severity,
        "summary": "'zero_page_mask' undeclared",
        "patch": 1,
        "file": "mm/mm_init.c",
        "line": 60,
    }
    return Finding(**(values | changes))


def seen(check="build", side=Step.BASE, **changes) -> Observation:
    return Observation(check, side, Artifact("seen.json", f"sha256:{'0' * 64}", 2), **changes)


def results(name: str, check="build", *, seconds=1.0, cached=False, **judgement):
    """The three results of a check that ran well; JUDGEMENT goes to the judge's."""
    findings = judgement.get("findings", ())
    outcome = worst((f.severity for f in findings), Outcome.PASS)
    probes = tuple(
        JobResult(
            Job(name, check, side),
            Outcome.PASS,
            seconds=seconds,
            observation=seen(check, side, cached=cached and side is Step.BASE),
        )
        for side in (Step.BASE, Step.PATCHED)
    )
    judge = {"outcome": outcome, "seconds": seconds} | judgement
    return (*probes, JobResult(Job(name, check, Step.JUDGE), **judge))


def cell(check: str, outcome=None, reason="", findings=(), **changes) -> CheckVerdict:
    outcome = outcome or worst((f.severity for f in findings), Outcome.PASS)
    return CheckVerdict(check, outcome, reason, 1.5, findings=tuple(findings), **changes)


def row(name: str, *cells: CheckVerdict, reason="generic code is touched") -> TargetVerdict:
    """A target's row; checks that CELLS do not name are PASS."""
    named = {c.check: c for c in cells}
    usual = tuple(named.pop(c.name, None) or cell(c.name) for c in CHECKS)
    checks = (*usual, *named.values())
    return TargetVerdict(
        name, ARCHES.get(name, name), worst(c.outcome for c in checks), reason, checks
    )


def verdict(*rows: TargetVerdict, **changes) -> Verdict:
    error = [Outcome.ERROR] if changes.get("error") else []
    values = {
        "run": "20260210-120000-a1b2",
        "outcome": worst([Outcome.PASS, *error, *(r.outcome for r in rows)]),
        "series": series(),
        "base": base(),
        "targets": rows,
        "left_out": (),
        "not_covered": (),
        "seconds": 412.25,
    }
    return Verdict(**(values | changes))


def perf(cases, unmeasured=(), *, boots=(3, 3), spread=0.01, **changes) -> CheckVerdict:
    """A perf cell; CASES by name: (base, patched), or (base, patched, whether they differ)."""
    told = {}
    for name, (before, after, *differs) in dict(cases).items():
        told[name] = {
            "base": before,
            "patched": after,
            "base_spread_percent": spread,
            "patched_spread_percent": spread,
            "change_percent": 100 * (after - before) / before,
            "differs": differs[0] if differs else before != after,
        }
    facts = {"unit": "instructions", "boots": {"base": boots[0], "patched": boots[1]}}
    facts |= {"cases": told} | ({"unmeasured": dict(unmeasured)} if unmeasured else {})
    return cell("perf", facts=tuple(facts.items()), **changes)


def size(sections, symbols=(), **changes) -> CheckVerdict:
    """A size cell; SECTIONS by name and SYMBOLS: what they have before and after."""
    both = {name: {"base": b, "patched": p} for name, (b, p) in dict(sections).items()}
    told = [{"symbol": name, "base": b, "patched": p} for name, b, p in symbols]
    counts = {"grown": len(told), "shrunk": 0, "added": 0, "removed": 0}
    facts = (("sections", both), ("counts", counts), ("symbols", told))
    return cell("size", facts=facts, **changes)


def golden(path: Path, text: str, environ: Mapping[str, str]) -> str:
    """The text kept at PATH, written anew first if CROSSCHECK_REWRITE_GOLDEN is set."""
    if environ.get("CROSSCHECK_REWRITE_GOLDEN"):
        path.write_text(text)
    return path.read_text()


def zero_page_verdicts() -> Mapping[str, Verdict]:
    """Verdicts as they are written in real life, by what happened: the stories of the reports."""
    six = ("arm64", "mips", "riscv64", "s390", "sparc64", "x86_64")
    left = ("alpha", "arc", "csky", "hexagon", "loongarch", "m68k", "microblaze", "nios2")
    left += ("openrisc", "parisc", "powerpc", "sh", "um", "xtensa")
    others = tuple(LeftOut(arch, "no target in the matrix") for arch in left)
    numa = NotCovered(
        "arch/mips/mm/init.c",
        ((411, 418), (424, 424)),
        "compiled only where `defined(CONFIG_NUMA)`",
        Step.BASE,
    )
    whole = {"left_out": others, "not_covered": (numa,)}
    unused = finding(
        Outcome.WARN,
        kind="new-warning",
        summary="unused variable 'order' [-Wunused-variable]",
        patch=2,
        file="arch/mips/mm/init.c",
        line=70,
        detail="arch/mips/mm/init.c: In function 'arch_setup_zero_pages':\n"
        "arch/mips/mm/init.c:70:22: warning: unused variable 'order' [-Wunused-variable]\n"
        "   70 |         unsigned int order;\n"
        "      |                      ^~~~~",
    )
    undeclared = finding(
        summary="'zero_page_mask' undeclared (first use in this function)",
        patch=2,
        file="arch/s390/mm/init.c",
        line=81,
        symbol="zero_page_mask",
        detail="arch/s390/mm/init.c:81:9: error: 'zero_page_mask' undeclared",
    )
    export = finding(
        kind="not-exported",
        summary="__zero_page is not exported, though the series adds EXPORT_SYMBOL(__zero_page)",
        patch=3,
        line=61,
        symbol="__zero_page",
    )
    old = finding(
        Outcome.WARN,
        kind="warning",
        summary="'vmemmap_end' defined but not used [-Wunused-variable]",
        patch=None,
        file="arch/sparc/mm/init_64.c",
        line=1411,
    )
    hang = finding(
        kind="boot-hang",
        summary="the kernel makes no progress after `Run /init as init process`",
        patch=None,
        file="",
        line=None,
        detail="\n".join(f"[    0.{n:06}] line {n} of the console" for n in range(30)),
    )
    rare = finding(
        kind="boot-lockdep",
        summary="WARNING: possible circular locking dependency detected in lock_mount()",
        file="",
        line=None,
        symbol="lock_mount",
    )
    slower = finding(
        Outcome.WARN,
        kind="slower",
        summary="zero-page costs 1,042 instructions instead of 781 (+33.4 %, the limit is 1 %)",
        patch=None,
        file="",
        line=None,
        symbol="zero-page",
    )
    no_kernel = "the patched kernel does not build"
    lost = "patched: its worker was lost 3 times; see the memory and disk of the workers"
    return {
        "pass": verdict(*(row(name) for name in six), **whole),
        "fail": verdict(
            row("arm64", cell("symbols", findings=[export])),
            row("mips", cell("build", findings=[unused])),
            row(
                "s390",
                cell("build", findings=[undeclared]),
                cell("symbols", Outcome.SKIP, no_kernel),
                cell("boot", Outcome.SKIP, no_kernel),
            ),
            row(
                "sparc64",
                cell("build", inherited=(old,)),
                cell("symbols", findings=[export]),
                cell("boot", Outcome.ERROR, lost),
            ),
            series=series(3, notes=("v1 of the series in the same thread is passed over.",)),
            **whole,
        ),
        "warn": verdict(row("arm64"), row("mips", cell("build", findings=[unused])), **whole),
        "hang": verdict(row("arm64", cell("boot", findings=[hang])), series=series(2)),
        "known": verdict(
            row("arm64", cell("boot", known=(SetAside(rare, "20260201-120000-c3d4"),))),
            row("mips", cell("build", known=(SetAside(unused, "https://example.org/r/1/"),))),
            row("s390", cell("boot", known=(SetAside(rare, "20260201-120000-c3d4"),))),
        ),
        "costs": verdict(
            row(
                "arm64",
                perf({"getpid": (95, 95), "zero-page": (812, 890), "pipe": (4210.5, 4180.25)}),
                size(
                    {"text": (4_194_304, 4_194_432), "data": (65536, 65536)}
                    | {"total": (4_259_840, 4_259_968)},
                    [("do_anonymous_page", 700, 828), ("zero_page_pfn", 8, 8)],
                ),
            ),
            row(
                "s390",
                perf(
                    {"getpid": (123.5, 123.5), "zero-page": (781, 1042), "pipe": (5000, 5001)},
                    {"fork-exec": "this kernel has no ELF loader"},
                    findings=[slower],
                ),
                size({"total": (6_000_000, 5_999_000)}, [("lost", 1000, None)]),
            ),
        ),
        "no-costs": verdict(row("arm64", perf({"getpid": (95, 95), "pipe": (4210, 4211)}))),
        "error": verdict(
            row("arm64"),
            row("x86_64", cell("boot", Outcome.ERROR, lost)),
            error="interrupted by SIGTERM",
            skipped=(("perf", "not asked for: --check build,symbols,boot"),),
        ),
        "documentation": verdict(
            left_out=tuple(LeftOut(arch, "only documentation is touched") for arch in six),
            seconds=1.5,
        ),
        "range": verdict(
            row("arm64"),
            series=series(
                patches=(
                    Patch(
                        1,
                        "mm: keep the zero page",
                        "Jörg Müller <joerg@example.org>",
                        Letter("", "mm: keep the zero page", "Jörg Müller <joerg@example.org>"),
                    ),
                ),
                author="Jörg Müller <joerg@example.org>",
                subject="mm: keep the zero page",
                message_id="",
                version=1,
                source="HEAD~1..HEAD",
            ),
            base=base(
                reason="the commit before the range",
                notes=("Uncommitted changes in /src/linux are ignored.",),
            ),
        ),
    }


def mail_list(**changes) -> MailList:
    values = {
        "name": "mm",
        "address": "linux-mm@kvack.org",
        "sources": ("file:///mail",),
        "trees": (ListTree(Path("/src/linux"), ""),),
        "targets": (),
        "checks": (),
        "mode": Mode.ALL,
        "answers": frozenset((Outcome.WARN, Outcome.FAIL)),
        "allow": (),
        "start_for": (),
        "quiet": None,
        "wait_s": 3600.0,
        "author_hourly": 4,
        "list_hourly": 20,
    }
    return MailList(**(values | changes))

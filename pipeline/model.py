# SPDX-License-Identifier: GPL-2.0-or-later
"""The nouns of crosscheck: what every other module talks in. Pure; imports nothing of ours.

All are frozen dataclasses of tuples, so that they can be compared, hashed, sent through
JSON (`pipeline.codec`) and read in tests as tables. Units stand in the names.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum

from pydantic import JsonValue


class CrosscheckError(Exception):
    """One sentence for the user that says what to do; never shown as a traceback."""


class InputError(CrosscheckError):
    """What we were given is at fault: exit status 2."""


class InfraError(CrosscheckError):
    """Something of ours went wrong: outcome ERROR, exit status 3, accuses nobody."""


class Outcome(StrEnum):
    """What a check, a target or a run came to. Compare with `worst`, not with `<`."""

    SKIP = "SKIP"
    PASS = "PASS"  # noqa: S105
    WARN = "WARN"
    ERROR = "ERROR"
    FAIL = "FAIL"


#: From mild to severe. A certain FAIL outranks an ERROR elsewhere: the author can act on it
#: at once, while an ERROR only says that less was covered.
SEVERITY = (Outcome.SKIP, Outcome.PASS, Outcome.WARN, Outcome.ERROR, Outcome.FAIL)


def worst(outcomes: Iterable[Outcome], default: Outcome = Outcome.SKIP) -> Outcome:
    """The most severe of OUTCOMES, whatever their order; DEFAULT if there are none."""
    return max(outcomes, key=SEVERITY.index, default=default)


# --- what came in ---------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Letter:
    """The headers of one mail. Message-IDs are without angle brackets; "" where unknown."""

    message_id: str
    subject: str  # as sent, with its [PATCH …] prefix, unfolded and decoded
    author: str  # the From header: `Name <address>`
    to: tuple[str, ...] = ()
    cc: tuple[str, ...] = ()
    reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()  # oldest first, In-Reply-To last
    date: str = ""
    body: str = ""  # of a cover letter only: its prose, for the trailers in it


@dataclass(frozen=True, slots=True)
class Patch:
    """One patch of a series; N counts from 1."""

    n: int
    subject: str  # without its [PATCH …] prefix
    author: str
    letter: Letter


@dataclass(frozen=True, slots=True)
class Series:
    """A complete series, in order. MAILS are the raw patches as `git am` is given them.

    `git am --patch-format=mboxrd` reads them; MAILS is empty in a series that was read
    back from the store.
    """

    subject: str  # of the cover letter if there is one, else of patch 1; without prefix
    version: int
    message_id: str
    author: str
    patches: tuple[Patch, ...]
    cover: Letter | None = None
    base_commit: str = ""  # the `base-commit:` trailer, if any
    source: str = ""  # the arguments that the user gave, quoted for a shell
    notes: tuple[str, ...] = ()  # what the assembler chose or passed over, one sentence each
    mails: tuple[bytes, ...] = field(default=(), repr=False)
    prerequisites: tuple[str, ...] = ()  # patch ids of what it needs in its base
    based_on: tuple[str, ...] = ()  # Message-IDs of the series that it needs in its base


@dataclass(frozen=True, slots=True)
class Base:
    """What the series is applied to, and why this commit."""

    tree: str  # the path that the user named
    commit: str
    reason: str
    notes: tuple[str, ...] = ()  # e.g. that uncommitted changes are ignored
    others: bool = False  # it has patches that no tree has: what is made of it, others do not use


@dataclass(frozen=True, slots=True)
class Hunk:
    """A hunk of a diff with no context (`-U0`): line numbers count from 1.

    With a count of 0, START is the line *before* the place, as in unified diffs.
    """

    old_start: int
    old_count: int
    new_start: int
    new_count: int
    removed: tuple[str, ...] = ()  # the lines, without the leading "-" and the newline
    added: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class FileChange:
    """What a diff does to one file. PATH is the new name, or the old one if it was deleted."""

    path: str
    old_path: str  # differs from PATH after a rename; "" for a new file
    status: str  # git's letter: A, M, D, R, T
    hunks: tuple[Hunk, ...] = ()
    binary: bool = False
    plain: bool = True  # neither was nor is a link or a submodule


@dataclass(frozen=True, slots=True)
class PatchDiff:
    """What patch N alone changes, relative to the tree before it."""

    n: int
    files: tuple[FileChange, ...]


@dataclass(frozen=True, slots=True)
class SymbolChange:
    """A symbol contract that the diff itself implies; line numbers as KIND says.

    KIND is one of
    - "export-added":       FILE:LINE of the patched tree exports NAME; GPL_ONLY as written
    - "export-removed":     FILE:LINE of the base tree exported NAME, the patched tree does not
    - "definition-removed": FILE:LINE of the base tree defined NAME; nothing in the diff
                            defines it again
    - "declaration-removed": FILE:LINE of the base tree declared NAME `extern` or as a macro
    """

    kind: str
    name: str
    file: str
    line: int
    patch: int | None = None
    gpl_only: bool = False
    static: bool = False  # of a definition: local to FILE


@dataclass(frozen=True, slots=True)
class Mention:
    """A place in the patched tree's sources where a symbol is still named."""

    symbol: str
    file: str
    line: int
    text: str
    kind: str = "code"  # "code", "comment" or "documentation"


@dataclass(frozen=True, slots=True)
class Change:
    """Everything that the series changes, relative to its base. Git object names are full."""

    base_commit: str
    base_tree: str
    patched_commit: str
    patched_tree: str
    files: tuple[FileChange, ...]  # base to patched, as one diff
    patches: tuple[PatchDiff, ...]
    symbols: tuple[SymbolChange, ...] = ()
    mentions: tuple[Mention, ...] = ()
    trees: tuple[str, ...] = ()  # after each patch; the last one is PATCHED_TREE

    @property
    def paths(self) -> tuple[str, ...]:
        """Every path that the series touches, old names of renamed files too, sorted."""
        touched = {f.path for p in self.patches for f in p.files}
        touched |= {f.old_path for p in self.patches for f in p.files if f.old_path}
        return tuple(sorted(touched))


# --- what is to be done ---------------------------------------------------------------------


_SHIFT = re.compile(r"shift=(\d+)")


@dataclass(frozen=True, slots=True)
class Machine:
    """A QEMU machine. QEMU's arguments name {image}, {initramfs} and {append}."""

    qemu: tuple[str, ...]
    append: str
    seconds_limit: float  # to the end of the init program, under TCG on a busy machine
    zero_pages: int  # distinct physical pages behind many zero-page reads; a lower bound > 1
    icount: str = ""  # QEMU's -icount, with which the guest's clock counts instructions; "": none
    icount_append: str = ""  # more for the kernel's command line then

    @property
    def ns_per_instruction(self) -> int:
        """By the guest's clock, where it counts: 2 to the power of the option's `shift`."""
        shift = _SHIFT.search(self.icount)
        return 1 << int(shift[1]) if shift else 1


#: Which compilers a target has that asks for none; the tag of their image.
DEFAULT_TOOLCHAIN = "gcc-12"


@dataclass(frozen=True, slots=True)
class Target:
    """An architecture, a configuration, a toolchain and a machine, under one name."""

    name: str
    arch: str  # the directory under arch/
    make_arch: str  # make's ARCH=
    cross_compile: str
    packages: tuple[str, ...]  # Debian packages that provide compiler and QEMU
    make_targets: tuple[str, ...]
    image: str  # what boots, relative to the build directory
    config: tuple[str, ...]  # the lines of all fragments, in order; the last one wins
    machine: Machine
    make_vars: tuple[str, ...] = ()  # e.g. `CFLAGS_init.o=-DX`, given to make as they are
    init_cflags: tuple[str, ...] = ()
    toolchain: str = DEFAULT_TOOLCHAIN  # where there is a choice of compilers
    llvm: int = 0  # the version of LLVM that makes it; 0: GCC and binutils do


@dataclass(frozen=True, slots=True)
class CheckSpec:
    """A check as the matrix declares it; its code is `workers.checks.NAME`."""

    name: str
    needs: tuple[str, ...]
    queue: str
    deadline_s: float  # for one job, from its start
    of_series: bool = False  # there is nothing to see in a series of one patch
    traced: bool = False  # its findings are traced to patches
    flaky: bool = False  # not to find something once does not say that it is not there


class Step(StrEnum):
    """A job looks at one side, compares what was seen on both, or looks for the patch of a
    series that brought what the judge found and could not lay to one.
    """

    BASE = "base"
    PATCHED = "patched"
    JUDGE = "judge"
    TRACE = "trace"


@dataclass(frozen=True, slots=True)
class Job:
    """One task: a check's probe on one side of a target, or its judgement."""

    target: str
    check: str
    step: Step

    @property
    def id(self) -> str:
        """Unique within a run: `arm64/build/base`."""
        return f"{self.target}/{self.check}/{self.step}"


@dataclass(frozen=True, slots=True)
class PlannedTarget:
    """A target that is taken, the reason, and the checks it gets."""

    target: Target
    reason: str
    checks: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class LeftOut:
    """An architecture or target that is not taken, and the reason."""

    arch: str
    reason: str
    target: str = ""


@dataclass(frozen=True, slots=True)
class Plan:
    """What will run and why. JOBS follow from the targets and CHECKS."""

    targets: tuple[PlannedTarget, ...]
    left_out: tuple[LeftOut, ...]
    checks: tuple[CheckSpec, ...]
    skipped: tuple[tuple[str, str], ...] = ()  # (check, reason), for all targets
    patches: int = 1

    @property
    def jobs(self) -> tuple[Job, ...]:
        """Every job, in the order in which they are best started."""
        return tuple(
            Job(planned.target.name, check, step)
            for planned in self.targets
            for check in planned.checks
            for step in Step
            if step is not Step.TRACE or (self.patches > 1 and self.check(check).traced)
        )

    def target(self, name: str) -> Target:
        """The planned target of that NAME."""
        return next(p.target for p in self.targets if p.target.name == name)

    def check(self, name: str) -> CheckSpec:
        """The check of that NAME."""
        return next(c for c in self.checks if c.name == name)

    def makes(self, job: Job) -> CheckSpec:
        """The check whose work takes most of JOB: to trace a finding, kernels are built."""
        check = self.check(job.check)
        while job.step is Step.TRACE and check.needs:
            check = self.check(check.needs[0])
        return check


@dataclass(frozen=True, slots=True)
class When:
    """The condition of a rule; an empty tuple asks nothing. All parts must hold.

    DEFINED and NOT_DEFINED name symbols of the kernel in question; CONFIG and NOT_CONFIG
    name options (`CONFIG_NUMA`) that are set (y or m) or not; ARCH lists directories under
    arch/ or target names, one of which must match.
    """

    defined: tuple[str, ...] = ()
    not_defined: tuple[str, ...] = ()
    config: tuple[str, ...] = ()
    not_config: tuple[str, ...] = ()
    arch: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Rule:
    """One symbol rule of a rule file, on the patched kernel."""

    name: str
    symbol: str
    expect: tuple[str, ...]  # of: present, absent, exported, not-exported, gpl-only, not-gpl-only
    # A glob of the ELF section's name in vmlinux, e.g. ".init.data"; "" asks nothing. The word
    # "ro_after_init" asks for a place between __start_ro_after_init and __end_ro_after_init,
    # or in a section whose name contains it: most architectures put that data into .rodata.
    # A symbol that is not defined breaks no section rule: that is for EXPECT to demand.
    section: str = ""
    unmentioned: bool = False  # no source may name it
    when: When = When()
    severity: Outcome = Outcome.FAIL
    origin: str = ""  # FILE:LINE of the rule


@dataclass(frozen=True, slots=True)
class Limit:
    """How much a measure of a check may grow; beyond it is a finding of SEVERITY.

    A measure that grew by more than PERCENT of base and by more than AT_LEAST is beyond it.
    """

    check: str
    of: str  # a glob of the measure's name
    percent: float
    at_least: float = 0.0  # in the measure's unit
    severity: Outcome = Outcome.WARN
    targets: tuple[str, ...] = ()  # names of those that it is for; none: all


@dataclass(frozen=True, slots=True)
class Case:
    """All that a probe or a judge may know of the run besides what was seen."""

    run: str
    series: Series
    base: Base
    change: Change
    rules: tuple[Rule, ...] = ()
    limits: tuple[Limit, ...] = ()


# --- what came back -------------------------------------------------------------------------


@dataclass(frozen=True, slots=True)
class Artifact:
    """A file in the artifact store. REF is `sha256:` and 64 hexadecimal digits."""

    name: str
    ref: str
    size_bytes: int


@dataclass(frozen=True, slots=True)
class Observation:
    """What a probe saw on one side. SEEN refers to the check's own JSON payload.

    BLOCKS says, if not empty, why the checks that need this one cannot look at this side
    ("the patched kernel does not build").
    """

    check: str
    side: Step
    seen: Artifact
    artifacts: tuple[Artifact, ...] = ()
    blocks: str = ""
    cached: bool = False


@dataclass(frozen=True, slots=True)
class Finding:
    """What the series changed for the worse, where, and which patch did it.

    FILE and LINE are of the patched tree (of the base tree when the line is gone).
    """

    kind: str
    severity: Outcome  # WARN or FAIL
    summary: str  # one line
    patch: int | None = None
    file: str = ""
    line: int | None = None
    symbol: str = ""
    detail: str = ""


@dataclass(frozen=True, slots=True)
class Lines:
    """Lines START to END (inclusive, from 1) of a changed file, on one side."""

    file: str
    side: Step
    start: int
    end: int


Fact = tuple[str, JsonValue]


@dataclass(frozen=True, slots=True)
class JobResult:
    """What a job came to; every task returns one.

    A probe's outcome is PASS (it saw; OBSERVATION is set), SKIP or ERROR. A judge's is
    the worst of its findings, or SKIP or ERROR with a REASON. A trace is PASS with the judge's
    findings, of which more name their patch, or SKIP or ERROR.
    """

    job: Job
    outcome: Outcome
    reason: str = ""
    seconds: float = 0.0
    observation: Observation | None = None
    findings: tuple[Finding, ...] = ()
    inherited: tuple[Finding, ...] = ()  # the same on base: not the series' doing
    facts: tuple[Fact, ...] = ()
    uncovered: tuple[tuple[Lines, str], ...] = ()  # changed lines this target did not compile
    log: Artifact | None = None
    base_only: tuple[Finding, ...] = ()  # of base alone: says nothing of the series


@dataclass(frozen=True, slots=True)
class SetAside:
    """A finding that does not count, since it is known. LINK is a URL, or a run that has it."""

    finding: Finding
    link: str


@dataclass(frozen=True, slots=True)
class CheckVerdict:
    """One cell of the table: a check on a target."""

    check: str
    outcome: Outcome
    reason: str = ""
    seconds: float = 0.0
    base_cached: bool = False
    findings: tuple[Finding, ...] = ()
    inherited: tuple[Finding, ...] = ()
    facts: tuple[Fact, ...] = ()
    known: tuple[SetAside, ...] = ()


@dataclass(frozen=True, slots=True)
class TargetVerdict:
    """One row of the table."""

    target: str
    arch: str
    outcome: Outcome
    reason: str  # why it was chosen
    checks: tuple[CheckVerdict, ...]


@dataclass(frozen=True, slots=True)
class NotCovered:
    """Changed lines of FILE that no target looked at; LINES are (first, last) pairs.

    They are lines of the patched file, or of the base file when SIDE is base (removed).
    """

    file: str
    lines: tuple[tuple[int, int], ...]
    reason: str
    side: Step = Step.PATCHED


@dataclass(frozen=True, slots=True)
class Verdict:
    """The one answer of a run."""

    run: str
    outcome: Outcome
    series: Series
    base: Base
    targets: tuple[TargetVerdict, ...]
    left_out: tuple[LeftOut, ...]
    not_covered: tuple[NotCovered, ...]
    seconds: float
    skipped: tuple[tuple[str, str], ...] = ()
    error: str = ""  # why the run as a whole could not be finished


@dataclass(frozen=True, slots=True)
class Reply:
    """A mail that answers, ready to be sent, as RFC 5322 bytes with LF line ends."""

    message: bytes

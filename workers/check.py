# SPDX-License-Identifier: GPL-2.0-or-later
"""What a check is: the contract between `workers.tasks` and `workers.checks.*`.

A check is one module `workers.checks.NAME` with

- `VERSION: int`, raised whenever its probe sees differently: cached base observations of
  another version are not used;
- `Seen`, a frozen dataclass that `pipeline.codec` can encode: what a probe saw on one side;
- `probe(bench: Bench) -> Sighting`: effects, on one side. Raises InfraError for whatever is
  not the patch's doing;
- `KEEPS_BUILD: bool`, whether its probe starts from other builds and leaves that of a base;
- `BOOTS: bool`, whether its probe boots the target's machine, and sees what that makes of it;
- `judge(case, target, base, patched) -> Judgement`: pure, compares two `Seen`.

The matrix declares its name, needs, queue and deadline.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pipeline.model import Artifact, Case, Fact, Finding, Lines, Outcome, Step, Target
from workers.compile_cache import CompileCache
from workers.sandbox.contract import (
    BUILD,
    PATH,
    SOURCE,
    Command,
    Ended,
    Limits,
    Mount,
    Sandbox,
    Tools,
    Watcher,
)
from workers.warm import Start, Warm
from workers.workspace import Sources


@dataclass(frozen=True)
class Bench:
    """What a probe works with: one side of one target."""

    case: Case
    target: Target
    side: Step  # BASE or PATCHED
    source: Path  # host path of the source tree; commands see it at /src
    build: Path  # host path of an empty directory; commands see it at /build
    needed: Mapping[str, Path]  # artifacts that the needed checks kept, by name
    before: Mapping[str, Path]  # of the patched side: what base's probes kept of the same
    cores: int  # how many jobs make may run
    sandbox: Sandbox
    log: Path  # all output of all commands, appended
    derived: Path  # a cache directory for what follows from inputs alone; name by content
    progress: Callable[[str], None]  # what is being done now, a few words
    keep: Callable[[str, Path], Artifact]  # copy a file into the artifact store
    cancelled: Callable[[], bool] = lambda: False
    start: Start | None = None  # a finished build to start from; None: from nothing
    sources: Sources | None = None  # other trees than SOURCE
    leave: Warm | None = None  # where the finished build is left for others; None: nowhere
    compiled: CompileCache | None = None  # what compilers made before; None: nothing

    def run(
        self,
        argv: Sequence[str],
        *,
        limits: Limits,
        mounts: Sequence[Mount] = (),
        env: Mapping[str, str] | None = None,
        cwd: str = BUILD,
        watch: Watcher | None = None,
        tools: Tools = Tools.BUILD,
    ) -> Ended:
        """Run ARGV, one of TOOLS, in the sandbox with /src and /build, and MOUNTS besides."""
        command = Command(
            argv=argv,
            limits=limits,
            mounts=(Mount(self.source, SOURCE), Mount(self.build, BUILD, writable=True), *mounts),
            env={"PATH": PATH, "LC_ALL": "C.UTF-8", "HOME": "/tmp"}  # noqa: S108 (inside the sandbox)
            | dict(env or {}),
            cwd=cwd,
            tools=tools,
        )
        return self.sandbox.run(command, log=self.log, watch=watch, cancelled=self.cancelled)


@dataclass(frozen=True, slots=True)
class Sighting:
    """What a probe brings back: SEEN (the check's `Seen`) and the files that it kept."""

    seen: Any
    artifacts: tuple[Artifact, ...] = ()
    blocks: str = ""  # why checks that need this one cannot look at this side
    skip: str = ""  # why there is nothing to compare, SEEN is None then


@dataclass(frozen=True, slots=True)
class Judgement:
    """What a judge concludes. OUTCOME is normally left to the findings."""

    findings: tuple[Finding, ...] = ()
    inherited: tuple[Finding, ...] = ()
    facts: tuple[Fact, ...] = ()
    uncovered: tuple[tuple[Lines, str], ...] = ()
    outcome: Outcome | None = None  # SKIP or ERROR, with a reason
    reason: str = ""
    base_only: tuple[Finding, ...] = ()


JudgeFunction = Callable[[Case, Target, Any, Any], Judgement]
ProbeFunction = Callable[[Bench], Sighting]


@dataclass(frozen=True, slots=True)
class Check:
    """A check's module, as `workers.tasks` uses it."""

    name: str
    version: int
    seen: type[Any]
    probe: ProbeFunction
    judge: JudgeFunction
    keeps_build: bool = False
    boots: bool = False

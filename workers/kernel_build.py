# SPDX-License-Identifier: GPL-2.0-or-later
"""How a kernel is configured and made: the make invocations, the same on both sides.

Reproducible, as `Documentation/kbuild/reproducible-builds.rst` asks: fixed time, user, host
and version, no local version, the same paths. make keeps going after an error (`-k`), so
that which errors are reported depends on the sources and not on which of the parallel jobs
was faster; kbuild links nothing that an error left unmade. `--output-sync` keeps the lines
of one compilation together, which the parser of its messages relies on.
"""

from __future__ import annotations

import signal
from collections.abc import Sequence
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path

from pipeline.model import InfraError, Target
from pipeline.removal import remove
from pipeline.toolchain import make_variables
from workers.check import Bench
from workers.compile_cache import Use
from workers.parsers.diag_lines import STEP
from workers.parsers.kbuild_config import fragment
from workers.sandbox.contract import BUILD, GIB, SIGNALLED, SOURCE, Ended, Limits

CONFIG_LIMITS = Limits(seconds=300)
BUILD_LIMITS = Limits(seconds=3000)

#: What `make tinyconfig` starts from, and every configuration here, where the tree has it.
TINY_BASE = "kernel/configs/tiny-base.config"

ENVIRONMENT = {
    "LC_ALL": "C",
    "TERM": "dumb",
    "KBUILD_BUILD_TIMESTAMP": "Thu Jan  1 00:00:00 UTC 2026",
    "KBUILD_BUILD_USER": "crosscheck",
    "KBUILD_BUILD_HOST": "crosscheck",
    "KBUILD_BUILD_VERSION": "1",
    "SOURCE_DATE_EPOCH": "1767225600",  # the same moment
}


@dataclass(frozen=True, slots=True)
class Made:
    """What make did: its exit status (0 or 2), all lines of its output, its seconds."""

    exit_code: int
    lines: tuple[str, ...]
    seconds: float


def make_argv(target: Target, cores: int, goals: Sequence[str], *more: str) -> tuple[str, ...]:
    """The command that makes GOALS of TARGET with CORES parallel jobs; MORE are variables."""
    return (
        *("make", "-C", SOURCE, f"O={BUILD}", f"-j{cores}", "-k", "--output-sync=target"),
        *make_variables(target),
        *more,
        *goals,
    )


def config_lines(source: Path, target: Target) -> tuple[str, ...]:
    """The lines of the configuration that TARGET asks for; the last one of an option wins."""
    tiny = source / TINY_BASE
    plain = tiny.is_file() and not tiny.is_symlink()
    base = tiny.read_text(encoding="utf-8").splitlines() if plain else []
    return (*base, *target.config)


def configure(bench: Bench) -> Made:
    """Write `.config`: everything off but what the target asks for and what that needs."""
    wanted = bench.build / "all.config"
    remove(wanted)  # of the base's build, it may be a link to anywhere, or a directory
    wanted.write_text(fragment(config_lines(bench.source, bench.target)), encoding="utf-8")
    wanted.chmod(0o644)  # commands may run as another user
    bench.progress("configuring")
    return make(bench, ("allnoconfig",), CONFIG_LIMITS, f"KCONFIG_ALLCONFIG={BUILD}/all.config")


#: A kernel build says some thousand lines; all are kept in memory.
MOST_LINES = 1_000_000


@dataclass(slots=True)
class _Watch:
    """Reads make's output as it comes: tells how far it is, ends what says too much."""

    bench: Bench
    lines: list[str] = field(default_factory=list)
    steps: int = 0

    def __call__(self, line: str | None) -> str | None:
        if line is None:
            return None
        line = inside(self.bench, line)
        self.lines.append(line)
        if len(self.lines) > MOST_LINES:
            return "lines"
        if step := STEP.match(line):
            self.steps += 1
            verb = step["verb"].split()[0]
            self.bench.progress(f"{verb} {step['object']} ({self.steps})")
        return None


def make(
    bench: Bench,
    goals: Sequence[str],
    limits: Limits = BUILD_LIMITS,
    *more: str,
    cache: Use | None = None,
) -> Made:
    """Make GOALS in the sandbox, with a CACHE of what compilers made; MORE are make variables.

    Raises InfraError if make was ended, or did not run.
    """
    watch = _Watch(bench)
    argv = make_argv(bench.target, bench.cores, goals, *more)
    env = ENVIRONMENT | dict(cache.environment if cache else {})
    mounts = cache.mounts if cache else ()
    ended = bench.run(argv, limits=limits, mounts=mounts, env=env, watch=watch)
    _check(ended, " ".join(goals), limits)
    return Made(ended.exit_code, tuple(watch.lines), ended.seconds)


def _check(ended: Ended, goals: str, limits: Limits) -> None:
    reasons = {
        "time": f"it took more than {limits.seconds:.0f} s",
        "memory": f"it needed more than {limits.memory_bytes / GIB:.0f} GiB of memory",
        "log": f"it printed more than {limits.log_bytes >> 20} MiB",
        "lines": f"it printed more than {MOST_LINES} lines",
        "disk": f"it wrote more than {limits.disk_bytes / GIB:.0f} GiB, or the disk is full",
        "cancelled": "it was cancelled",
    }
    if ended.stopped:
        why = reasons.get(ended.stopped, ended.stopped)
        raise InfraError(f"`make {goals}` was ended: {why}.")
    if (number := ended.exit_code - SIGNALLED) in signal.valid_signals():
        name = signal.strsignal(number)
        raise InfraError(
            f"`make {goals}` was ended by signal {number} ({name}), which we did not send."
        )
    if ended.exit_code not in {0, 1, 2}:
        raise InfraError(f"`make {goals}` did not run: exit status {ended.exit_code}.")


def inside(bench: Bench, text: str) -> str:
    """TEXT with the paths that a sandbox shows. One without mounts of its own shows the host's."""
    for path, seen in _places(bench.source, bench.build):
        text = text.replace(path, seen)
    return text


@lru_cache(maxsize=4)
def _places(source: Path, build: Path) -> tuple[tuple[str, str], ...]:
    """What to replace by what; this is asked for every line of a build."""
    return tuple(
        (f"{path}/", f"{seen}/")
        for place, seen in ((source, SOURCE), (build, BUILD))
        for path in sorted({str(place), str(place.resolve())})
    )


def built(bench: Bench, name: str, most_bytes: int) -> Path | None:
    """The file NAME of the build directory, None if make did not leave a plain file there.

    The patch's own code wrote the build directory: a link that leads out of it is no file,
    and one of more than MOST_BYTES, which we would read or keep, raises InfraError.
    """
    try:
        path = (bench.build / name).resolve()
    except (OSError, RuntimeError):  # the links go round
        return None
    if not path.is_file() or not path.is_relative_to(bench.build.resolve()):
        return None
    if path.stat().st_size > most_bytes:
        raise InfraError(f"{name} has more than {most_bytes >> 20} MiB: it is not looked at.")
    return path

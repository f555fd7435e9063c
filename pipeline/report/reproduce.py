# SPDX-License-Identifier: GPL-2.0-or-later
"""How does a person do the same without crosscheck? A shell script for one target. Pure.

It needs git, make, the target's compiler and its QEMU, nothing of ours but the series and
the sources of our init. Everything that others wrote stands in it quoted, or in a comment on
one line.
"""

from __future__ import annotations

import re
import shlex
from functools import cache
from pathlib import Path

from jinja2 import Environment, PackageLoader, StrictUndefined

from pipeline.model import Case, Target
from pipeline.report.wording import one_line
from pipeline.toolchain import compiler, links, make_variables

#: Architectures as tuxmake names them: `tuxmake --help`, version 1.45.
TUXMAKE_ARCHES = frozenset(
    {"alpha", "arc", "arm", "arm64", "csky", "hexagon", "i386", "loongarch", "m68k"}
    | {"microblaze", "mips", "nios2", "openrisc", "parisc", "powerpc", "riscv", "s390"}
    | {"sh", "sparc", "um", "x86_64", "xtensa"}
)
#: As `workers.kernel_build` has it.
ENVIRONMENT = (
    ("LC_ALL", "C"),
    ("KBUILD_BUILD_TIMESTAMP", "Thu Jan  1 00:00:00 UTC 2026"),
    ("KBUILD_BUILD_USER", "crosscheck"),
    ("KBUILD_BUILD_HOST", "crosscheck"),
    ("KBUILD_BUILD_VERSION", "1"),
    ("SOURCE_DATE_EPOCH", "1767225600"),
)

#: As `workers.guest.program` has them.
INIT_FLAGS = (
    *("-Os", "-s", "-static", "-nostdlib", "-nostdinc", "-fno-pie", "-no-pie"),
    *("-fno-stack-protector", "-fno-asynchronous-unwind-tables", "-fno-ident"),
)
#: As `workers.guest.initramfs` has them.
DIRECTORIES = ("dev", "proc", "sys", "tmp")
CONSOLE = (5, 1)
#: As `workers.guest.qemu` has it.
SAME_TIME = ("-rtc", "base=2020-01-01T00:00:00,clock=vm")

_PLACEHOLDER = re.compile(r"(\{(?:image|initramfs|append)\})")
_VARIABLES = {"{image}": '"$image"', "{initramfs}": '"$initramfs"', "{append}": '"$append"'}


def _quoted(text: object) -> str:
    return shlex.quote(str(text))


def _qemu_word(word: str) -> str:
    """An argument of QEMU, with the script's variables in the place of its placeholders."""
    parts = [part for part in _PLACEHOLDER.split(word) if part]
    return "".join(_VARIABLES.get(part) or _quoted(part) for part in parts) or "''"


def _tuxmake(target: Target) -> str:
    """A command line of tuxmake for people; "" if it has no architecture of that name."""
    names = (target.name, target.make_arch, target.arch)
    arch = next((name for name in names if name in TUXMAKE_ARCHES), "")
    if not arch:
        return ""
    goals = " ".join(f"--make-target={_quoted(one_line(goal))}" for goal in target.make_targets)
    toolchain = compiler(target) if target.llvm else "gcc"
    options = f'--directory="$WORK/patched" --target-arch={arch} --toolchain={toolchain}'
    return f'tuxmake {options} --kconfig="$WORK/build-patched/.config" config {goals}'


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("pipeline.report"),
        autoescape=False,  # noqa: S701 (a shell script; the filters below guard it)
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    environment.filters |= {"sh": _quoted, "one_line": one_line}
    return environment


def script(
    case: Case,
    target: Target,
    series_mbox: str | Path,
    probes: str | Path,
    *,
    repository: str | Path = "",
) -> str:
    """A script for sh that builds base and patched for TARGET, and boots or measures them.

    SERIES_MBOX is the file with the patches as `git am --patch-format=mboxrd` reads them,
    PROBES the directory with the sources of the programs that run as init. REPOSITORY is a git
    repository that has the base commit; the tree that the user named if empty.
    """
    return (
        _environment()
        .get_template("reproduce.sh.j2")
        .render(
            case=case,
            target=target,
            series_mbox=series_mbox,
            repository=repository or case.base.tree,
            probes=probes,
            compiler=shlex.join((*links(target), *INIT_FLAGS)),
            init_cflags=shlex.join(target.init_cflags),
            directories=shlex.join(DIRECTORIES),
            console=CONSOLE,
            same_time=shlex.join(SAME_TIME),
            tuxmake=_tuxmake(target),
            environment=ENVIRONMENT,
            variables=shlex.join(make_variables(target)),
            goals=shlex.join(target.make_targets),
            qemu=" ".join(_qemu_word(word) for word in target.machine.qemu),
        )
    )

# SPDX-License-Identifier: GPL-2.0-or-later
"""What may stand in matrix.yaml? Pure: each value by itself, not what it refers to.

The keys are explained where people write them, in matrix.yaml.
"""

from __future__ import annotations

import re
import shlex
from pathlib import PurePosixPath
from typing import Annotated, Literal, Self

from pydantic import AfterValidator, Field, StringConstraints, model_validator

from pipeline.model import DEFAULT_TOOLCHAIN
from pipeline.paths import ALL, ARCH
from pipeline.yaml_source import Strict, not_empty, one_or_many

_PLACEHOLDERS = ("{image}", "{initramfs}", "{append}")
#: Debian's packages of LLVM that a kernel takes, without their version.
_LLVM = ("clang", "lld", "llvm")
#: What crosscheck itself gives to make.
_RESERVED = ("ARCH", "CROSS_COMPILE", "LLVM", "O")


def _inside(path: str, where: str) -> str:
    parts = PurePosixPath(path).parts
    if not parts or path.startswith("/") or ".." in parts:
        raise ValueError(f"must be a path inside {where}, without .. in it")
    return path


def _built(path: str) -> str:
    return _inside(path, "the build directory")


def _beside(path: str) -> str:
    return _inside(path, "the directory that this matrix is in")


def _qemu(line: str) -> str:
    try:
        words = shlex.split(line)
    except ValueError as error:
        raise ValueError(f"does not split into words: {error}") from None
    for unknown in set(re.findall(r"\{[^}]*\}?|\}", line)) - set(_PLACEHOLDERS):
        raise ValueError(f"{unknown} is unknown, there are {', '.join(_PLACEHOLDERS)}")
    if not words or "{image}" not in words:
        raise ValueError("must name {image}, the kernel to boot")
    return line


def _make_variable(assignment: str) -> str:
    name, equals, _ = assignment.partition("=")
    if not equals or not re.fullmatch(r"[A-Za-z_][\w.-]*", name):
        raise ValueError("must be a make variable, NAME=VALUE")
    if name in _RESERVED:
        raise ValueError(f"{name} is set by crosscheck itself, see arch, cross_compile and llvm")
    return assignment


def _pattern(pattern: str) -> str:
    if pattern.startswith("/") or pattern.count(ARCH) > 1:
        raise ValueError("must be a path from the root of the tree, with {arch} at most once")
    if set(re.findall(r"\{[^}]*\}?|\}", pattern)) - {ARCH} or "[" in pattern:
        raise ValueError("may hold *, ?, ** and {arch}, nothing else that is special")
    return pattern


def _affected(names: tuple[str, ...]) -> tuple[str, ...]:
    if names == ("none",):
        return ()
    if len(names) > 1 and {ALL, "none"} & set(names):
        raise ValueError("must be all, none, or a list of directories under arch/")
    return names


Name = Annotated[str, StringConstraints(pattern=r"^[a-z0-9][a-z0-9_-]*$")]
Line = Annotated[str, StringConstraints(pattern=r"^[^\n]+$")]
Word = Annotated[str, StringConstraints(pattern=r"^[^\s]+$")]
Arch = Annotated[str, StringConstraints(pattern=r"^[a-z0-9_]+$")]
Fragment = Annotated[str, StringConstraints(pattern=r"^[A-Za-z0-9_][A-Za-z0-9_.-]*\.config$")]
#: With `shift=auto`, the default, QEMU fits the guest's clock to the host's: it counts nothing.
Icount = Annotated[str, StringConstraints(pattern=r"^shift=([0-9]|10)(,(sleep|align)=(on|off))*$")]
Seconds = Annotated[float, Field(gt=0, le=86_400)]


class CheckEntry(Strict):
    """A check."""

    needs: tuple[Name, ...]
    queue: Name
    deadline_s: Seconds
    of_series: bool = False
    traced: bool = False
    flaky: bool = False


class LimitEntry(Strict):
    """A limit."""

    check: Name
    of: Word
    percent: Annotated[float, Field(gt=0)]
    at_least: Annotated[float, Field(ge=0)] = 0.0
    severity: Literal["WARN", "FAIL"] = "WARN"
    targets: Annotated[tuple[Name, ...], one_or_many] = ()


class CommonEntry(Strict):
    """What all targets share."""

    config: tuple[Fragment, ...]
    seconds_limit: Seconds


class MachineEntry(Strict):
    """A QEMU machine."""

    qemu: Annotated[str, AfterValidator(_qemu)]
    append: Line
    zero_pages: Annotated[int, Field(ge=1)]
    seconds_limit: Seconds | None = None
    icount: Icount | None = None
    icount_append: Line | None = None


class TargetEntry(Strict):
    """A target."""

    arch: Arch
    make_arch: Arch | None = None
    cross_compile: Annotated[str, StringConstraints(pattern=r"^([A-Za-z0-9_.-]+-)?$")]
    packages: Annotated[tuple[Name, ...], not_empty]
    make: Annotated[tuple[Word, ...], not_empty]
    image: Annotated[Line, AfterValidator(_built)]
    config: tuple[Fragment, ...]
    machine: MachineEntry
    make_vars: tuple[Annotated[Line, AfterValidator(_make_variable)], ...] = ()
    init_cflags: tuple[Word, ...] = ()
    toolchain: Name = DEFAULT_TOOLCHAIN
    llvm: Annotated[int, Field(ge=1, le=99)] | None = None
    default: bool = True

    @model_validator(mode="after")
    def _one_llvm(self) -> Self:
        """Raises ValueError where LLVM's version, packages and image do not fit."""
        wanted = {f"{name}-{self.llvm}" for name in _LLVM} if self.llvm else set()
        brought = {name for name in self.packages if name.rpartition("-")[0] in _LLVM}
        if wanted != brought:
            say = f"llvm is {self.llvm}" if self.llvm else "there is no llvm"
            takes = ", ".join(sorted(wanted)) or "none of LLVM's"
            raise ValueError(f"{say}, so packages must have {takes}")
        if self.llvm and self.toolchain.startswith("gcc-"):
            raise ValueError(f"llvm is {self.llvm}, so toolchain must name an image with clang")
        return self


class PathEntry(Strict):
    """A rule about paths."""

    match: Annotated[tuple[Annotated[Word, AfterValidator(_pattern)], ...], one_or_many, not_empty]
    what: Line
    affects: Annotated[
        tuple[Annotated[str, StringConstraints(pattern=r"^([a-z0-9_]+|\{arch\})$")], ...],
        one_or_many,
        AfterValidator(_affected),
    ]


class MatrixFile(Strict):
    """The whole file."""

    checks: Annotated[dict[Name, CheckEntry], not_empty]
    limits: tuple[LimitEntry, ...] = ()
    fragments: Annotated[Line, AfterValidator(_beside)]
    common: CommonEntry
    targets: Annotated[dict[Name, TargetEntry], not_empty]
    paths: tuple[PathEntry, ...]

# SPDX-License-Identifier: GPL-2.0-or-later
"""Which programs make a target's kernel, and what is make told of them? Pure.

`Documentation/kbuild/llvm.rst`: `LLVM=-N` has all programs of LLVM with the suffix `-N`, as Debian
and Ubuntu name them, for the kernel and for what its build runs.
"""

from __future__ import annotations

from collections.abc import Iterator

from pipeline.model import Target


def compiler(target: Target) -> str:
    """The program that compiles TARGET's kernel."""
    return f"clang-{target.llvm}" if target.llvm else f"{target.cross_compile}gcc"


def linker(target: Target) -> str:
    """The program that links TARGET's kernel."""
    return f"ld.lld-{target.llvm}" if target.llvm else f"{target.cross_compile}ld"


def links(target: Target) -> tuple[str, ...]:
    """The words of a command line that compile and link a program for TARGET."""
    if not target.llvm:
        return (compiler(target),)
    triple = target.cross_compile.removesuffix("-")
    # What GCC's driver takes and clang's has no use for is nothing to warn of.
    quiet = "-Wno-unused-command-line-argument"
    return (compiler(target), *((f"--target={triple}",) if triple else ()), "-fuse-ld=lld", quiet)


def make_variables(target: Target) -> tuple[str, ...]:
    """The variables that every make invocation for TARGET is given."""
    return (
        f"ARCH={target.make_arch}",
        f"CROSS_COMPILE={target.cross_compile}",
        *((f"LLVM=-{target.llvm}",) if target.llvm else ()),
        "LOCALVERSION=",
        *target.make_vars,
    )


def packaged(target: Target) -> Iterator[tuple[str, str]]:
    """A program of each Debian package that TARGET's kernel is made with, and the package."""
    programs = {"lld": linker(target), "llvm": f"llvm-nm-{target.llvm}"}
    for package in target.packages:
        if not package.startswith("qemu"):
            yield programs.get(package.partition("-")[0], compiler(target)), package

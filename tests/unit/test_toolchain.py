# SPDX-License-Identifier: GPL-2.0-or-later
"""Which programs make a kernel, and what make is told of them: GCC's and LLVM's."""

from __future__ import annotations

from pipeline import toolchain
from workers.sandbox.contract import Tools
from workers.toolchain import compilers

from .builders import target

GCC = target("arm64", cross_compile="aarch64-linux-gnu-", packages=("gcc-a", "qemu-system-arm"))
LLVM = target(
    "arm64-clang",
    make_arch="arm64",
    cross_compile="aarch64-linux-gnu-",
    packages=("clang-19", "lld-19", "llvm-19", "qemu-system-arm"),
    llvm=19,
    make_vars=("A=b",),
)


def test_gcc_is_called_by_its_prefix():
    assert compilers(GCC) == dict.fromkeys(
        ("aarch64-linux-gnu-gcc", "aarch64-linux-gnu-ld"), Tools.BUILD
    )
    assert toolchain.links(GCC) == ("aarch64-linux-gnu-gcc",)
    assert tuple(toolchain.packaged(GCC)) == (("aarch64-linux-gnu-gcc", "gcc-a"),)


def test_llvm_is_called_by_its_version():
    assert compilers(LLVM) == dict.fromkeys(("clang-19", "ld.lld-19"), Tools.BUILD)
    assert toolchain.links(LLVM) == (
        *("clang-19", "--target=aarch64-linux-gnu", "-fuse-ld=lld"),
        "-Wno-unused-command-line-argument",
    )
    assert tuple(toolchain.packaged(LLVM)) == (
        ("clang-19", "clang-19"),
        ("ld.lld-19", "lld-19"),
        ("llvm-nm-19", "llvm-19"),
    )


def test_make_is_told_of_llvm():
    assert toolchain.make_variables(LLVM) == (
        *("ARCH=arm64", "CROSS_COMPILE=aarch64-linux-gnu-", "LLVM=-19", "LOCALVERSION=", "A=b"),
    )
    assert not any(word.startswith("LLVM") for word in toolchain.make_variables(GCC))


def test_a_target_of_this_machine_has_no_prefix():
    ours = target("x86_64", cross_compile="", llvm=19)
    assert toolchain.links(ours)[:2] == ("clang-19", "-fuse-ld=lld")
    assert toolchain.compiler(target("x86_64", cross_compile="")) == "gcc"

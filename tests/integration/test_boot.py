# SPDX-License-Identifier: GPL-2.0-or-later
"""The guest's parts, each with the real tool: compiler, sandbox, QEMU."""

from __future__ import annotations

import os
import platform
import shutil
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline.model import Case, Change, FileChange, InfraError, Machine, PatchDiff, Step
from tests.conftest import missing
from tests.integration.benches import make_bench, run_here
from tests.unit import builders
from workers.check import Bench
from workers.checks import boot
from workers.guest import initramfs, program, qemu
from workers.guest.boots import read
from workers.guest.program import Broken
from workers.guest.watch import Ending, Patience
from workers.parsers import ktap
from workers.parsers.ktap import Status

pytestmark = pytest.mark.integration

NOLIBC = "tools/include/nolibc/nolibc.h"
MACHINE = (
    *("qemu-system-aarch64", "-M", "virt", "-cpu", "cortex-a57", "-m", "128", "-nodefaults"),
    *("-display", "none", "-serial", "stdio", "-no-reboot"),
    *("-kernel", "{image}", "-initrd", "{initramfs}", "-append", "{append}"),
)


def native(**changes):
    """A target that is this machine."""
    if platform.machine() != "x86_64" or not shutil.which("x86_64-linux-gnu-gcc"):
        missing("x86_64-linux-gnu-gcc")
    return builders.target("x86_64", make_arch="x86", cross_compile="x86_64-linux-gnu-", **changes)


def bench(where: Path, source: Path, target, side=Step.BASE, change=None) -> Bench:
    case = Case("run", builders.series(), builders.base(), change or builders.change())
    return make_bench(where / "job", case, target, side, source, cores=1)


def tiny_tree(where: Path, nolibc: str) -> Path:
    """A source tree that is just enough to compile NOLIBC's text for an init."""
    tree = where / "src"
    (tree / NOLIBC).parent.mkdir(parents=True)
    (tree / NOLIBC).write_text(nolibc)
    (tree / "Makefile").write_text("archheaders uapi-asm-generic:\n\t@true\n")
    return tree


def touching(path: str) -> Change:
    files = (FileChange(path, path, "M"),)
    return replace(builders.change(), files=files, patches=(PatchDiff(1, files),))


def test_the_init_compiles_without_a_warning_and_passes_on_this_kernel(tmp_path, linux):
    strict = native(init_cflags=("-Wall", "-Wextra", "-Werror"))
    here = bench(tmp_path, linux, strict)
    report = ktap.parse(run_here(here, "boot"))
    assert report.complete
    assert [test for test in report.tests if test.status is Status.NOT_OK] == []


class BootError(Exception):
    """A boot was about to begin, and must not."""


def test_a_kernel_and_an_init_that_are_the_bases_are_not_booted(tmp_path, linux, monkeypatch):
    def boot_it(*_):
        raise BootError

    monkeypatch.setattr(boot.qemu, "run", boot_it)
    here = bench(tmp_path, linux, native(), Step.PATCHED)
    built = program.build(here, "boot")
    assert isinstance(built, bytes)
    kept = {}
    for name in ("vmlinux", "image", "config", "System.map", "initramfs"):
        kept[name] = tmp_path / name
        kept[name].write_bytes(initramfs.pack(built) if name == "initramfs" else b"x")
    other = tmp_path / "other"
    other.write_bytes(b"y")
    empty = tmp_path / "empty"
    empty.touch()

    def probe(needed, before=kept):
        shutil.rmtree(here.build)
        here.build.mkdir()
        here.sandbox.adopt(here.build)
        return boot.probe(replace(here, needed=needed, before=before))

    assert "byte for byte" in probe(kept).skip
    for needed, before in (
        (kept | {"image": other}, kept),
        (kept | {"config": other}, kept),
        (kept, kept | {"vmlinux": other}),
        (kept, kept | {"initramfs": other}),
        (kept | {"System.map": empty}, kept),
        (kept, {}),
    ):
        with pytest.raises(BootError):
            probe(needed, before)


def test_an_error_in_a_header_that_the_series_touches_is_its_own(tmp_path):
    source = tiny_tree(tmp_path, "\n#error broken on purpose\n")
    here = bench(tmp_path, source, native(), Step.PATCHED, touching(NOLIBC))
    assert program.build(here, "boot") == Broken(NOLIBC, 2, "#error broken on purpose")
    sighting = boot.probe(here)
    assert sighting.seen.broken is not None
    assert sighting.blocks


@pytest.mark.parametrize(("side", "path"), [(Step.PATCHED, "mm/memory.c"), (Step.BASE, NOLIBC)])
def test_an_error_in_any_other_header_accuses_nobody(tmp_path, side, path):
    source = tiny_tree(tmp_path, "#error not your fault\n")
    with pytest.raises(InfraError, match=r"nolibc\.h:1: #error not your fault"):
        boot.probe(bench(tmp_path, source, native(), side, touching(path)))


def test_a_tree_whose_headers_cannot_be_made_accuses_nobody(tmp_path):
    source = tiny_tree(tmp_path, "")
    (source / "Makefile").write_text("uapi-asm-generic:\n\t@echo no scripts here; false\n")
    with pytest.raises(InfraError, match="user-space headers cannot be made"):
        program.build(bench(tmp_path, source, native()), "boot")


def test_what_a_build_leaves_is_read_only_if_it_is_a_file(tmp_path):
    (tmp_path / "link").symlink_to("/etc/passwd")
    os.mkfifo(tmp_path / "pipe")
    with pytest.raises(OSError, match="symbolic link"):
        program._read(tmp_path / "link")
    with pytest.raises(InfraError, match="no regular file"):
        program._read(tmp_path / "pipe")


@pytest.fixture
def boot_garbage(tmp_path):
    """Boots an image of random bytes with QEMU's arguments as given."""
    if not shutil.which(MACHINE[0]):
        missing(MACHINE[0])

    def run(*arguments: str):
        machine = Machine(arguments, "console=ttyAMA0", 20, 1)
        here = bench(tmp_path, tmp_path, builders.target(machine=machine))
        image, archive = tmp_path / "image", tmp_path / "initramfs"
        image.write_bytes(b"no kernel " * 100_000)
        archive.write_bytes(initramfs.pack(b"init"))
        return qemu.run(here, image, archive, Patience(20, silence_s=1))

    return run


def test_a_machine_that_says_nothing_hangs(boot_garbage):
    run = boot_garbage(*MACHINE)
    assert run.ending is Ending.HANG
    assert 2 < run.seconds < 15
    assert read(run).init_s is None


@pytest.mark.parametrize(
    "arguments",
    [(*MACHINE, "-no-such-option"), ("qemu-system-aarch64", "-M", "toaster"), ("no-such-qemu",)],
)
def test_a_qemu_that_refuses_accuses_nobody(boot_garbage, arguments):
    with pytest.raises(InfraError, match=r"QEMU failed|is not here"):
        boot_garbage(*arguments)

# SPDX-License-Identifier: GPL-2.0-or-later
"""The script that does a target again without crosscheck: the same make, safely quoted."""

from __future__ import annotations

import shlex
import shutil
import subprocess
from dataclasses import replace

import pytest
from hypothesis import given, settings

from pipeline.model import Case
from pipeline.report import reproduce
from pipeline.report.reproduce import script
from pipeline.toolchain import make_variables
from tests.unit.builders import base, change, machine, series, target
from tests.unit.strategies import texts
from workers import kernel_build
from workers.guest import initramfs, program, qemu

NASTY = 'it\'s; $(touch /tmp/owned) `id` "x" \\'


def case(**changes):
    values = {"run": "r1", "series": series(), "base": base(), "change": change()}
    return Case(**(values | changes))


def parsed(text):
    """What sh says of TEXT without running it."""
    return subprocess.run(["sh", "-n"], input=text, text=True, capture_output=True, check=False)


def test_make_is_called_as_crosscheck_calls_it():
    of = target("mips-vce", make_vars=("CFLAGS_init.o=-DX -Dcpu_has_vce=1",))
    text = script(case(), of, "/runs/r1/series.mbox", "/p")
    assert f"        {shlex.join(make_variables(of))} \\\n" in text
    for name, value in kernel_build.ENVIRONMENT.items():
        if name != "TERM":
            assert f"export {name}={shlex.quote(value)}\n" in text
    argv = kernel_build.make_argv(of, 3, of.make_targets)
    assert '-j"$jobs" -k --output-sync=target Image\n' in text
    assert {"-j3", "-k", "--output-sync=target"} <= set(argv)


def test_the_init_is_built_as_crosscheck_builds_it():
    assert reproduce.INIT_FLAGS == program.FLAGS
    assert reproduce.DIRECTORIES == initramfs.DIRECTORIES
    assert reproduce.CONSOLE == initramfs.CONSOLE
    text = script(case(), target(init_cflags=("-msmall",)), "s.mbox", "/runs/r1/probes")
    assert f"    {shlex.join(('arm64-linux-gnu-gcc', *program.FLAGS))} \\\n" in text
    assert " | LC_ALL=C sort) -msmall\n" in text
    text = script(case(), target(llvm=19), "s.mbox", "/runs/r1/probes")
    assert (
        "    clang-19 --target=arm64-linux-gnu -fuse-ld=lld -Wno-unused-command-line-argument -Os "
        in text
    )
    assert " --toolchain=clang-19 " in text


def test_it_measures_as_crosscheck_does_where_the_machine_can_count():
    counting = machine(icount="shift=3,sleep=off", icount_append="norandmaps")
    text = script(case(), target(machine=counting), "s.mbox", "p")
    told = qemu.command(replace(counting, qemu=("{append}",)), seed=7)
    append, *counts = (shlex.quote(word) if word != "7" else '"$seed"' for word in told)
    assert f"    append={append}\n" in text
    assert f'        emulate "$1" {" ".join(counts)} > "$console"\n' in text
    assert "operations[2] / 8\n" in text
    assert "measure" not in script(case(), target(machine=machine(icount="")), "s.mbox", "p")


def test_the_configuration_is_the_targets():
    text = script(case(), target(), "s.mbox", "p")
    assert "<<'END_OF_CONFIG'\nCONFIG_PRINTK=y\n# CONFIG_VT is not set\nEND_OF_CONFIG\n" in text
    assert kernel_build.TINY_BASE in text
    assert 'KCONFIG_ALLCONFIG="$work/build-$1/all.config" allnoconfig' in text


def test_qemu_is_given_what_the_script_builds():
    of = target(machine=machine(qemu=("qemu-x", "-kernel", "{image}", "-append", "{append} a b")))
    text = script(case(), of, "s.mbox", "p")
    assert 'qemu-x -kernel "$image" -append "$append"\' a b\' "$@" \\\n' in text
    assert "probes=p\n" in text
    assert "    timeout 60 \\\n" in text


@pytest.mark.parametrize(
    ("name", "arch"), [("arm64", "arm64"), ("sparc64", "sparc"), ("x86_64", "x86_64")]
)
def test_people_get_a_line_for_tuxmake(name, arch):
    assert f'\n# tuxmake --directory="$WORK/patched" --target-arch={arch} ' in script(
        case(), target(name), "s.mbox", "p"
    )


def test_no_line_for_tuxmake_where_it_has_no_such_architecture():
    assert "tuxmake" not in script(case(), target("nonesuch"), "s.mbox", "p")


def test_another_repository_can_be_named():
    assert "repository=/cache/git\n" in script(case(), target(), "s", "p", repository="/cache/git")
    assert "repository=/src/linux\n" in script(case(), target(), "s", "p")


def test_it_is_good_shell_whatever_is_in_it():
    text = script(
        case(base=base(tree=NASTY), series=series(subject=f"a\nrm -rf /\n{NASTY}")),
        target(
            make_vars=(f"A={NASTY}",),
            make_targets=(NASTY,),
            image=NASTY,
            machine=machine(icount=NASTY, icount_append=NASTY),
        ),
        NASTY,
        NASTY,
    )
    assert parsed(text).returncode == 0
    for place in ("repository=", "series=", "probes=", "image=$work/build-$1/"):
        assert f"{place}{shlex.quote(NASTY)}\n" in text
    assert f" {shlex.quote(f'A={NASTY}')} \\\n" in text
    assert f" --output-sync=target {shlex.quote(NASTY)}\n" in text
    assert "\nrm -rf" not in text
    if shutil.which("shellcheck"):
        done = subprocess.run(
            ["shellcheck", "--severity=warning", "-"],
            input=text,
            text=True,
            capture_output=True,
            check=False,
        )
        assert done.stdout == ""


@settings(max_examples=15, deadline=None)
@given(texts, texts)
def test_what_others_wrote_never_becomes_a_command(subject, tree):
    text = script(
        case(series=series(subject=subject), base=base(tree=tree.replace("\0", ""))),
        target(),
        "s.mbox",
        "p",
    )
    text = text.encode("utf-8", "replace").decode()
    assert parsed(text).stderr == ""
    head = text.split("\nset -eu\n")[0]
    assert all(line.startswith("#") for line in head.split("\n"))

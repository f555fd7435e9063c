# SPDX-License-Identifier: GPL-2.0-or-later
"""The symbols probe on real ELF files, of whatever compilers are here."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline import codec
from pipeline.model import Base, Case, InfraError, Mention, Step, SymbolChange
from tests.conftest import missing
from tests.integration.benches import reading_bench
from tests.unit import builders
from tests.unit.changes import series
from workers.check import Bench
from workers.checks.symbols import Seen, judge, probe
from workers.symbols.kernel import Kernel

pytestmark = [pytest.mark.integration, pytest.mark.commands]

COMPILERS = ("gcc", "aarch64-linux-gnu-gcc", "mips-linux-gnu-gcc", "s390x-linux-gnu-gcc",
             "sparc64-linux-gnu-gcc", "riscv64-linux-gnu-gcc")  # fmt: skip

KERNEL = """
int empty_zero_page = 1, __ksymtab_empty_zero_page = 1;
__asm__(".section .data..ro_after_init,\\"aw\\"\\n"
	".globl __start_ro_after_init, __zero_page, __end_ro_after_init\\n"
	"__start_ro_after_init:\\n__zero_page: .long 1\\n__end_ro_after_init: .long 2\\n.previous");
static int setup_zero_pages __attribute__((used)) = 1;
void __attribute__((weak)) arch_setup_zero_pages(void) { }
"""
SYMVERS = "0x00000000\tempty_zero_page\tvmlinux\tEXPORT_SYMBOL_GPL\tMM\n"


@pytest.fixture(params=COMPILERS)
def kept(request, tmp_path) -> dict[str, Path]:
    """What a build check keeps, of the smallest kernel that each compiler can make."""
    if not shutil.which(request.param):
        missing(request.param)
    (tmp_path / "kernel.c").write_text(KERNEL)
    binary = tmp_path / "vmlinux"
    subprocess.run(
        [request.param, "-nostdlib", "-static", "-fno-pic", "-no-pie", "-Wl,-e,0",
         "-o", binary, tmp_path / "kernel.c"],
        check=True, capture_output=True,
    )  # fmt: skip
    nm = request.param.removesuffix("gcc") + "nm"
    table = subprocess.run([nm, "-n", binary], check=True, capture_output=True, text=True).stdout
    files = {
        "System.map": table,
        "Module.symvers": SYMVERS,
        "config": "CONFIG_MODULES=y\nCONFIG_MMU=y\n# CONFIG_NUMA is not set\n",
        "compiled": "mm/mm_init.c\ninclude/linux/mm.h\n",
    }
    for name, text in files.items():
        (tmp_path / name).write_text(text)
    return {name: tmp_path / name for name in (*files, "vmlinux")}


@pytest.fixture
def bench(tmp_path) -> Bench:
    source = tmp_path / "source"
    (source / "mm").mkdir(parents=True)
    (source / "mm/mm_init.c").write_text("int a;\n#ifdef X\nEXPORT_SYMBOL(a);\n#endif\n")
    change = series({}, {})
    case = Case("run", builders.series(), Base("", "", ""), change)
    return reading_bench(case, builders.target(), source, tmp_path)


def test_what_is_seen(bench, kept):
    seen = probe(replace(bench, needed=kept)).seen
    assert codec.loads(Seen, codec.dumps(seen)) == seen
    kernel = Kernel(seen)
    assert kernel.state("empty_zero_page").startswith("exported GPL-only in namespace MM, .")
    assert kernel.state("__zero_page") == "defined, ro_after_init"
    assert kernel.state("setup_zero_pages").startswith("local, ")
    assert kernel.state("arch_setup_zero_pages").startswith("weak, .text")
    assert kernel.state("mem_map_zero") == "absent"
    assert kernel.state("__ksymtab_empty_zero_page") == "absent"  # generated, not of the sources
    assert seen.options == ("CONFIG_MMU", "CONFIG_MODULES")
    assert seen.compiled == ("mm/mm_init.c",)


def test_a_kernel_is_no_different_from_itself(bench, kept):
    seen = probe(replace(bench, needed=kept)).seen
    assert judge(bench.case, bench.target, seen, seen).findings == ()


only_host = pytest.mark.parametrize("kept", ["gcc"], indirect=True)


@only_host
@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("vmlinux", b"", "vmlinux is no ELF file"),
        ("Module.symvers", b"", "vmlinux and Module.symvers are not of one build"),
        ("System.map", b"", "vmlinux and System.map are not of one build"),
        ("System.map", b"<html>\n", "System.map:1 is not what nm writes"),
    ],
)
def test_a_damaged_artifact_accuses_nobody(bench, kept, name, content, message):
    kept[name].write_bytes(content)
    with pytest.raises(InfraError, match=message):
        probe(replace(bench, needed=kept))


@only_host
@pytest.mark.parametrize("name", ["vmlinux", "config", "Module.symvers", "System.map", "compiled"])
def test_a_missing_artifact_is_named(bench, kept, name):
    del kept[name]
    with pytest.raises(InfraError, match=rf"kept no {name}"):
        probe(replace(bench, needed=kept))


@only_host
def test_a_stripped_kernel_is_no_answer(bench, kept):
    subprocess.run(["strip", kept["vmlinux"]], check=True)
    with pytest.raises(InfraError, match="vmlinux has no symbol table"):
        probe(replace(bench, needed=kept))


@only_host
def test_no_exports_are_no_answer_where_there_must_be_some(bench, kept):
    subprocess.run(["strip", "-N", "__ksymtab_empty_zero_page", kept["vmlinux"]], check=True)
    with pytest.raises(InfraError, match="exports nothing, though CONFIG_MODULES is set"):
        probe(replace(bench, needed=kept))


@only_host
def test_a_reference_that_the_linker_left_open(bench, kept):
    source = kept["vmlinux"].with_name("weak.c")
    source.write_text("extern int wanted __attribute__((weak)); int *reference = &wanted;\n")
    kept["config"].write_text("CONFIG_MMU=y\n")
    subprocess.run(["gcc", "-nostdlib", "-shared", "-o", kept["vmlinux"], source], check=True)
    assert (
        Kernel(probe(replace(bench, needed=kept)).seen).state("wanted") == "referenced, not defined"
    )


@only_host
def test_without_modules_nothing_is_exported(bench, kept):
    kept["config"].write_text("# CONFIG_MODULES is not set\n")
    assert probe(replace(bench, needed=kept)).seen.exports == ()


@only_host
def test_conditions_are_read_on_the_patched_side_and_only_inside_the_tree(bench, kept):
    secret = bench.build / "secret.c"
    secret.write_text("int a;\n")
    (bench.source / "link.c").symlink_to(secret)
    change = replace(
        bench.case.change,
        symbols=(SymbolChange("export-added", "a", "mm/mm_init.c", 3, 1),),
        mentions=(
            Mention("a", "mm/mm_init.c", 1, "int a;"),
            Mention("a", "link.c", 1, "int a;"),
            Mention("a", "gone.c", 1, "int a;"),
        ),
    )
    bench = replace(bench, needed=kept, case=replace(bench.case, change=change))
    assert probe(bench).seen.conditional == ()
    patched = probe(replace(bench, side=Step.PATCHED)).seen
    assert patched.conditional == (("gone.c", 1), ("link.c", 1), ("mm/mm_init.c", 3))

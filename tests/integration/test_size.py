# SPDX-License-Identifier: GPL-2.0-or-later
"""The size check: its probe on ELF files of whatever compilers are here, and whole runs."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import replace
from pathlib import Path

import pytest

from pipeline import codec
from pipeline.model import Base, Case, InfraError, Limit
from tests import toy
from tests.conftest import missing
from tests.integration.benches import reading_bench
from tests.integration.test_symbols import COMPILERS
from tests.unit import builders
from tests.unit.changes import series
from workers.check import Bench
from workers.checks.size import Seen, judge, probe

pytestmark = [pytest.mark.integration, pytest.mark.commands]

BASE = {
    "init": """
        static int __attribute__((used)) same[3];
        int used_here = 5;
        void _start(void) { }
        __attribute__((section(".init.text"))) void setup(void) { _start(); }
    """,
    "core": "static int __attribute__((used)) same[5]; const char words[40] = { 1 };",
}
#: One `same` grows by what the other one shrinks, and there is a new array.
PATCHED = {
    "init": BASE["init"].replace("same[3]", "same[5]"),
    "core": BASE["core"].replace("same[5]", "same[3]") + " char new_array[65536];",
}


def build(compiler: str, directory: Path, sources: dict[str, str]) -> dict[str, Path]:
    """What the build check would keep of a kernel of SOURCES."""
    if not shutil.which(compiler):
        missing(compiler)
    directory.mkdir()
    files = []
    for name, text in sources.items():
        files.append(directory / f"{name}.c")
        files[-1].write_text(text)
    vmlinux, image = directory / "vmlinux", directory / "image"
    subprocess.run(
        [compiler, "-nostdlib", "-static", "-fno-pic", "-no-pie", "-fno-common", "-Wl,-e,_start",
         "-o", vmlinux, *files],
        check=True, capture_output=True,
    )  # fmt: skip
    image.write_bytes(vmlinux.read_bytes()[:1000])
    return {"vmlinux": vmlinux, "image": image}


@pytest.fixture
def bench(tmp_path) -> Bench:
    limit = Limit("size", "*", 1.0, 8192)
    case = Case("r", builders.series(), Base("", "", ""), series({}, {}), (), (limit,))
    return reading_bench(case, builders.target(), tmp_path, tmp_path)


def seen(bench: Bench, compiler: str, name: str, sources: dict[str, str]) -> Seen:
    return probe(replace(bench, needed=build(compiler, bench.source / name, sources))).seen


@pytest.mark.parametrize("compiler", COMPILERS)
def test_what_every_compiler_makes_is_measured(bench, compiler):
    base = seen(bench, compiler, "base", BASE)
    patched = seen(bench, compiler, "patched", PATCHED)

    assert codec.loads(Seen, codec.dumps(base)) == base
    groups = dict(base.groups)
    assert groups["init"] > 0
    assert groups["bss"] >= 8 * 4
    assert groups["rodata"] >= 40
    assert base.image_bytes == 1000
    judged = judge(bench.case, bench.target, base, patched)
    facts = dict(judged.facts)
    assert facts["symbols"] == [
        {"symbol": "new_array", "base": 0, "patched": 65536},
        {"symbol": "same", "base": 12, "patched": 20},
        {"symbol": "same", "base": 20, "patched": 12},
    ]
    assert [(f.symbol, f.severity) for f in judged.findings] == [("bss", "WARN")]
    assert "+65536 new_array" in judged.findings[0].detail


def test_a_kernel_is_no_larger_than_itself(bench):
    base = seen(bench, "gcc", "base", BASE)
    judged = judge(bench.case, bench.target, base, base)

    assert judged.findings == ()
    assert dict(judged.facts)["symbols"] == []


def test_what_boots_may_be_vmlinux_itself(bench):
    kept = build("gcc", bench.source / "base", BASE)

    both = {"vmlinux": kept["vmlinux"], "image": kept["vmlinux"]}
    assert probe(replace(bench, needed=both)).seen.image_bytes is None


def test_a_kernel_that_is_none_accuses_nobody(bench):
    kept = build("gcc", bench.source / "base", BASE)
    with pytest.raises(InfraError, match="kept no image"):
        probe(replace(bench, needed={"vmlinux": kept["vmlinux"]}))
    with pytest.raises(InfraError, match="image is cut short"):
        probe(replace(bench, needed={"vmlinux": kept["image"], "image": kept["image"]}))
    data = build("gcc", bench.source / "data", {"data": "int data = 1;"})
    with pytest.raises(InfraError, match="has no code"):
        probe(replace(bench, needed=data))


# --- whole runs -----------------------------------------------------------------------------

SIZE = "  size: {needs: [build], queue: inspect, deadline_s: 60, traced: true}\n"
LIMITS = 'limits:\n  - {check: size, of: "*", percent: 1, at_least: 8192}\n'


@pytest.fixture
def measuring(installation):
    """An installation whose matrix has the size check as well."""
    directory = installation.home / "matrix"
    shutil.copytree(toy.HERE / "configs", directory / "configs")
    text = toy.MATRIX.read_text()
    matrix = directory / "matrix.yaml"
    matrix.write_text(text.replace("fragments:", f"{SIZE}{LIMITS}fragments:"))
    installation.environ["CROSSCHECK_MATRIX"] = str(matrix)
    return installation


def adding(text):
    return lambda old: old + text


ARRAY = adding("\nchar new_array[65536];\n")
HELPER = adding("\nint helper(int n);\nint helper(int n)\n{\n\treturn n * n + 7;\n}\n")
LONGER = adding("\nint helper(int n);\nint helper(int n)\n{\n\treturn (n * n + 7) / (n + 9);\n}\n")


def size(verdict, target="blue"):
    (row,) = [row for row in verdict["targets"] if row["target"] == target]
    (cell,) = [cell for cell in row["checks"] if cell["check"] == "size"]
    return cell


def test_an_array_of_64_kib_is_warned_of(measuring):
    toy.commit(measuring.tree, "mm: have an array", {"mm/memory.c": ARRAY})
    status, verdict = measuring.run("--check", "size")

    assert (status, verdict["outcome"]) == (0, "WARN")
    for target in ("red", "blue"):
        (finding,) = size(verdict, target)["findings"]
        assert (finding["kind"], finding["symbol"], finding["patch"]) == ("larger", "bss", 1)


def test_a_function_that_grows_is_a_fact(measuring):
    toy.commit(measuring.tree, "mm: have a helper", {"kernel/main.c": HELPER})
    toy.commit(measuring.tree, "mm: help more", {"kernel/main.c": lambda t: LONGER(t.partition("\nint helper")[0])})  # fmt: skip
    status, verdict = measuring.run("--check", "size")

    assert (status, verdict["outcome"]) == (0, "PASS")
    facts = size(verdict)["facts"]
    assert facts["counts"] == {"grown": 1, "shrunk": 0, "added": 0, "removed": 0}
    (change,) = facts["symbols"]
    assert change["symbol"] == "helper"
    assert 0 < change["base"] < change["patched"]


def test_the_patch_that_brought_it_is_looked_for(measuring):
    toy.commit(measuring.tree, "mm: one", {"kernel/main.c": HELPER})
    toy.commit(measuring.tree, "mm: two", {"mm/memory.c": ARRAY})
    toy.commit(measuring.tree, "mm: three", {"mm/memory.c": adding("\nchar small[32];\n")})
    verdict = measuring.home / "verdict.json"
    options = ("--check", "size", "--target", "blue", "--json", str(verdict))
    status, _ = measuring.command("run", "HEAD~3..HEAD", *options)

    assert status == 0
    assert [finding["patch"] for finding in size(measuring.verdict())["findings"]] == [2]


# --- modules --------------------------------------------------------------------------------

#: As kbuild does it: what links is named in modules.order, and stands beside the kernel.
MAKES_MODULES = """
.PHONY: modules
modules: vmlinux
	@mkdir -p drivers
	@echo '  CC [M]  drivers/dummy.o'
	@$(CC) $(KBUILD_CFLAGS) -c -o drivers/dummy.o $(srctree)/drivers/dummy.c
	@echo '  LD [M]  drivers/dummy.ko'
	@$(LD) -r -o drivers/dummy.ko drivers/dummy.o
	@echo drivers/dummy.o > modules.order
"""
ENDS = "\nendif\n"
DUMMY = "static char __attribute__((used)) room[20000];\nint dummy(void);\nint dummy(void)\n{\n\treturn 1;\n}\n"


def making(more):
    """An edit of the toy's Makefile: MORE of what is done in the build directory."""
    return lambda text: f"{text.removesuffix(ENDS)}{more}{ENDS}"


@pytest.fixture
def modular(measuring):
    """As `measuring`, of a tree that has a module."""
    matrix = Path(measuring.environ["CROSSCHECK_MATRIX"])
    matrix.write_text(matrix.read_text().replace("make: [Image]", "make: [Image, modules]"))
    edits = {"Makefile": making(MAKES_MODULES), "drivers/dummy.c": DUMMY}
    toy.commit(measuring.tree, "modules", edits)
    return measuring


def test_a_module_that_grows_is_warned_of(modular):
    grown = toy.replacing("20000", "40000")
    toy.commit(modular.tree, "dummy: have room", {"drivers/dummy.c": grown})
    status, verdict = modular.run("--check", "size")
    assert (status, verdict["outcome"]) == (0, "WARN")
    (finding,) = size(verdict)["findings"]
    assert (finding["kind"], finding["symbol"]) == ("larger", "drivers/dummy.ko")
    told = size(verdict)["facts"]["modules"]
    assert (told["made"], told["differ"]) == ({"base": 1, "patched": 1}, 1)
    (changed,) = told["changed"]
    assert changed["patched"] - changed["base"] == 20000
    status, output = modular.command("perf")
    assert "Modules that changed most" in output
    assert "dummy.ko" in output


@pytest.mark.parametrize(
    ("trick", "said"),
    [
        ("ln -sf dummy.ko drivers/dummy.ko", "names drivers/dummy.ko, and make left no such file"),
        ("rm drivers/dummy.ko", "names drivers/dummy.ko, and make left no such file"),
        ("rm drivers/dummy.ko; ln -s /etc/passwd drivers/dummy.ko", "make left no such file"),
        ("rm modules.order", "make modules left no modules.order behind"),
        ("echo '../../x.o' >> modules.order", "names what can be no module: '../../x.o'"),
        ("printf '%05000d.o' 1 >> modules.order", "names what can be no module: '00000"),
        ("echo not ELF > drivers/dummy.ko", "is no ELF file"),
    ],
)
def test_a_module_that_is_none_is_not_gone_and_accuses_nobody(modular, trick, said):
    toy.commit(modular.tree, "Makefile: a trick", {"Makefile": making(f"\t@{trick}\n")})
    status, verdict = modular.run("--check", "size", "--target", "blue")
    assert (status, verdict["outcome"]) == (3, "ERROR")
    (row,) = verdict["targets"]
    reasons = [cell["reason"] for cell in row["checks"] if cell["check"] == "build"]
    assert said in reasons[0]
    assert len(reasons[0]) < 400


def test_a_module_that_does_not_build_fails(modular):
    toy.commit(
        modular.tree, "dummy: break", {"drivers/dummy.c": adding("int f(void) { return x; }\n")}
    )
    status, verdict = modular.run("--check", "size")
    assert (status, verdict["outcome"]) == (1, "FAIL")

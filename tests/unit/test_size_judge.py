# SPDX-License-Identifier: GPL-2.0-or-later
"""What the size check says of two kernels: groups, symbols, and what is beyond a limit."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.codec import dumps, loads
from pipeline.fingerprint import fingerprint
from pipeline.model import Case, InfraError, Limit, Outcome, PatchDiff
from tests.unit import builders
from workers.checks.size import Seen, judge
from workers.parsers.elf import ElfSection, ElfSymbol
from workers.parsers.symbol_names import of_source, unsplit
from workers.size import modules
from workers.size.compare import Changed, changes
from workers.size.groups import PARTS, groups_of
from workers.size.groups import grouped as grouped_of
from workers.size.symbols import OfFile, sizes

# --- groups ---------------------------------------------------------------------------------


def grouped(sections, symbols):
    return grouped_of(groups_of(sections, symbols), symbols)


def section(name, address=0, size=16, flags="a"):
    return ElfSection(name, address, size, "w" in flags, "x" in flags, "0" in flags)


def symbol(name, size=0, value=0, kind="func", *, section=".text", binding="global"):
    return ElfSymbol(name, value, size, binding, kind, section)


def mark(name, value):
    return symbol(name, value=value, kind="notype")


MARKS = (
    mark("__start_rodata", 0x2000),
    mark("__end_rodata", 0x3000),
    mark("__init_begin", 0x5000),
    mark("__init_end", 0x6000),
)


@pytest.mark.parametrize(
    ("one", "group"),
    [
        (section(".text", 0x1000, flags="x"), "text"),
        (section(".head.text", flags="x"), "text"),
        (section(".fixup", flags="x"), "text"),
        (section(".rodata", 0x2000, flags="w"), "rodata"),
        (section(".rodata", flags="w"), "rodata"),
        (section(".srodata", flags=""), "rodata"),
        (section("__param", 0x2500, flags="w"), "rodata"),
        (section(".rodata.text", flags="x"), "rodata"),
        (section(".data..ro_after_init", 0x3000, flags="w"), "rodata"),
        (section("__ex_table", flags=""), "rodata"),
        (section(".notes", flags=""), "rodata"),
        (section(".data", 0x4000, flags="w"), "data"),
        (section("__bug_table", flags="w"), "data"),
        (section(".init.text", 0x5000, flags="x"), "init"),
        (section(".init.text", flags="x"), "init"),
        (section(".exit.text", flags="x"), "init"),
        (section(".init.bss", 0x5400, flags="w0"), "init"),
        (section(".altinstructions", 0x5400, flags=""), "init"),
        (section("runtime_ptr_x", 0x5fff, flags=""), "init"),
        (section(".initrd", flags="w"), "data"),
        (section(".data..percpu", 0x5800, flags="w"), "percpu"),
        (section(".bss", 0x6000, flags="w0"), "bss"),
        (section(".brk", flags="w0"), "bss"),
        (section("__ksymtab_strings", 0x2800, flags=""), "tables"),
        (section("__kflagstab", flags=""), "tables"),
        (section(".orc_unwind_ip", flags=""), "tables"),
        (section(".BTF", flags=""), "tables"),
    ],
)  # fmt: skip
def test_every_section_is_in_one_group(one, group):
    found = grouped([one], MARKS)

    counts = group != "tables"
    assert {name: size for name, size in found.items() if size} == {group: 16} | (
        {"total": 16} if counts else {}
    )


def test_kallsyms_is_taken_out_of_the_read_only_data():
    tables = (
        mark("kallsyms_num_syms", 0x2000),
        mark("kallsyms_names", 0x2004),
        mark("kallsyms_offsets", 0x2100),  # of ten symbols
        mark("kallsyms_seqs_of_names", 0x2128),
        symbol("kallsyms_lookup", 60, value=0x1000),
    )

    found = grouped([section(".rodata", 0x2000, 0x800, "w")], (*MARKS, *tables))
    assert found["tables"] == 0x128 + 30
    assert found["rodata"] == found["total"] == 0x800 - found["tables"]


SECTIONS = st.lists(
    st.builds(
        section,
        st.sampled_from((".text", ".data", ".bss", ".init.text", "__ksymtab", "", "*?*")),
        st.integers(0, 2**64 - 1),
        st.integers(0, 2**64 - 1),
        st.sampled_from(("", "w", "x", "w0")),
    )
)
KALLSYMS = st.lists(
    st.builds(
        mark,
        st.sampled_from(("kallsyms_offsets", "kallsyms_seqs_of_names", "__init_begin", "kallsyms_")),
        st.integers(0, 2**64 - 1),
    )
)  # fmt: skip


@given(SECTIONS, KALLSYMS)
def test_no_byte_is_lost_or_counted_twice(sections, symbols):
    found = grouped(sections, symbols)

    assert min(found.values()) >= 0
    assert found["total"] + found["tables"] == sum(each.size_bytes for each in sections)


# --- symbols --------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("name", "whole", "source"),
    [
        ("do_fault", "do_fault", "do_fault"),
        ("do_fault.isra.0", "do_fault", "do_fault"),
        ("do_fault.constprop.0.isra.0", "do_fault", "do_fault"),
        ("do_fault.part.3.cold", "do_fault", "do_fault"),
        ("do_fault.cold", "do_fault", "do_fault"),
        ("__func__.12345", "__func__.12345", "__func__"),
        ("CSWTCH.7.1", "CSWTCH.7.1", "CSWTCH"),
        ("v1.2a", "v1.2a", "v1.2a"),
        ("sha256.partial", "sha256.partial", "sha256.partial"),
        ("__UNIQUE_ID_modinfo_123", "__UNIQUE_ID_modinfo_123", "__UNIQUE_ID_modinfo"),
        ("__UNIQUE_ID_license44", "__UNIQUE_ID_license44", "__UNIQUE_ID_license"),
        ("__initcall__kmod_kallsyms__622_937_kallsyms_init6",
         "__initcall__kmod_kallsyms__622_937_kallsyms_init6",
         "__initcall__kmod_kallsyms_kallsyms_init6"),
    ],
)  # fmt: skip
def test_what_the_sources_call_it(name, whole, source):
    assert (unsplit(name), of_source(name)) == (whole, source)


TAKING = {".text": "text", ".data": "data"}


def local(name, size, value, kind="func"):
    return symbol(name, size, value, kind, binding="local")


def file(name):
    return symbol(name, kind="file", section="*ABS*", binding="local")


def test_symbols_go_by_file_and_by_the_names_of_the_sources():
    table = (
        file("init.c"),
        local("setup", 10, 0x00),
        local("__func__.1", 5, 0x10, "object"),
        local("__func__.2", 6, 0x20, "object"),
        file("core.c"),
        local("setup", 20, 0x30),
        local("helper.constprop.0", 30, 0x40),
        local("helper.cold", 3, 0x90),
        local("start.cold", 7, 0x60),  # of the global one
        symbol("start", 40, 0x70),
        symbol("memcpy", 50, 0xA0),
        symbol("__memcpy", 50, 0xA0),  # an alias
        local("__pi_memcpy", 50, 0xA0),
    )

    assert sizes(table, TAKING) == (
        OfFile("", "text", (("memcpy", 50), ("start", 47))),
        OfFile("core.c", "text", (("helper", 33), ("setup", 20))),
        OfFile("init.c", "text", (("__func__", 11), ("setup", 10))),
    )


@pytest.mark.parametrize(
    "other",
    [
        symbol("_stext", 0),
        symbol("debug", 9, section=".debug_info"),
        symbol("absolute", 9, section="*ABS*"),
        symbol("elsewhere", 9, section=""),
        symbol(".text", 9, kind="section"),
        symbol("__ksymtab_x", 9),
        symbol("__kstrtab_x", 9),
        symbol("linux_banner", 9),
        symbol("__pfx_start", 9),
        symbol(".LC3", 9),
        symbol("$d", 9),
    ],
)
def test_what_is_no_function_or_object_of_the_sources(other):
    assert sizes([other], TAKING) == ()


@pytest.mark.parametrize(
    ("base", "patched", "expected"),
    [
        ({"": {"a": 1}}, {"": {"a": 1}}, []),
        ({"": {"a": 1}}, {"": {"a": 3}}, [Changed("a", "text", 1, 3)]),
        ({"": {"a": 3}}, {"": {"a": 1}}, [Changed("a", "text", 3, 1)]),
        ({}, {"": {"a": 3}}, [Changed("a", "text", 0, 3)]),
        ({"": {"a": 3}}, {}, [Changed("a", "text", 3, 0)]),
        # One grows as much as the other shrinks.
        ({"x": {"a": 1}, "y": {"a": 5}}, {"x": {"a": 5}, "y": {"a": 1}},
         [Changed("a", "text", 1, 5), Changed("a", "text", 5, 1)]),
        # Moved, or no longer static.
        ({"x": {"a": 4}}, {"y": {"a": 4}}, []),
        ({"x": {"a": 4}}, {"": {"a": 6}}, [Changed("a", "text", 4, 6)]),
        # The largest first, whatever way.
        ({"": {"a": 9, "b": 9}}, {"": {"a": 10, "b": 1, "c": 5}},
         [Changed("b", "text", 9, 1), Changed("c", "text", 0, 5), Changed("a", "text", 9, 10)]),
    ],
)  # fmt: skip
def test_what_changed(base, patched, expected):
    assert list(changes(kernel(base), kernel(patched))) == expected


def kernel(files, group="text"):
    return tuple(OfFile(name, group, tuple(of.items())) for name, of in files.items())


def test_a_name_in_two_groups_is_two_symbols():
    base = kernel({"": {"a": 4}})
    assert changes(base, kernel({"": {"a": 4}}, "data")) == (
        Changed("a", "data", 0, 4),
        Changed("a", "text", 4, 0),
    )


# --- the judgement --------------------------------------------------------------------------

ONE = Limit("size", "*", 1.0, 8192)
GROUPS = {"total": 4_000_000, "text": 2_000_000, "rodata": 300_000, "data": 900_000,
          "bss": 300_000, "init": 470_000, "percpu": 30_000, "tables": 500_000}  # fmt: skip
BASE = Seen(tuple(GROUPS.items()), kernel({"": {"schedule": 1000}}), 2_000_000)
TARGET = builders.target("s390")


def grown(image=0, symbols=None, padding=(), **by):
    """Sections grow BY that much: what is in them has, but for PADDING."""
    by["total"] = sum(by.values()) - by.get("tables", 0)
    groups = tuple((name, size + by.get(name, 0)) for name, size in GROUPS.items())
    new = {n: size for n, size in by.items() if n in PARTS and size > 0 and n not in padding}
    of = [each for n, size in new.items() for each in kernel({"new.c": {f"new_{n}": size}}, n)]
    named = (*BASE.symbols, *of) if symbols is None else kernel(symbols, *by.keys() - {"total"})
    return Seen(groups, named, 2_000_000 + image)


def judged(patched, *limits, base=BASE, patches=1):
    diffs = tuple(PatchDiff(n, ()) for n in range(1, patches + 1))
    change = builders.change(patches=diffs)
    case = Case("r", builders.series(patches), builders.base(), change, (), limits or (ONE,))
    return judge(case, TARGET, base, patched)


def measures(*args, **kwargs):
    return [(f.symbol, f.severity) for f in judged(*args, **kwargs).findings]


W, F = Outcome.WARN, Outcome.FAIL


@pytest.mark.parametrize(
    ("patched", "limits", "expected"),
    [
        (grown(), (ONE,), []),
        (grown(bss=65_536), (ONE,), [("bss", W)]),
        (grown(bss=-65_536), (ONE,), []),
        (grown(bss=8_192), (ONE,), []),  # two pages may be padding
        (grown(text=20_000), (ONE,), []),  # one percent, and not more
        (grown(text=19_000, data=9_001, bss=9_000, init=5_000), (ONE,), [("data", W), ("bss", W)]),
        (grown(text=19_000, rodata=2_900, data=8_900, bss=3_000, init=4_600, percpu=2_000), (ONE,),
         [("total", W)]),  # each of them a little
        (grown(image=30_000), (ONE,), [("image", W)]),
        (grown(image=65_000, bss=65_536), (ONE,), [("bss", W)]),  # said once
        (grown(tables=400_000), (ONE,), []),
        (grown(data=12_288, text=4_096, padding=["data"]), (ONE,), []),
        (grown(rodata=12_288, padding=["rodata"]), (ONE,), [("rodata", W)]),  # strings
        (grown(bss=65_536), (Limit("size", "total", 1.0),), [("total", W)]),
        (grown(bss=65_536), (ONE, Limit("size", "total", 1.5, severity=F)), [("bss", W), ("total", F)]),
        (grown(bss=65_536), (ONE, replace(ONE, of="bss", percent=50)), [("total", W)]),
        (grown(bss=65_536), (replace(ONE, check="boot"),), []),
        (grown(bss=65_536), (replace(ONE, targets=("mips",)),), []),
    ],
)  # fmt: skip
def test_what_is_beyond_a_limit(patched, limits, expected):
    assert measures(patched, *limits) == expected


def test_the_finding_says_how_much_and_in_what():
    symbols = {"mm.c": {"new_array": 65_536, "user": 44}}
    (finding,) = judged(grown(bss=65_536, symbols=symbols)).findings

    assert finding.kind == "larger"
    assert finding.summary == "bss grew from 300000 to 365536 bytes: +21.8 %, the limit is 1 %"
    assert finding.detail == (
        "+65536 new_array (0 to 65536 bytes)\n+44 user (0 to 44 bytes)"
    )  # what shrank is no reason


def test_padding_beside_it_does_not_count_nor_what_is_elsewhere():
    symbols = (*kernel({"": {"schedule": 1000 + 5_000}}), *kernel({"": {"table": 12_000}}, "data"))
    patched = replace(grown(data=16_384, text=8_192), symbols=symbols)
    (finding,) = judged(patched).findings

    assert finding.summary == "data grew from 900000 to 912000 bytes: +1.3 %, the limit is 1 %"
    assert finding.detail == "+12000 table (0 to 12000 bytes)"


def test_with_other_figures_it_is_the_same_finding():
    one, other = (judged(grown(bss=by)).findings[0] for by in (9_000, 12_345_678))

    assert one.summary != other.summary
    assert fingerprint("s390", "size", one) == fingerprint("s390", "size", other)


def test_the_only_patch_is_to_blame_and_none_of_several():
    assert [f.patch for f in judged(grown(bss=65_536)).findings] == [1]
    assert [f.patch for f in judged(grown(bss=65_536), patches=3).findings] == [None]


def test_facts_are_there_whatever_the_limits_say():
    patched = grown(text=24, image=16, symbols={"": {"schedule": 1024}, "a.c": {"helper": 8}})
    facts = dict(judged(patched).facts)

    assert facts["sections"]["text"] == {"base": 2_000_000, "patched": 2_000_024}
    assert facts["sections"]["total"] == {"base": 4_000_000, "patched": 4_000_024}
    assert facts["sections"]["image"] == {"base": 2_000_000, "patched": 2_000_016}
    assert facts["counts"] == {"grown": 1, "shrunk": 0, "added": 1, "removed": 0}
    assert facts["symbols"] == [
        {"symbol": "schedule", "base": 1000, "patched": 1024},
        {"symbol": "helper", "base": 0, "patched": 8},
    ]


def test_a_kernel_that_boots_as_it_is_has_no_other_image():
    base = replace(BASE, image_bytes=None)

    assert "image" not in dict(judged(base, base=base).facts)["sections"]


def test_so_many_symbols_are_named_and_all_are_counted():
    patched = grown(symbols={"": {f"new{n}": n + 1 for n in range(80)}})
    facts = dict(judged(patched).facts)

    assert len(facts["symbols"]) == 50
    assert facts["counts"] == {"grown": 0, "shrunk": 0, "added": 80, "removed": 1}


def made(**sizes):
    """BASE with modules of so many bytes."""
    named = {f"drivers/{name}.ko": size for name, size in sizes.items()}
    return replace(BASE, modules=tuple(named.items()))


def test_each_module_is_a_measure_of_its_own():
    base = made(a=50_000, b=50_000, gone=7)
    patched = made(a=50_024, b=70_000, new=1_000_000)
    found = judged(patched, base=base)
    (finding,) = found.findings
    assert (finding.kind, finding.symbol, finding.severity) == ("larger", "drivers/b.ko", "WARN")
    assert finding.summary.startswith("drivers/b.ko grew from 50000 to 70000 bytes: +40.0 %")
    assert dict(found.facts)["modules"] == {
        "made": {"base": 3, "patched": 3},
        "differ": 4,
        "changed": [
            {"module": "drivers/new.ko", "base": 0, "patched": 1_000_000},
            {"module": "drivers/b.ko", "base": 50_000, "patched": 70_000},
            {"module": "drivers/a.ko", "base": 50_000, "patched": 50_024},
            {"module": "drivers/gone.ko", "base": 7, "patched": 0},
        ],
    }


def test_a_module_that_moves_is_one():
    def at(path: str, size: int):
        return replace(BASE, modules=((path, size),))

    found = judged(at("drivers/net/a.ko", 90_000), base=at("drivers/staging/a.ko", 50_000))
    assert [f.symbol for f in found.findings] == ["drivers/net/a.ko"]
    (changed,) = dict(found.facts)["modules"]["changed"]
    assert changed == {"module": "drivers/net/a.ko", "base": 50_000, "patched": 90_000}
    same = judged(at("drivers/net/a.ko", 50_000), base=at("drivers/staging/a.ko", 50_000))
    assert dict(same.facts)["modules"] == {
        "made": {"base": 1, "patched": 1},
        "differ": 0,
        "changed": [],
    }


def test_a_limit_for_modules_alone():
    strict = Limit("size", "*.ko", 0.0, 0, Outcome.FAIL)
    found = judged(made(a=50_001), strict, base=made(a=50_000)).findings
    assert [(f.symbol, f.severity) for f in found] == [("drivers/a.ko", "FAIL")]


def test_a_target_without_modules_says_nothing_of_them():
    assert "modules" not in dict(judged(BASE).facts)


@given(
    st.dictionaries(
        st.from_regex(r"(?:[a-z0-9_-]{1,8}/){0,3}[a-z0-9_-]{1,9}\.ko", fullmatch=True),
        st.integers(0, 2**64 - 1),
    )
)
def test_a_listing_is_read_as_it_was_written(tmp_path_factory, found):
    file = tmp_path_factory.mktemp("listing") / "modules"
    file.write_text(modules.listing(sorted(found.items())))
    assert modules.read(file) == tuple(sorted(found.items()))


@pytest.mark.parametrize("text", ["5\n", "x a.ko\n", "5 a.txt\n", "5 /a.ko\n", "5 ../a.ko\n", "\n"])
def test_what_is_no_listing_accuses_nobody(tmp_path, text):
    (tmp_path / "modules").write_text(text)
    with pytest.raises(InfraError, match="list of modules is damaged"):
        modules.read(tmp_path / "modules")


def test_what_was_seen_can_be_kept():
    assert loads(Seen, dumps(BASE)) == BASE
    assert loads(Seen, dumps(made(a=1))) == made(a=1)

# SPDX-License-Identifier: GPL-2.0-or-later
"""The zero-page series on real Linux: right as it is, and wrong in ways that must be found.

Each fault is found by the right check, on the right architecture, and nothing else is
accused. Several faults share a run where they cannot touch each other, since a run costs
minutes.
"""

from __future__ import annotations

from difflib import unified_diff

import pytest

from tests.conftest import missing, validate
from tests.toy import adding
from workers.sandbox import why_not

pytestmark = pytest.mark.kernels

SIX = ("arm64", "mips", "riscv64", "s390", "sparc64", "x86_64")
COLOURED = ("mips", "s390")


def on(*targets):
    return [word for target in targets for word in ("--target", target)]


def add_after(anchor, line):
    return lambda text: text.replace(anchor, anchor + line, 1)


def replace(old, new):
    return lambda text: text.replace(old, new, 1)


def drop_arm64_override(text):
    start = text.index("void __init arch_setup_zero_pages(void)")
    end = text.index("void __init arch_mm_preinit(void)")
    return text[:start] + text[end:]


EXPORT = replace("EXPORT_SYMBOL(__zero_page);\n", "")
KEEP_MEM_MAP_ZERO = add_after(
    "extern unsigned int sparc_ramdisk_size;\n",
    "\nstruct page *mem_map_zero __read_mostly;\nEXPORT_SYMBOL(mem_map_zero);\n",
)
#: Late, when there is a console to say it on.
PANIC = """
static int __init check_zero_page(void)
{
	panic("no zero page today");
}
late_initcall(check_zero_page);
"""
UNUSED = "\tint unused;\n"
SETUP = "void __init arch_setup_zero_pages(void)\n{\n"


def test_the_series_as_posted_passes_everywhere(as_posted):
    ran = as_posted
    assert ran.status == 0
    validate(ran.verdict)
    assert ran.verdict["outcome"] == "PASS"
    assert ran.outcomes() == dict.fromkeys(SIX, "PASS")
    for target in SIX:
        facts = ran.check(target, "symbols")["facts"]
        colours = ran.check(target, "boot")["facts"]["zero_pages"]["patched"]
        if target in COLOURED:
            assert facts["symbols"]["__zero_page"] == "absent"
            for name in ("zero_page_mask", "empty_zero_page"):
                assert facts["symbols"][name].startswith("exported")
        else:
            assert facts["symbols"]["__zero_page"].startswith("exported")
            assert "ro_after_init" in facts["symbols"]["__zero_page"]
        assert facts["symbols"]["mem_map_zero"] == "absent"
        assert colours >= 16 if target == "s390" else colours == 1
    numa = [n for n in ran.verdict["not_covered"] if n["file"] == "arch/mips/mm/init.c"]
    assert numa, "the NUMA part of mips is compiled by no target: it must be said"
    assert "CONFIG_NUMA" in numa[0]["reason"]
    assert {n["file"] for n in ran.verdict["not_covered"]} == {"arch/mips/mm/init.c"}


def essence(verdict: dict, target: str) -> dict:
    """What VERDICT says of TARGET, but for what it took and what was there before."""
    (row,) = [t for t in verdict["targets"] if t["target"] == target]
    checks = {
        cell["check"]: (
            *(cell["outcome"], cell["reason"], cell["findings"], cell["facts"].get("symbols")),
            *(cell["facts"].get("compiler"), cell["facts"].get("zero_pages")),
        )
        for cell in row["checks"]
    }
    return {"outcome": row["outcome"], "reason": row["reason"], "checks": checks}


def test_containers_come_to_the_same_verdict(crosscheck, as_posted, zero_page_mbox, zero_page_base):
    if fault := why_not("docker"):
        missing(fault)
    ran = crosscheck(zero_page_mbox, zero_page_base, *on("s390"), "--runtime", "docker")
    assert ran.status == 0
    assert essence(ran.verdict, "s390") == essence(as_posted.verdict, "s390")
    tools = ran.check("s390", "build")["facts"]["tools"]
    assert any(tool.startswith("crosscheck/build:gcc-12 sha256:") for tool in tools)


def test_four_faults_at_build_are_each_found_where_they_are(crosscheck, variant, zero_page_base):
    series = variant(
        "mm: an export missing, a symbol left behind, a type error and a warning",
        {
            "mm/mm_init.c": EXPORT,
            "arch/sparc/mm/init_64.c": KEEP_MEM_MAP_ZERO,
            "arch/s390/mm/init.c": replace(
                "total_pages = memblock_estimated_nr_free_pages()", "*total_pages = (struct page) 0"
            ),
            "arch/mips/mm/init.c": add_after(SETUP, UNUSED),
        },
    )
    ran = crosscheck(series, zero_page_base, *on("arm64", "mips", "s390", "sparc64"))
    assert ran.status == 1
    assert ran.outcomes() == {"arm64": "FAIL", "mips": "WARN", "s390": "FAIL", "sparc64": "FAIL"}

    assert {a[1:] for a in ran.accused() if a[0] == "arm64"} == {("symbols", "rule")}
    assert [f["symbol"] for f in ran.check("arm64", "symbols")["findings"]] == ["__zero_page"]

    assert {a[1:] for a in ran.accused() if a[0] == "mips"} == {("build", "new-warning")}
    (warning,) = ran.check("mips", "build")["findings"]
    assert warning["file"] == "arch/mips/mm/init.c"
    assert warning["patch"] == 1

    assert {a[1:] for a in ran.accused() if a[0] == "s390"} == {("build", "build-error")}
    assert {f["file"] for f in ran.check("s390", "build")["findings"]} == {"arch/s390/mm/init.c"}
    assert ran.check("s390", "boot")["outcome"] == "SKIP"

    assert {a[1] for a in ran.accused() if a[0] == "sparc64"} == {"symbols"}
    named = {f["symbol"] for f in ran.check("sparc64", "symbols")["findings"]}
    assert named == {"__zero_page", "mem_map_zero"}
    assert "mem_map_zero" not in {f["symbol"] for f in ran.check("arm64", "symbols")["findings"]}
    assert ran.check("sparc64", "boot")["outcome"] == "PASS"


def test_what_only_the_boot_can_tell(crosscheck, variant, zero_page_base):
    series = variant(
        "mm: an override lost, a panic and a hang",
        {
            "arch/arm64/mm/init.c": drop_arm64_override,
            "arch/s390/mm/init.c": adding(PANIC),
            "arch/riscv/mm/init.c": add_after(
                "void __init arch_mm_preinit(void)\n{\n", "\tfor (;;)\n\t\tcpu_relax();\n"
            ),
        },
    )
    ran = crosscheck(series, zero_page_base, *on("arm64", "riscv64", "s390"))
    assert ran.status == 1
    assert ran.outcomes() == {"arm64": "FAIL", "riscv64": "FAIL", "s390": "FAIL"}
    for target in ("arm64", "riscv64", "s390"):
        assert ran.check(target, "build")["outcome"] == "PASS"
        assert ran.check(target, "symbols")["outcome"] == "PASS"
    kinds = {target: {a[2] for a in ran.accused() if a[0] == target} for target in ran.outcomes()}
    assert kinds["riscv64"] == {"boot-hang"}
    assert kinds["arm64"] == {"boot-hang"}
    assert "no zero page today" in ran.check("s390", "boot")["findings"][0]["summary"]


def test_a_warning_alone_does_not_fail_unless_it_is_asked_to(crosscheck, posted, zero_page_base):
    unused = add_after("void *kmap_coherent(struct page *page, unsigned long addr)\n{\n", UNUSED)
    series = posted(("mips: a warning", {"arch/mips/mm/init.c": unused}))
    options = (*on("mips"), "--check", "build", "--strict")
    ran = crosscheck(series, zero_page_base, *options)
    assert (ran.status, ran.outcomes()) == (1, {"mips": "WARN"})


def test_a_series_that_does_not_apply_is_the_inputs_fault(
    crosscheck, zero_page_base, zero_page_mbox, tmp_path
):
    torn = tmp_path / "torn.mbox"
    torn.write_text(zero_page_mbox.read_text().replace("early_initcall(init_zero", "x(init_zero"))
    ran = crosscheck(torn, zero_page_base)
    assert ran.status == 2
    assert "mm/mm_init.c" in ran.output
    assert "Traceback" not in ran.output


def test_documentation_alone_builds_nothing(crosscheck, zero_page_base, tmp_path):
    path = "Documentation/mm/zsmalloc.rst"
    before = (zero_page_base / path).read_text().splitlines(keepends=True)
    after = [*before, "\n", "More.\n"]
    series = tmp_path / "doc.mbox"
    series.write_text(
        "From: A. Developer <dev@crosscheck.invalid>\n"
        "Subject: [PATCH] Documentation: zsmalloc: say more\n"
        "Message-ID: <doc@crosscheck.invalid>\n\nMade for a test.\n---\n"
        + "".join(unified_diff(before, after, f"a/{path}", f"b/{path}"))
    )
    ran = crosscheck(series, zero_page_base)
    assert (ran.status, ran.verdict["targets"]) == (0, [])
    assert ran.verdict["outcome"] == "PASS"
    assert ran.verdict["left_out"]

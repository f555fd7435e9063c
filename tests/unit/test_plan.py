# SPDX-License-Identifier: GPL-2.0-or-later
"""The plan: every target is taken or left out, and says why."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import matrix as matrices
from pipeline.model import InputError, LeftOut, Step
from pipeline.plan import make_plan

MATRIX = matrices.load(Path(__file__).parents[2] / "matrix.yaml")
COVERED = ("arm64", "mips", "riscv", "s390", "sparc", "x86")
UNCOVERED = (
    *("alpha", "arc", "arm", "csky", "hexagon", "loongarch", "m68k", "microblaze", "nios2"),
    *("openrisc", "parisc", "powerpc", "sh", "um", "xtensa"),
)
LINUX = (*COVERED, *UNCOVERED)
ZERO_PAGE = (
    "arch/arm64/include/asm/pgtable.h",
    "arch/arm64/mm/init.c",
    "arch/mips/mm/init.c",
    "arch/s390/mm/init.c",
    "arch/sparc/include/asm/pgtable_64.h",
    "arch/sparc/mm/init_64.c",
    "include/linux/pgtable.h",
    "mm/mm_init.c",
)
#: Targets that are taken only when they are named.
ASKED_FOR = ("arm64-clang", "mips-vce", "x86_64-clang")


def plan(*paths, **wishes):
    return make_plan(MATRIX, paths, LINUX, **wishes)


def taken(made):
    return {planned.target.name: planned.reason for planned in made.targets}


def left_out(made):
    return {left.target or left.arch: left.reason for left in made.left_out}


def test_generic_code_concerns_all_and_each_says_what_decided():
    made = plan(*ZERO_PAGE)

    assert taken(made) == {
        "arm64": "arch/arm64/include/asm/pgtable.h is code of arm64",
        "mips": "arch/mips/mm/init.c is code of mips",
        "s390": "arch/s390/mm/init.c is code of s390",
        "sparc64": "arch/sparc/include/asm/pgtable_64.h is code of sparc",
        "x86_64": "include/linux/pgtable.h is generic code: all architectures",
        "riscv64": "include/linux/pgtable.h is generic code: all architectures",
    }
    assert left_out(made) == {
        **{name: f"taken only when it is named: --target {name}" for name in ASKED_FOR},
        **dict.fromkeys(UNCOVERED, "the matrix has no target for it"),
    }


def test_code_of_one_architecture():
    made = plan("arch/s390/mm/init.c", "drivers/s390/char/sclp.c", "MAINTAINERS")

    assert list(taken(made)) == ["s390"]
    assert left_out(made)["mips-vce"] == (
        "nothing that the series touches is built for mips:"
        " arch/s390/mm/init.c is code of s390 (and 2 more files)"
    )
    assert set(left_out(made)) == {*ASKED_FOR, "arm64", "mips", "sparc64", "x86_64", "riscv64"}


def test_an_architecture_without_a_target_is_never_passed_over():
    made = plan("arch/powerpc/mm/init.c", "mm/mm_init.c")

    first, *others = [left for left in made.left_out if not left.target]
    assert first == LeftOut(
        "powerpc",
        "arch/powerpc/mm/init.c is code of powerpc, but the matrix has no target for it",
    )
    assert tuple(left.arch for left in others) == tuple(a for a in UNCOVERED if a != "powerpc")


def test_only_code_of_an_architecture_without_a_target():
    made = plan("arch/powerpc/mm/init.c")

    assert taken(made) == {}
    assert made.jobs == ()
    assert "powerpc" in left_out(made)
    assert "alpha" not in left_out(made)


def test_a_file_of_the_architecture_itself_speaks_before_generic_code():
    made = plan("Makefile", "arch/s390/mm/init.c")

    assert taken(made)["s390"] == "arch/s390/mm/init.c is code of s390"
    assert taken(made)["arm64"] == "Makefile is generic code: all architectures"


def test_an_architecture_that_the_tree_does_not_have_is_named_all_the_same():
    made = make_plan(MATRIX, ("drivers/acpi/bus.c",), ("arm64", "x86"))

    assert list(taken(made)) == ["arm64", "x86_64", "riscv64"]
    assert left_out(made)["loongarch"].endswith("but the matrix has no target for it")


def test_documentation_builds_nothing():
    made = plan("Documentation/mm/index.rst")

    assert taken(made) == {}
    assert left_out(made) == {
        target.name: f"nothing that the series touches is built for {target.arch}:"
        " Documentation/mm/index.rst is documentation"
        for target in MATRIX.targets
    }


def test_a_series_without_files():
    assert set(left_out(plan()).values()) == {"the series touches no file"}


def test_arch_narrows_what_the_paths_select():
    made = plan("mm/mm_init.c", arch=("x86", "s390", "sparc64"))

    assert list(taken(made)) == ["s390", "sparc64", "x86_64"]
    assert left_out(made)["arm64"] == "not asked for: --arch x86,s390,sparc64"
    assert left_out(made)["powerpc"] == "the matrix has no target for it"


def test_arch_does_not_select_what_the_series_does_not_concern():
    made = plan("arch/arm64/mm/init.c", arch=("arm64", "s390"))

    assert list(taken(made)) == ["arm64"]
    assert left_out(made)["s390"].startswith("nothing that the series touches is built for s390")


def test_arch_leaves_out_a_target_that_wants_to_be_named():
    assert list(taken(plan("mm/mm_init.c", arch=("mips",)))) == ["mips"]
    assert list(taken(plan("mm/mm_init.c", arch=("mips-vce",)))) == ["mips-vce"]


def test_a_named_target_is_taken_whatever_the_series_touches():
    made = plan("arch/s390/mm/init.c", targets=("mips-vce",))

    assert taken(made) == {
        "mips-vce": "named by --target, although nothing that the series touches is built for"
        " mips: arch/s390/mm/init.c is code of s390"
    }
    assert left_out(made)["s390"] == "not asked for: --target mips-vce"


def test_a_named_target_that_the_series_concerns_says_so():
    made = plan("mm/mm_init.c", targets=("mips-vce",))

    assert taken(made) == {"mips-vce": "mm/mm_init.c is generic code: all architectures"}


def test_arch_and_target_together_are_both_heard():
    made = plan("mm/mm_init.c", arch=("s390",), targets=("mips-vce",))

    assert list(taken(made)) == ["mips-vce", "s390"]
    assert left_out(made)["arm64"] == "not asked for: --arch s390 --target mips-vce"


@pytest.mark.parametrize(
    ("wishes", "said"),
    [
        ({"arch": ("arm46",)}, '--arch: the matrix has no "arm46". Did you mean arm64? It has arm64, arm64-clang, mips, mips-vce, riscv, riscv64, s390, sparc, sparc64, x86, x86_64, x86_64-clang.'),
        ({"arch": ("s390", "powerpc")}, '--arch: the matrix has no "powerpc". It has'),
        ({"arch": ("",)}, '--arch: the matrix has no "". It has'),
        ({"targets": ("x86",)}, '--target: the matrix has no "x86". Did you mean x86_64?'),
        ({"checks": ("boots",)}, '--check: the matrix has no "boots". Did you mean boot? It has boot, build, patches, perf, size, symbols.'),
    ],
)  # fmt: skip
def test_names_that_do_not_exist(wishes, said):
    with pytest.raises(InputError) as raised:
        plan("mm/mm_init.c", **wishes)
    assert str(raised.value).startswith(said)


def test_all_checks_are_made_if_none_is_asked_for():
    made = plan("arch/s390/mm/init.c", patches=2)

    every = ["build", "symbols", "boot", "size", "patches", "perf"]
    assert [check.name for check in made.checks] == every
    assert made.skipped == ()
    assert [job.id for job in made.jobs] == [
        f"s390/{check}/{step}"
        for check in every
        for step in Step
        if step is not Step.TRACE or check != "patches"
    ]


@pytest.mark.parametrize("checks", [(), ("patches",)])
def test_a_series_of_one_patch_has_nothing_in_the_middle(checks):
    made = plan("arch/s390/mm/init.c", checks=checks)

    assert "patches" not in [check.name for check in made.checks]
    assert ("patches", "the series has one patch") in made.skipped


def test_what_a_check_needs_is_made_too_and_the_rest_is_said_to_be_skipped():
    made = plan("arch/s390/mm/init.c", checks=("symbols",))

    assert [check.name for check in made.checks] == ["build", "symbols"]
    assert made.targets[0].checks == ("build", "symbols")
    why = "not asked for: --check symbols"
    assert made.skipped == (("boot", why), ("size", why), ("patches", why), ("perf", why))


KINDS = ("mm/a.c", "arch/s390/a.c", "arch/powerpc/a.c", "Documentation/a.rst", "drivers/acpi/a.c")


@given(
    st.lists(st.sampled_from(KINDS), unique=True),
    st.lists(st.sampled_from(["s390", "x86", "mips-vce", "mips"]), max_size=2),
    st.lists(st.sampled_from(["mips-vce", "riscv64"]), max_size=2),
)
def test_every_target_is_either_taken_or_left_out_with_a_reason(paths, arch, targets):
    made = plan(*paths, arch=tuple(arch), targets=tuple(targets))

    mentioned = [*taken(made), *(left.target for left in made.left_out if left.target)]
    assert sorted(mentioned) == sorted(target.name for target in MATRIX.targets)
    assert all([*taken(made).values(), *left_out(made).values()])
    assert set(targets) <= set(taken(made))

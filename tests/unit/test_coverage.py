# SPDX-License-Identifier: GPL-2.0-or-later
"""Which changed lines a configuration compiles, and how that is told."""

from __future__ import annotations

import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.model import Step
from tests.unit.changes import diff, hunks
from workers.parsers import coverage
from workers.parsers.coverage_before import before
from workers.parsers.coverage_condition import holds
from workers.parsers.coverage_text import (
    MARK,
    code_lines,
    conditions,
    groups,
    innermost,
    instrumented,
    negation,
)

quick = settings(max_examples=50, deadline=None)

# --- the text -------------------------------------------------------------------------------

SOURCE = """\
/* a comment
 * #if not a directive
 */
int a; /* code */

#ifndef CONFIG_NUMA
int b;
#else  /* CONFIG_NUMA */
int c; // code
// none
#endif /* !CONFIG_NUMA */
char *s = "/* code";
#if defined(X) && \\
    Y > 2
int d;
#elif IS_ENABLED(CONFIG_Z)
# ifdef INNER
int e;
# endif
#else
int f;
#endif
"""


def around(text, line):
    found = groups(text)
    return conditions(found, innermost(found, line))


def test_code_is_what_is_left_without_comments_blanks_and_conditional_directives():
    assert sorted(code_lines(SOURCE)) == [4, 7, 9, 12, 15, 18, 21]


def test_defines_and_includes_are_code():
    assert sorted(code_lines("#include <a.h>\n#define X \\\n\t1\n#undef X\n")) == [1, 2, 3, 4]


@pytest.mark.parametrize(
    ("line", "expected"),
    [
        (4, ()),
        (7, ("!defined(CONFIG_NUMA)",)),
        (9, ("defined(CONFIG_NUMA)",)),
        (12, ()),
        (15, ("defined(X) && Y > 2",)),
        (18, ("(!(defined(X) && Y > 2)) && IS_ENABLED(CONFIG_Z)", "defined(INNER)")),
        (21, ("(!(defined(X) && Y > 2)) && !IS_ENABLED(CONFIG_Z)",)),
    ],
)  # fmt: skip
def test_the_conditions_around_a_line(line, expected):
    assert around(SOURCE, line) == expected


def test_negations_do_not_pile_up():
    assert negation("defined(X)") == "!defined(X)"
    assert negation("!defined(X)") == "defined(X)"
    assert negation("A && B") == "!(A && B)"
    assert negation("!(A && B)") == "A && B"
    assert negation("!A && !B") == "!(!A && !B)"


def test_what_is_not_balanced_is_read_all_the_same():
    assert groups("#endif\n#else\n#if A\nx\n")[0].condition == "A"


def test_the_preprocessor_tells_which_groups_it_kept():
    """The real one: cpp, on an instrumented copy."""
    macros = subprocess.run(
        ["gcc", "-E", "-dM", "-x", "c", "-DX", "-DY=3", "-DCONFIG_NUMA=1", "-"],
        input=instrumented(SOURCE).replace("IS_ENABLED(CONFIG_Z)", "0"),
        capture_output=True,
        text=True,
        check=True,
    ).stdout
    kept = {word.removeprefix(MARK) for word in macros.split() if word.startswith(MARK)}
    found = groups(SOURCE)
    assert kept == {"file", *(str(innermost(found, line)) for line in (9, 15))}


@quick
@given(st.lists(st.sampled_from(["#if A", "#ifdef B", "#elif C", "#else", "#endif", "x", "/*", "*/", "\\", '"']), max_size=30))  # fmt: skip
def test_groups_nest_whatever_the_text(lines):
    text = "\n".join(lines)
    found = groups(text)
    for index, group in enumerate(found):
        if group.parent is not None:
            parent = found[group.parent]
            assert parent.start <= group.start
            assert group.end <= parent.end
            assert group.parent < index
    assert instrumented(text).count(MARK) == len(found) + 1


# --- conditions -----------------------------------------------------------------------------

OPTIONS = {
    "CONFIG_A": "y",
    "CONFIG_M": "m",
    "CONFIG_N": "4",
    "CONFIG_S": '"text"',
    "CONFIG_H": "0x10",
}

CONDITIONS = [
    ("defined(CONFIG_A)", True),
    ("defined CONFIG_A", True),
    ("!defined(CONFIG_A)", False),
    ("defined(CONFIG_B)", False),
    ("defined(CONFIG_M)", False),
    ("defined(CONFIG_M_MODULE)", True),
    ("IS_ENABLED(CONFIG_M)", True),
    ("IS_BUILTIN(CONFIG_M)", False),
    ("IS_MODULE(CONFIG_M)", True),
    ("IS_REACHABLE(CONFIG_A)", True),
    ("IS_REACHABLE(CONFIG_M)", None),
    ("IS_ENABLED(CONFIG_B)", False),
    ("CONFIG_A", True),
    ("CONFIG_B", False),
    ("CONFIG_N >= 4", True),
    ("CONFIG_N < 0x4", False),
    ("CONFIG_H == 16", True),
    ("CONFIG_S", None),
    ("0", False),
    ("1", True),
    ("0x1UL", True),
    ("defined(__HAVE_COLOR_ZERO_PAGE)", None),
    ("__mips", None),
    ("defined(CONFIG_B) && __mips", False),
    ("__mips && defined(CONFIG_B)", False),
    ("defined(CONFIG_A) && __mips", None),
    ("defined(CONFIG_A) || __mips", True),
    ("__mips || defined(CONFIG_B)", None),
    ("!(defined(CONFIG_A) && !defined(CONFIG_B))", False),
    ("(!(defined(CONFIG_A))) && CONFIG_N", False),
    ("GCC_VERSION > 120000", None),
    ("__has_attribute(__x__)", None),
    ("CONFIG_N + 1 == 5", None),
    ("", None),
    ("((", None),
    ("defined(", None),
]


@pytest.mark.parametrize(("condition", "expected"), CONDITIONS)
def test_whether_a_condition_holds(condition, expected):
    assert holds(condition, OPTIONS) is expected


_atoms = st.sampled_from(
    ["defined(CONFIG_A)", "defined(CONFIG_B)", "IS_ENABLED(CONFIG_B)", "CONFIG_N == 4", "0", "1"]
)
_conditions = st.recursive(
    _atoms,
    lambda inner: st.one_of(
        inner.map(lambda c: f"!({c})"),
        st.tuples(inner, st.sampled_from(["&&", "||"]), inner).map(
            lambda t: f"({t[0]}) {t[1]} ({t[2]})"
        ),
    ),
    max_leaves=8,
)


@quick
@given(_conditions)
def test_it_is_what_c_makes_of_it(condition):
    python = condition
    for c, p in (
        ("defined(CONFIG_A)", "True"), ("defined(CONFIG_B)", "False"),
        ("IS_ENABLED(CONFIG_B)", "False"), ("CONFIG_N == 4", "True"),
        ("&&", " and "), ("||", " or "), ("!", " not "),
    ):  # fmt: skip
        python = python.replace(c, p)
    assert holds(condition, OPTIONS) is bool(eval(python))
    assert holds(negation(condition), OPTIONS) is not bool(eval(python))


@quick
@given(st.text(max_size=30))
def test_any_words_can_be_asked(condition):
    assert holds(condition, OPTIONS) in {True, False, None}


# --- the old file ---------------------------------------------------------------------------

_texts = st.lists(st.sampled_from("abcd"), max_size=12).map(
    lambda lines: "".join(f"{x}\n" for x in lines)
)


@quick
@given(_texts, _texts)
def test_the_old_file_follows_from_the_new_one_and_the_hunks(old, new):
    assert list(before(new.splitlines(), hunks(old, new))) == old.splitlines()


# --- changed lines --------------------------------------------------------------------------

IP27_BEFORE = """\
#ifndef CONFIG_NUMA
void __init arch_mm_preinit(void)
{
	setup_zero_pages();	/* Setup zeroed pages.  */
	highmem_init();
}
#else  /* CONFIG_NUMA */
void __init arch_mm_preinit(void)
{
	setup_zero_pages();	/* This comes from node 0 */
}
#endif /* !CONFIG_NUMA */
"""
IP27_AFTER = """\
#ifndef CONFIG_NUMA
void __init arch_mm_preinit(void)
{
	highmem_init();
}
#endif /* !CONFIG_NUMA */
"""
INIT = "arch/mips/mm/init.c"


def spans(stretches):
    return [(s.lines.start, s.lines.end, s.left_out) for s in stretches]


def test_removed_lines_come_with_the_conditions_that_stood_around_them():
    (changed,) = diff({INIT: IP27_BEFORE}, {INIT: IP27_AFTER})
    stretches = coverage.removed_stretches(coverage.removed(changed, IP27_AFTER))
    assert [(s.lines.side, s.lines.start, s.lines.end, s.conditions) for s in stretches] == [
        (Step.BASE, 4, 4, ("!defined(CONFIG_NUMA)",)),
        (Step.BASE, 8, 11, ("defined(CONFIG_NUMA)",)),
    ]
    assert coverage.left_out(stretches[0].conditions, {}) == ""
    assert (
        coverage.left_out(stretches[1].conditions, {})
        == "compiled only where `defined(CONFIG_NUMA)`"
    )
    assert coverage.left_out(stretches[1].conditions, {"CONFIG_NUMA": "y"}) == ""


def test_a_removed_line_counts_as_compiled_where_its_condition_cannot_be_told():
    assert coverage.left_out(("defined(__HAVE_COLOR_ZERO_PAGE)",), {}) == ""


def added(text, old="", path="mm/a.c", **fate):
    (changed,) = diff({path: old}, {path: text})
    fate = {"compiled": True, "active": frozenset(), "options": {}} | fate
    return spans(coverage.added_stretches(coverage.added(changed, text), **fate))


def test_added_lines_of_a_file_that_is_not_compiled_are_left_out_without_its_comments():
    text = "/* why */\n\nint a;\n\n/* and */\nint b;\n// end\n"
    assert added(text, compiled=False) == [(3, 6, coverage.NOT_COMPILED)]


def test_unchanged_lines_end_a_stretch():
    assert added("int a;\nint old;\nint b;\n", "int old;\n") == [(1, 1, ""), (3, 3, "")]


def test_added_lines_are_compiled_in_the_groups_that_the_preprocessor_kept():
    text = "int a;\n#ifdef X\nint b;\n#else\nint c;\n#endif\n"
    assert added(text, active=frozenset({1})) == [
        (1, 1, ""),
        (3, 3, "compiled only where `defined(X)`"),
        (5, 5, ""),
    ]


def test_the_outermost_condition_that_does_not_hold_is_the_reason():
    text = "#ifdef X\n#ifdef Y\nint b;\n#endif\n#endif\n"
    assert added(text) == [(3, 3, "compiled only where `defined(X)`")]


def test_the_configuration_tells_where_the_preprocessor_could_not_be_asked():
    text = "#ifdef CONFIG_X\nint b;\n#endif\n#ifdef Y\nint c;\n#endif\n"
    assert added(text, active=None) == [
        (2, 2, "compiled only where `defined(CONFIG_X)`"),
        (5, 5, ""),
    ]


@pytest.mark.parametrize(
    ("path", "code"),
    [
        ("mm/mm_init.c", True),
        ("include/linux/pgtable.h", True),
        ("arch/s390/kernel/entry.S", True),
        ("scripts/link-vmlinux.sh", True),
        ("arch/arm64/configs/defconfig", True),
        ("Documentation/mm/zero.rst", False),
        ("Documentation/x.c", False),
        ("mm/notes.txt", False),
        ("MAINTAINERS", False),
        (".gitignore", False),
        ("mm/Kconfig", False),
        ("mm/Kconfig.debug", False),
        ("mm/Makefile", False),
        ("Kbuild", False),
    ],
)
def test_what_only_a_compiler_can_look_at(path, code):
    assert coverage.is_compiled_code(path) is code


def test_a_deleted_file_is_all_removed_lines():
    (changed,) = diff({"mm/a.c": "int a;\nint b;\n"}, {})
    (stretch,) = coverage.removed_stretches(coverage.removed(changed, ""))
    assert (stretch.lines.file, stretch.lines.start, stretch.lines.end) == ("mm/a.c", 1, 2)

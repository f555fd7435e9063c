# SPDX-License-Identifier: GPL-2.0-or-later
"""What the symbols check concludes, from sources before and after to findings.

The kernels are written by hand; diff, search and judgement are the real ones.
"""

from __future__ import annotations

import re
from dataclasses import replace

import pytest

from pipeline import codec
from pipeline.mentions import classify
from pipeline.model import Base, Case, Outcome, Rule, When
from pipeline.symbol_changes import derive, names_to_search
from tests.unit import builders
from tests.unit.changes import series
from workers.checks.symbols import Seen, judge
from workers.symbols.seen import DefinedGroup, ExportedGroup

FAIL, WARN = Outcome.FAIL, Outcome.WARN


def case(*trees: dict[str, str], rules: tuple[Rule, ...] = ()) -> Case:
    change = series(*trees)
    change = replace(change, symbols=derive(change))
    names = names_to_search(change.symbols, rules)
    new = trees[-1]
    hits = [
        (path, n, line)
        for path, text in new.items()
        for n, line in enumerate(text.splitlines(), 1)
        if any(re.search(rf"\b{name}\b", line) for name in names)
    ]
    change = replace(change, mentions=classify(names, hits, new.__getitem__))
    return Case("run", builders.series(), Base("linux", "0" * 40, ""), change, rules)


def kernel(
    defined: str = "",
    exported: str = "",
    *,
    gpl: str = "",
    ro: str = "",
    local: str = "",
    undefined: str = "",
    options: str = "CONFIG_MODULES",
    compiled: str = "mm/init.c arch/sparc/mm/init.c arch/mips/mm/init.c",
    conditional: tuple[tuple[str, int], ...] = (),
) -> Seen:
    """A kernel; every argument is a list of words. What is exported is defined too."""
    return Seen(
        exports=(
            ExportedGroup("vmlinux", False, "", tuple(exported.split())),
            ExportedGroup("vmlinux", True, "", tuple(gpl.split())),
        ),
        defined=(
            DefinedGroup(".data", False, "global", tuple(f"{defined} {exported} {gpl}".split())),
            DefinedGroup(".rodata", True, "global", tuple(f"jiffies {ro}".split())),
            DefinedGroup(".text", False, "local", tuple(local.split())),
        ),
        undefined=tuple(undefined.split()),
        options=tuple(options.split()),
        compiled=tuple(compiled.split()),
        conditional=conditional,
    )


def findings(case_: Case, base: Seen, patched: Seen, target: str = "arm64") -> list[tuple]:
    told = judge(case_, builders.target(target), base, patched).findings
    return [(f.severity, f.kind, f.summary, f.file, f.line, f.patch) for f in told]


def test_what_is_seen_survives_the_trip_through_the_database():
    seen = kernel("a b", "c", conditional=(("mm/init.c", 3),))
    assert codec.loads(Seen, codec.dumps(seen)) == seen


# --- exports that the series adds -----------------------------------------------------------

ADDS = (
    {"mm/init.c": "int foo_page;\n"},
    {"mm/init.c": "int foo_page;\nEXPORT_SYMBOL(foo_page);\n"},
)


def test_an_added_export_is_there():
    assert findings(case(*ADDS), kernel("foo_page"), kernel("", "foo_page")) == []


def test_an_added_export_that_does_not_take_effect():
    assert findings(case(*ADDS), kernel("foo_page"), kernel("foo_page")) == [
        (FAIL, "export-missing", "foo_page must be exported to all modules, but it is defined, .data",
         "mm/init.c", 2, 1)
    ]  # fmt: skip


def test_an_added_export_on_other_terms():
    ((severity, kind, summary, *_),) = findings(
        case(*ADDS), kernel("foo_page"), kernel(gpl="foo_page")
    )
    assert (severity, kind) == (FAIL, "export-missing")
    assert summary.endswith("but it is exported GPL-only, .data")


@pytest.mark.parametrize(
    "patched",
    [
        pytest.param(kernel("foo_page", compiled="mm/other.c"), id="the file is not compiled"),
        pytest.param(kernel("foo_page", conditional=(("mm/init.c", 2),)), id="inside an #if"),
        pytest.param(kernel(""), id="nothing of that name is defined: left out by an #if"),
        pytest.param(kernel(local="foo_page"), id="only another file's static is"),
        pytest.param(kernel("foo_page", options=""), id="without modules nothing is exported"),
        pytest.param(
            kernel("foo_page", options="CONFIG_MODULES CONFIG_TRIM_UNUSED_KSYMS"), id="trimmed"
        ),
    ],
)
def test_where_an_added_export_proves_nothing(patched):
    assert findings(case(*ADDS), replace(patched, exports=()), patched) == []


# --- rules ----------------------------------------------------------------------------------

ZERO_PAGE = Rule(
    "one zero page is exported", "__zero_page", ("exported",), section="ro_after_init",
    when=When(not_defined=("zero_page_mask",)), origin="rules/z.yaml:3",
)  # fmt: skip
FORGOTTEN = case(
    {"mm/init.c": "int a;\n"},
    {"mm/init.c": "int a;\n\nstruct page *__zero_page __ro_after_init;\n"},
    rules=(ZERO_PAGE,),
)


def test_the_export_that_was_forgotten_fails_where_there_is_one_zero_page():
    assert findings(FORGOTTEN, kernel(), kernel(ro="__zero_page")) == [
        (FAIL, "rule", "__zero_page must be exported, but it is defined, ro_after_init",
         "mm/init.c", 3, 1)
    ]  # fmt: skip


def test_and_not_where_zero_pages_are_coloured():
    judged = judge(FORGOTTEN, builders.target("mips"), kernel(), kernel("zero_page_mask"))
    assert judged.findings == ()
    assert dict(judged.facts)["rules"] == {
        "checked": 0,
        "not_applied": [{"rule": ZERO_PAGE.name, "reason": "zero_page_mask is defined"}],
    }


def test_nor_where_nothing_can_be_exported():
    patched = kernel(ro="__zero_page", options="")
    ((_, reason),) = [
        (r["rule"], r["reason"])
        for r in dict(judge(FORGOTTEN, builders.target(), kernel(), patched).facts)["rules"][
            "not_applied"
        ]
    ]
    assert reason == "the configuration has no CONFIG_MODULES, so nothing is exported"


@pytest.mark.parametrize(
    ("rule", "patched", "expected"),
    [
        ({"expect": ("present",)}, kernel(), "must be defined, but it is absent"),
        ({"expect": ("present",)}, kernel(local="s"), None),
        ({"expect": ("absent",)}, kernel(local="s"), "must be absent, but it is local, .text"),
        ({"expect": ("absent",)}, kernel(undefined="s"), "must be absent, but it is referenced, not defined"),
        ({"expect": ("absent",)}, kernel(), None),
        ({"expect": ("exported",)}, kernel(gpl="s"), None),
        ({"expect": ("not-exported",)}, kernel("", "s"), "must be not exported, but it is exported, .data"),
        ({"expect": ("gpl-only",)}, kernel("", "s"), "must be exported GPL-only, but it is exported, .data"),
        ({"expect": ("gpl-only",)}, kernel(gpl="s"), None),
        ({"expect": ("not-gpl-only",)}, kernel(gpl="s"), "must be open to all modules, but it is exported GPL-only, .data"),
        ({"expect": ("not-gpl-only",)}, kernel(), None),
        ({"section": ".d*"}, kernel("s"), None),
        ({"section": ".bss"}, kernel("s"), "must be in .bss, but it is defined, .data"),
        ({"section": ".bss"}, kernel(), None),
        ({"section": "ro_after_init"}, kernel("s"), "must be in ro_after_init, but it is defined, .data"),
        ({"section": "ro_after_init"}, kernel(ro="s"), None),
        ({"expect": ("exported",), "section": ".bss"}, kernel("s"), "must be exported and in .bss, but it is defined, .data"),
    ],
)  # fmt: skip
def test_each_expectation(rule, patched, expected):
    rules = (Rule("r", "s", **({"expect": ()} | rule)),)
    told = [summary for _, _, summary, *_ in findings(case({}, {}, rules=rules), patched, patched)]
    # The series has nothing to do with it, so what the base kernel breaks too is inherited.
    assert told == []
    changed = case({"mm/init.c": "int s;\n"}, {"mm/init.c": "long s;\n"}, rules=rules)
    told = [summary for _, _, summary, *_ in findings(changed, patched, patched)]
    assert told == ([f"s {expected}"] if expected else [])


@pytest.mark.parametrize(
    ("when", "reason"),
    [
        (When(arch=("mips", "s390")), "it is for mips, s390"),
        (When(arch=("arm64",)), ""),
        (When(defined=("a", "b")), "b is not defined"),
        (When(not_defined=("a",)), "a is defined"),
        (When(config=("CONFIG_NUMA",)), "CONFIG_NUMA is not set"),
        (When(not_config=("CONFIG_MODULES",)), "CONFIG_MODULES is set"),
        (When(defined=("b",), config=("CONFIG_NUMA",)), "b is not defined, CONFIG_NUMA is not set"),
    ],
)
def test_why_a_rule_does_not_apply(when, reason):
    rules = (Rule("r", "s", ("absent",), when=when),)
    judged = judge(case({}, {}, rules=rules), builders.target(), kernel("a"), kernel("a"))
    told = dict(judged.facts)["rules"]["not_applied"]
    assert [entry["reason"] for entry in told] == ([reason] if reason else [])


def test_a_rule_that_was_only_asked_for_is_inherited():
    rules = (Rule("r", "s", ("absent",), unmentioned=True, origin="mine.yaml:1"),)
    tree = {"mm/init.c": "int s;\n"}
    judged = judge(case(tree, tree, rules=rules), builders.target(), kernel("s"), kernel("s"))
    assert judged.findings == ()
    assert len(judged.inherited) == 2


OTHERS = (
    Rule("exported", "zp", ("exported",), origin="rules/z.yaml:1"),
    Rule("gone", "old_zp", ("absent",), unmentioned=True, origin="rules/z.yaml:5"),
)
OLD_ZP = {"mm/old.c": "int old_zp;\n"}


def test_what_base_breaks_too_does_not_accuse_a_series_about_another_symbol_of_the_file():
    rules = (*OTHERS, Rule("there", "other_zp", ("present",), origin="rules/z.yaml:9"))
    old, new = ({**OLD_ZP, "mm/init.c": f"{kind} other_zp;\n"} for kind in ("int", "long"))
    both = kernel("zp old_zp other_zp")
    judged = judge(case(old, new, rules=rules), builders.target(), both, both)
    assert judged.findings == ()
    assert len(judged.inherited) == 3


def test_but_does_accuse_one_that_brings_the_rules_subject_about():
    new = {**OLD_ZP, "mm/init.c": "int zp;\nEXPORT_SYMBOL(zp);\n"}
    told = findings(case(OLD_ZP, new, rules=OTHERS), kernel("old_zp"), kernel("old_zp", "zp"))
    assert [f[:2] for f in told] == [(FAIL, "rule"), (FAIL, "rule")]
    assert all("old_zp" in f[2] for f in told)


def test_and_one_that_writes_the_name_itself():
    new = {**OLD_ZP, "mm/init.c": "/* as old_zp was */\n"}
    told = findings(case(OLD_ZP, new, rules=OTHERS[1:]), kernel(), kernel())
    assert [f[:2] for f in told] == [(FAIL, "rule")]


def test_a_rule_may_only_warn():
    rules = (Rule("r", "s", ("present",), severity=WARN),)
    assert [f[0] for f in findings(case({}, {}, rules=rules), kernel("s"), kernel())] == [WARN]


# --- what the series takes away -------------------------------------------------------------

SPARC = {
    "arch/sparc/mm/init.c": "struct page *mem_map_zero;\nEXPORT_SYMBOL(mem_map_zero);\nint x;\n",
    "arch/sparc/include/asm/page.h": "extern struct page *mem_map_zero;\n#define ZERO_PAGE(a) (mem_map_zero)\n",
    "mm/init.c": "int a;\n",
}
GONE = {**SPARC, "arch/sparc/mm/init.c": "int x;\n", "arch/sparc/include/asm/page.h": "\n"}
GONE_RULE = (Rule("gone", "mem_map_zero", ("absent",), unmentioned=True),)


@pytest.mark.parametrize("target", ["sparc64", "arm64"])
def test_a_symbol_that_is_gone_altogether(target):
    base = kernel("", "mem_map_zero" if target == "sparc64" else "")
    assert findings(case(SPARC, GONE, rules=GONE_RULE), base, kernel(), target) == []


def test_a_definition_left_behind_fails_on_its_own_architecture_only():
    left = {**SPARC, "arch/sparc/include/asm/page.h": "\n"}
    left_case = case(SPARC, left, rules=GONE_RULE)
    kept = kernel("", "mem_map_zero")
    assert findings(left_case, kept, kept, "sparc64") == [
        (FAIL, "stale-symbol", "mem_map_zero is still exported, but nothing declares it any more",
         "arch/sparc/mm/init.c", 1, 1),
        (FAIL, "rule", "mem_map_zero must be absent, but it is exported, .data",
         "arch/sparc/mm/init.c", 1, 1),
        (FAIL, "rule", "mem_map_zero must not be mentioned in the sources, but it is, in 2 places",
         "arch/sparc/mm/init.c", 1, 1),
    ]  # fmt: skip
    assert findings(left_case, kernel(), kernel(), "arm64") == []


def stale(
    old: dict[str, str], new: dict[str, str], base: Seen, patched: Seen, target="arm64"
) -> list:
    told = findings(case(old, new), base, patched, target)
    assert all(kind == "stale-symbol" for _, kind, *_ in told)
    return [(severity, summary, file, line) for severity, _, summary, file, line, _ in told]


HEADER, USER = "include/linux/foo.h", "drivers/foo/user.c"
FOO = {
    HEADER: "void foo_setup(void);\n",
    "mm/init.c": "void foo_setup(void)\n{\n}\n",
    USER: "\tfoo_setup();\n",
}


def test_an_override_that_was_forgotten_when_its_default_was_renamed():
    arch = "arch/mips/mm/init.c"
    old = {**FOO, arch: "void foo_setup(void)\n{\n}\n", USER: ""}
    new = {**old, HEADER: "", "mm/init.c": "", "mm/init.h": "int other;\n"}
    both = kernel("foo_setup")
    assert stale(old, new, both, both, "mips") == [
        (FAIL, "foo_setup is still defined, but nothing declares it any more", arch, 1)
    ]
    assert stale(old, new, both, kernel(), "arm64") == []


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("\tfoo_setup();\n", "somebody still calls it"),
        ("extern void foo_setup(void);\n", "somebody still declares it"),
    ],
)
def test_a_declaration_that_went_where_another_file_knows_the_symbol(text, why):
    old = {**FOO, USER: text}
    assert stale(old, {**old, HEADER: ""}, kernel("foo_setup"), kernel("foo_setup")) == [], why


def test_a_definition_that_this_target_does_not_compile_is_not_its_orphan():
    old = {**FOO, USER: ""}
    elsewhere = kernel("foo_setup", compiled="mm/other.c")
    assert stale(old, {**old, HEADER: ""}, elsewhere, elsewhere) == []


def test_a_declaration_alone_that_went_only_warns():
    old = {**FOO, USER: ""}
    assert stale(old, {**old, HEADER: ""}, kernel("foo_setup"), kernel("foo_setup")) == [
        (WARN, "foo_setup is still defined, but nothing declares it any more", "mm/init.c", 1)
    ]


REMOVED = {**FOO, HEADER: "", "mm/init.c": ""}


def test_code_that_no_build_compiled_still_uses_it():
    assert stale(FOO, REMOVED, kernel("foo_setup"), kernel()) == [
        (FAIL, "foo_setup is gone, but code still uses it", USER, 1)
    ]


def test_code_in_a_part_that_the_preprocessor_left_out_still_uses_it():
    patched = kernel(compiled=USER, conditional=((USER, 1),))
    assert [f[0] for f in stale(FOO, REMOVED, kernel("foo_setup"), patched)] == [FAIL]


def test_another_architecture_that_perhaps_nobody_builds_still_uses_it():
    old = {**FOO, USER: "", "arch/alpha/mm.c": "\tfoo_setup();\n"}
    new = {**REMOVED, USER: "", "arch/alpha/mm.c": "\tfoo_setup();\n"}
    assert stale(old, new, kernel("foo_setup"), kernel()) == [
        (WARN, "foo_setup is gone, but arch/alpha still uses it", "arch/alpha/mm.c", 1)
    ]


def test_code_that_was_compiled_proves_that_the_name_still_means_something():
    assert stale(FOO, REMOVED, kernel("foo_setup"), kernel(compiled=USER)) == []


def stale_beside(file: str, text: str, patched: Seen, target: str = "arm64") -> list:
    """What is found when foo_setup() goes, but the series does not touch FILE, which is TEXT."""
    rest = {path: "" if path == USER else body for path, body in REMOVED.items()}
    old, new = {**FOO, USER: ""}, rest
    return stale({**old, file: text}, {**new, file: text}, kernel("foo_setup"), patched, target)


@pytest.mark.parametrize(
    ("file", "text"),
    [
        ("arch/x86/foo.c", "void foo_setup(void)\n"),  # another architecture's own
        ("arch/x86/foo.S", "SYM_FUNC_START(foo_setup)\n"),
        ("kernel/vmlinux.lds.S", "\tfoo_setup = .;\n"),
        ("include/linux/bar.h", "#define foo_setup() do { } while (0)\n"),
        ("include/linux/bar.h", "static inline void foo_setup(void)\n"),
        ("include/linux/bar.h", "\tvoid (*hook)(int foo_setup);\n"),
        ("include/linux/bar.h", "\tint foo_setup;\n"),  # a member
        ("include/linux/bar.h", "\tint (*foo_setup)(struct bar *bar);\n"),
        ("arch/arm64/bar.S", "#define foo_setup x0\n"),
        ("arch/arm64/kernel/asm-offsets.c", "\tDEFINE(foo_setup, 4);\n"),
        ("include/linux/bar.h", "DECLARE_PER_CPU(int, foo_setup);\n"),
    ],
)
def test_what_else_has_the_name_acquits_it(file, text):
    assert stale_beside("drivers/bar.c", "\tfoo_setup();\n", kernel()) != []
    old = {**FOO, USER: "\tfoo_setup();\n", file: text}
    new = {**REMOVED, USER: "\tfoo_setup();\n", file: text}
    assert stale(old, new, kernel("foo_setup"), kernel()) == []


@pytest.mark.parametrize(
    "text",
    [
        "\tint foo_setup = 1;\n\tuse(foo_setup);\n",  # a local variable
        "static void foo_setup(void)\n{\n}\n\tfoo_setup();\n",  # a static of its own
        "\tx->foo_setup(x);\n",
        "\t.foo_setup = NULL,\n",
        '\tpr_info("foo_setup");\n',
        "#ifdef foo_setup\n#endif\n",
    ],
)
def test_a_file_with_a_foo_of_its_own_is_let_alone(text):
    assert stale_beside(USER, text, kernel()) == []


def test_a_file_that_another_one_includes_knows_its_static():
    own = {"drivers/bar/bar.c": "static void foo_setup(void)\n{\n}\n"}
    for user, expected in (("drivers/bar/tests/t.c", []), ("drivers/foo/t.c", [FAIL])):
        beside = {**own, user: "\tfoo_setup();\n"}
        old, new = {**FOO, USER: "", **beside}, {**REMOVED, USER: "", **beside}
        assert [f[0] for f in stale(old, new, kernel("foo_setup"), kernel())] == expected


def test_code_of_another_architecture_has_its_own_foo():
    arch = "arch/sparc/mm/init.c"
    old = {arch: "void foo_setup(void)\n{\n}\n", "arch/x86/foo.c": "\tfoo_setup();\n"}
    new = {**old, arch: ""}
    assert stale(old, new, kernel(), kernel(), "x86_64") == []


@pytest.mark.parametrize("file", ["tools/bpf/user.c", "scripts/user.c", "usr/user.c"])
def test_user_space_has_a_foo_of_its_own(file):
    assert stale_beside(file, "\tfoo_setup();\n", kernel()) == []
    old = {file: "void foo_setup(void)\n{\n}\n", USER: "\tfoo_setup();\n"}
    assert stale(old, {**old, file: ""}, kernel(), kernel()) == []


@pytest.mark.parametrize(
    ("file", "text", "what"),
    [
        (USER, "/* see foo_setup() */\n", "a comment still names it"),
        ("Documentation/foo.rst", "``foo_setup`` does it\n", "documentation still names it"),
        (USER, "extern void foo_setup(void);\n", "is still declared"),
        (USER, "\tREG_SET(base, foo_setup);\n", "code still names it"),
    ],
)
def test_what_cannot_break_anything_warns(file, text, what):
    old = {**FOO, USER: "", file: text}
    new = {**REMOVED, USER: "", file: text}
    ((severity, summary, where, line),) = stale(old, new, kernel("foo_setup"), kernel())
    assert (severity, where, line) == (WARN, file, 1)
    assert summary.endswith(what)


@pytest.mark.parametrize(
    "text", ["/* @foo_setup: a parameter */", "/sys/kernel/foo_setup", "drivers/foo_setup.c"]
)
def test_prose_about_something_else(text):
    old = {**FOO, USER: "", "Documentation/foo.rst": text + "\n"}
    new = {**REMOVED, USER: "", "Documentation/foo.rst": text + "\n"}
    assert stale(old, new, kernel("foo_setup"), kernel()) == []


def test_a_comment_that_the_series_itself_writes():
    new = {**REMOVED, USER: "/* foo_setup() was here */\n"}
    assert stale(FOO, new, kernel("foo_setup"), kernel()) == []


def test_a_static_concerns_its_own_file_only():
    mips, loongarch = "arch/mips/mm/init.c", "arch/loongarch/mm/init.c"
    body = "static void setup_zero_pages(void)\n{\n}\n"
    call = "#ifdef CONFIG_NUMA\n\tsetup_zero_pages();\n#endif\n"
    old = {mips: body + call, loongarch: body + call}
    new = {**old, mips: call}
    patched = kernel(conditional=((mips, 2),))
    assert stale(old, new, kernel(), patched, "mips") == [
        (FAIL, "setup_zero_pages is gone, but code still uses it", mips, 2)
    ]
    assert stale(old, new, kernel(), patched, "arm64") == []
    assert stale(old, {**old, mips: ""}, kernel(), kernel(), "mips") == []


def test_another_file_may_call_a_foo_that_only_its_own_macros_know():
    old = {"mm/init.c": "static void foo_setup(void)\n{\n}\n", USER: "\tfoo_setup();\n"}
    assert stale(old, {**old, "mm/init.c": ""}, kernel(local="foo_setup"), kernel()) == []


def test_the_variant_for_another_configuration_may_go():
    file = "arch/mips/mm/init.c"
    other = "#ifdef CONFIG_NUMA\nvoid foo_setup(void)\n{\n}\n#endif\n"
    old = {**FOO, file: FOO["mm/init.c"] + other}
    new = {**FOO, file: FOO["mm/init.c"]}
    assert stale(old, new, kernel("foo_setup"), kernel("foo_setup"), "mips") == []


def test_a_weak_reference_that_nothing_satisfies_any_more():
    old = {**FOO, USER: ""}
    new = {**REMOVED, USER: ""}
    assert stale(old, new, kernel("foo_setup"), kernel(undefined="foo_setup")) == [
        (
            FAIL,
            "foo_setup is referred to, but nothing defines it any more",
            "include/linux/foo.h",
            1,
        )
    ]


def test_a_weak_reference_that_base_leaves_undefined_too():
    old = {"mm/init.c": "static void foo_setup(void)\n{\n}\n"}
    base = kernel(local="foo_setup", undefined="foo_setup")
    assert stale(old, {"mm/init.c": ""}, base, kernel(undefined="foo_setup")) == []


# --- drift ----------------------------------------------------------------------------------

NOTHING = case({"mm/init.c": "int a;\n"}, {"mm/init.c": "long a;\n"})


def test_an_export_that_vanished_without_a_word():
    assert findings(NOTHING, kernel("", "a b"), kernel("b", "a")) == [
        (FAIL, "export-lost", "b was exported, but now it is defined, .data", "", None, 1)
    ]


def test_an_export_lost_with_another_configuration_only_warns():
    patched = kernel("", "a", options="CONFIG_MODULES CONFIG_NEW")
    assert [f[:2] for f in findings(NOTHING, kernel("", "a b"), patched)] == [(WARN, "export-lost")]


@pytest.mark.parametrize(
    ("file", "old", "new"),
    [
        pytest.param("mm/Makefile", "obj-y += init.o b.o\n", "obj-y += init.o\n", id="not made"),
        pytest.param("mm/x.h", "DEFINE_GETTER(b_one, int);\n", "", id="a macro that made it"),
        pytest.param("mm/x.h", "#define M(x) \\\nEXPORT_SYMBOL(x); \\\nint y\n", "", id="the macro"),
        pytest.param("mm/x.h", "#define X\n", "#define b_one b_two\n", id="named"),
        pytest.param("mm/x.c", "x\n", "#ifdef CONFIG_NUMA\nx\n#endif\n", id="a condition around it"),
    ],
)  # fmt: skip
def test_a_lost_export_that_may_be_meant_only_warns(file, old, new):
    told = findings(case({file: old}, {file: new}), kernel("", "a b_one"), kernel("", "a"))
    assert [f[:2] for f in told] == [(WARN, "export-lost")]


def test_an_export_that_went_where_this_target_does_not_compile_it_warns():
    line = "EXPORT_SYMBOL(b);\n"
    moved = case({"mm/init.c": line}, {"arch/mips/b.c": line})
    told = findings(moved, kernel("", "a b"), kernel("b", "a"))
    assert [f[:2] for f in told] == [(WARN, "export-lost")]


def test_an_export_that_is_judged_as_added_is_not_lost_too():
    moved = case({"mm/x.c": "EXPORT_SYMBOL(b);\n"}, {"mm/init.c": "EXPORT_SYMBOL(b);\n"})
    told = findings(moved, kernel("", "a b"), kernel("b", "a"))
    assert [f[:2] for f in told] == [(FAIL, "export-missing")]


def test_a_kernel_that_trims_its_exports_does_not_drift():
    options = "CONFIG_MODULES CONFIG_TRIM_UNUSED_KSYMS"
    base, patched = (kernel("", names, options=options) for names in ("a b", "a"))
    assert findings(NOTHING, base, patched) == []


def test_an_export_that_got_stricter():
    assert findings(NOTHING, kernel("", "b"), kernel(gpl="b")) == [
        (WARN, "export-stricter", "b was exported, but now it is exported GPL-only", "", None, 1)
    ]


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("EXPORT_SYMBOL(lost_one);", "lost_one"),
        ("EXPORT_TRACEPOINT_SYMBOL(lost_one);", "__tracepoint_lost_one"),
        ("EXPORT_SYMBOL_IF_KUNIT(lost_one);", "lost_one"),
    ],
)
def test_an_export_that_the_series_removes_is_a_fact(line, name):
    removes = case({"mm/init.c": line + "\n"}, {"mm/init.c": ""})
    judged = judge(removes, builders.target(), kernel("", name + " a"), kernel("", "a"))
    assert judged.findings == ()
    assert dict(judged.facts)["exports"] == {
        "base": 2,
        "patched": 1,
        "added": [],
        "removed": [name],
    }


def test_a_stricter_export_that_the_series_asks_for():
    old, new = {"mm/init.c": "EXPORT_SYMBOL(b);\n"}, {"mm/init.c": "EXPORT_SYMBOL_GPL(b);\n"}
    assert findings(case(old, new), kernel("", "b"), kernel(gpl="b")) == []


def test_many_lost_exports_are_not_a_flood():
    names = " ".join(f"lost{n:02}" for n in range(50))
    told = findings(NOTHING, kernel("", f"a {names}"), kernel("", "a"))
    assert len(told) == 21
    assert told[-1][2] == "30 more exports are gone"


def test_kernels_without_modules_do_not_drift():
    assert findings(NOTHING, kernel("", "a b"), kernel("a b", options="")) == []


# --- facts ----------------------------------------------------------------------------------


def test_the_facts_name_what_the_series_touches_and_how_it_was_before():
    old = {"mm/init.c": "int a;\n"}
    new = {"mm/init.c": "/* Set up. */\nint a;\nint b;\nEXPORT_SYMBOL(b);\n\tc();\n"}
    rules = (Rule("r", "asked", ("absent",)),)
    base, patched = kernel("", "c up"), kernel("", "c up", gpl="b")
    judged = judge(
        case(old, new, rules=rules), builders.target(), base, replace(patched, compiled=())
    )
    told = dict(judged.facts)
    assert told["symbols"] == {
        "asked": "absent",
        "b": "exported GPL-only, .data",
        "c": "exported, .data",
    }
    assert told["symbols_before"] == {"b": "absent"}
    assert told["exports"] == {"base": 2, "patched": 3, "added": ["b"], "removed": []}

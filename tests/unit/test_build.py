# SPDX-License-Identifier: GPL-2.0-or-later
"""What the build check concludes from two sides, and how it asks make."""

from __future__ import annotations

from dataclasses import replace

import pytest

from pipeline.codec import dumps, loads
from pipeline.model import Case, InfraError, Lines, Outcome, Step
from tests.unit import builders
from tests.unit.changes import series
from workers import kernel_build
from workers.checks import build
from workers.parsers import kbuild_config
from workers.parsers.coverage import NOT_COMPILED, Stretch
from workers.parsers.diag_findings import FINDINGS
from workers.parsers.diagnostics import Diagnostic
from workers.parsers.kbuild_cmd import parse, preprocess
from workers.sandbox.contract import Ended

BASE = {"mm/a.c": "one\ntwo\n", "mm/Makefile": "obj-y := a.o\n"}
CHANGE = series(BASE, BASE | {"mm/a.c": "one\nnew\ntwo\n", "mm/Makefile": "obj-y := a.o b.o\n"})
CASE = Case("run", builders.series(), builders.base(), CHANGE)
TARGET = builders.target()

SEEN = build.Seen(
    succeeded=True,
    diagnostics=(),
    compiler="gcc 12",
    linker="GNU ld 2.40",
    objects=600,
    config_s=1.0,
    build_s=100.0,
    options=(("CONFIG_MMU", "y"),),
    not_honoured=(),
    compiled=("mm/a.c",),
)
WARNING = Diagnostic(
    "compiler", "warning", "unused variable 'x'", "mm/a.c", 2, flag="-Wunused-variable"
)
ERROR = Diagnostic(
    "compiler", "error", "'y' undeclared", "mm/a.c", 2, 5, detail="mm/a.c:2:5: error: 'y'"
)
RECIPE = Diagnostic("recipe", "error", "mm/a.o: exit status 1", "scripts/Makefile.build", 289)
MISMATCH = Diagnostic(
    "modpost",
    "warning",
    "vmlinux: section mismatch in reference: f+0x10 (section: .text) -> g (section: .init.text)",
)


def judged(base=(), patched=(), *, builds=True, base_builds=True, **more):
    return build.judge(
        CASE,
        TARGET,
        replace(SEEN, diagnostics=tuple(base), succeeded=base_builds),
        replace(SEEN, diagnostics=tuple(patched), succeeded=builds, **more),
    )


def kinds(judgement):
    return [(f.kind, f.severity) for f in judgement.findings]


def test_a_new_warning_warns_and_says_where_and_who():
    (found,) = judged([], [WARNING]).findings
    assert (found.kind, found.severity, found.patch) == ("new-warning", Outcome.WARN, 1)
    assert (found.file, found.line) == ("mm/a.c", 2)
    assert found.summary == "unused variable 'x' [-Wunused-variable]"


def test_a_warning_of_base_is_inherited_and_accuses_nobody():
    judgement = judged([WARNING], [replace(WARNING, line=3)])
    assert judgement.findings == ()
    assert [(f.line, f.patch) for f in judgement.inherited] == [(3, None)]


def test_a_warning_that_went_is_a_fact():
    assert ("fixed_warnings", ["mm/a.c: unused variable 'x'"]) in judged([WARNING], []).facts


def test_an_error_fails_and_the_recipe_s_own_failure_is_not_told_twice():
    judgement = judged([], [ERROR, RECIPE], builds=False)
    assert kinds(judgement) == [("build-error", Outcome.FAIL)]
    assert judgement.findings[0].symbol == "y"
    assert judgement.outcome is None


def test_an_error_that_make_went_on_from_is_a_warning():
    assert kinds(judged([], [ERROR])) == [("new-warning", Outcome.WARN)]


def test_a_recipe_that_failed_without_a_word_accuses_nobody():
    judgement = judged([], [RECIPE], builds=False)
    assert judgement.findings == ()
    assert judgement.outcome is Outcome.ERROR
    assert "mm/a.o: exit status 1" in judgement.reason


def test_a_recipe_that_failed_without_a_word_accuses_the_series_that_touches_it():
    own = replace(RECIPE, file="mm/Makefile", line=1)
    assert kinds(judged([], [own, RECIPE], builds=False)) == [("build-error", Outcome.FAIL)]
    assert judged([], [RECIPE, own], builds=False).outcome is Outcome.ERROR


def test_a_base_that_does_not_build_is_an_error_and_says_why():
    for builds, end in ((True, "; the patched kernel does"), (False, "")):
        judgement = judged([ERROR], [ERROR], builds=builds, base_builds=False)
        assert judgement.outcome is Outcome.ERROR
        assert judgement.findings == ()
        assert judgement.reason == f"base does not build: mm/a.c:2: 'y' undeclared{end}"


def test_modpost_has_kinds_of_its_own():
    undefined = Diagnostic("modpost", "error", '"g" [fs/x.ko] undefined!')
    warning = Diagnostic("modpost", "warning", "missing MODULE_DESCRIPTION() in fs/x.o")
    assert kinds(judged([], [MISMATCH, warning])) == [
        ("section-mismatch", Outcome.WARN),
        ("modpost-warning", Outcome.WARN),
    ]
    fatal = replace(MISMATCH, severity="error")
    assert kinds(judged([], [fatal, undefined, warning], builds=False)) == [
        ("section-mismatch", Outcome.FAIL),
        ("modpost-error", Outcome.FAIL),
        ("modpost-warning", Outcome.WARN),
    ]


def test_thousands_of_errors_are_bounded_and_those_in_touched_files_come_first():
    far = [replace(ERROR, file=f"fs/{n}.c") for n in range(100)]
    judgement = judged([], [*far, ERROR], builds=False)
    assert len(judgement.findings) == FINDINGS
    assert judgement.findings[0].file == "mm/a.c"
    assert ("findings_left_out", 101 - FINDINGS) in judgement.facts


def test_a_configuration_that_differs_is_a_fact():
    facts = dict(judged(options=(("CONFIG_MMU", "y"), ("CONFIG_NEW", "y"))).facts)
    assert facts["config_differs"] == ["CONFIG_NEW: y, was n"]


def test_removed_lines_are_judged_by_base_and_added_ones_by_the_patched_build():
    def at(side, file="mm/a.c"):
        return Lines(file, side, 1, 2)

    judgement = judged(
        stretches=(
            Stretch(at(Step.BASE), conditions=("defined(CONFIG_NUMA)",)),
            Stretch(at(Step.BASE), conditions=("defined(CONFIG_MMU)",)),
            Stretch(at(Step.BASE, "mm/b.c")),
            Stretch(at(Step.PATCHED), left_out="why"),
            Stretch(at(Step.PATCHED)),
        )
    )
    assert judgement.uncovered == (
        (at(Step.BASE), "compiled only where `defined(CONFIG_NUMA)`"),
        (at(Step.BASE, "mm/b.c"), NOT_COMPILED),
        (at(Step.PATCHED), "why"),
    )


def test_what_was_seen_comes_back_from_json_as_it_was():
    seen = replace(SEEN, diagnostics=(ERROR,), stretches=(Stretch(Lines("a", Step.BASE, 1, 2)),))
    assert loads(build.Seen, dumps(seen)) == seen


# --- make -----------------------------------------------------------------------------------


def test_make_is_asked_the_same_on_both_sides():
    target = builders.target(
        make_vars=("CFLAGS_init.o=-DX",), make_arch="x86", cross_compile="x86-"
    )
    assert kernel_build.make_argv(target, 3, ("Image",), "A=b") == (
        *("make", "-C", "/src", "O=/build", "-j3", "-k", "--output-sync=target"),
        *("ARCH=x86", "CROSS_COMPILE=x86-", "LOCALVERSION=", "CFLAGS_init.o=-DX", "A=b", "Image"),
    )


def test_what_is_asked_of_kconfig_begins_with_the_tree_s_own_tiny_base(tmp_path):
    target = builders.target(config=("CONFIG_A=y",))
    assert kernel_build.config_lines(tmp_path, target) == ("CONFIG_A=y",)
    tiny = tmp_path / kernel_build.TINY_BASE
    tiny.parent.mkdir(parents=True)
    tiny.write_text("# comment\nCONFIG_B=y\n")
    assert kernel_build.config_lines(tmp_path, target)[-2:] == ("CONFIG_B=y", "CONFIG_A=y")


def test_the_last_line_of_an_option_wins():
    lines = ("CONFIG_A=y", "# CONFIG_B is not set", "# CONFIG_A is not set", "CONFIG_B=3", "# else")
    assert kbuild_config.fragment(lines) == "# CONFIG_A is not set\nCONFIG_B=3\n"


def test_what_a_configuration_did_not_honour_is_named():
    config = kbuild_config.options("# hi\nCONFIG_A=y\n# CONFIG_B is not set\nCONFIG_C=0x10\n")
    asked = ("CONFIG_A=m", "CONFIG_B=y", "CONFIG_C=0x10", "# CONFIG_D is not set", "CONFIG_E=y")
    assert kbuild_config.not_honoured(asked, config) == (
        "CONFIG_A=m (is y)",
        "CONFIG_B=y (is n)",
        "CONFIG_E=y (is n)",
    )


def test_the_configuration_says_which_tools_it_was_made_for():
    config = {"CONFIG_CC_VERSION_TEXT": '"gcc (Debian) 12.2.0"', "CONFIG_LD_VERSION": "24000"}
    assert kbuild_config.compiler(config) == "gcc (Debian) 12.2.0"
    assert kbuild_config.linker(config) == "GNU ld 2.40"
    assert (
        kbuild_config.linker({"CONFIG_LD_VERSION": "0", "CONFIG_LLD_VERSION": "180104"})
        == "LLD 18.1"
    )


CMD = r"""savedcmd_mm/a.o := x86-gcc -Wp,-MMD,mm/.a.o.d -I/src/include -include /src/include/linux/kconfig.h -DX='"a b;$$c"' -DP='$(pound)1'  -c -o mm/a.o /src/mm/a.c  ; ./tools/objtool/objtool --x mm/a.o

source_mm/a.o := /src/mm/a.c

deps_mm/a.o := \
    $(wildcard include/config/NUMA) \
  /src/include/linux/compiler_types.h \
  include/generated/bounds.h \
  /src/scripts/dtc/include-prefixes/dt-bindings/a.h \
  /src/arch/../mm/b.h \

mm/a.o: $(deps_mm/a.o)
"""


def test_a_cmd_file_names_all_that_an_object_was_made_from():
    recipe = parse(CMD)
    assert (recipe.made, recipe.source_file) == ("mm/a.o", "mm/a.c")
    assert recipe.files == {
        "mm/a.c",
        "mm/b.h",
        "include/linux/kconfig.h",
        "include/linux/compiler_types.h",
        "include/dt-bindings/a.h",
    }


def test_a_compilation_becomes_a_preprocessing_of_the_same_file():
    words = preprocess(parse(CMD).command, "/tmp/out")
    assert words == (
        *("x86-gcc", "-I/src/include", "-include", "/src/include/linux/kconfig.h"),
        *('-DX="a b;$c"', "-DP=#1", "/src/mm/a.c", "-E", "-dM", "-o", "/tmp/out"),
    )


@pytest.mark.parametrize("command", ["rm -f a; ar cDPrST a", "gcc -E -o a b", "gcc -c 'a", ""])
def test_what_compiles_nothing_cannot_be_preprocessed(command):
    assert preprocess(command, "/tmp/out") is None


def test_older_trees_name_the_command_otherwise():
    assert parse(CMD.replace("savedcmd_", "cmd_")).made == "mm/a.o"
    assert parse("nothing\n") is None


@pytest.mark.parametrize(
    ("stopped", "exit_code", "says"),
    [("time", 0, "3000 s"), ("memory", 0, "8 GiB"), ("log", 0, "64 MiB"), ("", 127, "127"), ("", 137, r"signal 9 \(Killed\)")],
)  # fmt: skip
def test_a_make_that_was_ended_accuses_nobody(stopped, exit_code, says):
    ended = Ended(exit_code, 1.0, stopped)
    with pytest.raises(InfraError, match=says):
        kernel_build._check(ended, "Image", kernel_build.BUILD_LIMITS)

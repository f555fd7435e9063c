# SPDX-License-Identifier: GPL-2.0-or-later
"""The build check on the toy kernel: real make, real compiler, real sandbox."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import pytest

from pipeline.artifacts import ArtifactStore
from pipeline.codec import dumps, loads
from pipeline.model import Case, InfraError, Outcome, Step
from tests import toy
from tests.integration.benches import make_bench, toy_target
from tests.toy import adding, replacing
from tests.unit import builders
from tests.unit.changes import series
from workers.check import Bench, Judgement, Sighting
from workers.checks import build

pytestmark = [pytest.mark.integration, pytest.mark.commands]


def texts(tree: Path) -> dict[str, str]:
    return {
        str(path.relative_to(tree)): path.read_text()
        for path in tree.rglob("*")
        if path.is_file() and ".git" not in path.relative_to(tree).parts
    }


@dataclass
class Lab:
    """Builds two trees for a target and judges them, as a worker would."""

    where: Path
    edits: dict[str, toy.Edit]
    runtime: str = ""  # the one that is set
    progress: list[str] = field(default_factory=list)

    def __post_init__(self):
        for side in (Step.BASE, Step.PATCHED):
            toy.repository(self.tree(side))
        toy.commit(self.tree(Step.PATCHED), "edited", self.edits)

    def tree(self, side: Step) -> Path:
        return self.where / side

    @property
    def case(self) -> Case:
        change = series(*(texts(self.tree(side)) for side in (Step.BASE, Step.PATCHED)))
        return Case("run", builders.series(), builders.base(), change)

    def bench(self, target: str, side: Step) -> Bench:
        return make_bench(
            self.where / f"{target}-{side}", self.case, toy_target(target), side, self.tree(side),
            runtime=self.runtime, progress=self.progress.append,
        )  # fmt: skip

    def probe(self, target: str, side: Step) -> Sighting:
        return build.probe(self.bench(target, side))

    def judge(self, target: str) -> Judgement:
        seen = [self.probe(target, side).seen for side in (Step.BASE, Step.PATCHED)]
        base, patched = (loads(build.Seen, dumps(one)) for one in seen)
        return build.judge(self.case, builders.target(), base, patched)


@pytest.fixture
def lab(tmp_path):
    return lambda edits, **more: Lab(tmp_path, edits, **more)


@pytest.fixture
def zero_page(tmp_path):
    """The lab with the toy's own zero-page series."""
    made = Lab(tmp_path, NOTHING)
    patched = made.tree(Step.PATCHED)
    toy.git(patched, "reset", "-q", "--hard", "HEAD~1")
    toy.git(patched, "apply", str(toy.ZERO_PAGE))
    return made


NOTHING = {"MAINTAINERS": "Nobody.\n"}


def told(judgement):
    return [(f.kind, f.severity, f.file, f.line, f.patch) for f in judgement.findings]


def uncovered(judgement):
    return {(at.file, at.side, at.start, at.end): why for at, why in judgement.uncovered}


def test_a_build_keeps_what_other_checks_need(lab):
    made = lab(NOTHING)
    sighting = made.probe("blue", Step.BASE)
    store = ArtifactStore(made.where / "artifacts")
    kept = {artifact.name: store.path(artifact) for artifact in sighting.artifacts}
    assert set(kept) == {"vmlinux", "System.map", "Module.symvers", "config", "image", "compiled"}
    assert kept["vmlinux"].read_bytes()[:4] == b"\x7fELF"
    assert " do_anonymous_page\n" in kept["System.map"].read_text()
    assert "\tmem_map_zero\tvmlinux\tEXPORT_SYMBOL\t" in kept["Module.symvers"].read_text()
    assert "CONFIG_NODES_SHIFT=4\n" in kept["config"].read_text()
    compiled = kept["compiled"].read_text().splitlines()
    assert compiled == sorted(compiled)
    assert {"mm/mm_init.c", "include/linux/pgtable.h", "arch/blue/kernel/head.S"} <= set(compiled)
    assert not {"mm/swap.c", "arch/red/mm/init.c"} & set(compiled)
    assert sighting.seen.objects == 5
    assert sighting.seen.compiler.startswith("gcc")
    assert sighting.seen.not_honoured == ()


def test_progress_says_what_is_compiled_and_how_far_it_is(lab):
    made = lab(NOTHING)
    made.probe("red", Step.BASE)
    compiling = [said for said in made.progress if said.startswith("CC mm/mm_init.o (")]
    assert len(compiling) == 1


def test_two_builds_of_one_tree_are_the_same_to_the_byte(lab):
    made = lab(NOTHING)
    first, second = (
        {a.name: a.ref for a in made.probe("blue", side).artifacts}
        for side in (Step.BASE, Step.PATCHED)
    )
    assert first == second


def test_a_series_that_changes_nothing_for_the_compiler_passes(lab):
    judgement = lab({"mm/memory.c": lambda text: "/* more */\n" + text}).judge("blue")
    assert judgement.findings == ()
    assert [(f.file, f.line) for f in judgement.inherited] == [("mm/memory.c", 7)]
    assert judgement.uncovered == ()


def test_an_error_on_one_architecture_fails_there_only(lab):
    made = lab({"arch/red/mm/init.c": replacing("= 1UL << PAGE_SHIFT", "= undeclared_here")})
    judgement = made.judge("red")
    assert told(judgement) == [("build-error", Outcome.FAIL, "arch/red/mm/init.c", 18, 1)]
    assert judgement.findings[0].symbol == "undeclared_here"
    assert "In function 'setup_zero_pages'" in judgement.findings[0].detail
    assert made.judge("blue").findings == ()


def test_all_errors_of_all_files_are_told(lab):
    """More files than make has jobs: the first error does not hide the others."""
    broken = ("arch/blue/mm/init.c", "kernel/main.c", "mm/memory.c", "mm/mm_init.c")
    judgement = lab({path: adding("#error never\n") for path in broken}).judge("blue")
    assert sorted(f.file for f in judgement.findings) == sorted(broken)
    assert {f.severity for f in judgement.findings} == {Outcome.FAIL}


def test_a_missing_function_is_the_linker_s_error(lab):
    gone = replacing("mm_core_init();", "extern void nowhere(void);\n\tnowhere();")
    made = lab({"kernel/main.c": gone})
    (found,) = made.judge("blue").findings
    assert (found.kind, found.severity, found.symbol) == ("build-error", Outcome.FAIL, "nowhere")
    assert found.file == ""  # the toy links directories before the kernel


def test_a_kernel_that_does_not_build_blocks_who_needs_it(lab):
    made = lab({"kernel/main.c": adding("#error never\n")})
    sighting = made.probe("blue", Step.PATCHED)
    assert sighting.blocks == "the patched kernel does not build"
    assert sighting.artifacts == ()
    assert made.probe("blue", Step.BASE).blocks == ""


def test_a_new_warning_is_told_and_base_s_own_is_not(lab):
    twin = "static int nobody_calls_this_either(void)\n{\n\treturn 2;\n}\n"
    judgement = lab({"mm/memory.c": adding(twin)}).judge("red")
    assert told(judgement) == [("new-warning", Outcome.WARN, "mm/memory.c", 18, 1)]
    assert len(judgement.inherited) == 1


def test_a_broken_kconfig_fails_where_it_is_broken(lab):
    judgement = lab({"mm/Kconfig": adding("bogus line\n")}).judge("blue")
    assert told(judgement) == [("build-error", Outcome.FAIL, "mm/Kconfig", 12, 1)]


def test_a_broken_makefile_fails_where_it_is_broken(lab):
    judgement = lab({"mm/Makefile": adding("$(error no way)\n")}).judge("blue")
    assert told(judgement) == [("build-error", Outcome.FAIL, "mm/Makefile", 4, 1)]


def test_a_file_that_the_makefile_names_and_is_gone_fails(lab):
    (found,) = lab({"mm/memory.c": None}).judge("blue").findings
    assert (found.severity, found.patch) == (Outcome.FAIL, 1)
    assert "No rule to make target 'mm/memory.o'" in found.summary


def test_an_option_that_appears_is_a_fact(lab):
    made = lab({"mm/Kconfig": adding("config NEW\n\tdef_bool y\n")})
    assert dict(made.judge("blue").facts)["config_differs"] == ["CONFIG_NEW: y, was n"]


def test_a_base_that_does_not_build_is_an_error(lab):
    made = lab(NOTHING)
    main = made.tree(Step.BASE) / "kernel/main.c"
    main.write_text(main.read_text() + "#error never\n")
    judgement = made.judge("blue")
    assert judgement.outcome is Outcome.ERROR
    assert judgement.reason.startswith("base does not build: kernel/main.c:11: #error never")


@pytest.mark.parametrize(
    ("recipe", "why"),
    [
        ("kill -KILL $$$$", "a tool was killed"),
        ("(ulimit -v 30000; $(CC) -c -o $@ $(srctree)/mm/memory.c)", "."),  # it is out of memory
        ("echo '#include <openssl/never.h>' | gcc -x c -c -o $@ -", "a library for host programs"),
        ("gcc -x c /dev/null -o $@ -shared -lnever-there", "a library for host programs"),
        ("no-such-tool $@", "a tool is missing"),
        ("env no-such-tool $@", "a tool is missing"),
        ("bash -c 'kill -SEGV $$$$; true'; exit 1", "a tool was killed"),
    ],
)
def test_what_goes_wrong_on_this_machine_accuses_nobody(lab, recipe, why):
    made = lab({"mm/Makefile": adding(f"mm/memory.o: FORCE\nFORCE:\n\t@{recipe}\n")})
    with pytest.raises(InfraError, match=why):
        made.probe("blue", Step.PATCHED)


FULL = "cannot create x: No space left on device"


@pytest.mark.parametrize(
    ("command", "says"),
    [
        (f"echo 'sh: 1: {FULL}' >&2", FULL),
        ("no-such-tool", "no-such-tool: No such file or directory"),
    ],
)
def test_words_alone_end_no_build(lab, command, says):
    made = lab({"mm/Makefile": adding(f"X := $(shell {command})\n")})
    judgement = made.judge("blue")
    assert (judgement.outcome, judgement.findings) == (None, ())
    assert says in (made.where / "blue-patched/log").read_text()


def test_words_that_make_says_beside_an_error_do_not_excuse_it(lab):
    made = lab(
        {
            "mm/Makefile": adding(f"$(info fatal error: {FULL})\n"),
            "mm/memory.c": adding("#error never\n"),
        }
    )
    assert told(made.judge("blue")) == [("build-error", Outcome.FAIL, "mm/memory.c", 18, 1)]
    assert "building from nothing, to be sure" in made.progress


@pytest.mark.parametrize(
    "edits",
    [
        {"kernel/main.c": replacing("mm_core_init();", "extern void nowhere(void);\n\tnowhere();")},
        {"mm/Makefile": adding(f"$(info fatal error: {FULL})\n$(error no way)\n")},
        {"mm/memory.c": adding("#error never\n"), "mm/Makefile": adding("X := $(shell no-such)\n")},
        {"mm/Kconfig": adding("bogus line\n")},
    ],
    ids=["linker", "make", "tool", "kconfig"],
)
def test_words_beside_what_they_may_explain_accuse_nobody(lab, edits):
    made = lab({"Makefile": adding(f"$(info fatal error: {FULL})\n")} | edits)
    with pytest.raises(InfraError, match="perhaps by no fault of the sources"):
        made.probe("blue", Step.PATCHED)


def test_a_disk_that_was_full_for_a_while_accuses_nobody(lab):
    """What it left of a header is not made again, and fails each time until it is."""
    full = f"echo 'sh: 1: {FULL}' >&2"
    half = f"@if test -s $(srctree)/full; then {full}; else echo 'enum {{ WHOLE }};'; fi > $@"
    made = lab(
        {
            "full": "It is.\n",
            "mm/Makefile": adding(
                f"mm/built-in.o:\nmm/memory.o: include/half.h\ninclude/half.h:\n\t{half}\n"
            ),
            "mm/memory.c": adding('#include "half.h"\nint whole = WHOLE;\n'),
        }
    )
    tells = made.bench("blue", Step.PATCHED)

    def progress(doing):
        if doing.startswith("building from nothing"):
            (made.tree(Step.PATCHED) / "full").write_text("")

    assert build.probe(replace(tells, progress=progress)).seen.succeeded
    assert (made.tree(Step.PATCHED) / "full").read_text() == ""


def test_an_error_that_does_not_come_again_accuses_nobody(lab):
    once = "test -e seen || { touch seen; echo '/src/mm/memory.c:3:1: error: racing'; exit 1; }"
    made = lab({"mm/Makefile": adding(f"mm/memory.o: FORCE\nFORCE:\n\t@{once}\n")})
    with pytest.raises(InfraError, match="not again for the same reason: racing"):
        made.probe("blue", Step.PATCHED)


def test_a_link_out_of_the_build_directory_is_not_kept(lab):
    made = lab({"Makefile": replacing("$(NM) -n $@ > System.map", "ln -s /etc/passwd System.map")})
    with pytest.raises(InfraError, match=r"left no System\.map behind"):
        made.probe("blue", Step.PATCHED)


# --- what was compiled ----------------------------------------------------------------------


def test_the_zero_page_series_is_covered_but_for_what_numa_would_compile(zero_page):
    """The toy's image of the IP27 part of arch/mips/mm/init.c."""
    red, blue = zero_page.judge("red"), zero_page.judge("blue")
    assert red.findings == blue.findings == ()
    (numa,) = [place for place in uncovered(red) if place[0] == "arch/red/mm/init.c"]
    assert numa[1:3] == (Step.BASE, 27)
    assert uncovered(red)[numa] == "compiled only where `defined(CONFIG_NUMA)`"
    elsewhere = {place[0] for place in uncovered(red)} - {"arch/red/mm/init.c"}
    coloured = "compiled only where `!defined(__HAVE_COLOR_ZERO_PAGE)`"
    assert elsewhere == {
        "arch/blue/include/asm/pgtable.h",
        "arch/blue/mm/init.c",
        "include/linux/pgtable.h",
        "mm/mm_init.c",
    }
    assert {why for place, why in uncovered(red).items() if not place[0].startswith("arch/")} == {
        coloured
    }
    assert {place[0] for place in uncovered(blue)} == {"arch/red/mm/init.c"}


def test_a_group_that_only_includes_or_defines_is_seen(lab):
    text = "#ifdef CONFIG_MMU\n#include <linux/init.h>\n#endif\n#ifdef CONFIG_SWAP\n#define X 1\n#endif\n"
    judgement = lab({"mm/memory.c": lambda old: old + text}).judge("blue")
    assert uncovered(judgement) == {
        ("mm/memory.c", Step.PATCHED, 22, 22): "compiled only where `defined(CONFIG_SWAP)`"
    }


def test_a_header_s_assembly_part_is_seen_in_assembly(lab):
    text = "#ifdef __ASSEMBLY__\n#define FOR_HEAD_S 1\n#else\n#define FOR_C 1\n#endif\n\n#endif\n"
    made = lab({"arch/blue/include/asm/pgtable.h": lambda old: old[: old.rindex("#endif")] + text})
    assert made.judge("blue").uncovered == ()


def test_documentation_comments_and_make_files_need_no_compiler(lab):
    judgement = lab(
        {
            "Documentation/toy.rst": adding("\nMore.\n"),
            "mm/swap.c": replacing("#include <linux/mm.h>", "#include <linux/mm.h>\n\n/* Why. */"),
            "mm/Makefile": adding("# more\n"),
        }
    ).judge("blue")
    assert judgement.uncovered == ()


def test_without_a_sandbox_paths_are_the_same_and_the_configuration_tells_what_is_compiled(lab):
    text = "#ifdef CONFIG_SWAP\nint x;\n#endif\n#ifdef __HAVE_COLOR_ZERO_PAGE\nint y;\n#endif\n"
    judgement = lab({"mm/memory.c": lambda old: old + text}, runtime="none").judge("blue")
    assert [f.file for f in judgement.inherited] == ["mm/memory.c"]
    assert uncovered(judgement) == {
        ("mm/memory.c", Step.PATCHED, 19, 19): "compiled only where `defined(CONFIG_SWAP)`"
    }


def test_code_that_is_not_configured_is_not_covered(lab):
    made = lab({"mm/swap.c": replacing("return zero_pfn(addr);", "return zero_pfn(addr) + 1;")})
    assert uncovered(made.judge("blue")) == {
        ("mm/swap.c", Step.BASE, 6, 6): "not compiled into the kernel of this configuration",
        ("mm/swap.c", Step.PATCHED, 6, 6): "not compiled into the kernel of this configuration",
    }


def test_a_kernel_that_does_not_build_covers_no_added_line(lab):
    made = lab({"kernel/main.c": replacing("mm_core_init();", "mm_core_init(1);")})
    assert uncovered(made.judge("blue")) == {
        ("kernel/main.c", Step.PATCHED, 9, 9): "the patched kernel does not build"
    }

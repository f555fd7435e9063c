# SPDX-License-Identifier: GPL-2.0-or-later
"""A build that starts from its base's is the build from nothing, only sooner; on the toy tree."""

from __future__ import annotations

import os
import random
import shutil
import subprocess
import time
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path

import psutil
import pytest

from pipeline import settings
from pipeline.model import Case, Step
from pipeline.trees.changes import build_change
from tests import toy
from tests.integration.benches import make_bench, toy_target
from tests.toy import adding, replacing
from tests.unit import builders
from workers.checks import build
from workers.warm import Start, Warm
from workers.workspace import Sources

pytestmark = [pytest.mark.integration, pytest.mark.commands]

BLUE = ("--target", "blue", "--check", "build")
COMMENT = "\n/* More. */\n"
#: What says how something was built, and not what it is.
HOW = {
    "build_seconds",
    "steps",
    "from_base_build",
    "base_started_from",
    "objects_changed",
    "objects_changed_first",
    "compile_cache_hits",
    "compile_cache_misses",
}


GENERATED = "include/generated/vdso-offsets.h"
#: A make file that begins with other goals than ours.
FIRST = ".DEFAULT_GOAL := $(obj)/built-in.o\nobj-y += more.o\n"

#: The edits of each change, and whether the base's build is of use to it. Where there are three,
#: the first are made to the base.
CHANGES = {
    "one source file": ({"kernel/main.c": adding(COMMENT)}, True),
    "a header": ({"include/linux/mm.h": replacing("flags;", "flags, more;")}, True),
    "a warning": ({"mm/mm_init.c": adding("\nstatic void unused(void)\n{\n}\n")}, True),
    "an error": ({"mm/mm_init.c": adding("\n#error no\n")}, True),
    "a new object": (
        {"mm/more.c": "int more;\n", "mm/Makefile": adding("obj-y += more.o\n")},
        True,
    ),
    "an object that nobody asks for any more": (
        {"mm/Makefile": replacing("obj-y += spare.o\n", "")},
        True,
    ),
    "a source that is missing": ({"mm/mm_init.c": None}, False),
    "a header that comes before another": (
        {"arch/blue/include/linux/export.h": "#define EXPORT_SYMBOL_GPL(x)\n"
         "#define EXPORT_SYMBOL(x)\n"},
        True,
    ),
    "an option": ({"Kconfig": replacing("config PRINTK", "config WHISPER")}, False),
    "a rule for everything": ({"scripts/Makefile.build": adding("# More.\n")}, False),
    "a source that is renamed and that another one includes": (
        {"mm/table.c": "int table;\n", "kernel/main.c": adding('#include "../mm/table.c"\n')},
        {"mm/table.c": None, "mm/tables.c": "int table;\n"},
        False,
    ),
    "what a link that stays leads to is renamed": (
        {"mm/table.h": "int table;\n", "kernel/link.h": Path("../mm/table.h"),
         "kernel/main.c": adding('#include "link.h"\n')},
        {"mm/table.h": None, "mm/tables.h": "int table;\n"},
        False,
    ),
    "a link that leads to another header": (
        {"mm/one.h": "int one;\n", "mm/two.h": "int two;\n", "kernel/link.h": Path("../mm/one.h"),
         "kernel/main.c": adding('#include "link.h"\n')},
        {"kernel/link.h": Path("../mm/two.h")},
        False,
    ),
    "a header that somebody asks for": (
        {"kernel/main.c": adding('#if __has_include("more.h")\nint more;\n#endif\n')},
        {"kernel/more.h": "\n"},
        True,
    ),
    "the rule of a header that is made elsewhere": (
        {"mm/more.c": f'#include "../{GENERATED}"\n',
         "mm/Makefile": adding(f"{FIRST}CFLAGS_more.o += -I./mm\n$(obj)/more.o: {GENERATED}\n{GENERATED}:\n"
                            "\t@mkdir -p $(@D); echo 'int offset;' > $@\n")},
        {"mm/Makefile": replacing(f"{GENERATED}:\n", f"{GENERATED}.old:\n")},
        False,
    ),
    "a script that no rule names": (
        {"mm/more.sh": "echo 'int more;'\n", "mm/more.c": '#include "mm/more.h"\n',
         "mm/Makefile": adding(f"{FIRST}CFLAGS_more.o += -I.\n$(obj)/more.o: mm/more.h\nmm/more.h:\n"
                            "\t@mkdir -p mm; sh $(srctree)/mm/more.sh > $@\n")},
        {"mm/more.sh": "echo 'int less;'\n"},
        False,
    ),
    "a header that goes": (
        {"mm/more.h": "int more;\n", "mm/mm_init.c": adding('#include "more.h"\n')},
        {"mm/more.h": None, "mm/mm_init.c": replacing('#include "more.h"\n', "int more;\n")},
        True,
    ),
    "a header that another one comes after": (
        {"arch/blue/include/linux/export.h": "#define EXPORT_SYMBOL_GPL(x)\n"
         "#define EXPORT_SYMBOL(x)\n"},
        {"arch/blue/include/linux/export.h": None},
        True,
    ),
    "a header that is wrapped goes": (
        {"include/asm-generic/user.h": "int user;\n",
         "mm/Makefile": adding(f"{FIRST}$(obj)/more.o: include/generated/asm/user.h\n"
            "include/generated/asm/%.h: $(srctree)/include/asm-generic/%.h\n"
            "\t@mkdir -p $(@D); echo '#include <asm-generic/$*.h>' > $@\n"),
         "mm/more.c": "int more;\n"},
        {"include/asm-generic/user.h": None},
        False,
    ),
    "a header that somebody asks for goes": (
        {"kernel/main.c": adding('#if __has_include("more.h")\nint more;\n#endif\n'),
         "kernel/more.h": "\n"},
        {"kernel/more.h": None},
        True,
    ),
    "a source that is renamed": (
        {"mm/table.c": "int table;\n", "mm/Makefile": adding("obj-y += table.o\n")},
        {"mm/table.c": None, "mm/tables.c": "int table;\n",
         "mm/Makefile": replacing("obj-y += table.o\n", "obj-y += tables.o\n")},
        False,
    ),
    "a source of another kind": (
        {"mm/table.c": "int table;\n", "mm/Makefile": adding("obj-y += table.o\n")},
        {"mm/table.c": None, "mm/table.S": ".globl table\n.data\ntable: .long 0\n"},
        False,
    ),
    "a source of which nothing was made": (
        {"mm/table.c": "int table;\n"}, {"mm/table.c": None, "mm/tables.c": "int table;\n"}, True,
    ),
    "a make file of which nothing was made": (
        {"drivers/Makefile": "obj-y += none.o\n"}, {"drivers/Makefile": "x:\n\techo\n"}, True,
    ),
    "a linker script that is renamed": (
        {"mm/k.lds.S": "/* One. */\n/* Two. */\n", "mm/more.c": "int more;\n",
         "mm/Makefile": adding(f"{FIRST}$(obj)/more.o: mm/k.lds\nmm/%.lds: $(srctree)/mm/%.lds.S\n"
                            "\t@mkdir -p mm; cp $< $@\n")},
        {"mm/k.lds.S": None, "mm/kernel.lds.S": "/* One. */\n/* Two. */\n"},
        False,
    ),
    "a program that no rule names": (
        {"mm/tool.c": 'int main(void)\n{\n\treturn !puts("int more;");\n}\n',
         "mm/more.c": '#include "mm/more.h"\n',
         "mm/Makefile": adding(f"{FIRST}CFLAGS_more.o += -I.\n$(obj)/more.o: mm/more.h\n"
            "mm/more.h: | mm/tool\n\t@mm/tool > $@\nmm/tool: $(srctree)/mm/tool.c\n"
            "\t@mkdir -p mm; echo '  HOSTCC  $@'; gcc -include stdio.h -o $@ $<\n")},
        {"mm/tool.c": replacing("int more", "int less")},
        False,
    ),
    "what the assembler includes": (
        {"include/linux/insn.h": "\t.byte 1\n",
         "kernel/main.c": adding('\nasm(".data; .include \\"linux/insn.h\\"; .text");\n')},
        {"include/linux/insn.h": "\t.byte 2\n"},
        False,
    ),
    "a header that a script reads": (
        {"include/linux/keys.h": "int key;\n", "mm/more.c": '#include "mm/more.h"\n',
         "mm/more.sh": "cat $1/include/linux/keys.h\n",
         "mm/Makefile": adding(f"{FIRST}CFLAGS_more.o += -I.\n$(obj)/more.o: mm/more.h\nmm/more.h:\n"
            "\t@mkdir -p mm; sh $(srctree)/mm/more.sh $(srctree) > $@\n")},
        {"include/linux/keys.h": "int keys;\n"},
        False,
    ),
    "an object that another directory lists": (
        {"kernel/other.c": "int other;\n", "mm/Makefile": adding("obj-y += ../kernel/other.o\n")},
        {"kernel/other.c": "int others;\n", "mm/Makefile": replacing("obj-y += ../kernel/other.o\n", "")},
        False,
    ),
    "a configuration that cannot be": ({"Kconfig": adding("confgi X\n")}, False),
}  # fmt: skip


def told(verdict):
    (check,) = verdict["targets"][0]["checks"]
    facts = {name: fact for name, fact in check["facts"].items() if name not in HOW}
    # A header's warning is told with the first of the files that include it, in make's order.
    findings = [finding | {"detail": ""} for finding in check["findings"]]
    return check["outcome"], check["reason"], findings, facts, verdict["not_covered"]


@dataclass
class Workshop:
    """Builds commits of a toy repository for blue, as a worker would."""

    where: Path
    builds: int = 0

    def __post_init__(self):
        self.tree = toy.repository(self.where / "tree")
        homes = {"XDG_CACHE_HOME": f"{self.where}/cache", "XDG_STATE_HOME": f"{self.where}/state"}
        self.settings = settings.load(homes)
        self.sources = Sources(self.settings.git_dir, self.settings.sources_dir, lambda _: None)
        self.warm_dir = self.settings.warm_dir / "blue" / "way"

    def case(self, base, head) -> Case:
        ours = self.settings.git_dir
        ours.parent.mkdir(parents=True, exist_ok=True)
        toy.git(self.tree, "clone", "-q", "--bare", ".", str(ours))
        return Case("run", builders.series(), builders.base(), build_change(ours, base, [head]))

    def build(self, case, source, side=Step.PATCHED, **more):
        """What was seen and the files that were kept, by name."""
        self.builds += 1
        directory = self.where / f"build-{self.builds}"
        bench = make_bench(directory, case, toy_target("blue"), side, source, **more)
        sighting = build.probe(bench)
        return sighting.seen, {artifact.name: artifact.ref for artifact in sighting.artifacts}


@pytest.mark.parametrize("what", CHANGES)
def test_it_makes_what_a_build_from_nothing_makes(tmp_path, what):
    *earlier, edits, of_use = CHANGES[what]
    shop = Workshop(tmp_path)
    spare = {"mm/spare.c": "int spare;\n", "mm/Makefile": adding("obj-y += spare.o\n")}
    base = toy.commit(shop.tree, "mm: an object that nothing needs", spare)
    if earlier:
        base = toy.commit(shop.tree, "what it begins with", earlier[0])
    case = shop.case(base, toy.commit(shop.tree, what, edits))
    change = case.change
    kept = Warm(shop.warm_dir, change.base_tree)
    with shop.sources.whole(change.base_tree) as source:
        before, _ = shop.build(case, source, Step.BASE, leave=kept)
    with shop.sources.changed(change.patched_tree, change.base_tree) as source:
        warm, made = shop.build(case, source, start=Start(kept, change.files))
        cold, made_anew = shop.build(case, source)
    assert made == made_anew
    judged, judged_anew = (
        build.judge(case, builders.target(), before, after) for after in (warm, cold)
    )
    how = [{name: f for name, f in j.facts if name not in HOW} for j in (judged, judged_anew)]
    assert how[0] == how[1]
    assert replace(judged, facts=()) == replace(judged_anew, facts=())
    assert bool(warm.started_from) == of_use
    assert not cold.started_from


def test_only_what_the_patch_reaches_is_made_and_old_warnings_stay(installation):
    toy.commit(installation.tree, "kernel: more", {"kernel/main.c": adding(COMMENT)})
    _, verdict = installation.run(*BLUE)
    (check,) = verdict["targets"][0]["checks"]
    assert check["facts"]["steps"][1] < check["facts"]["steps"][0]
    assert not check["facts"].get("fixed_warnings")  # mm/memory.c's was not compiled again
    assert check["base_cached"] is False


def test_a_base_that_is_known_but_whose_build_is_gone_is_built_again(installation):
    toy.commit(installation.tree, "kernel: more", {"kernel/main.c": adding(COMMENT)})
    installation.run(*BLUE)
    for place in (installation.home / "cache/crosscheck/warm/blue").iterdir():
        place.rename(installation.home / "away")
    _, verdict = installation.run(*BLUE)
    (check,) = verdict["targets"][0]["checks"]
    assert check["facts"]["from_base_build"] is True
    _, verdict = installation.run(*BLUE)
    assert verdict["targets"][0]["checks"][0]["base_cached"] is True


def test_a_kernel_is_the_same_on_whatever_machine_it_boots(installation):
    toy.commit(installation.tree, "kernel: more", {"kernel/main.c": adding(COMMENT)})
    installation.run(*BLUE)
    matrix = installation.home / "matrix/matrix.yaml"
    shutil.copytree(toy.MATRIX.parent / "configs", matrix.parent / "configs")
    matrix.write_text(toy.MATRIX.read_text().replace("console=ttyS0", "console=ttyS0 quiet"))
    installation.environ["CROSSCHECK_MATRIX"] = str(matrix)
    _, verdict = installation.run(*BLUE)
    assert verdict["targets"][0]["checks"][0]["base_cached"] is True


def test_links_that_a_base_leaves_in_its_build_lead_nowhere(installation):
    """As root, what is written or removed through them would be anybody's."""
    outside = installation.home / "outside"
    (outside / "mm").mkdir(parents=True)
    for name in ("memory.o", "more.o", "all.config"):
        (outside / "mm" / name).write_text("mine")
    (outside / "all.config").write_text("mine")
    plant = (
        f"\t@rm -rf elsewhere; ln -s {outside} elsewhere\n"
        f"\t@rm -f all.config; ln -s {outside}/all.config all.config\n"
        "\t@mkfifo -m 666 .pipe.cmd 2>/dev/null; true\n"
    )
    toy.commit(
        installation.tree,
        "hostile",
        {"Makefile": replacing("Image: vmlinux\n", "Image: vmlinux\n" + plant),
         "elsewhere/mm/memory.c": "int nothing;\n", "elsewhere/mm/Makefile": "obj-y :=\n"},
    )  # fmt: skip
    toy.commit(
        installation.tree,
        "elsewhere: more of it",
        {"elsewhere/mm/more.c": "int more;\n", "elsewhere/mm/Makefile": adding("# More.\n"),
         "kernel/more.h": "\n", "kernel/main.c": adding(COMMENT)},
    )  # fmt: skip
    status, verdict = installation.run(*BLUE)
    assert status == 0
    assert verdict["targets"][0]["checks"][0]["facts"]["from_base_build"] is True
    warm = installation.home / "cache/crosscheck/warm/blue"
    assert [link.is_symlink() for link in warm.glob("*/*/build/elsewhere")] == [True]
    assert {path.name: path.read_text() for path in (outside / "mm").iterdir()} == dict.fromkeys(
        ("memory.o", "more.o", "all.config"), "mine"
    )
    assert (outside / "all.config").read_text() == "mine"


def test_what_a_header_is_generated_from_must_not_read_it(tmp_path):
    """As kernel/bounds.c does not include generated/bounds.h: from nothing it is not there yet."""
    for place, reads in (("kept/it/build", ""), ("build", "include/generated/bounds.h")):
        (tmp_path / place / "kernel").mkdir(parents=True)
        command = f"savedcmd_kernel/bounds.s := gcc\ndeps := /src/include/linux/mm.h {reads}\n"
        (tmp_path / place / "kernel/.bounds.s.cmd").write_text(command)
    kept = Warm(tmp_path / "kept", "it")
    assert kept.reads_more(tmp_path / "build", "kernel/bounds.s")
    assert not kept.reads_more(tmp_path / "kept/it/build", "kernel/bounds.s")
    assert not kept.reads_more(tmp_path / "build", "kernel/none.s")


def test_a_base_that_moved_starts_from_the_nearest_one(installation):
    """Its build is that from nothing, and what follows from it too."""
    toy.commit(installation.tree, "kernel: more", {"kernel/main.c": adding(COMMENT)})
    installation.run(*BLUE)
    toy.commit(installation.tree, "mm: new", {"mm/new.c": "int fresh;\n",
               "Makefile": replacing("SUBLEVEL = 0", "SUBLEVEL = 1")})  # fmt: skip
    toy.commit(installation.tree, "mm: a macro", {"include/linux/mm.h": adding("#define X 1\n")})
    toy.commit(installation.tree, "kernel: use it", {"kernel/main.c": adding("int x = X;\n")})
    _, warm = installation.run(*BLUE)
    made = [installation.kernel(side) for side in ("base", "patched")]
    _, cold = installation.run(*BLUE, "--no-cache")
    assert [installation.kernel(side) for side in ("base", "patched")] == made
    assert told(warm) == told(cold)
    facts = warm["targets"][0]["checks"][0]["facts"]
    assert facts["base_started_from"]
    assert facts["from_base_build"] is True
    assert "base_started_from" not in cold["targets"][0]["checks"][0]["facts"]


def test_a_kept_build_that_went_bad_accuses_nobody_and_goes(installation):
    toy.commit(installation.tree, "kernel: more", {"kernel/main.c": adding(COMMENT)})
    installation.run(*BLUE)
    (bad,) = (installation.home / "cache/crosscheck/warm/blue").glob("*/*/build/mm/built-in.o")
    times = bad.stat()
    bad.write_text("nonsense")
    os.utime(bad, ns=(times.st_atime_ns, times.st_mtime_ns))
    status, verdict = installation.run(*BLUE)
    assert (status, verdict["outcome"]) == (0, "PASS")
    assert not verdict["targets"][0]["checks"][0]["facts"]["from_base_build"]
    assert not bad.exists()
    assert installation.run(*BLUE)[1]["targets"][0]["checks"][0]["facts"]["from_base_build"]


def test_a_damaged_kept_build_is_no_error_and_goes(installation):
    toy.commit(installation.tree, "kernel: more", {"kernel/main.c": adding(COMMENT)})
    installation.run(*BLUE)
    (notes,) = (installation.home / "cache/crosscheck/warm/blue").glob("*/*/notes")
    notes.write_text("{bad")
    assert installation.run(*BLUE)[1]["outcome"] == "PASS"
    assert not notes.exists()
    installation.run(*BLUE)
    shutil.rmtree(notes.parent / "build")
    notes.parent.with_name(f"{notes.parent.name}.lock").write_bytes(b"\xff\xb2")
    assert installation.run(*BLUE)[1]["outcome"] == "PASS"
    assert installation.command("cache")[0] == 0


def test_from_nothing_means_from_no_kept_source_tree_either(installation):
    toy.commit(installation.tree, "kernel: more", {"kernel/main.c": adding(COMMENT)})
    installation.run(*BLUE)
    for source in (installation.home / "cache/crosscheck/checkouts").glob("*/kernel/main.c"):
        source.write_text("garbage\n")
    status, verdict = installation.run(*BLUE, "--no-cache")
    assert (status, verdict["outcome"]) == (0, "PASS")
    assert not list((installation.home / "cache/crosscheck/builds").iterdir())


def test_kernels_are_held_against_a_build_from_nothing(installation):
    toy.commit(installation.tree, "kernel: more", {"kernel/main.c": adding(COMMENT)})
    installation.run(*BLUE)
    status, output = installation.command("recheck")
    assert status == 0
    assert "(blue) are what a build from nothing makes" in output

    (bad,) = (installation.home / "cache/crosscheck/warm/blue").glob("*/*/build/mm/built-in.o")
    times = bad.stat()
    subprocess.run(["objcopy", f"--add-section=.odd={toy.MATRIX}", bad], check=True)
    os.utime(bad, ns=(times.st_atime_ns, times.st_mtime_ns))
    assert installation.run(*BLUE)[0] == 0
    status, output = installation.command("recheck")
    assert status == 3
    assert "blue patched vmlinux" in output
    assert "please report this" in output
    assert not bad.exists()
    assert not (installation.home / "cache/crosscheck/compiled/ccache").exists()
    _, verdict = installation.run(*BLUE)
    assert verdict["targets"][0]["checks"][0]["base_cached"] is False
    assert installation.command("recheck")[0] == 0
    assert installation.command("recheck", "20")[0] == 2


def test_what_is_kept_is_bounded_listed_and_removed(installation):
    toy.commit(installation.tree, "kernel: more", {"kernel/main.c": adding(COMMENT)})
    installation.run(*BLUE)
    status, listed = installation.command("cache")
    assert status == 0
    assert "warm/blue/" in listed
    assert listed.count("checkouts/") == 2
    status, verdict = installation.run(*BLUE, "--cache-size", "1")
    assert status == 0
    assert verdict["outcome"] == "PASS"
    _, listed = installation.command("cache", "--cache-size", "1")
    assert "warm/" not in listed
    assert "0 bytes of at most 1 bytes" in listed
    assert installation.run(*BLUE)[1]["outcome"] == "PASS"
    _, output = installation.command("cache", "--prune", "--all")
    assert output.count("removed ") == 4
    assert installation.command("cache", "--all")[0] == 2
    assert installation.command("cache", "--cache-size", "much")[0] == 2


def test_killed_at_any_moment_it_leaves_nothing_that_makes_a_wrong_kernel(installation):
    chance = random.Random(7)
    changes = [
        {"include/linux/mm.h": adding(f"#define NOW {n}\n"), "kernel/main.c": adding(f"int n{n} = {n};\n")}
        for n in range(3)
    ]  # fmt: skip
    for n, edits in enumerate(changes):
        toy.commit(installation.tree, f"change {n}", edits)
        killed = installation.start_run(*BLUE)
        time.sleep(chance.uniform(1.2, 3.5))
        for process in (killed, *installation.processes()):
            with suppress(psutil.NoSuchProcess):
                process.kill()
        killed.wait()
        _, warm = installation.run(*BLUE)
        made = [installation.kernel(side) for side in ("base", "patched")]
        _, cold = installation.run(*BLUE, "--no-cache")
        assert [installation.kernel(side) for side in ("base", "patched")] == made
        assert told(warm) == told(cold)

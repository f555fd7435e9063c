# SPDX-License-Identifier: GPL-2.0-or-later
"""The script to reproduce a target, run for real: git, make and sh, on a toy kernel tree."""

from __future__ import annotations

import os
import subprocess

import pytest

from pipeline.model import Case
from pipeline.report.reproduce import script
from tests.unit.builders import base, change, machine, series, target

pytestmark = pytest.mark.integration

MAKEFILE = """\
allnoconfig:
	cp $(KCONFIG_ALLCONFIG) $(O)/.config
Image:
	echo kernel: $$(cat hello) $(ARCH) $(CROSS_COMPILE) $(NOTE) > $(O)/Image
	date -d "$$KBUILD_BUILD_TIMESTAMP" +%Y >> $(O)/Image
"""


def git(where, *words):
    identity = ("-c", "user.name=T", "-c", "user.email=t@example.org")
    done = subprocess.run(
        ["git", *identity, "-C", where, *words], check=True, capture_output=True, text=True
    )
    return done.stdout.strip()


@pytest.fixture
def tree(tmp_path):
    """A toy kernel tree under a name that needs quotes, and a patch to it."""
    place = tmp_path / "it's a tree"
    (place / "kernel" / "configs").mkdir(parents=True)
    (place / "kernel" / "configs" / "tiny-base.config").write_text("CONFIG_TINY=y\n")
    (place / "Makefile").write_text(MAKEFILE)
    (place / "hello").write_text("before\n")
    git(place, "init", "-q")
    git(place, "add", ".")
    git(place, "commit", "-qm", "base")
    (place / "hello").write_text("after\n")
    git(place, "commit", "-qam", "say after")
    return place


MEASURED = "measured getpid operations=10 ns=1700,1612,1650 rounds=3"


@pytest.fixture
def reproduce(tree, tmp_path):
    return scripted(tree, tmp_path, qemu=("cat", "{image}", "{initramfs}"))


def scripted(tree, tmp_path, **machine_has):
    mbox = tmp_path / "series.mbox"
    mbox.write_text(git(tree, "format-patch", "--stdout", "HEAD~1") + "\n")
    case = Case(
        "r1", series(), base(tree=str(tree), commit=git(tree, "rev-parse", "HEAD~1")), change()
    )
    of = target(
        image="Image",
        make_vars=("NOTE=two words",),
        machine=machine(**machine_has, append="", seconds_limit=5),
    )
    initramfs = tmp_path / "init ramfs"
    initramfs.write_text("init\n")
    text = script(case, of, mbox, tmp_path / "probes")

    def run(*sides, **env):
        return subprocess.run(
            ["sh", "-s", "--", *sides],
            input=text,
            text=True,
            capture_output=True,
            check=False,
            cwd=tmp_path,
            env=os.environ | {"INITRAMFS": str(initramfs)} | env,
        )

    return run


def test_it_builds_and_boots_both_sides_from_nothing_and_again(tree, tmp_path, reproduce):
    before = git(tree, "status", "--porcelain", "--ignored") + git(tree, "worktree", "list")
    for _ in range(2):
        done = reproduce()
        assert done.returncode == 0, done.stderr
        for side in ("before", "after"):
            line = f"kernel: {side} arm64 arm64-linux-gnu- two words\n2026\ninit\n"
            assert line in done.stdout
    config = tmp_path / "crosscheck-r1-arm64" / "build-base" / ".config"
    assert config.read_text() == "CONFIG_TINY=y\nCONFIG_PRINTK=y\n# CONFIG_VT is not set\n"
    after = git(tree, "status", "--porcelain", "--ignored") + git(tree, "worktree", "list")
    assert after == before


def test_it_measures_if_it_is_asked_to(tree, tmp_path):
    says = f"cat \"$0\"; printf '{MEASURED}\\r\\nunmeasured boot no counter\\r\\n'"
    run = scripted(tree, tmp_path, qemu=("sh", "-c", says, "{image}"), icount="shift=1")
    done = run("measure", "patched")
    assert done.returncode == 0, done.stderr
    assert MEASURED not in done.stdout  # that is the console, which is kept
    said = f"    {'getpid':20} {161.2 / 2:16.2f}\n    unmeasured boot no counter\n"
    assert done.stdout.count(said) == 3
    (console,) = tmp_path.glob("crosscheck-r1-arm64/build-patched/console-3")
    assert "kernel: after" in console.read_text()
    assert MEASURED in run("patched").stdout


def test_one_side_is_enough(tmp_path, reproduce):
    done = reproduce("patched", WORK=str(tmp_path / "elsewhere"))
    assert done.returncode == 0, done.stderr
    assert "kernel: after" in done.stdout
    assert "kernel: before" not in done.stdout


def test_a_wrong_word_is_refused(reproduce):
    done = reproduce("both")
    assert done.returncode == 2
    assert "say base, patched or after-N" in done.stderr


def test_a_repository_without_the_base_is_refused(tmp_path, reproduce):
    git(tmp_path, "init", "-q", "empty")
    done = reproduce(REPOSITORY=str(tmp_path / "empty"))
    assert done.returncode != 0
    assert "kernel:" not in done.stdout


def test_a_patch_that_does_not_apply_ends_it_and_can_be_tried_again(tmp_path, reproduce):
    mbox = tmp_path / "series.mbox"
    good = mbox.read_text()
    mbox.write_text(good.replace("-before", "-other"))
    assert reproduce("patched").returncode != 0
    mbox.write_text(good)
    done = reproduce("patched")
    assert done.returncode == 0, done.stderr
    assert "kernel: after" in done.stdout

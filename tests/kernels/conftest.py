# SPDX-License-Identifier: GPL-2.0-or-later
"""Real kernels: what the tests run crosscheck with, and on.

Base observations are kept between test runs in a cache directory of their own, outside the
clone, as a user's would be.
"""

from __future__ import annotations

import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipeline.artifacts import ArtifactStore
from pipeline.store import Store
from tests.conftest import ZERO_PAGE
from tests.integration.benches import kept_of_bases

XDG = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "crosscheck" / "tests"


#: A file's new text, made from its old one, by path.
Edits = Mapping[str, Callable[[str], str]]


@dataclass(frozen=True)
class Ran:
    """What a `crosscheck run` came to."""

    status: int
    verdict: dict
    reply: str
    output: str

    def check(self, target: str, check: str) -> dict:
        (row,) = [t for t in self.verdict["targets"] if t["target"] == target]
        (cell,) = [c for c in row["checks"] if c["check"] == check]
        return cell

    def kept(self, target: str, name: str) -> Path:
        """The file NAME that the build check kept of TARGET's base."""
        state = XDG / "state" / "crosscheck"
        store = Store(f"sqlite:///{state}/crosscheck.db")
        kept = kept_of_bases(store, ArtifactStore(state / "artifacts"), self.verdict["run"])
        return kept[target][name]

    def outcomes(self) -> dict[str, str]:
        return {t["target"]: t["outcome"] for t in self.verdict["targets"]}

    def accused(self) -> set[tuple[str, str, str]]:
        """(target, check, kind) of every finding."""
        return {
            (t["target"], c["check"], f["kind"])
            for t in self.verdict["targets"]
            for c in t["checks"]
            for f in c["findings"]
        }


def runner(tmp_path: Path) -> Callable[..., Ran]:
    """Runs the command as a user would; its own output goes where pytest shows it."""

    def run(series: Path, tree: Path, *options: str) -> Ran:
        verdict, reply = tmp_path / "verdict.json", tmp_path / "reply.eml"
        for file in (verdict, reply):
            file.unlink(missing_ok=True)
        done = subprocess.run(
            [
                *(
                    Path(sys.executable).with_name("crosscheck"),
                    "run",
                    str(series),
                    "--tree",
                    str(tree),
                ),
                *("--json", str(verdict), "--reply", str(reply), *options),
            ],
            env=os.environ
            | {"XDG_CACHE_HOME": str(XDG / "cache"), "XDG_STATE_HOME": str(XDG / "state")},
            capture_output=True,
            text=True,
            check=False,
        )
        output = done.stdout + done.stderr
        print(output)
        return Ran(
            status=done.returncode,
            verdict=json.loads(verdict.read_text()) if verdict.exists() else {},
            reply=reply.read_text() if reply.exists() else "",
            output=output,
        )

    return run


@pytest.fixture
def crosscheck(tmp_path):
    return runner(tmp_path)


@pytest.fixture(scope="session")
def as_posted(tmp_path_factory, zero_page_mbox, zero_page_base) -> Ran:
    """The zero-page series as it is, on all targets."""
    return runner(tmp_path_factory.mktemp("as-posted"))(zero_page_mbox, zero_page_base)


@pytest.fixture(scope="session")
def zero_page_base(linux, zero_page_mbox) -> Path:
    """The tree before the zero-page change: hard links to the source, with it taken out.

    patch(1) writes a new file and renames it, so the links of the source stay as they are.
    """
    tree = XDG / "trees" / f"{linux.parent.name}-zero-page-base"
    tree.parent.mkdir(parents=True, exist_ok=True)
    with tree.with_name(tree.name + ".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)  # another session of tests may be making it
        if not tree.exists():
            partial = tree.with_name(tree.name + ".partial")
            shutil.rmtree(partial, ignore_errors=True)
            subprocess.run(["cp", "-al", linux, partial], check=True)
            script = zero_page_mbox.parent / "zero-page-base.sh"
            subprocess.run(["sh", script, partial], check=True)
            partial.rename(tree)
    return tree


@pytest.fixture(scope="session")
def some_tree(request, linux) -> Path:
    """A tree for a series that takes any: of two, the one whose kernels other tests build too."""
    return request.getfixturevalue("zero_page_base") if ZERO_PAGE.exists() else linux


def _git(repository: Path, *words: str) -> str:
    ident = ("-c", "user.name=A. Developer", "-c", "user.email=dev@crosscheck.invalid")
    return subprocess.run(
        ["git", "-C", str(repository), *ident, *words], check=True, capture_output=True, text=True
    ).stdout


def _start(repository: Path, tree: Path, names: Iterable[str]) -> None:
    """Make REPOSITORY, with the files NAMES of TREE as its one commit."""
    shutil.rmtree(repository, ignore_errors=True)
    for name in names:
        (repository / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(tree / name, repository / name)
    _git(repository, "init", "-q")
    _git(repository, "add", "-A")
    _git(repository, "commit", "-qm", "base")


def _edit(repository: Path, edits: Edits) -> None:
    for name, edit in edits.items():
        before = (repository / name).read_text()
        after = edit(before)
        assert after != before, f"the edit of {name} changes nothing"
        (repository / name).write_text(after)


def _commit(repository: Path, subject: str) -> None:
    _git(repository, "add", "-A")
    _git(repository, "commit", "-qm", subject + "\n\nMade for a test.")


@pytest.fixture
def variant(zero_page_base, zero_page_mbox, tmp_path):
    """Makes a series from the zero-page one: with its files edited, as one patch."""

    def make(subject: str, edits: Edits) -> Path:
        scratch = tmp_path / "scratch"
        names = {
            line[6:]
            for line in zero_page_mbox.read_text().splitlines()
            if line.startswith("+++ b/")
        } | set(edits)
        _start(scratch, zero_page_base, names)
        with zero_page_mbox.open() as mail:
            subprocess.run(["patch", "-s", "-p1", "-d", scratch], stdin=mail, check=True)
        _edit(scratch, edits)
        _commit(scratch, subject)
        series = tmp_path / f"{subject.split(maxsplit=1)[0]}.mbox"
        series.write_text(_git(scratch, "format-patch", "-1", "--stdout"))
        return series

    return make


@pytest.fixture
def posted(zero_page_base, tmp_path):
    """Makes a series of patches, (subject, edits) each, against the zero-page base."""

    def make(*patches: tuple[str, Edits]) -> Path:
        scratch = tmp_path / "posted"
        _start(scratch, zero_page_base, {name for _, edits in patches for name in edits})
        for subject, edits in patches:
            _edit(scratch, edits)
            _commit(scratch, subject)
        series = tmp_path / "posted.mbox"
        series.write_text(_git(scratch, "format-patch", f"-{len(patches)}", "--stdout"))
        return series

    return make

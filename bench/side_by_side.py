# SPDX-License-Identifier: GPL-2.0-or-later
"""crosscheck and plain make, measured side by side; what the scripts here have in common.

make has the sources in the page cache, a cold crosscheck has not: what unfairness there is, is
ours.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.artifacts import ArtifactStore
from pipeline.coordinator import cores_each
from pipeline.matrix import load
from pipeline.model import Step, Target
from pipeline.settings import load as load_settings
from pipeline.store import Store
from workers.kernel_build import ENVIRONMENT, config_lines, make_argv
from workers.sandbox.contract import BUILD, SOURCE


@dataclass
class Crosscheck:
    """Runs the command, with a cache and state of its own in SCRATCH."""

    tree: str
    targets: list[Target]
    scratch: Path

    def run(self, series: str, how: str, *more: str) -> float:
        """Run SERIES with MORE options, print what it took and how; the seconds."""
        verdict = self.scratch / "verdict.json"
        environ = os.environ | {
            "XDG_CACHE_HOME": str(self.scratch / "cache"),
            "XDG_STATE_HOME": str(self.scratch / "state"),
        }
        command = [
            *(str(Path(sys.executable).with_name("crosscheck")), "run", series),
            *("--tree", self.tree, "--json", str(verdict), *more),
            *(word for target in self.targets for word in ("--target", target.name)),
        ]
        began = time.monotonic()
        status = subprocess.run(command, env=environ, check=False).returncode
        took = time.monotonic() - began
        said = json.loads(verdict.read_text())
        print(f"crosscheck run {series}, {how}: {took:.1f} s, {said['outcome']}, exit {status}")
        for target in said["targets"]:
            for check in target["checks"]:
                if "build_seconds" in check["facts"]:
                    facts = check["facts"]
                    words = [check["check"], facts["build_seconds"], facts.get("steps")]
                    print(f"    {target['target']}:", *words, flush=True)
        return took

    @property
    def _latest(self) -> str:
        return str(json.loads((self.scratch / "verdict.json").read_text())["run"])

    @property
    def _store(self) -> Store:
        return Store(f"sqlite:///{self.scratch}/state/crosscheck/crosscheck.db")

    def builds(self) -> dict[str, tuple[float, dict[str, str]]]:
        """Of the latest run, by target: the seconds that its base took to configure and make, and
        the files of that kernel, by name.
        """
        place = ArtifactStore(self.scratch / "state/crosscheck/artifacts")
        found = {}
        for row in self._store.jobs(self._latest):
            if (row.job.check, row.job.step) == ("build", Step.BASE) and row.result:
                observation = row.result.observation
                assert observation
                seen = json.loads(place.path(observation.seen).read_bytes())
                files = {artifact.name: artifact.ref for artifact in observation.artifacts}
                found[row.job.target] = (seen["config_s"] + seen["build_s"], files)
        return found

    def trees(self) -> tuple[Path, Path]:
        """The checkouts of the latest run: base and patched."""
        record = self._store.run(self._latest)
        assert record
        change, place = record.case.change, self.scratch / "cache/crosscheck/checkouts"
        return place / change.base_tree, place / f"{change.patched_tree}-since-{change.base_tree}"


@dataclass
class Plain:
    """Plain make of TARGETS, side by side; all in SCRATCH."""

    targets: list[Target]
    scratch: Path

    def timed(self, what: str, make: Callable[[Target], None]) -> float:
        """MAKE all targets, print what it took; the seconds."""
        cores = len(os.sched_getaffinity(0))
        began = time.monotonic()
        with ThreadPoolExecutor(cores) as pool:
            list(pool.map(make, self.targets))
        took = time.monotonic() - began
        print(f"{what}, {len(self.targets)} targets: {took:.1f} s", flush=True)
        return took

    @property
    def share(self) -> int:
        """The -j of each make, as crosscheck has it."""
        cores = len(os.sched_getaffinity(0))
        return cores_each(len(self.targets), cores, cores)

    def make(self, source: Path, target: Target, build: Path) -> None:
        """Configure and make, as crosscheck does, without a sandbox."""
        build.mkdir(parents=True, exist_ok=True)
        (build / "all.config").write_text("\n".join(config_lines(source, target)) + "\n")
        for goals, more in (
            (("allnoconfig",), [f"KCONFIG_ALLCONFIG={BUILD}/all.config"]),
            (target.make_targets, []),
        ):
            argv = [
                word.replace(BUILD, str(build))
                if "=" in word
                else word.replace(SOURCE, str(source))
                for word in make_argv(target, self.share, goals, *more)
            ]
            with (build / "log").open("ab") as log:
                subprocess.run(
                    argv, env=os.environ | ENVIRONMENT, stdout=log, stderr=log, check=True
                )

    def tuxmake(self, command: str, source: Path, target: Target) -> None:
        """With the configuration of the plain build that was made before."""
        place = self.scratch / "tuxmake" / target.name
        place.mkdir(parents=True)
        shutil.copyfile(self.scratch / "plain" / target.name / ".config", place / "config")
        argv = [
            *(command, "--directory", str(source), "--build-dir", str(place / "build")),
            *("--output-dir", str(place / "output"), "--target-arch", target.make_arch),
            *("--kconfig", str(place / "config"), "--jobs", str(self.share), "--quiet"),
            *("--kernel-image", target.make_targets[0], "kernel"),
        ]
        with (place / "log").open("ab") as log:
            subprocess.run(argv, stdout=log, stderr=log, check=True)


def differing(base: Path, patched: Path) -> Iterator[tuple[Path, Path]]:
    """(name, file) of what PATCHED, hard links to BASE, has of its own."""
    for place, _, names in os.walk(patched):
        for name in names:
            new = Path(place, name)
            old = base / new.relative_to(patched)
            if not os.path.lexists(old) or old.lstat().st_ino != new.lstat().st_ino:
                yield new.relative_to(patched), new


@contextmanager
def in_place(source: Path, base: Path, patched: Path) -> Iterator[None]:
    """SOURCE, hard links to BASE, as PATCHED while the context lasts: written anew, now."""
    changed = list(differing(base, patched))
    for name, new in changed:
        (source / name).unlink(missing_ok=True)
        (source / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(new, source / name, follow_symlinks=False)
    yield
    for name, _ in changed:
        (source / name).unlink()
        if os.path.lexists(base / name):
            os.link(base / name, source / name, follow_symlinks=False)


@contextmanager
def scratch() -> Iterator[Path]:
    """A directory beside the cache, on the same disk; removed at the end."""
    place = Path(tempfile.mkdtemp(prefix="bench-", dir=load_settings().cache_dir.parent))
    try:
        yield place
    finally:
        shutil.rmtree(place, ignore_errors=True)


def arguments(says: str | None) -> argparse.ArgumentParser:
    """What every script here is told; SAYS is its docstring."""
    parser = argparse.ArgumentParser(description=(says or "").splitlines()[0])
    parser.add_argument("series", nargs="+")
    parser.add_argument("--tree", required=True)
    parser.add_argument("--target", action="append", required=True)
    return parser


def targets(names: list[str]) -> list[Target]:
    """The targets of the matrix that are called NAMES."""
    return [target for target in load(load_settings().matrix).targets if target.name in names]

# SPDX-License-Identifier: GPL-2.0-or-later
"""What compilers made before: how is nothing compiled twice that is the same?

ccache(1) stands in for a target's compiler. It keeps what came of a source and of all headers that
the compiler said it read, with the same options and the same compiler, and it gives the same again,
messages too. It does not see a header that is new and found first: only sources in which a compiler
finds the same (`workers.finds`) share what was made. To ask the preprocessor would see all, but
takes 0.4 of the time that compiling takes.

Builds of bases write it. The others only read: what a series' own code wrote is nothing to make
others' kernels from.
"""

from __future__ import annotations

import re
import shutil
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from pipeline.kept import Kept
from pipeline.removal import remove
from workers.sandbox.contract import BUILD, PATH, Mount

_DIRECTORY = "/compiled"
#: A directory in which a target's compiler is ccache.
_COMPILERS = "/compilers"
#: Where ccache says what it did, in the build directory.
_SAID = ".ccache"
_SAID_BYTES = 64 << 20


@dataclass(frozen=True, slots=True)
class Counts:
    """How often the compiler's answer was there before, and how often it was not."""

    hits: int = 0
    misses: int = 0


@dataclass(frozen=True, slots=True)
class Use:
    """What a command is given to use it."""

    mounts: tuple[Mount, ...]
    environment: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class CompileCache:
    """In KEPT, at most MOST_BYTES of what COMPILER made; TOOLCHAIN names all that it runs."""

    kept: Kept
    most_bytes: int
    compiler: str
    toolchain: str
    writable: bool

    @contextmanager
    def used(self, build: Path, finds: str) -> Iterator[Use]:
        """How a command that builds in BUILD, which is below a directory of its own, uses it.

        FINDS names what a compiler finds in its source.
        """
        with self.kept.held(_fill) as place:
            compilers = build.with_name("compilers")
            _make_compilers(compilers, self.compiler)
            mounts = (
                Mount(place, _DIRECTORY, writable=self.writable),
                Mount(compilers, _COMPILERS),
            )
            yield Use(mounts, self._environment(f"{self.toolchain}-{finds}"))
        if self.writable:
            self.kept.measure()

    def _environment(self, namespace: str) -> dict[str, str]:
        environment = {
            "PATH": f"{_COMPILERS}:{PATH}",
            "CCACHE_DIR": _DIRECTORY,
            "CCACHE_CONFIGPATH": "/dev/null",
            "CCACHE_TEMPDIR": "/tmp/ccache",  # noqa: S108 (inside the sandbox)
            "CCACHE_DEPEND": "1",
            "CCACHE_INODECACHE": "1",  # headers are the same for all: each is read once
            # Nobody edits a header while it is compiled, however new it is.
            "CCACHE_SLOPPINESS": "include_file_ctime,include_file_mtime",
            "CCACHE_COMPILERCHECK": "content",
            "CCACHE_NAMESPACE": namespace,
            "CCACHE_STATSLOG": f"{BUILD}/{_SAID}",
            "CCACHE_UMASK": "000",  # each command may run as another user
            "CCACHE_MAXSIZE": f"{max(self.most_bytes >> 10, 1)}Ki",
        }
        return environment if self.writable else environment | {"CCACHE_READONLY": "1"}


def is_here() -> bool:
    """Whether this machine has ccache, where sandboxes see it."""
    return (shutil.which("ccache") or "").startswith("/usr/")


def counted(build: Path) -> Counts:
    """What ccache said in BUILD, which is taken away. The series' own code may have written it."""
    said = build / _SAID
    if said.is_symlink() or not said.is_file():
        return Counts()
    with said.open(encoding="utf-8", errors="replace") as stream:
        text = stream.read(_SAID_BYTES)
    remove(said)
    return count(text)


def count(text: str) -> Counts:
    """What TEXT says, as CCACHE_STATSLOG has it: a line for each counter."""
    hits = re.findall(r"^(?:direct|preprocessed)_cache_hit$", text, re.MULTILINE)
    misses = re.findall(r"^cache_miss$", text, re.MULTILINE)
    return Counts(len(hits), len(misses))


def _fill(directory: Path) -> None:
    """What is in there everybody may write; DIRECTORY's own is nobody's but ours."""
    directory.parent.parent.chmod(0o700)
    directory.mkdir()
    directory.chmod(0o777)


def _make_compilers(directory: Path, compiler: str) -> None:
    remove(directory)
    directory.mkdir()
    (directory / compiler).symlink_to(shutil.which("ccache") or "")

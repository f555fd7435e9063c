# SPDX-License-Identifier: GPL-2.0-or-later
"""What compilers made before: how is nothing compiled twice that is the same?

ccache(1) stands in for a target's compiler. It keeps what came of a source and of all headers that
the compiler said it read, with the same options and the same compiler, and it gives the same again,
messages too. It does not see a header that is new and found first: only sources in which a compiler
finds the same (`workers.finds`) share what was made. Nor does it see what the assembler takes in
(`.incbin`): such a source is compiled each time. To ask the preprocessor would see all but that,
and takes 0.4 of the time that compiling takes.

Builds of bases write it. The others only read: what a series' own code wrote is nothing to make
others' kernels from.
"""

from __future__ import annotations

import hashlib
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
#: A directory in which a target's compiler is a script.
_COMPILERS = "/compilers"
#: kbuild names the source last.
_COMPILER = """\
#!/bin/sh
for last; do :; done
[ -f "$last" ] && grep -q incbin -- "$last" && exec {compiler} "$@"
exec {ccache} {compiler} "$@"
"""
#: In the build directory: where ccache works, and says what it did.
_WORKS = ".ccache"
_SAID = f"{_WORKS}/said"
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
    """In KEPT, at most MOST_BYTES of what a COMPILER made.

    COMPILER and CCACHE are paths, as commands see them; TOOLCHAIN names all that COMPILER runs.
    """

    kept: Kept
    most_bytes: int
    ccache: Path
    compiler: Path
    toolchain: str
    writable: bool

    @contextmanager
    def used(self, build: Path, finds: str) -> Iterator[Use]:
        """How a command that builds in BUILD, which is below a directory of its own, uses it.

        FINDS names what a compiler finds in its source.
        """
        self.kept.place.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        with self.kept.held(_fill) as place:
            compilers = build.with_name("compilers")
            self._make(compilers)
            mounts = (
                Mount(place, _DIRECTORY, writable=self.writable),
                Mount(compilers, _COMPILERS),
            )
            yield Use(mounts, self._environment(f"{self.toolchain}-{finds}"))
        if self.writable:
            self.kept.measure()

    def drop(self) -> None:
        """Remove it, when nobody uses it any more."""
        self.kept.drop()

    def _make(self, compilers: Path) -> None:
        """Make the directory COMPILERS, whose compiler is in the place of the real one."""
        remove(compilers)
        compilers.mkdir()
        script = compilers / self.compiler.name
        script.write_text(_COMPILER.format(ccache=self.ccache, compiler=self.compiler))
        script.chmod(0o755)

    def _environment(self, shared: str) -> dict[str, str]:
        """What is made is SHARED by all who say the same."""
        environment = {
            "PATH": f"{_COMPILERS}:{PATH}",
            "CCACHE_DIR": _DIRECTORY,
            "CCACHE_CONFIGPATH": "/dev/null",
            "CCACHE_TEMPDIR": f"{BUILD}/{_WORKS}",
            "CCACHE_DEPEND": "1",
            "CCACHE_INODECACHE": "1",  # headers are the same for all: each is read once
            # Nobody edits a header while it is compiled, however new it is.
            "CCACHE_SLOPPINESS": "include_file_ctime,include_file_mtime",
            "CCACHE_COMPILERCHECK": f"string:{shared}",
            "CCACHE_STATSLOG": f"{BUILD}/{_SAID}",
            "CCACHE_UMASK": "000",  # each command may run as another user
            "CCACHE_MAXSIZE": f"{max(self.most_bytes >> 10, 1)}Ki",
        }
        return environment if self.writable else environment | {"CCACHE_READONLY": "1"}


def place(program: str, runtime: str) -> Path | None:
    """Where commands of RUNTIME see PROGRAM; None if it is not there."""
    if runtime == "docker":
        return Path("/usr/bin", program)  # in the image, where Debian puts all of them
    found = shutil.which(program)
    return Path(found) if found and found.startswith("/usr/") else None


def counted(build: Path) -> Counts:
    """What ccache said in BUILD; all that it left there is taken away.

    The series' own code may have written it.
    """
    works, said = build / _WORKS, build / _SAID
    text = ""
    if not works.is_symlink() and not said.is_symlink() and said.is_file():
        with said.open(encoding="utf-8", errors="replace") as stream:
            text = stream.read(_SAID_BYTES)
    remove(works)
    return count(text)


def count(text: str) -> Counts:
    """What TEXT says, as CCACHE_STATSLOG has it: a line for each counter."""
    hits = re.findall(r"^(?:direct|preprocessed)_cache_hit$", text, re.MULTILINE)
    misses = re.findall(r"^cache_miss$", text, re.MULTILINE)
    return Counts(len(hits), len(misses))


def content(compiler: Path, runtime: str) -> str:
    """What COMPILER is, beyond its version; what is in an image, the image's id says."""
    return "" if runtime == "docker" else hashlib.sha256(compiler.read_bytes()).hexdigest()


def _fill(directory: Path) -> None:
    """Everybody may write in there who gets there: `CompileCache.used` lets nobody but us."""
    directory.mkdir()
    directory.chmod(0o777)

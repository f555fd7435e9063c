# SPDX-License-Identifier: GPL-2.0-or-later
"""What of a finished build make alone would wrongly keep when the source changes. Pure.

make sees what was made of files that are newer, or gone. It does not see that a file which is
new now comes first where another one was found before, that nobody asks for an object any
more, or that the source of one is gone while the object is there. Such products are removed
before make runs: they are made anew, or not at all, as in a build from nothing.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Container, Iterable
from dataclasses import dataclass

from pipeline.model import FileChange

#: kbuild reads these; they say what is made at all, for their directory and those below it.
_MAKE_FILE = re.compile(r"^(?:Makefile|Kbuild)(?:[._-].*)?$|^.*\.mk$")
#: Programs and rules that take part in everything.
_EVERYWHERE = re.compile(r"^(?:scripts|tools)/")
#: A release changes these lines of the top Makefile, and kbuild knows who reads them.
_VERSION = re.compile(r"^(?:VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION|NAME) =")


@dataclass(frozen=True, slots=True)
class Stale:
    """What has to go, relative to the build directory.

    DIRECTORIES go with all that is in them; STEMS are products without their suffixes
    (`mm/memory`); of whatever was made from a file that is called as one in NAMES.
    """

    directories: frozenset[str] = frozenset()
    stems: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()


def stale(files: Iterable[FileChange]) -> Stale | None:
    """What has to go after FILES have changed; None: all of it."""
    directories, stems, names = set(), set(), set()
    for change in files:
        for path in {change.path, change.old_path} - {""}:
            directory, name = posixpath.split(path)
            if _EVERYWHERE.match(path):
                return None
            if _MAKE_FILE.match(name) and not _only_a_version(change):
                if not directory or path.startswith("include/"):
                    return None
                directories.add(directory)
            if change.status != "M":
                stems.add(posixpath.splitext(path)[0])
        if change.status != "M":
            names.add(posixpath.basename(change.path))
    return Stale(frozenset(directories), frozenset(stems), frozenset(names))


def reaches(files: Iterable[FileChange], compiled: Container[str], arch: str) -> bool:
    """Whether FILES may change what is built for ARCH, of which COMPILED are the sources.

    What comes or goes counts, wherever it is but in another architecture: whether anybody
    reads it cannot be told from the sources of some other moment.
    """
    for change in files:
        for path in {change.path, change.old_path} - {""}:
            name = posixpath.basename(path)
            if path.startswith("arch/") and not path.startswith(f"arch/{arch}/"):
                known = path in compiled
            else:
                known = (
                    change.status != "M"
                    or path in compiled
                    or bool(_MAKE_FILE.match(name) or _EVERYWHERE.match(path))
                    or name.startswith("Kconfig")
                )
            if known and not path.startswith("Documentation/"):
                return True
    return False


def _only_a_version(change: FileChange) -> bool:
    lines = [line for hunk in change.hunks for line in (*hunk.removed, *hunk.added)]
    return change.path == "Makefile" and bool(lines) and all(map(_VERSION.match, lines))

# SPDX-License-Identifier: GPL-2.0-or-later
"""What of a finished build may be kept when the source changes. Pure.

make sees which of the files that something was made from are newer. It does not see that a
file which is new now comes first where another one was found before, that nobody asks for an
object any more, or that a script reads what no rule names. So a finished build is of use only
after changes of which we know what they can reach: what make would wrongly keep is removed
before it runs, and made anew or not at all, as in a build from nothing. After any other change
the build is one from nothing.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Container, Iterable
from dataclasses import dataclass

from pipeline.model import FileChange

#: Compilers, assemblers and dtc tell which of these they read; rules name those that scripts do.
_SOURCE = re.compile(r"\.(?:[chS]|dtsi?|dtso)$")
#: No kernel is made of these.
_NO_PART = re.compile(
    r"^(?:Documentation/(?!Kconfig)|LICENSES/|tools/(?:perf|power|testing)/"
    r"|(?:COPYING|CREDITS|MAINTAINERS|README|\.mailmap|\.clang-format)$)|(?:^|/)\.gitignore$"
)
#: These only say how the kernel is configured, which is done anew each time.
_CONFIG = re.compile(r"(?:^|/)Kconfig[^/]*$|^arch/[^/]+/configs/|^kernel/configs/")
#: Programs and rules that take part in everything.
_EVERYWHERE = re.compile(r"^(?:scripts|tools)/")
#: tools/objtool/sync-check.sh holds these against copies, and only when it makes objtool.
_COMPARED = re.compile(
    r"^(?:arch/x86/(?:lib/(?:inat|insn)\.c|include/asm/(?:emulate_prefix|inat|inat_types|insn|nops"
    r"|orc_types)\.h)|include/linux/(?:interval_tree_generic|livepatch_external|objtool_types"
    r"|static_call_types)\.h)$"
)
#: What these are made into does not tell it: linker scripts, and the headers that include a
#: generic one for an architecture that has none of its own.
_NAMED_BY_RULES = re.compile(r"^include/(?:uapi/)?asm-generic/|\.[^/.]+\.S$")
#: kbuild reads these: what is made at all, and how.
_MAKE_FILE = re.compile(r"(?:^|/)(?:Makefile|Kbuild)$")
#: A release changes these lines of the top Makefile, and kbuild knows who reads them.
_VERSION = re.compile(r"^(?:VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION|NAME) =")
#: A make file's lists of objects and of flags, which matter in its directory and those below.
_LISTS = re.compile(
    r"^\s*(?:#[^\\]*)?$"
    r"|^\s*(?:[\w-]+-(?:y|m|objs|\$\(CONFIG_\w+\))\s*[:+]?=)?(?:\s*[\w./-]+(?:\.o|/)(?!\S))*\s*\\?$"
    r"|^\s*(?:(?:subdir-)?(?:cc|as)flags-(?:y|\$\(CONFIG_\w+\))|[CA]FLAGS_[\w./-]+\.o)\s*[:+]?="
    r"[\w\s=,.-]*$"
)


@dataclass(frozen=True, slots=True)
class Stale:
    """What has to go, relative to the build directory.

    DIRECTORIES go with all that is in them; STEMS are products without their suffixes
    (`mm/memory`); of whatever was made from a file that is called as one in NAMES, or, after
    files have come or gone (MOVED), from one that is not there, or that asks what is.
    """

    directories: frozenset[str] = frozenset()
    stems: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()

    @property
    def moved(self) -> bool:
        """Whether files have come or gone."""
        return bool(self.names)


def stale(files: Iterable[FileChange]) -> Stale | None:
    """What has to go after FILES have changed; None: all of it."""
    directories, stems, names = set(), set(), set()
    for change in files:
        paths = {change.path, change.old_path} - {""}
        if not change.plain or any(map(_COMPARED.match, paths)):
            return None
        if all(map(_takes_no_part, paths)) or _only_a_version(change):
            continue
        if any(map(_EVERYWHERE.match, paths)):
            return None
        if all(map(_SOURCE.search, paths)):
            if change.status not in {"A", "M"} and _NAMED_BY_RULES.search(change.old_path):
                return None
            if change.status != "M":
                stems |= {posixpath.splitext(path)[0] for path in paths}
                names |= {posixpath.basename(path) for path in paths}
        elif all(map(_MAKE_FILE.search, paths)) and _only_lists(change):
            directories.add(posixpath.dirname(change.path))
        else:
            return None
    return Stale(frozenset(directories), frozenset(stems), frozenset(names))


def reaches(files: Iterable[FileChange], compiled: Container[str], arch: str) -> bool:
    """Whether FILES may change what is built for ARCH where COMPILED took part before."""
    for change in files:
        paths = {change.path, change.old_path} - {""}
        if any(path in compiled for path in paths):
            return True
        unused = change.plain and change.status == "M" and _SOURCE.search(change.path)
        if unused and not _EVERYWHERE.match(change.path):
            continue  # tools are made by rules of their own, which do not tell what they read
        if not all(_NO_PART.search(path) or _is_of_another(path, arch) for path in paths):
            return True
    return False


def _takes_no_part(path: str) -> bool:
    return bool(_NO_PART.search(path) or _CONFIG.search(path))


def _is_of_another(path: str, arch: str) -> bool:
    """Whether PATH is below another architecture's directory; um uses those of its host."""
    top, _, rest = path.partition("/")
    of, below, _ = rest.partition("/")
    return top == "arch" and bool(below) and arch not in {of, "um"}


def _lines(change: FileChange) -> tuple[str, ...]:
    return tuple(line for hunk in change.hunks for line in (*hunk.removed, *hunk.added))


def _only_a_version(change: FileChange) -> bool:
    lines = _lines(change)
    return change.path == "Makefile" and bool(lines) and all(map(_VERSION.match, lines))


def _only_lists(change: FileChange) -> bool:
    """Whether CHANGE is to lists of a directory's own; of a make file that moves all counts."""
    directory = posixpath.dirname(change.path)
    return (
        bool(directory)
        and not re.search(r"(?:^|/)include(?:/|$)", directory)
        and change.status in {"M", "A", "D"}
        and not change.binary
        and all(map(_LISTS.match, _lines(change)))
    )

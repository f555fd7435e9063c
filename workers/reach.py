# SPDX-License-Identifier: GPL-2.0-or-later
"""What of a finished build may be kept when the source changes. Pure.

make sees which of the files that something was made from are newer. It does not see that a
file which is new now comes first where another one was found before, that nobody asks for an
object any more, that one is gone, or that a script reads what no rule names. So a finished
build is of use only after changes of which we know what they can reach: what make would
wrongly keep is removed before it runs, and made anew or not at all, as in a build from nothing.
After any other change the build is one from nothing.
"""

from __future__ import annotations

import posixpath
import re
from collections import Counter
from collections.abc import Callable, Container, Iterable
from dataclasses import dataclass

from pipeline.model import FileChange

#: Compilers, assemblers and dtc tell which of these they read; rules name those that scripts do.
_SOURCE = re.compile(r"\.(?:[chS]|dtsi?|dtso)$")
#: No kernel is made of these.
_NO_PART = re.compile(
    r"^(?:Documentation/(?!Kconfig)|LICENSES/|tools/(?:perf|power|testing(?!/.*\.h$))/"
    r"|(?:COPYING|CREDITS|MAINTAINERS|README|\.mailmap|\.clang-format)$)|(?:^|/)\.gitignore$"
)
#: Configuring reads these too, or runs them.
_CONFIGURING = re.compile(r"^(?:scripts|tools|arch/[^/]+/tools)/")
#: These only say how the kernel is configured, which is done anew when one changes.
_CONFIG = re.compile(r"(?:^|/)Kconfig[^/]*$|^arch/[^/]+/configs/|^kernel/configs/")
#: Of these our configurations have nothing (`workers.kernel_build.config_lines`).
_DEFCONFIG = re.compile(r"^arch/[^/]+/configs/")
#: Programs and rules that take part in everything.
_EVERYWHERE = re.compile(r"^(?:scripts|tools)/")
#: Programs for users, each by itself. A kernel that needs one builds it in its build directory.
_PROGRAM = re.compile(
    r"^tools/(?:accounting|bootconfig|cgroup|counter|debugging|firewire|firmware|gpio|hv|iio|laptop"
    r"|leds|mm|net|pcmcia|rcu|sched|sched_ext|spi|thermal|time|tracing|usb|verification|virtio|wmi"
    r"|workqueue|writeback)/"
)
#: A script that rules have as what a thing is made from, unless one is named otherwise.
_GENERATOR = re.compile(r"\.pl$")
#: tools/objtool/sync-check.sh holds these against copies, and only when it makes objtool.
_COMPARED = re.compile(
    r"^(?:arch/x86/(?:lib/(?:inat|insn)\.c|include/asm/(?:emulate_prefix|inat|inat_types|insn|nops"
    r"|orc_types)\.h)|include/linux/(?:interval_tree_generic|livepatch_external|objtool_types"
    r"|static_call_types)\.h)$"
)
_OBJTOOL = "tools/objtool"
#: kbuild reads these: what is made at all, and how.
_MAKE_FILE = re.compile(r"(?:^|/)(?:Makefile|Kbuild)$")
#: A release changes these lines of the top Makefile, and kbuild knows who reads them.
_VERSION = re.compile(r"^(?:VERSION|PATCHLEVEL|SUBLEVEL|EXTRAVERSION|NAME) =")
#: A make file's lists of objects and of flags, which matter in its directory and those below.
_LISTS = re.compile(
    r"^\s*(?:#[^\\]*)?$"
    r"|^(?!.*\.\.)\s*(?:[\w-]+-(?:y|m|objs|\$\(CONFIG_\w+\))\s*[:+]?=)?"
    r"(?:\s*[\w./-]+(?:\.o|/)(?!\S))*\s*\\?$"
    r"|^\s*(?:(?:subdir-)?(?:cc|as)flags-(?:y|\$\(CONFIG_\w+\))|[CA]FLAGS_[\w./-]+\.o)\s*[:+]?="
    r"[\w\s=,.-]*$"
)
#: Of these directories the make files list headers.
_HEADERS = re.compile(r"(?:^|/)include(?:/|$)")
#: What lies in other directories may be listed here.
_ARCH_MAKE_FILE = re.compile(r"^arch/[^/]+/Makefile$")
#: What architectures have of these, kbuild makes of the names alone.
_WRAPPED = re.compile(r"^include/(?:uapi/)?asm-generic/")
#: With these, Kconfig writes another autoconf.h from the same .config.
_TYPE = re.compile(r"^\s*(?:def_)?(bool|tristate|int|hex|string)\b")


@dataclass(frozen=True, slots=True)
class Stale:
    """What has to go, relative to the build directory.

    DIRECTORIES go with all that is in them; STEMS are products without their suffixes
    (`mm/memory`); of whatever was made from a file that is called as one in NAMES, those of the
    files that are new or gone, or that asks which files there are.
    """

    directories: frozenset[str] = frozenset()
    stems: frozenset[str] = frozenset()
    names: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class Named:
    """Sources that are read without make's knowing: what make files, scripts, host programs and
    the assembler's `.include` name. Ends of paths, from the start of one of their parts.
    """

    ends: frozenset[str] = frozenset()

    def has(self, path: str) -> bool:
        """Whether PATH is among them."""
        parts = path.split("/")
        return any("/".join(parts[n:]) in self.ends for n in range(len(parts)))


@dataclass(frozen=True, slots=True)
class Unseen:
    """What a build was made of without make's knowing (`workers.unseen`).

    ASKING are the things made, relative to the build directory, of files that ask which files
    there are; HOSTING the directories in which there are programs for the host.
    """

    named: Named = Named()
    asking: tuple[str, ...] = ()
    hosting: tuple[str, ...] = ()


def stale(
    files: Iterable[FileChange], unseen: Unseen, arch: str, has: Callable[[str], bool]
) -> Stale | None:
    """What has to go of a build for ARCH after FILES have changed; None: all of it.

    HAS says whether the build has something of that name, with or without a suffix.
    """
    directories: set[str] = set()
    changed: set[str] = set()
    for change in files:
        paths = {change.path, change.old_path} - {""}
        if all(_is_no_part(path, arch, has) for path in paths):
            continue
        known = change.plain and not (has(_OBJTOOL) and any(map(_COMPARED.match, paths)))
        if known and _only_configures(change):
            continue
        if not known or any(_EVERYWHERE.match(path) or unseen.named.has(path) for path in paths):
            return None
        if _only_lists(change):
            directories.add(posixpath.dirname(change.path))
        elif all(map(_SOURCE.search, paths)):
            if change.status in {"D", "R"} and _is_missed(change.old_path, has):
                return None
            changed.update(paths if change.status != "M" else ())
        elif not _is_seen(change, has):
            return None
    if any(_is_in(place, directories) for place in unseen.hosting):
        return None  # who runs what is made again there, nobody knows
    return Stale(
        frozenset(directories),
        frozenset(posixpath.splitext(path)[0] for path in changed),
        frozenset(map(posixpath.basename, changed)),
    )


def _is_missed(source: str, has: Callable[[str], bool]) -> bool:
    """Whether there is something that make would take for made, with nothing to make it from.

    What includes a header is another matter: it has a source of its own. But kbuild wraps some.
    """
    stem, suffix = posixpath.splitext(source)
    return bool(_WRAPPED.match(source)) if suffix == ".h" else has(stem)


def _is_seen(change: FileChange, has: Callable[[str], bool]) -> bool:
    """Whether make sees by itself what CHANGE, which is to no source, leads to."""
    if _MAKE_FILE.search(change.path) and change.status in {"A", "M"}:
        return _is_idle(change.path, has)
    return change.status == "M" and bool(_GENERATOR.search(change.path))


def _is_no_part(path: str, arch: str, has: Callable[[str], bool]) -> bool:
    program = _PROGRAM.match(path)
    of_another = path.startswith("tools/") and is_below_another(path.removeprefix("tools/"), arch)
    return bool(
        _NO_PART.search(path)
        or _is_never_read(path, arch)
        or (program and not has(program[0].rstrip("/")))
        or (of_another and not has(_OBJTOOL))
    )


def _is_idle(path: str, has: Callable[[str], bool]) -> bool:
    """Whether kbuild made nothing where the make file PATH lies, and so did not read it.

    It reads those below include/ from elsewhere, and those that another one includes are named.
    """
    directory = posixpath.dirname(path)
    read = not directory or _ARCH_MAKE_FILE.match(path) or _HEADERS.search(directory)
    return not read and not has(directory)


def _is_in(place: str, directories: Container[str]) -> bool:
    parts = place.split("/")
    return any("/".join(parts[: n + 1]) in directories for n in range(len(parts)))


def configures(files: Iterable[FileChange]) -> bool:
    """Whether FILES may change how a kernel is configured: all but sources may."""
    return any(
        not change.plain or not _SOURCE.search(path) or _CONFIGURING.match(path)
        for change in files
        for path in {change.path, change.old_path} - {""}
        if not _NO_PART.search(path)
    )


def reaches(
    files: Iterable[FileChange], compiled: Container[str], named: Named | None, arch: str
) -> bool:
    """Whether FILES may change what is built for ARCH where COMPILED took part before.

    NAMED is what make files and so on name; None: nobody knows.
    """
    for change in files:
        paths = {change.path, change.old_path} - {""}
        if any(path in compiled for path in paths):
            return True
        if all(map(_NO_PART.search, paths)) or all(map(_DEFCONFIG.match, paths)):
            continue
        if named is None or any(map(named.has, paths)):
            return True
        unused = change.plain and change.status == "M" and _SOURCE.search(change.path)
        if unused and not _EVERYWHERE.match(change.path):
            continue  # tools are made by rules of their own, which do not tell what they read
        if not all(_is_of_another(path, arch) for path in paths):
            return True
    return False


def _is_never_read(path: str, arch: str) -> bool:
    """Whether PATH is a make file or device tree of another architecture."""
    read_there = bool(_MAKE_FILE.search(path)) or "/boot/dts/" in path
    return _is_of_another(path, arch) and read_there


def _only_configures(change: FileChange) -> bool:
    """Whether there is nothing in CHANGE but what makes another .config, which is seen there, or
    another version.
    """
    if change.status not in {"A", "M"}:
        return False
    known = _CONFIG.search(change.path) and not change.binary
    configures = known and all(_types(h.removed) <= _types(h.added) for h in change.hunks)
    return bool(configures) or _only_a_version(change)


def _types(lines: Iterable[str]) -> Counter[str]:
    return Counter(found[1] for line in lines if (found := _TYPE.match(line)))


def is_below_another(path: str, arch: str) -> bool:
    """Whether PATH is below another architecture's directory than ARCH's; um uses its host's."""
    top, _, rest = path.partition("/")
    of, below, _ = rest.partition("/")
    return top == "arch" and bool(below) and arch not in {of, "um"}


def _is_of_another(path: str, arch: str) -> bool:
    """As `is_below_another`, but generic Kconfig files read those of some architectures."""
    return is_below_another(path, arch) and not _CONFIG.search(path)


def _lines(change: FileChange) -> tuple[str, ...]:
    return tuple(line for hunk in change.hunks for line in (*hunk.removed, *hunk.added))


def _only_a_version(change: FileChange) -> bool:
    lines = _lines(change)
    return change.path == "Makefile" and bool(lines) and all(map(_VERSION.match, lines))


def _only_lists(change: FileChange) -> bool:
    """Whether CHANGE is to lists of a directory's own."""
    directory = posixpath.dirname(change.path)
    return (
        change.status in {"A", "M"}
        and bool(_MAKE_FILE.search(change.path))
        and bool(directory)
        and not _ARCH_MAKE_FILE.match(change.path)
        and not _HEADERS.search(directory)
        and not change.binary
        and all(map(_LISTS.match, _lines(change)))
    )

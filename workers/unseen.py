# SPDX-License-Identifier: GPL-2.0-or-later
"""What a finished build was made of without make's knowing. Effects: reads source and build.

Compilers tell which files they read, and make looks at the times of those. It does not know of
a header that a script or a host program opens, that a recipe names but its rule does not, or
that the assembler includes; and it does not know who asked whether there is some file.
"""

from __future__ import annotations

import os
import posixpath
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from pipeline.walk import walk
from workers.check import Bench
from workers.kernel_build import inside
from workers.kernel_commands import commands, made_by
from workers.reach import Named, Unseen, is_below_another
from workers.sandbox.contract import SOURCE

#: More than any file of a kernel that we look into: register tables of GPUs have up to 25 MB.
_MOST_BYTES = 64 << 20

MAKE_FILE = re.compile(r"(?:^|/)(?:Makefile|Kbuild|Platform)[^/]*$|\.mk$")
_SCRIPT = re.compile(r"\.(?:awk|pl|py|sed|sh)$")
#: Make files and scripts that build no kernel, or are looked at as a whole (`workers.reach`).
_ELSEWHERE = re.compile(r"^(?:Documentation|LICENSES|samples|tools|usr/include)/")
#: A word with the name of a source, as make files, shells and C strings write it.
_WORD = re.compile(r"[\w$(){}./+-]*\w\.(?:[chS]|dtsi?|dtso|pl)\b")
#: A make file that another one includes, but not that of a directory that is only in a variable.
_MADE_PART = re.compile(
    r"^[ \t]*[-s]?include[ \t].*?([\w.-]+/(?:Makefile|Kbuild))(?!\S)", re.MULTILINE
)
#: Of a script that something is made from make looks at the time.
_RULE = re.compile(r"^(\$\(obj\)/[^\s:=]+: ?)+(?:\$\(src\)/[\w%./-]+\.pl| |FORCE)+$", re.MULTILINE)
INCLUDED = re.compile(rb"\.include[ \t]+\\?\"([^\"\\\n]+)\\?\"")
_ASKS = b"__has_include"
#: Only what is compiled for the kernel, and not for the host, has this.
_OF_KERNEL = "-D__KERNEL__"
_COMPILES = re.compile(r"^source_", re.MULTILINE)
#: Of what these make files name only whether it is there matters (`workers.reach`).
_WRAPPED = re.compile(r"^include/(?:uapi/)?asm-generic/Kbuild$")
#: What a program for the host includes, its compiler tells. What a script writes, nobody does.
_INCLUDES = re.compile(r"^\s*#\s*include.*$", re.MULTILINE)
_COMMENTS = re.compile(r"^\s*#(?!\s*include).*$", re.MULTILINE)


def unseen(bench: Bench) -> Unseen:
    """What make cannot see in BENCH's build, which is finished. Raises InfraError."""
    build, source = bench.build, bench.source
    named: set[str] = set()
    asking = []
    hosting = set()
    looked: dict[str, tuple[bool, set[str]]] = {}
    for command in commands(build):
        text = inside(bench, command.read_text(encoding="utf-8", errors="replace"))
        words = set(text.split())
        for word in words - looked.keys():
            looked[word] = _look_into(word, build, source)
        made = str(made_by(command).relative_to(build))
        if any(looked[word][0] for word in words):
            asking.append(made)
        if _OF_KERNEL not in text:
            named.update(_named_by_programs(words, source))
            if _COMPILES.search(text):
                hosting.add(posixpath.dirname(made))
    named.update(*(included for _, included in looked.values()))
    for name, text in _rules_and_scripts(source, bench.target.arch):
        named.update(_ends(text, "" if _SCRIPT.search(name) else posixpath.dirname(name)))
        named.update(_MADE_PART.findall(text))
    return Unseen(Named(frozenset(named)), tuple(asking), tuple(hosting))


def read(path: Path) -> bytes:
    """What PATH holds; nothing if it is no plain file or cannot be read."""
    try:
        if not path.is_file():
            return b""
        with path.open("rb") as stream:
            return stream.read(_MOST_BYTES)
    except OSError:
        return b""


def _place(word: str, build: Path, source: Path) -> Path | None:
    """Where the source or header is that WORD of a command names, if it names one."""
    if not word.endswith((".h", ".c", ".S")):
        return None
    named = posixpath.normpath(word)
    if named.startswith(f"{SOURCE}/"):
        return source / named.removeprefix(f"{SOURCE}/")
    return None if named.startswith(("/", "..", "-")) else build / named


def _look_into(word: str, build: Path, source: Path) -> tuple[bool, set[str]]:
    """Whether the file that WORD names asks which files there are; what it has the assembler
    include.
    """
    place = _place(word, build, source)
    text = read(place) if place else b""
    included = {name.decode("utf-8", "replace") for name in INCLUDED.findall(text)}
    return _ASKS in text, {posixpath.normpath(name) for name in included}


def _named_by_programs(words: Iterable[str], source: Path) -> Iterator[str]:
    """What the programs and scripts name that a command of WORDS compiles, or runs."""
    for word in words:
        named = posixpath.normpath(word)
        if not named.startswith(f"{SOURCE}/") or named.endswith(".h"):
            continue
        name = named.removeprefix(f"{SOURCE}/")
        if not _ELSEWHERE.match(name):
            text = read(source / name).decode("utf-8", "replace")
            yield from _ends((_COMMENTS if _SCRIPT.search(name) else _INCLUDES).sub("", text), "")


def parts(source: Path, arch: str) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """(path, entry) of what may take part in a build of SOURCE for ARCH by its place."""
    for entry in walk(source):
        name = entry.path[len(str(source)) + 1 :]
        if not (_ELSEWHERE.match(name) or is_below_another(name, arch)):
            yield name, entry


def _rules_and_scripts(source: Path, arch: str) -> Iterator[tuple[str, str]]:
    """(path, text) of the make files that may take part in a build for ARCH, of the scripts that
    they name, and of links, whose text is where they lead.
    """
    scripts = []
    rules = []
    for name, entry in parts(source, arch):
        if entry.is_symlink():
            yield name, str(Path(entry.path).readlink())
        if MAKE_FILE.search(name) and not _WRAPPED.match(name):
            text = _COMMENTS.sub("", read(Path(entry.path)).decode("utf-8", "replace"))
            rules.append(text)
            yield name, _RULE.sub("", text)
        elif _SCRIPT.search(name):
            scripts.append(name)
    named = set(re.findall(r"[\w.-]+", "\n".join(rules)))
    for name in scripts:
        if posixpath.basename(name) in named:
            text = read(source / name).decode("utf-8", "replace")
            yield name, _COMMENTS.sub("", text)


def _ends(text: str, directory: str) -> Iterator[str]:
    """The ends of the paths of the sources that TEXT names.

    A make file lies in DIRECTORY, and names files of its own without one; of a script ("") nobody
    knows where it runs.
    """
    for word in _WORD.findall(text):
        own = re.sub(r"^\$\(src(?:tree\)/\$\(src)?\)/", "", word)
        is_own = directory and (own != word or not re.search(r"[$/]", word))
        path = f"{directory}/{own}" if is_own else re.sub(r"^.*[)}]|^\$\w+", "", word)
        end = posixpath.normpath(path.lstrip("/"))
        yield re.sub(r"^(?:\.\./)+", "", end)

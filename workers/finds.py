# SPDX-License-Identifier: GPL-2.0-or-later
"""What does a compiler find where it looks for a header? Effects: reads the source.

Who compiled a source, and read headers that are all still the same, would read the same again
unless one of them is found elsewhere now. That takes another header of its name. So two sources
are alike where the same headers share their name with others, with generated ones, or with those
of which somebody asks whether they are there, and the same are generated.
"""

from __future__ import annotations

import hashlib
import json
import posixpath
import re
import uuid
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path

from workers.check import Bench
from workers.unseen import INCLUDED, MAKE_FILE, parts, read

_HEADER = re.compile(r"\.h$")
#: What may have the assembler include a file. Drivers, file systems and protocols are a gigabyte,
#: for many architectures, and do not.
_READ = re.compile(r"^(?!drivers/|fs/|net/|sound/).*\.[chS]$")
#: Who asks for what; "" where a macro says it.
_ASKED = re.compile(rb"__has_include(?:_next)?\s*\(\s*(?:[\"<]([^\">\n]+))?")
#: A line of a make file that may make a header, or wrap one.
_MAKES_ONE = re.compile(r"^.*(?:\.h\b|generic-|mandatory-).*$", re.MULTILINE)
_WORD = re.compile(r"[\w.-]+\.h\b")


def finds(bench: Bench) -> str:
    """A name for what compilers find in BENCH's source, the same for sources that are alike.

    One that no other source has where what is made of it cannot be told from what is found.
    """
    source, arch = bench.source, bench.target.arch
    named: dict[str, list[str]] = defaultdict(list)
    rules: list[tuple[str, list[str]]] = []
    included: set[str] = set()
    asked: set[str] = set()
    for name, entry in parts(source, arch):
        path = Path(entry.path)
        if entry.is_symlink():
            rules.append((name, [str(path.readlink())]))
        elif MAKE_FILE.search(name):
            rules.append((name, _MAKES_ONE.findall(read(path).decode("utf-8", "replace"))))
        if _HEADER.search(name):
            named[posixpath.basename(name)].append(name)
        if _READ.match(name):
            text = read(path)
            asked |= _names(_ASKED.findall(text))
            included |= _names(INCLUDED.findall(text))
            if name.endswith(".h") and b"incbin" in text:
                return uuid.uuid4().hex  # what includes it does not say that it takes something in
    made = {word for _, lines in rules for line in lines for word in _WORD.findall(line)}
    matter = sorted(
        sorted(names)
        for name, names in named.items()
        if len(names) > 1 or name in asked or name in made or "" in asked
    )
    return _digest(
        matter,
        sorted(rule for rule in rules if rule[1]),
        [_contents(source, name) for base in sorted(included) for name in sorted(named[base])],
    )


def _names(paths: Iterable[bytes]) -> set[str]:
    """The names of the files that PATHS lead to."""
    return {posixpath.basename(path.decode("utf-8", "replace")) for path in paths}


def _contents(source: Path, name: str) -> tuple[str, str]:
    return name, hashlib.sha256(read(source / name)).hexdigest()


def _digest(*parts: object) -> str:
    return hashlib.sha256(json.dumps(parts).encode()).hexdigest()[:32]

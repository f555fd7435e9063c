# SPDX-License-Identifier: GPL-2.0-or-later
"""Which patch of a series a new diagnostic comes from. Pure.

The patch that wrote the line; else one that changes lines which name the same identifiers
(removed ones first: what was taken away is missed elsewhere); else the last one that touches
the file, or what an object was made from. A series of one patch has only that one.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable, Iterator

from pipeline.change import last_toucher, owner
from pipeline.model import Change, PatchDiff
from workers.parsers.diagnostics import Diagnostic

_QUOTED = re.compile("[`'\u2018\"]([A-Za-z_]\\w*)['\u2019\"]")
_TYPE = re.compile(r"\btype '[^']*'")
_REFERENCE = re.compile(r"([A-Za-z_]\w*)(?:\+0x[0-9a-f]+)? \(section: ")
_LLD = re.compile(r"^(?:undefined|duplicate) symbol: (\w+)$")
_OBJECT = re.compile(r"[\w./-]+\.o\b")


def symbols(diagnostic: Diagnostic) -> tuple[str, ...]:
    """The identifiers that DIAGNOSTIC's text names, in order."""
    text = _TYPE.sub("", diagnostic.text)
    found = [*_QUOTED.findall(text), *_REFERENCE.findall(text), *_LLD.findall(text)]
    return tuple(dict.fromkeys(found))


def files(diagnostic: Diagnostic) -> tuple[str, ...]:
    """The source and make files that DIAGNOSTIC may be about, the likeliest first."""
    objects = _OBJECT.findall(f"{diagnostic.file} {diagnostic.text}")
    sources = [f"{made[:-2]}{suffix}" for made in objects for suffix in (".c", ".S")]
    makes = [posixpath.join(posixpath.dirname(made), "Makefile") for made in objects]
    named = [diagnostic.file, *sources, *makes]
    return tuple(dict.fromkeys(name for name in named if name))


def _names(lines: Iterable[str], name: str) -> bool:
    word = re.compile(rf"\b{re.escape(name)}\b")
    return any(word.search(line) for line in lines)


def _removed(patch: PatchDiff) -> Iterator[str]:
    return (line for file in patch.files for hunk in file.hunks for line in hunk.removed)


def _added(patch: PatchDiff) -> Iterator[str]:
    return (line for file in patch.files for hunk in file.hunks for line in hunk.added)


def blame(change: Change, diagnostic: Diagnostic) -> int | None:
    """The number of the patch that DIAGNOSTIC comes from; None if that cannot be told."""
    if len(change.patches) == 1:
        return change.patches[0].n
    if diagnostic.line is not None:
        wrote = owner(change, diagnostic.file, diagnostic.line)
        if wrote is not None:
            return wrote
    for side in (_removed, _added):
        for name in symbols(diagnostic):
            for patch in reversed(change.patches):
                if _names(side(patch), name):
                    return patch.n
    touchers = (last_toucher(change, name) for name in files(diagnostic))
    return next((n for n in touchers if n is not None), None)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Who maintains and reviews a file of the kernel? Pure: reads the text of MAINTAINERS.

The rules are those that the head of that file documents, as scripts/get_maintainer.pl applies
them to `M:`, `R:`, `F:`, `X:` and `N:`. What a patch contains (`K:`) and git's history say
nothing here: they would let whoever writes the patch choose.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from email.utils import parseaddr

from pipeline.paths import wildcard

_ENTRY = re.compile(r"([A-Z]):\s*(.*\S)")
_HEAD = re.compile(r"^Maintainers List\n-+\n", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Section:
    """Who is responsible for what. PEOPLE are addresses in small letters."""

    name: str
    people: tuple[str, ...]
    files: tuple[re.Pattern[str], ...]
    excluded: tuple[re.Pattern[str], ...] = ()
    names: tuple[re.Pattern[str], ...] = ()  # searched for anywhere in the path

    def has(self, path: str) -> bool:
        """Whether PATH is one of its files."""
        if any(pattern.match(path) for pattern in self.excluded):
            return False
        return any(pattern.match(path) for pattern in self.files) or any(
            pattern.search(path) for pattern in self.names
        )


def _pattern(written: str) -> re.Pattern[str]:
    """The files that an `F:` or `X:` of that text names; to be matched from the beginning.

    A directory has all that is below it, also where its slash is missing.
    """
    parts = re.findall(r"\*\*/|\*\*|\*|\?|\[[^\]]+\]|[^*?[]+|\[", written)
    below = written.endswith("/") or not re.search(r"[*?[]", written)
    end = "" if written.endswith("/") else r"(?:/|\Z)" if below else r"\Z"
    return re.compile("".join(map(_translated, parts)) + end, re.DOTALL)


def _translated(part: str) -> str:
    if part.startswith("[") and part.endswith("]"):
        return f"(?!/)[{part[1:-1].replace(chr(92), '').replace('[', '')}]"
    return wildcard(part)


def _compiled(expression: str) -> re.Pattern[str] | None:
    """EXPRESSION is Perl's; None where it is none of Python's."""
    try:
        return re.compile(expression, re.VERBOSE)
    except re.error:
        return None


def _section(lines: list[str]) -> Section:
    said: dict[str, list[str]] = {}
    for line in lines[1:]:
        if entry := _ENTRY.match(line):
            said.setdefault(entry[1], []).append(entry[2])
    people = (parseaddr(text)[1].lower() for kind in "MR" for text in said.get(kind, ()))
    return Section(
        name=lines[0].strip(),
        people=tuple(dict.fromkeys(address for address in people if "@" in address)),
        files=tuple(map(_pattern, said.get("F", ()))),
        excluded=tuple(map(_pattern, said.get("X", ()))),
        names=tuple(filter(None, map(_compiled, said.get("N", ())))),
    )


def sections(text: str) -> tuple[Section, ...]:
    """The sections of MAINTAINERS, in their order; those that name nobody are left out."""
    head = _HEAD.search(text)
    blocks = re.split(r"\n\s*\n", text[head.end() :] if head else text)
    found = (
        _section(lines)
        for block in blocks
        if (lines := [line for line in block.splitlines() if line.strip()])
    )
    return tuple(section for section in found if section.people)


def responsible(found: Iterable[Section], paths: Iterable[str]) -> frozenset[str]:
    """The addresses of all who maintain or review one of PATHS."""
    touched = tuple(paths)
    return frozenset(
        person
        for section in found
        if any(section.has(path) for path in touched)
        for person in section.people
    )

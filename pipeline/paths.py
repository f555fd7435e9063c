# SPDX-License-Identifier: GPL-2.0-or-later
"""Which architectures does a file of the kernel tree concern? Pure.

The matrix answers with rules that are read from the top; the first whose pattern matches
decides. Patterns match the whole path: `*` and `?` stay within one directory, `**` crosses
them, and `{arch}` stands for the name of any directory under arch/ of the tree.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from functools import cache

ALL = "all"
ARCH = "{arch}"

_PARTS = re.compile(r"\{arch\}|\*\*/|\*\*|\*|\?|[^*?{]+|.", re.DOTALL)


@dataclass(frozen=True, slots=True)
class PathRule:
    """Paths like PATTERNS are WHAT and concern AFFECTS.

    AFFECTS is ("all",), () for none, or names of directories under arch/, among which
    "{arch}" is the one that the pattern matched.
    """

    patterns: tuple[str, ...]
    what: str  # "a driver for {arch}", to follow "PATH is"
    affects: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Concern:
    """PATH is WHAT and is built for ARCHES, or for all of them."""

    path: str
    what: str
    arches: tuple[str, ...]

    @property
    def everywhere(self) -> bool:
        """Whether every architecture is concerned."""
        return self.arches == (ALL,)

    def affects(self, arch: str) -> bool:
        """Whether ARCH, a directory under arch/, is concerned."""
        return self.everywhere or arch in self.arches

    def __str__(self) -> str:
        return f"{self.path} is {self.what}" + (": all architectures" if self.everywhere else "")


@cache
def compiled(pattern: str) -> re.Pattern[str]:
    """PATTERN as a regular expression; its group `arch` is what {arch} matched."""
    return re.compile("".join(map(_translated, _PARTS.findall(pattern))), re.DOTALL)


def _translated(part: str) -> str:
    return "(?P<arch>[^/]+)" if part == ARCH else wildcard(part)


def wildcard(part: str) -> str:
    """What PART (`**/`, `**`, `*`, `?`, or text that stands for itself) matches of a path, as a
    regular expression.
    """
    match part:
        case "**/":
            return "(?:.*/)?"
        case "**":
            return ".*"
        case "*":
            return "[^/]*"
        case "?":
            return "[^/]"
    return re.escape(part)


def concern(rules: Iterable[PathRule], path: str, tree_arches: Iterable[str]) -> Concern:
    """Whom PATH concerns. What no rule matches concerns everyone."""
    arches = tuple(tree_arches)
    for rule in rules:
        for pattern in rule.patterns:
            match = compiled(pattern).fullmatch(path)
            if match is None:
                continue
            arch = match.groupdict().get("arch")
            if arch is None:
                return Concern(path, rule.what, rule.affects)
            if arch in arches:
                affected = tuple(arch if name == ARCH else name for name in rule.affects)
                return Concern(path, rule.what.replace(ARCH, arch), affected)
    return Concern(path, "generic code", (ALL,))

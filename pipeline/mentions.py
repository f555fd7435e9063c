# SPDX-License-Identifier: GPL-2.0-or-later
"""Is a place that names a symbol code, a comment or documentation? Pure but for READ_FILE.

The search for the places is `git grep`'s; here each hit gets its kind and its symbol.
"""

from __future__ import annotations

import re
from bisect import bisect_right
from collections.abc import Callable, Iterable, Iterator
from pathlib import PurePosixPath

from pipeline.model import Mention

Hit = tuple[str, int, str]  # path, line (from 1), the line's text

#: A C token that can hide a comment's beginning, or the comment itself.
_C_COMMENT = re.compile(
    r"""(?P<comment>/\*.*?(?:\*/|\Z)|//(?:\\\n|[^\n])*)|"(?:\\.|[^"\\\n])*"|'(?:\\.|[^'\\\n]){1,4}'""",
    re.DOTALL,
)
_C_LIKE = (
    ".c",
    ".h",
    ".S",
    ".s",
    ".cc",
    ".cpp",
    ".inc",
    ".lds",
    ".rs",
    ".dts",
    ".dtsi",
    ".y",
    ".l",
)
_DOCUMENTS = (".rst", ".txt", ".md", ".html", ".svg", ".tex")
_DOCUMENT_NAMES = ("MAINTAINERS", "CREDITS", "README", "TODO", "Kconfig")
#: What begins a comment to the end of the line in the assemblers of the kernel's
#: architectures; immediates and relocations (`#4`, `@ha`) have no blank after the mark.
_ASM_COMMENT = re.compile(
    r"(?:^|\s)[#!@|;]+(?=\s)(?!\s*(?:define|if|ifdef|ifndef|el|endif|undef)\b)"
)
_SCRIPT_COMMENT = re.compile(r"(?:^|\s)#")


def classify(
    names: Iterable[str], hits: Iterable[Hit], read_file: Callable[[str], str]
) -> tuple[Mention, ...]:
    """The places among HITS that name one of NAMES as a whole word, sorted.

    READ_FILE gives a file's text by its path in the tree that was searched; it is called
    once for each file that can have block comments.
    """
    word = _any_of(names)
    if word is None:
        return ()
    by_path: dict[str, set[tuple[int, str]]] = {}
    for path, line, text in hits:
        if word.search(text):
            by_path.setdefault(path, set()).add((line, text))
    found: list[Mention] = []
    for path in sorted(by_path):
        kind_of = _judge_of(path, read_file)
        for line, text in sorted(by_path[path]):
            found += _in_line(path, line, text, word, kind_of)
    return tuple(found)


def _any_of(names: Iterable[str]) -> re.Pattern[str] | None:
    alternatives = "|".join(re.escape(n) for n in sorted(set(names), key=len, reverse=True))
    return re.compile(rf"(?<!\w)(?:{alternatives})(?!\w)", re.ASCII) if alternatives else None


def _in_line(
    path: str,
    line: int,
    text: str,
    word: re.Pattern[str],
    kind_of: Callable[[int, int, str], str],
) -> Iterator[Mention]:
    """A mention for each symbol in TEXT; code outweighs a comment behind it."""
    kinds: dict[str, set[str]] = {}
    for match in word.finditer(text):
        kinds.setdefault(match[0], set()).add(kind_of(line, match.start(), text))
    for symbol, seen in kinds.items():
        kind = next(k for k in ("documentation", "code", "comment") if k in seen)
        yield Mention(symbol=symbol, file=path, line=line, text=text.rstrip("\r\n"), kind=kind)


def _judge_of(path: str, read_file: Callable[[str], str]) -> Callable[[int, int, str], str]:
    """What tells the kind of a hit in PATH from its line, column (from 0) and text."""
    place = PurePosixPath(path)
    if is_document(path):
        return lambda _line, _column, _text: "documentation"
    if place.suffix in _C_LIKE:
        inside = _c_comments(read_file(path))
        assembler = place.suffix in (".S", ".s")
        return lambda line, column, text: (
            "comment"
            if inside(line, column) or (assembler and _ASM_COMMENT.search(text[:column]))
            else "code"
        )
    return lambda _line, column, text: (
        "comment" if _SCRIPT_COMMENT.search(text[:column]) else "code"
    )


def is_document(path: str) -> bool:
    """Whether the file at PATH is prose: it can be out of date, but it cannot break."""
    place = PurePosixPath(path)
    return (
        place.parts[:1] == ("Documentation",)
        or place.suffix in _DOCUMENTS
        or place.name.partition(".")[0] in _DOCUMENT_NAMES
    )


def _c_comments(text: str) -> Callable[[int, int], bool]:
    """Tells whether LINE (from 1) and COLUMN (from 0) of TEXT stand in a comment."""
    starts = [0, *(m.end() for m in re.finditer("\n", text))]
    spans = [m.span() for m in _C_COMMENT.finditer(text) if m["comment"]]
    begins = [begin for begin, _ in spans]

    def inside(line: int, column: int) -> bool:
        if not 1 <= line <= len(starts):
            return False
        at = starts[line - 1] + column
        nearest = bisect_right(begins, at) - 1
        return nearest >= 0 and at < spans[nearest][1]

    return inside

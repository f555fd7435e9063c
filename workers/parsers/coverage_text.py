# SPDX-License-Identifier: GPL-2.0-or-later
"""Which lines of a source file hold code, and which #if group each one is in. Pure.

C and preprocessed assembly (C11 5.1.1.2: continuation lines are joined, then comments
removed, then directives read). A group is what stands between one conditional directive
and the next of its #if.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

_TOKEN = re.compile(
    r"""/\*.*?(?:\*/|\Z) | //(?:\\\n|[^\n])* | "(?:\\.|[^"\\\n])*" | '(?:\\.|[^'\\\n])*'""",
    re.DOTALL | re.VERBOSE,
)
_DIRECTIVE = re.compile(r"^\s*#\s*(?P<name>if|ifdef|ifndef|elif|elifdef|elifndef|else|endif)\b")
_NEGATED = re.compile(r"!\(((?:[^()]|\([^()]*\))*)\)")
_ATOM = re.compile(r"!?\w+(?:\([^()]*\))?")

#: What an instrumented file defines in each of its groups.
MARK = "__crosscheck_group_"


@dataclass(frozen=True, slots=True)
class Group:
    """Lines START to END (inclusive) are compiled where CONDITION, and its PARENT's, holds."""

    start: int
    end: int
    condition: str  # in C, e.g. `!defined(CONFIG_NUMA)`
    parent: int | None  # index of the group around it


def _blanked(found: re.Match[str]) -> str:
    """A comment becomes blanks, its newlines are kept; a literal stays."""
    text = found[0]
    return re.sub(r"[^\n]", " ", text) if text.startswith("/") else text


def without_comments(text: str) -> tuple[str, ...]:
    """The lines of TEXT with comments blanked out."""
    return tuple(_TOKEN.sub(_blanked, text).split("\n"))


def _joined(lines: tuple[str, ...], at: int) -> tuple[str, int]:
    """The logical line that begins at index AT, and the index of its last physical line."""
    parts = [lines[at]]
    while parts[-1].endswith("\\") and at + 1 < len(lines):
        at += 1
        parts[-1] = parts[-1][:-1]
        parts.append(lines[at])
    return " ".join(parts), at


def negation(condition: str) -> str:
    """The opposite of CONDITION, without piling up negations."""
    if found := _NEGATED.fullmatch(condition):
        return found[1]
    if _ATOM.fullmatch(condition):
        return condition[1:] if condition.startswith("!") else f"!{condition}"
    return f"!({condition})"


def _asks(name: str, rest: str) -> str:
    """The condition that directive NAME with the words REST states itself."""
    words = " ".join(rest.split())
    if name in {"ifdef", "elifdef"}:
        return f"defined({words})"
    if name in {"ifndef", "elifndef"}:
        return f"!defined({words})"
    return words


def _both(conditions: list[str]) -> str:
    if len(conditions) == 1:
        return conditions[0]
    return " && ".join(c if _ATOM.fullmatch(c) else f"({c})" for c in conditions)


@dataclass(slots=True)
class _Open:
    """An #if that has not met its #endif: what its groups so far asked, and the last one."""

    asked: list[str]
    group: int


def groups(text: str) -> tuple[Group, ...]:
    """The #if groups of TEXT in the order of their first lines; unbalanced ones end with it."""
    lines = without_comments(text)
    found: list[Group] = []
    stack: list[_Open] = []
    at = 0
    while at < len(lines):
        logical, last = _joined(lines, at)
        directive = _DIRECTIVE.match(logical)
        if directive:
            rest = logical[directive.end() :]
            _read(found, stack, directive["name"], rest, (at, last))
        at = last + 1
    for still_open in stack:
        _close(found, still_open.group, len(lines))
    return tuple(found)


def _close(found: list[Group], index: int, end: int) -> None:
    group = found[index]
    found[index] = Group(group.start, end, group.condition, group.parent)


def _read(
    found: list[Group], stack: list[_Open], name: str, rest: str, where: tuple[int, int]
) -> None:
    """Take in one conditional directive, on the lines WHERE (indices, first and last)."""
    first, last = where
    if name.startswith("if"):
        parent = stack[-1].group if stack else None
        asked = _asks(name, rest)
        stack.append(_Open([asked], len(found)))
        found.append(Group(last + 2, 0, asked, parent))
        return
    if not stack:
        return  # not balanced: the compiler will say so
    top = stack[-1]
    _close(found, top.group, first)
    if name == "endif":
        stack.pop()
        return
    before = [negation(asked) for asked in top.asked]
    own = [_asks(name, rest)] if name != "else" else []
    top.asked += own
    parent, top.group = found[top.group].parent, len(found)
    found.append(Group(last + 2, 0, _both(before + own), parent))


def innermost(of: tuple[Group, ...], line: int) -> int | None:
    """The index of the innermost group that LINE (from 1) is in; None outside of all."""
    within = [index for index, group in enumerate(of) if group.start <= line <= group.end]
    return max(within, key=lambda index: of[index].start, default=None)


def conditions(of: tuple[Group, ...], index: int | None) -> tuple[str, ...]:
    """The conditions of group INDEX and of all around it, the outermost first."""
    chain: list[str] = []
    while index is not None:
        chain.append(of[index].condition)
        index = of[index].parent
    return tuple(reversed(chain))


def instrumented(text: str) -> str:
    """TEXT with a macro defined in each of its groups: MARK and the group's index."""
    lines = text.split("\n")
    for index, group in reversed(list(enumerate(groups(text)))):
        lines.insert(group.start - 1, f"#define {MARK}{index}")
    return "\n".join([f"#define {MARK}file", *lines])


def code_lines(text: str) -> frozenset[int]:
    """The numbers of TEXT's lines that hold code: no comment, blank or #if … #endif line."""
    lines = without_comments(text)
    code: set[int] = set()
    at = 0
    while at < len(lines):
        logical, last = _joined(lines, at)
        if not _DIRECTIVE.match(logical):
            code |= {n + 1 for n in range(at, last + 1) if lines[n].strip(" \t\r\f\\")}
        at = last + 1
    return frozenset(code)

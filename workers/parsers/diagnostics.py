# SPDX-License-Identifier: GPL-2.0-or-later
"""Which errors and warnings make's output holds. Pure.

One `Diagnostic` is one message with everything that belongs to it: the includes and the
function that the compiler names before it, the source lines and notes after it. The same
message from many compilations (a header's) is one diagnostic. Paths are relative to the
source or build directory. make must have run with `--output-sync`, or the lines of
compilations that ran at the same time are mixed.
"""

from __future__ import annotations

import posixpath
import re
from collections.abc import Iterable
from dataclasses import dataclass, field, replace

from workers.parsers.diag_lines import COUNTED, MAKE, STEP, Message, message
from workers.sandbox.contract import BUILD, SOURCE

#: Of one message; macros in macros make long ones.
DETAIL_LINES = 60

#: GCC writes ASCII quotes in the C locale and U+2018, U+2019 in a UTF-8 one; ld writes `x'.
_QUOTED = "[`'\u2018](?P<function>[^'\u2019]+)['\u2019]"

_FUNCTION = re.compile(rf"^(?P<file>[^\s:][^:]*): In (?:\w+ )*function {_QUOTED}:$")
_INLINED = re.compile(rf"^In (?:\w+ )*function {_QUOTED},$")
_TOP_LEVEL = re.compile(r"^[^\s:][^:]*: At top level:$")
_LINKED = re.compile(rf"^\S*\bld(?:\.\w+)?: (?P<object>\S+): in function {_QUOTED}:$")
_BEFORE = re.compile(
    r"^(?:In file included from | +from \S+[,:]$|    inlined from |.*: Assembler messages:$)"
)
#: Objects that are made of others say nothing about the source.
_LINKED_TOGETHER = re.compile(r"^(?:.*/)?(?:built-in|vmlinux|\.tmp_vmlinux\w*)(?:\.[ao])?$")
_TEMPORARY = re.compile(r"^(?:/tmp/.*|\{standard input\}|<[\w -]+>)$")
_REFERENCED = re.compile(
    r"^>>> referenced by [^(\n]+\((?P<file>[^:)]+):\(?(?P<line>\d+)?", re.MULTILINE
)
#: Without debug information LLD names the source by its last part only, and then the object.
_REFERENCED_IN = re.compile(
    r"^>>> referenced by (?P<name>[^\s(:]+)\n>>>\s+(?P<object>[^\s:(]+\.o):\(", re.MULTILINE
)
_MISMATCHES_ARE_FATAL = "Section mismatches detected."


@dataclass(frozen=True, slots=True)
class Diagnostic:
    """An error or a warning. FILE is "" and LINE None where the tool did not say."""

    tool: str  # compiler, assembler, linker, modpost, objtool, kconfig, dtc, make, recipe, …
    severity: str  # "error" or "warning"
    text: str  # the message itself, on one line, without its flag
    file: str = ""
    line: int | None = None
    column: int | None = None
    flag: str = ""  # e.g. "-Wunused-variable"
    function: str = ""
    detail: str = ""  # the whole message

    @property
    def is_section_mismatch(self) -> bool:
        """Whether modpost found a reference to code or data that is freed after init."""
        return self.tool == "modpost" and "section mismatch" in self.text.lower()


@dataclass(slots=True)
class _Reader:
    """Reads lines one after another; what a message belongs to is known only in order."""

    source: str
    build: str
    found: list[Diagnostic] = field(default_factory=list)
    step: str = ""  # what kbuild makes just now
    linked: str = ""  # the object that the linker talks of
    function: str = ""
    before: list[str] = field(default_factory=list)
    lines: list[str] = field(default_factory=list)  # of the last diagnostic
    open: bool = False  # whether further lines belong to the last diagnostic

    def read(self, line: str) -> None:
        step = STEP.match(line)
        if step or MAKE.match(line):
            self._leave(step["object"] if step else self.step)
        if step or self._context(line):
            return
        if COUNTED.match(line):
            self.open = False
            return
        said = message(line)
        if said and said.severity != "note":
            self._begin(line, said)
        elif self.open and (said or line.strip()):
            self._extend(line)
        elif self.before and (said or line.startswith(" ")):
            self.before.append(line)
        else:
            self.open = False

    def _leave(self, step: str) -> None:
        self.step, self.linked, self.function, self.open = step, "", "", False
        self.before.clear()

    def _context(self, line: str) -> bool:
        """Take LINE if it says where the messages after it are."""
        within = _FUNCTION.match(line) or _INLINED.match(line) or _LINKED.match(line)
        if within:
            self.function = within["function"]
            self.linked = within.groupdict().get("object") or ""
        elif _TOP_LEVEL.match(line):
            self.function = ""
        elif not _BEFORE.match(line):
            return False
        self.open = False
        self.before.append(line)
        return True

    def _begin(self, line: str, said: Message) -> None:
        self.lines = [*self.before, line]
        self.before.clear()
        self.open = True
        file, at = self._place(said)
        self.found.append(
            Diagnostic(
                tool=said.tool,
                severity=said.severity,
                text=self._relative(said.text),
                file=file,
                line=at,
                column=said.column if at else None,
                flag=said.flag,
                function=self.function if said.tool in {"compiler", "linker"} else "",
                detail=self._detail(),
            )
        )

    def _extend(self, line: str) -> None:
        self.lines.append(line)
        if len(self.lines) <= DETAIL_LINES:
            self.found[-1] = replace(self.found[-1], detail=self._detail())

    def _detail(self) -> str:
        return self._relative("\n".join(self.lines))

    def _relative(self, text: str) -> str:
        return text.replace(f"{self.source}/", "").replace(f"{self.build}/", "")

    def _place(self, said: Message) -> tuple[str, int | None]:
        """The file, relative to the source, and the line that SAID is about."""
        if _TEMPORARY.match(said.file):
            return self.step if said.tool == "assembler" else "", None
        if said.tool == "linker" and self.linked and said.line is None:
            if not said.file:
                return "" if _LINKED_TOGETHER.match(self.linked) else self.linked, None
            # Without debug information ld names the source by its last part only.
            where = posixpath.dirname(self.linked.partition("(")[0])
            return posixpath.normpath(posixpath.join(where, self._relative(said.file))), None
        return relative(said.file, self.source, self.build), said.line


def telling(errors: Iterable[Diagnostic]) -> tuple[Diagnostic, ...]:
    """Those of ERRORS that say what is wrong: that a recipe failed does only where all do."""
    every = tuple(errors)
    return tuple(d for d in every if d.tool != "recipe") or every


def relative(path: str, source: str = SOURCE, build: str = BUILD) -> str:
    """PATH, as a tool prints it, relative to the source or build directory; "" stays ""."""
    for root in (source, build):
        path = path.removeprefix(f"{root}/")
    path = posixpath.normpath(path) if path else ""
    while path.startswith("../"):
        path = path[3:]
    return path


def _referenced(diagnostic: Diagnostic) -> Diagnostic:
    """DIAGNOSTIC of LLD, at the place in its later lines if they have one."""
    if found := _REFERENCED.search(diagnostic.detail):
        line = int(found["line"]) if found["line"] else None
        return replace(diagnostic, file=relative(found["file"]), line=line)
    if found := _REFERENCED_IN.search(diagnostic.detail):
        place = posixpath.join(posixpath.dirname(found["object"]), found["name"])
        return replace(diagnostic, file=relative(place))
    return diagnostic


def _settled(found: Iterable[Diagnostic]) -> Iterable[Diagnostic]:
    """FOUND, with what only the whole output tells: the place in LLD's later lines, severity."""
    diagnostics = list(found)
    fatal = any(d.tool == "modpost" and d.text == _MISMATCHES_ARE_FATAL for d in diagnostics)
    for diagnostic in diagnostics:
        if diagnostic.text == _MISMATCHES_ARE_FATAL:
            continue  # each mismatch has its own message
        if fatal and diagnostic.is_section_mismatch:
            yield replace(diagnostic, severity="error")
        elif diagnostic.tool == "linker":
            yield _referenced(diagnostic)
        else:
            yield diagnostic


def parse(lines: Iterable[str], source: str = SOURCE, build: str = BUILD) -> tuple[Diagnostic, ...]:
    """All diagnostics in LINES, each once, in the order of their first appearance."""
    reader = _Reader(source, build)
    for line in lines:
        reader.read(line)
    once: dict[Diagnostic, Diagnostic] = {}
    for diagnostic in _settled(reader.found):
        once.setdefault(replace(diagnostic, detail=""), diagnostic)
    return tuple(once.values())

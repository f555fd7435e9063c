# SPDX-License-Identifier: GPL-2.0-or-later
"""Which lines of make's output tell of trouble of ours, which accuses no patch. Pure.

A killed or crashed compiler, a full disk, no memory, no more processes, a tool or a library
for host programs that is not installed. Sources can print such words too: so they are read only
where make failed, and end nothing.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

from workers.parsers.diag_lines import LD, STEP

_EXHAUSTED = (
    r"No space left on device|Disk quota exceeded|Cannot allocate memory|Input/output error"
    r"|Resource temporarily unavailable|Too many open files|File size limit exceeded|I/O error"
    r"|Cannot fork"
)
#: What a compiler quotes: these are the author's words.
_AUTHORS = r"#(?:error|warning)|static assertion failed|declared with (?:attribute|'(?:error|warn))"
#: What a shell says of a child that a signal ended; bash names its script and process first.
_SIGNALLED = (
    r"^(?:\S+: line \d+: +\d+ )?(?:Killed|Terminated|Aborted|Bus error|Segmentation fault"
    r"|Illegal instruction)(?: \(core dumped\))?(?:  .*)?$"
)
#: Of libraries that the kernel's host programs use (Documentation/process/changes.rst). No
#: header of the kernel is called so.
_HOST_HEADER = (
    r"(?:openssl/\S+|elfutils/\S+|libelf\.h|gelf\.h|dwarf\.h|libdw\.h|gcc-plugin\.h|gmp\.h|mpc\.h"
    r"|mpfr\.h|n?curses\.h|zlib\.h|lzma\.h|yaml\.h|gnu/stubs\S*|bits/libc-header-start\.h)"
)
_MISSING = (
    r"^(?:\S*/)?\w*sh: .*: (?:command )?not found$|^\S*: command not found$"
    r"|^\S+: (?:line )?\d+: [^\s:]+: (?:command )?not found$"
    r"|: C compiler '.*' not found\.?$"
    r"|^make(?:\[\d+\])?: [^\s:/]+: No such file or directory$"
    r"|^(?:/usr/bin/)?env: .*: No such file or directory$"
    r"|(?:cannot execute|error trying to exec) \S+: (?:execv|posix_spawn)"
    r"|\bpahole\b.* is not available$|^ModuleNotFoundError: |^Can't locate \S+ in @INC"
)
#: make says how a recipe ended, last of what the recipe says.
_FAILED = re.compile(r"^make(?:\[\d+\])?: \*\*\* ")
#: Building again comes to the same; what lacks the tool's answer may fail elsewhere.
_LASTING = (
    "a tool is missing",
    "a library for host programs is missing",
    "a tool is too old",
)
_SIGNS = tuple(
    (re.compile(sign), what)
    for sign, what in (
        (
            rf"^(?!.*(?:{_AUTHORS}))\S.*\b(?:{_EXHAUSTED})\W*$",
            "the machine ran out of something",
        ),
        (
            (
                r"^\S.*virtual memory exhausted|^\S+: out of memory allocating "
                r"|^[^\s:]+: (?:.*: )?(?:memory exhausted|out of memory)$"
                r"|^LLVM ERROR: out of memory|^MemoryError\b"
            ),
            "memory ran out",
        ),
        (r"^[^#]*terminated (?:program|with signal \d+)|^[^#]*std::bad_alloc", "a tool was killed"),
        (_SIGNALLED, "a tool was killed"),
        (r": file not recognized: file truncated$", "a tool was killed"),
        (
            (
                r"^[^#]*\binternal compiler error\b"
                r"|^clang(?:-\d+)?: error: (?:unable to execute|clang frontend)"
            ),
            "the compiler crashed",
        ),
        (r"^make(?:\[\d+\])?: \*\*\* \[.*\] (?!Error \d)\w", "a tool was killed"),
        (r"^make(?:\[\d+\])?: \*\*\* \[.*\] Error 1(?:29|[345]\d)$", "a tool was killed"),
        (_MISSING, "a tool is missing"),
        (
            (
                rf": fatal error: {_HOST_HEADER}: No such file or directory$"
                rf"|^{LD}: (?:cannot find|error: unable to find library) -l\w+"
                r"|^error: .*\bplease install\b"
            ),
            "a library for host programs is missing",
        ),
        (r"^\*\*\* (?:C )?(?:[Cc]ompiler|[Aa]ssembler|[Ll]inker) is too old", "a tool is too old"),
    )
)


def trouble(line: str) -> str:
    """What went wrong on this machine, with LINE as its proof; "" if LINE tells nothing."""
    return next((f"{what}: {line.strip()}" for sign, what in _SIGNS if sign.search(line)), "")


@dataclass(frozen=True, slots=True)
class Troubles:
    """Where make failed: the first trouble that may be WHY, and the first that was told BESIDE.

    Words of a recipe that failed may be why, and so may words, whosever, of what building again
    does not mend. Other words of make itself, or of a recipe that went on, stand beside.
    """

    why: str = ""
    beside: str = ""


def troubles(lines: Iterable[str]) -> Troubles:
    """The troubles that LINES, the output of a make that failed, tell of."""
    beside = open_words = ""
    for line in lines:
        if STEP.match(line):
            open_words = ""
        words = trouble(line)
        if words.startswith(_LASTING):
            return Troubles(why=words)
        beside = beside or words
        open_words = open_words or words
        if open_words and _FAILED.match(line):
            return Troubles(why=open_words)
    return Troubles(beside=beside)

# SPDX-License-Identifier: GPL-2.0-or-later
"""Whether a line of make's output tells of trouble of ours, which accuses no patch. Pure.

A killed or crashed compiler, a full disk, no memory, no more processes, a tool or a library
for host programs that is not installed. Sources that print such words only turn their own
failure into an ERROR.
"""

from __future__ import annotations

import re

_EXHAUSTED = (
    r"No space left on device|Disk quota exceeded|Cannot allocate memory|Input/output error"
    r"|Resource temporarily unavailable|Too many open files|File size limit exceeded|I/O error"
    r"|Cannot fork"
)
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
_SIGNS = tuple(
    (re.compile(sign), what)
    for sign, what in (
        (
            rf"^(?!.*#(?:error|warning))\S.*\b(?:{_EXHAUSTED})\W*$",
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
                r"|^clang: error: (?:unable to execute|clang frontend)"
            ),
            "the compiler crashed",
        ),
        (r"^make(?:\[\d+\])?: \*\*\* \[.*\] (?!Error \d)\w", "a tool was killed"),
        (r"^make(?:\[\d+\])?: \*\*\* \[.*\] Error 1(?:29|[345]\d)$", "a tool was killed"),
        (_MISSING, "a tool is missing"),
        (
            (
                rf": fatal error: {_HOST_HEADER}: No such file or directory$"
                r"|^\S*\bld(?:\.\w+)?: cannot find -l\w+|^error: .*\bplease install\b"
            ),
            "a library for host programs is missing",
        ),
        (r"^\*\*\* (?:C )?(?:[Cc]ompiler|[Aa]ssembler|[Ll]inker) is too old", "a tool is too old"),
    )
)


def trouble(line: str) -> str:
    """What went wrong on this machine, with LINE as its proof; "" if LINE tells nothing."""
    return next((f"{what}: {line.strip()}" for sign, what in _SIGNS if sign.search(line)), "")

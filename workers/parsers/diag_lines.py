# SPDX-License-Identifier: GPL-2.0-or-later
"""What one line of make's output is: whose message, how bad, and about which place. Pure.

The formats are those of GCC and Clang, GNU as, GNU ld and LLD, `scripts/mod/modpost.c`,
`tools/objtool`, `scripts/kconfig`, dtc and GNU make 4. Quotes may be ASCII or Unicode.
"""

from __future__ import annotations

import re
from dataclasses import dataclass

#: `  CC      mm/mm_init.o`, `  CC [M]  fs/foo.o`: kbuild says what it does next.
STEP = re.compile(r"^  (?P<verb>[A-Z][A-Z0-9_]*(?: \[[A-Z]\])?) +(?P<object>\S.*)$")
#: `make[2]: *** ...`: what make itself says; it ends what a step said.
MAKE = re.compile(r"^make(?:\[\d+\])?: ")

_AT = r"(?P<file>[^\s:][^:]*):(?P<line>\d+):"
_FLAG = r"(?: \[(?P<flag>-W[^\]]+)\])?$"
#: Of several versions, LLVM's have theirs in the name.
LD = r"\S*\bld(?:\.\w+)?(?:-\d+)?"
_LINK_FAULT = (
    r"undefined reference to|multiple definition of|relocation truncated to fit"
    r"|dangerous relocation|unresolvable \S+ relocation|relocation \S+ (?:against|overflow)"
)

#: Tool and shape, the most particular first. A shape with no severity is an error's.
_SHAPES = tuple(
    (tool, re.compile(shape))
    for tool, shape in (
        ("objtool", r"^(?P<file>\S+): (?P<severity>warning|error): objtool: (?P<text>.*)$"),
        (
            "compiler",
            (
                rf"^{_AT}(?:(?P<column>\d+):)? ?"
                rf"(?P<severity>fatal error|error|warning|note|remark): (?P<text>.*?){_FLAG}"
            ),
        ),
        (
            "assembler",
            rf"^{_AT} (?P<severity>Fatal error|Error|Warning|Info): (?P<text>.*)$",
        ),
        (
            "linker",
            (
                rf"^(?:{LD}: )?(?:[^\s:]+\.[ao](?:\([^)]*\))?:(?!\())?"
                r"(?:(?P<file>[^\s:()]+):(?:(?P<line>\d+)|\([^)]*\))|\([^)]*\)): "
                rf"(?P<text>(?:{_LINK_FAULT}).*)$"
            ),
        ),
        ("linker", rf"^{LD}:(?P<file>[^\s:]+):(?P<line>\d+): (?P<text>.*)$"),
        (
            "linker",
            (
                rf"^{LD}: (?:(?!warning:|error:)(?P<file>[^\s:]+): )?"
                r"(?:(?P<severity>warning|error|fatal error): )?(?!NOTE\b|skipping )(?P<text>.+)$"
            ),
        ),
        ("modpost", r"^(?P<severity>ERROR|FATAL|WARNING): modpost: (?P<text>.*)$"),
        (
            "kconfig",
            r"^(?P<severity>WARNING): (?P<text>unmet direct dependencies detected for \w+)$",
        ),
        ("kconfig", r"^(?P<severity>error): (?P<text>recursive dependency detected!)$"),
        ("kconfig", r"^(?P<file>(?:\S*/)?Kconfig[^\s:/]*):(?P<line>\d+): (?P<text>.*)$"),
        (
            "dtc",
            (
                r"^(?P<file>[^\s:]+):(?P<line>\d+)\.(?P<column>\d+)-[\d.]+: "
                r"(?P<severity>Warning|ERROR|Error) \((?P<flag>\w+)\): (?P<text>.*)$"
            ),
        ),
        (
            "dtc",
            (
                r"^(?P<severity>Error): (?P<file>[^\s:]+):(?P<line>\d+)\.(?P<column>\d+)"
                r"(?:-[\d.]+)? (?P<text>.*)$"
            ),
        ),
        ("make", rf"^{_AT} \*\*\* (?P<text>.*?)\.? *Stop\.$"),
        (
            "make",
            r"^make(?:\[\d+\])?: \*\*\* (?P<text>No rule to make target .*?)\.?(?:  Stop\.)?$",
        ),
        (
            "recipe",
            (
                r"^make(?:\[\d+\])?: \*\*\* \[(?P<file>[^\s:]+):(?P<line>\d+): "
                r"(?P<text>[^\]]+)\] Error (?P<status>\d+)$"
            ),
        ),
        (
            "tool",
            rf"^[\w.+/<>-]+: (?P<severity>fatal error|error|warning): (?P<text>.*?){_FLAG}",
        ),
        ("script", r"^(?P<severity>ERROR|Error|error|WARNING|Warning|warning): (?P<text>.*)$"),
    )
)

#: Said only because of an error that has been reported already, or of the host's clock.
_CONSEQUENCE = re.compile(
    r"^(?:collect2: (?:fatal )?error: ld returned|cc1: (?:all|some) warnings being treated"
    r"|.*more undefined references to .* follow$|compilation terminated\.$"
    rf"|{LD}: error: too many errors emitted"
    r"|make(?:\[\d+\])?: [Ww]arning: +(?:File .* has modification time|Clock skew))"
)

#: clang's last words on a source.
COUNTED = re.compile(r"^\d+ (?:warning|error)s?(?: and \d+ errors?)? generated\.$")

_SEVERITY = {"warning": "warning", "note": "note", "remark": "note", "info": "note"}


@dataclass(frozen=True, slots=True)
class Message:
    """A line that says something is wrong, as it stands there. SEVERITY may be "note"."""

    tool: str
    severity: str
    text: str
    file: str = ""
    line: int | None = None
    column: int | None = None
    flag: str = ""


def message(line: str) -> Message | None:
    """The message that LINE begins, if it begins one."""
    if line.startswith((" ", "\t")) or _CONSEQUENCE.match(line):
        return None
    for tool, shape in _SHAPES:
        found = shape.match(line)
        if found:
            part = found.groupdict()
            status = f": exit status {part['status']}" if part.get("status") else ""
            severity = (part.get("severity") or "error").lower()
            return Message(
                tool=tool,
                severity=_SEVERITY.get(severity, "error"),
                text=part["text"] + status,
                file=part.get("file") or "",
                line=int(part["line"]) if part.get("line") else None,
                column=int(part["column"]) if part.get("column") else None,
                flag=part.get("flag") or "",
            )
    return None

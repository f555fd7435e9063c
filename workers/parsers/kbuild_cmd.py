# SPDX-License-Identifier: GPL-2.0-or-later
"""What kbuild's `.X.cmd` files say: how a file was made, and from what. Pure.

`scripts/basic/fixdep.c` and `scripts/Kbuild.include` of the kernel write them: make syntax,
in which the saved command has `$$` for `$` and `$(pound)` for `#`. Before Linux 6.3 the
command's variable was named `cmd_` instead of `savedcmd_`.
"""

from __future__ import annotations

import posixpath
import re
import shlex
from dataclasses import dataclass
from functools import cache

from workers.sandbox.contract import SOURCE

_COMMAND = re.compile(r"^(?:saved)?cmd_(?P<made>\S+) := (?P<command>.*)$", re.MULTILINE)
_SOURCE = re.compile(r"^source_\S+ := (?P<source>\S+)$", re.MULTILINE)


@dataclass(frozen=True, slots=True)
class Recipe:
    """How MADE was made. FILES and SOURCE_FILE are relative to the source tree."""

    made: str  # relative to the build directory
    command: str
    source_file: str  # "" if it was not made from one source file
    files: frozenset[str]  # every file of the source tree that it was made from


def parse(text: str, source: str = SOURCE) -> Recipe | None:
    """The recipe in TEXT; None if it has none."""
    command = _COMMAND.search(text)
    if command is None:
        return None
    named = _SOURCE.search(text)
    main = f" {named['source']} " if named else ""
    # Scripts, tables and sources are words of the command; headers are dependencies.
    under = _under(source)
    files = under.findall(f" {command['command']} {main}") + under.findall(text[command.end() :])
    of_source = under.findall(main)
    return Recipe(
        made=command["made"],
        command=command["command"],
        source_file=_plain(of_source[0]) if of_source else "",
        files=frozenset(map(_plain, files)),
    )


@cache
def _under(source: str) -> re.Pattern[str]:
    """Finds the words that are paths below SOURCE, as paths relative to it."""
    return re.compile(rf"(?<=\s){re.escape(source)}/(\S+)")


def _plain(path: str) -> str:
    """PATH without `..` and without the links through which device trees include headers."""
    path = posixpath.normpath(path) if "/../" in path else path
    if path.startswith("scripts/dtc/include-prefixes/"):
        _, _, _, prefix, *rest = path.split("/")
        of = "include/dt-bindings" if prefix == "dt-bindings" else f"arch/{prefix}/boot/dts"
        return "/".join((of, *rest))
    return path


def preprocess(command: str, output: str) -> tuple[str, ...] | None:
    """The arguments that write the macros COMMAND's compilation ends with to OUTPUT.

    None if COMMAND compiles nothing. `-dM` lists every macro that is defined at the end.
    """
    plain = command.replace("$(pound)", "#").replace("\\#", "#").replace("$$", "$")
    try:
        lexer = shlex.shlex(plain, posix=True, punctuation_chars=";")
        lexer.whitespace_split = True
        lexer.commenters = ""
        words = list(lexer)
    except ValueError:
        return None
    words = words[: words.index(";")] if ";" in words else words
    if not {"-c", "-S"} & set(words) or "-o" not in words[:-1]:
        return None
    at = words.index("-o")
    kept = [
        word
        for place, word in enumerate(words)
        if place not in (at, at + 1) and word not in {"-c", "-S"} and not word.startswith("-Wp,-M")
    ]
    return (*kept, "-E", "-dM", "-o", output)

# SPDX-License-Identifier: GPL-2.0-or-later
"""What kbuild's `.X.cmd` files say: how a file was made, and from what. Pure.

`scripts/basic/fixdep.c` and `scripts/Kbuild.include` of the kernel write them: make syntax,
in which the saved command has `$$` for `$` and `$(pound)` for `#`. Before Linux 6.3 the
command's variable was named `cmd_` instead of `savedcmd_`.
"""

from __future__ import annotations

import re
import shlex
from dataclasses import dataclass

from workers.check import SOURCE

_COMMAND = re.compile(r"^(?:saved)?cmd_(?P<made>\S+) := (?P<command>.*)$", re.M)
_DEPENDENCY = re.compile(r"^  (/\S+)", re.M)
_SOURCE = re.compile(r"^source_\S+ := (?P<source>\S+)$", re.M)


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
    under = f"{source}/"
    named = _SOURCE.search(text)
    main = named["source"] if named else ""
    paths = {main, *_DEPENDENCY.findall(text), *_named(command["command"], under)}
    return Recipe(
        made=command["made"],
        command=command["command"],
        source_file=main.removeprefix(under) if main.startswith(under) else "",
        files=frozenset(path[len(under) :] for path in paths if path.startswith(under)),
    )


def _named(command: str, under: str) -> list[str]:
    """The paths that COMMAND names as words of its own: scripts, tables, sources."""
    return [word for word in command.split() if word.startswith(under)]


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
    if "-c" not in words or "-o" not in words[:-1]:
        return None
    at = words.index("-o")
    kept = [
        word
        for place, word in enumerate(words)
        if place not in (at, at + 1) and word != "-c" and not word.startswith("-Wp,-M")
    ]
    return (*kept, "-E", "-dM", "-o", output)

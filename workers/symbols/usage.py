# SPDX-License-Identifier: GPL-2.0-or-later
"""Does a line of code use a symbol, define one of that name, or can one not tell? Pure.

A name is no proof: a struct member, a parameter or another file's static can share it. Only
what cannot be anything else counts as a use; in doubt a line is UNCLEAR.
"""

from __future__ import annotations

import re
from enum import IntEnum

from pipeline.model import Mention
from pipeline.symbol_lines import MAX_LINE, Declared, declared, exported, plain


class Usage(IntEnum):
    """What a line does with the name; where it does several things the highest counts."""

    SILENT = 0  # it proves nothing: a string, a condition of the preprocessor, `.globl`
    MAY_USE = 1  # it needs the symbol, unless a macro pastes the name or has such a parameter
    USES = 2  # it needs the symbol
    DECLARES = 3  # it says that the symbol is defined elsewhere
    UNCLEAR = 4  # a member, a parameter, a local variable, a label …
    DEFINES_LOCALLY = 5  # a static definition
    DEFINES = 6


_C_FILES = (".c", ".h", ".inc")
_ASM_FILES = (".S", ".s", ".lds")
_KEYWORDS = frozenset(("return", "else", "case", "sizeof", "typeof", "do", "in"))
_CONDITION = re.compile(r"\s*#\s*(?!define\b)\w+")
_DEFINE = re.compile(r"\s*#\s*define\s+(?P<name>\w+)(?P<parameters>\([^)]*\))?")
_DEFINER = re.compile(r"(?:DEFINE|DECLARE|_HEAD\b|ONSTACK|^SYM_|^ENTRY|^END)")
_CALL = re.compile(r"(?P<macro>[A-Z][A-Z0-9_]*)\s*\(")
#: A call of which the last argument begins here. A macro may paste what stands alone there,
#: but for those that take values; macros in lower case do that to constants only.
_LAST_ARGUMENT = re.compile(r"(?P<called>\w+)\((?:[^()]*,)?\s*$", re.ASCII)
_TAKES_VALUES = re.compile(
    r"(?:READ|WRITE)_ONCE|[A-Z_]*(?:BUG|WARN)[A-Z_]*|ARRAY_SIZE|IS_ERR[A-Z_]*|PTR_ERR[A-Z_]*"
    r"|ERR_(?:PTR|CAST)|PAGE_ALIGN|ALIGN[A-Z_]*|DIV_ROUND_UP|BIT|FIELD_(?:GET|PREP)|ZERO_PAGE"
)
#: `int (*name)(void);`: a member, a parameter or a variable, or else a call through a pointer.
_POINTER = (re.compile(r"\(\s*\*[\s*]*(?:const\s+)?$"), re.compile(r"\s*(?:\[[^]]*\]\s*)?\)"))
#: Where C code makes constants for assembler: Documentation/kbuild says "offsets" of them.
_OFFSETS = re.compile(r"(?:asm-offsets\w*|bounds|rq-offsets|vdso-offsets)\.c$")
_BEFORE = re.compile(r"(?P<word>\w+)?(?P<stars>[\s*]*)$", re.ASCII)
_AFTER_AT_START = re.compile(r"\s*(?:\(|->|\.|\)|[-+*/|&^]?=[^=]|\+\+|--|\[.*\]\s*=)")


def usage(mention: Mention) -> Usage:
    """What MENTION, a line of code, does with its symbol."""
    line = mention.text
    if len(line) > MAX_LINE or not mention.file.endswith(_C_FILES):
        assembler = mention.file.endswith(_ASM_FILES)
        return _in_assembler(line, mention.symbol) if assembler else Usage.UNCLEAR
    text = plain(line)
    if _OFFSETS.search(mention.file) and text.lstrip().startswith(("DEFINE(", "OFFSET(")):
        return Usage.DEFINES
    word = re.compile(rf"(?<!\w){re.escape(mention.symbol)}(?!\w)", re.ASCII)
    if not word.search(text) or _CONDITION.match(text):
        return Usage.SILENT
    if text.lstrip().startswith("#"):
        return _in_macro(text, mention.symbol, word)
    if not text[0].isspace():
        return _at_column_0(text, mention.symbol, word)
    return max(_at(text, match) for match in word.finditer(text))


def _in_assembler(line: str, name: str) -> Usage:
    quoted = re.escape(name)
    if len(line) > MAX_LINE:
        return Usage.UNCLEAR
    defining = (
        rf"\s*#\s*define\s+{quoted}\b|\s*{quoted}\s*[:=]"
        rf"|\s*[A-Z][A-Z0-9_]*\(\s*{quoted}\b|\s*\.(?:set|equ|macro)\b"
    )
    if exported(line):
        return Usage.USES
    if re.match(defining, line):
        return Usage.DEFINES
    if re.match(r"\s*(?:\.(?:globl|global|extern|type|size|weak|hidden)\b|#)", line):
        return Usage.SILENT
    return Usage.USES


def _in_macro(text: str, name: str, word: re.Pattern[str]) -> Usage:
    match = _DEFINE.match(text)
    if match is None:
        return Usage.UNCLEAR
    if match["name"] == name:
        return Usage.DEFINES
    if match["parameters"] and word.search(match["parameters"]):
        return Usage.UNCLEAR
    return max(_at(text, found) for found in word.finditer(text, match.end()))


def _at_column_0(text: str, name: str, word: re.Pattern[str]) -> Usage:
    if export := exported(text):
        return Usage.USES if export.name == name else Usage.UNCLEAR
    what = declared(text)
    own = next((w for w in what if w.name == name), None)
    if own:
        return _role(own)
    if what:  # something else's initialiser, or a parameter
        return max(_at(text, found) for found in word.finditer(text))
    call = _CALL.match(text.removeprefix("static ").lstrip())
    if call and _DEFINER.search(call["macro"]):
        return Usage.DEFINES
    if re.match(r"\w+\s*\(", text):
        return Usage.UNCLEAR  # `early_initcall(name);` and others of its kind
    return Usage.DEFINES


def _role(what: Declared) -> Usage:
    if what.kind == "declaration":
        return Usage.DECLARES
    return Usage.DEFINES_LOCALLY if what.static else Usage.DEFINES


def _at(text: str, match: re.Match[str]) -> Usage:
    """What the occurrence MATCH in TEXT, indented code or a macro's body, does."""
    before, after = text[: match.start()], text[match.end() :]
    if re.match(r"\s*extern\b", before):
        return Usage.DECLARES
    if re.search(r"\bdefined\s*\(?\s*$", before):
        return Usage.SILENT
    if _is_something_else(before, after):
        return Usage.UNCLEAR
    previous = _BEFORE.search(before)
    word = previous["word"] if previous else None
    if word and word not in _KEYWORDS:
        return Usage.UNCLEAR  # `int name`, `struct page *name`, `goto name`
    needs = Usage.MAY_USE if _may_be_pasted(text, match) else Usage.USES
    rest = before.rstrip(" \t*")
    if not rest:
        # An assignment ends here; what goes on is as likely the last enumerator.
        whole = ";" in after or not re.match(r"\s*=", after)
        statement = _AFTER_AT_START.match(after) and whole and not after.rstrip().endswith(",")
        return needs if statement else Usage.UNCLEAR
    listed = rest.endswith((",", "{", ";")) and before.count("(") <= before.count(")")
    return Usage.UNCLEAR if listed else needs  # `int a, name;`, an enumerator


def _is_something_else(before: str, after: str) -> bool:
    """A pasted name, a member, a pointer to a function, or what a macro defines."""
    left = before.rstrip()
    if left.endswith(("##", ".", "->")) or after.lstrip().startswith("##"):
        return True
    pointer = _POINTER[0].search(before) and _POINTER[1].match(after)
    return bool(pointer) or _defined_by_macro(before)


def _may_be_pasted(text: str, match: re.Match[str]) -> bool:
    """Whether a macro, which we do not see, may make something else of the occurrence."""
    before, after = text[: match.start()], text[match.end() :]
    if after.rstrip().endswith("\\") and not before.lstrip().startswith("#"):
        return True  # the macro's first line has the parameters
    if not re.match(r"\s*[,)]", after):
        return False
    call = _LAST_ARGUMENT.search(before)
    if call is None:
        return not before.strip()  # the call is further up
    if call["called"].isupper():
        return not _TAKES_VALUES.fullmatch(call["called"])
    return match[0].isupper() and call["called"] not in _KEYWORDS


def _defined_by_macro(before: str) -> bool:
    calls = _CALL.findall(before)
    return bool(calls) and bool(_DEFINER.search(calls[-1]))

# SPDX-License-Identifier: GPL-2.0-or-later
"""Which diagnostics of the patched kernel are new, by where base's lines went. Pure.

A diagnostic is what it says at a line; base's lines are taken to the patched tree by the
diff. Where the diff wrote the line anew, or the build did, the same text in the same function
is the same diagnostic, each one once: a second one of the same text is new and stays so.
"""

from __future__ import annotations

import posixpath
import re
from collections import defaultdict
from collections.abc import Callable, Hashable, Iterable
from dataclasses import dataclass, replace

from pipeline.change import to_new, to_old
from pipeline.model import FileChange
from workers.parsers.diagnostics import Diagnostic

#: What changes in a message though the fault is the same.
_UNSTABLE = (
    (re.compile(r"/tmp/cc\w{6}\b"), "(temporary)"),  # noqa: S108 (gcc's)
    (re.compile(r"0x[0-9a-fA-F]+"), "0xN"),
    (re.compile(r"\b[0-9a-f]{8,16}\b"), "N"),
    (re.compile(r"\.(?:isra|constprop|part|cold|llvm)\b(?:\.\d+)*"), ""),
    (re.compile(r"(\.[chSs]|Kconfig|Makefile):\d+(?::\d+)?"), r"\1:N"),
    (re.compile(r"\bline \d+"), "line N"),
    (re.compile(r"\.text\.(?:unlikely|hot|startup)\b"), ".text"),
    (re.compile(r"frame size of \d+ bytes"), "frame size of N bytes"),
    (re.compile(r"(__UNIQUE_ID_\w*?|__compiletime_assert_)\d+\b"), r"\1N"),  # __COUNTER__
)

#: What the build itself writes: no diff says where its lines went.
_GENERATED = re.compile(
    r"(?:^|/)generated/|\.(?:lex|tab|mod)\.[ch]$|-asn1\.[ch]$|/defkeymap\.c$|^\.|^all\.config$"
)
_IDENTIFIER = re.compile("[`'\u2018][A-Za-z_]\\w*['\u2019]")


@dataclass(frozen=True, slots=True)
class Compared:
    """NEW and INHERITED are the patched kernel's, FIXED is base's."""

    new: tuple[Diagnostic, ...]
    inherited: tuple[Diagnostic, ...]
    fixed: tuple[Diagnostic, ...]


def normalised(text: str) -> str:
    """TEXT without line numbers, addresses and the compiler's clone suffixes."""
    for unstable, stable in _UNSTABLE:
        text = unstable.sub(stable, text)
    return text


@dataclass(frozen=True, slots=True)
class _Seen:
    """A diagnostic, and its place in the patched tree; REWRITTEN if the diff wrote its line."""

    diagnostic: Diagnostic
    file: str
    line: int | None
    rewritten: bool

    @property
    def says(self) -> Hashable:
        flag = self.diagnostic.flag.replace("-Werror=", "-W")
        return self.diagnostic.tool, normalised(self.diagnostic.text), flag

    @property
    def function(self) -> str:
        return normalised(self.diagnostic.function)

    @property
    def names_something(self) -> bool:
        """Whether it tells what it is about, so that it can be known again elsewhere."""
        named = self.diagnostic.line and _IDENTIFIER.search(self.diagnostic.text)
        return bool(self.function or named)


def _on_base(files: tuple[FileChange, ...], diagnostic: Diagnostic) -> _Seen:
    renamed = _renamed(files, diagnostic)
    if diagnostic.line is None or _GENERATED.search(diagnostic.file):
        return _Seen(renamed, renamed.file, diagnostic.line, rewritten=True)
    now = to_new(files, diagnostic.file, diagnostic.line)
    return _Seen(renamed, renamed.file, now[1] if now else None, rewritten=now is None)


def _renamed(files: tuple[FileChange, ...], diagnostic: Diagnostic) -> Diagnostic:
    """DIAGNOSTIC with the patched tree's names of files, and of the objects made of them."""
    file, text = diagnostic.file, diagnostic.text
    for changed in files:
        if changed.status == "R":
            old, new = (posixpath.splitext(path)[0] for path in (changed.old_path, changed.path))
            stem = re.compile(rf"(?<![\w./-]){re.escape(old)}(?=$|:|\.(?:o|ko)\b)")
            file = changed.path if file == changed.old_path else stem.sub(new, file)
            text = stem.sub(new, text)
    return replace(diagnostic, file=file, text=text)


def _on_patched(files: tuple[FileChange, ...], diagnostic: Diagnostic) -> _Seen:
    line = diagnostic.line
    anew = (
        line is None
        or bool(_GENERATED.search(diagnostic.file))
        or to_old(files, diagnostic.file, line) is None
    )
    return _Seen(diagnostic, diagnostic.file, line, rewritten=anew)


def _pair(
    base: list[_Seen],
    patched: list[_Seen],
    key: Callable[[_Seen], Hashable],
    may: Callable[[_Seen, _Seen], bool],
) -> list[_Seen]:
    """Take pairs of equal KEY that MAY be the same out of both lists; return patched's part."""
    waiting: dict[Hashable, list[_Seen]] = defaultdict(list)
    for old in base:
        waiting[key(old)].append(old)
    paired = []
    for new in tuple(patched):
        old_one = next((old for old in waiting[key(new)] if may(old, new)), None)
        if old_one is not None:
            waiting[key(new)].remove(old_one)
            base.remove(old_one)
            patched.remove(new)
            paired.append(new)
    return paired


def compare(
    base: Iterable[Diagnostic], patched: Iterable[Diagnostic], files: tuple[FileChange, ...]
) -> Compared:
    """PATCHED against BASE, where FILES is the diff from base to patched."""
    before = [_on_base(files, diagnostic) for diagnostic in base]
    after = [_on_patched(files, diagnostic) for diagnostic in patched]
    order = {seen.diagnostic: at for at, seen in enumerate(after)}
    same = _pair(before, after, lambda s: (s.says, s.file, s.line), lambda _old, _new: True)
    same += _pair(
        before,
        after,
        lambda s: (s.says, s.file, s.function),
        lambda old, new: old.rewritten or new.rewritten,
    )
    same += _pair(  # a function or a variable that moved to another file
        before,
        after,
        lambda s: (s.says, s.function),
        lambda old, new: old.names_something and old.rewritten and new.rewritten,
    )
    return Compared(
        new=tuple(seen.diagnostic for seen in after),
        inherited=tuple(sorted((seen.diagnostic for seen in same), key=order.__getitem__)),
        fixed=tuple(seen.diagnostic for seen in before),
    )

# SPDX-License-Identifier: GPL-2.0-or-later
"""Which symbol contract does the diff itself imply? Pure.

What the added lines export must be exported; what the removed lines defined, declared or
exported, and no added line so much as names, must be gone. What is not certain is left out:
this ends in accusations.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pipeline.change import owner, remover
from pipeline.model import Change, FileChange, Rule, SymbolChange
from pipeline.symbol_lines import Declared, declared, exported, plain, uncommented

_C_FILE = (".c", ".h", ".S", ".inc")
_WORD = re.compile(r"[A-Za-z_]\w*")
#: `PAGEFLAG(Foo, …)` makes SetPageFoo(): arguments of macros that may paste names together.
_MACRO_CALL = re.compile(r"\b(?!EXPORT_)[A-Z][A-Z0-9_]{2,}\(([^()]*)\)")

_Line = tuple[FileChange, int, str]  # the file, the line's number, its text


def derive(change: Change) -> tuple[SymbolChange, ...]:
    """What CHANGE says of symbols, from its diff alone, in the order of files and lines."""
    added = [line for f in change.files for line in _lines(f, old=False)]
    removed = [line for f in change.files for line in _lines(f, old=True)]
    named = {word for _, _, text in added for word in _WORD.findall(plain(text))}
    exports = {e.name for _, _, text in added if (e := exported(text))}
    found = [*_added_exports(change, added), *_removed_exports(change, removed, exports)]
    if not any("##" in text for _, _, text in added):
        pasted = _pasted(added)
        found += [
            s
            for s in _removed_declarations(change, removed)
            if s.name not in named and not any(part in s.name for part in pasted)
        ]
    return tuple(sorted(set(found), key=lambda s: (s.file, s.line, s.kind, s.name)))


def names_to_search(changes: Iterable[SymbolChange], rules: Iterable[Rule]) -> tuple[str, ...]:
    """The names to look for, as whole words, in the patched tree; sorted."""
    names = {
        c.name
        for c in changes
        if c.kind in ("definition-removed", "declaration-removed") and _telling(c.name)
    }
    return tuple(sorted(names | {r.symbol for r in rules if r.unmentioned}))


def _telling(name: str) -> bool:
    """Whether NAME can be told from an English word and is worth a search of the tree."""
    return len(name) >= 8 or "_" in name.strip("_") or (name[0] == "_" and len(name) >= 5)


def _lines(changed: FileChange, *, old: bool) -> Iterator[_Line]:
    """The removed (OLD) or added lines of a C file; text inside comments is emptied."""
    path = changed.old_path if old else changed.path
    if not path.endswith(_C_FILE):
        return
    for hunk in changed.hunks:
        start, texts = (hunk.old_start, hunk.removed) if old else (hunk.new_start, hunk.added)
        for at, line in enumerate(uncommented(texts)):
            continued = at > 0 and texts[at - 1].rstrip().endswith("\\")
            yield changed, start + at, " " + line if continued else line


def _pasted(added: Iterable[_Line]) -> frozenset[str]:
    return frozenset(
        word
        for _, _, text in added
        for arguments in _MACRO_CALL.findall(text)
        for word in _WORD.findall(arguments)
        if len(word) > 2
    )


def _added_exports(change: Change, added: Iterable[_Line]) -> Iterator[SymbolChange]:
    for changed, line, text in added:
        if export := exported(text):
            yield SymbolChange(
                kind="export-added",
                name=export.name,
                file=changed.path,
                line=line,
                patch=owner(change, changed.path, line),
                gpl_only=export.gpl_only,
            )


def _removed_exports(
    change: Change, removed: Iterable[_Line], still: set[str]
) -> Iterator[SymbolChange]:
    for changed, line, text in removed:
        export = exported(text)
        if export and export.name not in still:
            yield SymbolChange(
                kind="export-removed",
                name=export.name,
                file=changed.old_path,
                line=line,
                patch=remover(change, changed.old_path, line),
                gpl_only=export.gpl_only,
            )


def _removed_declarations(change: Change, removed: Iterable[_Line]) -> Iterator[SymbolChange]:
    for changed, line, text in removed:
        for what in declared(text):
            kind = _kind(what, changed)
            if kind:
                yield SymbolChange(
                    kind=kind,
                    name=what.name,
                    file=changed.old_path,
                    line=line,
                    patch=remover(change, changed.old_path, line),
                    static=what.static,
                )


def _kind(what: Declared, changed: FileChange) -> str:
    """The kind of SymbolChange; "" where the loss says nothing of the rest of the tree."""
    header = changed.old_path.endswith(".h")
    if what.kind == "macro":
        return "declaration-removed" if header and not what.name.startswith("CONFIG_") else ""
    if what.static and changed.status == "D" and not header:
        return ""
    if what.kind == "definition" and header and not what.static:
        return "declaration-removed"  # a prototype that goes on in the next line
    if what.kind == "declaration" and what.static:
        return ""
    return f"{what.kind}-removed"

# SPDX-License-Identifier: GPL-2.0-or-later
"""Are the exports what the series says, and is any export gone or stricter unsaid? Pure."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator

from pipeline.model import Change, Finding, Outcome, SymbolChange
from pipeline.symbol_lines import exported
from workers.symbols.kernel import Kernel, Terms
from workers.symbols.places import only_patch, touched_code_words

#: Past this many lost exports one finding says how many more there are.
MAX_LOST = 20

_OTHER_EXPORT = re.compile(r"_*EXPORT_[A-Z_]*\s*\((?P<arguments>[^)]*)", re.ASCII)
_MACRO_CALL = re.compile(r"\w+\s*\((?P<arguments>[^)]*)", re.ASCII)
_WORD = re.compile(r"\w{3,}", re.ASCII)
_CONDITION = re.compile(r"\s*#\s*(?:if|else|elif)")
_MAKE_FILES = ("Makefile", "Kbuild", ".mk")


def added_exports(change: Change, patched: Kernel) -> Iterator[Finding]:
    """Exports that the series adds and that the patched kernel does not have as written.

    Only where the line was certainly compiled (its file was, and it stands in no `#if`) and
    the symbol is there to be exported; a kernel that trims or has no exports says nothing.
    """
    if not patched.has_exports or "CONFIG_TRIM_UNUSED_KSYMS" in patched.options:
        return
    for added in change.symbols:
        if added.kind != "export-added" or not _certainly_compiled(added, patched):
            continue
        terms = patched.exports.get(added.name)
        asked = "exported GPL-only" if added.gpl_only else "exported to all modules"
        if terms is None or terms.gpl_only != added.gpl_only:
            yield Finding(
                kind="export-missing",
                severity=Outcome.FAIL,
                summary=f"{added.name} must be {asked}, but it is {patched.state(added.name)}",
                patch=added.patch,
                file=added.file,
                line=added.line,
                symbol=added.name,
            )


def _promised(change: Change, patched: Kernel) -> frozenset[str]:
    """The exports that `added_exports` judges on this target."""
    return frozenset(
        added.name
        for added in change.symbols
        if added.kind == "export-added" and _certainly_compiled(added, patched)
    )


def _certainly_compiled(added: SymbolChange, patched: Kernel) -> bool:
    return (
        added.file in patched.compiled
        and (added.file, added.line) not in patched.conditional
        and (added.name in patched.exports or patched.defines_globally(added.name))
    )


def drift(change: Change, base: Kernel, patched: Kernel) -> Iterator[Finding]:
    """Exports that vanished, or got stricter, without a line of the series saying so.

    A loss that nothing in the series explains accuses it. One that may be meant is a WARN. A
    kernel that trims its exports to what its modules use says nothing.
    """
    if not (base.has_exports and patched.has_exports):
        return
    if "CONFIG_TRIM_UNUSED_KSYMS" in base.options | patched.options:
        return
    said = _said(change, base.exports.keys())
    blame = only_patch(change)
    told = _promised(change, patched)
    lost = sorted(base.exports.keys() - patched.exports.keys() - said - told)
    spoken = _spoken_of(change, lost)
    meant = _may_be_meant(change, base, patched)
    for name in lost[:MAX_LOST]:
        summary = f"{name} was exported, but now it is {patched.state(name)}"
        why = meant or ("lines of the series name it" if name in spoken else "")
        severity = Outcome.WARN if why else Outcome.FAIL
        yield Finding("export-lost", severity, summary, blame, symbol=name, detail=why)
    if len(lost) > MAX_LOST:
        summary = f"{len(lost) - MAX_LOST} more exports are gone"
        certain = not meant and not spoken.issuperset(lost[MAX_LOST:])
        severity = Outcome.FAIL if certain else Outcome.WARN
        yield Finding("export-lost", severity, summary, blame, detail="\n".join([meant, *lost]))
    rewritten = {s.name for s in change.symbols if s.kind == "export-added"}
    for name in sorted((base.exports.keys() & patched.exports.keys()) - said - rewritten):
        before, after = base.exports[name], patched.exports[name]
        if _stricter(before, after):
            summary = f"{name} was {before}, but now it is {after}"
            yield Finding("export-stricter", Outcome.WARN, summary, blame, symbol=name)


def _may_be_meant(change: Change, base: Kernel, patched: Kernel) -> str:
    """What of the series can take away exports that it does not name; "" if nothing does."""
    options = sorted(base.options ^ patched.options)
    if options:
        return f"the configuration differs too: {', '.join(options[:10])}"
    for file in change.files:
        for hunk in file.hunks:
            lines = [*(x for x in hunk.removed if _can_take(x, file.old_path)),
                     *(x for x in hunk.added if _can_leave_out(x, file.path))]  # fmt: skip
            if lines:
                return f"{file.path} differs too: {lines[0].strip()[:100]}"
    return ""


def _can_take(removed: str, path: str) -> bool:
    """Whether the line that was REMOVED made an object, or exports in a macro's body."""
    in_macro = removed[:1].isspace() or removed.rstrip().endswith("\\")
    return (path.endswith(_MAKE_FILES) and ".o" in removed) or (in_macro and "EXPORT_" in removed)


def _can_leave_out(added: str, path: str) -> bool:
    """Whether the line that was ADDED is a condition on code, which may leave exports out."""
    return path.endswith((".c", ".S")) and bool(_CONDITION.match(added))


def _spoken_of(change: Change, names: Iterable[str]) -> frozenset[str]:
    """Those of NAMES that the series' code names, or makes of a removed macro call's arguments."""
    words = touched_code_words(change)
    parts = frozenset(
        part
        for text in _removed(change)
        if (call := _MACRO_CALL.match(text))
        for part in _WORD.findall(call["arguments"])
    )
    return frozenset(n for n in names if n in words or any(part in n for part in parts))


def _removed(change: Change) -> Iterator[str]:
    return (text for file in change.files for hunk in file.hunks for text in hunk.removed)


def _stricter(before: Terms, after: Terms) -> bool:
    return (after.gpl_only and not before.gpl_only) or after.namespace != before.namespace


def _said(change: Change, names: Iterable[str]) -> frozenset[str]:
    """Those of NAMES whose export the series itself takes away.

    Macros make names (`EXPORT_TRACEPOINT_SYMBOL(foo)` exports `__tracepoint_foo`), so the
    removed line of such a macro speaks of every name that contains one of its arguments.
    """
    own = {s.name for s in change.symbols if s.kind == "export-removed"}
    parts = {
        part
        for text in _removed(change)
        if exported(text) is None and (match := _OTHER_EXPORT.match(text))
        for part in _WORD.findall(match["arguments"])
    }
    return frozenset(n for n in names if n in own or any(part in n for part in parts))

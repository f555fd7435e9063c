# SPDX-License-Identifier: GPL-2.0-or-later
"""Is a diff whole, and where does it end? Pure.

The format of hunks: git-diff(1) "Generating patch text with -p"; a context line may have
lost its only blank, which git-apply(1) tolerates, but no other line may.
"""

from __future__ import annotations

import re

_HUNK = re.compile(r"@@ -\d+(?:,(\d+))? \+\d+(?:,(\d+))? @@")
_NEXT = re.compile(r"diff --git |--- |\+\+\+ |@@ -|index [0-9a-f]+\.\.|-- ?$|-{5,}")
_PART = re.compile(
    r"diff --git |index [0-9a-f]+\.\.|--- |\+\+\+ |@@ -|Binary files |GIT binary patch$"
    r"|(?:old|new|new file|deleted file) mode \d|(?:copy|rename) (?:from|to) |(?:dis)?similarity "
)
_BINARY = re.compile(r"(?:literal|delta) \d+|[A-Za-z][0-9A-Za-z!#-&(-+;-@^-~-]{5,65}|")
_STAT = re.compile(
    r"^ (\d{1,9}) files? changed(?:, (\d{1,9}) insertions?\(\+\))?"
    r"(?:, (\d{1,9}) deletions?\(-\))?$",
    re.MULTILINE,
)
_SIGNATURE = re.compile(r"^(?:-- ?|_{10,}|-{10,})$", re.MULTILINE)


def find_damage(text: str) -> str:
    """What is broken in the first broken hunk of TEXT; "" if all hunks add up."""
    lines = text.split("\n")
    file, at, last = "", 0, 0
    files = added = removed = 0
    binary = False
    while at < len(lines):
        line = lines[at]
        at += 1
        if line.startswith("+++ "):
            file = line[4:].split("\t")[0].removeprefix("b/")
        header = _HUNK.match(line) if file else None
        if header:
            start = at
            at, broken = _walk_hunk(lines, at, int(header[1] or 1), int(header[2] or 1))
            if broken:
                return f"{broken} in the hunk {header[0]} of {_printable(file)}"
            added += sum(inner.startswith("+") for inner in lines[start:at])
            removed += sum(inner.startswith("-") for inner in lines[start:at])
            last = at
        elif line.startswith("diff --git "):
            file, files, last = "", files + 1, at
        elif line.startswith(("GIT binary patch", "Binary files ")):
            binary = True
    return "" if binary else _cut_off(text, lines[last:], (files, added, removed))


def _cut_off(text: str, rest: list[str], found: tuple[int, int, int]) -> str:
    """What is missing if TEXT ends after its last hunk, before the REST that git writes.

    FOUND are the files, the lines that are added, and those that are removed. Whoever edits a
    diff by hand leaves its end alone.
    """
    stat = next(iter([*_STAT.finditer(text.partition("\ndiff --git ")[0])][-1:]), None)
    if not stat or _SIGNATURE.search("\n".join(rest)):
        return ""
    said = tuple(int(n or 0) for n in stat.groups())
    if any(have < should for have, should in zip(found, said, strict=True)) and found[0]:
        return f"it ends before all that its diffstat lists ({stat[0].strip()})"
    return ""


def cut_diff(content: bytes) -> bytes:
    """The lines of CONTENT that are of a diff; what stands around and between is left out."""
    lines = content.split(b"\n")
    shown = [line.decode("utf-8", "replace") for line in lines]
    kept: list[bytes] = []
    at, inside = 0, False
    while at < len(lines):
        inside = inside or _begins(shown, at)
        end = at + 1
        header = _HUNK.match(shown[at]) if inside else None
        if header:
            end, _ = _walk_hunk(shown, end, int(header[1] or 1), int(header[2] or 1))
        elif inside and shown[at] == "GIT binary patch":
            while end < len(lines) and _BINARY.fullmatch(shown[end]):
                end += 1
            while not shown[end - 1]:
                end -= 1
        if inside and _PART.match(shown[at]):
            kept += lines[at:end]
        at = end
    return b"\n".join(kept)


def _begins(lines: list[str], at: int) -> bool:
    """Whether a diff begins at AT: git's, or one without git's headers."""
    if lines[at].startswith("--- "):
        return at + 1 < len(lines) and lines[at + 1].startswith("+++ ")
    return lines[at].startswith("diff --git ")


def _printable(name: str) -> str:
    return name if name.isprintable() else ascii(name)


def _walk_hunk(lines: list[str], at: int, old: int, new: int) -> tuple[int, str]:
    """The index after a hunk of OLD and NEW lines that starts at AT, and what is wrong in it."""
    while old > 0 or new > 0:
        line = lines[at] if at < len(lines) else None
        kind = " " if line in {"", "\r"} else (line or "@")[0]
        if kind == "\\":
            at += 1
            continue
        if line is None or kind not in " +-":
            if line is None or _NEXT.match(line) or lines[at - 1].rstrip() == "--":
                return at, "lines are missing"
            return at, f"whitespace was destroyed or lines were wrapped ({line.strip()[:60]!r})"
        old -= kind in " -"
        new -= kind in " +"
        at += 1
        if old < 0 or new < 0:
            return at, "the lines are not as many as it says"
    if at < len(lines) and lines[at].startswith("\\"):
        at += 1
    after = lines[at] if at < len(lines) else ""
    if after[:1] in ("+", "-") and not _NEXT.match(after):
        return at, "there are more lines than it says"
    return at, ""

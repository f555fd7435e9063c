# SPDX-License-Identifier: GPL-2.0-or-later
"""What a diff says: git's patch text to `FileDiff`s, whatever its context. Pure.

Hunks come out without context, as `git diff -U0` has them. The format: git-diff(1)
"Generating patch text with -p", and unified diffs without git's headers.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace

from pipeline.model import FileChange, Hunk

_HUNK = re.compile(r"@@ -(\d+)(?:,(\d+))? \+(\d+)(?:,(\d+))? @@")
_INDEX = re.compile(r"index ([0-9a-f]+)\.\.([0-9a-f]+)(?: (\d+))?$")
_MODES = ("old mode", "new mode", "deleted file mode", "new file mode")
_EXTENDED = re.compile(rf"({'|'.join(_MODES)}|(?:copy|rename) (?:from|to)) (.*)")
_ESCAPE = re.compile(rb"\\([abtnvfr\"\\]|[0-7]{3})")
_LETTERS = dict(zip(b"abtnvfr", b"\a\b\t\n\v\f\r", strict=True))


@dataclass(frozen=True, slots=True)
class FileDiff:
    """A `FileChange` with what only a diff knows: blobs (abbreviated), modes, and headers."""

    change: FileChange
    old_blob: str = ""
    new_blob: str = ""
    new_mode: str = ""  # octal, "" where the diff does not say
    headers: tuple[str, ...] = ()  # the @@ lines, one for each hunk as it was written
    names: tuple[str, ...] = ()  # every name as written, before `a/` or `b/` is taken off


def parse(text: str) -> tuple[FileDiff, ...]:
    """The files that TEXT, a diff with anything before, between and after, changes."""
    lines = text.split("\n")  # not splitlines(): sources hold form feeds
    files: list[FileDiff] = []
    at = 0
    while at < len(lines):
        if lines[at].startswith("diff --git ") or _is_traditional(lines, at):
            at, file = _parse_file(lines, at)
            files.append(file)
        else:
            at += 1
    return tuple(_with_type_changes(files))


def _is_traditional(lines: list[str], at: int) -> bool:
    return (
        lines[at].startswith("--- ")
        and len(lines) > at + 2
        and lines[at + 1].startswith("+++ ")
        and lines[at + 2].startswith("@@ -")
    )


def _parse_file(lines: list[str], at: int) -> tuple[int, FileDiff]:
    """The file whose headers start at AT, and the index after it."""
    said: dict[str, str] = {}
    file = FileDiff(FileChange("", "", "M"))
    if lines[at].startswith("diff --git "):
        said["old"], said["new"] = _git_names(lines[at].removeprefix("diff --git "))
        at += 1
    while at < len(lines) and not lines[at].startswith(("@@ -", "diff --git ")):
        line = lines[at]
        if extended := _EXTENDED.match(line):
            said[extended[1]] = extended[2]
        elif index := _INDEX.match(line):
            file = replace(file, old_blob=index[1], new_blob=index[2])
            said["mode"] = index[3] or ""
        elif line.startswith("--- ") and lines[at + 1 : at + 2] and lines[at + 1][:4] == "+++ ":
            said["old"], said["new"] = _name(line[4:]), _name(lines[at + 1][4:])
            at += 1
        elif line.startswith(("Binary files ", "GIT binary patch")):
            said["binary"] = "yes"
        elif "binary" not in said and not line.startswith(("similarity ", "dissimilarity ")):
            break
        at += 1
    hunks: list[Hunk] = []
    headers: list[str] = []
    while at < len(lines) and (header := _HUNK.match(lines[at])):
        headers.append(lines[at])
        at = _parse_hunk(lines, at + 1, header, hunks)
    named = _named(said, replace(file, headers=tuple(headers)))
    return at, replace(named, change=replace(named.change, hunks=tuple(hunks)))


def _named(said: dict[str, str], file: FileDiff) -> FileDiff:
    """FILE with the names, the status and the mode that its headers SAID."""
    old, new = _strip(said.get("old", "")), _strip(said.get("new", ""))
    status = "M"
    if "new file mode" in said or said.get("old") == "/dev/null":
        status, old = "A", ""
    elif "deleted file mode" in said or said.get("new") == "/dev/null":
        status, new = "D", old
    elif "rename to" in said:
        status, old, new = "R", unquote(said.get("rename from", "")), unquote(said["rename to"])
    elif "copy to" in said:
        status, old, new = "A", "", unquote(said["copy to"])
    moves = (
        unquote(said[k]) for k in ("rename from", "rename to", "copy from", "copy to") if k in said
    )
    return replace(
        file,
        change=FileChange(
            path=new,
            old_path=old,
            status=status,
            binary="binary" in said,
            plain=all(said.get(name, "")[:3] in {"", "100"} for name in ("mode", *_MODES)),
        ),
        new_mode=said.get("new file mode", said.get("new mode", "")),
        names=tuple(n for n in (said.get("old"), said.get("new"), *moves) if n),
    )


def _parse_hunk(lines: list[str], at: int, header: re.Match[str], hunks: list[Hunk]) -> int:
    """Append to HUNKS what changes in the hunk after HEADER; the index of the line after it."""
    old_left, new_left = int(header[2] or 1), int(header[4] or 1)
    old = int(header[1]) + (old_left == 0)
    new = int(header[3]) + (new_left == 0)
    removed: list[str] = []
    added: list[str] = []

    def flush() -> None:
        if removed or added:
            start = old - len(removed) if removed else old - 1
            new_start = new - len(added) if added else new - 1
            hunks.append(
                Hunk(start, len(removed), new_start, len(added), tuple(removed), tuple(added))
            )
            removed.clear()
            added.clear()

    while at < len(lines) and (old_left > 0 or new_left > 0):
        line = lines[at]
        at += 1
        if line.startswith("-"):
            removed.append(line[1:])
            old, old_left = old + 1, old_left - 1
        elif line.startswith("+"):
            added.append(line[1:])
            new, new_left = new + 1, new_left - 1
        elif not line.startswith("\\"):
            flush()
            old, old_left, new, new_left = old + 1, old_left - 1, new + 1, new_left - 1
    flush()
    if at < len(lines) and lines[at].startswith("\\"):
        at += 1
    return at


def _with_type_changes(files: list[FileDiff]) -> Iterator[FileDiff]:
    """FILES, with a deletion and a creation of one path, which git writes as two, as one T."""
    at = 0
    while at < len(files):
        file = files[at]
        following = files[at + 1] if at + 1 < len(files) else None
        if (
            following
            and file.change.status + following.change.status == "DA"
            and (file.change.path == following.change.path)
        ):
            yield _type_change(file, following)
            at += 2
        else:
            yield file
            at += 1


def _type_change(gone: FileDiff, made: FileDiff) -> FileDiff:
    hunks: tuple[Hunk, ...] = gone.change.hunks + made.change.hunks
    if gone.change.hunks and made.change.hunks:
        old, new = gone.change.hunks[0], made.change.hunks[0]
        hunks = (replace(old, new_start=new.new_start, new_count=new.new_count, added=new.added),)
    path = made.change.path
    binary = gone.change.binary or made.change.binary
    plain = gone.change.plain and made.change.plain
    change = FileChange(path, path, "T", hunks, binary=binary, plain=plain)
    return replace(made, change=change, old_blob=gone.old_blob)


def _git_names(names: str) -> tuple[str, str]:
    """The two names of a `diff --git` line; equal but for their prefixes if not quoted."""
    if '"' in names:
        parts = re.findall(r'"(?:[^"\\]|\\.)*"|\S+', names)
        if len(parts) == 2:
            return unquote(parts[0]), unquote(parts[1])
    half = len(names) // 2
    if names[half : half + 1] == " " and _strip(names[:half]) == _strip(names[half + 1 :]):
        return names[:half], names[half + 1 :]
    old, _, new = names.partition(" ")
    return old, new


def _name(written: str) -> str:
    """The name on a `---` or `+++` line: a tab ends it, and perhaps a date follows."""
    return unquote(written) if written.startswith('"') else written.partition("\t")[0].rstrip("\r")


def _strip(name: str) -> str:
    """NAME without its first directory, as `git apply -p1` takes it."""
    return name if name == "/dev/null" else name.partition("/")[2] or name


def unquote(name: str) -> str:
    """NAME without git's C-style quotes (core.quotePath in git-config(1)), if it has any."""
    if not (len(name) > 1 and name.startswith('"')):
        return name
    inner = name[1 : name.rindex('"')].encode("utf-8", "surrogateescape")

    def plain(escape: re.Match[bytes]) -> bytes:
        code = escape[1]
        if len(code) == 3:
            return bytes([int(code, 8) & 0xFF])
        return bytes([_LETTERS.get(code[0], code[0])])

    return _ESCAPE.sub(plain, inner).decode("utf-8", "replace")

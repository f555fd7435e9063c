# SPDX-License-Identifier: GPL-2.0-or-later
"""Where does a finding about a symbol point, and which patch is to blame? Pure."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.change import owner, remover
from pipeline.model import Change, Mention, Target
from pipeline.symbol_lines import declared, exported, plain, uncommented
from workers.symbols.usage import Usage, usage

_WORD = re.compile(r"[A-Za-z_]\w*", re.ASCII)


@dataclass(frozen=True, slots=True)
class Place:
    """A line, and the patch that wrote or removed it; unknown parts are "" or None."""

    file: str = ""
    line: int | None = None
    patch: int | None = None


def concerns(path: str, target: Target) -> bool:
    """Whether TARGET is built from PATH at all: another architecture's directory is not."""
    arch = arch_of(path)
    return arch in ("", target.arch)


def arch_of(path: str) -> str:
    """The X of arch/X/…; "" for a path that belongs to no architecture."""
    parts = path.split("/")
    return parts[1] if parts[0] == "arch" and len(parts) > 2 else ""


def only_patch(change: Change) -> int | None:
    """The patch to blame where no line tells: the only one, if there is only one."""
    return change.patches[0].n if len(change.patches) == 1 else None


def touched_code_words(change: Change) -> frozenset[str]:
    """Every identifier in the code that the series adds or removes."""
    return frozenset(
        word
        for lines in _blocks(change)
        for line in uncommented(lines)
        for word in _WORD.findall(plain(line))
    )


def _blocks(change: Change) -> Iterator[tuple[str, ...]]:
    for patch in change.patches:
        for file in patch.files:
            for hunk in file.hunks:
                yield hunk.removed
                yield hunk.added


def left_behind(change: Change, target: Target, name: str) -> Place | None:
    """Where the patched sources still define NAME, or else still name it in code."""
    code = [
        m for m in change.mentions
        if m.symbol == name and m.kind == "code" and concerns(m.file, target)
    ]  # fmt: skip
    if not code:
        return None
    return of_mention(change, max(code, key=_defining))


def of_mention(change: Change, mention: Mention) -> Place:
    """MENTION's line; the patch that wrote it, or else the one that dropped the symbol."""
    patch = owner(change, mention.file, mention.line)
    if patch is None:
        patch = dropped_by(change, mention.symbol)
    return Place(mention.file, mention.line, patch)


def dropped_by(change: Change, name: str) -> int | None:
    """The patch that removed NAME's definition, export or declaration; else the only one."""
    gone = (s.patch for s in change.symbols if s.name == name and s.kind.endswith("-removed"))
    return next((patch for patch in gone if patch is not None), only_patch(change))


def of_symbol(change: Change, target: Target, name: str) -> Place:
    """The line of the series that matters most for NAME on TARGET.

    The one that defines, exports or declares it before one that only names it; added before
    removed.
    """
    best: tuple[int, Place] | None = None
    for rank, place in _naming(change, target, name):
        if best is None or rank > best[0]:
            best = rank, place
    return best[1] if best else Place(patch=only_patch(change))


def _naming(change: Change, target: Target, name: str) -> list[tuple[int, Place]]:
    """Every line of the series that names NAME, with its rank."""
    found = []
    for file in change.files:
        for hunk in file.hunks:
            if concerns(file.path, target):
                for at, text in enumerate(hunk.added):
                    line = hunk.new_start + at
                    if name in _WORD.findall(text):
                        place = Place(file.path, line, owner(change, file.path, line))
                        found.append((_weight(text, name) + 1, place))
            if concerns(file.old_path, target):
                for at, text in enumerate(hunk.removed):
                    line = hunk.old_start + at
                    if name in _WORD.findall(text):
                        place = Place(file.old_path, line, remover(change, file.old_path, line))
                        found.append((_weight(text, name), place))
    return found


def _weight(text: str, name: str) -> int:
    if any(w.name == name and w.kind == "definition" for w in declared(text)):
        return 6
    export = exported(text)
    if export and export.name == name:
        return 4
    return 2 if any(w.name == name for w in declared(text)) else 0


def _defining(mention: Mention) -> int:
    return usage(mention) in (Usage.DEFINES, Usage.DEFINES_LOCALLY)

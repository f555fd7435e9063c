# SPDX-License-Identifier: GPL-2.0-or-later
"""Which symbols did the series take away without taking all of them away? Pure.

Three faults are certain enough to accuse of:

- an orphan: the patched kernel still defines a global symbol, though the series removed its
  declaration or another definition, and no header and no other file names it any more;
- a leftover: code still needs a symbol that nothing in the sources defines any more, in a
  place that this target's build did not compile (where it did, the compiler has spoken);
- a reference that the linker left undefined, because it is weak.

User space in the tree (tools/, scripts/, usr/) is no part of the kernel: what uses a name there
may mean a library's. Everything else that has the same name by chance (a struct member, a
parameter, a static of another file, the variant of another architecture) acquits the name.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass

from pipeline.change import owner
from pipeline.model import Change, Finding, Mention, Outcome, SymbolChange, Target
from workers.symbols.kernel import Kernel
from workers.symbols.places import arch_of, concerns, of_mention
from workers.symbols.rules import listing
from workers.symbols.usage import Usage, usage

_REMOVALS = ("definition-removed", "declaration-removed")
_DEFINITIONS = (Usage.DEFINES, Usage.DEFINES_LOCALLY)


@dataclass(frozen=True, slots=True)
class _Scene:
    """The places that still name a symbol which the series removed, and what each does."""

    removed: SymbolChange
    code: tuple[tuple[Mention, Usage], ...]
    prose: tuple[Mention, ...]  # comments and documentation


def stale_symbols(
    change: Change, target: Target, base: Kernel, patched: Kernel
) -> tuple[Finding, ...]:
    """The findings of kind "stale-symbol", at most two a symbol."""
    found: dict[tuple[str, Outcome], Finding] = {}
    for removed in change.symbols:
        if removed.kind in _REMOVALS and not _in_user_space(removed.file):
            scene = _scene(change, removed)
            for finding in _judge(change, target, scene, base, patched):
                found.setdefault((removed.name, finding.severity), finding)
    return tuple(found.values())


def _scene(change: Change, removed: SymbolChange) -> _Scene:
    mentions = [
        m for m in change.mentions
        if m.symbol == removed.name and not (m.kind == "code" and _in_user_space(m.file))
    ]  # fmt: skip
    if removed.static and removed.file.endswith(".c"):
        now = _now(change, removed.file)
        mentions = [m for m in mentions if m.file == now]
    elif arch := arch_of(removed.file):
        mentions = [m for m in mentions if arch_of(m.file) in ("", arch)]
    return _Scene(
        removed,
        tuple((m, usage(m)) for m in mentions if m.kind == "code"),
        tuple(m for m in mentions if m.kind != "code"),
    )


def _in_user_space(path: str) -> bool:
    return path.startswith(("tools/", "scripts/", "usr/"))


def _now(change: Change, old_path: str) -> str:
    """What OLD_PATH is called in the patched tree."""
    return next((f.path for f in change.files if f.old_path == old_path), old_path)


def _judge(
    change: Change, target: Target, scene: _Scene, base: Kernel, patched: Kernel
) -> Iterator[Finding]:
    orphan = _orphan(change, target, scene, patched)
    if orphan:
        yield orphan
    elif not _still_means_something(scene, patched):
        yield from _leftovers(change, target, scene)
        name = scene.removed.name
        if name in patched.undefined and base.defines_globally(name):
            yield _finding(
                scene.removed,
                Outcome.FAIL,
                f"{name} is referred to, but nothing defines it any more",
            )


def _orphan(change: Change, target: Target, scene: _Scene, patched: Kernel) -> Finding | None:
    """A global definition that nothing but its own file knows of."""
    name = scene.removed.name
    if scene.removed.static or not patched.defines_globally(name):
        return None
    definers = {m.file for m, does in scene.code if does is Usage.DEFINES}
    known_by = {m.file for m, does in scene.code if does is not Usage.SILENT}
    here = [
        m for m, does in scene.code
        if does is Usage.DEFINES and m.file in patched.compiled and concerns(m.file, target)
    ]  # fmt: skip
    if not here or known_by != definers or any(f.endswith((".h", ".S")) for f in definers):
        return None
    exported = name in patched.exports
    used = any(
        does in (Usage.MAY_USE, Usage.USES) for _, does in scene.code
    )  # by its own file, then
    meant = exported or not used or _defined_elsewhere_before(change, name)
    certain = meant and _users_went(change, name)
    what = str(patched.exports[name]) if exported else "defined"
    place = of_mention(change, here[0])
    return Finding(
        kind="stale-symbol",
        severity=Outcome.FAIL if certain else Outcome.WARN,
        summary=f"{name} is still {what}, but nothing declares it any more",
        patch=place.patch,
        file=place.file,
        line=place.line,
        symbol=name,
        detail=f"the series removed it from {scene.removed.file}:{scene.removed.line};"
        f" what is left:\n{listing([m for m, _ in scene.code])}",
    )


def _defined_elsewhere_before(change: Change, name: str) -> bool:
    return any(s.kind == "definition-removed" and s.name == name for s in change.symbols)


def _users_went(change: Change, name: str) -> bool:
    """Whether the series removes more lines that name NAME than a declaration alone."""
    word = re.compile(rf"(?<!\w){re.escape(name)}(?!\w)", re.ASCII)
    removed = (
        text
        for patch in change.patches
        for file in patch.files
        for hunk in file.hunks
        for text in hunk.removed
    )
    return sum(bool(word.search(text)) for text in removed) > 1


def _still_means_something(scene: _Scene, patched: Kernel) -> bool:
    """Whether the name can still be defined, here or on any architecture.

    It is when a line defines it, when a header has something else of that name, or when a
    line that was certainly compiled uses it.
    """
    return any(
        does is Usage.DEFINES
        or (does > Usage.DECLARES and _is_header(m.file))
        or (does is Usage.USES and _was_compiled(m, patched))
        for m, does in scene.code
    )


def _is_header(path: str) -> bool:
    return path.endswith((".h", ".inc"))


def _was_compiled(mention: Mention, patched: Kernel) -> bool:
    place = (mention.file, mention.line)
    return mention.file in patched.compiled and place not in patched.conditional


def _leftovers(change: Change, target: Target, scene: _Scene) -> Iterator[Finding]:
    """Uses of what is gone (FAIL), or only declarations, comments and documentation (WARN)."""
    other = {m.file for m, does in scene.code if does > Usage.DECLARES}
    # A file's static is also known to the C files that it includes, which lie beside or below it.
    homes = tuple(
        m.file.rpartition("/")[0] + "/" for m, does in scene.code if does is Usage.DEFINES_LOCALLY
    )
    left = [(m, d) for m, d in scene.code if m.file not in other and not m.file.startswith(homes)]
    code = [(m, does) for m, does in left if concerns(m.file, target)]
    uses = [m for m, does in code if does is Usage.USES]
    perhaps = [m for m, does in code if does is Usage.MAY_USE]
    declarations = [m for m, does in code if does is Usage.DECLARES]
    name = scene.removed.name
    if uses:
        yield _mentioned(change, Outcome.FAIL, uses, f"{name} is gone, but code still uses it")
    elif perhaps:
        yield _mentioned(change, Outcome.WARN, perhaps, f"{name} is gone, but code still names it")
    elif declarations:
        yield _mentioned(
            change, Outcome.WARN, declarations, f"{name} is gone, but is still declared"
        )
    foreign = [m for m, does in left if does is Usage.USES and not concerns(m.file, target)]
    if foreign and not uses and not declarations and not arch_of(scene.removed.file):
        # Perhaps no target builds it. One that does will say more.
        where = f"arch/{arch_of(foreign[0].file)}"
        yield _mentioned(
            change, Outcome.WARN, foreign, f"{name} is gone, but {where} still uses it"
        )
    prose = [
        m for m in scene.prose
        if m.file not in other and concerns(m.file, target) and _is_about_symbol(change, m)
    ]  # fmt: skip
    if prose and not declarations:
        what = "documentation" if all(m.kind == "documentation" for m in prose) else "a comment"
        yield _mentioned(change, Outcome.WARN, prose, f"{name} is gone, but {what} still names it")


def _is_about_symbol(change: Change, mention: Mention) -> bool:
    """Not a path, an option, a kernel-doc parameter, or a line of the series itself."""
    before, _, after = mention.text.partition(mention.symbol)
    looks_like_symbol = "_" in mention.symbol.strip("_") or mention.symbol.startswith("_")
    other = before.endswith(("/", "-", ".", "$", "%", "@", "=", ">")) or after.startswith(
        ("/", "-", "=", ".h", ".c", ".o")
    )
    return looks_like_symbol and not other and not owner(change, mention.file, mention.line)


def _mentioned(change: Change, severity: Outcome, mentions: list[Mention], summary: str) -> Finding:
    first = mentions[0]
    place = of_mention(change, first)
    return Finding(
        kind="stale-symbol",
        severity=severity,
        summary=summary,
        patch=place.patch,
        file=place.file,
        line=place.line,
        symbol=first.symbol,
        detail=listing(mentions),
    )


def _finding(removed: SymbolChange, severity: Outcome, summary: str) -> Finding:
    return Finding(
        kind="stale-symbol",
        severity=severity,
        summary=summary,
        patch=removed.patch,
        file=removed.file,
        line=removed.line,
        symbol=removed.name,
        detail="",
    )

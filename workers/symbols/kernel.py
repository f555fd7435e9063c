# SPDX-License-Identifier: GPL-2.0-or-later
"""What is the state of one symbol in one kernel? Pure; answers by name from a `Seen`."""

from __future__ import annotations

from dataclasses import dataclass
from fnmatch import fnmatchcase

from workers.symbols.seen import RO_AFTER_INIT, DefinedGroup, ExportedGroup, Seen


@dataclass(frozen=True, slots=True)
class Terms:
    """On what terms a symbol is exported."""

    gpl_only: bool
    namespace: str
    module: str

    def __str__(self) -> str:
        """As a sentence has it: `exported GPL-only in namespace X`."""
        gpl = " GPL-only" if self.gpl_only else ""
        namespace = f" in namespace {self.namespace}" if self.namespace else ""
        module = f" by {self.module}" if self.module != "vmlinux" else ""
        return f"exported{gpl}{namespace}{module}"


class Kernel:
    """One side of one target, indexed by symbol name."""

    def __init__(self, seen: Seen) -> None:
        self.seen = seen
        self.exports = {name: _terms(group) for group in seen.exports for name in group.names}
        self.options = frozenset(seen.options)
        self.compiled = frozenset(seen.compiled)
        self.undefined = frozenset(seen.undefined)
        self.conditional = frozenset(seen.conditional)
        self.has_ro_after_init = any(group.ro_after_init for group in seen.defined)
        self._defined: dict[str, list[DefinedGroup]] = {}
        for group in seen.defined:
            for name in group.names:
                self._defined.setdefault(name, []).append(group)

    @property
    def has_exports(self) -> bool:
        """Whether this kernel exports anything at all; without CONFIG_MODULES none does."""
        return "CONFIG_MODULES" in self.options

    def defines(self, name: str) -> bool:
        """Whether NAME is defined, globally or locally, or exported by a module."""
        return name in self._defined or name in self.exports

    def defines_globally(self, name: str) -> bool:
        """Whether NAME is defined for other files to use."""
        return any(group.binding != "local" for group in self._defined.get(name, ()))

    def is_absent(self, name: str) -> bool:
        """Whether this kernel neither defines NAME nor refers to it."""
        return not self.defines(name) and name not in self.undefined

    def sections(self, name: str) -> tuple[str, ...]:
        """The sections in which NAME is defined, sorted; `ro_after_init` is one of them."""
        groups = self._defined.get(name, ())
        return tuple(sorted({RO_AFTER_INIT if g.ro_after_init else g.section for g in groups}))

    def is_in(self, name: str, section: str) -> bool:
        """Whether every definition of NAME is in SECTION, as `model.Rule.section` has it."""
        return all(
            group.ro_after_init if section == RO_AFTER_INIT else fnmatchcase(group.section, section)
            for group in self._defined.get(name, ())
        )

    def state(self, name: str) -> str:
        """What NAME is here, in a few words: `exported, ro_after_init`, `absent`, …"""
        groups = self._defined.get(name, ())
        words = []
        if name in self.exports:
            words.append(str(self.exports[name]))
        elif groups:
            bindings = {group.binding for group in groups}
            words.append(
                "defined" if "global" in bindings else "weak" if "weak" in bindings else "local"
            )
        elif name in self.undefined:
            words.append("referenced, not defined")
        else:
            words.append("absent")
        return ", ".join([*words, *self.sections(name)])


def _terms(group: ExportedGroup) -> Terms:
    return Terms(group.gpl_only, group.namespace, group.module)

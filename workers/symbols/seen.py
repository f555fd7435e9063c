# SPDX-License-Identifier: GPL-2.0-or-later
"""What is kept of one kernel's symbols? Independent of any series, so that it can be cached.

Names stand in groups of what they have in common: a small kernel has 15,000 of them.
"""

from __future__ import annotations

from dataclasses import dataclass

#: What `__ro_after_init` marks (include/linux/cache.h). Few linker scripts give it a section of
#: its own; most put it into .rodata, between __start_ro_after_init and __end_ro_after_init.
RO_AFTER_INIT = "ro_after_init"


@dataclass(frozen=True, slots=True)
class DefinedGroup:
    """The names of SECTION with one BINDING: "global", "weak" or "local"."""

    section: str
    ro_after_init: bool
    binding: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class ExportedGroup:
    """The names that MODULE ("vmlinux" for the kernel itself) exports on the same terms."""

    module: str
    gpl_only: bool
    namespace: str
    names: tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Seen:
    """What the symbols check sees on one side.

    CONDITIONAL is of the patched side only: the lines, of those that the series' exports and
    mentions point at, that stand inside an `#if`, so that a build does not prove them.
    """

    exports: tuple[ExportedGroup, ...]
    defined: tuple[DefinedGroup, ...]
    undefined: tuple[str, ...]
    options: tuple[str, ...]  # that are set to y or m
    compiled: tuple[str, ...]  # source files other than headers, relative to the tree
    conditional: tuple[tuple[str, int], ...] = ()

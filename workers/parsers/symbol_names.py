# SPDX-License-Identifier: GPL-2.0-or-later
"""What did the sources call a symbol? Pure.

Compilers append to the names of functions that they split or specialise and number static
variables of functions; the kernel's macros number what must have a name of its own, by how many
there were before or by the line.
"""

from __future__ import annotations

import re

#: What compilers append to the name of a function that they split or specialised.
_CLONE = re.compile(r"\.(?:isra|constprop|part|cold|llvm)\b.*")
#: What they append to tell statics of one name apart, and how they call tables of their own.
_NUMBER = re.compile(r"(?:\.\d+)+$")
#: __UNIQUE_ID() and ___initcall_id() of include/linux: __COUNTER__ and __LINE__.
_UNIQUE = re.compile(r"(__UNIQUE_ID_\w*?)_?\d+$")
_INITCALL = re.compile(r"(__initcall__\w+?)__\d+_\d+_(\w+)$")


def unsplit(name: str) -> str:
    """NAME without what a compiler appends to parts and copies of a function."""
    return _CLONE.sub("", name)


def of_source(name: str) -> str:
    """NAME without all that changes where other code does."""
    name = _NUMBER.sub("", unsplit(name))
    return _INITCALL.sub(r"\1_\2", _UNIQUE.sub(r"\1", name))

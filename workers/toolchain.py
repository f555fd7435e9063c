# SPDX-License-Identifier: GPL-2.0-or-later
"""Which programs turn a target's sources into an observation? Pure."""

from __future__ import annotations

from collections.abc import Mapping

from pipeline.model import Target
from pipeline.toolchain import compiler, linker
from workers.sandbox.contract import Tools


def compilers(target: Target) -> Mapping[str, Tools]:
    """The programs that make TARGET's kernel."""
    return dict.fromkeys((compiler(target), linker(target)), Tools.BUILD)


def emulator(target: Target) -> Mapping[str, Tools]:
    """The program that boots TARGET's kernel."""
    return {target.machine.qemu[0]: Tools.QEMU}

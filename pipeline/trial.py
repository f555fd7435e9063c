# SPDX-License-Identifier: GPL-2.0-or-later
"""Can commands be sandboxed here? Asks whoever knows, in a process of its own."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable

from pipeline.model import DEFAULT_TOOLCHAIN

_TRIAL_S = 60


def trial(runtime: str, toolchain: str = DEFAULT_TOOLCHAIN) -> Callable[[], str]:
    """Try, from now on, to sandbox a command with RUNTIME, and if it has a choice TOOLCHAIN, here.

    What is returned waits for the end and says why it cannot be done, in one sentence; "" if it
    can. Workers know; they are asked in a process of their own.
    """
    process = subprocess.Popen(
        (sys.executable, "-m", "workers.sandbox", runtime, toolchain),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )

    def came() -> str:
        try:
            said, complaint = process.communicate(timeout=_TRIAL_S)
        except subprocess.TimeoutExpired:
            process.kill()
            process.communicate()
            return (
                "A trial command in the sandbox does not end: this machine is too busy, or broken."
            )
        return (said or complaint).strip() if process.returncode else ""

    return came

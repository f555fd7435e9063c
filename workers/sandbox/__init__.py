# SPDX-License-Identifier: GPL-2.0-or-later
"""Sandboxes: one interface (`contract`), one module for each implementation."""

from __future__ import annotations

import os
import shutil
from collections.abc import Callable
from pathlib import Path
from tempfile import TemporaryDirectory

from pipeline.model import DEFAULT_TOOLCHAIN, InfraError, InputError
from workers.sandbox.bubblewrap import Bubblewrap
from workers.sandbox.contract import Command, Limits, Sandbox
from workers.sandbox.none import NoSandbox

#: Settings that forbid user namespaces: which value does, and which one does not.
#: kernel.unprivileged_userns_clone is Debian's, the AppArmor one Ubuntu's from 23.10.
_FORBIDDING = (
    ("kernel.unprivileged_userns_clone", "0", "1"),
    ("kernel.apparmor_restrict_unprivileged_userns", "1", "0"),
    ("user.max_user_namespaces", "0", "10000"),
)


def _docker(toolchain: str) -> Sandbox:
    from workers.sandbox.docker import Docker  # noqa: PLC0415 (who uses no Docker need not load it)

    return Docker(toolchain)


_RUNTIMES: dict[str, Callable[[str], Sandbox]] = {
    "bubblewrap": lambda _: Bubblewrap(),
    "docker": _docker,
    "none": lambda _: NoSandbox(),
}


def open_sandbox(runtime: str, toolchain: str = DEFAULT_TOOLCHAIN) -> Sandbox:
    """The sandbox RUNTIME, for one job; where there is a choice, with the compilers TOOLCHAIN.

    Raises InputError if there is none of that name, InfraError if it does not work here.
    """
    if runtime not in _RUNTIMES:
        known = ", ".join(_RUNTIMES)
        raise InputError(f"There is no runtime {runtime!r}: take one of {known}.")
    return _RUNTIMES[runtime](toolchain)


def why_not(runtime: str) -> str:
    """Why commands cannot run in RUNTIME here, and what mends it; "" if one really did run."""
    sudo = "" if os.geteuid() == 0 else "sudo "
    if runtime == "bubblewrap" and shutil.which("bwrap") is None:
        return f"bubblewrap is not installed: {sudo}apt-get install bubblewrap"
    trial = Command(("true",), limits=Limits(seconds=20), env={"PATH": "/usr/bin:/bin"})
    with TemporaryDirectory() as directory:
        log = Path(directory) / "log"
        try:
            ended = open_sandbox(runtime).run(trial, log=log)
        except InfraError as error:
            return _forbidden(runtime, sudo) or str(error)
        if ended.exit_code or ended.stopped:
            said = log.read_text(errors="replace").strip().rpartition("\n")[2]
            return _forbidden(runtime, sudo) or f"A trial command failed in the sandbox: {said}."
    return ""


def _forbidden(runtime: str, sudo: str) -> str:
    """The setting that forbids user namespaces and the command that allows them, or ""."""
    if runtime != "bubblewrap":
        return ""
    for name, forbidding, allowing in _FORBIDDING:
        setting = Path("/proc/sys", name.replace(".", "/"))
        if setting.exists() and setting.read_text().strip() == forbidding:
            return (
                f"{name}={forbidding} forbids user namespaces, which the sandbox needs:"
                f" {sudo}sysctl -w {name}={allowing}"
            )
    return ""

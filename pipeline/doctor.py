# SPDX-License-Identifier: GPL-2.0-or-later
"""What does this machine need, and what is missing? Looks for tools, and asks their versions.

A tool is a command on PATH or a C header; each has the Debian and Ubuntu package that brings
it. The targets of the matrix name theirs.
"""

from __future__ import annotations

import os
import re
import shlex
import shutil
import subprocess
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path

from pipeline.model import Target
from pipeline.toolchain import packaged

#: Where the package of each C library puts its headers.
_HEADERS = Path("/usr/include")


@dataclass(frozen=True, slots=True)
class Tool:
    """Something that crosscheck runs or builds with. VERSION is "" where it is missing."""

    name: str
    purpose: str
    package: str
    version: str = ""
    fault: str = ""  # why it does not work although it is there, and what mends it

    @property
    def missing(self) -> bool:
        """Whether crosscheck cannot work with it as it is."""
        return not self.version or bool(self.fault)


#: (command or header, purpose, package) of what crosscheck itself runs.
_OURS = (
    ("git", "applies series, keeps trees", "git"),
    ("setpriv", "ties every process to its parent", "util-linux"),
)
_PRIVATE = (("redis-server", "carries jobs to workers", "redis-server"),)
#: Of what commands need on the machine where they run.
_COMMANDS = (
    ("make", "builds kernels", "make"),
    ("gcc", "builds the kernel's own build tools", "gcc"),
    ("flex", "builds Kconfig and dtc", "flex"),
    ("bison", "builds Kconfig and dtc", "bison"),
    ("bc", "computes the kernel's time constants", "bc"),
    ("perl", "runs scripts of kernel builds", "perl"),
    ("python3", "runs scripts of kernel builds", "python3"),
    ("gzip", "compresses kernels", "gzip"),
    ("ccache", "compiles nothing twice", "ccache"),
    ("stdlib.h", "the kernel's own build tools include it", "libc6-dev"),
    ("libelf.h", "objtool reads objects with it", "libelf-dev"),
)
_TESTS = (
    ("patch", "the tests prepare trees with it", "patch"),
    ("cpio", "the tests read archives with it", "cpio"),
)
_SANDBOX = ("bwrap", "sandboxes what patches run", "bubblewrap")
_ENGINE = ("Docker engine", "runs commands in images", "docker.io")


def examine(targets: Iterable[Target], runtime: str, sandbox_fault: str) -> tuple[Tool, ...]:
    """Everything that RUNTIME and TARGETS need, as it is on this machine.

    SANDBOX_FAULT says why the sandbox does not work here, if it does not.
    """
    tools = of_commands(targets, runtime, sandbox_fault)
    tests = () if runtime == "docker" else _TESTS
    return (*_found((*_OURS, *_PRIVATE)), *tools, *_found(tests))


def of_coordinator() -> tuple[Tool, ...]:
    """As `examine`, but only what a machine needs whose jobs are done by workers elsewhere."""
    return _found(_OURS)


def of_commands(targets: Iterable[Target], runtime: str, sandbox_fault: str) -> tuple[Tool, ...]:
    """As `examine`, but only what commands need, which a worker runs."""
    if runtime == "docker":
        return (Tool(*_ENGINE, version="answers", fault=sandbox_fault),)
    wanted = (*_COMMANDS, *((_SANDBOX,) if runtime == "bubblewrap" else ()))
    return _found((*wanted, *(each for t in targets for each in _of_target(t))), sandbox_fault)


def lacked(target: Target, runtime: str, besides: Iterable[Tool]) -> tuple[str, ...]:
    """What TARGET alone needs with RUNTIME and is not here, by name, besides those looked for."""
    if runtime == "docker":
        return ()
    names = {tool.name for tool in besides}
    return tuple(t.name for t in _found(_of_target(target)) if t.missing and t.name not in names)


def _found(wanted: Iterable[tuple[str, str, str]], sandbox_fault: str = "") -> tuple[Tool, ...]:
    """WANTED as they are on this machine, each once."""
    purposes: dict[tuple[str, str], dict[str, None]] = {}
    for name, purpose, package in wanted:
        purposes.setdefault((name, package), {})[purpose] = None
    found = []
    for (name, package), uses in purposes.items():
        version = _version(name)
        fault = sandbox_fault if name == _SANDBOX[0] and version else ""
        found.append(Tool(name, ", ".join(uses), package, version, fault))
    return tuple(found)


def _of_target(target: Target) -> Iterator[tuple[str, str, str]]:
    machines = [package for package in target.packages if package.startswith("qemu")]
    for program, package in packaged(target):
        yield program, f"compiles {target.name}", package
    for package in machines:
        yield target.machine.qemu[0], f"boots {target.name}", package


def _version(name: str) -> str:
    """What is known of the version of NAME; "" if it is not there."""
    if name.endswith(".h"):
        multiarch = _HEADERS.glob(f"*-linux-gnu*/{name}")
        return "present" if (_HEADERS / name).exists() or any(multiarch) else ""
    if shutil.which(name) is None:
        return ""
    try:
        said = subprocess.run(
            (name, "--version"), capture_output=True, text=True, check=False, timeout=30
        )
    except (OSError, subprocess.TimeoutExpired):
        return ""
    found = re.search(r"\d+(?:\.\d+)+\S*", said.stdout + said.stderr)
    return found[0].rstrip(",)") if found else "present"


def missing_packages(tools: Iterable[Tool]) -> tuple[str, ...]:
    """The packages of the TOOLS that are not there, each once."""
    return tuple(dict.fromkeys(tool.package for tool in tools if not tool.version))


def remedy(tools: Iterable[Tool]) -> tuple[str, ...]:
    """The exact commands that mend what is missing, and what else must be mended."""
    tools = tuple(tools)
    packages = missing_packages(tools)
    command = f"apt-get install {shlex.join(packages)}"
    if os.geteuid() != 0:
        command = f"sudo {command}" if shutil.which("sudo") else f"su -c {shlex.quote(command)}"
    install = (command,) if packages else ()
    return (*install, *dict.fromkeys(tool.fault for tool in tools if tool.fault))

# SPDX-License-Identifier: GPL-2.0-or-later
"""How git is run: with an environment in which nothing but its arguments matters. Effects.

No system or user configuration, no hooks, no attributes from outside, no prompts, no
network, and no locks or refreshed indexes left in repositories that are not ours. A user's
repository keeps its own .git/config; only read-only plumbing is run there. git(1),
git-config(1).
"""

from __future__ import annotations

import os
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

from pipeline.model import InfraError
from pipeline.trees.untouched import keep_times

_CONFIG = {
    "advice.detachedHead": "false",
    "core.attributesFile": "/dev/null",
    "core.excludesFile": "/dev/null",
    "core.fsmonitor": "false",
    "core.hooksPath": "/dev/null",
    "core.protectHFS": "true",
    "core.protectNTFS": "true",
    "core.untrackedCache": "false",
    "gc.auto": "0",
    "maintenance.auto": "false",
    "protocol.allow": "never",
    "safe.directory": "*",  # trees may belong to somebody else: nothing of theirs is run
}

#: Fixed, so that the same series on the same base becomes the same commits.
COMMITTER = {
    "GIT_COMMITTER_NAME": "crosscheck",
    "GIT_COMMITTER_EMAIL": "crosscheck@localhost.invalid",
    "GIT_COMMITTER_DATE": "@946684800 +0000",
}

#: Of commits of our own, whose tree is all that they say.
AUTHOR = {
    "GIT_AUTHOR_NAME": "crosscheck",
    "GIT_AUTHOR_EMAIL": "crosscheck@localhost.invalid",
    "GIT_AUTHOR_DATE": "@946684800 +0000",
}


@dataclass(frozen=True, slots=True)
class Ran:
    """How a git command ended."""

    code: int
    out: bytes
    err: str

    @property
    def complaint(self) -> str:
        """The last line that it wrote to stderr."""
        lines = [line for line in self.err.splitlines() if line.strip()]
        return lines[-1].removeprefix("fatal: ").removeprefix("error: ") if lines else ""


def environment(
    extra: Mapping[str, str] | None = None, config: Mapping[str, str] | None = None
) -> dict[str, str]:
    """All of the environment of a git command, with EXTRA; CONFIG outranks all settings."""
    settings = _CONFIG | dict(config or {})
    fixed = {
        "PATH": os.environ.get("PATH", os.defpath),
        "HOME": "/nonexistent",
        "LC_ALL": "C",
        "TZ": "UTC",
        "GIT_ATTR_NOSYSTEM": "1",
        "GIT_CONFIG_GLOBAL": "/dev/null",
        "GIT_CONFIG_NOSYSTEM": "1",
        "GIT_LITERAL_PATHSPECS": "1",
        "GIT_NO_LAZY_FETCH": "1",
        "GIT_NO_REPLACE_OBJECTS": "1",
        "GIT_OPTIONAL_LOCKS": "0",
        "GIT_TERMINAL_PROMPT": "0",
        "GIT_CONFIG_COUNT": str(len(settings)),
    }
    for number, (key, value) in enumerate(settings.items()):
        fixed |= {f"GIT_CONFIG_KEY_{number}": key, f"GIT_CONFIG_VALUE_{number}": value}
    return fixed | COMMITTER | dict(extra or {})


def attempt(
    where: Path,
    *arguments: str | Path,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
    config: Mapping[str, str] | None = None,
) -> Ran:
    """Run git in the directory WHERE and say how it ended. Raises InfraError without git."""
    try:
        ended = subprocess.run(
            ["git", "-C", where, *arguments],
            input=stdin,
            capture_output=True,
            check=False,
            env=environment(env, config),
            umask=0o022,
            preexec_fn=keep_times,
        )
    except FileNotFoundError as error:
        raise InfraError("git is not installed: see `crosscheck doctor`.") from error
    return Ran(ended.returncode, ended.stdout, ended.stderr.decode("utf-8", "replace"))


def git(
    where: Path,
    *arguments: str | Path,
    stdin: bytes = b"",
    env: Mapping[str, str] | None = None,
) -> bytes:
    """What git in WHERE wrote to stdout. Raises InfraError if it failed."""
    ran = attempt(where, *arguments, stdin=stdin, env=env)
    if ran.code:
        words = iter(map(str, arguments))
        command = next((w for w in words if not (w == "-c" and next(words)) and w[0] != "-"), "")
        raise InfraError(f"git {command} failed in {where}: {ran.complaint or ran.code}.")
    return ran.out


def text(where: Path, *arguments: str | Path) -> str:
    """What git in WHERE wrote to stdout, as one stripped string. Raises InfraError."""
    return git(where, *arguments).decode("utf-8", "replace").strip()

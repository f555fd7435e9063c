# SPDX-License-Identifier: GPL-2.0-or-later
"""How coordinators and workers exchange source trees through a git repository that both reach.

A tree travels as a commit that has no parent and always the same author and date: equal trees are
the same commit on every machine, and no history goes along. git compares what both sides have by
commits, and leaves out what the *ancestors* of a commit have; of unrelated ones it looks at the
trees only where a repository is shallow (git-rev-list(1), --objects-edge-aggressive; upload-pack
and send-pack ask for it then). So we push from, and fetch into, shallow repositories, and a base
that moved costs its difference.

Refs there, whose last part is the tree: refs/crosscheck/runs/RUN/TREE as long as RUN goes on, and
refs/crosscheck/bases/RUN/TREE, the latest bases, with which the next are compared.

Authentication is git's own: ssh keys, credential helpers, the user's configuration.
"""

from __future__ import annotations

import os
import re
import signal
import subprocess
import time
from collections.abc import Iterable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from pipeline.addresses import shown
from pipeline.model import Change, InfraError
from pipeline.trees.git import AUTHOR, Ran, environment, git
from pipeline.trees.untouched import keep_times

REFS = "refs/crosscheck"

#: What git, ssh and curl are told by the environment of whoever talks to others.
PASSED_ON = (
    *("XDG_CONFIG_HOME", "SSH_AUTH_SOCK", "GIT_SSH", "GIT_SSH_COMMAND", "GIT_SSH_VARIANT"),
    *("GIT_SSL_CAINFO", "GIT_SSL_CAPATH", "SSL_CERT_FILE", "SSL_CERT_DIR"),
    *("http_proxy", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY", "no_proxy", "NO_PROXY"),
)

_CONFIG = {
    **{f"protocol.{name}.allow": "always" for name in ("file", "git", "http", "https", "ssh")},
    "core.alternateRefsCommand": "true",  # what the user's repository has is no help there
    "credential.interactive": "false",
    "fetch.fsckObjects": "true",
    "http.lowSpeedLimit": "1000",
    "http.lowSpeedTime": "60",
}
_PAUSE_S = 1.0
_URL_USER = re.compile(r"(?<=://)[^/\s'\"]*@")
_HIDDEN = "***"
#: The line of git's complaints that says why; others say that something is wrong.
_TELLING = re.compile(
    r"remote rejected\].*\((?P<why>.+)\)$|^(?:fatal|error|ssh|remote): *(?P<said>[^\s=*#-].*)$",
    re.MULTILINE,
)
_CONTROL = re.compile(r"[\x00-\x1f\x7f-\x9f]+")
#: What git says when the program that carries its words has ended, which has said why.
_LOST = "Could not read from remote repository"


@dataclass(frozen=True, slots=True)
class Patience:
    """How often something is tried, and how long an answer and all objects may take."""

    tries: int
    ask_s: float
    move_s: float


PATIENT = Patience(tries=3, ask_s=60, move_s=1800)
#: For what is better left than waited for.
HASTY = Patience(tries=1, ask_s=10, move_s=20)
#: For who only wants to know; a repository may be about to be made.
_CURIOUS = Patience(tries=3, ask_s=20, move_s=0)


@dataclass(frozen=True, slots=True)
class Published:
    """A ref of ours there; KIND is "runs" or "bases"."""

    kind: str
    run: str
    tree: str

    @property
    def ref(self) -> str:
        """Its full name."""
        return f"{REFS}/{self.kind}/{self.run}/{self.tree}"


def source_trees(change: Change) -> tuple[str, ...]:
    """The trees that the jobs of a run need: of the base, first, and after each patch."""
    return tuple(dict.fromkeys((change.base_tree, *change.trees, change.patched_tree)))


def commit_of(git_dir: Path, tree: str) -> str:
    """The commit as which TREE travels, made in our repository."""
    return git(git_dir, "commit-tree", tree, "-m", "Source", env=AUTHOR).decode().strip()


def present(git_dir: Path, trees: Iterable[str]) -> tuple[str, ...]:
    """Those of TREES that our repository has."""
    asked = "".join(f"{tree}\n" for tree in trees).encode()
    answered = git(git_dir, "cat-file", "--batch-check=%(objectname) %(objecttype)", stdin=asked)
    lines = (line.split() for line in answered.decode().splitlines())
    return tuple(name for name, kind in lines if kind == "tree")


def _without_secrets(said: str, url: str) -> str:
    """What git SAID, without what URL has of users and passwords, also where it is no URL."""
    for user in _URL_USER.findall(url):
        said = said.replace(user, "")
        _, _, password = user.removesuffix("@").partition(":")
        if password:
            said = said.replace(password, _HIDDEN)
    return _URL_USER.sub("", said)


@dataclass(frozen=True, slots=True)
class Exchange:
    """The repository at URL, as git talks to it in the directory WHERE with ENV.

    Methods raise InfraError, which tells no secret, when it does not answer or refuses.
    """

    url: str
    where: Path
    env: Mapping[str, str]
    patience: Patience = PATIENT

    def published(self) -> tuple[Published, ...]:
        """Our refs there."""
        words = ("ls-remote", "--quiet", "--", self.url, f"{REFS}/*")
        listed = self._talk(words, self.patience.ask_s)
        pattern = rf"\t{REFS}/(runs|bases)/([^/\s]+)/([0-9a-f]{{40}})$"
        return tuple(
            Published(*found.groups())
            for found in re.finditer(pattern, listed.decode("utf-8", "replace"), re.MULTILINE)
        )

    def move(self, options: Iterable[str], specs: Iterable[str]) -> None:
        """Push or fetch, as OPTIONS say, what SPECS name."""
        self._talk((*options, "--", self.url, *specs), self.patience.move_s)

    def _talk(self, arguments: tuple[str, ...], limit_s: float) -> bytes:
        for left in reversed(range(self.patience.tries)):
            ran = _once(self.where, arguments, self.env, limit_s)
            if not ran.code:
                return ran.out
            if left:
                time.sleep(_PAUSE_S)
        said = _without_secrets(_why(ran), self.url).strip(" .")
        raise InfraError(
            f"The git repository {shown(self.url)} cannot be used to exchange source trees"
            f" ({said}): check CROSSCHECK_GIT_URL, its"
            " server, and that git is let in without a question."
        )


def _why(ran: Ran) -> str:
    """The line of what git said that tells most; of what ssh said above it, the last one."""
    return _CONTROL.sub("", _telling(ran))


def _telling(ran: Ran) -> str:
    found = _TELLING.search(ran.err)
    if not found:
        return ran.complaint or f"status {ran.code}"
    above = ran.err[: found.start()].split("\n")
    said = [line.strip() for line in above if line.strip()]
    if _LOST in found[0] and said:
        return said[-1]
    return str(found["why"] or found["said"])


def reach(url: str) -> None:
    """Raise InfraError if there is no repository at URL that lets us in."""
    Exchange(url, Path("/"), {}, _CURIOUS).published()


def _once(where: Path, arguments: tuple[str, ...], env: Mapping[str, str], limit_s: float) -> Ran:
    """Run git, without a terminal to ask; it dies with us."""
    try:
        process = subprocess.Popen(
            ("setpriv", "--pdeathsig=KILL", "--", "git", "-C", where, *arguments),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=_environment(env),
            umask=0o022,
            start_new_session=True,
            preexec_fn=keep_times,  # noqa: PLW1509 (one system call)
        )
    except FileNotFoundError as error:
        raise InfraError("setpriv is not installed: see `crosscheck doctor`.") from error
    with process:
        try:
            out, err = process.communicate(timeout=limit_s)
        except subprocess.TimeoutExpired:
            _end(process)
            return Ran(1, b"", f"fatal: no end after {limit_s:.0f} s")
        except BaseException:
            _end(process)
            raise
    return Ran(process.returncode, out, err.decode("utf-8", "replace"))


def _end(process: subprocess.Popen[bytes]) -> None:
    with suppress(ProcessLookupError):
        os.killpg(process.pid, signal.SIGKILL)
    process.communicate()


def _environment(extra: Mapping[str, str]) -> dict[str, str]:
    """As for all git commands, but with the user's configuration, keys and helpers."""
    ours = environment(extra, _CONFIG)
    del ours["GIT_CONFIG_GLOBAL"], ours["GIT_CONFIG_NOSYSTEM"]
    wanted = ("HOME", *PASSED_ON)
    return ours | {name: os.environ[name] for name in wanted if name in os.environ}

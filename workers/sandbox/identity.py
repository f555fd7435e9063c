# SPDX-License-Identifier: GPL-2.0-or-later
"""Who runs inside a sandbox: a user that is nobody on the host, with namespaces of its own.

An ordinary user gets an own user namespace from unshare(1) and bwrap(1), where one user
exists. Root can do better: commands run as a uid of their own, which no account has and no
other sandbox shares, so that limits count for them alone, and what they write is theirs.
"""

from __future__ import annotations

import os
import subprocess
import weakref
from pathlib import Path

from pipeline.model import InfraError

#: systemd's list of uids says of 1879048192 to 2147483647: unused.
#: https://systemd.io/UIDS-GIDS/
_FIRST_UID = 0x70000000

_EVERYONE = "0 0 4294967295"  # user_namespaces(7): identity for all

_USER_INSIDE = 1000

#: Makes a user namespace in which no other can be made, once it is told its mapping.
_NAMESPACE = """
echo made; read mapped
echo 0 > /proc/sys/user/max_user_namespaces && echo closed; read done
"""


def _is_host_root() -> bool:
    """Whether we are root, and not just of some container's user namespace."""
    return os.geteuid() == 0 and Path("/proc/self/uid_map").read_text().split() == (
        _EVERYONE.split()
    )


def own_uid() -> int:
    """Of a user that is nobody else here, if we are root; of ours if not."""
    return _FIRST_UID + os.getpid() if _is_host_root() else os.getuid()


def give(directory: Path, uid: int) -> None:
    """Give DIRECTORY and what is in it to UID; links are not followed."""
    if uid == os.getuid():
        return
    os.chown(directory, uid, uid)
    for _, folders, files, handle in os.fwalk(directory):
        for name in (*folders, *files):
            os.chown(name, uid, uid, dir_fd=handle, follow_symlinks=False)


class User:
    """An ordinary user: nothing of the host maps to anybody else inside."""

    uid = _USER_INSIDE

    def enter(self) -> tuple[str, ...]:
        """The command line that enters the namespaces, to put before bwrap."""
        return ("unshare", "--user", "--map-root-user", *_PROCESSES)

    def bwrap(self) -> tuple[str, ...]:
        """Options of bwrap on users and capabilities."""
        who = ("--uid", str(self.uid), "--gid", str(self.uid))
        return ("--unshare-user", "--disable-userns", *who, "--cap-drop", "ALL")

    def become(self) -> tuple[str, ...]:
        """The command line that gives up what is left, to put before the command."""
        return ("setpriv", "--no-new-privs", "--")

    def adopt(self, directory: Path) -> None:
        """What we made is the command's already."""


class Root:
    """Root: a uid for this object alone, in a user namespace of root's making."""

    def __init__(self) -> None:
        self.uid = own_uid()
        self._namespace = _make_namespace()
        weakref.finalize(self, os.close, self._namespace)

    def enter(self) -> tuple[str, ...]:
        """The command line that enters the namespaces, to put before bwrap."""
        place = f"/proc/{os.getpid()}/fd/{self._namespace}"
        return ("nsenter", f"--user={place}", "--", "unshare", *_PROCESSES)

    def bwrap(self) -> tuple[str, ...]:
        """Options of bwrap on users and capabilities: enough is left to become somebody."""
        needed = ("CAP_SETUID", "CAP_SETGID", "CAP_SETPCAP")
        return ("--cap-drop", "ALL", *(word for cap in needed for word in ("--cap-add", cap)))

    def become(self) -> tuple[str, ...]:
        """The command line that gives up what is left, to put before the command."""
        who = ("--reuid", str(self.uid), "--regid", str(self.uid), "--clear-groups")
        none = ("--inh-caps=-all", "--ambient-caps=-all", "--bounding-set=-all")
        return ("setpriv", *who, *none, "--no-new-privs", "--")

    def adopt(self, directory: Path) -> None:
        """Make DIRECTORY the command's."""
        give(directory, self.uid)


#: If unshare is killed after it forked and before its child would die with it, the child has
#: another parent by then. unshare leads the session that `supervise.start` makes; see
#: proc_pid_stat(5).
_STILL_THERE = """
read -r pid name state parent group session rest < /proc/self/stat
[ "$parent" = "$session" ] && exec "$@"
"""

#: bwrap becomes the first process of an outer process namespace, which commands cannot see.
#: Its own first process an ordinary user's command could ptrace and keep from dying with us;
#: the end of the outer namespace ends all.
_PROCESSES = (
    *("--pid", "--fork", "--kill-child", "--", "sh", "-c"),
    _STILL_THERE,
    "sh",
)

Identity = User | Root


def identity() -> Identity:
    """Who commands can be here; raises InfraError if that cannot be set up."""
    return Root() if _is_host_root() else User()


def _make_namespace() -> int:
    """A descriptor of a new user namespace with every uid in it; it lives as long as that."""
    maker = subprocess.Popen(
        ("unshare", "--user", "--keep-caps", "sh", "-c", _NAMESPACE),
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
    )
    assert maker.stdin  # noqa: S101 (for mypy: these are pipes)
    assert maker.stdout  # noqa: S101
    assert maker.stderr  # noqa: S101
    with maker:
        try:
            if maker.stdout.readline() != b"made\n":
                said = maker.stderr.read().decode().strip()
                raise InfraError(f"Cannot make a user namespace: {said}.")
            own = Path(f"/proc/{maker.pid}")
            (own / "uid_map").write_text(_EVERYONE)
            (own / "gid_map").write_text(_EVERYONE)
            maker.stdin.write(b"\n")
            maker.stdin.flush()
            if maker.stdout.readline() != b"closed\n":
                raise InfraError("Cannot forbid user namespaces inside the sandbox's own.")
            return os.open(own / "ns" / "user", os.O_RDONLY | os.O_CLOEXEC)
        except OSError as error:
            raise InfraError(f"Cannot make a user namespace: {error.strerror}.") from error
        finally:
            maker.kill()

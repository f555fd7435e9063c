# SPDX-License-Identifier: GPL-2.0-or-later
"""Real servers of a git repository, on loopback: git's own daemon, lighttpd with git's CGI program
behind TLS and a password, and sshd with a key. Each gives the repository's URL and what the
environment of who uses it must say.
"""

from __future__ import annotations

import getpass
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path

from tests.conftest import missing
from tests.integration.object_servers import free_port

USER, PASSWORD = "fleet", "a-word-that-nobody-may-ever-see-0001"
_CGI = "/usr/lib/git-core/git-http-backend"

_LIGHTTPD = """
server.modules = ("mod_auth", "mod_authn_file", "mod_setenv", "mod_cgi", "mod_alias", "mod_openssl")
server.document-root = "{place}"
server.bind = "127.0.0.1"
server.port = {port}
server.errorlog = "{place}/lighttpd.log"
ssl.engine = "enable"
ssl.pemfile = "{place}/server.pem"
alias.url = ("/git" => "{cgi}")
cgi.assign = ("" => "")
setenv.set-environment = (
    "GIT_PROJECT_ROOT" => "{root}", "GIT_HTTP_EXPORT_ALL" => "1",
    "GIT_CONFIG_COUNT" => "1", "GIT_CONFIG_KEY_0" => "safe.directory", "GIT_CONFIG_VALUE_0" => "*"
)
auth.backend = "plain"
auth.backend.plain.userfile = "{place}/users"
auth.require = ("" => ("method" => "basic", "realm" => "git", "require" => "valid-user"))
"""

_SSHD = """
Port {port}
ListenAddress 127.0.0.1
HostKey {place}/host
AuthorizedKeysFile {place}/key.pub
PasswordAuthentication no
KbdInteractiveAuthentication no
PermitRootLogin prohibit-password
StrictModes no
UsePAM no
PidFile none
"""


@contextmanager
def git_daemon(mirror: Path, place: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    """`git daemon`, which lets everybody in."""
    del place
    port = free_port()
    options = ("--listen=127.0.0.1", f"--port={port}", "--export-all", "--reuseaddr")
    served = (f"--base-path={mirror.parent}", str(mirror.parent))
    url = f"git://127.0.0.1:{port}/{mirror.name}"
    with _serving(("git", "daemon", *options, "--enable=receive-pack", *served), url, {}):
        yield url, {}


@contextmanager
def https(mirror: Path, place: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    """lighttpd, whose certificate only those trust who are told to, and whose URL has a password."""
    _wanted("lighttpd", "openssl", _CGI)
    subprocess.run(["git", "-C", mirror, "config", "http.receivepack", "true"], check=True)
    key, certificate, port = place / "server.key", place / "server.crt", free_port()
    subprocess.run(
        ("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2", "-subj",
         "/CN=localhost", "-addext", "subjectAltName=DNS:localhost", "-keyout", key,
         "-out", certificate),
        check=True, capture_output=True,
    )  # fmt: skip
    (place / "server.pem").write_text(key.read_text() + certificate.read_text())
    (place / "users").write_text(f"{USER}:{PASSWORD}\n")
    config = place / "lighttpd.conf"
    config.write_text(_LIGHTTPD.format(place=place, port=port, cgi=_CGI, root=mirror.parent))
    url = f"https://{USER}:{PASSWORD}@localhost:{port}/git/{mirror.name}"
    told = {"GIT_SSL_CAINFO": str(certificate)}
    with _serving(("lighttpd", "-D", "-f", str(config)), url, told):
        yield url, told


@contextmanager
def sshd(mirror: Path, place: Path) -> Iterator[tuple[str, Mapping[str, str]]]:
    """sshd, which lets one key in."""
    program = _wanted("sshd", "ssh", "ssh-keygen")
    if os.geteuid() == 0:
        Path("/run/sshd").mkdir(mode=0o755, exist_ok=True)  # it changes its root to there
    for name in ("host", "key"):
        command = ("ssh-keygen", "-q", "-t", "ed25519", "-N", "", "-f", place / name)
        subprocess.run(command, check=True)
    config, port = place / "sshd.conf", free_port()
    config.write_text(_SSHD.format(place=place, port=port))
    known = place / "known"
    known.write_text(f"[127.0.0.1]:{port} {(place / 'host.pub').read_text()}")
    words = f"-F /dev/null -o UserKnownHostsFile={known} -o BatchMode=yes"
    told = {"GIT_SSH_COMMAND": f"ssh -i {place / 'key'} {words}", "SSH_AUTH_SOCK": ""}
    url = f"ssh://{getpass.getuser()}@127.0.0.1:{port}{mirror}"
    with _serving((program, "-D", "-e", "-f", str(config)), url, told):
        yield url, told


def _wanted(*programs: str) -> str:
    """Where the first of PROGRAMS is, which must all be there."""
    path = f"{os.environ['PATH']}:/usr/sbin:/usr/local/sbin"
    found = [shutil.which(name, path=path) or missing(name) for name in programs]
    return str(found[0])


@contextmanager
def _serving(command: Sequence[str], url: str, told: Mapping[str, str]) -> Iterator[None]:
    """COMMAND, from when it answers for URL."""
    server = subprocess.Popen(command, start_new_session=True, stderr=subprocess.PIPE)
    try:
        deadline = time.monotonic() + 20
        while True:
            asked = subprocess.run(
                ["git", "ls-remote", url], env=os.environ | told, check=False, capture_output=True
            )
            if not asked.returncode:
                break
            assert server.poll() is None, server.stderr and server.stderr.read().decode()
            assert time.monotonic() < deadline, asked.stderr.decode()
            time.sleep(0.1)
        yield
    finally:
        os.killpg(server.pid, signal.SIGTERM)
        server.wait(20)

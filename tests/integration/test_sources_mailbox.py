# SPDX-License-Identifier: GPL-2.0-or-later
"""A real mail server (dovecot): passwords, encryption, IDLE, and folders that are made anew."""

import getpass
import os
import pwd
import shutil
import socket
import subprocess
import tempfile
import threading
import time
from pathlib import Path

import pytest
from imapclient import IMAPClient

from pipeline.model import InfraError
from pipeline.sources import mailbox as folders
from pipeline.sources import open_source
from tests.conftest import missing
from tests.integration.archives import ids, mail
from tests.integration.object_servers import free_port

pytestmark = pytest.mark.integration
PASSWORD = "a-word-that-nobody-may-ever-see"


class Dovecot:
    """Serves one user's maildir, with and without encryption."""

    def __init__(self, root):
        self.root, self.port, self.tls_port = root, free_port(), free_port()
        key, certificate = root / "key.pem", root / "certificate.pem"
        subprocess.run(
            [
                *("openssl", "req", "-x509", "-newkey", "rsa:2048", "-nodes", "-days", "2"),
                *("-keyout", key, "-out", certificate, "-subj", "/CN=localhost"),
                *("-addext", "subjectAltName=DNS:localhost,IP:127.0.0.1"),
            ],
            check=True,
            capture_output=True,
        )
        self.certificate = certificate
        me = getpass.getuser()
        # Before a login dovecot works as users of its own, if it can.
        is_root = os.geteuid() == 0
        inner, login, owner = ("dovecot", "dovenull", "nobody") if is_root else (me, me, me)
        self.run_dir = Path(tempfile.mkdtemp(prefix="dovecot-"))
        self.run_dir.chmod(0o755)
        self.mail_dir = self.run_dir / "mail"
        self.mail_dir.mkdir()
        shutil.chown(self.mail_dir, owner)
        (self.run_dir / "users").write_text(f"bot:{{PLAIN}}{PASSWORD}\n")
        (root / "conf").write_text(f"""
base_dir = {self.run_dir}
state_dir = {self.run_dir}
log_path = {root}/log
protocols = imap
listen = 127.0.0.1
ssl_cert = <{certificate}
ssl_key = <{key}
default_internal_user = {inner}
default_internal_group = {inner}
default_login_user = {login}
first_valid_uid = 0
mail_location = maildir:{self.mail_dir}
passdb {{
  driver = passwd-file
  args = {self.run_dir}/users
}}
userdb {{
  driver = static
  args = uid={owner} gid={pwd.getpwnam(owner).pw_gid} home={self.mail_dir}
}}
service imap-login {{
  chroot =
  inet_listener imap {{
    port = {self.port}
  }}
  inet_listener imaps {{
    port = {self.tls_port}
  }}
}}
service anvil {{
  chroot =
}}
service stats {{
  chroot =
}}
""")
        self.server = None

    def start(self):
        self.server = subprocess.Popen(["dovecot", "-F", "-c", self.root / "conf"])
        deadline = time.monotonic() + 20
        while True:
            try:
                socket.create_connection(("127.0.0.1", self.port), 1).close()
                return
            except OSError:
                assert time.monotonic() < deadline
                time.sleep(0.05)

    def stop(self):
        if self.server is not None:
            self.server.terminate()
            self.server.wait()
            self.server = None

    def _client(self):
        client = IMAPClient("127.0.0.1", self.port, ssl=False)
        client.login("bot", PASSWORD)
        client.select_folder("INBOX")
        return client

    def deliver(self, *mails):
        with self._client() as client:
            for raw in mails:
                client.append("INBOX", raw)

    def clear(self):
        with self._client() as client:
            client.delete_messages(client.search())
            client.expunge()

    def flags(self):
        with self._client() as client:
            return [flag for flags in client.get_flags(client.search()).values() for flag in flags]

    def url(self, scheme="imap"):
        return f"{scheme}://bot@localhost:{self.tls_port if scheme == 'imaps' else self.port}/INBOX"


@pytest.fixture(scope="module")
def running(tmp_path_factory):
    if not shutil.which("dovecot"):
        missing("a mail server (Debian's package dovecot-imapd)")
    made = Dovecot(tmp_path_factory.mktemp("dovecot"))
    made.start()
    yield made
    made.stop()
    shutil.rmtree(made.run_dir)


@pytest.fixture
def server(running, monkeypatch):
    netrc = running.root / "netrc"
    netrc.write_text(f"machine localhost login bot password {PASSWORD}\n")
    monkeypatch.setenv("NETRC", str(netrc))
    monkeypatch.setenv("SSL_CERT_FILE", str(running.certificate))
    running.clear()
    return running


def read(server, position="", source=None):
    got = list((source or open_source(server.url())).read(position))
    return [a.raw for a in got if a.raw], got[-1].position if got else position


@pytest.mark.parametrize("scheme", ["imap", "imaps"])
def test_mails_come_once_and_are_not_marked_as_read(server, scheme):
    source = open_source(server.url(scheme))
    _, position = read(server, "", source)
    sent = [mail(1), mail(2)]
    for raw in sent:
        server.deliver(raw)
    got, position = read(server, position, source)
    assert sorted(got) == sent
    assert read(server, position, source) == ([], position)
    assert b"\\Seen" not in server.flags()


def test_a_certificate_that_nobody_vouches_for(server, monkeypatch):
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(InfraError, match="certificate verify failed"):
        read(server, source=open_source(server.url("imaps")))


def test_a_wrong_password_is_not_shown(server):
    netrc = server.root / "netrc"
    netrc.write_text("machine localhost login bot password geheim\n")
    with pytest.raises(InfraError) as refused:
        read(server)
    assert str(refused.value) == "The mail server localhost refuses the login."


def test_elsewhere_a_connection_is_encrypted_before_a_password_is_sent(server, monkeypatch):
    monkeypatch.setattr(folders.logins, "is_local", lambda _: False)
    assert read(server)[1]
    monkeypatch.delenv("SSL_CERT_FILE")
    with pytest.raises(InfraError, match="certificate verify failed"):
        read(server)


def test_a_folder_that_is_not_there(server):
    with pytest.raises(InfraError, match="did not give nothing: "):
        read(server, source=open_source(server.url().replace("INBOX", "nothing")))


def test_waiting_ends_when_a_mail_arrives(server):
    source = open_source(server.url())
    _, position = read(server, "", source)
    sent = mail(1)
    late = threading.Timer(1, server.deliver, [sent])
    late.start()
    started = time.monotonic()
    source.wait(60)
    assert time.monotonic() - started < 30
    late.join()
    assert read(server, position, source)[0] == [sent]
    started = time.monotonic()
    source.wait(0.5)
    assert 0.4 < time.monotonic() - started < 10


def test_a_mail_that_came_before_the_wait_ends_it(server):
    source = open_source(server.url())
    read(server, "", source)
    server.deliver(mail(1))
    started = time.monotonic()
    source.wait(60)
    assert time.monotonic() - started < 10


def test_a_server_that_restarts_while_it_is_waited_for(server, monkeypatch):
    monkeypatch.setattr(folders, "_PAUSE_S", 0.1)
    source = open_source(server.url())
    _, position = read(server, "", source)
    gone = threading.Timer(1, server.stop)
    gone.start()
    started = time.monotonic()
    source.wait(60)
    assert time.monotonic() - started < 30
    gone.join()
    with pytest.raises(InfraError, match="The mail server localhost did not give INBOX"):
        read(server, position, source)
    server.start()
    sent = mail(1)
    server.deliver(sent)
    assert read(server, position, source)[0] == [sent]


def test_a_folder_with_new_uids(server):
    for n in range(5):
        server.deliver(mail(n))
    got, position = read(server)
    assert len(got) == 5
    for file in (*server.mail_dir.glob("dovecot*"), *server.mail_dir.glob("???/*:*")):
        file.unlink()  # as if the folder had been restored: numbers begin again
    validity = int(position.split(" ")[0])
    while int(time.time()) <= validity:
        time.sleep(0.1)
    server.deliver(mail("new"))
    again, then = read(server, position)
    assert ids(again) == ["new"]
    assert int(then.split(" ")[0]) > validity
    server.deliver(mail("newer"))
    assert ids(read(server, then)[0]) == ["newer"]

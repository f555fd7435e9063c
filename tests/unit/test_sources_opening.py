# SPDX-License-Identifier: GPL-2.0-or-later
"""Which URLs name a source, and where its password comes from."""

from urllib.parse import urlsplit

import pytest

from pipeline.model import InfraError, InputError
from pipeline.sources import open_source
from pipeline.sources.epochs import Epochs
from pipeline.sources.feed import Feed
from pipeline.sources.logins import login, unprotected
from pipeline.sources.mailbox import Folder
from pipeline.sources.maildir import Maildir
from pipeline.sources.news import NewsGroup


@pytest.mark.parametrize(
    ("url", "kind"),
    [
        ("https://lore.kernel.org/linux-mm/", Feed),
        ("http://localhost:8080/inbox", Feed),
        ("nntp://nntp.lore.kernel.org/org.kvack.linux-mm", NewsGroup),
        ("nntps://host:1563/group/", NewsGroup),
        ("imap://bot@localhost/INBOX", Folder),
        ("imaps://bot%40example.org@mail.example.org/Lists/mm", Folder),
        ("maildir:/var/mail/lists", Maildir),
        ("inbox:/srv/lore/linux-mm", Epochs),
    ],
)
def test_what_is_a_source(url, kind):
    assert isinstance(open_source(url), kind)


@pytest.mark.parametrize(
    "url", ["", "x", "ftp://host/x", "https://", "nntp://host/", "imap:///INBOX", "maildir:", "/p"]
)
def test_what_is_none(url):
    with pytest.raises(InputError, match=r"is no source of mail: name it as https://HOST/LIST/"):
        open_source(url)


def test_what_is_no_url():
    with pytest.raises(InputError, match="is no URL"):
        open_source("https://host:port/x")


def test_a_password_in_a_url_is_refused_and_not_shown():
    with pytest.raises(InputError, match="leave the password out") as refused:
        open_source("imaps://bot:geheim@host/INBOX")
    assert "geheim" not in str(refused.value)


class TestLogins:
    @pytest.fixture(autouse=True)
    def netrc(self, tmp_path, monkeypatch):
        self.file = tmp_path / "netrc"
        self.file.write_text("machine host login bot@x password s3cret\n")
        monkeypatch.setenv("NETRC", str(self.file))

    def test_by_host(self):
        assert login(urlsplit("imaps://host/INBOX")) == ("bot@x", "s3cret")

    def test_by_host_and_user(self):
        assert login(urlsplit("imaps://bot%40x@host/INBOX")) == ("bot@x", "s3cret")

    def test_nobody(self):
        assert login(urlsplit("nntp://elsewhere/group")) is None

    def test_a_user_without_password(self):
        with pytest.raises(InputError, match="has no password of eve for host"):
            login(urlsplit("imaps://eve@host/INBOX"))

    def test_a_home_without_netrc(self, monkeypatch, tmp_path):
        monkeypatch.delenv("NETRC")
        monkeypatch.setenv("HOME", str(tmp_path / "home"))
        assert login(urlsplit("nntp://host/group")) is None

    def test_a_netrc_that_is_none_shows_nothing_of_itself(self):
        self.file.write_text("machine host login bot s3cret\n")
        with pytest.raises(InputError, match=r"netrc is not as netrc\(5\)") as refused:
            login(urlsplit("imaps://host/INBOX"))
        assert "s3cret" not in str(refused.value)

    def test_nothing_is_sent_in_the_clear(self):
        error = unprotected(urlsplit("imap://bot@host/INBOX"))
        assert isinstance(error, InfraError)
        assert "name the source as imaps://" in str(error)

# SPDX-License-Identifier: GPL-2.0-or-later
"""A real archive, read over the web, news and IMAP and from its git repository: nothing is lost."""

import importlib
import itertools
import re
import shutil
import time

import pytest

from pipeline.model import InfraError, InputError
from pipeline.series.load import load
from pipeline.sources import open_source
from pipeline.sources.archive import fetcher
from tests.integration.archives import archive, ids, mail

pytestmark = pytest.mark.integration
KINDS = ["web", "news", "imap", "git"]
NUMBERS = {kind: itertools.count() for kind in KINDS}
MODULES = {"web": "feed", "news": "news", "imap": "mailbox", "git": "epochs"}


@pytest.fixture(scope="module")
def served(tmp_path_factory):
    made = archive(tmp_path_factory.mktemp("archive"))
    for name in ("list", "other", *(f"{k}{n}" for k in KINDS for n in range(5))):
        made.create(name)
    made.start()
    yield made
    made.stop()


class Inbox:
    """One that nobody else uses."""

    def __init__(self, archive, kind):
        self.archive, self.kind, self.name = archive, kind, f"{kind}{next(NUMBERS[kind])}"

    @property
    def url(self):
        a = self.archive
        return {
            "web": a.url(self.name),
            "news": a.nntp_url(self.name),
            "imap": a.imap_url(self.name),
            "git": f"inbox:{a.inbox(self.name)}",
        }[self.kind]

    def deliver(self, *mails):
        self.archive.deliver(self.name, *mails)

    def read(self, position="", source=None):
        opened = source or open_source(self.url)
        got = list(opened.read(position))
        if not source:
            opened.close()
        return [a.raw for a in got if a.raw], got[-1].position if got else position


@pytest.fixture(params=KINDS)
def inbox(request, served):
    return Inbox(served, request.param)


def test_mails_come_once_in_order_and_as_they_were_sent(inbox):
    assert inbox.read()[0] == []
    _, position = inbox.read()
    odd = mail(
        "a/b %4?#",
        subject="ctl \x01",
        body="\x01\x02 <b>&amp; &#1;\nFrom me\n>From you\n.\n..\n" + "x" * 9000 + "\n",
    )
    sent = [mail(0), odd, mail(2, body="no end of line")]
    inbox.deliver(*sent)
    got, position = inbox.read(position)
    assert [_text(raw) for raw in got] == [_text(raw) for raw in sent]
    assert inbox.read(position) == ([], position)
    inbox.deliver(mail(3))
    got, position = inbox.read(position)
    assert ids(got) == ["3"]

    # a beginning gives them too, and each position that was given can be gone on from
    arrivals = list(open_source(inbox.url).read(""))
    assert ids(a.raw for a in arrivals if a.raw)[-1] == "3"
    for n, arrival in enumerate(arrivals):
        assert len(inbox.read(arrival.position)[0]) == len(arrivals) - 1 - n


def _text(raw):
    """Without what public-inbox itself does to the end of a mail, and to headers over news."""
    head, _, body = raw.partition(b"\n\n")
    kept = [
        line
        for line in head.split(b"\n")
        if not re.match(rb"(?i)(Newsgroups|Path|Xref|List-|Archived-At|Status|Lines|Bytes)", line)
    ]
    return b"\n".join(kept), body.rstrip(b"\n")


def test_a_mail_that_is_too_large_blocks_nothing(inbox, monkeypatch, caplog):
    module = importlib.import_module(f"pipeline.sources.{MODULES[inbox.kind]}")
    monkeypatch.setattr(module, "MAX_MAIL_BYTES", 20_000)
    _, position = inbox.read()
    inbox.deliver(
        mail("large", body="long line\n" * 5000), mail("wide", body="x" * 50_000 + "\n"), mail(3)
    )
    got = []
    for _ in range(3):
        more, position = inbox.read(position)
        got += more
    assert ids(got) == ["3"]
    assert "are too large for a mail" in caplog.text


def test_a_deleted_mail_blocks_nothing(inbox):
    _, position = inbox.read()
    inbox.deliver(mail(0), mail(1), mail(2))
    _, position = inbox.read(position)
    third = mail(3)
    inbox.deliver(third, mail(4))
    inbox.archive.delete(third)
    got, position = inbox.read(position)
    assert ids(got) in (["4"], ["3", "4"])
    inbox.deliver(mail(5))
    assert ids(inbox.read(position)[0]) == ["5"]


def test_a_server_that_was_away(served, inbox):
    source = open_source(inbox.url)
    _, position = inbox.read("", source)
    if inbox.kind != "git":
        served.stop()
        for _ in range(2):
            with pytest.raises(InfraError) as away:
                inbox.read(position, source)
            assert str(away.value).count(". ") == 0
            assert "127.0.0.1" in str(away.value)
        source.wait(0.01)
        served.start()
    inbox.deliver(mail(1))
    assert ids(inbox.read(position, source)[0]) == ["1"]
    if inbox.kind != "git":  # between two reads, too
        served.stop()
        served.start()
    inbox.deliver(mail(2))
    got, _ = inbox.read(position, source)
    assert ids(got) == ["1", "2"]
    source.close()


class TestWeb:
    @pytest.fixture
    def web(self, served):
        return Inbox(served, "web")

    def test_more_mails_in_one_second_than_a_page_has(self, web):
        _, position = web.read()
        at = time.time() - 100
        web.deliver(
            *(mail(n, at=at) for n in range(60)), *(mail(n, at=at + 5) for n in range(60, 70))
        )
        got, position = web.read(position)
        assert sorted(map(int, ids(got))) == list(range(70))
        assert web.read(position)[0] == []
        # one that was late
        web.deliver(mail("late", at=at - 300))
        got, position = web.read(position)
        assert ids(got) == ["late"]
        # and one from the future
        web.deliver(mail("soon", at=at + 1e6), mail("now"))
        got, position = web.read(position)
        assert ids(got) == ["now", "soon"]
        web.deliver(mail("later"))
        assert ids(web.read(position)[0]) == ["later"]

    def test_no_archive(self, served):
        with pytest.raises(InfraError, match="is there a public-inbox archive"):
            list(open_source(served.url("nobody")).read(""))


class TestNumberedAnew:
    def test_news(self, served):
        inbox = Inbox(served, "news")
        inbox.deliver(*(mail(n) for n in range(6)))
        _, position = inbox.read()
        assert position.startswith("6 ")
        inbox.deliver(mail(6))
        # position says 6, and there the archive has another mail, or none
        for lying in (
            position.replace("6 <5@x>", "6 <4@x>"),
            "6 <gone@x>",
            "4000 <gone@x>",
            "4000 <3@x>",
        ):
            again, then = inbox.read(lying)
            assert ids(again)[-1] == "6", lying
            assert then == "7 <6@x>"


class TestThreads:
    @pytest.fixture(scope="class")
    @classmethod
    def posted(cls, served):
        diff = "---\n--- a/a\n+++ b/a\n@@ -1 +1 @@\n-a\n+b\n"
        served.deliver(
            "list",
            mail("v1", subject="[PATCH] demo", body=diff),
            mail("v2", subject="[PATCH v2] demo", headers="In-Reply-To: <v1@x>\n", body=diff),
            mail("ack", subject="Re: [PATCH v2] demo", headers="In-Reply-To: <v2@x>\n"),
            mail("v3/x", subject="[PATCH v3] demo", headers="In-Reply-To: <v2@x>\n", body=diff),
        )
        return served

    def taken(self, posted, argument, **more):
        lore = posted.url("list").rstrip("/")
        return load([argument], export=lambda _: None, fetch=fetcher(lore, print), **more)

    @pytest.mark.parametrize(
        ("argument", "version"),
        [("v1@x", 1), ("<v2@x>", 2), ("ack@x", 2), ("<v3/x@x>", 3)],
    )
    def test_a_message_id(self, posted, argument, version):
        series = self.taken(posted, argument)
        assert series.version == version
        assert [p.subject for p in series.patches] == ["demo"]

    @pytest.mark.parametrize("view", ["", "/", "/T/#u", "/t.mbox.gz", "/raw"])
    def test_an_address(self, posted, view):
        series = self.taken(posted, f"{posted.url('list')}v2@x{view}")
        assert series.version == 2

    def test_a_version_that_was_asked_for(self, posted):
        assert self.taken(posted, "v1@x", version=3).version == 3

    def test_a_mail_that_is_not_there(self, posted):
        with pytest.raises(InputError, match="/list has no mail nobody@x"):
            self.taken(posted, "nobody@x")
        with pytest.raises(InputError, match="/other has no mail v1@x"):
            self.taken(posted, f"{posted.url('other')}v1@x/")


def test_git_history_that_was_written_anew(served):
    inbox = Inbox(served, "git")
    sent = [mail(n) for n in range(6)]
    inbox.deliver(*sent)
    _, position = inbox.read()
    inbox.deliver(mail(6))
    served.purge(inbox.name, sent[2])
    inbox.deliver(mail(7))
    got, position = inbox.read(position)
    assert {"6", "7"} <= set(ids(got))
    assert inbox.read(position)[0] == []
    shutil.rmtree(served.inbox(inbox.name) / "git" / "0.git")
    with pytest.raises(InfraError, match="There is no public-inbox repository"):
        inbox.read(position)

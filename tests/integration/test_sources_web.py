# SPDX-License-Identifier: GPL-2.0-or-later
"""Threads from web servers that answer in every odd way, over real HTTP."""

import gzip
import socket
import threading
import time
import tracemalloc
import zlib
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

import pytest

from pipeline.model import InfraError, InputError
from pipeline.sources import archive, open_source, web
from pipeline.sources.archive import fetch_thread, fetcher, named
from tests.integration.object_servers import free_port

pytestmark = pytest.mark.integration
LORE = "https://lore.example.org/all"
MBOX = b"From mboxrd@z Thu Jan  1 00:00:00 1970\nSubject: x\n\nbody\n"


@pytest.mark.parametrize(
    ("argument", "where", "message_id"),
    [
        ("a@x", LORE, "a@x"),
        ("<a/b@x>", LORE, "a/b@x"),
        ("https://h/list/a@x/", "https://h/list", "a@x"),
        ("https://h/list/a@x", "https://h/list", "a@x"),
        ("https://h/list/a@x/T/#u", "https://h/list", "a@x"),
        ("https://h/list/a@x/T/#m12", "https://h/list", "a@x"),
        ("https://h/list/a@x/t/", "https://h/list", "a@x"),
        ("https://h/list/a@x/t.mbox.gz", "https://h/list", "a@x"),
        ("https://h/list/a@x/raw", "https://h/list", "a@x"),
        ("https://h/list/a%2Fb@x/raw", "https://h/list", "a/b@x"),
        ("https://h/list/a%40x/", "https://h/list", "a@x"),
        ("https://h/r/a@x", "https://h/all", "a@x"),
        ("https://patch.msgid.example.org/a@x", LORE, "a@x"),
        ("http://h:8080/deep/list/a@x/", "http://h:8080/deep/list", "a@x"),
        ("https://h/list/no-at-sign/", "https://h/list", "no-at-sign"),
    ],
)
def test_which_mail_an_address_names(argument, where, message_id):
    assert named(argument, LORE) == (where, message_id)


@pytest.mark.parametrize("address", ["https://h/", "https://h/list/", "https://h"])
def test_an_address_that_names_no_mail(address):
    with pytest.raises(InputError, match="names no mail: give https://HOST/LIST/MESSAGE-ID/"):
        named(address, LORE)


class Server:
    """Answers each request with the next of ANSWERS: status, headers, body; the last for ever."""

    def __init__(self):
        self.answers, self.asked = [], []
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self):
                outer.asked.append((self.path, dict(self.headers), time.monotonic()))
                at = min(len(outer.asked), len(outer.answers)) - 1
                status, headers, body = outer.answers[at]
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.end_headers()
                self.wfile.write(body)

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}/list"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()


@pytest.fixture
def server():
    made = Server()
    yield made
    made.http.shutdown()
    made.http.server_close()


def refusal(server, kind=InfraError):
    with pytest.raises(kind) as refused:
        fetch_thread(server.url, "a/b@x")
    return str(refused.value).replace(server.url, "URL")


def test_a_thread(server):
    server.answers = [(200, {"Content-Type": "application/gzip"}, gzip.compress(MBOX))]
    said = []
    assert fetcher("https://nowhere", said.append)(f"{server.url}/a%2Fb@x/T/") == (MBOX, "a/b@x")
    path, headers, _ = server.asked[0]
    assert path == "/list/a%2Fb@x/t.mbox.gz"
    assert headers["User-Agent"].startswith("crosscheck/")
    assert said == [f"fetching the thread of a/b@x from {server.url}"]


def test_a_server_that_compresses_what_is_compressed(server):
    body = gzip.compress(gzip.compress(MBOX))
    server.answers = [(200, {"Content-Encoding": "gzip"}, body)]
    assert fetch_thread(server.url, "a@x") == MBOX


@pytest.mark.parametrize("status", [404, 300])
def test_a_mail_that_the_archive_does_not_have(server, status):
    server.answers = [(status, {"Content-Type": "text/html"}, b"<html>no</html>")]
    assert refusal(server, InputError) == "The archive URL has no mail a/b@x."


@pytest.mark.parametrize("status", [200, 401, 403])
def test_a_page_for_browsers(server, status):
    body = b"<!doctype html><title>Making sure you're not a bot!</title>"
    server.answers = [(status, {"Content-Type": "text/html; charset=utf-8"}, body)]
    assert "URL answers with a page for browsers (" in refusal(server)
    assert refusal(server).endswith("save the thread as mbox and give that file.")


def test_what_is_not_compressed(server):
    server.answers = [(200, {}, MBOX)]
    assert "is not compressed mail" in refusal(server)


def test_what_was_cut_off(server):
    server.answers = [(200, {}, gzip.compress(MBOX * 100)[:-20])]
    assert refusal(server) == "What URL sent as thread does not unpack."


def test_what_was_changed(server):
    body = bytearray(gzip.compress(MBOX * 100))
    body[20] ^= 0xFF
    server.answers = [(200, {}, bytes(body))]
    assert refusal(server) == "What URL sent as thread does not unpack."


def test_an_error_of_the_server(server):
    server.answers = [(500, {}, b"oops")]
    assert refusal(server) == "URL does not give its mail: 500 Internal Server Error."


@pytest.mark.parametrize("layers", [1, 2])
def test_a_bomb_is_not_unpacked(server, layers):
    pack = zlib.compressobj(9, wbits=31)
    bomb = b"".join(pack.compress(bytes(1 << 20)) for _ in range(1024)) + pack.flush()
    headers = {"Content-Encoding": "gzip"} if layers == 2 else {}
    server.answers = [(200, headers, gzip.compress(bomb) if layers == 2 else bomb)]
    tracemalloc.start()
    try:
        assert refusal(server) == "The thread of a/b@x is larger than 64 MB."
        assert tracemalloc.get_traced_memory()[1] < 200 << 20
    finally:
        tracemalloc.stop()


def test_a_bomb_in_the_transfer(server):
    pack = zlib.compressobj(9, wbits=31)
    bomb = b"".join(pack.compress(bytes(1 << 20)) for _ in range(128)) + pack.flush()
    server.answers = [(200, {"Content-Encoding": "gzip"}, bomb)]
    assert refusal(server) == "URL/a%2Fb@x/t.mbox.gz is larger than 64 MB."


def test_more_than_is_read(server, monkeypatch):
    monkeypatch.setattr(archive, "MAX_TOTAL_BYTES", 1 << 20)
    server.answers = [(200, {}, b"\x1f\x8b" + bytes(8 << 20))]
    assert refusal(server).endswith("is larger than 1 MB.")


class TestBusy:
    GOOD = (200, {}, gzip.compress(MBOX))

    @pytest.mark.parametrize("status", [429, 503])
    def test_what_is_asked_to_be_waited_is_waited(self, server, status):
        server.answers = [(status, {"Retry-After": "2"}, b""), self.GOOD]
        assert fetch_thread(server.url, "a@x") == MBOX
        assert server.asked[1][2] - server.asked[0][2] >= 2

    def test_it_may_be_a_date(self, server):
        until = datetime.now(UTC) + timedelta(seconds=3)
        server.answers = [(429, {"Retry-After": format_datetime(until)}, b""), self.GOOD]
        assert fetch_thread(server.url, "a@x") == MBOX
        assert server.asked[1][2] - server.asked[0][2] >= 1

    def test_a_server_that_wants_more_is_left_alone(self, server):
        server.answers = [(429, {"Retry-After": "3600"}, b""), self.GOOD]
        asking = web.Web()
        for _ in range(3):
            with pytest.raises(InfraError, match=r"asks to be left alone for 3[56]"):
                asking.get(server.url, 1000)
        assert len(server.asked) == 1

    def test_it_is_given_up(self, server, monkeypatch):
        monkeypatch.setattr(web.time, "sleep", lambda _: None)
        server.answers = [(503, {}, b"")]
        assert "is too busy: 503 Service Unavailable." in refusal(server)
        assert len(server.asked) == 3


def test_nobody_there():
    with pytest.raises(InfraError, match=r"Cannot reach 127\.0\.0\.1:\d+: is there a network\?"):
        fetch_thread(f"http://127.0.0.1:{free_port()}/list", "a@x")
    with pytest.raises(InfraError, match=r"Cannot reach host\.invalid"):
        fetch_thread("http://user:geheim@host.invalid/list", "a@x")


def test_a_server_that_says_nothing(server, monkeypatch):
    monkeypatch.setattr(web, "TIMEOUT_S", 0.2)
    with (
        socket.create_server(("127.0.0.1", 0)) as mute,
        pytest.raises(InfraError, match="does not answer"),
    ):
        fetch_thread(f"http://127.0.0.1:{mute.getsockname()[1]}/list", "a@x")


def test_a_feed_in_which_an_archive_left_what_xml_may_not_have(server):
    now = datetime.now(UTC).strftime("%Y-%m-%dT%H:%M:%SZ")
    entry = (
        f"<entry><title>a \x0b b &#2; &amp;</title><updated>{now}</updated>"
        '<link href="http://elsewhere/list/a%2Fb@x/"/></entry>'
    )
    feed = f'<?xml version="1.0"?><feed xmlns="http://www.w3.org/2005/Atom">{entry}</feed>'
    server.answers = [(200, {}, feed.encode()), (200, {}, MBOX + b">From me\n\n")]
    got = [a.raw for a in open_source(server.url).read("")]
    assert got == [b"", b"Subject: x\n\nbody\nFrom me\n"]
    assert [path for path, *_ in server.asked] == ["/list/new.atom", "/list/a%2Fb@x/raw"]
    server.answers = [(200, {}, feed[:-9].encode())]
    with pytest.raises(InfraError, match="is damaged: unclosed token"):
        list(open_source(server.url).read(""))
